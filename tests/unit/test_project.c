/* What each event does to rows, indexes, counters and the placement index. */
#include "controller/state/references.h"
#include "schema/model/token.h"
#include "tests/lib/decide_case.h"

/* ---- looking into indexes ----------------------------------------------------------------------------- */

static struct state_key key_of(const char *text, uint64_t a, uint64_t b)
{
    struct state_key key = {0};
    if (text != NULL)
        state_key_add_text(&key, text);
    if (a != UINT64_MAX)
        state_key_add_number(&key, a);
    if (b != UINT64_MAX)
        state_key_add_number(&key, b);
    return key;
}

enum { NONE = -1 };
#define HAS(index, text, a, b) has(index, key_of(text, (uint64_t)(a), (uint64_t)(b)))
static bool has(enum state_index index, struct state_key key)
{
    const void *value;
    size_t length;
    return index_get(spec.txn, index, &key, &value, &length);
}

static size_t ballot_length(uint64_t application, uint64_t seq)
{
    const void *value;
    size_t length;
    struct state_key key = key_of(NULL, application, seq);
    assert_true(index_get(spec.txn, INDEX_HISTORY, &key, &value, &length));
    return length;
}

static uint64_t counter(const char *name)
{
    return counter_get(spec.txn, name);
}

static void check_index(size_t row, uint64_t cpu, uint64_t slots)
{
    struct place_columns columns = place_index_columns(spec.index);
    assert_true(row < columns.count);
    assert_int_equal(columns.cpu[row], cpu);
    assert_int_equal(columns.slots[row], slots);
}

/* ---- users -------------------------------------------------------------------------------------------- */

static void users(void **context)
{
    (void)context;
    struct aq_user user;
    struct aq_token token;
    GIVEN(user_created, .name = "alice", .role = AQ_ROLE_ADMIN, .max_applications = 3, .hash = "h");
    assert_true(state_user(spec.txn, "alice", &user, &spec.arena));
    assert_string_equal(user.role, AQ_ROLE_ADMIN);
    assert_int_equal(user.max_applications, 3);
    assert_int_equal(user.first_token, 1);
    assert_true(state_token(spec.txn, 1, &token, &spec.arena));
    assert_string_equal(token.hash, "h");
    assert_string_equal(token.name, "first");
    assert_int_equal(state_token_of_hash(spec.txn, "h"), 1);
    assert_int_equal(user.created_at, SPEC_START_MS);
    assert_string_equal(user.created_by, "admin");
    spec.time_ms++;
    spec_as("bob", AQ_ROLE_ADMIN);
    GIVEN(user_updated, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 4);
    GIVEN(user_token_changed, .name = "alice", .hash = "h2");
    assert_true(state_user(spec.txn, "alice", &user, &spec.arena));
    assert_string_equal(user.role, AQ_ROLE_USER);
    assert_int_equal(user.max_applications, 4);
    assert_int_equal(user.first_token, 2); /* another token, so that nothing goes on with the old one */
    assert_false(state_token(spec.txn, 1, &token, &spec.arena));
    assert_int_equal(state_token_of_hash(spec.txn, "h"), 0);
    assert_int_equal(state_token_of_hash(spec.txn, "h2"), 2);
    GIVEN(token_created, .id = 3, .user = "alice", .name = "ci", .only = ITEMS(const char *, "label.read"),
          .expires_at = SPEC_START_MS + 9, .hash = "h3");
    assert_true(state_token(spec.txn, 3, &token, &spec.arena));
    assert_int_equal(token.user_number, user.number);
    assert_string_equal(AQ_TEXT_ITEM(token.only, 0), "label.read");
    assert_int_equal(state_token_named(spec.txn, user.number, "ci"), 3);
    assert_int_equal(spec_rows(INDEX_TOKEN_EXPIRY), 1);
    assert_int_equal(user.created_at, SPEC_START_MS);
    assert_string_equal(user.created_by, "admin");
    GIVEN(user_deleted, .name = "alice");
    assert_false(state_user(spec.txn, "alice", &user, &spec.arena));
    assert_int_equal(state_count(spec.txn, &aq_entity_token), 0); /* they go with it */
    assert_int_equal(spec_rows(INDEX_TOKEN_USER) + spec_rows(INDEX_TOKEN_HASH) + spec_rows(INDEX_TOKEN_EXPIRY), 0);
}

/* ---- labels ------------------------------------------------------------------------------------------- */

static void labels(void **context)
{
    (void)context;
    struct aq_label label;
    given_label(1, "mac", 1);
    given_label(2, "mac", 2);
    given_label(3, "mac.b", 1);
    assert_true(state_label(spec.txn, 2, &label, &spec.arena));
    assert_string_equal(label.name, "mac");
    assert_int_equal(label.version, 2);
    assert_int_equal(label.definitions.count, 1);
    assert_string_equal(label.metadata, "{\"from\":\"label\"}");
    assert_int_equal(label.created_at, SPEC_START_MS);
    assert_string_equal(label.created_by, "admin");
    assert_int_equal(counter("next/label"), 3);
    assert_int_equal(counter("version/mac"), 2);
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "mac", 0), 2);
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "mac", 1), 1);
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "mac", 3), 0);
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "mac.b", 0), 3);
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "ma", 0), 0);
    GIVEN(label_deleted, .id = 2);
    assert_false(state_label(spec.txn, 2, &label, &spec.arena));
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "mac", 0), 1);
    assert_int_equal(state_member(spec.txn, &aq_entity_label, "mac", 2), 0);
    assert_int_equal(counter("next/label"), 3); /* ids and versions are never reused */
    assert_int_equal(counter("version/mac"), 2);
    assert_int_equal(spec_rows(INDEX_LABEL_VERSION), 2);
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static void a_node_joins_and_changes(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    struct aq_node node = the_node("node-1");
    assert_int_equal(node.status, AQ_NODE_ACTIVE);
    assert_int_equal(node.free.cpu, 4000);
    assert_int_equal(node.used.cpu, 0);
    assert_int_equal(node.instance, 7);
    assert_int_equal(node.joined_at, SPEC_START_MS);
    assert_int_equal(counter("next/node"), 1);
    char name[80];
    assert_true(state_node_name(spec.txn, 1, name, sizeof name));
    assert_string_equal(name, "node-1");
    check_index(0, 4000, 4);
    spec.time_ms++;
    GIVEN(node_changed, .name = "node-1", .instance = 8, .drivers = ITEMS(const char *, "other"),
          .capacity = {.cpu = 500});
    node = the_node("node-1");
    assert_int_equal(node.instance, 8);
    assert_int_equal(node.free.cpu, 500);
    assert_int_equal(node.number, 1);
    assert_int_equal(node.joined_at, SPEC_START_MS);
    assert_int_equal(node.changed_at, SPEC_START_MS + 1);
    check_index(0, 500, 0);
    assert_true(place_index_has_driver(spec.index, 0, "other"));
    assert_false(place_index_has_driver(spec.index, 0, "test"));
}

static void a_node_is_lost_returns_and_goes_into_maintenance(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    GIVEN(node_status_set, .name = "node-1", .status = AQ_NODE_LOST);
    GIVEN(node_maintenance_set, .name = "node-1", .maintenance = true);
    assert_int_equal(the_node("node-1").status, AQ_NODE_LOST);
    assert_true(the_node("node-1").maintenance);
    assert_false(place_index_columns(spec.index).active[0]);
    assert_true(place_index_columns(spec.index).maintenance[0]);
    GIVEN(node_status_set, .name = "node-1", .status = AQ_NODE_ACTIVE);
    GIVEN(node_maintenance_set, .name = "node-1", .maintenance = false);
    assert_true(place_index_columns(spec.index).active[0]);
    assert_false(place_index_columns(spec.index).maintenance[0]);
}

static void the_number_of_a_deleted_node_stays_known(void **context)
{
    (void)context;
    struct aq_node node;
    char name[80];
    given_node(1, "node-1", 4);
    GIVEN(node_deleted, .name = "node-1");
    assert_false(state_node(spec.txn, "node-1", &node, &spec.arena));
    assert_true(state_node_name(spec.txn, 1, name, sizeof name)); /* ballots refer to it */
    assert_int_equal(place_index_columns(spec.index).count, 0);
    assert_int_equal(counter("next/node"), 1);
}

/* ---- the life of an application ----------------------------------------------------------------------- */

static void given_created(void)
{
    given_cluster();
    GIVEN(application_created, .id = 1, .label_id = 1, .metadata = "{\"b\":2}");
}

static void an_application_is_created(void **context)
{
    (void)context;
    given_created();
    struct aq_application application = the_application(1);
    assert_string_equal(application.user, "alice");
    assert_int_equal(application.user_number, 1);
    assert_string_equal(application.label, "mac");
    assert_int_equal(application.version, 1);
    assert_int_equal(application.status, AQ_NEW);
    assert_string_equal(application.metadata, "{\"b\":2}");
    assert_int_equal(application.created_at, SPEC_START_MS);
    assert_int_equal(counter("next/application"), 1);
    assert_int_equal(counter("open/user/1"), 1);
    assert_int_equal(counter("open/label/1"), 1);
    assert_true(HAS(INDEX_WAITING, NULL, 1, NONE));
    assert_true(HAS(INDEX_OWNED, NULL, 1, 1));
    assert_true(HAS(INDEX_HISTORY, NULL, 1, spec.seq));
}

static void a_waiting_application_keeps_its_ballot(void **context)
{
    (void)context;
    given_created();
    GIVEN(application_waiting, .id = 1, .reason = "full",
          .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_CPU, .nodes = "1"}));
    GIVEN(application_waiting, .id = 1, .reason = "still full");
    struct aq_application application = the_application(1);
    assert_int_equal(application.status, AQ_NEW);
    assert_string_equal(application.description, "still full");
    assert_int_equal(application.round, 2);
    assert_true(HAS(INDEX_WAITING, NULL, 1, NONE));
    assert_int_equal(ballot_length(1, spec.seq - 2), 0); /* of application_created */
    assert_true(ballot_length(1, spec.seq - 1) > ballot_length(1, spec.seq));
    assert_true(ballot_length(1, spec.seq) > 0);
    assert_int_equal(spec_rows(INDEX_HISTORY), 3);
}

static void an_elected_application_holds_capacity_of_its_node(void **context)
{
    (void)context;
    given_created();
    GIVEN(application_waiting, .id = 1, .reason = "full");
    spec.time_ms++;
    GIVEN(application_elected, .id = 1, .resource = 5, .node = "node-1");
    struct aq_application application = the_application(1);
    assert_int_equal(application.status, AQ_ELECTED);
    assert_string_equal(application.description, "");
    assert_int_equal(application.resource, 5);
    assert_string_equal(application.node, "node-1");
    assert_int_equal(application.round, 2);
    assert_int_equal(application.changed_at, SPEC_START_MS + 1);
    assert_false(HAS(INDEX_WAITING, NULL, 1, NONE));
    struct aq_resource resource = the_resource(5);
    assert_int_equal(resource.status, AQ_RESOURCE_ASSIGNED);
    assert_int_equal(resource.application, 1);
    assert_string_equal(resource.user, "alice");
    assert_string_equal(resource.driver, "test");
    assert_int_equal(resource.amounts.cpu, 1000);
    assert_string_equal(resource.metadata, "{\"b\":2,\"from\":\"label\"}");
    assert_int_equal(resource.created_at, SPEC_START_MS + 1);
    assert_true(HAS(INDEX_NODE_RESOURCE, NULL, 1, 5));
    assert_int_equal(counter("next/resource"), 5);
    assert_int_equal(the_node("node-1").used.cpu, 1000);
    assert_int_equal(the_node("node-1").free.cpu, 3000);
    assert_int_equal(the_node("node-1").free.slots, 3);
    check_index(0, 3000, 3);
}

static void given_started(void)
{
    given_created();
    GIVEN(application_elected, .id = 1, .resource = 1, .node = "node-1");
    GIVEN(resource_started, .id = 1, .identifier = "pid 7", .ip_addr = "10.1.0.1", .hw_addr = "aa:bb");
    GIVEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
}

/* The ids of the resources at an address, as "1,2,". */
static const char *at(const char *address)
{
    static char text[128];
    uint64_t ids[4];
    size_t count = state_resources_at(spec.txn, address, 0, ids, AQ_LENGTH(ids)), length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%llu,", (unsigned long long)ids[i]);
    return text;
}

static void a_started_resource_is_found_by_its_addresses(void **context)
{
    (void)context;
    given_started();
    struct aq_resource resource = the_resource(1);
    assert_int_equal(resource.status, AQ_RESOURCE_RUNNING);
    assert_string_equal(resource.identifier, "pid 7");
    assert_int_equal(resource.started_at, SPEC_START_MS);
    assert_int_equal(resource.expires_at, 0);
    assert_string_equal(at("10.1.0.1"), "1,");
    assert_string_equal(at("aa:bb"), "1,");
    assert_string_equal(at("10.1.0"), "");
    assert_int_equal(the_application(1).status, AQ_ALLOCATED);
    spec.time_ms++;
    GIVEN(resource_started, .id = 1, .identifier = "pid 8", .ip_addr = "10.1.0.2"); /* a new address */
    assert_int_equal(the_resource(1).started_at, SPEC_START_MS);
    assert_string_equal(at("10.1.0.1"), "");
    assert_string_equal(at("10.1.0.2"), "1,");
    assert_int_equal(spec_rows(INDEX_ADDRESS), 1);
}

static void several_resources_may_have_an_address(void **context)
{
    (void)context;
    given_started();
    GIVEN(application_created, .id = 2, .label_id = 1);
    GIVEN(application_elected, .id = 2, .resource = 2, .node = "node-1");
    GIVEN(resource_started, .id = 2, .identifier = "pid 9", .ip_addr = "10.1.0.1");
    GIVEN(resource_started, .id = 2, .identifier = "pid 9", .ip_addr = "10.1.0.1"); /* reported again */
    assert_string_equal(at("10.1.0.1"), "1,2,");
    GIVEN(resource_ended, .id = 1);
    assert_string_equal(at("10.1.0.1"), "2,");
    assert_string_equal(at("aa:bb"), "");
    GIVEN(resource_ended, .id = 2);
    assert_int_equal(spec_rows(INDEX_ADDRESS), 0);
}

static void a_stopped_resource_ends_and_leaves_nothing(void **context)
{
    (void)context;
    given_started();
    GIVEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "deallocated by alice");
    GIVEN(resource_stopped, .id = 1, .reason = "deallocated by alice");
    assert_int_equal(the_resource(1).status, AQ_RESOURCE_STOPPING);
    assert_int_equal(counter("open/user/1"), 1);
    GIVEN(resource_ended, .id = 1, .reason = "exit status 0");
    assert_int_equal(the_application(1).resource, 0);
    assert_int_equal(the_application(1).tries.count, 0);
    assert_false(has_resource(1));
    assert_false(HAS(INDEX_NODE_RESOURCE, NULL, 1, 1));
    assert_int_equal(spec_rows(INDEX_ADDRESS), 0);
    assert_int_equal(the_node("node-1").used.cpu, 0);
    check_index(0, 4000, 4);
    GIVEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "deallocated by alice");
    assert_int_equal(the_application(1).status, AQ_DEALLOCATED);
    assert_int_equal(counter("open/user/1"), 0);
    assert_int_equal(counter("open/label/1"), 0);
    assert_false(HAS(INDEX_META, "open/user/1", NONE, NONE)); /* a counter of 0 has no row */
    assert_int_equal(spec_rows(INDEX_HISTORY), 8);
    assert_true(HAS(INDEX_OWNED, NULL, 1, 1)); /* it can still be read */
}

static void an_end_stays_with_its_application(void **context)
{
    (void)context;
    given_started();
    assert_int_equal(the_application(1).ended_at, 0);
    assert_int_equal(the_application(1).exit_status, 0);
    assert_int_equal(the_application(1).last_resource, aq_some(1));
    spec.time_ms += 5;
    GIVEN(resource_ended, .id = 1, .exit_status = 143, .exited = true, .reason = "signal 15");
    spec.time_ms += 5;
    GIVEN(application_moved, .id = 1, .status = AQ_ERRORED, .description = "ended: signal 15");
    struct aq_application application = the_application(1);
    assert_int_equal(application.ended_at, SPEC_START_MS + 10);
    assert_int_equal(application.exit_status, aq_some(143));
    assert_int_equal(application.resource, 0);
    assert_int_equal(application.last_resource, aq_some(1));
    assert_string_equal(application.node, "node-1");
}

/* Older logs do not say whether it ran: version 1 has 0 for what never ran too. */
static void without_an_exit_there_is_no_status(void **context)
{
    (void)context;
    given_started();
    GIVEN(resource_ended, .id = 1, .exit_status = 0, .reason = "node node-1 was deleted");
    assert_int_equal(the_application(1).exit_status, 0);
    spec.time_ms += 5;
    GIVEN(application_created, .id = 2, .label_id = 1);
    GIVEN(application_moved, .id = 2, .status = AQ_RECALLED);
    assert_int_equal(the_application(2).ended_at, SPEC_START_MS + 5);
    assert_int_equal(the_application(2).last_resource, 0); /* none */
}

static void open_applications_are_in_an_index(void **context)
{
    (void)context;
    given_created();
    spec_as("bob", AQ_ROLE_USER);
    GIVEN(application_created, .id = 2, .label_id = 1);
    GIVEN(application_elected, .id = 2, .resource = 1, .node = "node-1");
    assert_true(HAS(INDEX_OPEN, NULL, 1, NONE));
    assert_true(HAS(INDEX_OPEN, NULL, 2, NONE));
    assert_int_equal(spec_rows(INDEX_OVER), 0);
    spec.time_ms += 9;
    GIVEN(application_moved, .id = 2, .status = AQ_RECALLED);
    assert_int_equal(spec_rows(INDEX_OPEN), 1);
    assert_true(HAS(INDEX_OPEN, NULL, 1, NONE));
    assert_true(HAS(INDEX_OVER, NULL, SPEC_START_MS + 9, 2));
    assert_int_equal(index_count(spec.txn, INDEX_OVER), 1);
}

/* An application that was tried twice and asked about a hundred times leaves nothing but counters. */
static void a_removed_application_leaves_nothing(void **context)
{
    (void)context;
    given_created();
    for (int i = 0; i < 100; i++)
        GIVEN(application_waiting, .id = 1, .reason = "full",
              .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_CPU, .nodes = "1"}));
    GIVEN(application_elected, .id = 1, .resource = 1, .node = "node-1");
    GIVEN(resource_ended, .id = 1, .failed = true, .reason = "no");
    GIVEN(application_moved, .id = 1, .status = AQ_NEW);
    GIVEN(application_elected, .id = 1, .resource = 2, .node = "node-1");
    GIVEN(resource_started, .id = 2, .ip_addr = "10.1.0.1");
    GIVEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
    GIVEN(resource_ended, .id = 2, .exited = true);
    GIVEN(application_moved, .id = 1, .status = AQ_DEALLOCATED);
    GIVEN(application_created, .id = 2, .label_id = 1);
    GIVEN(application_moved, .id = 2, .status = AQ_RECALLED);
    GIVEN(application_created, .id = 3, .label_id = 1);
    assert_int_equal(spec_rows(INDEX_HISTORY), 112);
    GIVEN(application_removed, .applications = "1-2");
    assert_int_equal(state_count(spec.txn, &aq_entity_application), 1);
    assert_int_equal(spec_rows(INDEX_HISTORY), 1);
    assert_int_equal(spec_rows(INDEX_OWNED), 1);
    assert_int_equal(spec_rows(INDEX_OPEN), 1);
    assert_int_equal(spec_rows(INDEX_OVER), 0);
    assert_int_equal(spec_rows(INDEX_ENDED), 0);
    assert_int_equal(spec_rows(INDEX_WAITING), 1);
    assert_int_equal(counter("open/user/1"), 1);
    assert_int_equal(counter("next/application"), 3);
}

static void a_failed_try_is_kept(void **context)
{
    (void)context;
    given_created();
    GIVEN(application_elected, .id = 1, .resource = 1, .node = "node-1");
    GIVEN(resource_ended, .id = 1, .failed = true, .reason = "no such image");
    GIVEN(application_moved, .id = 1, .status = AQ_NEW, .description = "no such image");
    struct aq_application application = the_application(1);
    assert_int_equal(application.tries.count, 1);
    const struct aq_try *try = AQ_ITEM(application.tries, struct aq_try, 0);
    assert_string_equal(try->node, "node-1");
    assert_string_equal(try->reason, "no such image");
    assert_true(HAS(INDEX_WAITING, NULL, 1, NONE));
    assert_int_equal(counter("open/user/1"), 1);
}

static void a_lifetime_is_in_the_index_while_it_runs(void **context)
{
    (void)context;
    struct aq_definition definition = {.driver = "test", .resources = {.lifetime = 60}};
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "short", .version = 1, .definitions = {&definition, 1});
    for (uint64_t id = 1; id <= 2; id++) {
        GIVEN(application_created, .id = id, .label_id = 2);
        GIVEN(application_elected, .id = id, .resource = id, .node = "node-1");
        assert_int_equal(spec_rows(INDEX_EXPIRY), id - 1); /* only when it runs */
        GIVEN(resource_started, .id = id);
    }
    assert_int_equal(the_resource(1).expires_at, SPEC_START_MS + 60000);
    assert_true(HAS(INDEX_EXPIRY, NULL, SPEC_START_MS + 60000, 1));
    spec.time_ms++;
    GIVEN(resource_started, .id = 1, .identifier = "again"); /* it counts from the first start */
    assert_int_equal(spec_rows(INDEX_EXPIRY), 2);
    GIVEN(resource_stopped, .id = 1);
    assert_int_equal(the_resource(1).expires_at, 0);
    assert_int_equal(spec_rows(INDEX_EXPIRY), 1);
    GIVEN(resource_started, .id = 1, .identifier = "late"); /* a late report must not bring it back */
    GIVEN(resource_ended, .id = 2);
    assert_int_equal(spec_rows(INDEX_EXPIRY), 0);
}

static void with_less_capacity_than_is_used_nothing_is_free(void **context)
{
    (void)context;
    given_created();
    GIVEN(application_elected, .id = 1, .resource = 1, .node = "node-1");
    GIVEN(node_changed, .name = "node-1", .capacity = {.cpu = 400});
    assert_int_equal(the_node("node-1").free.cpu, 0);
    assert_int_equal(the_node("node-1").used.cpu, 1000);
    check_index(0, 0, 0);
    GIVEN(resource_ended, .id = 1);
    assert_int_equal(the_node("node-1").free.cpu, 400);
    check_index(0, 400, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(users),
        SPEC_TEST(labels),
        SPEC_TEST(a_node_joins_and_changes),
        SPEC_TEST(a_node_is_lost_returns_and_goes_into_maintenance),
        SPEC_TEST(the_number_of_a_deleted_node_stays_known),
        SPEC_TEST(an_application_is_created),
        SPEC_TEST(a_waiting_application_keeps_its_ballot),
        SPEC_TEST(an_elected_application_holds_capacity_of_its_node),
        SPEC_TEST(a_started_resource_is_found_by_its_addresses),
        SPEC_TEST(several_resources_may_have_an_address),
        SPEC_TEST(a_stopped_resource_ends_and_leaves_nothing),
        SPEC_TEST(an_end_stays_with_its_application),
        SPEC_TEST(without_an_exit_there_is_no_status),
        SPEC_TEST(open_applications_are_in_an_index),
        SPEC_TEST(a_removed_application_leaves_nothing),
        SPEC_TEST(a_failed_try_is_kept),
        SPEC_TEST(a_lifetime_is_in_the_index_while_it_runs),
        SPEC_TEST(with_less_capacity_than_is_used_nothing_is_free),
    };
    return cmocka_run_group_tests_name("project", tests, NULL, NULL);
}
