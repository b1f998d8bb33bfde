/* What a workload loses besides what namespaces take: capabilities, signals and abstract sockets, core files. */
#ifndef AQ_DRIVERS_CONFINE_PRIVILEGES_H
#define AQ_DRIVERS_CONFINE_PRIVILEGES_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Capabilities that root has in a container: over files, users and ports of its own. None of them reaches the host. */
extern const uint64_t confine_root_capabilities;

/* Removes all others for good, also for programs that are started later. Needs CAP_SETPCAP. */
int confine_bound(uint64_t capabilities, struct aq_error *error) AQ_MUST_CHECK;

/* Keeps those of this process that are among these, after the change of user. */
int confine_capabilities(uint64_t capabilities, struct aq_error *error) AQ_MUST_CHECK;

/* From now on, this process and all that it starts cannot connect to an abstract unix socket of a process outside of
 * them, nor, with `signals`, signal one. Returns false if the kernel (older than 6.12) cannot do that. Needs
 * no_new_privs or CAP_SYS_ADMIN. */
bool confine_scope(bool signals);

/* No core files, neither in the file system nor through a helper that runs on the host. */
void confine_no_core(void);

/* `processes` at once of this process's user, from now on: for a user that only this workload has. */
void confine_processes(uint64_t processes);

#endif
