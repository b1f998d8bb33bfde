/* Tokens: named, several for each user, narrowed and for a time; and nobody gives more than they have. */
#include "controller/state/rights.h"
#include "schema/model/join_token.h"
#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/role.h"
#include "schema/model/token.h"
#include "tests/lib/decide_case.h"

#define PATTERNS(...) ITEMS(const char *, __VA_ARGS__)

/* alice has the role user, boss the role admin; each has a first token, 1 and 2. */
static void given_users(void)
{
    given_user("alice");
    GIVEN(user_created, .name = "boss", .role = AQ_ROLE_ADMIN, .hash = "y");
}

/* The next commands come with this token; 0: with none, as in the file view. */
static void with_token(const char *user, uint64_t id)
{
    struct aq_user row;
    struct aq_token token;
    assert_true(state_user(spec.txn, user, &row, &spec.arena));
    spec.caller = rights_caller(spec.txn, &row, &spec.arena);
    if (id != 0 && state_token(spec.txn, id, &token, &spec.arena))
        spec.caller = rights_caller_with(spec.txn, &row, &token, &spec.arena);
}

static void a_user_makes_tokens_for_itself(void **context)
{
    (void)context;
    given_users();
    with_token("alice", 1);
    WHEN(token_create, .name = "ci", .only = PATTERNS("application.create", "application.deallocate"), .ttl = 60,
         .hash = "h");
    THEN(token_created, .id = 3, .user = "alice", .name = "ci",
         .only = PATTERNS("application.create", "application.deallocate"), .expires_at = SPEC_START_MS + 60000,
         .hash = "h");
    DONE();
    assert_string_equal(spec.decide.id, "3");
    WHEN(token_create, .name = "ci", .hash = "h2");
    REFUSED(AQ_E_EXISTS, "user alice has a token ci already");
    WHEN(token_create, .name = "other", .user = "boss", .hash = "h2");
    REFUSED(AQ_E_NOT_FOUND, "there is no user boss");
    WHEN(token_create, .name = "other", .user = "nobody", .hash = "h2");
    REFUSED(AQ_E_NOT_FOUND, "there is no user nobody");
    with_token("boss", 2);
    WHEN(token_create, .name = "ci", .user = "boss", .hash = "h2"); /* names are each user's own */
    THEN(token_created, .id = 4, .user = "boss", .name = "ci", .hash = "h2");
    DONE();
}

static void what_is_asked_for_must_make_sense(void **context)
{
    (void)context;
    given_users();
    with_token("alice", 1);
    WHEN(token_create, .name = "first", .hash = "h");
    REFUSED(AQ_E_INVALID, "name is \"first\", which is reserved");
    WHEN(token_create, .name = "7", .hash = "h");
    REFUSED(AQ_E_INVALID, "name is \"7\", which reads as a number: use a letter as well");
    WHEN(token_create, .name = "ci", .role = "boss", .hash = "h");
    REFUSED(AQ_E_INVALID, "role is \"boss\", but there is no such role");
    WHEN(token_create, .name = "ci", .only = PATTERNS("application.create", "application.crate"), .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_INVALID);
    assert_memory_equal(spec.error.message, "only[1]: ", 9);
    spec.open = false;
    WHEN(token_create, .name = "ci");
    REFUSED(AQ_E_INTERNAL, "no token was made");
}

static void an_admin_makes_tokens_for_others(void **context)
{
    (void)context;
    given_users();
    with_token("boss", 2);
    WHEN(token_create, .name = "ci", .user = "alice", .role = AQ_ROLE_USER, .hash = "h");
    THEN(token_created, .id = 3, .user = "alice", .name = "ci", .role = AQ_ROLE_USER, .hash = "h");
    DONE();
    with_token("alice", 3);
    WHEN(token_delete, .id = 2);
    REFUSED(AQ_E_NOT_FOUND, "there is no token 2");
    WHEN(token_delete, .id = 3);
    THEN(token_deleted, .id = 3, .user = "alice", .user_number = 1);
    DONE();
}

static void nobody_gives_more_than_they_have(void **context)
{
    (void)context;
    given_users();
    GIVEN(token_created, .id = 3, .user = "boss", .name = "narrow",
          .only = PATTERNS("token.create", "user.*", "application.create"), .expires_at = SPEC_START_MS + 60000,
          .hash = "n");
    with_token("boss", 3);
    WHEN(token_create, .name = "wide", .ttl = 5, .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(token_create, .name = "wide", .only = PATTERNS("application.*"), .ttl = 5, .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(token_create, .name = "long", .only = PATTERNS("application.create"), .hash = "h");
    REFUSED(AQ_E_FORBIDDEN, "token long would be valid for longer than the token that asks for it, which ends in 60 s: "
                            "give it a shorter ttl");
    WHEN(token_create, .name = "fine", .only = PATTERNS("application.create"), .ttl = 60, .hash = "h");
    THEN(token_created, .id = 4, .user = "boss", .name = "fine", .only = PATTERNS("application.create"),
         .expires_at = SPEC_START_MS + 60000, .hash = "h");
    DONE();
    /* Nor by the ways around: a first token, a uid, another user, one's own role. */
    WHEN(user_token, .name = "boss", .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_uid, .name = "boss", .uid = 5);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_create, .name = "carl", .role = AQ_ROLE_ADMIN, .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_ADMIN);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
}

/* Or a stolen token would outlive its end. */
static void a_token_that_ends_gives_its_user_nothing_that_lasts(void **context)
{
    (void)context;
    given_users();
    GIVEN(token_created, .id = 3, .user = "boss", .name = "today", .expires_at = SPEC_START_MS + 60000, .hash = "n");
    with_token("boss", 3);
    WHEN(user_token, .name = "boss", .hash = "h");
    REFUSED(AQ_E_FORBIDDEN, "a new first token would be valid for longer than the token that asks for it, which "
                            "expires: ask with one that does not");
    WHEN(user_uid, .name = "boss", .uid = 5);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_token, .name = "alice", .hash = "h"); /* nor anybody else */
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_uid, .name = "alice", .uid = 5);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_create, .name = "carl", .hash = "h");
    REFUSED(AQ_E_FORBIDDEN, "a new user would be valid for longer than the token that asks for it, which expires: ask "
                            "with one that does not");
    with_token("boss", 2);
    WHEN(user_create, .name = "carl", .hash = "h");
    THEN(user_created, .name = "carl", .role = AQ_ROLE_USER, .hash = "h");
    DONE();
    WHEN(user_token, .name = "boss", .hash = "h");
    THEN(user_token_changed, .name = "boss", .hash = "h");
    DONE();
}

/* Nor what others would keep: the thief may have a user already, with few rights. Taking from somebody lasts, too, but
 * gives the thief nothing. */
static void a_token_that_ends_gives_nobody_a_role_that_lasts(void **context)
{
    (void)context;
    given_users();
    with_token("boss", 2);
    DO(project_create, .name = "web");
    DO(project_create, .name = "db");
    DO(role_create, .name = "deploy", .may = PATTERNS("application.*:own", "label.read"));
    DO(membership_create, .project = "web", .user = "alice", .role = AQ_ROLE_USER);
    DO(user_update, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 7);
    GIVEN(token_created, .id = 3, .user = "boss", .name = "today", .expires_at = SPEC_START_MS + 60000, .hash = "n");
    with_token("boss", 3);
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_ADMIN);
    REFUSED(AQ_E_FORBIDDEN, "the role admin would be valid for longer than the token that asks for it, which expires: "
                            "ask with one that does not");
    WHEN(membership_create, .project = "db", .user = "alice", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_FORBIDDEN, "a role in a project would be valid for longer than the token that asks for it, which "
                            "expires: ask with one that does not");
    WHEN(membership_update, .id = 1, .role = AQ_ROLE_ADMIN);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(role_update, .name = "deploy", .may = PATTERNS("application.*:own", "label.*"));
    REFUSED(AQ_E_FORBIDDEN, "what is added to a role would be valid for longer than the token that asks for it, which "
                            "expires: ask with one that does not");
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 8);
    REFUSED(AQ_E_FORBIDDEN, "a larger max_applications would be valid for longer than the token that asks for it, "
                            "which expires: ask with one that does not");
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_USER); /* no limit */
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    DO(user_update, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 6);
    DO(role_update, .name = "deploy", .may = PATTERNS("application.*:own"));
    DO(membership_update, .id = 1, .role = AQ_ROLE_MEMBER);
    DO(membership_delete, .id = 1);
    DO(user_update, .name = "alice", .role = AQ_ROLE_MEMBER, .max_applications = 6);
    with_token("boss", 2);
    DO(user_update, .name = "alice", .role = AQ_ROLE_ADMIN);
}

static void a_token_that_ends_lets_nobody_hold_more_that_lasts(void **context)
{
    (void)context;
    given_users();
    with_token("boss", 2);
    DO(project_create, .name = "web", .cpu = aq_some(5000), .user_applications = aq_some(3));
    GIVEN(token_created, .id = 3, .user = "boss", .name = "today", .expires_at = SPEC_START_MS + 60000, .hash = "n");
    with_token("boss", 3);
    WHEN(project_update, .name = "web", .cpu = aq_some(6000), .user_applications = aq_some(3));
    REFUSED(AQ_E_FORBIDDEN, "a larger quota would be valid for longer than the token that asks for it, which expires: "
                            "ask with one that does not");
    WHEN(project_update, .name = "web", .cpu = aq_some(5000)); /* each user without a limit */
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    DO(project_update, .name = "web", .cpu = aq_some(4000), .user_applications = aq_some(0), .slots = aq_some(1));
    WHEN(join_token_create, .name = "*", .hash = "j");
    REFUSED(AQ_E_FORBIDDEN, "the join token would be valid for longer than the token that asks for it, which ends in "
                            "60 s: give it a shorter ttl");
    DO(join_token_create, .name = "*", .ttl = 60, .hash = "j");
    with_token("boss", 2);
    DO(project_update, .name = "web");
    DO(join_token_create, .name = "*", .hash = "k");
}

/* A role is known by its name, and what was taken with it must not come back. */
static void a_role_that_tokens_have_stays(void **context)
{
    (void)context;
    given_users();
    with_token("boss", 2);
    DO(role_create, .name = "deploy", .may = PATTERNS("application.*:own"));
    DO(token_create, .name = "ci", .user = "alice", .role = "deploy", .hash = "c");
    WHEN(role_delete, .name = "deploy");
    REFUSED(AQ_E_STATE, "token ci of user alice is limited to the role deploy: delete such tokens first");
    GIVEN(role_deleted, .name = "deploy"); /* by an earlier build */
    WHEN(role_create, .name = "deploy", .may = PATTERNS("*"));
    REFUSED(AQ_E_STATE, "token ci of user alice is limited to the role deploy: delete such tokens first");
    DO(token_delete, .id = 3);
    DO(role_create, .name = "deploy", .may = PATTERNS("application.*:own"));
    DO(role_delete, .name = "deploy");
}

static void a_uid_takes_its_permission_also_for_a_new_user(void **context)
{
    (void)context;
    given_users();
    GIVEN(token_created, .id = 3, .user = "boss", .name = "hr",
          .only = PATTERNS("user.create", "token.*:own", "user.read:own", "user.list:own", "user.can:own",
                           "user.token:own", "application.*:own", "resource.*:own", "task.*:own", "label.read",
                           "label.list", "node.read", "node.list", "project.read", "project.list", "role.read",
                           "role.list", "role.can", "cluster.read", "cluster.metrics"),
          .hash = "n");
    with_token("boss", 3);
    WHEN(user_create, .name = "carl", .uid = 5, .hash = "h");
    REFUSED(AQ_E_FORBIDDEN, "boss may not give a new user a uid: that takes the permission user.uid for all rows");
    DO(user_create, .name = "carl", .hash = "h");
}

/* clerk looks after accounts, and may do with its own rows what alice may do with those of alice. */
static void given_a_clerk(void)
{
    given_users();
    GIVEN(role_created, .name = "clerk",
          .may = PATTERNS("user.*", "token.*", "role.*", "cluster.*", "project.*", "label.*", "node.*",
                          "application.*:own", "resource.*:own", "task.*:own"));
    GIVEN(user_created, .name = "clerk", .role = "clerk", .hash = "z");
}

/* What is alice's own is not the clerk's own: whoever acts as her has more than the clerk. */
static void nobody_acts_as_another_who_has_the_same_rights(void **context)
{
    (void)context;
    given_a_clerk();
    with_token("clerk", 3);
    WHEN(token_create, .name = "spy", .user = "alice", .hash = "h");
    REFUSED(AQ_E_FORBIDDEN, "token spy gives application.read for all rows, which clerk does not have: nobody gives "
                            "more than they have");
    WHEN(user_token, .name = "alice", .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_uid, .name = "alice", .uid = 1001);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    /* But what does not make one alice is the clerk's work. */
    WHEN(token_create, .name = "nodes", .user = "alice", .only = PATTERNS("node.read"), .hash = "h");
    THEN(token_created, .id = 4, .user = "alice", .name = "nodes", .only = PATTERNS("node.read"), .hash = "h");
    DONE();
    WHEN(user_update, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 5);
    THEN(user_updated, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 5);
    DONE();
    WHEN(token_delete, .id = 1);
    THEN(token_deleted, .id = 1, .user = "alice", .user_number = 1);
    DONE();
}

/* Or the clerk could lock out those who watch over it. */
static void tokens_of_those_who_may_more_are_not_deleted(void **context)
{
    (void)context;
    given_a_clerk();
    with_token("clerk", 3);
    WHEN(token_delete, .id = 2);
    REFUSED(AQ_E_FORBIDDEN, "user boss with the role admin gives application.read for all rows, which clerk does not "
                            "have: nobody gives more than they have");
}

/* A limit is a limit later, too: what the user may not yet, the narrower token must never. */
static void a_token_is_as_narrow_as_its_maker_for_ever(void **context)
{
    (void)context;
    given_users();
    GIVEN(token_created, .id = 3, .user = "alice", .name = "user-only", .role = AQ_ROLE_USER, .hash = "n");
    with_token("alice", 3);
    WHEN(token_create, .name = "later", .hash = "h");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(token_create, .name = "same", .role = AQ_ROLE_USER, .hash = "h");
    THEN(token_created, .id = 4, .user = "alice", .name = "same", .role = AQ_ROLE_USER, .hash = "h");
    DONE();
}

static void a_token_loses_what_its_user_loses(void **context)
{
    (void)context;
    given_users();
    with_token("boss", 2);
    const struct aq_permission *create = aq_permission_named("label.create");
    assert_int_equal(aq_rights_scope(&spec.caller.rights, create), AQ_SCOPE_ALL);
    GIVEN(user_updated, .name = "boss", .role = AQ_ROLE_USER);
    struct aq_error error = {0};
    assert_int_equal(rights_refresh(spec.txn, &spec.caller, spec.time_ms, &spec.arena, &error), 0);
    assert_int_equal(aq_rights_scope(&spec.caller.rights, create), AQ_SCOPE_NONE);
    GIVEN(token_deleted, .id = 2);
    assert_int_equal(rights_refresh(spec.txn, &spec.caller, spec.time_ms, &spec.arena, &error), -1);
    assert_int_equal(error.code, AQ_E_UNAUTHENTICATED);
}

static void a_token_that_has_expired_is_removed(void **context)
{
    (void)context;
    given_users();
    GIVEN(token_created, .id = 3, .user = "alice", .name = "ci", .expires_at = SPEC_START_MS + 5000, .hash = "n");
    as_system();
    WHEN(token_expire, .id = 3);
    DONE(); /* not yet */
    spec.time_ms += 5000;
    WHEN(token_expire, .id = 3);
    THEN(token_deleted, .id = 3, .user = "alice", .user_number = 1);
    DONE();
    WHEN(token_expire, .id = 3);
    DONE();
    assert_int_equal(spec_rows(INDEX_TOKEN_EXPIRY), 0);
}

static void a_user_has_so_many_and_no_more(void **context)
{
    (void)context;
    char name[16];
    given_users();
    for (uint64_t i = 0; i < AQ_TOKENS_OF_USER_MAX - 1; i++) {
        snprintf(name, sizeof name, "n%d", (int)i);
        GIVEN(token_created, .id = 3 + i, .user = "alice", .name = name, .hash = name);
    }
    with_token("alice", 1);
    WHEN(token_create, .name = "more", .hash = "h");
    REFUSED(AQ_E_LIMIT, "user alice has 256 tokens already, which is the limit: delete some");
    DO(token_delete, .id = 1);
    DO(token_create, .name = "more", .hash = "h");
    as_system();
    DO(user_token, .name = "alice", .hash = "f"); /* the first one always has room */
    DO(user_delete, .name = "alice");
    assert_int_equal(spec_rows(INDEX_TOKEN_USER), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_user_makes_tokens_for_itself),
        SPEC_TEST(what_is_asked_for_must_make_sense),
        SPEC_TEST(an_admin_makes_tokens_for_others),
        SPEC_TEST(nobody_gives_more_than_they_have),
        SPEC_TEST(a_token_that_ends_gives_its_user_nothing_that_lasts),
        SPEC_TEST(a_token_that_ends_gives_nobody_a_role_that_lasts),
        SPEC_TEST(a_token_that_ends_lets_nobody_hold_more_that_lasts),
        SPEC_TEST(a_role_that_tokens_have_stays),
        SPEC_TEST(a_uid_takes_its_permission_also_for_a_new_user),
        SPEC_TEST(a_token_is_as_narrow_as_its_maker_for_ever),
        SPEC_TEST(nobody_acts_as_another_who_has_the_same_rights),
        SPEC_TEST(tokens_of_those_who_may_more_are_not_deleted),
        SPEC_TEST(a_token_loses_what_its_user_loses),
        SPEC_TEST(a_token_that_has_expired_is_removed),
        SPEC_TEST(a_user_has_so_many_and_no_more),
    };
    return cmocka_run_group_tests_name("decide token", tests, NULL, NULL);
}
