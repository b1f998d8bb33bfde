#include "fs/kernel/outsiders.h"

#include "drivers/cgroup/cgroup.h"

bool outsiders_has(struct outsiders *outsiders, pid_t pid, uint64_t now_ms)
{
    struct aq_error ignored;
    bool inside = true;
    if (pid <= 0)
        return false;
    size_t slot = (size_t)pid % OUTSIDERS_KEPT;
    if (outsiders->seen[slot].pid == pid && now_ms < outsiders->seen[slot].until_ms)
        return true;
    if (cgroup_process_is_of_workload(pid, &inside, &ignored) != 0 || inside)
        return false;
    outsiders->seen[slot].pid = pid;
    outsiders->seen[slot].until_ms = now_ms + OUTSIDERS_KEPT_MS;
    return true;
}
