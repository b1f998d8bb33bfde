/* aq login: makes sure that the server is the right one and takes the token, before it is kept in a context. */
#ifndef AQ_TOOLS_AQ_LOGIN_H
#define AQ_TOOLS_AQ_LOGIN_H

#include "tools/aq/nouns.h"

enum cli_exit cli_login(struct cli *cli, const char *const *words, unsigned count);

#endif
