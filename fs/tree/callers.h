/* Who is calling: the uid of a process becomes the name of a cluster user, and the owner of a row becomes a uid.
 *
 * Root acts as the user admin; any other uid acts as the cluster user of the same name as in the machine's user
 * database. Answers of that database are remembered for ten seconds, so that it is not asked for each file. What a
 * caller may do follows from the cluster's tables, at every request anew. */
#ifndef AQ_FS_TREE_CALLERS_H
#define AQ_FS_TREE_CALLERS_H

#include "controller/state/state.h"
#include "schema/model/command.h"

#include <sys/types.h>

enum { CALLER_NAME_SIZE = 65 };

struct caller {
    uid_t uid;
    char name[CALLER_NAME_SIZE]; /* of the cluster user; empty: the uid has no name that could be one */
    bool known;                  /* there is a cluster user of this name */
    enum aq_role role;           /* of that user */
};

struct callers;

struct callers *callers_open(void);
void callers_close(struct callers *callers); /* NULL is fine */

/* Who `uid` is, by the tables that `txn` shows. Memory comes from `arena`. */
struct caller callers_find(struct callers *callers, uid_t uid, struct state_txn *txn, struct aq_arena *arena);

/* AQ_E_FORBIDDEN: the caller is not a user of the cluster. */
int caller_check_known(const struct caller *caller, struct aq_error *error) AQ_MUST_CHECK;

/* The uid that acts as the cluster user `name`; 0 (root) if none does. */
uid_t callers_uid(struct callers *callers, const char *name);

#endif
