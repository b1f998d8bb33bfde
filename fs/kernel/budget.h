/* Counts and limits the memory that open files and directories hold, in total and for each user. */
#ifndef AQ_FS_KERNEL_BUDGET_H
#define AQ_FS_KERNEL_BUDGET_H

#include "schema/base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* What one open file or directory holds. Zeroed memory is an empty charge. */
struct budget_charge {
    struct budget_charge *next, **link; /* in the budget; link is NULL while the charge is empty */
    uid_t uid;
    size_t bytes;
};

/* Zeroed memory is an empty budget. */
struct budget {
    struct budget_charge *charges;
    size_t bytes;
    size_t peak; /* the largest `bytes` since memory was last returned to the system */
};

/* Sets a charge to `bytes`, which `uid` holds. AQ_E_LIMIT: too much for this user or for all together; the charge is
 * then empty. */
int budget_charge(struct budget *budget, struct budget_charge *charge, uid_t uid, size_t bytes,
                  struct aq_error *error) AQ_MUST_CHECK;
void budget_release(struct budget *budget, struct budget_charge *charge); /* empties it */

/* Call it from time to time: returns memory to the system after much was released. */
void budget_trim(struct budget *budget);

#endif
