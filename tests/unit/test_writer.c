/* The writer as its callers see it: durable, all or none, once for each idempotency key, and the same after a restart
 * and after a rebuild. */
#include "controller/log/replay.h"
#include "controller/state/counters.h"
#include "controller/state/kept_rows.h"
#include "controller/write/made.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/resource.h"
#include "tests/lib/cluster.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static int setup(void **context)
{
    struct test_cluster *cluster = aq_calloc(1, sizeof *cluster);
    test_cluster_new(cluster);
    test_cluster_start(cluster);
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(cluster, "mac");
    *context = cluster;
    return 0;
}

static int teardown(void **context)
{
    test_cluster_free(*context);
    free(*context);
    return 0;
}

static struct aq_application get_application(struct test_cluster *cluster, uint64_t id, struct aq_arena *arena)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct aq_application application = {0};
    test_must(state_read(cluster->state, &txn, &error), &error);
    assert_true(state_application(txn, id, &application, arena));
    state_end(txn);
    return application;
}

static uint64_t create(struct test_cluster *cluster, char id[65])
{
    struct aq_error error = {0};
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{\"a\":1}"};
    uint64_t seq = test_ask(cluster, &aq_command_application_create, &record, "admin", id, &error);
    assert_int_equal(error.code, AQ_OK);
    return seq;
}

static void an_application_goes_through_its_life(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    char id[65];
    test_make_node(cluster, "node-1", 2);
    uint64_t seq = create(cluster, id);
    assert_string_equal(id, "1");
    assert_true(seq > 0);
    assert_int_equal(get_application(cluster, 1, &arena).status, AQ_ELECTED);

    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "pid 7", .ip_addr = "", .hw_addr = ""};
    assert_true(test_ask(cluster, &aq_command_resource_start, &start, "node:node-1", NULL, &error) > seq);
    assert_int_equal(get_application(cluster, 1, &arena).status, AQ_ALLOCATED);

    struct aq_application_deallocate deallocate = {.id = 1};
    assert_true(test_ask(cluster, &aq_command_application_deallocate, &deallocate, "admin", NULL, &error) > 0);
    assert_int_equal(get_application(cluster, 1, &arena).status, AQ_DEALLOCATE);
    uint64_t given_back = writer_seq(cluster->writer);
    assert_int_equal(test_ask(cluster, &aq_command_application_deallocate, &deallocate, "admin", NULL, &error),
                     given_back);
    assert_int_equal(writer_seq(cluster->writer), given_back); /* without an event */

    struct aq_resource_end end = {.id = 1, .node = "node-1", .reason = "exit status 0"};
    assert_true(test_ask(cluster, &aq_command_resource_end, &end, "node:node-1", NULL, &error) > 0);
    assert_int_equal(get_application(cluster, 1, &arena).status, AQ_DEALLOCATED);
    aq_arena_free(&arena);
}

static void a_batch_is_all_or_none(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_application_create good = {.project = "", .label = "mac", .metadata = "{}"},
                                 bad = {.project = "", .label = "nothing", .metadata = "{}"};
    const void *records[] = {&good, &bad};
    char ids[2][65];
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 2,
                                     .caller = aq_caller_internal("admin"),
                                     .ids = ids};
    uint64_t seq = writer_seq(cluster->writer);
    test_make_node(cluster, "node-1", 1);
    seq = writer_seq(cluster->writer);
    test_ask_request(cluster, &request);
    assert_int_equal(request.error.code, AQ_E_NOT_FOUND);
    assert_int_equal(request.failed_item, 2);
    assert_int_equal(writer_seq(cluster->writer), seq);

    /* The capacity that the first item would have taken is free again. */
    records[1] = &good;
    request.count = 1;
    test_ask_request(cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
    struct aq_arena arena = {0};
    assert_int_equal(get_application(cluster, 1, &arena).status, AQ_ELECTED);
    aq_arena_free(&arena);
}

static enum aq_error_code create_as(struct test_cluster *cluster, const struct aq_caller *caller, bool *repeated)
{
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    const void *records[] = {&record};
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 1,
                                     .caller = *caller,
                                     .key = "one",
                                     .fingerprint = 7};
    test_ask_request(cluster, &request);
    *repeated = request.repeated;
    aq_buffer_free(&request.warnings);
    return request.error.code;
}

static void ask_about_anna(struct test_cluster *cluster, const struct aq_command *command, const void *record)
{
    struct aq_error error = {0};
    (void)test_ask(cluster, command, record, "admin", NULL, &error);
    assert_int_equal(error.code, AQ_OK);
}

/* A request that waits while its user goes; and the keys of a user are nothing to the next one of that name. */
static void a_user_made_again_is_another_one(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_caller first = test_caller("anna", AQ_ROLE_USER), second = first;
    const struct aq_user_delete delete = {.name = "anna"};
    const struct aq_application_deallocate deallocate = {.id = 1};
    bool repeated;
    first.number = 2;
    second.number = 3;
    test_make_user(cluster, "anna", AQ_ROLE_USER);
    assert_int_equal(create_as(cluster, &first, &repeated), AQ_OK);
    assert_int_equal(create_as(cluster, &first, &repeated), AQ_OK);
    assert_true(repeated);
    ask_about_anna(cluster, &aq_command_application_deallocate, &deallocate);
    ask_about_anna(cluster, &aq_command_user_delete, &delete);
    assert_int_equal(create_as(cluster, &first, &repeated), AQ_E_UNAUTHENTICATED);
    test_make_user(cluster, "anna", AQ_ROLE_USER);
    assert_int_equal(create_as(cluster, &first, &repeated), AQ_E_UNAUTHENTICATED);
    assert_int_equal(create_as(cluster, &second, &repeated), AQ_OK);
    assert_false(repeated);
}

/* What the caller was when the request was made does not count any more. */
static void a_request_is_decided_by_the_role_of_then(void **context)
{
    struct test_cluster *cluster = *context;
    const struct aq_user_update demotion = {.name = "anna", .role = AQ_ROLE_USER};
    const struct aq_label_delete delete = {.id = 1};
    const void *records[] = {&delete};
    struct writer_request request = {.command = &aq_command_label_delete,
                                     .records = records,
                                     .count = 1,
                                     .caller = test_caller("anna", AQ_ROLE_ADMIN)};
    request.caller.number = 2;
    test_make_user(cluster, "anna", AQ_ROLE_ADMIN);
    ask_about_anna(cluster, &aq_command_user_update, &demotion);
    test_ask_request(cluster, &request);
    assert_int_equal(request.error.code, AQ_E_FORBIDDEN);
}

static void an_idempotency_key_counts_once(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    const void *records[] = {&record, &record, &record};
    char ids[3][65];
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 3,
                                     .caller = aq_caller_internal("admin"),
                                     .key = "k-1",
                                     .fingerprint = 42,
                                     .ids = ids};
    test_ask_request(cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
    assert_false(request.repeated);
    uint64_t seq = request.seq;
    memset(ids, 0, sizeof ids);
    test_ask_request(cluster, &request);
    assert_true(request.repeated);
    assert_true(request.changed);
    assert_int_equal(request.seq, seq);
    assert_string_equal(ids[0], "1");
    assert_string_equal(ids[2], "3");
    assert_int_equal(writer_seq(cluster->writer), seq);
    request.fingerprint = 43;
    test_ask_request(cluster, &request);
    assert_int_equal(request.error.code, AQ_E_KEY_REUSED);
}

/* ---- keys of what changes nothing ---------------------------------------------------------------------------- */

/* Sets the limit of user u1, with a key unless it is NULL. */
static struct writer_request set_limit(struct test_cluster *cluster, uint64_t limit, const char *key, bool dry_run)
{
    static char ids[1][65];
    struct aq_user_update record = {.name = "u1", .role = AQ_ROLE_USER, .max_applications = limit};
    const void *records[] = {&record};
    struct writer_request request = {.command = &aq_command_user_update,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("admin"),
                                     .key = key,
                                     .fingerprint = limit,
                                     .dry_run = dry_run,
                                     .ids = ids};
    memset(ids, 0, sizeof ids);
    test_ask_request(cluster, &request);
    if (request.error.code == AQ_OK && !dry_run)
        assert_string_equal(ids[0], "u1");
    aq_buffer_free(&request.events);
    return request;
}

static uint64_t limit_of_u1(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct aq_user user;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    test_must(state_read(cluster->state, &txn, &error), &error);
    assert_true(state_user(txn, "u1", &user, &arena));
    state_end(txn);
    return user.max_applications;
}

static void prove_tables(struct test_cluster *cluster)
{
    AQ_CLEANUP_BUFFER struct aq_buffer report = {0};
    struct aq_error error = {0};
    test_must(replay_verify(cluster->store, cluster->state, cluster->directory, 256 << 20, &report, &error), &error);
}

static void a_key_counts_once_even_if_nothing_changed(void **context)
{
    struct test_cluster *cluster = *context;
    test_make_user(cluster, "u1", AQ_ROLE_USER);
    set_limit(cluster, 5, NULL, false);
    uint64_t five = writer_seq(cluster->writer);
    struct writer_request first = set_limit(cluster, 5, "k1", false);
    assert_int_equal(first.error.code, AQ_OK);
    assert_int_equal(first.seq, five); /* no event */
    assert_false(first.repeated);
    assert_int_equal(set_limit(cluster, 7, "k2", false).seq, five + 1);
    for (int start = 0; start <= 2; start++) {
        if (start > 0) { /* a restart, then a rebuild */
            test_cluster_close(cluster);
            test_cluster_open(cluster, start == 2);
            test_cluster_start(cluster);
        }
        struct writer_request again = set_limit(cluster, 5, "k1", false);
        assert_int_equal(again.error.code, AQ_OK);
        assert_true(again.repeated);
        assert_false(again.changed);
        assert_int_equal(again.seq, first.seq);
        assert_int_equal(limit_of_u1(cluster), 7);
        assert_int_equal(set_limit(cluster, 6, "k1", false).error.code, AQ_E_KEY_REUSED);
        assert_int_equal(writer_seq(cluster->writer), five + 1);
        prove_tables(cluster);
    }
    assert_int_equal(set_limit(cluster, 9, NULL, false).seq, five + 2); /* events go on after entries without any */
    prove_tables(cluster);
}

static void dry_runs_and_refusals_are_not_remembered(void **context)
{
    struct test_cluster *cluster = *context;
    assert_int_equal(set_limit(cluster, 5, "k", false).error.code, AQ_E_NOT_FOUND);
    test_make_user(cluster, "u1", AQ_ROLE_USER);
    assert_int_equal(set_limit(cluster, 6, "k", true).error.code, AQ_OK);
    struct writer_request request = set_limit(cluster, 7, "k", false);
    assert_int_equal(request.error.code, AQ_OK);
    assert_false(request.repeated);
}

static void keys_that_are_not_consecutive_are_kept(void **context)
{
    static const char *const ids[] = {"8", "9", "9", "3"};
    struct aq_arena arena = {0};
    struct made made = {0};
    struct writer_request request = {.command = &aq_command_application_create, .count = 4};
    char repeated[4][65];
    (void)context;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(made.ids != NULL, i > 2);
        made_add(&made, &request, ids[i], &arena);
    }
    struct project_answer before = {.count = 4, .id = "8", .ids = {made.ids, made.count}};
    request.ids = repeated;
    made_repeat(&request, &before);
    for (int i = 0; i < 4; i++)
        assert_string_equal(repeated[i], ids[i]);
    before.ids.count = 0;
    made_repeat(&request, &before);
    assert_string_equal(repeated[3], "11");
    aq_arena_free(&arena);
}

static void a_dry_run_gives_the_events_and_undoes_them(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    const void *records[] = {&record};
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("admin"),
                                     .dry_run = true};
    test_make_node(cluster, "node-1", 1);
    uint64_t seq = writer_seq(cluster->writer);
    test_ask_request(cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
    assert_non_null(strstr(request.events.data, "\"event\":\"application_elected\""));
    assert_non_null(strstr(request.events.data, "\"node\":\"node-1\""));
    aq_buffer_free(&request.events);
    assert_int_equal(writer_seq(cluster->writer), seq);
    char id[65];
    create(cluster, id);
    assert_string_equal(id, "1");
}

static void fill(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    test_make_node(cluster, "node-1", 3);
    test_make_node(cluster, "node-2", 1);
    for (int i = 0; i < 6; i++)
        create(cluster, NULL);
    struct aq_resource_fail fail = {.id = 1, .node = "node-1", .reason = "no such image"};
    test_ask(cluster, &aq_command_resource_fail, &fail, "node:node-1", NULL, &error);
    struct aq_resource_start start = {
        .id = 2, .node = "node-1", .identifier = "x", .ip_addr = "10.0.0.2", .hw_addr = ""};
    test_ask(cluster, &aq_command_resource_start, &start, "node:node-1", NULL, &error);
    struct aq_application_deallocate deallocate = {.id = 3};
    test_ask(cluster, &aq_command_application_deallocate, &deallocate, "admin", NULL, &error);
    struct aq_node_lose lose = {.name = "node-2"};
    test_ask(cluster, &aq_command_node_lose, &lose, "aquarium", NULL, &error);
}

static void digest_of(struct test_cluster *cluster, unsigned char digest[32])
{
    struct aq_error error = {0};
    struct state_txn *txn;
    uint64_t rows;
    test_must(state_read(cluster->state, &txn, &error), &error);
    test_must(state_digest(txn, digest, &rows, &error), &error);
    state_end(txn);
    assert_true(rows > 20);
}

static uint64_t seq_of_tables(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(cluster->state, &txn, &error), &error);
    uint64_t seq = state_seq(txn);
    state_end(txn);
    return seq;
}

static void a_restart_and_a_rebuild_give_equal_tables(void **context)
{
    struct test_cluster *cluster = *context;
    unsigned char before[32], after[32];
    fill(cluster);
    uint64_t seq = writer_seq(cluster->writer);
    digest_of(cluster, before);
    for (int rebuild = 0; rebuild <= 1; rebuild++) {
        test_cluster_close(cluster);
        test_cluster_open(cluster, rebuild);
        assert_true(seq_of_tables(cluster) > 0); /* they may lack the last entry: is it committed? */
        assert_int_equal(writer_seq(cluster->writer), seq_of_tables(cluster)); /* before it leads, too */
        test_cluster_start(cluster);
        assert_int_equal(writer_seq(cluster->writer), seq);
        digest_of(cluster, after);
        assert_memory_equal(before, after, 32);
    }
    create(cluster, NULL); /* it still works */
    struct aq_buffer report = {0};
    struct aq_error error = {0};
    test_must(replay_verify(cluster->store, cluster->state, cluster->directory, 256 << 20, &report, &error), &error);
    assert_non_null(strstr(report.data, "equal"));
    aq_buffer_free(&report);
}

static void tables_that_differ_from_the_log_are_found(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_error error = {0};
    struct state_txn *txn;
    struct aq_buffer report = {0};
    fill(cluster);
    uint64_t seq = writer_seq(cluster->writer);
    writer_loop_stop(cluster->loop);
    test_must(state_write(cluster->state, &txn, &error), &error);
    counter_set(txn, "open/user/admin", 77);
    test_must(state_commit(txn, &error), &error);
    assert_int_not_equal(replay_verify(cluster->store, cluster->state, cluster->directory, 256 << 20, &report, &error),
                         0);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    aq_buffer_free(&report);
    assert_true(seq > 0);
}

static void an_application_that_does_not_fit_waits_and_says_why(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_arena arena = {0};
    create(cluster, NULL);
    struct aq_application application = get_application(cluster, 1, &arena);
    assert_int_equal(application.status, AQ_NEW);
    assert_string_equal(application.description, "no node has joined yet");
    aq_arena_free(&arena);
}

static void after_three_tries_the_error_has_every_reason(void **context)
{
    struct test_cluster *cluster = *context;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    const char *nodes[] = {"node-1", "node-2", "node-3"};
    for (int i = 0; i < 3; i++)
        test_make_node(cluster, nodes[i], 1);
    create(cluster, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get_application(cluster, 1, &arena).status, AQ_ELECTED);
        assert_string_equal(get_application(cluster, 1, &arena).node, nodes[i]);
        char reason[32];
        snprintf(reason, sizeof reason, "reason %d", i + 1);
        struct aq_resource_fail fail = {.id = (uint64_t)i + 1, .node = nodes[i], .reason = reason};
        assert_true(test_ask(cluster, &aq_command_resource_fail, &fail, "x", NULL, &error) > 0);
    }
    struct aq_application application = get_application(cluster, 1, &arena);
    assert_int_equal(application.status, AQ_ERRORED);
    assert_string_equal(application.description,
                        "failed 3 times; try 1 on node-1: reason 1; try 2 on node-2: reason 2; "
                        "try 3 on node-3: reason 3");
    aq_arena_free(&arena);
}

/* ---- on virtual time ---------------------------------------------------------------------------------- */

static int setup_virtual(void **context)
{
    struct test_cluster *cluster = aq_calloc(1, sizeof *cluster);
    test_cluster_new_virtual(cluster);
    test_cluster_start(cluster);
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(cluster, "mac");
    *context = cluster;
    return 0;
}

/* Gives application 1 back, perhaps again, and returns the description that the answer shows. */
static const char *give_back(struct test_cluster *cluster, const char *key, struct aq_arena *arena)
{
    char ids[1][65] = {""};
    struct aq_application_deallocate record = {.id = 1};
    const void *records[] = {&record};
    struct aq_application shown;
    struct aq_bytes row;
    struct aq_error error = {0};
    struct writer_request request = {.command = &aq_command_application_deallocate,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("admin"),
                                     .key = key,
                                     .fingerprint = 1,
                                     .wants_rows = true,
                                     .ids = ids};
    test_ask_request(cluster, &request);
    test_must(request.error.code == AQ_OK ? 0 : -1, &request.error);
    struct aq_bytes rows = {(const unsigned char *)request.rows.data, request.rows.length};
    assert_true(kept_rows_take(&rows, &row));
    test_must(aq_record_unpack(&aq_application_record, &shown, row.data, row.length, true, arena, &error), &error);
    aq_buffer_free(&request.rows);
    return shown.description;
}

/* What answers show, and what is kept of them, depends on the log's time: not on when it is replayed. */
static void an_answer_is_as_old_as_its_decision(void **context)
{
    static const char slow[] = "has not ended it yet";
    struct test_cluster *cluster = *context;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    struct aq_node_lose lose = {"node-2"};
    test_make_node(cluster, "node-1", 1);
    create(cluster, NULL);
    test_make_node(cluster, "node-2", 1);
    assert_true(test_ask(cluster, &aq_command_resource_start, &start, "x", NULL, &error) > 0);
    assert_true(test_ask(cluster, &aq_command_node_lose, &lose, "x", NULL, &error) >
                0); /* so that rows are looked at */
    assert_null(strstr(give_back(cluster, "k1", &arena), slow));
    test_cluster_pass(cluster, 61000);
    assert_non_null(strstr(give_back(cluster, "k2", &arena), slow));
    test_cluster_pass(cluster, 600000);
    assert_null(strstr(give_back(cluster, "k1", &arena), slow));
    assert_non_null(strstr(give_back(cluster, "k2", &arena), slow));
    prove_tables(cluster);
    aq_arena_free(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_application_goes_through_its_life),
        TEST(a_batch_is_all_or_none),
        TEST(a_user_made_again_is_another_one),
        TEST(a_request_is_decided_by_the_role_of_then),
        TEST(an_idempotency_key_counts_once),
        TEST(a_key_counts_once_even_if_nothing_changed),
        TEST(dry_runs_and_refusals_are_not_remembered),
        TEST(keys_that_are_not_consecutive_are_kept),
        TEST(a_dry_run_gives_the_events_and_undoes_them),
        TEST(a_restart_and_a_rebuild_give_equal_tables),
        TEST(tables_that_differ_from_the_log_are_found),
        TEST(an_application_that_does_not_fit_waits_and_says_why),
        TEST(after_three_tries_the_error_has_every_reason),
        cmocka_unit_test_setup_teardown(an_answer_is_as_old_as_its_decision, setup_virtual, teardown),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
