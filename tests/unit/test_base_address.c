/* Network addresses as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static union place place_of(const char *text)
{
    union place place = {0};
    place.any.sa_family = AF_INET;
    if (inet_pton(AF_INET, text, &place.v4.sin_addr) == 1)
        return place;
    place.any.sa_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &place.v6.sin6_addr), 1);
    return place;
}

static void addresses_are_shown_as_people_write_them(void **context)
{
    static const char *const pairs[][2] = {
        {"127.0.0.1", "127.0.0.1"}, {"::ffff:10.1.2.3", "10.1.2.3"}, {"2001:db8::1", "2001:db8::1"}, {"::", "::"}};
    (void)context;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        union place place = place_of(pairs[i][0]);
        unsigned char bytes[AQ_ADDRESS_BYTES];
        char text[AQ_ADDRESS_TEXT_SIZE];
        assert_true(aq_address_bytes(&place.any, bytes));
        assert_int_equal(aq_address_is_ipv4(bytes), strchr(pairs[i][1], '.') != NULL);
        aq_address_text(bytes, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void one_host_may_have_64_bits_of_ipv6(void **context)
{
    (void)context;
    union place one = place_of("10.0.0.1"), other = place_of("2001:db8::1");
    unsigned char bytes[AQ_ADDRESS_BYTES];
    assert_true(aq_address_bytes(&one.any, bytes));
    assert_int_equal(aq_address_host_length(bytes), 16);
    assert_true(aq_address_bytes(&other.any, bytes));
    assert_int_equal(aq_address_host_length(bytes), 8);
}

static void other_families_have_no_bytes(void **context)
{
    static const unsigned char none[AQ_ADDRESS_BYTES];
    (void)context;
    union place place = {0};
    unsigned char bytes[AQ_ADDRESS_BYTES];
    memset(bytes, 7, sizeof bytes);
    place.any.sa_family = AF_UNIX;
    assert_false(aq_address_bytes(&place.any, bytes));
    assert_memory_equal(bytes, none, sizeof none);
}

static void a_wildcard_stands_for_all_addresses(void **context)
{
    (void)context;
    assert_true(aq_address_is_wildcard("0.0.0.0"));
    assert_true(aq_address_is_wildcard("::"));
    assert_false(aq_address_is_wildcard("127.0.0.1"));
    assert_false(aq_address_is_wildcard("::1"));
    assert_false(aq_address_is_wildcard("localhost"));
}

struct seen {
    unsigned count, loopback;
    unsigned most;
};

static bool note_address(void *context, const char *text, unsigned flags)
{
    struct seen *seen = context;
    assert_int_not_equal(strncmp(text, "fe80:", 5), 0);
    seen->loopback += strcmp(text, "127.0.0.1") == 0 && (flags & IFF_LOOPBACK);
    return ++seen->count < seen->most;
}

static void interfaces_are_visited_until_it_is_enough(void **context)
{
    (void)context;
    struct seen all = {.most = 10000}, one = {.most = 1};
    aq_address_visit_own(note_address, &all);
    assert_int_equal(all.loopback, 1);
    aq_address_visit_own(note_address, &one);
    assert_int_equal(one.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_shown_as_people_write_them),
        cmocka_unit_test(one_host_may_have_64_bits_of_ipv6),
        cmocka_unit_test(other_families_have_no_bytes),
        cmocka_unit_test(a_wildcard_stands_for_all_addresses),
        cmocka_unit_test(interfaces_are_visited_until_it_is_enough),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
