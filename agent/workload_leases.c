#include "agent/workload_leases.h"

#include "drivers/lease.h"
#include "schema/base/journal.h"

enum { TOUCH_MS = 1000 /* the lease file is not written more often: then leases end a little earlier */ };

static int tell_touched(struct workloads *workloads, struct aq_error *error)
{
    if (lease_write(home_root(workloads->home), workloads->touched_ms, error) != 0)
        return aq_error_context(error, "the lease file");
    workloads->told_ms = workloads->touched_ms;
    return 0;
}

void workloads_touch(struct workloads *workloads, uint64_t sent_ms)
{
    struct aq_error error;
    if (sent_ms <= workloads->touched_ms)
        return;
    workloads->touched_ms = sent_ms;
    if (workloads->has_leases && sent_ms >= workloads->told_ms + TOUCH_MS && tell_touched(workloads, &error) != 0)
        aq_journal(AQ_WARN, "leases cannot be renewed", "error", error.message, NULL);
}

int workload_begin_lease(struct workloads *workloads, const struct workload *workload,
                         const struct aq_assignment *assignment, struct aq_error *error)
{
    if (assignment->lease == 0)
        return 0;
    if (!workload->driver->type->keeps_leases)
        return aq_fail(error, AQ_E_INVALID, "driver %s keeps no leases: its workloads cannot have one",
                       assignment->driver);
    return tell_touched(workloads, error);
}
