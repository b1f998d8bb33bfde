/* Damaged pages of the tables. At rest: the tables are rebuilt. In use: the process that reads the page names the place
 * and leaves a mark, and the next start rebuilds the tables. */
#include "controller/lmdb/marks.h"
#include "controller/log/replay.h"
#include "schema/model/label.h"
#include "tests/lib/chance.h"
#include "tests/lib/cluster.h"
#include "tests/lib/turned_bits.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLIPS = 400, LABELS = 150, TEXT_SIZE = 9000 };

static struct test_cluster cluster;

/* Labels with long metadata, some on pages of their own. Closes the tables properly. */
static int set_up(void **context)
{
    (void)context;
    static char text[TEXT_SIZE], metadata[TEXT_SIZE + 16];
    test_cluster_new(&cluster);
    test_cluster_start(&cluster);
    for (int i = 0; i < LABELS; i++) {
        char name[16];
        struct aq_error error = {0};
        struct aq_definition definition = {.driver = "test", .options = "{}"};
        struct aq_label_create label = {
            .name = name, .definitions = {&definition, 1}, .metadata = metadata, .project = ""};
        snprintf(name, sizeof name, "label-%d", i);
        memset(text, 'x', sizeof text);
        text[i % 20 == 0 ? TEXT_SIZE - 1 : 100 + i] = '\0';
        snprintf(metadata, sizeof metadata, "{\"x\":\"%s\"}", text);
        test_must(test_ask(&cluster, &aq_command_label_create, &label, "aquarium", NULL, &error) == 0, &error);
    }
    test_cluster_close(&cluster);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    aq_arena_free(&cluster.arena);
    test_remove_tree(cluster.directory);
    return 0;
}

static void path_of(char path[128], const char *name)
{
    snprintf(path, 128, "%s/state/current/%s", cluster.directory, name);
}

static void turn(struct turned_bit bit)
{
    char path[128];
    path_of(path, "data.mdb");
    flip_bit(path, bit.offset, bit.bit);
}

static off_t file_size(void)
{
    char path[128];
    struct stat status;
    path_of(path, "data.mdb");
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

/* ---- reading all of it ---------------------------------------------------------------------------------------- */

static bool count_row(void *context, const struct state_key *key, const void *object)
{
    (void)key;
    (void)object;
    ++*(unsigned *)context;
    return true;
}

static int read_rows(struct state *state, unsigned *rows, struct aq_error *error)
{
    struct state_txn *txn;
    unsigned char digest[32];
    uint64_t all;
    const struct aq_entity *entity;
    if (state_read(state, &txn, error) != 0)
        return -1;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        state_scan(txn, entity, NULL, count_row, rows);
    int status = state_failed(txn, error) ? -1 : state_digest(txn, digest, &all, error);
    state_end(txn);
    return status;
}

enum outcome { READ, FAILED, NOT_WHOLE, NAMED, ENDED, OUTCOMES };

struct turned {
    struct turned_bit bit;
    bool in_use; /* the bit flips while the tables are open */
};

static void read_turned(const void *context)
{
    const struct turned *turned = context;
    char boot[LMDB_BOOT_SIZE];
    struct aq_error error = {0};
    struct state *state;
    unsigned rows = 0;
    if (lmdb_boot_id(boot, &error) != 0 || !state_is_intact(cluster.directory, boot, &error)) {
        fprintf(stderr, "%s\n", error.message);
        _exit(NOT_WHOLE);
    }
    if (state_open(&state, cluster.directory, STATE_READ, 0, &error) != 0)
        _exit(FAILED);
    if (turned->in_use)
        turn(turned->bit);
    _exit(read_rows(state, &rows, &error) == 0 ? READ : FAILED);
}

static bool names_a_place(const char *words)
{
    return strstr(words, "/data.mdb is damaged: page ") != NULL && strstr(words, ", byte ") != NULL;
}

static enum outcome read_in_child(const struct turned *turned, char words[LAST_WORDS_SIZE])
{
    int status = run_reader(read_turned, turned, words);
    if (WIFEXITED(status) && WEXITSTATUS(status) <= FAILED)
        return (enum outcome)WEXITSTATUS(status);
    if (!names_a_place(words))
        return ENDED;
    return WIFSIGNALED(status) ? NAMED : NOT_WHOLE;
}

/* The process that crashed left a mark: the tables are not opened until they are rebuilt. */
static void check_mark(void)
{
    char path[128];
    struct aq_error why = {0};
    assert_false(state_is_intact(cluster.directory, "any", &why));
    assert_non_null(strstr(why.message, "is damaged: a process crashed on it (page "));
    path_of(path, LMDB_MARK_DAMAGED);
    assert_int_equal(unlink(path), 0);
}

static void turn_bits(unsigned within, bool in_use, unsigned outcomes[OUTCOMES])
{
    char words[LAST_WORDS_SIZE];
    struct chance chance = {within};
    uint64_t pages = (uint64_t)file_size() / TURNED_PAGE;
    for (int i = 0; i < FLIPS; i++) {
        struct turned turned = {draw_bit(&chance, pages, within), in_use};
        if (!in_use)
            turn(turned.bit);
        enum outcome outcome = read_in_child(&turned, words);
        turn(turned.bit);
        outcomes[outcome]++;
        if (outcome == ENDED)
            printf("# bit %u at %ld of page %ld: %s\n", turned.bit.bit, (long)turned.bit.offset % TURNED_PAGE,
                   (long)turned.bit.offset / TURNED_PAGE, words);
        if (outcome == NAMED)
            check_mark();
    }
}

static void check_outcomes(bool in_use)
{
    unsigned outcomes[OUTCOMES] = {0};
    turn_bits(TURNED_PAGE, in_use, outcomes);
    turn_bits(TURNED_HEAD, in_use, outcomes);
    printf("# read %u, failed %u, not whole %u, ended with a name %u, without %u\n", outcomes[READ], outcomes[FAILED],
           outcomes[NOT_WHOLE], outcomes[NAMED], outcomes[ENDED]);
    assert_int_equal(outcomes[ENDED], 0);
    assert_int_equal(in_use ? outcomes[NOT_WHOLE] : outcomes[NAMED], 0);
    assert_true(outcomes[in_use ? NAMED : NOT_WHOLE] > 0);
}

static void pages_that_are_damaged_at_rest_are_not_read(void **context)
{
    (void)context;
    check_outcomes(false);
}

static void pages_that_are_damaged_in_use_are_named_by_the_process_that_crashes(void **context)
{
    (void)context;
    check_outcomes(true);
}

/* ---- a start -------------------------------------------------------------------------------------------------- */

/* Starts, counts the rows, and closes properly. `name` gets the generation of the tables. */
static unsigned start_and_count(char name[64])
{
    char path[128];
    struct aq_error error = {0};
    unsigned rows = 0;
    test_cluster_open(&cluster, false);
    test_cluster_start(&cluster); /* only now the last entry is known to be committed */
    test_must(read_rows(cluster.state, &rows, &error), &error);
    test_cluster_close(&cluster);
    snprintf(path, sizeof path, "%s/state/current", cluster.directory);
    ssize_t length = readlink(path, name, 63);
    assert_true(length > 0);
    name[length] = '\0';
    return rows;
}

static void a_start_opens_intact_tables_and_rebuilds_damaged_ones(void **context)
{
    (void)context;
    char first[64], second[64], third[64], path[128];
    unsigned rows = start_and_count(first);
    assert_true(rows >= LABELS);
    assert_int_equal(start_and_count(second), rows);
    assert_string_equal(second, first);

    for (off_t page = 2; page * TURNED_PAGE < file_size(); page++) /* some of them are in use */
        turn((struct turned_bit){page * TURNED_PAGE + 10, 4});
    assert_int_equal(start_and_count(second), rows);
    assert_string_not_equal(second, first);

    path_of(path, LMDB_MARK_DAMAGED);
    FILE *mark = fopen(path, "we");
    fputs("page 7, byte 28672", mark);
    fclose(mark);
    assert_int_equal(start_and_count(third), rows);
    assert_string_not_equal(third, second);
    assert_int_equal(access(path, F_OK), -1);
}

#define DAMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DAMAGE_TEST(pages_that_are_damaged_at_rest_are_not_read),
        DAMAGE_TEST(pages_that_are_damaged_in_use_are_named_by_the_process_that_crashes),
        DAMAGE_TEST(a_start_opens_intact_tables_and_rebuilds_damaged_ones),
    };
    return cmocka_run_group_tests_name("state damage", tests, NULL, NULL);
}
