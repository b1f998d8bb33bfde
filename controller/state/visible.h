/* The rows of an entity that a caller may see, in the order of their keys, without reading those that it may not: the
 * rows of the projects where it may see all, and its own. For lists, directories and votes. */
#ifndef AQ_CONTROLLER_STATE_VISIBLE_H
#define AQ_CONTROLLER_STATE_VISIBLE_H

#include "controller/state/state.h"
#include "schema/model/access.h"

/* What seeing a row takes: one permission, or two for a list, which shows whole rows. */
struct visible {
    struct state_txn *txn; /* a snapshot */
    const struct aq_caller *caller;
    const struct aq_entity *entity;
    const struct aq_permission *permission, *other; /* `other` is NULL: there is none */
};

/* The scope in the whole cluster, in one project (as in aq_access_scope()), and the widest one anywhere. */
enum aq_scope visible_everywhere(const struct visible *visible);
enum aq_scope visible_in(const struct visible *visible, const char *project);
enum aq_scope visible_somewhere(const struct visible *visible);
bool visible_row(const struct visible *visible, const void *row);

/* Calls `row` for each key after `from` (before it, if `back`; NULL: all) that may be visible, until it returns false.
 * visible_row() decides whether it is: a caller's own rows may be in projects where it may not see them any more.
 * `sources` is how many of the caller's rights reach the row: of the projects, and of ownership. Not for entities whose
 * rows the caller sees everywhere, nor for those without owner and project. */
typedef bool visible_fn(void *context, const struct state_key *key, unsigned sources);
void visible_scan(const struct visible *visible, const struct state_key *from, bool back, visible_fn *row,
                  void *context);

/* Can visible_scan() find the rows? Otherwise their tables are small, and are scanned. */
bool visible_is_indexed(const struct aq_entity *entity);

#endif
