/* Tokens are checked by a fast hash, at once. Those of earlier builds, with Argon2id, are checked on the pool; results
 * are kept, and are void when the user's hash changes. An address that fails too often is slowed down, and no other. */
#include "controller/auth/credentials.h"
#include "schema/base/clock.h"
#include "schema/model/token.h"
#include "tests/lib/attempts.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"

#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

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
    test_must(credentials_open(&place->credentials, place->cluster.state, NULL, 2, &error), &error);
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
};

static void checked(void *context, const struct aq_error *error)
{
    struct outcome *outcome = context;
    outcome->error = *error;
    sem_post(&outcome->there);
}

/* Several threads may call it at once. */
static void counted(void *context, const struct aq_error *error)
{
    struct outcome *outcome = context;
    (void)error;
    sem_post(&outcome->there);
}

static void wait_for(struct outcome *outcome)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    assert_int_equal(sem_timedwait(&outcome->there, &until), 0);
}

/* One call. `name` is NULL: the token alone. */
static int ask(struct place *place, const struct attempts_source *source, const char *name, const char *token,
               struct aq_caller *caller, credentials_check_fn *done, struct outcome *outcome, struct aq_error *error)
{
    uint64_t seq;
    const struct credentials_login login = {.name = name, .token = token, .source = *source, .time_ms = 1};
    return credentials_check(place->credentials, &login, caller, &place->arena, &seq, done, outcome, error);
}

/* Checks until the result is known: AQ_OK or the refusal. `asked`: how many verifications were needed. */
static enum aq_error_code check_from(struct place *place, const char *address, const char *name, const char *token,
                                     unsigned *asked)
{
    struct outcome outcome = {0};
    struct attempts_source source = test_source(address);
    struct aq_caller caller = {.name = ""};
    sem_init(&outcome.there, 0, 0);
    enum aq_error_code code = AQ_OK;
    int status;
    *asked = 0;
    while ((status = ask(place, &source, name, token, &caller, checked, &outcome, &outcome.error)) == 0) {
        wait_for(&outcome);
        ++*asked;
        if (outcome.error.code != AQ_OK)
            break;
    }
    if (status == 1 && name != NULL)
        assert_string_equal(caller.name, name);
    else
        code = outcome.error.code;
    sem_destroy(&outcome.there);
    return code;
}

static enum aq_error_code check(struct place *place, const char *name, const char *token, unsigned *asked)
{
    return check_from(place, "127.0.0.1", name, token, asked);
}

/* Creates a user with the command, or gives it a new token. */
static void make_token(struct place *place, const struct aq_command *command, const char *name, char token[TOKEN_SIZE])
{
    struct aq_error error = {0};
    struct aq_user_create create = {.name = name, .role = AQ_ROLE_USER, .hash = "", .project = ""};
    struct aq_user_token renew = {.name = name, .hash = ""};
    void *record = command == &aq_command_user_create ? (void *)&create : (void *)&renew;
    assert_true(token_is_made_by(command));
    const char *text = token_fill(command, record, NULL, &place->arena);
    assert_true(strlen(text) < TOKEN_SIZE);
    strcpy(token, text);
    assert_true(test_ask(&place->cluster, command, record, "aquarium", NULL, &error) > 0);
}

/* A user whose token an earlier build has made. */
static void make_old_user(struct place *place, const char *name, const char *token)
{
    struct aq_error error = {0};
    char hash[TOKEN_HASH_SIZE] = {0};
    assert_int_equal(crypto_pwhash_str_alg(hash, token, strlen(token), 2, 19 << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
    struct aq_user_create create = {.name = name, .role = AQ_ROLE_USER, .hash = hash, .project = ""};
    assert_true(test_ask(&place->cluster, &aq_command_user_create, &create, "aquarium", NULL, &error) > 0);
}

static const char old_token[] = "aq_Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyLV8";

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void a_token_is_checked_at_once(void **context)
{
    struct place *place = *context;
    char token[TOKEN_SIZE];
    unsigned asked;
    make_token(place, &aq_command_user_create, "ann", token);
    assert_int_equal(check(place, "ann", token, &asked), AQ_OK);
    assert_int_equal(asked, 0);
}

static void a_token_of_an_earlier_build_is_verified_once_and_then_remembered(void **context)
{
    struct place *place = *context;
    char token[TOKEN_SIZE];
    unsigned asked;
    make_old_user(place, "ann", old_token);
    assert_int_equal(check(place, "ann", old_token, &asked), AQ_OK);
    assert_int_equal(asked, 1);
    assert_int_equal(check(place, "ann", old_token, &asked), AQ_OK);
    assert_int_equal(asked, 0);
    token_make(token);
    assert_int_equal(check(place, "ann", token, &asked), AQ_E_UNAUTHENTICATED);
    make_token(place, &aq_command_user_token, "ann", token);
    assert_int_equal(check(place, "ann", old_token, &asked), AQ_E_UNAUTHENTICATED);
    assert_int_equal(check(place, "ann", token, &asked), AQ_OK);
    assert_int_equal(asked, 0);
}

/* How many hashes of each kind a check takes. */
static void expect_work(struct place *place, const char *name, const char *token, unsigned hashes, unsigned slow)
{
    struct credentials_figures before, after;
    static unsigned asking; /* each time from elsewhere: none is slowed down */
    char address[32];
    unsigned asked;
    snprintf(address, sizeof address, "2001:db8:%x::1", ++asking);
    credentials_figures(place->credentials, &before);
    assert_int_equal(check_from(place, address, name, token, &asked), AQ_E_UNAUTHENTICATED);
    credentials_figures(place->credentials, &after);
    assert_int_equal(after.hashes - before.hashes, hashes);
    assert_int_equal(after.slow_hashes - before.slow_hashes, slow);
    assert_int_equal(after.failures - before.failures, 1);
}

static void wrong_tokens_and_unknown_users_cost_the_same_work(void **context)
{
    struct place *place = *context;
    char token[TOKEN_SIZE], other[TOKEN_SIZE];
    make_token(place, &aq_command_user_create, "ann", token);
    make_old_user(place, "bob", old_token);
    token_make(other);
    expect_work(place, "ann", other, 1, 0);
    expect_work(place, "bob", other, 1, 0);
    expect_work(place, "nobody", other, 1, 0);
    expect_work(place, "ann", "wrong", 0, 1);
    expect_work(place, "bob", "wrong", 0, 1);
    expect_work(place, "nobody", "wrong", 0, 1);
    expect_work(place, "nobody", "wrong", 0, 0); /* repeated soon after, it costs no work */
    expect_work(place, "../etc", token, 1, 0);
    expect_work(place, "", "", 0, 1);
    expect_work(place, NULL, other, 1, 0);  /* alone, as Bearer */
    expect_work(place, "bob", token, 1, 0); /* that of another user */
    expect_work(place, NULL, "wrong", 0, 0);
    expect_work(place, NULL, old_token, 0, 0); /* it needs a name, whether there is such a token or not */
}

/* A second token of ann, as token_create makes it. */
static void make_another(struct place *place, uint64_t ttl, char token[TOKEN_SIZE])
{
    struct aq_error error = {0};
    struct aq_token_create create = {.name = "ci", .user = "ann", .role = "", .ttl = ttl, .hash = "", .project = ""};
    assert_true(token_is_made_by(&aq_command_token_create));
    strcpy(token, token_fill(&aq_command_token_create, &create, NULL, &place->arena));
    assert_true(test_ask(&place->cluster, &aq_command_token_create, &create, "aquarium", NULL, &error) > 0);
}

static void a_token_is_enough_without_a_name(void **context)
{
    struct place *place = *context;
    char first[TOKEN_SIZE], second[TOKEN_SIZE];
    unsigned asked;
    make_token(place, &aq_command_user_create, "ann", first);
    make_another(place, 0, second);
    assert_int_equal(check(place, NULL, first, &asked), AQ_OK);
    assert_int_equal(check(place, NULL, second, &asked), AQ_OK);
    assert_int_equal(check(place, "ann", second, &asked), AQ_OK);
    assert_int_equal(asked, 0);
    make_token(place, &aq_command_user_token, "ann", first); /* replaces the first one alone */
    assert_int_equal(check(place, NULL, first, &asked), AQ_OK);
    assert_int_equal(check(place, NULL, second, &asked), AQ_OK);
}

/* By the log's clock, before the reaction that removes it. */
static void a_token_expires(void **context)
{
    struct place *place = *context;
    struct attempts_source source = test_source("127.0.0.1");
    struct aq_caller caller = {.name = ""};
    struct aq_error error = {0};
    char token[TOKEN_SIZE];
    uint64_t seq;
    make_token(place, &aq_command_user_create, "ann", token);
    make_another(place, 3600, token);
    struct credentials_login login = {.token = token, .source = source, .time_ms = aq_clock_wall_ms() + 3500000};
    assert_int_equal(credentials_check(place->credentials, &login, &caller, &place->arena, &seq, checked, NULL, &error),
                     1);
    login.time_ms += 200000;
    assert_int_equal(credentials_check(place->credentials, &login, &caller, &place->arena, &seq, checked, NULL, &error),
                     -1);
    assert_int_equal(error.code, AQ_E_UNAUTHENTICATED);
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
    struct attempts_source source = test_source("127.0.0.1");
    struct credentials_figures figures;
    struct outcome outcome = {0};
    struct aq_caller caller = {.name = ""};
    unsigned asked = 0;
    make_old_user(place, "ann", old_token);
    sem_init(&outcome.there, 0, 0);
    for (int i = 0; i < ASKERS; i++) {
        int status = ask(place, &source, "ann", old_token, &caller, checked, &outcome, &outcome.error);
        assert_true(status >= 0); /* more than the queue holds, and more than may fail, and none is refused */
        asked += status == 0;
    }
    for (unsigned i = 0; i < asked; i++)
        wait_for(&outcome);
    assert_int_equal(outcome.error.code, AQ_OK);
    sem_destroy(&outcome.there);
    credentials_figures(place->credentials, &figures);
    assert_int_equal(figures.slow_hashes, 1);
    assert_int_equal(figures.failures, 0);
}

/* The attack: wrong tokens, each a new one, from one address, all at once. Returns how many were taken to be verified.
 */
static unsigned flood(struct place *place, const char *address, unsigned count, struct outcome *outcome)
{
    struct attempts_source source = test_source(address);
    struct aq_error error = {0};
    struct aq_caller caller = {.name = ""};
    unsigned asked = 0;
    for (unsigned i = 0; i < count; i++) {
        char token[64];
        snprintf(token, sizeof token, "wrong-%s-%u", address, i);
        int status = ask(place, &source, "ann", token, &caller, counted, outcome, &error);
        asked += status == 0;
        if (status < 0)
            assert_int_equal(error.code, AQ_E_ATTEMPTS);
    }
    return asked;
}

static void wrong_tokens_slow_down_only_their_address(void **context)
{
    struct place *place = *context;
    struct outcome outcome = {0};
    struct credentials_figures figures;
    char token[TOKEN_SIZE], other[TOKEN_SIZE];
    unsigned asked;
    make_old_user(place, "ann", old_token);
    make_token(place, &aq_command_user_create, "bob", token);
    token_make(other);
    sem_init(&outcome.there, 0, 0);
    unsigned taken = flood(place, "10.0.0.1", 100, &outcome);
    assert_in_range(taken, ATTEMPTS_AT_ONCE, ATTEMPTS_AT_ONCE + 40); /* one more for each second that this takes */
    /* From elsewhere, an old token waits for a few verifications; from there, whole ones are good as before. */
    assert_int_equal(check_from(place, "10.0.0.2", "ann", old_token, &asked), AQ_OK);
    assert_int_equal(check_from(place, "10.0.0.1", "bob", token, &asked), AQ_OK);
    assert_int_equal(check_from(place, "10.0.0.1", "ann", old_token, &asked), AQ_OK); /* remembered */
    flood(place, "10.0.0.1", ATTEMPTS_AT_ONCE, &outcome);
    enum aq_error_code code = AQ_OK;
    for (int tries = 0; tries < 100 && code != AQ_E_ATTEMPTS; tries++) /* a second may have passed since */
        code = check_from(place, "10.0.0.1", "bob", other, &asked);
    assert_int_equal(code, AQ_E_ATTEMPTS);
    assert_int_equal(check_from(place, "10.0.0.2", "bob", other, &asked), AQ_E_UNAUTHENTICATED);
    credentials_figures(place->credentials, &figures);
    assert_true(figures.slowed > 50);
    for (unsigned i = 0; i < taken; i++)
        wait_for(&outcome);
    credentials_close(place->credentials); /* its threads use the outcome */
    place->credentials = NULL;
    sem_destroy(&outcome.there);
}

static void too_many_jobs_are_refused(void **context)
{
    struct place *place = *context;
    struct outcome outcome = {0};
    struct aq_error error = {0};
    struct aq_caller caller = {.name = ""};
    unsigned asked = 0, refused = 0;
    sem_init(&outcome.there, 0, 0);
    for (unsigned i = 0; i < 200; i++) {
        char token[16], address[32];
        snprintf(token, sizeof token, "wrong-%u", i);
        snprintf(address, sizeof address, "2001:db8:%x::1", i);
        struct attempts_source source = test_source(address);
        int status = ask(place, &source, "ann", token, &caller, counted, &outcome, &error);
        asked += status == 0;
        refused += status < 0;
        if (status < 0)
            assert_int_equal(error.code, AQ_E_BUSY);
    }
    assert_true(refused > 0);
    for (unsigned i = 0; i < asked; i++)
        wait_for(&outcome);
    sem_destroy(&outcome.there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_checked_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_of_an_earlier_build_is_verified_once_and_then_remembered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wrong_tokens_and_unknown_users_cost_the_same_work, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_is_enough_without_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_token_makes_the_old_one_void_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_user_is_unknown_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(many_checks_of_one_token_cost_one_verification, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_tokens_slow_down_only_their_address, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_jobs_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
