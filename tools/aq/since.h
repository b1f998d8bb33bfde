/* --since: a moment, as people name it. */
#ifndef AQ_TOOLS_AQ_SINCE_H
#define AQ_TOOLS_AQ_SINCE_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cli_since {
    bool is_seq;
    uint64_t seq;   /* after this event */
    uint64_t at_ms; /* since 1970: from this time on */
};

/* Reads "1200", a seq; "5m" or "1h30m", so long before `now_ms`; or a time such as 2026-11-20T22:57:13Z. */
int cli_since_read(const char *text, uint64_t now_ms, struct cli_since *since, struct aq_error *error) AQ_MUST_CHECK;

#endif
