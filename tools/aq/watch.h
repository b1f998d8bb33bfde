/* --watch: a list, printed again whenever something changes. On a terminal the screen is drawn again; elsewhere only
 * rows that changed are printed, and removed rows are named. */
#ifndef AQ_TOOLS_AQ_WATCH_H
#define AQ_TOOLS_AQ_WATCH_H

#include "tools/aq/client.h"

/* Reads the rows into `rows` (the caller's reference) with the seq they are true at. */
typedef enum cli_exit cli_watch_fn(void *context, json_t **rows, uint64_t *seq);

/* Continues until it is interrupted, or the server cannot be reached for too long. */
enum cli_exit cli_watch(struct cli_client *client, const struct cli_options *options, const struct aq_record *record,
                        cli_watch_fn *read_rows, void *context);

/* The rows of `rows` that `before` does not have in this form, as a new list; appends the keys of removed rows to
 * `gone`, one per line. */
json_t *cli_watch_changes(const struct aq_record *record, const json_t *before, const json_t *rows,
                          struct aq_buffer *gone);

#endif
