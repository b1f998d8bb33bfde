/* The check of the pages of an LMDB file: it accepts whatever LMDB has written, names the place of a flipped bit, and
 * never reads out of bounds, whatever the file holds. */
#include "controller/lmdb/file.h"
#include "controller/lmdb/pages.h"
#include "tests/lib/chance.h"
#include "tests/lib/cluster.h"

#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TABLES = 3,
    ROUNDS = 200,
    LOOKS = 500,
    LEAVES = 20,
    ROUNDS_GROWING = 20,
    CHANGES = 60,
    KEYS = 3000,
    ROW_MOST = 20000,
    FLIPS = 4000,
    CHANGES_AT_ONCE_MOST = 16
};

static struct {
    char directory[64], file[80];
    struct lmdb_file lmdb;
    MDB_dbi tables[TABLES];
    unsigned char *bytes; /* of the file */
    size_t size;
} pages;

static int set_up(void **context)
{
    (void)context;
    memset(&pages, 0, sizeof pages);
    test_make_directory(pages.directory, sizeof pages.directory, "/tmp", "aquarium-test");
    snprintf(pages.file, sizeof pages.file, "%s/data.mdb", pages.directory);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    free(pages.bytes);
    test_remove_tree(pages.directory);
    return 0;
}

/* ---- what LMDB writes ------------------------------------------------------------------------------------- */

static void open_environment(void)
{
    MDB_txn *txn;
    struct aq_error error = {0};
    struct lmdb_options options = {
        .directory = pages.directory, .flags = MDB_NOSYNC, .tables_max = TABLES, .map_bytes = 256 << 20};
    test_must(lmdb_file_open(&pages.lmdb, &options, &error), &error);
    assert_int_equal(mdb_txn_begin(pages.lmdb.env, NULL, 0, &txn), 0);
    for (int i = 0; i < TABLES; i++) {
        char name[16];
        snprintf(name, sizeof name, "table-%d", i);
        assert_int_equal(mdb_dbi_open(txn, name, MDB_CREATE, &pages.tables[i]), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
}

/* Puts or deletes a row: keys of several lengths, rows of all sizes. */
static void change(MDB_txn *txn, bool shrink)
{
    static char row[ROW_MOST];
    char name[64];
    uint64_t number = draw(KEYS);
    snprintf(name, sizeof name, number % 3 ? "%05d" : "a-much-longer-key-that-takes-more-room-%05d", (int)number);
    MDB_dbi table = pages.tables[draw(TABLES)];
    MDB_val key = {strlen(name), name}, value = {draw(4) ? draw(300) : draw(ROW_MOST), row};
    int code = draw(4) >= (shrink ? 1 : 3) ? mdb_del(txn, table, &key, NULL) : mdb_put(txn, table, &key, &value, 0);
    assert_true(code == 0 || code == MDB_NOTFOUND);
}

static void one_round(int round)
{
    MDB_txn *txn, *inner;
    assert_int_equal(mdb_txn_begin(pages.lmdb.env, NULL, 0, &txn), 0);
    if (round % 50 == 49)
        assert_int_equal(mdb_drop(txn, pages.tables[draw(TABLES)], 0), 0);
    for (int i = 0; i < CHANGES; i++)
        change(txn, round / 20 % 2);
    assert_int_equal(mdb_txn_begin(pages.lmdb.env, txn, 0, &inner), 0);
    for (int i = 0; i < CHANGES / 4; i++)
        change(inner, round / 20 % 2);
    if (round % 2)
        mdb_txn_abort(inner);
    else
        assert_int_equal(mdb_txn_commit(inner), 0);
    if (round % 7 == 6)
        mdb_txn_abort(txn);
    else
        assert_int_equal(mdb_txn_commit(txn), 0);
}

/* Leaves the environment open. */
static void write_all(int rounds, bool check)
{
    struct aq_error error = {0};
    MDB_txn *old = NULL;
    open_environment();
    for (int round = 0; round < rounds; round++) {
        if (round % 10 == 3) { /* a snapshot keeps pages from being reused */
            if (old != NULL)
                mdb_txn_abort(old);
            assert_int_equal(mdb_txn_begin(pages.lmdb.env, NULL, MDB_RDONLY, &old), 0);
        }
        one_round(round);
        if (check)
            test_must(lmdb_pages_check(pages.directory, LMDB_PAGES_ALL, &error), &error);
    }
    mdb_txn_abort(old);
}

static void what_lmdb_wrote_is_intact(void **context)
{
    (void)context;
    struct aq_error error = {0};
    test_must(lmdb_pages_check(pages.directory, LMDB_PAGES_ALL, &error), &error); /* nothing yet */
    for (uint64_t seed = 1; seed < 4; seed++) {
        draw_from(seed);
        write_all(ROUNDS, true);
        lmdb_file_close(&pages.lmdb);
        test_must(lmdb_pages_check(pages.directory, LMDB_PAGES_ALL, &error), &error);
    }
}

/* ---- while it is written to ----------------------------------------------------------------------------- */

static void *keep_writing(void *stop)
{
    for (int round = 0; !atomic_load((atomic_bool *)stop); round++)
        one_round(round);
    return NULL;
}

static void a_file_is_intact_at_any_moment_while_it_is_written(void **context)
{
    (void)context;
    pthread_t thread;
    atomic_bool stop = false;
    struct aq_error error = {0};
    open_environment();
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &stop), 0);
    for (int i = 0; i < LOOKS; i++)
        test_must(lmdb_file_check(&pages.lmdb, &error), &error);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    lmdb_file_close(&pages.lmdb);
}

/* ---- damage --------------------------------------------------------------------------------------------- */

static void given_a_file(void)
{
    struct stat status;
    draw_from(7);
    write_all(ROUNDS_GROWING, false);
    lmdb_file_close(&pages.lmdb);
    int fd = open(pages.file, O_RDONLY);
    assert_int_equal(fstat(fd, &status), 0);
    pages.size = (size_t)status.st_size;
    pages.bytes = aq_malloc(pages.size);
    assert_int_equal(read(fd, pages.bytes, pages.size), status.st_size);
    close(fd);
}

static void put_bytes(size_t at, const void *bytes, size_t length)
{
    int fd = open(pages.file, O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, length, (off_t)at), (ssize_t)length);
    close(fd);
}

/* Returns 1 if damage was found and named. */
static unsigned check_leaves(uint64_t leaves)
{
    struct aq_error error = {0};
    if (lmdb_pages_check(pages.directory, leaves, &error) == 0)
        return 0;
    assert_int_equal(error.code, AQ_E_CORRUPT);
    assert_non_null(strstr(error.message, "/data.mdb is damaged: page "));
    assert_non_null(strstr(error.message, ", byte "));
    return 1;
}

static unsigned check_all(void)
{
    return check_leaves(LMDB_PAGES_ALL);
}

static void a_flipped_bit_is_named_with_its_place(void **context)
{
    (void)context;
    uint64_t root;
    struct aq_error error = {0};
    char expected[256];
    given_a_file();
    unsigned newer =
        memcmp(pages.bytes + 144, pages.bytes + 4096 + 144, 8) < 0; /* their transactions have small numbers */
    memcpy(&root, pages.bytes + newer * 4096 + 16 + 112, sizeof root);
    unsigned char flags = pages.bytes[root * 4096 + 10] ^ 0x10;
    put_bytes(root * 4096 + 10, &flags, 1);
    assert_int_equal(lmdb_pages_check(pages.directory, LMDB_PAGES_ALL, &error), -1);
    snprintf(expected, sizeof expected, "%s is damaged: page %llu, byte %llu: has flags 0x12 instead of 0x2",
             pages.file, (unsigned long long)root, (unsigned long long)root * 4096 + 10);
    assert_string_equal(error.message, expected);
}

static void a_truncated_file_is_damaged(void **context)
{
    (void)context;
    given_a_file();
    for (size_t size = pages.size - 4096; size > 8192; size /= 2) {
        assert_int_equal(truncate(pages.file, (off_t)size), 0);
        assert_int_equal(check_all(), 1);
    }
    assert_int_equal(truncate(pages.file, 1), 0);
    assert_int_equal(check_all(), 1);
}

/* Flips one bit at a time: in heads of pages, and anywhere. */
static void whichever_bit_is_flipped_the_check_ends(void **context)
{
    (void)context;
    unsigned in_heads = 0, anywhere = 0;
    given_a_file();
    for (int i = 0; i < FLIPS; i++) {
        size_t at = draw(pages.size / 4096) * 4096 + draw(i % 2 ? 16 : 4096);
        unsigned char turned = (unsigned char)(pages.bytes[at] ^ 1u << draw(8));
        put_bytes(at, &turned, 1);
        *(i % 2 ? &in_heads : &anywhere) += check_all();
        put_bytes(at, pages.bytes + at, 1);
    }
    printf("# found %u of %d in heads of pages, %u anywhere\n", in_heads, FLIPS / 2, anywhere);
    assert_true(in_heads > FLIPS / 10); /* the others are in free pages or inside large rows */
    assert_int_equal(check_all(), 0);
}

/* Of a long log, a start reads only the newest leaves, and all pages that lead to them. */
static void with_a_limit_the_last_leaves_are_read(void **context)
{
    (void)context;
    unsigned all = 0, some = 0, none = 0;
    given_a_file();
    assert_int_equal(check_leaves(LEAVES), 0);
    assert_int_equal(check_leaves(0), 0);
    for (size_t page = 2; page < pages.size / 4096; page++) {
        unsigned char turned = pages.bytes[page * 4096 + 10] ^ 64;
        put_bytes(page * 4096 + 10, &turned, 1);
        unsigned found = check_all(), of_some = check_leaves(LEAVES), of_none = check_leaves(0);
        assert_true(found >= of_some && of_some >= of_none);
        all += found;
        some += of_some;
        none += of_none;
        put_bytes(page * 4096 + 10, pages.bytes + page * 4096 + 10, 1);
    }
    printf("# all %u, some %u, none %u\n", all, some, none);
    assert_true(some > none && none > 0); /* branches, and the pages that describe the tables */
    assert_true(all > some + LEAVES);
}

/* Several changes at once, which may be consistent by chance, and heads of other pages. */
static void nonsense_never_leads_out_of_bounds(void **context)
{
    (void)context;
    given_a_file();
    for (int i = 0; i < FLIPS; i++) {
        unsigned char changed[CHANGES_AT_ONCE_MOST];
        size_t at[CHANGES_AT_ONCE_MOST], count = 1 + draw(CHANGES_AT_ONCE_MOST / 2);
        for (size_t k = 0; k < count; k++) {
            at[k] = draw(pages.size / 4096) * 4096 + (draw(2) ? draw(16) : draw(4096 - CHANGES_AT_ONCE_MOST));
            size_t length = 1 + draw(CHANGES_AT_ONCE_MOST - 1);
            for (size_t byte = 0; byte < length; byte++)
                changed[byte] = (unsigned char)(draw(3) ? draw(256) : draw(2) * 255);
            if (draw(4) == 0)
                memcpy(changed, pages.bytes + draw(pages.size / 4096) * 4096, length);
            put_bytes(at[k], changed, length);
        }
        (void)check_all();
        for (size_t k = 0; k < count; k++)
            put_bytes(at[k], pages.bytes + at[k], CHANGES_AT_ONCE_MOST);
    }
    assert_int_equal(check_all(), 0);
}

#define PAGES_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAGES_TEST(what_lmdb_wrote_is_intact),
        PAGES_TEST(a_file_is_intact_at_any_moment_while_it_is_written),
        PAGES_TEST(a_flipped_bit_is_named_with_its_place),
        PAGES_TEST(a_truncated_file_is_damaged),
        PAGES_TEST(whichever_bit_is_flipped_the_check_ends),
        PAGES_TEST(with_a_limit_the_last_leaves_are_read),
        PAGES_TEST(nonsense_never_leads_out_of_bounds),
    };
    return cmocka_run_group_tests_name("lmdb pages", tests, NULL, NULL);
}
