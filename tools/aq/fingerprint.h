/* aq fingerprint: what whoever logs in from another host must compare. */
#ifndef AQ_TOOLS_AQ_FINGERPRINT_H
#define AQ_TOOLS_AQ_FINGERPRINT_H

#include "tools/aq/nouns.h"

enum cli_exit cli_fingerprint(struct cli *cli, const char *const *words, unsigned count);

#endif
