/* Callers: maps the uid of a process to a user of the cluster, and the owner of a row to a uid.
 *
 * Root acts as the user admin. Any other uid acts as the cluster user that has its name in the host's user database.
 * Answers of that database are cached for ten seconds. What a caller may do is read from the tables at each request. */
#ifndef AQ_FS_TREE_CALLERS_H
#define AQ_FS_TREE_CALLERS_H

#include "controller/state/state.h"
#include "schema/model/command.h"

#include <sys/types.h>

enum { CALLER_NAME_SIZE = 65 };

struct caller {
    uid_t uid;
    char name[CALLER_NAME_SIZE]; /* of the cluster user; empty: the uid has no name, or none that a user can have */
    bool known;                  /* there is a cluster user with this name */
    enum aq_role role;           /* of that user */
};

struct callers;

struct callers *callers_open(void);
void callers_close(struct callers *callers); /* NULL is fine */

/* The caller behind `uid`, according to the tables in `txn`. Uses memory of `arena`. */
struct caller callers_find(struct callers *callers, uid_t uid, struct state_txn *txn, struct aq_arena *arena);

/* Fails with AQ_E_FORBIDDEN if the caller is not a user of the cluster. */
int caller_check_known(const struct caller *caller, struct aq_error *error) AQ_MUST_CHECK;

/* The uid that acts as the cluster user `name`; 0 (root) if none does. */
uid_t callers_uid(struct callers *callers, const char *name);

#endif
