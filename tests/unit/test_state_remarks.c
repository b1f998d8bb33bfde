/* Remarks: what readers are told about applications whose node is lost, or takes long. */
#include "controller/state/kept_rows.h"
#include "controller/state/remarks.h"
#include "controller/state/votes.h"
#include "schema/codec/pack.h"
#include "schema/model/epoch.h"
#include "schema/model/task.h"
#include "tests/lib/decide_case.h"

#include <string.h>

static const char *described(uint64_t id)
{
    struct aq_application application = the_application(id);
    (void)remark_row(spec.txn, &aq_entity_application, &application, spec.time_ms, &spec.arena);
    return application.description;
}

static const char *explained(uint64_t id)
{
    static struct aq_buffer out;
    aq_buffer_reset(&out);
    assert_true(votes_why(spec.txn, id, spec.time_ms, &out));
    char *text = aq_arena_text(&spec.arena, aq_buffer_string(&out), out.length);
    aq_buffer_free(&out);
    return text;
}

/* Node-1 has an application in each state; its agent is lost at 1970-01-01T00:16:45Z. */
enum { STARTING = 1, RUNNING, ENDING, RECALLED, OVER };
static void given_each(void)
{
    given_cluster();
    GIVEN(node_changed, .name = "node-1", .drivers = ITEMS(const char *, "test"),
          .capacity = {.cpu = 9000, .slots = 9});
    for (int i = STARTING; i <= OVER; i++)
        DO(application_create, .label = "mac");
    as_system();
    for (uint64_t i = RUNNING; i <= OVER; i++)
        if (i != RECALLED)
            DO(resource_start, .id = i, .node = "node-1");
    DO(resource_end, .id = OVER, .node = "node-1", .reason = "exit status 0");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_deallocate, .id = ENDING);
    DO(application_deallocate, .id = RECALLED);
    as_system();
}

static void lose(void)
{
    spec.time_ms = 1005000;
    DO(node_lose, .name = "node-1");
}

#define LOST "node node-1 has been LOST since 1970-01-01T00:16:45.000Z: its agent is not heard from; "

static void a_lost_node_is_named_with_each_application(void **context)
{
    (void)context;
    given_each();
    assert_string_equal(described(RUNNING), "");
    assert_string_equal(described(ENDING), "deallocated by alice");
    lose();
    assert_string_equal(described(STARTING),
                        LOST "it starts there when the node is back; deallocate it if it is no longer wanted");
    assert_string_equal(described(RUNNING), LOST "it may still run there");
    static const char ends[] = "deallocated by alice; " LOST
                               "it is ended when the node is back; if it never will be, an admin can delete the node";
    assert_string_equal(described(ENDING), ends);
    assert_string_equal(described(RECALLED), ends);
    assert_string_equal(described(OVER), "ended: exit status 0");
    assert_non_null(strstr(explained(RUNNING), "it is ALLOCATED: " LOST));
    assert_non_null(strstr(explained(ENDING), ends));
}

static void when_it_is_back_the_remark_is_gone(void **context)
{
    (void)context;
    given_each();
    lose();
    DO(node_join, .name = "node-1", .instance = 7, .drivers = ITEMS(const char *, "test"), .capacity = {.cpu = 9000});
    assert_int_equal(the_node("node-1").lost_at, 0);
    assert_string_equal(described(RUNNING), "");
    assert_string_equal(described(RECALLED), "deallocated by alice");
    assert_null(strstr(explained(RUNNING), "LOST"));
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), 0);
}

static void a_deleted_node_is_no_longer_lost(void **context)
{
    (void)context;
    given_each();
    lose();
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), 1);
    DO(node_lose, .name = "node-1"); /* again */
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), 1);
    DO(node_delete, .name = "node-1");
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), 0);
    assert_string_equal(described(RUNNING), "node node-1 was deleted");
}

static void what_takes_long_to_end_says_where(void **context)
{
    (void)context;
    given_each();
    struct aq_application application = the_application(ENDING);
    application.changed_at = 1000000;
    assert_false(remark_row(spec.txn, &aq_entity_application, &application, 1059999, &spec.arena));
    assert_true(remark_row(spec.txn, &aq_entity_application, &application, 1060000, &spec.arena));
    assert_string_equal(application.description,
                        "deallocated by alice; node node-1 was told at 1970-01-01T00:16:40.000Z to end it, and has not "
                        "ended it yet");
    application = the_application(OVER);
    application.changed_at = 1000000;
    assert_false(remark_row(spec.txn, &aq_entity_application, &application, 1060000, &spec.arena));
}

static void what_waits_for_a_task_says_so(void **context)
{
    (void)context;
    given_each();
    GIVEN(task_created, .id = 1, .application = RUNNING, .kind = AQ_TASK_IMAGE, .name = "golden", .timeout = 3600);
    GIVEN(task_begun, .id = 1, .resource = RUNNING, .node = "node-1");
    assert_string_equal(described(RUNNING), "");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_deallocate, .id = RUNNING);
    spec.time_ms += 70000; /* its node was not told */
    assert_string_equal(
        described(RUNNING),
        "deallocated by alice; task 1 makes an image of it first, until 1970-01-01T01:16:40.000Z at most");
    GIVEN(task_ended, .id = 1, .status = AQ_TASK_DONE, .result = "{}");
    assert_null(strstr(described(RUNNING), "task 1"));
}

static void other_nodes_do_not_matter(void **context)
{
    (void)context;
    given_each();
    given_node(2, "node-2", 4);
    DO(node_lose, .name = "node-2");
    assert_string_equal(described(STARTING), "");
    assert_string_equal(described(RUNNING), "");
    assert_string_equal(described(ENDING), "deallocated by alice");
}

/* The answer to a command has it, too. */
static const char *described_label(uint64_t id)
{
    struct aq_label label;
    assert_true(state_label(spec.txn, id, &label, &spec.arena));
    (void)remark_row(spec.txn, &aq_entity_label, &label, spec.time_ms, &spec.arena);
    return label.remark;
}

/* Application 2 runs, of a label with secrets. */
static void given_secrets(void)
{
    struct aq_boxed box = {.name = "metadata.password"};
    struct aq_definition definition = {.driver = "test", .options = "{}"};
    given_running_resource();
    GIVEN(epoch_begun, .name = "e1");
    GIVEN(label_created, .id = 2, .name = "db", .version = 1, .definitions = {&definition, 1}, .description = "a store",
          .sealed = {&box, 1}, .wrap = {.epoch = "e1"});
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "db");
    as_system();
    DO(resource_start, .id = 2, .node = "node-1");
}

#define LOST_KEY "its secrets cannot be read: the key of epoch e1 is not in the keyring"

static void lost_secrets_are_told_of_applications_and_labels(void **context)
{
    (void)context;
    given_secrets();
    assert_string_equal(described(2), "");
    assert_string_equal(described_label(2), "");
    DO(epoch_lose, .name = "e1", .lost = true);
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_EPOCHS), 1);
    assert_string_equal(described(2), LOST_KEY "; it runs on with what it was given, until its host is started anew");
    assert_string_equal(described_label(2), LOST_KEY "; load the backup of the keyring, or create another version");
    assert_string_equal(described(1), ""); /* has none */
    assert_string_equal(described_label(1), "");
    lose();
    assert_non_null(strstr(described(2), "node node-1 has been LOST"));
    assert_non_null(strstr(described(2), "; " LOST_KEY));
    DO(epoch_lose, .name = "e1");
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_EPOCHS), 0);
    assert_string_equal(described_label(2), "");
}

static void an_epoch_that_ends_is_no_longer_lost(void **context)
{
    (void)context;
    given_secrets();
    DO(epoch_lose, .name = "e1", .lost = true);
    GIVEN(epoch_begun, .name = "e2");
    DO(resource_end, .id = 2, .node = "node-1", .reason = "exit status 0");
    spec_as("admin", AQ_ROLE_ADMIN);
    DO(label_delete, .id = 2);
    as_system();
    DO(epoch_finish, .name = "e1");
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_EPOCHS), 0);
}

static void a_kept_row_has_its_remark(void **context)
{
    (void)context;
    struct aq_buffer kept = {0};
    struct aq_bytes row, rows;
    struct aq_application application;
    struct aq_error error = {0};
    given_each();
    lose();
    kept_rows_add(spec.txn, &aq_entity_application, "2", spec.time_ms, &kept);
    kept_rows_add(spec.txn, &aq_entity_application, "5", spec.time_ms, &kept);
    rows = (struct aq_bytes){(const unsigned char *)kept.data, kept.length};
    for (int i = 0; i < 2; i++) {
        assert_true(kept_rows_take(&rows, &row));
        assert_int_equal(
            aq_record_unpack(&aq_application_record, &application, row.data, row.length, false, &spec.arena, &error),
            0);
        assert_int_equal(strncmp(application.description, i == 0 ? LOST : "ended: ", 7), 0);
    }
    aq_buffer_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_lost_node_is_named_with_each_application),
        SPEC_TEST(when_it_is_back_the_remark_is_gone),
        SPEC_TEST(a_deleted_node_is_no_longer_lost),
        SPEC_TEST(what_takes_long_to_end_says_where),
        SPEC_TEST(what_waits_for_a_task_says_so),
        SPEC_TEST(other_nodes_do_not_matter),
        SPEC_TEST(a_kept_row_has_its_remark),
        SPEC_TEST(lost_secrets_are_told_of_applications_and_labels),
        SPEC_TEST(an_epoch_that_ends_is_no_longer_lost),
    };
    return cmocka_run_group_tests_name("remarks", tests, NULL, NULL);
}
