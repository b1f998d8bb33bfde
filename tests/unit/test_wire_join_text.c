/* The text of a join token: what it says comes back, and nothing that was cut, changed or is of another kind does. */
#include "schema/wire/join_text.h"
#include "tests/lib/cmocka.h"

#include <sodium.h>
#include <string.h>

#define FINGERPRINT "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct aq_arena arena;

static int setup(void **context)
{
    (void)context;
    return sodium_init() < 0 ? -1 : 0;
}

static int teardown(void **context)
{
    (void)context;
    aq_arena_free(&arena);
    return 0;
}

static const char *make(const char *first, const char *second)
{
    static const char *addresses[2];
    static unsigned char secret[AQ_JOIN_SECRET_BYTES];
    addresses[0] = first;
    addresses[1] = second;
    memset(secret, 0xA5, sizeof secret);
    const struct aq_list list = {addresses, second != NULL ? 2 : 1};
    return aq_join_text_make(AQ_JOIN_NODE, &list, FINGERPRINT, secret, &arena);
}

static void what_it_says_comes_back(void **context)
{
    (void)context;
    struct aq_join_said said;
    struct aq_error error = {0};
    const char *text = make("10.0.0.1:8002", "[fd00::1]:8002");
    assert_int_equal(strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"), strlen(text));
    assert_true(strlen(text) < 200); /* one line to paste */
    const char *pasted = aq_arena_format(&arena, "  %s\r\n", text);
    assert_int_equal(aq_join_text_read(pasted, &said, &arena, &error), 0);
    assert_int_equal(said.role, AQ_JOIN_NODE);
    assert_string_equal(said.fingerprint, FINGERPRINT);
    assert_int_equal(said.addresses.count, 2);
    assert_string_equal(AQ_TEXT_ITEM(said.addresses, 0), "10.0.0.1:8002");
    assert_string_equal(AQ_TEXT_ITEM(said.addresses, 1), "[fd00::1]:8002");
    assert_string_equal(said.secret, "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
}

static void every_other_text_is_refused(void **context)
{
    (void)context;
    struct aq_join_said said;
    const char *text = make("10.0.0.1:8002", NULL);
    for (size_t i = 0; i < strlen(text); i++) {
        struct aq_error error = {0};
        char *changed = aq_arena_text(&arena, text, strlen(text));
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(aq_join_text_read(changed, &said, &arena, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
        changed[i] = '\0'; /* cut */
        assert_int_equal(aq_join_text_read(changed, &said, &arena, &error), -1);
    }
}

static void refused(const char *text, const char *why)
{
    struct aq_join_said said;
    struct aq_error error = {0};
    assert_int_equal(aq_join_text_read(text, &said, &arena, &error), -1);
    if (strstr(error.message, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, error.message);
}

static void the_reason_is_told_without_the_secret(void **context)
{
    (void)context;
    const char *text = make("10.0.0.1:8002", NULL);
    refused("", "begins with aqjoin_");
    refused("aq_0123456789", "begins with aqjoin_");
    refused("aqjoin_", "was it cut or mistyped?");
    refused("aqjoin_000000", "was it cut or mistyped?");
    refused(aq_arena_format(&arena, "%s x", text), "must be one word");
    refused(aq_arena_format(&arena, "%.*sx", (int)strlen(text) - 1, text), "its checksum is wrong");
    char *long_one = aq_arena_alloc(&arena, 5000);
    memset(long_one, 'a', 4999);
    memcpy(long_one, "aqjoin_", 7);
    refused(long_one, "has 4999 characters, more than 2048");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_comes_back),
        cmocka_unit_test(every_other_text_is_refused),
        cmocka_unit_test(the_reason_is_told_without_the_secret),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
