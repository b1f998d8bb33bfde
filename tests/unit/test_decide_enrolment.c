/* Enrolment: join tokens are made, used as often as they say, expire and are revoked; nodes get keys and lose them. */
#include "controller/state/rights.h"
#include "schema/model/join_token.h"
#include "tests/lib/decide_case.h"

#include <string.h>

#define KEY_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define SECRET "$blake2b$secret"
#define HOUR   3600000u

static struct aq_join_token the_token(uint64_t id)
{
    struct aq_join_token token;
    assert_true(state_join_token(spec.txn, id, &token, &spec.arena));
    return token;
}

static const char *admitted_as(const char *key)
{
    static char name[65];
    return state_node_of_key(spec.txn, key, name, sizeof name) ? name : NULL;
}

/* Token 1, for one use by nodes called build-*. */
static void given_token(uint64_t uses, bool replaces)
{
    GIVEN(join_token_created, .id = 1, .name = "build-*", .uses = uses, .replaces = replaces,
          .expires_at = spec.time_ms + HOUR, .hash = SECRET);
}

#define ENROL(who, its_key, ...) WHEN(node_enrol, .name = who, .key = its_key, .hash = SECRET, __VA_ARGS__)
#define ENROLLED(who, at, its_key)                                                                                     \
    do {                                                                                                               \
        THEN(join_token_used, .id = 1, .node = who);                                                                   \
        THEN(node_enrolled, .name = who, .number = at, .key = its_key);                                                \
        DONE();                                                                                                        \
    } while (0)

/* ---- join tokens ---------------------------------------------------------------------------------------- */

static void a_join_token_has_one_use_and_an_hour_unless_more_is_asked_for(void **context)
{
    (void)context;
    WHEN(join_token_create, .name = "build-*", .hash = SECRET);
    THEN(join_token_created, .id = 1, .name = "build-*", .uses = 1, .expires_at = spec.time_ms + HOUR, .hash = SECRET);
    DONE();
    assert_string_equal(spec.decide.id, "1");
    WHEN(join_token_create, .name = "*", .ttl = 60, .uses = 20, .replaces = true, .hash = "b");
    THEN(join_token_created, .id = 2, .name = "*", .uses = 20, .replaces = true, .expires_at = spec.time_ms + 60000,
         .hash = "b");
    DONE();
    assert_string_equal(the_token(2).created_by, "admin");
    assert_int_equal(the_token(2).created_at, spec.time_ms);
}

static void a_pattern_has_only_what_names_have_and_wildcards(void **context)
{
    (void)context;
    WHEN(join_token_create, .name = "build-[a-z]", .hash = SECRET);
    REFUSED(AQ_E_INVALID, "name is \"build-[a-z]\", but must be a pattern of letters, digits, \".\", \"_\", \"-\", "
                          "\"*\" and \"?\"");
    WHEN(join_token_create, .name = "build-*");
    REFUSED(AQ_E_INTERNAL, "no secret was created for the join token");
}

static void only_admins_make_and_revoke_join_tokens(void **context)
{
    (void)context;
    given_token(1, false);
    spec_as("alice", AQ_ROLE_USER);
    WHEN(join_token_create, .name = "*", .hash = "b");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(join_token_revoke, .id = 1);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
}

static void those_that_are_over_are_removed_a_month_later(void **context)
{
    (void)context;
    given_token(1, false);
    spec.time_ms += HOUR + 30ull * 86400 * 1000 - 1;
    DO(join_token_create, .name = "*", .hash = "b");
    assert_int_equal(state_count(spec.txn, &aq_entity_join_token), 2);
    spec.time_ms += 1;
    WHEN(join_token_create, .name = "*", .hash = "c");
    THEN(join_token_removed, .id = 1);
    THEN(join_token_created, .id = 3, .name = "*", .uses = 1, .expires_at = spec.time_ms + HOUR, .hash = "c");
    DONE();
    assert_int_equal(spec_rows(INDEX_JOIN_SECRET), 2);
    ENROL("build-1", KEY_A);
    REFUSED(AQ_E_FORBIDDEN, "there is no such join token: it is of another cluster, or very old");
}

static void many_that_are_over_leave_after_an_hour_and_there_is_a_most(void **context)
{
    (void)context;
    for (uint64_t id = 1; id <= 2000; id++)
        GIVEN(join_token_created, .id = id, .name = "*", .uses = 1,
              .expires_at = spec.time_ms + (id <= 150 ? HOUR : 100 * HOUR),
              .hash = aq_arena_format(&spec.arena, "hash-%d", (int)id));
    WHEN(join_token_create, .name = "*", .hash = "b");
    REFUSED(AQ_E_LIMIT, "there are 2000 join tokens, the most at once: revoke some, or make one for several nodes");
    GIVEN(join_token_used, .id = 200, .node = "build-1");
    spec.time_ms += HOUR;
    WHEN(join_token_create, .name = "*", .hash = "b");
    THEN(join_token_removed, .id = 200); /* used up an hour ago, though it has not expired */
    THEN(join_token_created, .id = 2001, .name = "*", .uses = 1, .expires_at = spec.time_ms + HOUR, .hash = "b");
    DONE();
    spec.time_ms += HOUR;
    DO(join_token_create, .name = "*", .hash = "c");
    assert_int_equal(state_count(spec.txn, &aq_entity_join_token), 1901); /* a hundred at a time */
    DO(join_token_create, .name = "*", .hash = "d");
    assert_int_equal(state_count(spec.txn, &aq_entity_join_token), 1852);
}

/* ---- enrolling ------------------------------------------------------------------------------------------ */

static void a_new_node_is_lost_until_its_agent_says_hello(void **context)
{
    (void)context;
    given_token(1, false);
    ENROL("build-1", KEY_A, .instance = 7);
    ENROLLED("build-1", 1, KEY_A);
    assert_string_equal(spec.decide.id, "build-1");
    assert_string_equal(admitted_as(KEY_A), "build-1");
    assert_int_equal(the_node("build-1").status, AQ_NODE_LOST);
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), 1);
    assert_int_equal(the_token(1).used, 1);
    assert_int_equal(the_token(1).used_at, spec.time_ms);
    WHEN(node_join, .name = "build-1", .instance = 7, .address = "10.0.0.1");
    THEN(node_changed, .name = "build-1", .instance = 7, .address = "10.0.0.1");
    THEN(node_status_set, .name = "build-1", .status = AQ_NODE_ACTIVE);
    DONE();
    assert_string_equal(the_node("build-1").key, KEY_A);
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), 0);
    spec_check_index();
}

static void the_same_agent_may_ask_again_when_the_answer_was_lost(void **context)
{
    (void)context;
    given_token(1, false);
    ENROL("build-1", KEY_A);
    ENROLLED("build-1", 1, KEY_A);
    ENROL("build-1", KEY_A);
    DONE(); /* no second use */
    assert_int_equal(the_token(1).used, 1);
}

static void a_stolen_join_token_is_of_no_use_when_it_is_used_up(void **context)
{
    (void)context;
    given_token(2, false);
    ENROL("build-1", KEY_A);
    ENROLLED("build-1", 1, KEY_A);
    ENROL("build-2", KEY_B);
    ENROLLED("build-2", 2, KEY_B);
    ENROL("build-3", KEY_C);
    REFUSED(AQ_E_FORBIDDEN, "join token 1 is used up: it was for 2 nodes");
    assert_int_equal(the_token(1).used, 2);
    assert_null(admitted_as(KEY_C));
}

static void a_stolen_join_token_is_of_no_use_later(void **context)
{
    (void)context;
    given_token(5, false);
    spec.time_ms += HOUR - 1;
    ENROL("build-1", KEY_A);
    ENROLLED("build-1", 1, KEY_A);
    spec.time_ms += 1;
    ENROL("build-2", KEY_B);
    REFUSED(AQ_E_FORBIDDEN, "join token 1 expired 0 s ago");
}

static void a_stolen_join_token_is_of_no_use_for_another_name(void **context)
{
    (void)context;
    given_token(5, false);
    ENROL("web-1", KEY_A);
    REFUSED(AQ_E_FORBIDDEN, "join token 1 is for nodes called build-*, and not for web-1");
    ENROL("xbuild-1", KEY_A);
    REFUSED(AQ_E_FORBIDDEN, "join token 1 is for nodes called build-*, and not for xbuild-1");
    ENROL("build-", KEY_A);
    ENROLLED("build-", 1, KEY_A);
}

/* With join_token.revoke:own, the join tokens of others are not there. */
static void a_role_for_own_rows_revokes_no_join_token_of_others(void **context)
{
    struct aq_user carl;
    (void)context;
    given_token(1, false);
    GIVEN(role_created, .name = "joiner", .may = ITEMS(const char *, "join_token.*:own"));
    GIVEN(user_created, .name = "carl", .role = "joiner", .hash = "y");
    assert_true(state_user(spec.txn, "carl", &carl, &spec.arena));
    spec.caller = rights_caller(spec.txn, &carl, &spec.arena);
    WHEN(join_token_create, .name = "carls-*", .hash = "b");
    THEN(join_token_created, .id = 2, .name = "carls-*", .uses = 1, .expires_at = spec.time_ms + HOUR, .hash = "b");
    DONE();
    WHEN(join_token_revoke, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no join_token 1");
    WHEN(join_token_revoke, .id = 2);
    THEN(join_token_revoked, .id = 2);
    DONE();
}

static void a_revoked_join_token_says_so(void **context)
{
    (void)context;
    given_token(5, false);
    ENROL("build-1", KEY_A);
    ENROLLED("build-1", 1, KEY_A);
    WHEN(join_token_revoke, .id = 1);
    THEN(join_token_revoked, .id = 1);
    DONE();
    assert_string_equal(spec.decide.warnings, "1 node enrolled with it and stays: see `aq nodes revoke`\n");
    WHEN(join_token_revoke, .id = 1);
    DONE();
    ENROL("build-2", KEY_B);
    REFUSED(AQ_E_FORBIDDEN, "join token 1 was revoked");
    assert_string_equal(admitted_as(KEY_A), "build-1");
}

static void a_wrong_secret_or_key_enrols_nobody(void **context)
{
    (void)context;
    given_token(5, false);
    WHEN(node_enrol, .name = "build-1", .key = KEY_A, .hash = "$blake2b$other");
    REFUSED(AQ_E_FORBIDDEN, "there is no such join token: it is of another cluster, or very old");
    ENROL("build-1", "A" KEY_A);
    REFUSED(AQ_E_INVALID, "key must be 64 hexadecimal digits");
    ENROL("build-1", "abc");
    REFUSED(AQ_E_INVALID, "key must be 64 hexadecimal digits");
    GIVEN(join_token_created, .id = 2, .name = "*", .uses = 9, .expires_at = spec.time_ms + HOUR, .hash = "all");
    WHEN(node_enrol, .name = "12", .key = KEY_A, .hash = "all");
    REFUSED(AQ_E_INVALID, "name is \"12\", which reads as a number: use a letter as well");
}

static void a_name_is_taken_by_another_key_only_with_a_token_that_replaces(void **context)
{
    (void)context;
    given_token(9, false);
    ENROL("build-1", KEY_A, .instance = 7);
    ENROLLED("build-1", 1, KEY_A);
    ENROL("build-1", KEY_B, .instance = 8);
    REFUSED(AQ_E_EXISTS, "node build-1 has another key: give this agent another name, or use a join token that says "
                         "that it replaces");
    ENROL("build-1", KEY_B, .instance = 7);
    assert_int_equal(spec.error.code, AQ_E_EXISTS); /* its number is no proof */
    spec.open = false;
}

static void a_key_is_that_of_one_node(void **context)
{
    (void)context;
    given_token(9, true);
    ENROL("build-1", KEY_A);
    ENROLLED("build-1", 1, KEY_A);
    ENROL("build-2", KEY_A);
    REFUSED(AQ_E_EXISTS, "node build-1 has this key: the directory of its agent was copied");
}

static void a_host_that_was_installed_anew_enrols_again_and_its_old_key_is_dead(void **context)
{
    (void)context;
    given_token(9, true);
    ENROL("build-1", KEY_A, .instance = 7);
    ENROLLED("build-1", 1, KEY_A);
    DO(node_join, .name = "build-1", .instance = 7, .address = "10.0.0.1");
    ENROL("build-1", KEY_B, .instance = 8);
    THEN(node_status_set, .name = "build-1", .status = AQ_NODE_LOST);
    ENROLLED("build-1", 1, KEY_B);
    assert_null(admitted_as(KEY_A));
    assert_string_equal(admitted_as(KEY_B), "build-1");
    DO(node_join, .name = "build-1", .instance = 8, .address = "10.0.0.1");
    assert_int_equal(the_node("build-1").status, AQ_NODE_ACTIVE);
    ENROL("build-1", KEY_A, .instance = 7);
    REFUSED(AQ_E_FORBIDDEN, "the key of this agent was revoked, and never works again: remove it from the agent's "
                            "directory");
    spec_check_index();
}

static void an_agent_of_an_earlier_build_gets_a_key_and_keeps_its_workloads(void **context)
{
    (void)context;
    GIVEN(node_joined, .name = "build-1", .number = 1, .instance = 7, .address = "10.0.0.1");
    given_token(9, false);
    ENROL("build-1", KEY_A, .instance = 8);
    REFUSED(AQ_E_EXISTS, "node build-1 is another agent's: give this agent another name, or use a join token that "
                         "says that it replaces");
    ENROL("build-1", KEY_A);
    assert_int_equal(spec.error.code, AQ_E_EXISTS);
    spec.open = false;
    ENROL("build-1", KEY_A, .instance = 7);
    ENROLLED("build-1", 1, KEY_A);
    assert_int_equal(the_node("build-1").status, AQ_NODE_ACTIVE);
    assert_string_equal(admitted_as(KEY_A), "build-1");
}

/* ---- revoking ------------------------------------------------------------------------------------------- */

static void given_enrolled(void)
{
    given_token(9, false);
    GIVEN(join_token_created, .id = 2, .name = "*", .uses = 9, .replaces = true, .expires_at = spec.time_ms + HOUR,
          .hash = "replaces");
    ENROL("build-1", KEY_A, .instance = 7);
    ENROLLED("build-1", 1, KEY_A);
    DO(node_join, .name = "build-1", .instance = 7, .address = "10.0.0.1");
}

static void a_revoked_node_is_out_and_lost(void **context)
{
    (void)context;
    given_enrolled();
    WHEN(node_revoke, .name = "build-1");
    THEN(node_status_set, .name = "build-1", .status = AQ_NODE_LOST);
    THEN(node_revoked, .name = "build-1", .key = KEY_A);
    DONE();
    assert_string_equal(spec.decide.id, "build-1");
    assert_null(spec.decide.warnings);
    assert_null(admitted_as(KEY_A));
    assert_true(the_node("build-1").revoked);
    WHEN(node_revoke, .name = "build-1");
    DONE();
    WHEN(node_join, .name = "build-1", .instance = 7, .address = "10.0.0.1");
    REFUSED(AQ_E_FORBIDDEN, "node build-1 was revoked: enrol its agent with a join token that says that it replaces");
    WHEN(node_revoke, .name = "build-2");
    REFUSED(AQ_E_NOT_FOUND, "there is no node build-2");
}

static void a_revoked_key_never_works_again(void **context)
{
    (void)context;
    given_enrolled();
    DO(node_revoke, .name = "build-1");
    WHEN(node_enrol, .name = "build-1", .key = KEY_A, .hash = "replaces", .instance = 7);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    DO(node_delete, .name = "build-1");
    WHEN(node_enrol, .name = "build-1", .key = KEY_A, .hash = "replaces", .instance = 7);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN); /* deleted and made again */
    spec.open = false;
    WHEN(node_enrol, .name = "build-2", .key = KEY_A, .hash = "replaces", .instance = 7);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN); /* under another name */
    spec.open = false;
    ENROL("build-1", KEY_B, .instance = 7);
    ENROLLED("build-1", 2, KEY_B);
    assert_null(admitted_as(KEY_A));
    assert_int_equal(spec_rows(INDEX_REVOKED_KEY), 1);
}

static void a_revoked_node_gets_a_new_key_with_a_token_that_replaces(void **context)
{
    (void)context;
    given_enrolled();
    DO(node_revoke, .name = "build-1");
    ENROL("build-1", KEY_B, .instance = 7);
    REFUSED(AQ_E_EXISTS, "node build-1 was revoked: a new key for it needs a join token that says that it replaces");
    WHEN(node_enrol, .name = "build-1", .key = KEY_B, .hash = "replaces", .instance = 7);
    THEN(join_token_used, .id = 2, .node = "build-1");
    THEN(node_enrolled, .name = "build-1", .number = 1, .key = KEY_B);
    DONE();
    DO(node_join, .name = "build-1", .instance = 7, .address = "10.0.0.1");
    assert_false(the_node("build-1").revoked);
    assert_int_equal(the_node("build-1").status, AQ_NODE_ACTIVE);
}

static void a_node_of_an_earlier_build_can_be_revoked(void **context)
{
    (void)context;
    GIVEN(node_joined, .name = "build-1", .number = 1, .instance = 7, .address = "10.0.0.1");
    given_token(9, false);
    WHEN(node_revoke, .name = "build-1");
    THEN(node_status_set, .name = "build-1", .status = AQ_NODE_LOST);
    THEN(node_revoked, .name = "build-1");
    DONE();
    assert_int_equal(spec_rows(INDEX_REVOKED_KEY), 0);
    ENROL("build-1", KEY_A, .instance = 7); /* that number is what a thief has */
    assert_int_equal(spec.error.code, AQ_E_EXISTS);
    spec.open = false;
}

static void what_a_revoked_node_ran_is_told(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac", .metadata = "{}");
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(node_revoke, .name = "node-1");
    THEN(node_status_set, .name = "node-1", .status = AQ_NODE_LOST);
    THEN(node_revoked, .name = "node-1");
    DONE();
    assert_string_equal(spec.decide.warnings,
                        "node node-1 holds 1 resource, as a lost node does: what runs there is neither ended nor "
                        "started elsewhere; `aq nodes delete node-1` counts it as ended\n");
    assert_true(has_resource(1));
}

static void a_deleted_node_has_no_key(void **context)
{
    (void)context;
    given_enrolled();
    DO(node_lose, .name = "build-1");
    DO(node_delete, .name = "build-1");
    assert_null(admitted_as(KEY_A));
    ENROL("build-1", KEY_A); /* not revoked: it may come back, with a token */
    ENROLLED("build-1", 2, KEY_A);
    assert_string_equal(admitted_as(KEY_A), "build-1");
}

/* HELLO was said before the node was deleted, or got another key, and is decided after that. */
static void a_hello_with_a_key_that_the_node_does_not_have_is_refused(void **context)
{
    (void)context;
    given_token(1, false);
    WHEN(node_join, .name = "build-1", .instance = 7, .key = KEY_A);
    REFUSED(AQ_E_FORBIDDEN, "the key of this agent is not that of node build-1 any more");
    ENROL("build-1", KEY_A);
    ENROLLED("build-1", 1, KEY_A);
    WHEN(node_join, .name = "build-1", .instance = 8, .key = KEY_B);
    REFUSED(AQ_E_FORBIDDEN, "the key of this agent is not that of node build-1 any more");
    WHEN(node_join, .name = "build-1", .instance = 7, .address = "10.0.0.1", .key = KEY_A);
    THEN(node_changed, .name = "build-1", .instance = 7, .address = "10.0.0.1");
    THEN(node_status_set, .name = "build-1", .status = AQ_NODE_ACTIVE);
    DONE();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_join_token_has_one_use_and_an_hour_unless_more_is_asked_for),
        SPEC_TEST(a_pattern_has_only_what_names_have_and_wildcards),
        SPEC_TEST(only_admins_make_and_revoke_join_tokens),
        SPEC_TEST(those_that_are_over_are_removed_a_month_later),
        SPEC_TEST(many_that_are_over_leave_after_an_hour_and_there_is_a_most),
        SPEC_TEST(a_new_node_is_lost_until_its_agent_says_hello),
        SPEC_TEST(the_same_agent_may_ask_again_when_the_answer_was_lost),
        SPEC_TEST(a_stolen_join_token_is_of_no_use_when_it_is_used_up),
        SPEC_TEST(a_stolen_join_token_is_of_no_use_later),
        SPEC_TEST(a_stolen_join_token_is_of_no_use_for_another_name),
        SPEC_TEST(a_role_for_own_rows_revokes_no_join_token_of_others),
        SPEC_TEST(a_revoked_join_token_says_so),
        SPEC_TEST(a_wrong_secret_or_key_enrols_nobody),
        SPEC_TEST(a_name_is_taken_by_another_key_only_with_a_token_that_replaces),
        SPEC_TEST(a_key_is_that_of_one_node),
        SPEC_TEST(a_host_that_was_installed_anew_enrols_again_and_its_old_key_is_dead),
        SPEC_TEST(an_agent_of_an_earlier_build_gets_a_key_and_keeps_its_workloads),
        SPEC_TEST(a_revoked_node_is_out_and_lost),
        SPEC_TEST(a_revoked_key_never_works_again),
        SPEC_TEST(a_revoked_node_gets_a_new_key_with_a_token_that_replaces),
        SPEC_TEST(a_node_of_an_earlier_build_can_be_revoked),
        SPEC_TEST(what_a_revoked_node_ran_is_told),
        SPEC_TEST(a_deleted_node_has_no_key),
        SPEC_TEST(a_hello_with_a_key_that_the_node_does_not_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
