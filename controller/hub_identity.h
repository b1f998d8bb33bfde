/* The hub's identity: its static key, in <data>/hub.key, signed by the cluster's authority. There is one for each
 * controller. */
#ifndef AQ_CONTROLLER_HUB_IDENTITY_H
#define AQ_CONTROLLER_HUB_IDENTITY_H

#include "controller/hub/seals.h"
#include "controller/tls/authority.h"

/* Makes the key if there is none. Wipe it. */
int hub_identity_open(struct hub_identity *identity, const char *data, const struct authority *authority,
                      struct aq_error *error) AQ_MUST_CHECK;

#endif
