#include "schema/base/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

enum { NETWORK_BYTES = 8, INTERFACES_MAX = 4096 };

static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};

bool aq_address_bytes(const struct sockaddr *address, unsigned char bytes[AQ_ADDRESS_BYTES])
{
    if (address->sa_family == AF_INET) {
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, AQ_ADDRESS_BYTES);
        return true;
    }
    memset(bytes, 0, AQ_ADDRESS_BYTES);
    return false;
}

bool aq_address_is_ipv4(const unsigned char bytes[AQ_ADDRESS_BYTES])
{
    return memcmp(bytes, mapped, sizeof mapped) == 0;
}

size_t aq_address_host_length(const unsigned char bytes[AQ_ADDRESS_BYTES])
{
    return aq_address_is_ipv4(bytes) ? AQ_ADDRESS_BYTES : NETWORK_BYTES;
}

void aq_address_text(const unsigned char bytes[AQ_ADDRESS_BYTES], char out[AQ_ADDRESS_TEXT_SIZE])
{
    const bool four = aq_address_is_ipv4(bytes);
    out[0] = '\0';
    if (inet_ntop(four ? AF_INET : AF_INET6, four ? bytes + sizeof mapped : bytes, out, AQ_ADDRESS_TEXT_SIZE) == NULL)
        out[0] = '\0';
}

bool aq_address_is_wildcard(const char *text)
{
    struct in_addr four;
    struct in6_addr six;
    return (inet_pton(AF_INET, text, &four) == 1 && four.s_addr == 0) ||
           (inet_pton(AF_INET6, text, &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six));
}

static bool is_link_local(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

void aq_address_visit_own(aq_address_fn *each, void *context)
{
    struct ifaddrs *all;
    unsigned seen = 0;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *at = all; at != NULL && seen < INTERFACES_MAX; at = at->ifa_next, seen++) {
        unsigned char bytes[AQ_ADDRESS_BYTES];
        char text[AQ_ADDRESS_TEXT_SIZE];
        if (at->ifa_addr == NULL || is_link_local(at->ifa_addr) || !aq_address_bytes(at->ifa_addr, bytes))
            continue;
        aq_address_text(bytes, text);
        if (!each(context, text, at->ifa_flags))
            break;
    }
    freeifaddrs(all);
}
