/* Users: created, changed, given a new token, deleted; and the role that each command requires. */
#include "tests/lib/decide_case.h"

static void a_user_is_created(void **context)
{
    (void)context;
    WHEN(user_create, .name = "alice", .role = AQ_ROLE_ADMIN, .max_applications = 3, .hash = "h");
    THEN(user_created, .name = "alice", .role = AQ_ROLE_ADMIN, .max_applications = 3, .hash = "h");
    DONE();
    assert_string_equal(spec.decide.id, "alice");
}

static void a_name_is_unique(void **context)
{
    (void)context;
    given_user("alice");
    WHEN(user_create, .name = "alice", .hash = "h");
    REFUSED(AQ_E_EXISTS, "user alice already exists");
}

static void some_names_are_reserved(void **context)
{
    (void)context;
    WHEN(user_create, .name = "aquarium", .hash = "h");
    REFUSED(AQ_E_INVALID, "name is \"aquarium\", which is reserved");
    WHEN(user_create, .name = "new", .hash = "h");
    REFUSED(AQ_E_INVALID, "name is \"new\", which is reserved");
    WHEN(user_create, .name = "last", .hash = "h");
    REFUSED(AQ_E_INVALID, "name is \"last\", which is reserved");
    WHEN(user_create, .name = "1001", .hash = "x");
    REFUSED(AQ_E_INVALID, "name is \"1001\", which reads as a number: use a letter as well");
}

static void a_user_without_a_token_is_refused(void **context)
{
    (void)context;
    WHEN(user_create, .name = "alice");
    REFUSED(AQ_E_INTERNAL, "no token was created for user alice");
}

static void role_and_limit_are_set(void **context)
{
    (void)context;
    given_user("alice");
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_ADMIN, .max_applications = 9);
    THEN(user_updated, .name = "alice", .role = AQ_ROLE_ADMIN, .max_applications = 9);
    DONE();
    assert_string_equal(spec.decide.id, "alice");
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_ADMIN, .max_applications = 9);
    DONE(); /* the same values change nothing */
}

static void a_missing_user_cannot_be_changed(void **context)
{
    (void)context;
    WHEN(user_update, .name = "bob");
    REFUSED(AQ_E_NOT_FOUND, "there is no user bob");
    WHEN(user_token, .name = "bob", .hash = "h");
    REFUSED(AQ_E_NOT_FOUND, "there is no user bob");
    WHEN(user_delete, .name = "bob");
    REFUSED(AQ_E_NOT_FOUND, "there is no user bob");
}

static void admin_stays_admin(void **context)
{
    (void)context;
    GIVEN(user_created, .name = "admin", .role = AQ_ROLE_ADMIN, .hash = "x");
    WHEN(user_update, .name = "admin", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_STATE, "user admin must keep the role admin");
    WHEN(user_update, .name = "admin", .role = AQ_ROLE_ADMIN, .max_applications = 5);
    THEN(user_updated, .name = "admin", .role = AQ_ROLE_ADMIN, .max_applications = 5);
    DONE();
    WHEN(user_delete, .name = "admin");
    REFUSED(AQ_E_STATE, "user admin cannot be deleted");
}

static void a_token_is_changed_by_its_owner_or_an_admin(void **context)
{
    (void)context;
    given_user("alice");
    given_user("bob");
    WHEN(user_token, .name = "alice", .hash = "h2");
    THEN(user_token_changed, .name = "alice", .hash = "h2");
    DONE();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(user_token, .name = "alice", .hash = "h3");
    THEN(user_token_changed, .name = "alice", .hash = "h3");
    DONE();
    assert_string_equal(spec.decide.id, "alice");
    WHEN(user_token, .name = "bob", .hash = "h3");
    REFUSED(AQ_E_NOT_FOUND, "there is no user bob");
    WHEN(user_token, .name = "alice");
    REFUSED(AQ_E_INTERNAL, "no token was created for user alice");
}

static void a_unix_user_is_one_user(void **context)
{
    (void)context;
    given_user("alice");
    WHEN(user_uid, .name = "alice", .uid = 1001);
    THEN(user_uid_set, .name = "alice", .uid = 1001);
    DONE();
    assert_string_equal(spec.decide.id, "alice");
    GIVEN(user_uid_set, .name = "alice", .uid = 1001);
    WHEN(user_uid, .name = "alice", .uid = 1001);
    DONE();
    WHEN(user_create, .name = "bob", .hash = "h", .uid = 1001);
    REFUSED(AQ_E_EXISTS, "uid 1001 is that of user alice already");
    WHEN(user_create, .name = "bob", .hash = "h", .uid = 1002);
    THEN(user_created, .name = "bob", .role = AQ_ROLE_USER, .hash = "h");
    THEN(user_uid_set, .name = "bob", .uid = 1002);
    DONE();
    GIVEN(user_created, .name = "bob", .role = AQ_ROLE_USER, .hash = "h");
    WHEN(user_uid, .name = "bob", .uid = 1001);
    REFUSED(AQ_E_EXISTS, "uid 1001 is that of user alice already");
    WHEN(user_uid, .name = "carol", .uid = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no user carol");
    GIVEN(user_uid_set, .name = "alice", .uid = 0);
    WHEN(user_uid, .name = "bob", .uid = 1001);
    THEN(user_uid_set, .name = "bob", .uid = 1001);
    DONE();
    GIVEN(user_uid_set, .name = "bob", .uid = 1001);
    GIVEN(user_deleted, .name = "bob");
    WHEN(user_uid, .name = "alice", .uid = 1001);
    THEN(user_uid_set, .name = "alice", .uid = 1001);
    DONE();
}

static void callers_without_the_right_do_not_learn_which_users_exist(void **context)
{
    (void)context;
    given_user("alice");
    spec_as("alice", AQ_ROLE_USER);
    WHEN(user_token, .name = "nobody", .hash = "h");
    REFUSED(AQ_E_NOT_FOUND, "there is no user nobody");
}

static void a_user_with_open_applications_cannot_be_deleted(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac");
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(user_delete, .name = "alice");
    REFUSED(AQ_E_STATE, "user alice has 1 open application: deallocate it first");
    DO(application_deallocate, .id = 1);
    WHEN(user_delete, .name = "alice");
    THEN(user_deleted, .name = "alice");
    DONE();
    assert_string_equal(spec.decide.id, "alice");
}

/* For every command of the registry. */
static void a_command_that_the_role_does_not_give_is_refused(void **context)
{
    (void)context;
    const struct aq_command *command;
    unsigned refused = 0;
    given_user("alice");
    spec_as("alice", AQ_ROLE_USER);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        if (test_role_permits(AQ_ROLE_USER, command))
            continue;
        char text[300];
        void *record = aq_arena_alloc(&spec.arena, command->record->size);
        const bool is_plain = command->kind != AQ_ACTS && command->kind != AQ_INTERNAL_COMMAND;
        if (command->kind == AQ_INTERNAL_COMMAND)
            snprintf(text, sizeof text, "only agents and controllers may run %s on %s", command->verb,
                     command->entity->plural);
        else
            snprintf(text, sizeof text,
                     "alice may not %s%s %s%s: that takes the permission %s.%s, which the role user does not give",
                     is_plain ? "" : "run ", command->verb, is_plain ? "" : "on ", command->entity->plural,
                     command->entity->name, command->verb);
        spec_when(command, record);
        REFUSED(AQ_E_FORBIDDEN, text);
        refused++;
    }
    assert_true(refused > 8);
}

/* A name may be given again, but who has it then is somebody else. */
static void who_gets_a_name_that_was_used_inherits_nothing(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac");
    const uint64_t first = number_of("alice");
    DO(application_deallocate, .id = 1);
    as_system();
    DO(user_delete, .name = "alice");
    DO(user_create, .name = "alice", .hash = "h", .max_applications = 1);
    assert_int_equal(number_of("alice"), first + 1);
    assert_int_equal(the_application(1).user_number, first);
    assert_string_equal(the_application(1).user, "alice");
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_extend, .id = 1, .by = 5);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1");
    WHEN(application_deallocate, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1");
    DO(application_create, .label = "mac");
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_LIMIT, "user alice has 1 open application; the limit is 1");
    assert_int_equal(counter_open_of_user(spec.txn, first), 0);
    assert_int_equal(counter_open_of_user(spec.txn, first + 1), 1);
    assert_int_equal(spec_rows(INDEX_OWNED), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_user_is_created),
        SPEC_TEST(a_name_is_unique),
        SPEC_TEST(some_names_are_reserved),
        SPEC_TEST(a_user_without_a_token_is_refused),
        SPEC_TEST(role_and_limit_are_set),
        SPEC_TEST(a_missing_user_cannot_be_changed),
        SPEC_TEST(admin_stays_admin),
        SPEC_TEST(a_token_is_changed_by_its_owner_or_an_admin),
        SPEC_TEST(a_unix_user_is_one_user),
        SPEC_TEST(callers_without_the_right_do_not_learn_which_users_exist),
        SPEC_TEST(a_user_with_open_applications_cannot_be_deleted),
        SPEC_TEST(a_command_that_the_role_does_not_give_is_refused),
        SPEC_TEST(who_gets_a_name_that_was_used_inherits_nothing),
    };
    return cmocka_run_group_tests_name("decide user", tests, NULL, NULL);
}
