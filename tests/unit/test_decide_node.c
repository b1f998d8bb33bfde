/* Nodes: they join, change, are lost, return, go into maintenance, and are deleted with all that they ran. */
#include "schema/model/project.h"
#include "schema/model/user.h"
#include "tests/lib/decide_case.h"

#define DESCRIPTION                                                                                                    \
    .address = "10.0.0.1", .agent_version = "1", .drivers = ITEMS(const char *, "test"),                               \
    .identifiers = ITEMS(const char *, "os:linux"), .capacity = {.cpu = 4000, .ram = 1024, .disk = 1024, .slots = 4}

static void a_new_node_joins_and_is_counted(void **context)
{
    (void)context;
    WHEN(node_join, .name = "node-1", .instance = 7, DESCRIPTION);
    THEN(node_joined, .name = "node-1", .number = 1, .instance = 7, DESCRIPTION);
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
    WHEN(node_join, .name = "2", .instance = 8, DESCRIPTION);
    REFUSED(AQ_E_INVALID, "name is \"2\", which reads as a number: use a letter as well");
    WHEN(node_join, .name = "node-2", .instance = 8, DESCRIPTION);
    THEN(node_joined, .name = "node-2", .number = 2, .instance = 8, DESCRIPTION);
    DONE();
}

static void the_same_description_changes_nothing(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_join, .name = "node-1", .instance = 7, DESCRIPTION);
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
}

static void each_part_of_a_description_counts(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
#define JOINS_CHANGED(...)                                                                                             \
    do {                                                                                                               \
        WHEN(node_join, .name = "node-1", .instance = 7, __VA_ARGS__);                                                 \
        THEN(node_changed, .name = "node-1", .instance = 7, __VA_ARGS__);                                              \
        DONE();                                                                                                        \
    } while (0)
    JOINS_CHANGED(.address = "10.0.0.2");
    JOINS_CHANGED(.address = "10.0.0.2", .agent_version = "2");
    JOINS_CHANGED(.address = "10.0.0.2", .agent_version = "2", .drivers = ITEMS(const char *, "a"));
    JOINS_CHANGED(.address = "10.0.0.2", .agent_version = "2", .drivers = ITEMS(const char *, "b"));
    JOINS_CHANGED(.address = "10.0.0.2", .agent_version = "2", .drivers = ITEMS(const char *, "b"),
                  .identifiers = ITEMS(const char *, "os:mac", "rack:a1"));
    JOINS_CHANGED(.address = "10.0.0.2", .capacity = {.cpu = 1});
    JOINS_CHANGED(.address = "10.0.0.2", .capacity = {.ram = 1});
    JOINS_CHANGED(.address = "10.0.0.2", .capacity = {.disk = 1});
    JOINS_CHANGED(.address = "10.0.0.2", .capacity = {.slots = 1});
#undef JOINS_CHANGED
}

static void a_second_agent_with_the_name_of_an_active_node_is_refused(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_join, .name = "node-1", .instance = 8, DESCRIPTION);
    REFUSED(AQ_E_EXISTS, "node node-1 is alive at 10.0.0.1: give this agent another name");
}

static void a_silent_node_is_lost_once(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_lose, .name = "node-1");
    THEN(node_status_set, .name = "node-1", .status = AQ_NODE_LOST);
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
    WHEN(node_lose, .name = "node-1");
    DONE();
    WHEN(node_lose, .name = "node-2");
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
}

static void a_lost_node_returns(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_lose, .name = "node-1");
    WHEN(node_join, .name = "node-1", .instance = 7, DESCRIPTION);
    THEN(node_status_set, .name = "node-1", .status = AQ_NODE_ACTIVE);
    DONE();
}

static void another_agent_may_take_the_name_of_a_lost_node(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_lose, .name = "node-1");
    WHEN(node_join, .name = "node-1", .instance = 8, DESCRIPTION);
    THEN(node_changed, .name = "node-1", .instance = 8, DESCRIPTION);
    THEN(node_status_set, .name = "node-1", .status = AQ_NODE_ACTIVE);
    DONE();
}

static void what_a_lost_node_runs_stays(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac");
    as_system();
    DO(node_lose, .name = "node-1");
    assert_int_equal(the_application(1).status, AQ_ELECTED);
    assert_int_equal(the_resource(1).status, AQ_RESOURCE_ASSIGNED);
}

static void maintenance_is_switched_on_and_off(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_maintenance, .name = "node-1", .maintenance = false);
    DONE();
    WHEN(node_maintenance, .name = "node-1", .maintenance = true);
    THEN(node_maintenance_set, .name = "node-1", .maintenance = true);
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
    WHEN(node_maintenance, .name = "node-1", .maintenance = true);
    DONE();
    WHEN(node_maintenance, .name = "node-1", .maintenance = false);
    THEN(node_maintenance_set, .name = "node-1", .maintenance = false);
    DONE();
    WHEN(node_maintenance, .name = "node-2", .maintenance = true);
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
}

static void a_node_serves_named_projects(void **context)
{
    (void)context;
    given_cluster();
    GIVEN(project_created, .name = "web");
    GIVEN(project_created, .name = "ci");
    as_system();
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, "web", "ci", "web"));
    THEN(node_projects_set, .name = "node-1", .projects = ITEMS(const char *, "web", "ci"));
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, "web", "ci"));
    DONE();
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, "web", "nil"));
    REFUSED(AQ_E_INVALID, "projects[1] is \"nil\", but there is no such project");
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, ""));
    REFUSED(AQ_E_INVALID, "projects[0] is \"\", but there is no such project");
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, "web", "*"));
    REFUSED(AQ_E_INVALID, "projects[1] is \"*\", but there is no such project");
    const struct aq_list may = ITEMS(const char *, "node.projects");
    const struct aq_rights rights = aq_rights_of(&may);
    const struct aq_user ray = {.name = "ray", .role = "racker"};
    spec.caller = aq_caller_of_user(&ray, &rights); /* who sees no projects does not learn by this which there are */
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, "ci"));
    REFUSED(AQ_E_INVALID, "projects[0] is \"ci\", but there is no such project");
    as_system();
    WHEN(node_projects, .name = "node-2", .projects = ITEMS(const char *, "web"));
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
    WHEN(project_delete, .name = "ci"); /* otherwise the node would serve who gets the name again */
    REFUSED(AQ_E_STATE, "node node-1 serves project ci: take it out of the node's list of projects first");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    assert_true(the_application(1).impossible);
    assert_string_equal(the_application(1).description,
                        "no node that has joined could ever take it: node-1: it serves only other projects");
    DO(application_create, .label = "mac", .project = "ci");
    assert_int_equal(the_application(2).status, AQ_ELECTED);
    as_system();
    WHEN(node_projects, .name = "node-1", .projects = ITEMS(const char *, "*"));
    THEN(node_projects_set, .name = "node-1");
    DONE();
    DO(application_place, .id = 1);
    assert_int_equal(the_application(1).status, AQ_ELECTED);
    spec_check_index();
}

/* What an agent says of its node leaves alone what an operator has said. */
static void an_agent_does_not_change_which_projects(void **context)
{
    (void)context;
    given_cluster();
    GIVEN(project_created, .name = "web");
    as_system();
    DO(node_projects, .name = "node-1", .projects = ITEMS(const char *, "web"));
    DO(node_join, .name = "node-1", .instance = the_node("node-1").instance, .address = "10.0.0.9",
       .agent_version = "2", .drivers = ITEMS(const char *, "test"), .capacity = {.cpu = 9000, .slots = 9});
    assert_int_equal(the_node("node-1").capacity.cpu, 9000);
    assert_int_equal(the_node("node-1").projects.count, 1);
    DO(node_lose, .name = "node-1");
    DO(node_join, .name = "node-1", .instance = the_node("node-1").instance, .address = "10.0.0.9",
       .agent_version = "2", .drivers = ITEMS(const char *, "test"), .capacity = {.cpu = 9000, .slots = 9});
    assert_string_equal(AQ_TEXT_ITEM(the_node("node-1").projects, 0), "web");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    assert_int_equal(the_application(1).status, AQ_NEW);
}

static void a_lost_node_can_be_put_into_maintenance(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_lose, .name = "node-1");
    WHEN(node_maintenance, .name = "node-1", .maintenance = true);
    THEN(node_maintenance_set, .name = "node-1", .maintenance = true);
    DONE();
}

static void only_a_lost_node_can_be_deleted(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_delete, .name = "node-1");
    REFUSED(AQ_E_STATE, "node node-1 is ACTIVE: stop its agent first; only a LOST node can be deleted");
    WHEN(node_delete, .name = "node-2");
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
    DO(node_lose, .name = "node-1");
    WHEN(node_delete, .name = "node-1");
    THEN(node_deleted, .name = "node-1");
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
}

/* 1 is ELECTED, 2 ALLOCATED, 3 DEALLOCATE, 4 RECALLED while its node was starting it. */
static void given_all_kinds(void)
{
    given_cluster();
    for (int i = 0; i < 4; i++)
        DO(application_create, .label = "mac");
    as_system();
    DO(resource_start, .id = 2, .node = "node-1");
    DO(resource_start, .id = 3, .node = "node-1");
    DO(application_deallocate, .id = 3);
    DO(application_deallocate, .id = 4);
    DO(node_lose, .name = "node-1");
}

static void what_a_deleted_node_ran_counts_as_ended(void **context)
{
    (void)context;
    static const char reason[] = "node node-1 was deleted";
    given_all_kinds();
    WHEN(node_delete, .name = "node-1");
    THEN(resource_ended, .id = 1, .reason = reason);
    THEN(application_moved, .id = 1, .status = AQ_ERRORED, .description = reason);
    THEN(resource_ended, .id = 2, .reason = reason);
    THEN(application_moved, .id = 2, .status = AQ_ERRORED, .description = reason);
    THEN(resource_ended, .id = 3, .reason = reason);
    THEN(application_moved, .id = 3, .status = AQ_DEALLOCATED, .description = reason);
    THEN(resource_ended, .id = 4, .reason = reason);
    THEN(node_deleted, .name = "node-1");
    DONE();
    assert_int_equal(the_application(4).status, AQ_RECALLED);
    assert_int_equal(counter_open_of_user(spec.txn, number_of("alice")), 0);
    assert_int_equal(counter_open_of_label(spec.txn, 1), 0);
}

static void a_deleted_name_joins_with_a_new_number(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_lose, .name = "node-1");
    DO(node_delete, .name = "node-1");
    WHEN(node_join, .name = "node-1", .instance = 9, DESCRIPTION);
    THEN(node_joined, .name = "node-1", .number = 2, .instance = 9, DESCRIPTION);
    DONE();
}

/* Resources that need no capacity have no other limit. */
static void a_node_with_very_many_resources_is_not_deleted(void **context)
{
    (void)context;
    struct aq_definition definition = {.driver = "test"};
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "nothing", .version = 1, .definitions = {&definition, 1});
    for (uint64_t i = 1; i <= 16385; i++) {
        GIVEN(application_created, .id = i, .label_id = 2);
        GIVEN(application_elected, .id = i, .resource = i, .node = "node-1");
        aq_arena_reset(&spec.arena);
    }
    as_system();
    DO(node_lose, .name = "node-1");
    WHEN(node_delete, .name = "node-1");
    assert_int_equal(spec.status, -1);
    assert_int_equal(spec.error.code, AQ_E_LIMIT);
    assert_string_equal(spec.error.message,
                        "node node-1 holds more than 16384 resources and tasks, the most that can end at once: let its "
                        "agent return and end some first");
    spec.open = false;
    DO(resource_end, .id = 1, .node = "node-1");
    DO(node_delete, .name = "node-1");
    assert_int_equal(spec.decide.count, 2 * 16384 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_new_node_joins_and_is_counted),
        SPEC_TEST(the_same_description_changes_nothing),
        SPEC_TEST(each_part_of_a_description_counts),
        SPEC_TEST(a_second_agent_with_the_name_of_an_active_node_is_refused),
        SPEC_TEST(a_silent_node_is_lost_once),
        SPEC_TEST(a_lost_node_returns),
        SPEC_TEST(another_agent_may_take_the_name_of_a_lost_node),
        SPEC_TEST(what_a_lost_node_runs_stays),
        SPEC_TEST(maintenance_is_switched_on_and_off),
        SPEC_TEST(a_node_serves_named_projects),
        SPEC_TEST(an_agent_does_not_change_which_projects),
        SPEC_TEST(a_lost_node_can_be_put_into_maintenance),
        SPEC_TEST(only_a_lost_node_can_be_deleted),
        SPEC_TEST(what_a_deleted_node_ran_counts_as_ended),
        SPEC_TEST(a_deleted_name_joins_with_a_new_number),
        SPEC_TEST(a_node_with_very_many_resources_is_not_deleted),
    };
    return cmocka_run_group_tests_name("decide node", tests, NULL, NULL);
}
