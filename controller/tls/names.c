#include "controller/tls/names.h"

#include "schema/base/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LABEL_MAX = 63 };

size_t tls_name_address(const char *name, unsigned char bytes[16])
{
    if (inet_pton(AF_INET, name, bytes) == 1)
        return 4;
    return inet_pton(AF_INET6, name, bytes) == 1 ? 16 : 0;
}

/* A wildcard may stand for the first label alone. */
static bool is_dns_name(const char *name)
{
    size_t length = strlen(name), label = 0;
    if (length == 0 || length >= TLS_NAME_SIZE)
        return false;
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    for (const char *at = name;; at++) {
        if (*at == '.' || *at == '\0') {
            if (label == 0 || label > LABEL_MAX || at[-1] == '-')
                return false;
            if (*at == '\0')
                return true;
            label = 0;
        } else if (isalnum((unsigned char)*at) || (label > 0 && *at == '-') || *at == '_') {
            label++;
        } else {
            return false;
        }
    }
}

/* The usual spelling, so that each is there once. */
static bool spell(const char *name, char out[TLS_NAME_SIZE])
{
    unsigned char bytes[16];
    size_t length = tls_name_address(name, bytes);
    if (length > 0)
        return inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, out, TLS_NAME_SIZE) != NULL;
    if (!is_dns_name(name))
        return false;
    for (size_t i = 0; i <= strlen(name); i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    return true;
}

int tls_names_add(struct tls_names *names, const char *name, struct aq_error *error)
{
    char spelled[TLS_NAME_SIZE];
    if (!spell(name, spelled))
        return aq_fail(error, AQ_E_INVALID, "\"%.100s\" is neither a DNS name nor an IP address", name);
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], spelled) == 0)
            return 0;
    if (names->count == TLS_NAMES_MAX)
        return aq_fail(error, AQ_E_INVALID, "a certificate carries at most %d names and addresses", TLS_NAMES_MAX);
    memcpy(names->list[names->count++], spelled, sizeof spelled);
    return 0;
}

/* What has no room is left out: the operator's own names come first. */
static bool add_own(void *context, const char *text, unsigned flags)
{
    struct aq_error full;
    (void)flags;
    return tls_names_add(context, text, &full) == 0;
}

int tls_names_add_host(struct tls_names *names, const char *address, struct aq_error *error)
{
    char host[TLS_NAME_SIZE];
    struct aq_error no_name;
    if (tls_names_add(names, "localhost", error) != 0 || tls_names_add(names, "127.0.0.1", error) != 0 ||
        tls_names_add(names, "::1", error) != 0)
        return -1;
    if (gethostname(host, sizeof host) == 0 && tls_names_add(names, host, &no_name) != 0)
        host[0] = '\0'; /* a host may be called by what is no DNS name */
    if (!aq_address_is_wildcard(address))
        return tls_names_add(names, address, error);
    aq_address_visit_own(add_own, names);
    return 0;
}
