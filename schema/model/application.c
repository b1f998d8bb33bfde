#include "schema/model/application.h"

AQ_DEFINE_WORDS(aq_application_status, AQ_APPLICATION_STATUSES)
AQ_DEFINE(aq_try, "try", 1, AQ_TRY, "a try that failed")
AQ_DEFINE(aq_application, "application", 1, AQ_APPLICATION, "one request for a label")
static const struct aq_entity application = {
    .name = "application",
    .plural = "applications",
    .record = &aq_application_record,
    .rank = 10,
    .owner = "user",
};
AQ_ENTITY(application);

#define TO(status) (1u << (status))
static const unsigned moves[aq_application_status_count] = {
    [AQ_NEW] = TO(AQ_ELECTED) | TO(AQ_RECALLED) | TO(AQ_ERRORED),
    [AQ_ELECTED] = TO(AQ_ALLOCATED) | TO(AQ_NEW) | TO(AQ_RECALLED) | TO(AQ_ERRORED),
    [AQ_ALLOCATED] = TO(AQ_DEALLOCATE) | TO(AQ_DEALLOCATED) | TO(AQ_ERRORED),
    [AQ_DEALLOCATE] = TO(AQ_DEALLOCATED),
    [AQ_DEALLOCATED] = 0,
    [AQ_RECALLED] = 0,
    [AQ_ERRORED] = 0,
};

bool aq_application_may_move(enum aq_application_status from, enum aq_application_status to)
{
    return moves[from] & TO(to);
}

bool aq_application_is_over(enum aq_application_status status)
{
    return moves[status] == 0;
}

AQ_DEFINE(aq_application_create, "application_create", 1, AQ_APPLICATION_CREATE, "asks for a resource of a label")
const struct aq_command aq_command_application_create = {
    .code = 30,
    .name = "application_create",
    .entity = "application",
    .verb = "create",
    .kind = AQ_CREATES,
    .role = AQ_ROLE_USER,
    .record = &aq_application_create_record,
    .passing_field = "status",
    .passing_value = AQ_ELECTED,
    .value = "label",
    .help = "ask for a resource of a label",
};
AQ_COMMAND(aq_command_application_create);

AQ_DEFINE(aq_application_deallocate, "application_deallocate", 1, AQ_APPLICATION_DEALLOCATE, "gives it back")
const struct aq_command aq_command_application_deallocate = {
    .code = 31,
    .name = "application_deallocate",
    .entity = "application",
    .verb = "deallocate",
    .kind = AQ_ACTS,
    .role = AQ_ROLE_USER,
    .record = &aq_application_deallocate_record,
    .help = "give back what the application was given",
};
AQ_COMMAND(aq_command_application_deallocate);

AQ_DEFINE(aq_application_place, "application_place", 1, AQ_APPLICATION_PLACE, "looks again for a node")
const struct aq_command aq_command_application_place = {
    .code = 32,
    .name = "application_place",
    .entity = "application",
    .verb = "place",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_application_place_record,
    .help = "look again for a node",
};
AQ_COMMAND(aq_command_application_place);

AQ_DEFINE(aq_application_created, "application_created", 1, AQ_APPLICATION_CREATED, "an application was asked for")
const struct aq_event_type aq_event_application_created = {30, &aq_application_created_record, "application"};
AQ_EVENT(aq_event_application_created);

AQ_DEFINE(aq_application_elected, "application_elected", 1, AQ_APPLICATION_ELECTED, "a node was chosen")
const struct aq_event_type aq_event_application_elected = {31, &aq_application_elected_record, "application"};
AQ_EVENT(aq_event_application_elected);

AQ_DEFINE(aq_application_waiting, "application_waiting", 1, AQ_APPLICATION_WAITING, "no node could take it")
const struct aq_event_type aq_event_application_waiting = {32, &aq_application_waiting_record, "application"};
AQ_EVENT(aq_event_application_waiting);

AQ_DEFINE(aq_application_moved, "application_moved", 1, AQ_APPLICATION_MOVED, "an application has a new status")
const struct aq_event_type aq_event_application_moved = {33, &aq_application_moved_record, "application"};
AQ_EVENT(aq_event_application_moved);
