/* The steps that routes lead to. Each begins with a complete request of a user who may make it, and follows the
 * contract of request_step. */
#ifndef AQ_CONTROLLER_SERVE_STEPS_H
#define AQ_CONTROLLER_SERVE_STEPS_H

#include "controller/serve/request.h"

/* read.c */
request_step read_row;   /* one row of request->entity */
request_step read_field; /* request->field of it */
request_step read_me;    /* the caller's own row */
/* Appends the row as JSON, with what is known of it only now. False: it is damaged, which is the transaction's failure.
 */
bool read_show(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
               const struct state_packed *row);
/* Finds request->entity's row by request->key; fails when the caller may not see it. */
int read_find(struct request *request, struct state_txn *txn, struct state_packed *row,
              struct aq_error *error) AQ_MUST_CHECK;
/* These fields of the row (AQ_FIELD_BIT()), in memory of the request's arena. NULL: it is damaged. */
const void *read_fields(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                        const struct state_packed *row, uint64_t wanted);

/* list.c */
request_step list_rows;
/* vote.c */
request_step vote_list;

/* view.c */
request_step view_why, view_events, view_log;

/* write.c */
request_step write_begin; /* request->command */

/* verify.c */
request_step verify_begin;

/* metadata.c */
request_step metadata_answer;

/* openapi.c */
request_step openapi_answer;

/* metrics.c */
request_step metrics_alive, metrics_ready, metrics_answer;

#endif
