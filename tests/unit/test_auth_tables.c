/* What the checks of tokens remember, in tables of fixed size: when a token was used last, failed attempts by their
 * address, and results of slow hashes. */
#include "controller/auth/proofs.h"
#include "controller/auth/uses.h"
#include "schema/base/address.h"
#include "tests/lib/attempts.h"
#include "tests/lib/cmocka.h"

#include <string.h>

/* ---- uses -------------------------------------------------------------------------------------------------- */

static void a_use_is_written_once_a_minute(void **context)
{
    (void)context;
    struct uses *uses = uses_new();
    struct use use = {.token = 1}, out[USES_PENDING_MAX];
    assert_true(uses_note(uses, &use, 5000));
    assert_int_equal(uses_take(uses, out, 5000), 1);
    assert_false(uses_note(uses, &use, 5000 + USES_EVERY_MS - 1));
    assert_true(uses_note(uses, &use, 5000 + USES_EVERY_MS));
    assert_int_equal(uses_take(uses, out, 5000 + USES_EVERY_MS), 1);
    uses_free(uses);
}

/* Many tokens, and two that have the same place: the thread that writes has nothing to do for a second after it wrote.
 */
static void many_tokens_do_not_keep_the_writing_thread_busy(void **context)
{
    (void)context;
    struct uses *uses = uses_new();
    struct use use = {.token = 1}, out[USES_PENDING_MAX];
    assert_true(uses_note(uses, &use, 5000));
    assert_int_equal(uses_take(uses, out, 5000), 1);
    for (int i = 0; i < 2000; i++) {
        use.token = i % 2 == 0 ? 1 : 1 + USES_PLACES;
        assert_false(uses_note(uses, &use, 5000 + USES_WRITE_MS - 1));
    }
    assert_true(uses_note(uses, &use, 5000 + USES_WRITE_MS));
    assert_in_range(uses_take(uses, out, 5000 + USES_WRITE_MS), 1, USES_PENDING_MAX);
    uses_free(uses);
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void attempts_grow_again(void **context)
{
    (void)context;
    struct attempts *attempts = attempts_new();
    struct attempts_source one = test_source("10.0.0.1"), other = test_source("10.0.0.2");
    for (int i = 0; i < ATTEMPTS_AT_ONCE; i++)
        assert_true(attempts_take(attempts, &one, 1000));
    assert_false(attempts_take(attempts, &one, 1000));
    assert_true(attempts_take(attempts, &other, 1000));
    assert_false(attempts_take(attempts, &one, 1000 + ATTEMPTS_REFILL_MS - 1));
    assert_true(attempts_take(attempts, &one, 1000 + ATTEMPTS_REFILL_MS));
    assert_false(attempts_take(attempts, &one, 1000 + ATTEMPTS_REFILL_MS));
    attempts_give_back(attempts, &one);
    assert_true(attempts_take(attempts, &one, 1000 + ATTEMPTS_REFILL_MS));
    for (int i = 0; i < ATTEMPTS_AT_ONCE; i++)
        assert_true(attempts_take(attempts, &one, 1000000));
    assert_false(attempts_take(attempts, &one, 1000000));
    attempts_free(attempts);
}

static void a_host_has_all_addresses_of_its_ipv6_network(void **context)
{
    (void)context;
    struct attempts *attempts = attempts_new();
    struct attempts_source one = test_source("2001:db8:0:1::1"), same = test_source("2001:db8:0:1:2:3:4:5"),
                           other = test_source("2001:db8:0:2::1");
    for (int i = 0; i < ATTEMPTS_AT_ONCE; i++)
        assert_true(attempts_take(attempts, &one, 1000));
    assert_false(attempts_take(attempts, &same, 1000));
    assert_true(attempts_take(attempts, &other, 1000));
    attempts_free(attempts);
}

static void failures_are_told_once_a_minute(void **context)
{
    (void)context;
    struct attempts *attempts = attempts_new();
    struct attempts_source one = test_source("10.0.0.1"), other = test_source("10.0.0.2");
    char text[AQ_ADDRESS_TEXT_SIZE];
    assert_int_equal(attempts_count(attempts, &one, 1000), 1);
    for (int i = 0; i < 50; i++)
        assert_int_equal(attempts_count(attempts, &one, 1001), 0);
    assert_int_equal(attempts_count(attempts, &other, 1001), 1);
    assert_int_equal(attempts_count(attempts, &one, 1000 + ATTEMPTS_TOLD_MS), 51);
    unsigned told = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct attempts_source many = test_source("10.1.0.0");
        many.bytes[14] = (unsigned char)(i >> 8);
        many.bytes[15] = (unsigned char)i;
        told += attempts_count(attempts, &many, 1000 + 2 * ATTEMPTS_TOLD_MS) != 0;
    }
    assert_int_equal(told, ATTEMPTS_TOLD_MAX);
    aq_address_text(one.bytes, text);
    assert_string_equal(text, "10.0.0.1");
    one = test_source("2001:db8::1");
    aq_address_text(one.bytes, text);
    assert_string_equal(text, "2001:db8::1");
    attempts_free(attempts);
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
        cmocka_unit_test(a_use_is_written_once_a_minute),
        cmocka_unit_test(many_tokens_do_not_keep_the_writing_thread_busy),
        cmocka_unit_test(attempts_grow_again),
        cmocka_unit_test(a_host_has_all_addresses_of_its_ipv6_network),
        cmocka_unit_test(failures_are_told_once_a_minute),
        cmocka_unit_test(proofs_expire_and_depend_on_the_hash),
        cmocka_unit_test(bad_proofs_do_not_replace_good_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
