/* What readers see besides rows: votes, "why" in words, and events by their seq. */
#include "controller/state/events.h"
#include "controller/state/votes.h"
#include "tests/lib/decide_case.h"
#include "tests/lib/log_case.h"

#include <inttypes.h>
#include <raft.h>

/* ---- votes -------------------------------------------------------------------------------------------- */

static bool show_vote(void *context, const struct aq_vote *vote)
{
    struct aq_buffer *out = context;
    aq_buffer_format(out, "%" PRIu64 "/%" PRIu64 " %s %" PRIu64 " %s%s: %s\n", vote->application, vote->round,
                     vote->node, vote->definition, vote->available ? "yes" : "no", vote->chosen ? ", chosen" : "",
                     vote->reason);
    return out->length < 400;
}

static void check_votes(uint64_t application, const char *expected)
{
    struct aq_buffer out = {0};
    votes_scan(spec.txn, application, show_vote, &out);
    assert_string_equal(aq_buffer_string(&out), expected);
    aq_buffer_free(&out);
}

static void check_why(uint64_t application, const char *expected)
{
    struct aq_buffer out = {0};
    assert_true(votes_why(spec.txn, application, spec.time_ms, &out));
    assert_string_equal(aq_buffer_string(&out), expected);
    aq_buffer_free(&out);
}

static void given_three_rounds(void)
{
    struct aq_disk disk = {"root", 2048};
    struct aq_definition both[] = {{.driver = "test", .resources = {.cpu = 1500, .ram = 512}},
                                   {.driver = "test", .resources = {.disks = {&disk, 1}, .slots = 2}}};
    given_user("alice");
    GIVEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {both, 2});
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac"); /* round 1: no nodes */
    as_system();
    given_node(1, "node-1", 1);
    DO(application_place, .id = 1); /* round 2: too little of everything */
    given_node(2, "node-2", 4);
    DO(application_place, .id = 1); /* round 3 */
}

static void every_node_that_was_asked_has_its_vote(void **context)
{
    (void)context;
    given_three_rounds();
    check_votes(1, "1/2 node-1 0 no: not enough cpu: 1 free, 1.5 needed\n"
                   "1/2 node-1 1 no: not enough slots: 1 free, 2 needed\n"
                   "1/3 node-1 0 no: not enough cpu: 1 free, 1.5 needed\n"
                   "1/3 node-2 0 yes, chosen: it could take it\n");
    check_votes(2, "");
}

static void ranges_are_expanded_to_single_votes(void **context)
{
    (void)context;
    given_cluster();
    for (uint64_t number = 2; number <= 9; number++) {
        char name[16];
        snprintf(name, sizeof name, "node-%" PRIu64, number);
        given_node(number, name, number == 5 ? 0 : 1);
    }
    DO(application_create, .label = "mac");
    check_votes(1, "1/1 node-1 0 yes, chosen: it could take it\n1/1 node-2 0 yes: it could take it\n"
                   "1/1 node-3 0 yes: it could take it\n1/1 node-4 0 yes: it could take it\n"
                   "1/1 node-6 0 yes: it could take it\n1/1 node-7 0 yes: it could take it\n"
                   "1/1 node-8 0 yes: it could take it\n1/1 node-9 0 yes: it could take it\n"
                   "1/1 node-5 0 no: not enough slots: 0 free, 1 needed\n");
    check_why(1,
              "application 1 asked for label mac, version 1; it is ELECTED\n"
              "round 1, 1970-01-01T00:16:40.000Z: node-1 was chosen\n"
              "  definition 0 (driver test):\n"
              "    node-1, node-2, node-3, node-4, node-6, node-7, node-8, node-9: yes: it could take it; node-1 was "
              "chosen: the first to answer yes\n"
              "    node-5: no: not enough slots: 0 free, 1 needed\n");
}

static void why_tells_every_round_in_words(void **context)
{
    (void)context;
    given_three_rounds();
    check_why(1, "application 1 asked for label mac, version 1; it is ELECTED\n"
                 "round 1, 1970-01-01T00:16:40.000Z: there were no nodes\n"
                 "round 2, 1970-01-01T00:16:40.000Z: no node could take it\n"
                 "  definition 0 (driver test):\n"
                 "    node-1: no: not enough cpu: 1 free, 1.5 needed\n"
                 "  definition 1 (driver test):\n"
                 "    node-1: no: not enough slots: 1 free, 2 needed\n"
                 "round 3, 1970-01-01T00:16:40.000Z: node-2 was chosen\n"
                 "  definition 0 (driver test):\n"
                 "    node-1: no: not enough cpu: 1 free, 1.5 needed\n"
                 "    node-2: yes: it could take it; node-2 was chosen: the first to answer yes\n");
}

static void why_names_the_tries_and_what_was_deleted_since(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac");
    as_system();
    DO(resource_fail, .id = 1, .node = "node-1", .reason = "no such image");
    DO(node_lose, .name = "node-1");
    DO(node_delete, .name = "node-1");
    DO(label_delete, .id = 1);
    check_why(1,
              "application 1 asked for label mac, version 1; it is ERROR: no other node or definition is left to try; "
              "try 1 on node-1: no such image\n"
              "round 1, 1970-01-01T00:16:40.000Z: node-1 was chosen\n"
              "  definition 0:\n"
              "    node-1: yes: it could take it; node-1 was chosen: the first to answer yes\n"
              "try 1 on node-1, definition 0, failed: no such image\n");
}

static void why_counts_nodes_beyond_eight(void **context)
{
    (void)context;
    struct aq_buffer out = {0};
    given_cluster();
    for (uint64_t number = 2; number <= 12; number++) {
        char name[16];
        snprintf(name, sizeof name, "node-%" PRIu64, number);
        given_node(number, name, 1);
    }
    DO(application_create, .label = "mac");
    assert_true(votes_why(spec.txn, 1, spec.time_ms, &out));
    assert_non_null(strstr(out.data, "node-7, node-8 and 4 more: yes"));
    assert_null(strstr(out.data, "node-9"));
    aq_buffer_free(&out);
    assert_false(votes_why(spec.txn, 2, spec.time_ms, &out)); /* no such application */
    assert_int_equal(out.length, 0);
}

/* ---- events ------------------------------------------------------------------------------------------- */

struct seen {
    uint64_t seqs[64];
    unsigned count, most;
};

static bool note_event(void *context, const struct aq_event *event)
{
    struct seen *seen = context;
    char name[32];
    const struct aq_user_created *user = event->data;
    snprintf(name, sizeof name, "u%" PRIu64, event->seq);
    assert_ptr_equal(event->type, &aq_event_user_created);
    assert_string_equal(user->name, name);
    assert_string_equal(event->author, "admin");
    assert_ptr_equal(event->command, &aq_command_user_create);
    assert_true(event->time_ms > 1000000 && event->time_ms <= 1000000 + event->seq);
    seen->seqs[seen->count++] = event->seq;
    return seen->count < seen->most;
}

static void check_events(struct events *events, uint64_t first, uint64_t last, uint64_t from, uint64_t to)
{
    struct seen seen = {.most = AQ_LENGTH(seen.seqs)};
    struct aq_error error = {0};
    assert_int_equal(events_scan(events, first, last, note_event, &seen, &error), 0);
    assert_int_equal(seen.count, to + 1 - from);
    for (unsigned i = 0; i < seen.count; i++)
        assert_int_equal(seen.seqs[i], from + i);
}

/* Entries of 1, 6, 2 and 1 events, and one of raft's own between them. */
static void given_ten_events(void)
{
    log_case_begin();
    log_case_add(1, 1, 1);
    log_case_add(2, 3, 1);
    log_case_append(logs.next_index++, RAFT_BARRIER, "", 0, 0, 1);
    log_case_add(1, 2, 1);
    log_case_add(1, 1, 1);
}

static void events_are_scanned_from_any_seq_to_any(void **context)
{
    (void)context;
    given_ten_events();
    struct events *events = log_store_events(logs.store);
    for (uint64_t first = 0; first <= 12; first++)
        for (uint64_t last = 0; last <= 12; last++) {
            uint64_t from = first < 1 ? 1 : first, to = last > 10 ? 10 : last;
            check_events(events, first, last, from <= to ? from : 1, from <= to ? to : 0);
        }
    check_events(events, 1, UINT64_MAX, 1, 10);
    check_events(events, UINT64_MAX, UINT64_MAX, 1, 0);
    assert_int_equal(events_first(events), 1);
}

static void a_scan_stops_when_it_is_told_to(void **context)
{
    (void)context;
    given_ten_events();
    for (unsigned most = 1; most <= 10; most++) {
        struct seen seen = {.most = most};
        struct aq_error error = {0};
        assert_int_equal(events_scan(log_store_events(logs.store), 1, 10, note_event, &seen, &error), 0);
        assert_int_equal(seen.count, most);
    }
}

static void an_empty_log_has_no_events(void **context)
{
    (void)context;
    struct events *events = log_store_events(logs.store);
    check_events(events, 0, UINT64_MAX, 1, 0);
    assert_int_equal(events_first(events), 1);
    log_case_begin(); /* nor has a log with only its configuration */
    check_events(events, 0, UINT64_MAX, 1, 0);
}

static void another_process_reads_the_same(void **context)
{
    (void)context;
    struct events *events;
    struct aq_error error = {0};
    given_ten_events();
    log_case_close(); /* never twice in one process */
    test_must(events_open(&events, logs.directory, &error), &error);
    check_events(events, 3, 8, 3, 8);
    events_close(events);
    events_close(NULL);
    assert_int_equal(events_open(&events, "/nowhere", &error), -1);
    assert_int_equal(error.code, AQ_E_IO);
}

static bool note_any(void *context, const struct aq_event *event)
{
    struct aq_buffer *out = context;
    aq_buffer_format(out, "%s ", event->type->record->name);
    return true;
}

static void the_events_of_an_application_are_scanned(void **context)
{
    (void)context;
    struct test_cluster cluster;
    struct aq_error error = {0};
    struct aq_buffer out = {0};
    struct state_txn *txn;
    test_cluster_new(&cluster);
    test_cluster_start(&cluster);
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&cluster, "mac");
    test_make_node(&cluster, "node-1", 2);
    struct aq_application_create create = {.project = "", .label = "mac", .metadata = "{}"};
    for (int i = 0; i < 2; i++)
        assert_true(test_ask(&cluster, &aq_command_application_create, &create, "admin", NULL, &error) > 0);
    struct aq_application_deallocate deallocate = {.id = 1};
    assert_true(test_ask(&cluster, &aq_command_application_deallocate, &deallocate, "admin", NULL, &error) > 0);
    struct aq_resource_end end = {.id = 1, .node = "node-1", .reason = "stopped"};
    assert_true(test_ask(&cluster, &aq_command_resource_end, &end, "node:node-1", NULL, &error) > 0);
    test_must(state_read(cluster.state, &txn, &error), &error);
    test_must(events_of_application(writer_events(cluster.writer), txn, 1, note_any, &out, &error), &error);
    assert_string_equal(out.data, "application_created application_elected application_moved resource_stopped "
                                  "resource_ended ");
    state_end(txn);
    aq_buffer_free(&out);
    test_cluster_free(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(every_node_that_was_asked_has_its_vote), SPEC_TEST(ranges_are_expanded_to_single_votes),
        SPEC_TEST(why_tells_every_round_in_words),         SPEC_TEST(why_names_the_tries_and_what_was_deleted_since),
        SPEC_TEST(why_counts_nodes_beyond_eight),          LOG_TEST(events_are_scanned_from_any_seq_to_any),
        LOG_TEST(a_scan_stops_when_it_is_told_to),         LOG_TEST(an_empty_log_has_no_events),
        LOG_TEST(another_process_reads_the_same),          cmocka_unit_test(the_events_of_an_application_are_scanned),
    };
    return cmocka_run_group_tests_name("state views", tests, NULL, NULL);
}
