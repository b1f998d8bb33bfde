/* aq log show ENTITY KEY: all events about one row, from the log; also those of an application that has left the
 * tables. */
#ifndef AQ_TOOLS_AQ_HISTORY_H
#define AQ_TOOLS_AQ_HISTORY_H

#include "tools/aq/nouns.h"

enum cli_exit cli_history(struct cli *cli, const char *entity, const char *key);

#endif
