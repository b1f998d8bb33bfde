/* The hub's loop: a thread that gives it its turns on real time, its two endpoints, and a bell that wakes it. */
#ifndef AQ_CONTROLLER_HUB_LOOP_H
#define AQ_CONTROLLER_HUB_LOOP_H

#include "controller/hub/hub.h"
#include "controller/write/loop.h"

struct hub_loop;

/* Checks the settings; opens nothing. */
int hub_loop_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;

/* Opens the hub with `config`, `state`, `live`, `issuer` and `identity` of the options: the rest is the loop's. Listens
 * on TCP and on <data>/run/local.sock, writes the TCP port into <data>/run/hub.port, and starts the thread. Call it
 * before writer_loop_start(), for it calls writer_loop_watch(). */
int hub_loop_start(struct hub_loop **loop, const struct hub_options *options, struct writer_loop *writer,
                   struct aq_error *error) AQ_MUST_CHECK;
/* Waits until what is under way has its answer: the writer must still run. NULL is fine. */
void hub_loop_stop(struct hub_loop *loop);

struct hub *hub_loop_hub(struct hub_loop *loop);

#endif
