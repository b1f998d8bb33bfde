/* Rows that are kept outside of their tables, as they were at one moment: with the answer to a command. One after
 * another, each has its length in 4 bytes, and its packed record. Length 0: there was no such row. */
#ifndef AQ_CONTROLLER_STATE_KEPT_ROWS_H
#define AQ_CONTROLLER_STATE_KEPT_ROWS_H

#include "controller/state/state.h"

/* Appends the row as the transaction has it, at the time `now_ms`. `id` is its key as text. */
void kept_rows_add(struct state_txn *txn, const struct aq_entity *entity, const char *id, uint64_t now_ms,
                   struct aq_buffer *out);

/* Takes the next row from what is left of `rows`. False: there are no more. */
bool kept_rows_take(struct aq_bytes *rows, struct aq_bytes *row);

#endif
