/* What users may do, according to the tables: the one place that makes callers of users.
 *
 * The patterns of a role or a token are compiled once (schema/model/permission.h) and kept as long as they stay the
 * same; so a change of a role or of a user's role holds for the next one who asks. Any thread. */
#ifndef AQ_CONTROLLER_STATE_RIGHTS_H
#define AQ_CONTROLLER_STATE_RIGHTS_H

#include "controller/state/state.h"
#include "schema/model/access.h"

struct aq_ended;

/* The user, a row from `txn`, as a caller. Its texts are those of the row; what it may do in projects is in `arena`. */
struct aq_caller rights_caller(struct state_txn *txn, const struct aq_user *user, struct aq_arena *arena);

/* The same with a token of the user, a row of `txn`, or one that is not made yet: its number is 0. */
struct aq_caller rights_caller_with(struct state_txn *txn, const struct aq_user *user, const struct aq_token *token,
                                    struct aq_arena *arena);

/* What the caller may do as of `txn`; its grants are in `arena`. AQ_E_UNAUTHENTICATED: the user is gone, though another
 * one may have the name, or the token is gone, or has expired at `time_ms`. An internal caller may do what it may. */
int rights_refresh(struct state_txn *txn, struct aq_caller *caller, uint64_t time_ms, struct aq_arena *arena,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Leaves what the caller may do in this project, and nothing else. */
void rights_narrow(struct aq_caller *caller, const char *project, struct aq_arena *arena);

/* What a row of users or roles gives: rights, and grants of a user in `arena`. */
struct aq_caller rights_of_row(struct state_txn *txn, const struct aq_entity *entity, const void *row,
                               struct aq_arena *arena);

/* What the role gives; nothing if there is none of this name. The second form: to a user that has it in one
 * project. */
struct aq_rights rights_of_role(struct state_txn *txn, const char *role);
struct aq_rights rights_in_project(struct state_txn *txn, const char *role);

/* May the caller do it to a resource that is gone? Its application tells the project. */
bool rights_allow_ended(struct state_txn *txn, const struct aq_caller *caller, const struct aq_permission *permission,
                        const struct aq_ended *ended);

#endif
