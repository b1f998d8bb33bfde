/* aq status: the cluster at a glance; aq me: the calling user. */
#ifndef AQ_TOOLS_AQ_STATUS_H
#define AQ_TOOLS_AQ_STATUS_H

#include "tools/aq/nouns.h"

/* CLI_SERVER when the controller is not ready: there is no leader, or its tables are not intact. */
enum cli_exit cli_status(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_me(struct cli *cli, const char *const *words, unsigned count);

#endif
