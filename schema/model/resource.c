#include "schema/model/resource.h"

AQ_DEFINE_WORDS(aq_resource_status, AQ_RESOURCE_STATUSES)
AQ_DEFINE(aq_resource, "resource", 1, AQ_RESOURCE, "a running workload on a node")
static const struct aq_entity resource = {
    .name = "resource",
    .plural = "resources",
    .record = &aq_resource_record,
    .rank = 20,
    .owner = "user",
    .file_field = "metadata",
    .file_name = "meta",
};
AQ_ENTITY(resource);

AQ_DEFINE(aq_resource_start, "resource_start", 1, AQ_RESOURCE_START, "an agent reports that it runs")
const struct aq_command aq_command_resource_start = {
    .code = 40,
    .name = "resource_start",
    .entity = "resource",
    .verb = "start",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_resource_start_record,
    .help = "an agent reports that it runs",
};
AQ_COMMAND(aq_command_resource_start);

AQ_DEFINE(aq_resource_fail, "resource_fail", 1, AQ_RESOURCE_FAIL, "an agent could not start it")
const struct aq_command aq_command_resource_fail = {
    .code = 41,
    .name = "resource_fail",
    .entity = "resource",
    .verb = "fail",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_resource_fail_record,
    .help = "an agent could not start it",
};
AQ_COMMAND(aq_command_resource_fail);

AQ_DEFINE(aq_resource_end, "resource_end", 1, AQ_RESOURCE_END, "an agent reports that it ended")
const struct aq_command aq_command_resource_end = {
    .code = 42,
    .name = "resource_end",
    .entity = "resource",
    .verb = "end",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_resource_end_record,
    .help = "an agent reports that it ended",
};
AQ_COMMAND(aq_command_resource_end);

AQ_DEFINE(aq_resource_expire, "resource_expire", 1, AQ_RESOURCE_EXPIRE, "its lifetime is over")
const struct aq_command aq_command_resource_expire = {
    .code = 43,
    .name = "resource_expire",
    .entity = "resource",
    .verb = "expire",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_resource_expire_record,
    .help = "its lifetime is over",
};
AQ_COMMAND(aq_command_resource_expire);

AQ_DEFINE(aq_resource_started, "resource_started", 1, AQ_RESOURCE_STARTED, "a resource runs")
const struct aq_event_type aq_event_resource_started = {40, &aq_resource_started_record, "resource"};
AQ_EVENT(aq_event_resource_started);

AQ_DEFINE(aq_resource_stopped, "resource_stopped", 1, AQ_RESOURCE_STOPPED, "a resource is to be ended")
const struct aq_event_type aq_event_resource_stopped = {41, &aq_resource_stopped_record, "resource"};
AQ_EVENT(aq_event_resource_stopped);

AQ_DEFINE(aq_resource_ended, "resource_ended", 1, AQ_RESOURCE_ENDED, "a resource is gone")
const struct aq_event_type aq_event_resource_ended = {42, &aq_resource_ended_record, "resource"};
AQ_EVENT(aq_event_resource_ended);
