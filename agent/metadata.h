/* The metadata service of the agent: on the networks that drivers make for their workloads (driver.h), each workload
 * gets its own metadata at http://GATEWAY/meta/v1/data/, without a token, as the controller's service gives it
 * (docs/api.md). It comes from what the agent was given, so it needs no controller.
 *
 * The caller is known by its address, which the network vouches for (driver.h). The service listens on the network's
 * device only, so another host does not reach it; a process of this host does, and is told that it is no workload.
 *
 * It takes part in the agent's turns. Each answer is made at once, except for a workload whose driver has not yet told
 * its address: that one is held for a moment. */
#ifndef AQ_AGENT_METADATA_H
#define AQ_AGENT_METADATA_H

#include "agent/workloads.h"

#include <poll.h>

enum {
    METADATA_NETWORKS_MAX = 4,
    METADATA_PORTS = 16, /* that are tried, from the wanted one on */
    METADATA_CONNECTIONS_MAX = 256,
    METADATA_CONNECTIONS_PER_ADDRESS = 8,
    METADATA_HEADERS_MAX = 8192, /* bytes of a request, and a bit */
    METADATA_CALL_MS = 10000,    /* how long a connection lasts at most */
    METADATA_HELD_MS = 3000,     /* of it, how long it may wait for the address of a workload that is being started */
};

struct metadata;

/* Claims the port on the networks of the drivers that are open, once these know their settings; if another agent of the
 * host, or a server, has it, one of the next ones. Which one it is, is kept in `directory` (-1: nowhere), so that
 * workloads find it after a restart. It listens as soon as a network is there. If no port can be had, that is told in
 * the journal, and tried again. `port` 0: no service. What is given stays the caller's. */
struct metadata *metadata_open(struct workloads *workloads, uint16_t port, int directory, const struct aq_clocks *now);
void metadata_close(struct metadata *metadata); /* NULL is fine */

uint16_t metadata_port(const struct metadata *metadata); /* 0: it is not to be had now */

void metadata_work(struct metadata *metadata);
uint64_t metadata_deadline_ms(const struct metadata *metadata); /* steady: call metadata_work() then at the latest */
/* The descriptors to poll until then. Returns their number. */
nfds_t metadata_fds(const struct metadata *metadata, struct pollfd fds[METADATA_NETWORKS_MAX]);

#endif
