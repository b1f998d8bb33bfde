/* Networks in CIDR notation, such as 10.0.0.0/8 and fd00::/8, and addresses as text. */
#ifndef AQ_CONTROLLER_SERVE_NETWORK_H
#define AQ_CONTROLLER_SERVE_NETWORK_H

#include "schema/model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { NETWORKS_MAX = 32 };

struct network {
    unsigned char bytes[16];     /* as schema/base/address.h has them */
    unsigned bits;               /* of the prefix, counted in `bytes` */
    char nodes[AQ_NAME_MAX + 1]; /* pattern of the names of nodes whose workloads have addresses there; "": of all */
};

/* Such as 10.0.0.0/8, or 10.1.0.0/16=rack-7-* for some nodes only. Without a slash, the network is the one address.
 * Fails when bits after the prefix are set. */
int network_parse(struct network *network, const char *text, struct aq_error *error) AQ_MUST_CHECK;
bool network_holds(const struct network *network, const struct sockaddr *address);

/* The networks of a setting. */
struct networks {
    struct network list[NETWORKS_MAX];
    unsigned count;
};
int networks_parse(struct networks *networks, const struct aq_list *texts, struct aq_error *error) AQ_MUST_CHECK;
bool networks_hold(const struct networks *networks, const struct sockaddr *address); /* true: one of them holds it */
/* True: one of them holds it, and workloads of the node may have addresses there. */
bool networks_hold_for(const struct networks *networks, const struct sockaddr *address, const char *node);

/* "127.0.0.1", "fe80::1", "the local socket": IPv4 is never shown in its IPv6 form. Empty for other families. */
void network_address_text(const struct sockaddr *address, char *out, size_t size);
/* Is it on this host? A local socket is. */
bool network_is_loopback(const struct sockaddr *address);

#endif
