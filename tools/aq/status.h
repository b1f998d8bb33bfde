/* aq status: the cluster at a glance; aq me: who asks. */
#ifndef AQ_TOOLS_AQ_STATUS_H
#define AQ_TOOLS_AQ_STATUS_H

#include "tools/aq/nouns.h"

/* CLI_SERVER when the controller is not ready: no leader stands, or its tables are not good. */
enum cli_exit cli_status(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_me(struct cli *cli, const char *const *words, unsigned count);

#endif
