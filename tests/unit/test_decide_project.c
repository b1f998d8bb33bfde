/* Projects: created, changed, deleted; and their quotas, on applications and on what these hold. */
#include "schema/model/project.h"
#include "tests/lib/decide_case.h"

/* 0: no quota. */
static void given_project(const char *name, uint64_t cpu, uint64_t applications)
{
    GIVEN(project_created, .name = name, .cpu = cpu, .applications = applications); /* as earlier builds wrote it */
}

/* A label with two ways to run: with `first` cores, or with `second`. */
static void given_two_ways(const char *name, uint64_t first, uint64_t second)
{
    struct aq_definition ways[2] = {{.driver = "test", .options = "{}", .resources = {.cpu = first}},
                                    {.driver = "test", .options = "{}", .resources = {.cpu = second}}};
    GIVEN(label_created, .id = 2, .name = name, .version = 1, .definitions = {ways, 2});
}

static struct aq_project the_project(const char *name)
{
    struct aq_project project;
    assert_true(state_project(spec.txn, name, &project, &spec.arena));
    return project;
}

static void a_project_is_created_and_changed(void **context)
{
    (void)context;
    WHEN(project_create, .name = "web", .cpu = 64000, .ram = 262144, .applications = 100, .user_slots = aq_some(0));
    THEN(project_created, .name = "web");
    THEN(project_quotas_set, .name = "web", .cpu = 64000, .ram = 262144, .applications = 100, .user_slots = aq_some(0));
    DONE();
    assert_string_equal(spec.decide.id, "web");
    given_project("web", 63999, 0);
    WHEN(project_create, .name = "web");
    REFUSED(AQ_E_EXISTS, "project web already exists");
    WHEN(project_create, .name = "default");
    REFUSED(AQ_E_EXISTS, "project default already exists"); /* from the start */
    WHEN(project_create, .name = "new");
    REFUSED(AQ_E_INVALID, "name is \"new\", which is reserved");
    WHEN(project_update, .name = "web", .cpu = 64000);
    DONE();
    WHEN(project_update, .name = "web", .slots = 3);
    THEN(project_quotas_set, .name = "web", .slots = 3);
    DONE();
    WHEN(project_update, .name = "default", .cpu = 1000);
    THEN(project_quotas_set, .name = "default", .cpu = 1000);
    DONE();
    WHEN(project_update, .name = "nil");
    REFUSED(AQ_E_NOT_FOUND, "there is no project nil");
}

/* In the log of earlier builds, 0 said that there is no quota. */
static void quotas_of_earlier_builds_are_read(void **context)
{
    (void)context;
    GIVEN(project_created, .name = "web", .cpu = 4000, .applications = 7, .description = "d");
    assert_int_equal(the_project("web").cpu, aq_some(4000));
    assert_int_equal(the_project("web").applications, aq_some(7));
    assert_int_equal(the_project("web").ram, 0);
    assert_string_equal(the_project("web").description, "d");
    GIVEN(project_updated, .name = "web", .ram = 5);
    assert_int_equal(the_project("web").cpu, 0);
    assert_int_equal(the_project("web").ram, aq_some(5));
}

static void what_has_applications_is_not_deleted(void **context)
{
    (void)context;
    given_cluster();
    given_project("web", 0, 0);
    DO(application_create, .label = "mac", .project = "web");
    as_system();
    WHEN(project_delete, .name = "web");
    REFUSED(AQ_E_STATE,
            "project web has 1 application, 1 of them open: end these; finished ones leave the tables as the "
            "setting keep.finished says");
    DO(application_deallocate, .id = 1);
    DO(resource_end, .id = 1, .node = "node-1");
    WHEN(project_delete, .name = "web");
    REFUSED(AQ_E_STATE,
            "project web has 1 application, 0 of them open: end these; finished ones leave the tables as the "
            "setting keep.finished says");
    DO(application_remove, .id = 1, .applications = "1");
    WHEN(project_delete, .name = "web");
    THEN(project_deleted, .name = "web");
    DONE();
    WHEN(project_delete, .name = "default");
    REFUSED(AQ_E_STATE, "project default cannot be deleted");
}

static void an_application_belongs_to_a_project(void **context)
{
    (void)context;
    given_cluster();
    given_project("web", 0, 0);
    DO(application_create, .label = "mac", .project = "web");
    DO(application_create, .label = "mac");
    assert_string_equal(the_application(1).project, "web");
    assert_string_equal(the_application(2).project, "default");
    assert_int_equal(the_project("web").open, 1);
    assert_int_equal(the_project("default").open, 1);
    WHEN(application_create, .label = "mac", .project = "nil");
    REFUSED(AQ_E_INVALID, "project is \"nil\", but there is no such project");
}

static void a_quota_on_applications_refuses(void **context)
{
    (void)context;
    given_cluster();
    given_project("web", 0, 1);
    DO(application_create, .label = "mac", .project = "web");
    WHEN(application_create, .label = "mac", .project = "web");
    REFUSED(AQ_E_LIMIT, "project web has 1 open application; its quota is 1");
    DO(application_deallocate, .id = 1);
    DO(application_create, .label = "mac", .project = "web");
    assert_int_equal(the_project("web").open, 1);
    assert_int_equal(the_project("web").known, 2);
}

/* What exceeds the quota waits, with the reason, until something is given back or the quota grows. */
static void a_quota_on_amounts_makes_wait(void **context)
{
    (void)context;
    given_cluster();
    given_node(2, "node-2", 100);
    given_two_ways("big", 3000, 3000);
    given_project("web", 4000, 0);
    DO(application_create, .label = "big", .project = "web");
    assert_int_equal(the_project("web").used.cpu, 3000);
    DO(application_create, .label = "big", .project = "web");
    assert_int_equal(the_application(2).status, AQ_NEW);
    assert_false(the_application(2).impossible);
    assert_string_equal(the_application(2).description,
                        "it needs 3 cpu, but less is left of the quota of project web, which is 4");
    DO(application_create, .label = "big"); /* other projects are not held up */
    assert_int_equal(the_application(3).status, AQ_ELECTED);
    as_system();
    WHEN(application_place, .id = 2); /* nothing new to say */
    DONE();
    DO(application_deallocate, .id = 1);
    WHEN(application_place, .id = 2); /* it is held until the node has ended it */
    DONE();
    DO(resource_end, .id = 1, .node = "node-1");
    assert_int_equal(the_project("web").used.cpu, 0);
    DO(application_place, .id = 2);
    assert_int_equal(the_application(2).status, AQ_ELECTED);
    assert_int_equal(the_project("web").used.cpu, 3000);
}

static void a_larger_quota_lets_it_run(void **context)
{
    (void)context;
    given_cluster();
    given_two_ways("big", 3000, 3000);
    given_project("web", 2000, 0);
    DO(application_create, .label = "big", .project = "web");
    assert_int_equal(the_application(1).status, AQ_NEW);
    as_system();
    DO(project_update, .name = "web", .cpu = aq_some(3000));
    DO(application_place, .id = 1);
    assert_int_equal(the_application(1).status, AQ_ELECTED);
    DO(project_update, .name = "web", .cpu = aq_some(1000)); /* what it holds it keeps */
    assert_int_equal(the_project("web").used.cpu, 3000);
}

static void a_definition_within_the_quota_is_chosen(void **context)
{
    (void)context;
    given_cluster();
    given_two_ways("either", 3000, 1000);
    given_project("web", 2000, 0);
    DO(application_create, .label = "either", .project = "web");
    assert_int_equal(the_application(1).status, AQ_ELECTED);
    assert_int_equal(the_project("web").used.cpu, 1000);
}

static void given_user_quota(const char *name, uint64_t cpu, uint64_t applications)
{
    GIVEN(project_created, .name = name);
    GIVEN(project_quotas_set, .name = name, .user_cpu = cpu > 0 ? aq_some(cpu) : 0,
          .user_applications = applications > 0 ? aq_some(applications) : 0);
}

static void zero_is_a_quota(void **context)
{
    (void)context;
    as_system();
    DO(project_create, .name = "none", .slots = aq_some(0));
    DO(project_create, .name = "closed", .applications = aq_some(0));
    given_cluster();
    DO(application_create, .label = "mac", .project = "none");
    assert_string_equal(the_application(1).description,
                        "it needs 1 slots, but less is left of the quota of project none, which is 0");
    WHEN(application_create, .label = "mac", .project = "closed");
    REFUSED(AQ_E_LIMIT, "project closed has 0 open applications; its quota is 0");
}

static void a_quota_of_each_user_refuses_applications(void **context)
{
    (void)context;
    given_cluster();
    given_user("bob");
    given_user_quota("web", 0, 1);
    given_user_quota("ci", 0, 1);
    DO(application_create, .label = "mac", .project = "web");
    WHEN(application_create, .label = "mac", .project = "web");
    REFUSED(AQ_E_LIMIT, "user alice has 1 open application in project web; its quota for each user is 1");
    DO(application_create, .label = "mac", .project = "ci"); /* each project counts by itself */
    spec_as("bob", AQ_ROLE_USER);
    DO(application_create, .label = "mac", .project = "web"); /* and each user */
    WHEN(application_create, .label = "mac", .project = "web");
    REFUSED(AQ_E_LIMIT, "user bob has 1 open application in project web; its quota for each user is 1");
    DO(application_deallocate, .id = 3);
    DO(application_create, .label = "mac", .project = "web");
    const struct counter_usage usage = counter_usage(spec.txn, "web", number_of("bob"));
    assert_int_equal(usage.open, 1);
    assert_int_equal(usage.held.slots, 2); /* the first is held until its node has ended it */
}

static void a_quota_of_each_user_makes_wait(void **context)
{
    (void)context;
    given_cluster();
    given_user("bob");
    given_node(2, "node-2", 100);
    given_two_ways("big", 3000, 3000);
    given_user_quota("web", 4000, 0);
    DO(application_create, .label = "big", .project = "web");
    DO(application_create, .label = "big", .project = "web");
    assert_int_equal(the_application(2).status, AQ_NEW);
    assert_false(the_application(2).impossible);
    assert_string_equal(the_application(2).description,
                        "it needs 3 cpu, but less is left of the quota of user alice in project web, which is 4");
    spec_as("bob", AQ_ROLE_USER);
    DO(application_create, .label = "big", .project = "web"); /* other users are not held up */
    assert_int_equal(the_application(3).status, AQ_ELECTED);
    as_system();
    WHEN(application_place, .id = 2); /* nothing new to say */
    DONE();
    DO(resource_end, .id = 1, .node = "node-1");
    assert_int_equal(counter_usage(spec.txn, "web", number_of("alice")).held.cpu, 0);
    DO(application_place, .id = 2);
    assert_int_equal(the_application(2).status, AQ_ELECTED);
    assert_int_equal(counter_usage(spec.txn, "web", number_of("alice")).held.cpu, 3000);
    DO(project_update, .name = "web", .user_cpu = aq_some(1000)); /* what they hold they keep */
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "big", .project = "web");
    assert_int_equal(the_application(4).status, AQ_NEW);
    as_system();
    DO(project_update, .name = "web"); /* no quota any more */
    DO(application_place, .id = 4);
    assert_int_equal(the_application(4).status, AQ_ELECTED);
}

/* What an application is placed again for, by what its agent reports, counts for its user. */
static void what_is_tried_elsewhere_counts_for_its_user(void **context)
{
    (void)context;
    given_cluster();
    given_node(2, "node-2", 4);
    given_user_quota("web", 1000, 0);
    DO(application_create, .label = "mac", .project = "web");
    as_system();
    DO(resource_fail, .id = 1, .node = "node-1", .reason = "no luck");
    assert_int_equal(counter_usage(spec.txn, "web", number_of("alice")).held.cpu, 0);
    DO(application_place, .id = 1); /* what the first one held is free after that decision */
    assert_string_equal(the_application(1).node, "node-2");
    assert_int_equal(counter_usage(spec.txn, "web", number_of("alice")).held.cpu, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_project_is_created_and_changed),
        SPEC_TEST(what_has_applications_is_not_deleted),
        SPEC_TEST(quotas_of_earlier_builds_are_read),
        SPEC_TEST(an_application_belongs_to_a_project),
        SPEC_TEST(a_quota_on_applications_refuses),
        SPEC_TEST(a_quota_on_amounts_makes_wait),
        SPEC_TEST(a_larger_quota_lets_it_run),
        SPEC_TEST(a_definition_within_the_quota_is_chosen),
        SPEC_TEST(zero_is_a_quota),
        SPEC_TEST(a_quota_of_each_user_refuses_applications),
        SPEC_TEST(a_quota_of_each_user_makes_wait),
        SPEC_TEST(what_is_tried_elsewhere_counts_for_its_user),
    };
    return cmocka_run_group_tests_name("decide project", tests, NULL, NULL);
}
