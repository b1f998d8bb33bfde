/* aq can: what a user may do. */
#ifndef AQ_TOOLS_AQ_CAN_H
#define AQ_TOOLS_AQ_CAN_H

#include "tools/aq/nouns.h"

/* aq can [USER] [PERMISSION]: all that the user may do, or whether it may do one thing: "yes", "yes, to its own" or
 * "no", and CLI_REFUSED for the last. Without a user: the calling one. */
enum cli_exit cli_can(struct cli *cli, const char *const *words, unsigned count);

/* All that a user or a role permits, a line each. */
enum cli_exit cli_show_rights(struct cli *cli, const char *entity, const char *key);

#endif
