/* The hub's two endpoints: a TCP port for agents, and a local socket for file views. */
#ifndef AQ_CONTROLLER_HUB_ENDPOINTS_H
#define AQ_CONTROLLER_HUB_ENDPOINTS_H

#include "controller/hub/hub.h"
#include "controller/settings/settings.h"

/* Makes <data>/run, which only root may enter. Call it before the other two functions, which write into it. */
int endpoints_make_directory(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Listens at hub.address and hub.port, and writes the port, which it returns in *port, into <data>/run/hub.port. */
int endpoints_open_agents(struct hub_carrier **carrier, const struct aq_config_controller *config, uint64_t *port,
                          struct aq_error *error) AQ_MUST_CHECK;
/* Listens on <data>/run/local.sock. */
int endpoints_open_local(struct hub_carrier **carrier, const struct aq_config_controller *config,
                         struct aq_error *error) AQ_MUST_CHECK;

#endif
