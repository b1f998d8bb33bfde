#include "controller/serve/network.h"

#include "schema/base/address.h"
#include "schema/base/files.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BITS = 96 };

static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
static const unsigned char loopback6[16] = {[15] = 1};

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

static int parse_nodes(struct network *network, const char *text, const char *nodes, struct aq_error *error)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*?";
    size_t length = strlen(nodes);
    if (length == 0 || length >= sizeof network->nodes || strspn(nodes, characters) != length)
        return aq_fail(error, AQ_E_INVALID,
                       "network \"%.100s\" must end in a node's name of at most %zu characters, in which * and ? stand "
                       "for others",
                       text, sizeof network->nodes - 1);
    memcpy(network->nodes, nodes, length + 1);
    return 0;
}

static int parse_address(struct network *network, const char *text, struct aq_error *error)
{
    char address[AQ_ADDRESS_TEXT_SIZE];
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

int network_parse(struct network *network, const char *text, struct aq_error *error)
{
    char address[2 * AQ_ADDRESS_TEXT_SIZE];
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    if (length >= sizeof address)
        return aq_fail(error, AQ_E_INVALID, "network is \"%.100s\", but must be such as 10.0.0.0/8 or fd00::/8", text);
    memcpy(address, text, length);
    address[length] = '\0';
    network->nodes[0] = '\0';
    if (equals != NULL && parse_nodes(network, text, equals + 1, error) != 0)
        return -1;
    return parse_address(network, address, error);
}

bool network_holds(const struct network *network, const struct sockaddr *address)
{
    unsigned char bytes[16];
    return aq_address_bytes(address, bytes) && same_prefix(network->bytes, bytes, network->bits);
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

bool networks_hold_for(const struct networks *networks, const struct sockaddr *address, const char *node)
{
    for (unsigned i = 0; i < networks->count; i++) {
        const struct network *network = &networks->list[i];
        if (network_holds(network, address) &&
            (network->nodes[0] == '\0' || fnmatch(network->nodes, node, FNM_NOESCAPE) == 0))
            return true;
    }
    return false;
}

void network_address_text(const struct sockaddr *address, char *out, size_t size)
{
    unsigned char bytes[16];
    char text[AQ_ADDRESS_TEXT_SIZE] = "";
    if (aq_address_bytes(address, bytes))
        aq_address_text(bytes, text);
    snprintf(out, size, "%s", address->sa_family == AF_UNIX ? "the local socket" : text);
}

bool network_is_loopback(const struct sockaddr *address)
{
    unsigned char bytes[16];
    if (address->sa_family == AF_UNIX)
        return true;
    if (!aq_address_bytes(address, bytes))
        return false;
    if (aq_address_is_ipv4(bytes))
        return bytes[12] == 127;
    return memcmp(bytes, loopback6, sizeof loopback6) == 0;
}
