/* Tokens are recognisable, and a fast hash of each is kept. What a join token tells: a secret, the authority's
 * fingerprint, and where the hub can be reached. */
#include "controller/auth/tokens.h"
#include "schema/model/application.h"
#include "schema/model/join_token.h"
#include "schema/model/node.h"
#include "schema/model/token.h"
#include "schema/model/user.h"
#include "schema/wire/join_text.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/services.h"

#include <string.h>

/* As an earlier build made them. */
static const char old_token[] = "aq_Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyLV8";

static void tokens_are_random_and_recognisable(void **context)
{
    (void)context;
    char one[TOKEN_SIZE], other[TOKEN_SIZE];
    token_make(one);
    token_make(other);
    assert_int_equal(strncmp(one, "aq_", 3), 0);
    assert_int_equal(strlen(one), 3 + 43 + 6);
    assert_int_equal(strspn(one + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 43 + 6);
    assert_string_not_equal(one, other);
    assert_true(token_is_whole(one));
    for (size_t i = 0; i < strlen(one); i++) {
        char kept = one[i];
        one[i] = kept == '7' ? '8' : '7';
        assert_false(token_is_whole(one));
        one[i] = kept;
    }
    one[strlen(one) - 1] = '\0';
    assert_false(token_is_whole(one));
    assert_false(token_is_whole(old_token));
}

/* The checksum as docs/security.md tells it, for scanners: computed with zlib. */
static void the_checksum_is_a_crc_32(void **context)
{
    (void)context;
    assert_true(token_is_whole("aq_AQUARIUMAQUARIUMAQUARIUMAQUARIUMAQUARIUMAQU3gS9sa"));
}

static void only_some_commands_make_tokens(void **context)
{
    (void)context;
    assert_true(token_is_made_by(&aq_command_user_create));
    assert_true(token_is_made_by(&aq_command_user_token));
    assert_true(token_is_made_by(&aq_command_join_token_create));
    assert_false(token_is_made_by(&aq_command_node_enrol)); /* its secret comes from the joiner */
    assert_false(token_is_made_by(&aq_command_user_update));
    assert_false(token_is_made_by(&aq_command_application_create));
}

static void of_a_join_token_the_hash_is_that_of_the_secret_in_it(void **context)
{
    (void)context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const char *addresses[] = {"10.0.0.1:8002"};
    const struct issuer issuer = {TEST_FINGERPRINT, {addresses, 1}};
    struct aq_join_token_create record = {.name = "*", .hash = ""};
    struct aq_join_said said;
    struct aq_error error = {0};
    const char *text = token_fill(&aq_command_join_token_create, &record, &issuer, &arena);
    assert_int_equal(aq_join_text_read(text, &said, &arena, &error), 0);
    char hash[TOKEN_HASH_SIZE];
    token_hash(said.secret, hash);
    assert_string_equal(hash, record.hash);
    assert_null(strstr(record.hash, said.secret));
    assert_string_equal(said.fingerprint, TEST_FINGERPRINT);
    assert_string_equal(AQ_TEXT_ITEM(said.addresses, 0), "10.0.0.1:8002");
}

static void issues_from(const char *advertised, const char *address, const char *expected)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct issuer issuer = {0};
    const char *texts[] = {advertised};
    const struct aq_list list = {texts, advertised[0] != '\0'};
    if (issuer_set_addresses(&issuer, &list, address, 8002, &arena, &error) != 0)
        assert_string_equal(error.message, expected);
    else
        assert_string_equal(AQ_TEXT_ITEM(issuer.addresses, 0), expected);
    aq_arena_free(&arena);
}

static void a_join_token_names_where_the_hub_can_be_reached(void **context)
{
    (void)context;
    issues_from("", "10.0.0.1", "10.0.0.1:8002");
    issues_from("", "fd00::1", "[fd00::1]:8002");
    issues_from("hub.example", "0.0.0.0", "hub.example:8002");
    issues_from("hub.example:9", "0.0.0.0", "hub.example:9");
    issues_from("fd00::1", "::", "[fd00::1]:8002");
    issues_from("[fd00::1]:9", "::", "[fd00::1]:9");
    issues_from("hub:0", "10.0.0.1",
                "hub.advertise holds \"hub:0\", but must hold ADDRESS or ADDRESS:PORT, with a port from 1 to 65535");
    issues_from("a b", "10.0.0.1",
                "hub.advertise holds \"a b\", but must hold ADDRESS or ADDRESS:PORT, with a port from 1 to 65535");
    issues_from("[::1]9", "10.0.0.1",
                "hub.advertise holds \"[::1]9\", but must hold ADDRESS or ADDRESS:PORT, with a port from 1 to 65535");
}

static void hashes_are_blake2b(void **context)
{
    (void)context;
    char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE], other[TOKEN_HASH_SIZE];
    token_make(token);
    token_hash(token, hash);
    assert_int_equal(strncmp(hash, "$blake2b$", 9), 0);
    assert_int_equal(strlen(hash), 9 + 43);
    assert_false(token_matches_slowly(token, hash));
    token_make(token);
    token_hash(token, other);
    assert_string_not_equal(hash, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_random_and_recognisable),
        cmocka_unit_test(the_checksum_is_a_crc_32),
        cmocka_unit_test(only_some_commands_make_tokens),
        cmocka_unit_test(of_a_join_token_the_hash_is_that_of_the_secret_in_it),
        cmocka_unit_test(a_join_token_names_where_the_hub_can_be_reached),
        cmocka_unit_test(hashes_are_blake2b),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
