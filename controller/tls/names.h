/* The names and addresses by which clients may call the controller: what its certificate has to carry. */
#ifndef AQ_CONTROLLER_TLS_NAMES_H
#define AQ_CONTROLLER_TLS_NAMES_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { TLS_NAMES_MAX = 128, TLS_NAME_SIZE = 254 };

struct tls_names {
    char list[TLS_NAMES_MAX][TLS_NAME_SIZE]; /* DNS names in lower case; addresses as inet_ntop() writes them */
    size_t count;
};

/* Adds a DNS name or an IP address, once. Fails with AQ_E_INVALID when it is neither, or when there is no room. */
int tls_names_add(struct tls_names *names, const char *name, struct aq_error *error) AQ_MUST_CHECK;

/* Adds what this host is called: its host name, localhost, both loopback addresses, and, if `address` is a wildcard,
 * every address of its interfaces, as many as there is room for; otherwise `address` itself. */
int tls_names_add_host(struct tls_names *names, const char *address, struct aq_error *error) AQ_MUST_CHECK;

/* The bytes of an IP address: 4, 16, or 0 if it is a DNS name. */
size_t tls_name_address(const char *name, unsigned char bytes[16]);

#endif
