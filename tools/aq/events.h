/* Events for people, one line each; and the commands that show them: aq events, aq log tail, aq log show. */
#ifndef AQ_TOOLS_AQ_EVENTS_H
#define AQ_TOOLS_AQ_EVENTS_H

#include "tools/aq/nouns.h"

/* Prints one event: a line for people, or data. */
void cli_show_event(const json_t *event, const struct cli_flags *flags);
/* Each item of a list; `rows` may be any JSON value. */
void cli_show_events(const json_t *rows, const struct cli_flags *flags);

enum cli_exit cli_events(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_log_tail(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_log_show(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_log_verify(struct cli *cli, const char *const *words, unsigned count);

#endif
