/* Neighbours: hosts on the networks of this one. */
#ifndef AQ_SCHEMA_BASE_NEIGHBOUR_H
#define AQ_SCHEMA_BASE_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>

#define AQ_NEIGHBOURS "/proc/net/arp"

/* The hardware address of a neighbour with this IP address, in lower case, from the kernel's table of neighbours
 * (`table`: AQ_NEIGHBOURS). False: it is not known. */
bool aq_neighbour_hardware(const char *table, const char *address, char *out, size_t size);

#endif
