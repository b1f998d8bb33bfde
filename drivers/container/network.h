/* The network of this host's containers: a bridge (NETWORK_BRIDGE) with the host as its gateway, which all agents of
 * the host share, since slots (slots.h) are shared, too. Slot n has the address n + 2 of the network.
 *
 * A container reaches other hosts through the host, with the host's address (masquerade). It reaches no other
 * container, and nothing of the host but answers and the agent's metadata service (NETWORK_MARK); it is reached by its
 * ports that are published. A frame that comes from a container must have its hardware address and its IPv4 address.
 * There is no IPv6. */
#ifndef AQ_DRIVERS_CONTAINER_NETWORK_H
#define AQ_DRIVERS_CONTAINER_NETWORK_H

#include "schema/base/error.h"
#include "schema/drivers/container.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#define NETWORK_BRIDGE "aq-containers"

/* Of sockets that containers reach at the gateway. */
#define NETWORK_MARK 0x61716d64u

enum { NETWORK_ADDRESS_SIZE = 48 };

struct network_place {
    uint32_t slot;
    struct aq_container_subnet subnet;
    uint32_t address;
    unsigned char hw[6];
    char ip_addr[NETWORK_ADDRESS_SIZE], hw_addr[NETWORK_ADDRESS_SIZE];
};

void network_place_init(struct network_place *place, const struct aq_container_subnet *subnet, uint32_t slot);

void network_gateway(const struct aq_container_subnet *subnet, char text[NETWORK_ADDRESS_SIZE]);

/* Makes the bridge and its rules if they are missing, and has the ports of all slots in use lead to their containers.
 */
int network_prepare(const struct aq_container_settings *settings, struct aq_error *error) AQ_MUST_CHECK;

bool network_rules_are_gone(void); /* there is the bridge, without its rules */

/* Connects the network namespace, a descriptor, to the bridge. It is disconnected when the namespace is gone. */
int network_connect(const struct network_place *place, int space, struct aq_error *error) AQ_MUST_CHECK;

/* The host's end of that connection, by the hardware address of the container's; "": there is none. */
void network_device(const char *hw_addr, char name[16]);

/* Claims the ports for this process and those that it forks: no other process of the host can have them then. `ports`
 * is a list of {outside, inside, udp}. */
int network_claim_ports(const json_t *ports, struct aq_error *error) AQ_MUST_CHECK;
/* Has the ports lead to the container. They must be noted in its slot, since network_prepare() may come in between; for
 * the same reason, a note and the ports are taken back under network_lock(). */
int network_publish(const struct aq_container_settings *settings, const struct network_place *place,
                    const json_t *ports, struct aq_error *error) AQ_MUST_CHECK;
void network_unpublish(const struct aq_container_settings *settings, const json_t *ports);

/* Waits for `container.call_time` at most. Returns a descriptor, for close(). */
int network_lock(const struct aq_container_settings *settings, struct aq_error *error) AQ_MUST_CHECK;

/* What containers find in /etc/resolv.conf: the host's, without resolvers on its loopback device. */
void network_resolvers(struct aq_buffer *text);

#endif
