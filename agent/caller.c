#include "agent/caller.h"

#include "schema/base/neighbour.h"

#include <string.h>

enum { HARDWARE_SIZE = 32 };

/* A workload with the address, by its last start. */
struct caller {
    const struct workload *first;
    unsigned count;
    bool starting; /* there is one whose addresses are not known yet */
    bool hardware; /* there is one whose IP address its driver does not know */
};

static void look_at(const struct workload *workload, const char *address, const char *hardware, struct caller *caller)
{
    const struct aq_happening *start = &workload->notices[NOTICE_START].what;
    if (workload->over || !workload->kept)
        return;
    if (!workload->runs) {
        caller->starting |= workload->restarts.phase == RESTART_NONE && workload->gap == NULL;
        return;
    }
    const bool by_hardware = start->ip_addr[0] == '\0' && start->hw_addr[0] != '\0';
    caller->hardware |= by_hardware;
    if (by_hardware ? hardware[0] == '\0' || strcmp(start->hw_addr, hardware) != 0
                    : start->ip_addr[0] == '\0' || strcmp(start->ip_addr, address) != 0)
        return;
    caller->first = workload;
    caller->count++;
}

static struct caller look(const struct workloads *workloads, const struct opened_driver *driver, const char *address,
                          const char *hardware)
{
    struct caller caller = {0};
    for (size_t i = 0; i < workloads->roster.count; i++) {
        const struct workload *workload = workloads->roster.entries[i].workload;
        if (workload->driver == driver)
            look_at(workload, address, hardware, &caller);
    }
    return caller;
}

const struct workload *caller_find(const struct workloads *workloads, const struct opened_driver *driver,
                                   const char *address, struct aq_error *error)
{
    char hardware[HARDWARE_SIZE] = "";
    struct caller caller = look(workloads, driver, address, hardware);
    if (caller.count == 0 && caller.hardware &&
        aq_neighbour_hardware(AQ_NEIGHBOURS, address, hardware, sizeof hardware))
        caller = look(workloads, driver, address, hardware);
    if (caller.count == 1)
        return caller.first;
    if (caller.count > 1)
        aq_fail(error, AQ_E_STATE,
                "several workloads of this node have the address %s, so that it is not known which of them calls",
                address);
    else
        aq_fail(error, caller.starting ? AQ_E_BUSY : AQ_E_NOT_FOUND, "no workload of this node has the address %s",
                address);
    return NULL;
}
