/* Whether tables can be trusted, and how they are replaced while other processes read them. */
#include "controller/lmdb/marks.h"
#include "tests/lib/decide_case.h"

#include <dirent.h>
#include <sys/wait.h>

/* ---- can they be trusted? ----------------------------------------------------------------------------- */

static void check_good(const char *boot, const char *why_not)
{
    struct aq_error why = {0};
    bool good = state_is_intact(spec.directory, boot, &why) && state_has_layout(spec.state, &why);
    assert_int_equal(good, why_not == NULL);
    if (why_not != NULL)
        assert_non_null(strstr(why.message, why_not));
    else
        assert_string_equal(why.message, "");
}

static void tables_are_trusted_when_closed_or_in_use_since_this_boot(void **context)
{
    (void)context;
    struct aq_error error = {0};
    state_end(spec.txn);
    spec.txn = NULL;
    check_good("boot-1", "the machine stopped while it was open"); /* never marked */
    test_must(state_mark_open(spec.state, "boot-1", &error), &error);
    check_good("boot-1", NULL); /* a killed process, the same machine */
    check_good("boot-2", "the machine stopped while it was open");
    check_good("boot-10", "the machine stopped while it was open");
    test_must(state_mark_closed(spec.state, &error), &error);
    check_good("boot-2", NULL);
}

/* Replaces every `old` in the file of the tables by `new`, of the same length. */
static void replace_in_tables(const char *old, const char *new)
{
    char path[120];
    snprintf(path, sizeof path, "%s/state/current/data.mdb", spec.directory);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file), places = 0;
    char *bytes = aq_malloc(size);
    rewind(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    for (size_t i = 0; i + strlen(old) <= size; i++)
        if (memcmp(bytes + i, old, strlen(old)) == 0) {
            memcpy(bytes + i, new, strlen(old));
            places++;
        }
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    free(bytes);
    assert_true(places > 0);
}

static void a_table_that_lost_its_name_is_not_replaced_by_an_empty_one(void **context)
{
    (void)context;
    struct aq_error error = {0};
    state_end(spec.txn);
    spec.txn = NULL;
    state_close(spec.state);
    replace_in_tables("applications", "apprications");
    assert_int_equal(state_open(&spec.state, spec.directory, STATE_WRITE, SPEC_MAP_BYTES, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    replace_in_tables("apprications", "applications");
    test_must(state_open(&spec.state, spec.directory, STATE_WRITE, SPEC_MAP_BYTES, &error), &error);
}

/* ---- generations -------------------------------------------------------------------------------------- */

static unsigned count_generations(void)
{
    char path[80];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/state", spec.directory);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] == 'g';
    closedir(directory);
    return count;
}

static void commit_counter(struct state *state, uint64_t value)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_write(state, &txn, &error), &error);
    counter_set(txn, "a", value);
    test_must(state_commit(txn, &error), &error);
}

/* As the controller does before other processes may read the tables. */
static void mark_open(struct state *state)
{
    char boot[LMDB_BOOT_SIZE];
    struct aq_error error = {0};
    test_must(lmdb_boot_id(boot, &error), &error);
    test_must(state_mark_open(state, boot, &error), &error);
}

static void fresh_tables_are_discarded_or_published(void **context)
{
    (void)context;
    struct state *fresh;
    struct aq_error error = {0};
    test_must(state_open_fresh(&fresh, spec.directory, SPEC_MAP_BYTES, &error), &error);
    assert_int_equal(count_generations(), 2);
    state_discard(fresh);
    assert_int_equal(count_generations(), 1);
    test_must(state_open_fresh(&fresh, spec.directory, SPEC_MAP_BYTES, &error), &error);
    commit_counter(fresh, 5);
    state_end(spec.txn);
    spec.txn = NULL;
    test_must(state_publish(fresh, &error), &error);
    assert_int_equal(count_generations(), 1);
    state_close(fresh);
    state_close(spec.state);
    test_must(state_open(&spec.state, spec.directory, STATE_WRITE, SPEC_MAP_BYTES, &error), &error);
    assert_int_equal(spec_committed_counter("a"), 5);
}

static void generations_of_a_killed_process_are_removed(void **context)
{
    (void)context;
    struct state *fresh;
    struct aq_error error = {0};
    test_must(state_open_fresh(&fresh, spec.directory, SPEC_MAP_BYTES, &error), &error);
    state_close(fresh); /* neither published nor discarded */
    assert_int_equal(count_generations(), 2);
    counter_set(spec.txn, "a", 7);
    test_must(state_commit(spec.txn, &error), &error);
    spec.txn = NULL;
    state_close(spec.state);
    test_must(state_open(&spec.state, spec.directory, STATE_WRITE, SPEC_MAP_BYTES, &error), &error);
    assert_int_equal(count_generations(), 1);
    assert_int_equal(spec_committed_counter("a"), 7);
}

/* Another process: reads the counter whenever it is told to; its first snapshot stays open. */
static _Noreturn void read_elsewhere(const char *directory, int from, int to)
{
    struct state *state = NULL;
    struct state_txn *first = NULL, *txn;
    struct aq_error error = {0};
    char go;
    while (read(from, &go, 1) == 1) {
        if (state == NULL && state_open(&state, directory, STATE_READ, 0, &error) != 0)
            _exit(1);
        if (state_read(state, &txn, &error) != 0)
            _exit(2);
        uint64_t seen[2] = {counter_get(txn, "a"), counter_get(first ? first : txn, "a")};
        if (first == NULL)
            first = txn;
        else
            state_end(txn);
        if (write(to, seen, sizeof seen) != sizeof seen)
            _exit(3);
    }
    state_end(first);
    state_close(state);
    _exit(0);
}

static void check_elsewhere(int to, int from, uint64_t now, uint64_t first)
{
    uint64_t seen[2];
    usleep(100000); /* readers check for another generation every 20 ms */
    assert_int_equal(write(to, "g", 1), 1);
    assert_int_equal(read(from, seen, sizeof seen), sizeof seen);
    assert_int_equal(seen[0], now);
    assert_int_equal(seen[1], first);
}

/* A process that reads until `ask` is closed. */
struct elsewhere {
    int ask, answer;
    pid_t pid;
};

static struct elsewhere start_elsewhere(void)
{
    int ask[2], answer[2];
    assert_int_equal(pipe(ask) | pipe(answer), 0);
    state_end(spec.txn);
    spec.txn = NULL;
    mark_open(spec.state);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ask[1]);
        close(answer[0]);
        read_elsewhere(spec.directory, ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    return (struct elsewhere){.ask = ask[1], .answer = answer[0], .pid = child};
}

static void end_elsewhere(struct elsewhere *process)
{
    int status;
    close(process->ask);
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    assert_int_equal(status, 0);
    close(process->answer);
}

static void a_reader_in_another_process_moves_to_the_new_tables(void **context)
{
    (void)context;
    struct state *fresh;
    struct aq_error error = {0};
    struct elsewhere process = start_elsewhere();
    commit_counter(spec.state, 1);
    check_elsewhere(process.ask, process.answer, 1, 1);
    commit_counter(spec.state, 2);
    check_elsewhere(process.ask, process.answer, 2, 1);
    test_must(state_open_fresh(&fresh, spec.directory, SPEC_MAP_BYTES, &error), &error);
    commit_counter(fresh, 3);
    check_elsewhere(process.ask, process.answer, 2, 1); /* not published yet */
    mark_open(fresh);
    test_must(state_publish(fresh, &error), &error);
    check_elsewhere(process.ask, process.answer, 3, 1);
    commit_counter(fresh, 4);
    check_elsewhere(process.ask, process.answer, 4, 1);
    end_elsewhere(&process);
    state_close(fresh);
}

static void also_to_tables_of_the_same_name(void **context)
{
    (void)context;
    char path[80];
    struct state *fresh;
    struct aq_error error = {0};
    struct elsewhere process = start_elsewhere();
    commit_counter(spec.state, 1);
    check_elsewhere(process.ask, process.answer, 1, 1);
    snprintf(path, sizeof path, "%s/state", spec.directory);
    test_remove_tree(path);
    test_must(state_open(&fresh, spec.directory, STATE_WRITE, SPEC_MAP_BYTES, &error), &error);
    commit_counter(fresh, 3);
    check_elsewhere(process.ask, process.answer, 1, 1); /* not marked as intact yet */
    mark_open(fresh);
    check_elsewhere(process.ask, process.answer, 3, 1);
    end_elsewhere(&process);
    state_close(fresh);
}

static struct state_version version_now(struct state *state)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_read(state, &txn, &error), &error);
    struct state_version version = state_version(txn);
    state_end(txn);
    return version;
}

static void a_version_identifies_a_snapshot(void **context)
{
    (void)context;
    struct state *fresh;
    struct aq_error error = {0};
    state_end(spec.txn);
    spec.txn = NULL;
    struct state_version first = version_now(spec.state), again = version_now(spec.state);
    assert_int_equal(first.generation, again.generation);
    assert_int_equal(first.change, again.change);
    commit_counter(spec.state, 1);
    struct state_version later = version_now(spec.state);
    assert_int_equal(later.generation, first.generation);
    assert_int_not_equal(later.change, first.change);
    test_must(state_open_fresh(&fresh, spec.directory, SPEC_MAP_BYTES, &error), &error);
    assert_int_not_equal(version_now(fresh).generation, first.generation);
    state_discard(fresh);
}

static void missing_tables_are_an_error_for_readers(void **context)
{
    (void)context;
    struct state *state;
    struct aq_error error = {0};
    assert_int_equal(state_open(&state, "/nowhere", STATE_READ, 0, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "no tables at /nowhere/state/current"));
}

/* After the machine stopped, the tables may hold anything until the controller has checked them. */
static void other_processes_read_only_tables_that_the_controller_has_checked(void **context)
{
    (void)context;
    char path[100];
    struct state *state;
    struct aq_error error = {0};
    state_end(spec.txn);
    spec.txn = NULL;
    test_must(state_mark_open(spec.state, "another-boot", &error), &error);
    assert_int_equal(state_open(&state, spec.directory, STATE_READ, 0, &error), -1);
    assert_int_equal(error.code, AQ_E_BUSY);
    assert_non_null(
        strstr(error.message,
               "may be damaged: the machine stopped while it was open, and the controller has not checked it since"));
    mark_open(spec.state);
    snprintf(path, sizeof path, "%s/state/current/" LMDB_MARK_DAMAGED, spec.directory);
    FILE *mark = fopen(path, "we");
    fputs("page 7, byte 28672", mark);
    fclose(mark);
    assert_int_equal(state_open(&state, spec.directory, STATE_READ, 0, &error), -1);
    assert_non_null(strstr(error.message, "is damaged: a process crashed on it (page 7, byte 28672)"));
    assert_false(state_is_intact(spec.directory, "another-boot", &error));
    unlink(path);
    test_must(state_mark_closed(spec.state, &error), &error);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(state_open(&state, spec.directory, STATE_READ, 0, &error) == 0 ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(tables_are_trusted_when_closed_or_in_use_since_this_boot),
        SPEC_TEST(a_table_that_lost_its_name_is_not_replaced_by_an_empty_one),
        SPEC_TEST(fresh_tables_are_discarded_or_published),
        SPEC_TEST(generations_of_a_killed_process_are_removed),
        SPEC_TEST(a_reader_in_another_process_moves_to_the_new_tables),
        SPEC_TEST(also_to_tables_of_the_same_name),
        SPEC_TEST(other_processes_read_only_tables_that_the_controller_has_checked),
        SPEC_TEST(a_version_identifies_a_snapshot),
        SPEC_TEST(missing_tables_are_an_error_for_readers),
    };
    return cmocka_run_group_tests_name("state generations", tests, NULL, NULL);
}
