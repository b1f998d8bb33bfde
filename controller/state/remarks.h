/* Remarks: what is true of a row only at the moment of reading, beside what it says.
 *
 * An application whose node is lost stays as it is, for it may still run. Its reader is told so, since when, and what
 * would help; when the node is back, the remark is gone. Written into the rows, it would cost thousands of them for
 * each node that is cut off. The same is so of applications and labels whose secrets cannot be read, because their
 * epoch has lost its key. Readers get it in a field of the row, whatever the face. */
#ifndef AQ_CONTROLLER_STATE_REMARKS_H
#define AQ_CONTROLLER_STATE_REMARKS_H

#include "controller/state/state.h"

/* Adds the remark to the row's field for it, in `arena`, if there is one. True: there is. Rows of entities without
 * remarks are left alone. `object` has at least the fields of remark_fields(). `now_ms`: the time, since 1970. */
bool remark_row(struct state_txn *txn, const struct aq_entity *entity, void *object, uint64_t now_ms,
                struct aq_arena *arena);
/* The field that has remarks: the description, or for labels, whose description is their author's, one of its own;
 * NULL: the entity has none. */
const struct aq_field *remark_field(const struct aq_entity *entity);
/* The fields that a remark depends on, and that it changes, as bits (AQ_FIELD_BIT()); 0: no row of the entity has any.
 */
uint64_t remark_fields(const struct aq_entity *entity);
/* The row with its remark, if it has one; NULL: show it as it is. Costs little for rows that have none. */
const void *remark_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                          uint64_t now_ms, struct aq_arena *arena);

#endif
