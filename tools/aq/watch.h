/* --watch: a list, printed again whenever something changes. On a terminal the screen is drawn again; elsewhere only
 * rows that changed are printed, and removed rows are named. */
#ifndef AQ_TOOLS_AQ_WATCH_H
#define AQ_TOOLS_AQ_WATCH_H

#include "tools/aq/client.h"

/* One turn of a watch: reads, and prints what is new; `seq` is what it is true at. */
typedef enum cli_exit cli_watch_turn_fn(void *context, uint64_t *seq);

/* A turn, and another after every change; with `redraws` also now and then, since ages change without one. Ends with
 * --timeout, or when it is refused: a controller that restarts is waited for, once there was an answer. */
enum cli_exit cli_watch_turns(struct cli_client *client, const struct cli_options *options, bool redraws,
                              cli_watch_turn_fn *turn, void *context);
/* Does a watch keep the terminal's screen up to date, rather than print one change after another? */
bool cli_watch_redraws(const struct cli_flags *flags);
void cli_watch_clear(void); /* the screen */

/* Reads the rows into `rows` (the caller's reference) with the seq they are true at. */
typedef enum cli_exit cli_watch_fn(void *context, json_t **rows, uint64_t *seq);

/* A list, or one row. */
enum cli_exit cli_watch(struct cli_client *client, const struct cli_options *options, const struct aq_record *record,
                        cli_watch_fn *read_rows, void *context);

/* The rows of `rows` that `before` does not have in this form, as a new list; appends the keys of removed rows to
 * `gone`, one per line. */
json_t *cli_watch_changes(const struct aq_record *record, const json_t *before, const json_t *rows,
                          struct aq_buffer *gone);

#endif
