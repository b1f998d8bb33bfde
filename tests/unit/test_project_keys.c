/* Answers by idempotency key; and that projecting the same events gives the same bytes. */
#include "controller/project/answers.h"
#include "controller/state/kept_rows.h"
#include "schema/codec/pack.h"
#include "tests/lib/decide_case.h"

#include <malloc.h>

/* ---- idempotency keys --------------------------------------------------------------------------------- */

static bool is_remembered(uint64_t number, const char *author, const char *key, struct project_answer *before)
{
    const struct aq_caller caller = {.name = author, .number = number};
    return project_find_answer(spec.txn, &caller, key, before, &spec.arena);
}

static void remember_of(uint64_t number, const char *author, const char *key, uint64_t seq)
{
    struct project project = {
        .txn = spec.txn, .arena = &spec.arena, .time_ms = spec.time_ms, .author = author, .author_number = number};
    const struct aq_logged_decision decision = {
        .author = author, .command = aq_command_application_create.code, .key = key, .fingerprint = 42, .id = "7"};
    project_store_answer(&project, &decision, seq);
}

static void remember(const char *author, const char *key, uint64_t seq)
{
    remember_of(1, author, key, seq);
}

static void answers_are_remembered_by_author_and_key(void **context)
{
    (void)context;
    struct project_answer before;
    remember("alice", "", 1); /* no key: nothing is stored */
    assert_int_equal(spec_rows(INDEX_KEYS), 0);
    remember("alice", "k", 5);
    assert_true(is_remembered(1, "alice", "k", &before));
    assert_int_equal(before.fingerprint, 42);
    assert_int_equal(before.seq, 5);
    assert_string_equal(before.id, "7");
    assert_false(is_remembered(2, "bob", "k", &before));
    assert_false(is_remembered(1, "alice", "kk", &before));
    assert_false(is_remembered(2, "alice", "k", &before)); /* another user, who has the name now */
    assert_false(is_remembered(0, "alice", "k", &before));
}

static void authors_that_are_no_users_have_keys_by_name(void **context)
{
    (void)context;
    struct project_answer before;
    remember_of(0, "node:a", "k", 5);
    assert_true(is_remembered(0, "node:a", "k", &before));
    assert_false(is_remembered(0, "node:b", "k", &before));
    assert_false(is_remembered(0, "node:", "ak", &before));
}

static void the_longest_keys_fit(void **context)
{
    (void)context;
    struct project_answer before;
    char author[80] = "node:", key[AQ_KEY_SIZE_MAX + 1] = "";
    memset(author + 5, 'n', 64);
    memset(key, 'k', AQ_KEY_SIZE_MAX);
    remember_of(0, author, key, 1);
    assert_true(is_remembered(0, author, key, &before));
}

static void answers_are_removed_after_a_day_a_few_at_a_time(void **context)
{
    (void)context;
    struct project_answer before;
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k-%02d", i);
        remember("alice", key, (uint64_t)i + 1);
    }
    spec.time_ms += ANSWER_KEPT_MS;
    remember("alice", "day", 30); /* exactly a day: still kept */
    assert_int_equal(spec_rows(INDEX_KEYS), 21);
    spec.time_ms++;
    remember("alice", "later-1", 31);
    assert_int_equal(spec_rows(INDEX_KEYS), 22 - ANSWERS_REMOVED_AT_ONCE);
    assert_int_equal(spec_rows(INDEX_KEY_TIMES), spec_rows(INDEX_KEYS));
    assert_false(is_remembered(1, "alice", "k-00", &before)); /* oldest first */
    assert_true(is_remembered(1, "alice", "k-19", &before));
    remember("alice", "later-2", 32);
    remember("alice", "later-3", 33);
    assert_int_equal(spec_rows(INDEX_KEYS), 4);
    assert_int_equal(spec_rows(INDEX_KEY_TIMES), 4);
    assert_false(is_remembered(1, "alice", "k-19", &before));
    assert_true(is_remembered(1, "alice", "day", &before));
}

static void an_answer_has_its_keys_and_rows(void **context)
{
    (void)context;
    struct project_answer before;
    struct aq_bytes row;
    given_cluster();
    for (int i = 0; i < 3; i++)
        DO(application_create, .label = "mac");
    struct project project = {.txn = spec.txn, .arena = &spec.arena, .time_ms = spec.time_ms, .author_number = 1};
    struct aq_logged_decision decision = {
        .author = "alice", .command = aq_command_application_create.code, .key = "consecutive", .id = "2", .rows = 2};
    project_store_answer(&project, &decision, 9);
    decision.key = "not consecutive";
    decision.id = "1";
    decision.rows = 3;
    decision.ids = (struct aq_list)ITEMS(const char *, "1", "3", "99");
    project_store_answer(&project, &decision, 9);

    assert_true(is_remembered(1, "alice", "consecutive", &before));
    assert_int_equal(before.count, 2);
    assert_int_equal(before.ids.count, 0);
    for (uint64_t id = 2; id <= 3; id++) {
        struct aq_application application;
        assert_true(kept_rows_take(&before.rows, &row));
        assert_int_equal(aq_record_unpack(&aq_application_record, &application, row.data, row.length, false,
                                          &spec.arena, &spec.error),
                         0);
        assert_int_equal(application.id, id);
    }
    assert_false(kept_rows_take(&before.rows, &row));

    assert_true(is_remembered(1, "alice", "not consecutive", &before));
    assert_int_equal(before.count, 3);
    assert_string_equal(AQ_TEXT_ITEM(before.ids, 2), "99");
    assert_true(kept_rows_take(&before.rows, &row) && row.length > 0);
    assert_true(kept_rows_take(&before.rows, &row) && row.length > 0);
    assert_true(kept_rows_take(&before.rows, &row) && row.length == 0); /* there is no application 99 */
}

/* ---- the same events, the same bytes ------------------------------------------------------------------ */

static void a_long_story(void)
{
    struct aq_definition definition = {.driver = "test", .resources = {.cpu = 10, .lifetime = 5}};
    given_cluster();
    spec_as("admin", AQ_ROLE_ADMIN);
    GIVEN(label_created, .id = 2, .name = "short", .version = 1, .definitions = {&definition, 1});
    given_node(2, "node-2", 1);
    given_user("admin");
    for (uint64_t i = 1; i <= 60; i++) {
        spec.time_ms += 1000;
        DO(application_create, .label_id = 1 + i % 2, .metadata = "{\"z\":1,\"a\":2}");
        const struct aq_application application = the_application(i);
        if (i % 3 == 0)
            DO(application_deallocate, .id = i);
        if (application.resource != 0 && i % 4 == 0)
            DO(resource_start, .id = application.resource, .node = application.node, .ip_addr = "10.0.0.1");
        if (application.resource != 0 && i % 5 == 0 && i % 4 != 0)
            DO(resource_fail, .id = application.resource, .node = application.node, .reason = "x");
        if (has_resource(application.resource) && i % 6 == 0)
            DO(resource_end, .id = application.resource, .node = application.node);
        remember("alice", "key", i);
    }
    DO(node_lose, .name = "node-2");
    DO(node_delete, .name = "node-2");
    DO(user_delete, .name = "alice");
}

static void the_same_events_give_equal_tables(void **context)
{
    unsigned char first[32], second[32];
    uint64_t rows;
    struct aq_error error = {0};
    mallopt(M_PERTURB, 0x5A); /* old contents of memory must not matter */
    a_long_story();
    assert_int_equal(state_digest(spec.txn, first, &rows, &error), 0);
    assert_true(rows > 200);
    spec_teardown(context);
    mallopt(M_PERTURB, 0xA5);
    assert_int_equal(spec_setup(context), 0);
    a_long_story();
    assert_int_equal(state_digest(spec.txn, second, &rows, &error), 0);
    mallopt(M_PERTURB, 0);
    assert_memory_equal(first, second, sizeof first);
}

static void the_placement_index_agrees_with_the_tables(void **context)
{
    (void)context;
    a_long_story();
    spec_check_index();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(answers_are_remembered_by_author_and_key),
        SPEC_TEST(authors_that_are_no_users_have_keys_by_name),
        SPEC_TEST(the_longest_keys_fit),
        SPEC_TEST(an_answer_has_its_keys_and_rows),
        SPEC_TEST(answers_are_removed_after_a_day_a_few_at_a_time),
        SPEC_TEST(the_same_events_give_equal_tables),
        SPEC_TEST(the_placement_index_agrees_with_the_tables),
    };
    return cmocka_run_group_tests_name("project keys", tests, NULL, NULL);
}
