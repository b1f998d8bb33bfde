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
    REFUSED(AQ_E_FORBIDDEN, "the token of user bob belongs to bob, not to alice");
    WHEN(user_token, .name = "alice");
    REFUSED(AQ_E_INTERNAL, "no token was created for user alice");
}

static void callers_without_the_right_do_not_learn_which_users_exist(void **context)
{
    (void)context;
    given_user("alice");
    spec_as("alice", AQ_ROLE_USER);
    WHEN(user_token, .name = "nobody", .hash = "h");
    REFUSED(AQ_E_FORBIDDEN, "the token of user nobody belongs to nobody, not to alice");
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
static void a_command_for_admins_is_refused_to_users(void **context)
{
    (void)context;
    const struct aq_command *command;
    unsigned refused = 0;
    spec_as("alice", AQ_ROLE_USER);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        if (command->role == AQ_ROLE_USER)
            continue;
        char text[200];
        void *record = aq_arena_alloc(&spec.arena, command->record->size);
        const bool is_plain = command->kind != AQ_ACTS && command->kind != AQ_INTERNAL_COMMAND;
        snprintf(text, sizeof text, "only admins may %s%s %s%s; alice is a user", is_plain ? "" : "run ", command->verb,
                 is_plain ? "" : "on ", command->entity->plural);
        spec_when(command, record);
        REFUSED(AQ_E_FORBIDDEN, text);
        refused++;
    }
    assert_true(refused > 8);
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
        SPEC_TEST(callers_without_the_right_do_not_learn_which_users_exist),
        SPEC_TEST(a_user_with_open_applications_cannot_be_deleted),
        SPEC_TEST(a_command_for_admins_is_refused_to_users),
    };
    return cmocka_run_group_tests_name("decide user", tests, NULL, NULL);
}
