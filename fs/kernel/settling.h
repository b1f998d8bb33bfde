/* Settling: a write may wait a moment for the row that it made to leave a passing state, as its command says (struct
 * aq_command). */
#ifndef AQ_FS_KERNEL_SETTLING_H
#define AQ_FS_KERNEL_SETTLING_H

#include "controller/state/state.h"

enum { SETTLING_TICK_MS = 20 }; /* how often settling_is_over() should be called */

struct settling {
    const struct aq_command *command;
    char made[65]; /* the key of the row */
    uint64_t until_ms;
};

/* False: there is nothing to wait for, because the row is not in a passing state or cannot be read. */
bool settling_begin(struct settling *settling, struct state *state, const struct aq_command *command, const char *made,
                    uint64_t limit_ms);
bool settling_is_over(const struct settling *settling, struct state *state);

#endif
