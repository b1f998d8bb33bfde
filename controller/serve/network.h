/* Networks in CIDR notation, such as 10.0.0.0/8 and fd00::/8, and addresses as text. */
#ifndef AQ_CONTROLLER_SERVE_NETWORK_H
#define AQ_CONTROLLER_SERVE_NETWORK_H

#include "schema/model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { NETWORKS_MAX = 32, ADDRESS_TEXT_SIZE = 64 };

struct network {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;           /* of the prefix, counted in `bytes` */
};

/* Without a slash, the network is the one address. Fails when bits after the prefix are set. */
int network_parse(struct network *network, const char *text, struct aq_error *error) AQ_MUST_CHECK;
bool network_holds(const struct network *network, const struct sockaddr *address);

/* The networks of a setting. */
struct networks {
    struct network list[NETWORKS_MAX];
    unsigned count;
};
int networks_parse(struct networks *networks, const struct aq_list *texts, struct aq_error *error) AQ_MUST_CHECK;
bool networks_hold(const struct networks *networks, const struct sockaddr *address); /* true: one of them holds it */

/* "127.0.0.1", "fe80::1": IPv4 is never shown in its IPv6 form. Empty for addresses of other families. */
void network_address_text(const struct sockaddr *address, char *out, size_t size);
bool network_is_loopback(const struct sockaddr *address);

/* The hardware address of a neighbour with this IP address, in lower case, from the kernel's table of neighbours
 * (`table`: "/proc/net/arp"). False: it is not known. */
bool network_hardware_address(const char *table, const char *address, char *out, size_t size);

#endif
