#include "fs/kernel/budget.h"

#include <malloc.h>

enum {
    TOTAL_BYTES_MAX = 512 << 20,
    USER_BYTES_MAX = 192 << 20, /* so that one user cannot take all of it */
    TRIM_BYTES = 4 << 20,
};

static size_t held_by(const struct budget *budget, uid_t uid)
{
    size_t bytes = 0;
    for (const struct budget_charge *charge = budget->charges; charge != NULL; charge = charge->next)
        bytes += charge->uid == uid ? charge->bytes : 0;
    return bytes;
}

/* The sum of one user is only computed when all users together hold much. */
int budget_charge(struct budget *budget, struct budget_charge *charge, uid_t uid, size_t bytes, struct aq_error *error)
{
    budget_release(budget, charge);
    if (budget->bytes + bytes > TOTAL_BYTES_MAX)
        return aq_fail(error, AQ_E_LIMIT, "open files would hold more than %d MiB: close some", TOTAL_BYTES_MAX >> 20);
    if (budget->bytes + bytes > USER_BYTES_MAX && held_by(budget, uid) + bytes > USER_BYTES_MAX)
        return aq_fail(error, AQ_E_LIMIT, "your open files would hold more than %d MiB: close some",
                       USER_BYTES_MAX >> 20);
    *charge = (struct budget_charge){.next = budget->charges, .link = &budget->charges, .uid = uid, .bytes = bytes};
    if (charge->next != NULL)
        charge->next->link = &charge->next;
    budget->charges = charge;
    budget->bytes += bytes;
    budget->peak = budget->peak > budget->bytes ? budget->peak : budget->bytes;
    return 0;
}

void budget_release(struct budget *budget, struct budget_charge *charge)
{
    if (charge->link == NULL)
        return;
    *charge->link = charge->next;
    if (charge->next != NULL)
        charge->next->link = charge->link;
    budget->bytes -= charge->bytes;
    *charge = (struct budget_charge){0};
}

/* glibc does not return freed memory that lies below a small block that is still in use. */
void budget_trim(struct budget *budget)
{
    if (budget->peak - budget->bytes < TRIM_BYTES)
        return;
    malloc_trim(0);
    budget->peak = budget->bytes;
}
