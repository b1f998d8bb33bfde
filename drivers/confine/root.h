/* What a workload sees of files: a root of its own, made of
 *   - the host's system directories (/usr, /etc, /opt, and /bin, /lib ... as the host has them), or else one directory
 *     as the whole root, read-only;
 *   - /work, its own directory; /tmp and /dev/shm, empty and of a limited size;
 *   - further directories of the host, where they are there;
 *   - /proc with its own processes, a /dev with the harmless devices, and nothing else: no /run, no /home, no /var of
 * the host, no sockets, no mounts of the cluster, no files of the agent.
 *
 * The caller is in a mount namespace and a process namespace of its own, which end with the workload's processes: so
 * there is nothing to clean up. Mounts have no set-user-id programs, unless new privileges are allowed, and no devices.
 */
#ifndef AQ_DRIVERS_CONFINE_ROOT_H
#define AQ_DRIVERS_CONFINE_ROOT_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFINE_WORK    "/work"    /* where a workload finds its own directory */
#define CONFINE_ACCOUNT "workload" /* name of its user */

enum { CONFINE_PLACES_MAX = 66 };

/* A directory of the host that the workload sees. */
struct confine_place {
    int directory;      /* O_PATH, opened in this mount namespace */
    const char *target; /* where it sees it */
    bool writable;      /* as far as the workload's user may write */
};

struct confine_root {
    const char *site;    /* absolute path of an existing directory, in whose place the root is built */
    int root;            /* O_PATH: the directory that becomes the root; -1: the host's system directories */
    int work, temporary; /* detached mounts for /work and /tmp; temporary -1: /tmp is in memory */
    const struct confine_place *places;
    size_t place_count;
    uid_t account;         /* number of a user and a group without a name on the host, which get one here; 0: none */
    uint64_t memory_bytes; /* bound of all that is in memory: /tmp and /dev/shm */
    bool may_be_root;      /* its processes can have root's number: what that may write in /proc is protected */
    bool new_privileges;
    bool host_network;
};

/* Cuts this namespace's mounts off from the host's: what is mounted in one does not show in the other. */
int confine_root_detach(struct aq_error *error) AQ_MUST_CHECK;

/* A detached copy of the mount of a directory, without devices. Returns a descriptor; -1 with `error`. */
int confine_tree(int directory, const char *path, bool writable, bool new_privileges,
                 struct aq_error *error) AQ_MUST_CHECK;

/* Makes the root and enters it: the working directory is / afterwards. */
int confine_root_enter(const struct confine_root *plan, struct aq_error *error) AQ_MUST_CHECK;

#endif
