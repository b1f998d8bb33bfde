#include "schema/model/application.h"

#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"
#include "schema/model/view.h"

#include <string.h>

AQ_DEFINE_WORDS(aq_application_status, AQ_APPLICATION_STATUSES)
AQ_DEFINE(aq_try, "try", 1, "a try that failed")
AQ_DEFINE(aq_removed, "removed", 1, "finished applications of one user in one project")
AQ_ENTITY(application, 1, "one request for a label", .plural = "applications", .rank = 10, .owner = "user",
          .owner_number = "user_number", .project = "project", .has_newest = true, .indexed_by_owner = true,
          .may_wait = true)
AQ_VIEW(application, "why", AQ_VIEW_WHY, "which nodes were considered, and why this one was chosen")
AQ_VIEW(application, "events", AQ_VIEW_EVENTS, "all events about it")
AQ_VIEW(application, "log", AQ_VIEW_OUTPUT, "the output of its workload: of the last one, if there were several")
AQ_VIEW(application, "votes", AQ_VIEW_VOTES, "what each node answered, as a table")

#define TO(status) (1u << (status))
static const unsigned moves[aq_application_status_count] = {
    [AQ_NEW] = TO(AQ_ELECTED) | TO(AQ_RECALLED) | TO(AQ_ERRORED),
    [AQ_ELECTED] = TO(AQ_ALLOCATED) | TO(AQ_NEW) | TO(AQ_RECALLED) | TO(AQ_ERRORED),
    [AQ_ALLOCATED] = TO(AQ_DEALLOCATE) | TO(AQ_DEALLOCATED) | TO(AQ_NEW) | TO(AQ_ERRORED),
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

struct aq_list aq_tries_with(const struct aq_list *tries, const struct aq_try *failed, struct aq_arena *arena)
{
    struct aq_try *items = aq_arena_alloc(arena, (tries->count + 1) * sizeof *items);
    if (tries->count > 0)
        memcpy(items, tries->items, tries->count * sizeof *items);
    items[tries->count] = *failed;
    return (struct aq_list){items, tries->count + 1};
}

AQ_COMMAND(application, create, 30, AQ_CREATES, "ask for a resource of a label", .value = "label",
           .passing_field = "status", .passing_value = AQ_ELECTED)
AQ_COMMAND(application, deallocate, 31, AQ_ACTS, "deallocate the application: its resource is ended", .may_get = true)
AQ_COMMAND(application, extend, 33, AQ_ACTS, "let it run longer: by a time, or for a new lifetime", .value = "by")
AQ_COMMAND(application, place, 32, AQ_INTERNAL_COMMAND, "look for a node again")
AQ_COMMAND(application, remove, 34, AQ_INTERNAL_COMMAND, "remove finished ones from the tables")
AQ_COMMAND(application, rewrap, 17, AQ_INTERNAL_COMMAND, "wrap the key of its secrets by another epoch")

AQ_EVENT(application, created, 30, 5, "an application was created")
AQ_EVENT(application, elected, 31, 4, "a node was chosen")
AQ_EVENT(application, waiting, 32, 5, "no node could take it")
AQ_EVENT(application, moved, 33, 1, "an application has a new status")
AQ_EVENT(application, extended, 34, 1, "an application has a new lifetime")
AQ_EVENT(application, removed, 35, 2, "finished applications have left the tables")
AQ_EVENT(application, rewrapped, 15, 1, "secrets of an application came under another epoch")
