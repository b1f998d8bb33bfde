#include "controller/serve/network.h"

#include "schema/base/files.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BITS = 96, ARP_LINES_MAX = 16384 };

static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
static const unsigned char loopback6[16] = {[15] = 1};

/* False: the address is neither IPv4 nor IPv6. */
static bool address_bytes(const struct sockaddr *address, unsigned char bytes[16])
{
    if (address->sa_family == AF_INET) {
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return true;
    }
    return false;
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

static bool is_zero_after(const unsigned char bytes[16], unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        if (bytes[i / 8] & (0x80 >> i % 8))
            return false;
    return true;
}

static int parse_prefix(const char *text, const char *prefix, unsigned most, unsigned *bits, struct aq_error *error)
{
    char *end;
    unsigned long number = strtoul(prefix, &end, 10);
    if (!isdigit((unsigned char)prefix[0]) || *end != '\0' || number > most)
        return aq_fail(error, AQ_E_INVALID, "network \"%.100s\" must end in a slash and a number from 0 to %u", text,
                       most);
    *bits = (unsigned)number;
    return 0;
}

int network_parse(struct network *network, const char *text, struct aq_error *error)
{
    char address[ADDRESS_TEXT_SIZE];
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof address)
        return aq_fail(error, AQ_E_INVALID, "network is \"%.100s\", but must be such as 10.0.0.0/8 or fd00::/8", text);
    memcpy(address, text, length);
    address[length] = '\0';

    memcpy(network->bytes, mapped, sizeof mapped);
    bool four = inet_pton(AF_INET, address, network->bytes + 12) == 1;
    if (!four && inet_pton(AF_INET6, address, network->bytes) != 1)
        return aq_fail(error, AQ_E_INVALID, "network is \"%.100s\", but must be such as 10.0.0.0/8 or fd00::/8", text);
    unsigned most = four ? 32 : 128;
    network->bits = most;
    if (slash != NULL && parse_prefix(text, slash + 1, most, &network->bits, error) != 0)
        return -1;
    network->bits += four ? MAPPED_BITS : 0;
    if (!is_zero_after(network->bytes, network->bits))
        return aq_fail(error, AQ_E_INVALID, "network \"%.100s\" has bits set after its prefix", text);
    return 0;
}

bool network_holds(const struct network *network, const struct sockaddr *address)
{
    unsigned char bytes[16];
    return address_bytes(address, bytes) && same_prefix(network->bytes, bytes, network->bits);
}

int networks_parse(struct networks *networks, const struct aq_list *texts, struct aq_error *error)
{
    aq_assert(texts->count <= NETWORKS_MAX);
    networks->count = texts->count;
    for (uint32_t i = 0; i < texts->count; i++)
        if (network_parse(&networks->list[i], AQ_TEXT_ITEM(*texts, i), error) != 0)
            return -1;
    return 0;
}

bool networks_hold(const struct networks *networks, const struct sockaddr *address)
{
    for (unsigned i = 0; i < networks->count; i++)
        if (network_holds(&networks->list[i], address))
            return true;
    return false;
}

void network_address_text(const struct sockaddr *address, char *out, size_t size)
{
    unsigned char bytes[16];
    out[0] = '\0';
    if (!address_bytes(address, bytes))
        return;
    bool four = memcmp(bytes, mapped, sizeof mapped) == 0;
    if (inet_ntop(four ? AF_INET : AF_INET6, four ? bytes + 12 : bytes, out, (socklen_t)size) == NULL)
        out[0] = '\0';
}

bool network_is_loopback(const struct sockaddr *address)
{
    unsigned char bytes[16];
    if (!address_bytes(address, bytes))
        return false;
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        return bytes[12] == 127;
    return memcmp(bytes, loopback6, sizeof loopback6) == 0;
}

bool network_hardware_address(const char *table, const char *address, char *out, size_t size)
{
    AQ_CLEANUP_FILE FILE *file = fopen(table, "re");
    if (file == NULL)
        return false;
    char line[256], ip[64], type[16], flags[16], hardware[32];
    bool found = false;
    for (unsigned i = 0; i < ARP_LINES_MAX && !found && fgets(line, sizeof line, file) != NULL; i++)
        found = sscanf(line, "%63s %15s %15s %31s", ip, type, flags, hardware) == 4 && strcmp(ip, address) == 0 &&
                strlen(hardware) == 17 && strcmp(hardware, "00:00:00:00:00:00") != 0;
    if (!found || size <= strlen(hardware))
        return false;
    for (size_t i = 0; i <= strlen(hardware); i++)
        out[i] = (char)tolower((unsigned char)hardware[i]);
    return true;
}
