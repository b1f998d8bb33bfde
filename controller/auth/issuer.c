#include "controller/auth/issuer.h"

#include "schema/base/address.h"

#include <inttypes.h>
#include <net/if.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 120 };

/* ---- addresses ------------------------------------------------------------------------------------------ */

/* An address: its host's part, and its port, if it has one. An IPv6 address has brackets when a port follows. */
struct place {
    const char *host;
    size_t length;
    const char *port; /* NULL: none */
};

static struct place split(const char *text)
{
    const char *last = strrchr(text, ':');
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    if (end != NULL && (end[1] == '\0' || end[1] == ':'))
        return (struct place){text + 1, (size_t)(end - text - 1), end[1] == ':' ? end + 2 : NULL};
    if (last != NULL && strchr(text, ':') == last)
        return (struct place){text, (size_t)(last - text), last + 1};
    return (struct place){text, strlen(text), NULL};
}

static bool is_port(const char *text)
{
    const size_t length = strlen(text);
    const long port = length >= 1 && length <= 5 && strspn(text, "0123456789") == length ? strtol(text, NULL, 10) : 0;
    return port >= 1 && port <= 65535;
}

int issuer_check_addresses(const struct aq_list *advertised, struct aq_error *error)
{
    static const char known[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:";
    for (uint32_t i = 0; i < advertised->count; i++) {
        const char *text = AQ_TEXT_ITEM(*advertised, i);
        const struct place place = split(text);
        if (place.length == 0 || place.length > HOST_MAX || strspn(place.host, known) < place.length ||
            (place.port != NULL && !is_port(place.port)))
            return aq_fail(error, AQ_E_INVALID,
                           "hub.advertise holds \"%.100s\", but must hold ADDRESS or ADDRESS:PORT, with a port from 1 "
                           "to 65535",
                           text);
    }
    return 0;
}

static void add(struct aq_list *list, const char *text, uint64_t port, struct aq_arena *arena)
{
    const struct place place = split(text);
    const char *format = memchr(place.host, ':', place.length) != NULL ? "[%.*s]:%s" : "%.*s:%s";
    char number[24];
    if (list->count == AQ_JOIN_ADDRESSES_MAX)
        return;
    snprintf(number, sizeof number, "%" PRIu64, port);
    ((const char **)list->items)[list->count++] =
        aq_arena_format(arena, format, (int)place.length, place.host, place.port != NULL ? place.port : number);
}

struct adding {
    struct aq_list *list;
    uint64_t port;
    struct aq_arena *arena;
};

static bool add_own(void *context, const char *text, unsigned flags)
{
    const struct adding *adding = context;
    if ((flags & IFF_UP) && !(flags & IFF_LOOPBACK))
        add(adding->list, text, adding->port, adding->arena);
    return true;
}

int issuer_set_addresses(struct issuer *issuer, const struct aq_list *advertised, const char *address, uint64_t port,
                         struct aq_arena *arena, struct aq_error *error)
{
    struct aq_list list = {aq_arena_alloc(arena, AQ_JOIN_ADDRESSES_MAX * sizeof(const char *)), 0};
    if (issuer_check_addresses(advertised, error) != 0)
        return -1;
    for (uint32_t i = 0; i < advertised->count; i++)
        add(&list, AQ_TEXT_ITEM(*advertised, i), port, arena);
    const bool all = aq_address_is_wildcard(address);
    if (list.count == 0 && all)
        aq_address_visit_own(add_own, &(struct adding){&list, port, arena});
    if (list.count == 0)
        add(&list, all ? "127.0.0.1" : address, port, arena);
    issuer->addresses = list;
    return 0;
}

const char *issuer_warning(const struct issuer *issuer)
{
    for (uint32_t i = 0; i < issuer->addresses.count; i++) {
        const char *address = AQ_TEXT_ITEM(issuer->addresses, i);
        if (strncmp(address, "127.", 4) != 0 && strncmp(address, "[::1]", 5) != 0)
            return NULL;
    }
    return "the hub listens on loopback only, so agents on other hosts cannot use this token: set hub.address, or "
           "hub.advertise, and make another one";
}

/* ---- join tokens ---------------------------------------------------------------------------------------- */

const char *issuer_make_join_text(const struct issuer *issuer, char secret[AQ_JOIN_SECRET_SIZE], struct aq_arena *arena)
{
    unsigned char bytes[AQ_JOIN_SECRET_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    aq_join_secret_text(bytes, secret);
    const char *text = aq_join_text_make(AQ_JOIN_NODE, &issuer->addresses, issuer->fingerprint, bytes, arena);
    sodium_memzero(bytes, sizeof bytes);
    return text;
}
