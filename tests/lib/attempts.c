#include "tests/lib/attempts.h"

#include "tests/lib/cmocka.h"

#include <arpa/inet.h>

struct attempts_source test_source(const char *address)
{
    struct attempts_source source = {0};
    if (inet_pton(AF_INET6, address, source.bytes) == 1)
        return source;
    source.bytes[10] = source.bytes[11] = 0xFF;
    assert_int_equal(inet_pton(AF_INET, address, source.bytes + 12), 1);
    return source;
}
