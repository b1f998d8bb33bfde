#include "schema/model/resource.h"

#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/user.h"
#include "schema/model/view.h"

AQ_DEFINE_WORDS(aq_resource_status, AQ_RESOURCE_STATUSES)
AQ_ENTITY(resource, 1, "a running workload on a node", .plural = "resources", .rank = 20, .owner = "user",
          .owner_number = "user_number", .project = "project", .indexed_by_owner = true, .file_field = "metadata",
          .file_name = "meta", .live = &aq_usage_record)
AQ_DEFINE(aq_ended, "ended", 1, "what is kept of a resource that is gone")
AQ_VIEW(resource, "live", AQ_VIEW_LIVE, "what its workload uses; not kept")
AQ_VIEW(resource, "load", AQ_VIEW_LOAD, "what its workload uses of processors, memory, disks and network, and has used")
AQ_VIEW(resource, "log", AQ_VIEW_OUTPUT, "the output of its workload")
AQ_VIEW(resource, "exec", AQ_VIEW_EXEC, "run a command in its workload")

AQ_COMMAND(resource, start, 40, AQ_INTERNAL_COMMAND, "an agent reports that it runs")
AQ_COMMAND(resource, fail, 41, AQ_INTERNAL_COMMAND, "an agent could not start it")
AQ_COMMAND(resource, end, 42, AQ_INTERNAL_COMMAND, "an agent reports that it ended")
AQ_COMMAND(resource, lose, 44, AQ_INTERNAL_COMMAND, "an agent has no record of it")
AQ_COMMAND(resource, restart, 45, AQ_INTERNAL_COMMAND, "an agent starts its workload again")
AQ_COMMAND(resource, check, 49, AQ_INTERNAL_COMMAND, "an agent reports its health")
AQ_COMMAND(resource, expire, 43, AQ_INTERNAL_COMMAND, "its lifetime is over")
AQ_COMMAND(resource, lease, 46, AQ_INTERNAL_COMMAND, "its node is lost, and its lease may be over")
AQ_COMMAND(resource, exec, 90, AQ_INTERNAL_COMMAND, "run a command in its workload", .for_view = "exec")
AQ_COMMAND(resource, exec_end, 91, AQ_INTERNAL_COMMAND, "a command in its workload has ended")

AQ_EVENT(resource, started, 40, 1, "a resource runs")
AQ_EVENT(resource, stopped, 41, 1, "a resource must be ended")
AQ_EVENT(resource, ended, 42, 3, "a resource is gone")
AQ_EVENT(resource, restarted, 43, 1, "its node starts its workload again")
AQ_EVENT(resource, checked, 44, 1, "its health is another")
AQ_EVENT(resource, exec_started, 90, 1, "a user runs a command in a workload")
AQ_EVENT(resource, exec_ended, 91, 1, "a command that a user ran in a workload has ended")

uint64_t aq_lease_over_ms(uint64_t lease_s)
{
    /* More than clocks differ, and a keeper needs to end its workload. */
    enum { PART = 10, MORE_MS = 2000 };
    return lease_s * 1000 + lease_s * 1000 / PART + MORE_MS;
}
