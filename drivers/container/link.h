/* Network devices, by the kernel's own interface: running ip(8) for each container would take longer than making it. */
#ifndef AQ_DRIVERS_CONTAINER_LINK_H
#define AQ_DRIVERS_CONTAINER_LINK_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

bool link_is_up(const char *name);

/* Whether the table of netfilter's rules was removed, such as by `nft flush ruleset`. `family` is NFPROTO_*. */
bool link_table_is_missing(uint8_t family, const char *name);

/* Makes a pair of devices: `name`, as an isolated port of the bridge, and eth0, with the hardware address and without
 * IPv6, in the network namespace that the descriptor is of. Both go when that namespace does. */
int link_make_pair(const char *name, const char *bridge, const unsigned char hw_addr[6], int space,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Gives the eth0 of that namespace its address, and the gateway as its only way out. Addresses are numbers. Its
 * loopback device is up afterwards. */
int link_set_address(int space, uint32_t address, unsigned bits, uint32_t gateway,
                     struct aq_error *error) AQ_MUST_CHECK;

#endif
