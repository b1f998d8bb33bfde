/* Network addresses as 16 bytes: IPv6 as it is, IPv4 as ::ffff:a.b.c.d. So limits and lists of networks treat both
 * alike. */
#ifndef AQ_SCHEMA_BASE_ADDRESS_H
#define AQ_SCHEMA_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { AQ_ADDRESS_BYTES = 16, AQ_ADDRESS_TEXT_SIZE = 64 };

/* False: the address is of another family, and the bytes are 0. */
bool aq_address_bytes(const struct sockaddr *address, unsigned char bytes[AQ_ADDRESS_BYTES]);
bool aq_address_is_ipv4(const unsigned char bytes[AQ_ADDRESS_BYTES]);
/* How many of the bytes, from the first one on, tell hosts apart where each has a limit: all of IPv4, and the first 64
 * bits of IPv6, since one host may have all addresses behind them. */
size_t aq_address_host_length(const unsigned char bytes[AQ_ADDRESS_BYTES]);
/* "127.0.0.1", "fe80::1": IPv4 is never shown in its IPv6 form. */
void aq_address_text(const unsigned char bytes[AQ_ADDRESS_BYTES], char out[AQ_ADDRESS_TEXT_SIZE]);

/* Does the text stand for all addresses of a host: 0.0.0.0 or ::? */
bool aq_address_is_wildcard(const char *text);

/* Calls `each` for the addresses of this host's interfaces, until it returns false. `flags` are IFF_... of the
 * interface. Link-local addresses are left out: without a zone they mean nothing, and a zone means nothing on another
 * host. */
typedef bool aq_address_fn(void *context, const char *text, unsigned flags);
void aq_address_visit_own(aq_address_fn *each, void *context);

#endif
