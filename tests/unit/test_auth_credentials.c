/* Tokens are made, hashed with Argon2id and checked on the pool. Results are kept for a while, and are void when the
 * user's hash changes. */
#include "controller/auth/credentials.h"
#include "controller/auth/proofs.h"
#include "schema/model/application.h"
#include "tests/lib/cluster.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

struct place {
    struct test_cluster cluster;
    struct credentials *credentials;
    struct aq_arena arena;
};

static int setup(void **context)
{
    struct place *place = aq_calloc(1, sizeof *place);
    struct aq_error error = {0};
    test_cluster_new(&place->cluster);
    test_cluster_start(&place->cluster);
    test_must(credentials_open(&place->credentials, place->cluster.state, 2, &error), &error);
    *context = place;
    return 0;
}

static int teardown(void **context)
{
    struct place *place = *context;
    credentials_close(place->credentials);
    test_cluster_free(&place->cluster);
    aq_arena_free(&place->arena);
    free(place);
    return 0;
}

/* ---- waiting for the pool ---------------------------------------------------------------------------------- */

struct outcome {
    sem_t there;
    struct aq_error error;
    char token[TOKEN_SIZE];
    unsigned calls;
};

static void checked(void *context, const struct aq_error *error)
{
    struct outcome *outcome = context;
    outcome->error = *error;
    outcome->calls++;
    sem_post(&outcome->there);
}

/* Several threads may call it at once. */
static void counted(void *context, const struct aq_error *error)
{
    struct outcome *outcome = context;
    (void)error;
    sem_post(&outcome->there);
}

static void made(void *context, const char *token, const struct aq_error *error)
{
    struct outcome *outcome = context;
    snprintf(outcome->token, sizeof outcome->token, "%s", token);
    checked(context, error);
}

static void wait_for(struct outcome *outcome)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    assert_int_equal(sem_timedwait(&outcome->there, &until), 0);
}

/* Checks until the result is known: AQ_OK or the refusal. `asked`: how many verifications were needed. */
static enum aq_error_code check(struct place *place, const char *name, const char *token, unsigned *asked)
{
    struct outcome outcome = {0};
    struct aq_user user;
    uint64_t seq;
    sem_init(&outcome.there, 0, 0);
    enum aq_error_code code = AQ_OK;
    int status;
    *asked = 0;
    while ((status = credentials_check(place->credentials, name, token, &user, &place->arena, &seq, checked, &outcome,
                                       &outcome.error)) == 0) {
        wait_for(&outcome);
        ++*asked;
        if (outcome.error.code != AQ_OK)
            break;
    }
    if (status == 1)
        assert_string_equal(user.name, name);
    else
        code = outcome.error.code;
    sem_destroy(&outcome.there);
    return code;
}

/* Creates a user with the command, or gives it a new token. */
static void make_token(struct place *place, const struct aq_command *command, const char *name, char token[TOKEN_SIZE])
{
    struct aq_error error = {0};
    struct outcome outcome = {0};
    struct aq_user_create create = {.name = name, .role = AQ_ROLE_USER, .hash = ""};
    struct aq_user_token renew = {.name = name, .hash = ""};
    void *record = command == &aq_command_user_create ? (void *)&create : (void *)&renew;
    sem_init(&outcome.there, 0, 0);
    assert_true(credentials_makes_token(command));
    test_must(credentials_fill(place->credentials, command, record, &place->arena, made, &outcome, &error), &error);
    wait_for(&outcome);
    assert_int_equal(outcome.error.code, AQ_OK);
    sem_destroy(&outcome.there);
    strcpy(token, outcome.token);
    assert_true(test_ask(&place->cluster, command, record, "aquarium", NULL, &error) > 0);
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void tokens_are_random_and_recognisable(void **context)
{
    (void)context;
    char one[TOKEN_SIZE], other[TOKEN_SIZE];
    token_make(one);
    token_make(other);
    assert_int_equal(strncmp(one, "aq_", 3), 0);
    assert_int_equal(strlen(one), 3 + 43);
    assert_string_not_equal(one, other);
}

static void only_some_commands_make_tokens(void **context)
{
    (void)context;
    assert_true(credentials_makes_token(&aq_command_user_create));
    assert_true(credentials_makes_token(&aq_command_user_token));
    assert_false(credentials_makes_token(&aq_command_user_update));
    assert_false(credentials_makes_token(&aq_command_application_create));
}

static void hashes_are_argon2id(void **context)
{
    (void)context;
    struct aq_error error = {0};
    char hash[TOKEN_HASH_SIZE];
    assert_int_equal(token_hash("secret", hash, &error), 0);
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
}

static void a_token_is_verified_once_and_then_remembered(void **context)
{
    struct place *place = *context;
    char token[TOKEN_SIZE];
    unsigned asked;
    make_token(place, &aq_command_user_create, "ann", token);
    assert_int_equal(check(place, "ann", token, &asked), AQ_OK);
    assert_int_equal(asked, 1);
    assert_int_equal(check(place, "ann", token, &asked), AQ_OK);
    assert_int_equal(asked, 0);
}

static void wrong_tokens_and_unknown_users_get_the_same_answer(void **context)
{
    struct place *place = *context;
    char token[TOKEN_SIZE];
    unsigned asked;
    make_token(place, &aq_command_user_create, "ann", token);
    assert_int_equal(check(place, "ann", "wrong", &asked), AQ_E_UNAUTHENTICATED);
    assert_int_equal(asked, 1);
    assert_int_equal(check(place, "nobody", token, &asked), AQ_E_UNAUTHENTICATED);
    assert_int_equal(asked, 1); /* as much work as for a known user */
    assert_int_equal(check(place, "nobody", token, &asked), AQ_E_UNAUTHENTICATED);
    assert_int_equal(asked, 0); /* repeated soon after, it costs no work */
    assert_int_equal(check(place, "../etc", token, &asked), AQ_E_UNAUTHENTICATED);
    assert_int_equal(check(place, "", "", &asked), AQ_E_UNAUTHENTICATED);
}

static void a_new_token_makes_the_old_one_void_at_once(void **context)
{
    struct place *place = *context;
    char old[TOKEN_SIZE], fresh[TOKEN_SIZE];
    unsigned asked;
    make_token(place, &aq_command_user_create, "ann", old);
    assert_int_equal(check(place, "ann", old, &asked), AQ_OK);
    make_token(place, &aq_command_user_token, "ann", fresh);
    assert_int_equal(check(place, "ann", old, &asked), AQ_E_UNAUTHENTICATED);
    assert_int_equal(check(place, "ann", fresh, &asked), AQ_OK);
}

static void a_removed_user_is_unknown_at_once(void **context)
{
    struct place *place = *context;
    struct aq_error error = {0};
    char token[TOKEN_SIZE];
    unsigned asked;
    make_token(place, &aq_command_user_create, "ann", token);
    assert_int_equal(check(place, "ann", token, &asked), AQ_OK);
    struct aq_user_delete record = {.name = "ann"};
    assert_true(test_ask(&place->cluster, &aq_command_user_delete, &record, "aquarium", NULL, &error) > 0);
    assert_int_equal(check(place, "ann", token, &asked), AQ_E_UNAUTHENTICATED);
}

static void many_checks_of_one_token_cost_one_verification(void **context)
{
    enum { ASKERS = 200 };
    struct place *place = *context;
    struct outcome outcome = {0};
    struct aq_user user;
    uint64_t seq;
    char token[TOKEN_SIZE];
    unsigned asked = 0;
    make_token(place, &aq_command_user_create, "ann", token);
    sem_init(&outcome.there, 0, 0);
    for (int i = 0; i < ASKERS; i++) {
        int status = credentials_check(place->credentials, "ann", token, &user, &place->arena, &seq, checked, &outcome,
                                       &outcome.error);
        assert_true(status >= 0); /* more than the queue holds, and none is refused */
        asked += status == 0;
    }
    for (unsigned i = 0; i < asked; i++)
        wait_for(&outcome);
    assert_int_equal(outcome.error.code, AQ_OK);
    sem_destroy(&outcome.there);
}

static void too_many_jobs_are_refused(void **context)
{
    enum { ASKERS = 100 };
    struct place *place = *context;
    struct outcome outcome = {0};
    struct aq_error error = {0};
    struct aq_user user;
    uint64_t seq;
    unsigned asked = 0, refused = 0;
    sem_init(&outcome.there, 0, 0);
    for (int i = 0; i < ASKERS; i++) {
        char token[16];
        snprintf(token, sizeof token, "wrong-%d", i);
        int status =
            credentials_check(place->credentials, "ann", token, &user, &place->arena, &seq, counted, &outcome, &error);
        asked += status == 0;
        refused += status < 0;
        if (status < 0)
            assert_int_equal(error.code, AQ_E_BUSY);
    }
    assert_true(refused > 0);
    assert_int_equal(asked + refused, ASKERS);
    for (unsigned i = 0; i < asked; i++)
        wait_for(&outcome);
    sem_destroy(&outcome.there);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static void proofs_expire_and_depend_on_the_hash(void **context)
{
    (void)context;
    struct proofs *proofs = proofs_new();
    unsigned char digest[PROOF_SIZE] = {1, 2, 3};
    proofs_add(proofs, digest, "hash", true, 1000);
    assert_int_equal(proofs_find(proofs, digest, "hash", 1000), PROOF_GOOD);
    assert_int_equal(proofs_find(proofs, digest, "other", 1000), PROOF_NONE);
    assert_int_equal(proofs_find(proofs, digest, "", 1000), PROOF_NONE);
    assert_int_equal(proofs_find(proofs, digest, "hash", 1000 + PROOF_GOOD_MS), PROOF_NONE);
    proofs_add(proofs, digest, "hash", false, 1000);
    assert_int_equal(proofs_find(proofs, digest, "hash", 1000), PROOF_BAD);
    assert_int_equal(proofs_find(proofs, digest, "hash", 1000 + PROOF_BAD_MS), PROOF_NONE);
    proofs_free(proofs);
}

static void bad_proofs_do_not_replace_good_ones(void **context)
{
    (void)context;
    struct proofs *proofs = proofs_new();
    unsigned char good[PROOF_SIZE] = {0}, bad[PROOF_SIZE] = {0};
    good[PROOF_SIZE - 1] = 1;
    proofs_add(proofs, good, "hash", true, 1000);
    for (int i = 0; i < 200; i++) { /* all into the same set */
        bad[8] = (unsigned char)(i + 1);
        proofs_add(proofs, bad, "hash", false, 1001);
    }
    assert_int_equal(proofs_find(proofs, good, "hash", 1002), PROOF_GOOD);
    proofs_free(proofs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_random_and_recognisable),
        cmocka_unit_test(only_some_commands_make_tokens),
        cmocka_unit_test(hashes_are_argon2id),
        cmocka_unit_test(proofs_expire_and_depend_on_the_hash),
        cmocka_unit_test(bad_proofs_do_not_replace_good_ones),
        cmocka_unit_test_setup_teardown(a_token_is_verified_once_and_then_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_tokens_and_unknown_users_get_the_same_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_token_makes_the_old_one_void_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_user_is_unknown_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(many_checks_of_one_token_cost_one_verification, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_jobs_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
