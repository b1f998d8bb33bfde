/* The guard: a process that crashes on a damaged file names the file and the place, and leaves a mark; a crash for
 * another reason is not changed. */
#include "controller/lmdb/address.h"
#include "controller/lmdb/guard.h"
#include "controller/lmdb/marks.h"
#include "tests/lib/cluster.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { PAGE = 4096, PAGES = 8, ROWS = 2000 };

static char directory[64], file[80], words[1024];

static int set_up(void **context)
{
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    snprintf(file, sizeof file, "%s/data.mdb", directory);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    test_remove_tree(directory);
    return 0;
}

/* Runs `crash` in a process of its own under the guard. Returns the signal that ends it, and fills `words` with what it
 * writes to standard error. */
static int signal_of(void (*crash)(void))
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        const int signals[] = {SIGSEGV, SIGBUS, SIGABRT}; /* cmocka and sanitizers have handlers of their own */
        for (size_t i = 0; i < AQ_LENGTH(signals); i++)
            signal(signals[i], SIG_DFL);
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        lmdb_guard_signals("test");
        alarm(20);
        crash();
        _exit(0);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], words, sizeof words - 1);
    words[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check_mark(const char *wanted)
{
    struct aq_error error = {0};
    char expected[512];
    assert_int_equal(lmdb_mark_check_damaged(directory, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    snprintf(expected, sizeof expected, "%s is damaged: a process crashed on it (%s", file, wanted);
    assert_true(strncmp(error.message, expected, strlen(expected)) == 0);
    lmdb_mark_clear_damaged(directory);
    error = (struct aq_error){0};
    test_must(lmdb_mark_check_damaged(directory, &error), &error);
}

/* ---- other crashes -------------------------------------------------------------------------------------- */

static void read_null_member(void)
{
    volatile uintptr_t nowhere = 8; /* like a member of a NULL struct */
    (void)*(volatile const char *)nowhere;
}

static void send_signal(void)
{
    raise(SIGSEGV);
}

static void read_another_file(void)
{
    char path[80];
    snprintf(path, sizeof path, "%s/other.mdb", directory);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    (void)*(volatile const char *)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0); /* it is empty */
}

static void other_crashes_are_not_changed(void **context)
{
    (void)context;
    struct aq_error error = {0};
    assert_int_equal(signal_of(read_null_member), SIGSEGV);
    assert_string_equal(words, "");
    assert_int_equal(signal_of(send_signal), SIGSEGV);
    assert_string_equal(words, "");
    assert_int_equal(signal_of(read_another_file), SIGBUS);
    assert_string_equal(words, "");
    test_must(lmdb_mark_check_damaged(directory, &error), &error);
}

/* ---- missing pages -------------------------------------------------------------------------------------- */

static const char *map_pages(int protection)
{
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
    const char *map = mmap(NULL, PAGES * PAGE, protection, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
    close(fd);
    return map;
}

static void read_after_the_end(void)
{
    (void)*(volatile const char *)(map_pages(PROT_READ) + 5 * PAGE + 7);
}

static void read_what_is_closed(void)
{
    (void)*(volatile const char *)(map_pages(PROT_NONE) + PAGE + 9);
}

static void a_page_that_cannot_be_read_is_named(void **context)
{
    (void)context;
    char expected[512];
    assert_int_equal(signal_of(read_after_the_end), SIGBUS);
    snprintf(
        expected, sizeof expected,
        "test: exiting: %s is damaged: page 5, byte 20487: the disk returned no data for it; the controller will check "
        "the file at its next start\n",
        file);
    assert_string_equal(words, expected);
    check_mark("page 5, byte 20487: the disk returned no data for it)");
    assert_int_equal(signal_of(read_what_is_closed), SIGSEGV);
    assert_non_null(strstr(words, "page 1, byte 4105: LMDB made an invalid access;"));
    check_mark("page 1, byte 4105");
}

static void a_place_in_memory_is_one_in_the_file(void **context)
{
    (void)context;
    char place[LMDB_PLACE_SIZE], expected[LMDB_PLACE_SIZE];
    const char *map = map_pages(PROT_READ);
    lmdb_address_show(map + PAGE + 100, place);
    snprintf(expected, sizeof expected, "%s is damaged: page 1, byte 4196", file);
    assert_string_equal(place, expected);
    lmdb_address_show(&place, place);
    assert_string_equal(place, "there is damage");
    munmap((void *)(uintptr_t)map, PAGES * PAGE);
}

/* ---- LMDB gives up -------------------------------------------------------------------------------------- */

static MDB_env *open_environment(MDB_dbi *table)
{
    MDB_env *env;
    MDB_txn *txn;
    assert_int_equal(mdb_env_create(&env), 0);
    lmdb_guard_env(env);
    assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
    assert_int_equal(mdb_env_open(env, directory, MDB_NOTLS, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "rows", MDB_CREATE, table), 0);
    for (int i = 0; i < ROWS; i++) {
        MDB_val key = {sizeof i, &i}, value = {100, words};
        assert_int_equal(mdb_put(txn, *table, &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    return env;
}

/* Makes each branch page claim that it has only one node. */
static void empty_branches(void)
{
    const uint16_t lower = 18;
    unsigned char head[16];
    struct stat status;
    int fd = open(file, O_RDWR);
    assert_int_equal(fstat(fd, &status), 0);
    for (off_t at = 2 * PAGE; at < status.st_size; at += PAGE)
        if (pread(fd, head, sizeof head, at) == sizeof head && head[10] == 1 && head[11] == 0)
            assert_int_equal(pwrite(fd, &lower, sizeof lower, at + 12), sizeof lower);
    close(fd);
}

static void read_damaged_branches(void)
{
    MDB_dbi table;
    MDB_txn *txn;
    int number = 7;
    MDB_val key = {sizeof number, &number}, value;
    MDB_env *env = open_environment(&table);
    empty_branches();
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    mdb_get(txn, table, &key, &value);
}

static void what_lmdb_finds_inconsistent_is_named(void **context)
{
    (void)context;
    assert_int_equal(signal_of(read_damaged_branches), SIGABRT);
    assert_non_null(strstr(words, "/data.mdb is damaged: page "));
    assert_non_null(strstr(words, ": has 1 nodes: "));
    assert_non_null(strstr(words, "NUMKEYS(mp) > 1' failed"));
    check_mark("page ");
}

#define GUARD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GUARD_TEST(other_crashes_are_not_changed),
        GUARD_TEST(a_page_that_cannot_be_read_is_named),
        GUARD_TEST(a_place_in_memory_is_one_in_the_file),
        GUARD_TEST(what_lmdb_finds_inconsistent_is_named),
    };
    return cmocka_run_group_tests_name("lmdb guard", tests, NULL, NULL);
}
