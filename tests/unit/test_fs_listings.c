/* Listings: given these tables, then these entries in the kernel's format, in pieces of any size; made once for each
 * snapshot and caller, and kept for a moment. */
#include "controller/state/indexes.h"
#include "fs/tree/listings.h"
#include "fs/tree/outputs.h"
#include "schema/model/resource.h"
#include "tests/lib/cluster.h"

#include <dirent.h>
#include <linux/fuse.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { ROWS = 300, ROWS_TOO_MANY_TO_KEEP = 70000, MAP_BYTES = 128 << 20 };

static char directory[64];
static struct look_sources sources;
static struct listings *listings;
static struct look look;
static struct tree_node table;

/* ---- given -------------------------------------------------------------------------------------------- */

static void store_rows(uint64_t first, uint64_t last, const char *user)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    struct aq_resource row = {.id = first,
                              .user = user,
                              .user_number = 1,
                              .node = "n",
                              .driver = "test",
                              .identifier = "",
                              .ip_addr = "",
                              .hw_addr = "",
                              .metadata = "{}"};
    test_must(state_write(sources.state, &txn, &error), &error);
    for (; row.id <= last; row.id++) {
        struct state_key key = state_key_number(row.id);
        struct state_key owned = state_key_number(row.user_number);
        state_store(txn, aq_entity_find("resource"), &key, &row);
        state_key_add_number(&owned, row.id);
        index_put(txn, INDEX_RESOURCE_USER, &owned, "", 0);
    }
    test_must(state_commit(txn, &error), &error);
}

static void store_user(const char *name)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    const struct aq_user row = {.name = name, .number = 2, .uid = 1, .created_by = ""};
    struct state_key key = state_key_name(name);
    test_must(state_write(sources.state, &txn, &error), &error);
    state_store(txn, aq_entity_find("user"), &key, &row);
    struct state_key uid = {0};
    state_key_add_number(&uid, row.uid);
    index_put(txn, INDEX_USER_UID, &uid, name, strlen(name));
    test_must(state_commit(txn, &error), &error);
}

static int set_up(void **context)
{
    struct aq_error error = {0};
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    sources = (struct look_sources){0};
    listings = listings_open();
    test_must(state_open(&sources.state, directory, STATE_WRITE, MAP_BYTES, &error), &error);
    test_must(live_open(&sources.live, directory, STATE_WRITE, &error), &error);
    sources.outputs = outputs_open(sources.live);
    store_user("daemon");
    store_rows(1, ROWS, "admin");
    table = tree_node(TREE_TABLE, aq_entity_find("resource"), "");
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    listings_close(listings);
    outputs_close(sources.outputs);
    aq_arena_free(&sources.arena);
    live_close(sources.live);
    state_close(sources.state);
    test_remove_tree(directory);
    return 0;
}

/* ---- when --------------------------------------------------------------------------------------------- */

static struct listing *take(uid_t uid, const struct tree_node *node)
{
    struct aq_error error = {0};
    test_must(look_begin(&look, &sources, uid, &error), &error);
    struct listing *listing = listings_take(listings, &look, node, 77, &error);
    look_end(&look);
    assert_non_null(listing);
    return listing;
}

static void give_back(struct listing *listing, uint64_t now_ms)
{
    listings_give_back(listings, listing, now_ms);
}

/* ---- then --------------------------------------------------------------------------------------------- */

/* Reads the listing in pieces of `size`, as the kernel does: it holds rows 1 to `rows`, once each. */
static void holds_rows(const struct listing *listing, size_t size, uint64_t rows)
{
    uint64_t place = 0, count = 0;
    const char *data;
    size_t length;
    for (;;) {
        listing_read(listing, place, size, &data, &length);
        assert_true(length <= size);
        if (length == 0)
            break;
        for (size_t at = 0; at < length; count++) {
            struct fuse_dirent head;
            char name[80] = "", expected[32];
            memcpy(&head, data + at, FUSE_NAME_OFFSET);
            assert_true(head.namelen > 0 && head.namelen < sizeof name);
            memcpy(name, data + at + FUSE_NAME_OFFSET, head.namelen);
            snprintf(expected, sizeof expected, "%d", (int)count - 1);
            assert_string_equal(name, count == 0 ? "." : count == 1 ? ".." : expected);
            struct tree_node node = tree_node(TREE_ROW, table.entity, name);
            assert_int_equal(head.ino, count < 2 ? 77 : tree_node_hash(&node));
            assert_int_equal(head.type, DT_DIR);
            place = head.off;
            assert_int_equal(place, count + 1);
            at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + head.namelen);
        }
    }
    assert_int_equal(count, rows + 2);
}

static void it_is_read_in_pieces_of_any_size(void **context)
{
    (void)context;
    static const size_t sizes[] = {32, 33, 100, 4096, 32768, 1 << 20, SIZE_MAX};
    const char *data;
    size_t length;
    struct listing *listing = take(0, &table);
    for (size_t i = 0; i < AQ_LENGTH(sizes); i++)
        holds_rows(listing, sizes[i], ROWS);
    listing_read(listing, 0, 31, &data, &length); /* too little for one entry */
    assert_int_equal(length, 0);
    listing_read(listing, ROWS + 2, 4096, &data, &length);
    assert_int_equal(length, 0);
    listing_read(listing, UINT64_MAX, 4096, &data, &length); /* any place is fine */
    assert_int_equal(length, 0);
    give_back(listing, 0);
}

static void one_is_shared_until_the_tables_change(void **context)
{
    (void)context;
    struct listing *first = take(0, &table), *again = take(0, &table);
    assert_ptr_equal(first, again);
    store_rows(ROWS + 1, ROWS + 1, "admin");
    struct listing *later = take(0, &table);
    assert_ptr_not_equal(first, later);
    holds_rows(first, 4096, ROWS); /* as when it was opened */
    holds_rows(later, 4096, ROWS + 1);
    give_back(first, 0);
    holds_rows(again, 4096, ROWS);
    give_back(again, 0);
    assert_int_equal(listings_kept(listings), 0); /* it is of an older snapshot */
    assert_ptr_equal(later, take(0, &table));
    give_back(later, 0);
    give_back(later, 0);
}

static void each_caller_has_its_own(void **context)
{
    (void)context;
    struct listing *mine = take(0, &table), *others = take(1, &table), *unknown = take(65534, &table);
    holds_rows(mine, 4096, ROWS);
    holds_rows(others, 4096, 0);
    holds_rows(unknown, 4096, 0);
    assert_ptr_not_equal(others, unknown);
    assert_ptr_equal(others, take(1, &table));
    give_back(others, 0);
    give_back(others, 0);
    give_back(unknown, 0);
    give_back(mine, 0);
}

static void other_directories_are_not_shared(void **context)
{
    (void)context;
    const struct tree_node row = tree_node(TREE_ROW, table.entity, "1");
    struct listing *first = take(0, &row), *again = take(0, &row);
    assert_ptr_not_equal(first, again);
    give_back(first, 0);
    give_back(again, 0);
    assert_int_equal(listings_kept(listings), 0);
}

static void a_listing_that_is_not_open_is_kept_for_a_moment(void **context)
{
    (void)context;
    struct listing *listing = take(0, &table);
    size_t bytes = listing_bytes(listing);
    give_back(listing, 1000);
    assert_int_equal(listings_kept(listings), bytes);
    listings_work(listings, 1000 + LISTINGS_KEPT_MS - 1);
    assert_int_equal(listings_kept(listings), bytes);
    assert_ptr_equal(take(0, &table), listing);
    assert_int_equal(listings_kept(listings), 0);
    listings_work(listings, UINT64_MAX); /* it is open */
    holds_rows(listing, 4096, ROWS);
    give_back(listing, 5000);
    listings_work(listings, 5000 + LISTINGS_KEPT_MS);
    assert_int_equal(listings_kept(listings), 0);
}

static void large_ones_are_not_kept(void **context)
{
    (void)context;
    store_rows(ROWS + 1, ROWS_TOO_MANY_TO_KEEP, "admin");
    struct listing *listing = take(0, &table);
    assert_true(listing_bytes(listing) > LISTINGS_KEPT_BYTES_MAX);
    holds_rows(listing, 32768, ROWS_TOO_MANY_TO_KEEP);
    give_back(listing, 0);
    assert_int_equal(listings_kept(listings), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_read_in_pieces_of_any_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_is_shared_until_the_tables_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_caller_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_directories_are_not_shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listing_that_is_not_open_is_kept_for_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_ones_are_not_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("file view listings", tests, NULL, NULL);
}
