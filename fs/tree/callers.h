/* Callers: maps the uid of a process to a user of the cluster, and the owner of a row to a uid.
 *
 * Root acts as the user admin, and any other uid as the user that has it in its field `uid`, which an admin sets; or,
 * in a mount that has a map of its own, as the user that this map says, and no other. Names on the host mean nothing:
 * who may choose the name of an account there is not an admin of the cluster. All but the map is read from the tables
 * at each request. */
#ifndef AQ_FS_TREE_CALLERS_H
#define AQ_FS_TREE_CALLERS_H

#include "controller/state/state.h"
#include "schema/model/access.h"

#include <sys/types.h>

struct caller {
    uid_t uid;
    bool known;          /* there is such a user */
    bool mapped;         /* by the mount's own map */
    bool confined;       /* it belongs to a workload, or that cannot be found out: it acts as nobody */
    struct aq_caller as; /* that user; its name is empty: no user has the uid */
};

/* A map of a mount's own: which uid acts as which user. */
struct callers_map;
/* From texts such as 1001=ann. *map is NULL if there are none. Fails with the place of the one that is wrong. */
int callers_map_open(struct callers_map **map, const struct aq_list *texts, struct aq_error *error) AQ_MUST_CHECK;
void callers_map_close(struct callers_map *map); /* NULL is fine */

/* The caller behind `uid`, according to the map (NULL: there is none) and the tables in `txn`. Its name is in `arena`.
 */
struct caller callers_find(const struct callers_map *map, uid_t uid, struct state_txn *txn, struct aq_arena *arena);

/* A workload of this host acts as nobody, whatever uid it runs with. */
void caller_confine(struct caller *caller);

/* Fails with AQ_E_FORBIDDEN if the caller is not a user of the cluster. */
int caller_check_known(const struct caller *caller, struct aq_error *error) AQ_MUST_CHECK;

/* The uid that acts as the owner, a user of the cluster; 0 (root) if none does, or if the user is gone. */
struct owner {
    const char *name;
    uint64_t number;
};
uid_t owner_uid(const struct callers_map *map, const struct owner *owner, struct state_txn *txn,
                struct aq_arena *arena);

#endif
