/* What roles and tokens permit is compiled once, and never told of another state of the tables than the one asked. */
#include "controller/state/rights.h"
#include "schema/model/role.h"
#include "schema/model/token.h"
#include "schema/model/user.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

enum { MAP_BYTES = 64 << 20 };

static char directory[64];
static struct state *state;
static struct aq_arena arena;

#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        (void *)(const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                  \
    }

static void store_role(struct state_txn *txn, const char *pattern)
{
    const struct state_key key = state_key_name("some");
    const struct aq_role role = {.name = "some", .may = LIST(pattern), .description = "", .created_by = ""};
    state_store(txn, &aq_entity_role, &key, &role);
}

static struct state_txn *begin(bool writes)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(writes ? state_write(state, &txn, &error) : state_read(state, &txn, &error), &error);
    return txn;
}

static int set_up(void **context)
{
    struct aq_error error = {0};
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aq-rights");
    test_must(state_open(&state, directory, STATE_WRITE, MAP_BYTES, &error), &error);
    struct state_txn *txn = begin(true);
    store_role(txn, "label.read");
    test_must(state_commit(txn, &error), &error);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    state_close(state);
    aq_arena_free(&arena);
    test_remove_tree(directory);
    return 0;
}

static bool permits(struct state_txn *txn, const char *permission)
{
    const struct aq_rights rights = rights_of_role(txn, "some");
    return aq_rights_scope(&rights, aq_permission_named(permission)) == AQ_SCOPE_ALL;
}

static void a_change_that_is_undone_was_never_there(void **context)
{
    (void)context;
    struct state_txn *txn = begin(false);
    assert_true(permits(txn, "label.read") && !permits(txn, "label.list"));
    state_end(txn);
    for (int round = 0; round < 2; round++) {
        txn = begin(true);
        assert_true(permits(txn, "label.read"));
        store_role(txn, "label.list");
        assert_true(permits(txn, "label.list") && !permits(txn, "label.read"));
        struct state_txn *before = begin(false); /* a snapshot beside it */
        assert_true(permits(before, "label.read") && !permits(before, "label.list"));
        state_end(before);
        assert_true(permits(txn, "label.list"));
        state_end(txn); /* undone */
    }
    txn = begin(false);
    assert_true(permits(txn, "label.read") && !permits(txn, "label.list"));
    state_end(txn);
}

static void a_change_holds_for_the_next_who_asks(void **context)
{
    struct aq_error error = {0};
    (void)context;
    struct state_txn *txn = begin(true);
    store_role(txn, "label.list");
    test_must(state_commit(txn, &error), &error);
    txn = begin(false);
    assert_true(permits(txn, "label.list") && !permits(txn, "label.read"));
    state_end(txn);
    txn = begin(true);
    const struct state_key key = state_key_name("some");
    state_remove(txn, &aq_entity_role, &key);
    assert_false(permits(txn, "label.list"));
    state_end(txn);
}

/* The same number, as after a batch that was undone; and more patterns that begin as others do. */
static void a_token_permits_what_its_patterns_say(void **context)
{
    const struct aq_user user = {.name = "ann", .number = 7, .role = AQ_ROLE_ADMIN};
    const struct aq_permission *read = aq_permission_named("label.read"), *create = aq_permission_named("label.create");
    const struct aq_list cases[] = {LIST("label.read"),
                                    LIST("label.create"),
                                    LIST("label.read", "label.create"),
                                    LIST("label.read"),
                                    LIST("label.create", "label.read"),
                                    LIST("label.read:own")};
    static const bool reads[] = {true, false, true, true, true, false},
                      creates[] = {false, true, true, false, true, false};
    (void)context;
    struct state_txn *txn = begin(false);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < AQ_LENGTH(reads); i++) {
            const struct aq_token token = {
                .id = 3, .role = "", .only = cases[i], .project = "", .user_number = user.number};
            const struct aq_caller caller = rights_caller_with(txn, &user, &token, &arena);
            assert_int_equal(aq_rights_scope(&caller.rights, read) == AQ_SCOPE_ALL, reads[i]);
            assert_int_equal(aq_rights_scope(&caller.rights, create) == AQ_SCOPE_ALL, creates[i]);
        }
    state_end(txn);
}

int main(void)
{
#define RIGHTS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RIGHTS_TEST(a_change_that_is_undone_was_never_there),
        RIGHTS_TEST(a_change_holds_for_the_next_who_asks),
        RIGHTS_TEST(a_token_permits_what_its_patterns_say),
    };
    return cmocka_run_group_tests_name("state: rights", tests, NULL, NULL);
}
