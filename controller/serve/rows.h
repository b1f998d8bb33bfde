/* Rows of the tables, as the caller of a request sees them. */
#ifndef AQ_CONTROLLER_SERVE_ROWS_H
#define AQ_CONTROLLER_SERVE_ROWS_H

#include "controller/serve/request.h"

/* Finds the row by what people call it (controller/state/references.h), or by its key. Fails with AQ_E_NOT_FOUND when
 * there is none that the caller may see. */
int row_find(struct request *request, struct state_txn *txn, const struct aq_entity *entity, const char *text,
             struct state_packed *row, struct aq_error *error) AQ_MUST_CHECK;
int row_find_key(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                 const struct state_key *key, struct state_packed *row, struct aq_error *error) AQ_MUST_CHECK;
/* Appends the row to the answer as JSON; a node's row with its heartbeat. False: the row is damaged, and the
 * transaction has failed. */
bool row_show(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
              const struct state_packed *row);
/* The same for a row that was kept (kept_rows.h); `id` is its key. False: it is empty or damaged, or the caller may not
 * see it. */
bool row_show_kept(struct request *request, const struct aq_entity *entity, const struct aq_bytes *row, const char *id);
/* The row with the fields of `wanted` (AQ_FIELD_BIT()), in the request's arena. NULL: the row is damaged. */
const void *row_fields(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                       const struct state_packed *row, uint64_t wanted);

/* Makes the key of the row that `text` names, as state_refer() does; callers also call their own tokens by name. */
int row_refer(struct request *request, struct state_txn *txn, const struct aq_entity *entity, const char *text,
              struct state_key *key, struct aq_error *error) AQ_MUST_CHECK;

#endif
