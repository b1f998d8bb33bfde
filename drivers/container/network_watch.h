/* Puts the rules of the containers' network (network.h) back when another program of the host has removed them, as many
 * do that load their own rules anew. In the agent: it is told of each change of the host's rules, and has a process of
 * its own do what takes time. */
#ifndef AQ_DRIVERS_CONTAINER_NETWORK_WATCH_H
#define AQ_DRIVERS_CONTAINER_NETWORK_WATCH_H

#include "schema/drivers/container.h"

#include <stdint.h>

struct network_watch;

/* Its descriptors wake `epoll` with the number 0. */
struct network_watch *network_watch_new(int epoll);
void network_watch_free(struct network_watch *watch); /* what it has begun goes on */

/* In each turn. `now_ms` is steady. */
void network_watch_work(struct network_watch *watch, const struct aq_container_settings *settings, uint64_t now_ms);
uint64_t network_watch_deadline_ms(const struct network_watch *watch); /* UINT64_MAX: no need */

#endif
