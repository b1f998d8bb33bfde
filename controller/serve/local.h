/* REST on a socket in the data directory, <data>/run/api.sock, for root and the group of the setting api.group.
 *
 * Nobody else can listen there, so a client that finds the controller down gives its token to nobody. And no token is
 * needed: the kernel says which account calls, as in the file view. Root is the user admin; any other account is the
 * user that an admin gave its uid to. What runs in a workload of this host is nobody, whatever its uid. */
#ifndef AQ_CONTROLLER_SERVE_LOCAL_H
#define AQ_CONTROLLER_SERVE_LOCAL_H

#include "controller/serve/request.h"
#include "controller/settings/settings.h"

#define LOCAL_NOBODY ((uid_t)-1)

int local_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Returns a descriptor that listens; -1 with `error`. <data>/run must exist. Members of the group get the right to pass
 * through the data directory, too. */
int local_open(const struct aq_config_controller *config, int backlog, struct aq_error *error) AQ_MUST_CHECK;

/* The account of the process that connected; LOCAL_NOBODY: a workload, or it cannot be found out. */
uid_t local_peer(int fd);

/* Finds the user of a request that came without a login: request->caller is known, or request->error
 * says why it is not. */
void local_identify(struct request *request);

#endif
