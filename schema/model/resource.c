#include "schema/model/resource.h"

#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/user.h"
#include "schema/model/view.h"

AQ_DEFINE_WORDS(aq_resource_status, AQ_RESOURCE_STATUSES)
AQ_ENTITY(resource, 1, "a running workload on a node", .plural = "resources", .rank = 20, .owner = "user",
          .file_field = "metadata", .file_name = "meta")
AQ_DEFINE(aq_ended, "ended", 1, "what is kept of a resource that is gone")
AQ_VIEW(resource, "log", AQ_VIEW_OUTPUT, "the output of its workload")

AQ_COMMAND(resource, start, 40, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "an agent reports that it runs")
AQ_COMMAND(resource, fail, 41, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "an agent could not start it")
AQ_COMMAND(resource, end, 42, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "an agent reports that it ended")
AQ_COMMAND(resource, lose, 44, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "an agent has no record of it")
AQ_COMMAND(resource, expire, 43, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "its lifetime is over")

AQ_EVENT(resource, started, 40, 1, "a resource runs")
AQ_EVENT(resource, stopped, 41, 1, "a resource must be ended")
AQ_EVENT(resource, ended, 42, 3, "a resource is gone")
