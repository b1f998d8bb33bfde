#include "schema/model/application.h"

#include "controller/decide/decide.h"
#include "controller/place/place.h"
#include "schema/model/access.h"
#include "schema/model/label.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void decide_election(struct decide *decide, const struct aq_application *application, const struct aq_label *label,
                     const struct aq_list *tries)
{
    struct place_request request = {label->id, &label->definitions, tries};
    struct place_answer answer;
    place(decide->index, &request, &answer, decide->arena);
    if (answer.placed) {
        struct aq_application_elected event = {
            .id = application->id,
            .resource = counter_last_id(decide->txn, "resource") + 1,
            .node = aq_arena_text(decide->arena, answer.node, strlen(answer.node)),
            .definition = answer.definition,
            .groups = answer.groups,
        };
        decide_emit(decide, &aq_event_application_elected, &event);
        return;
    }
    if (answer.exhausted) {
        struct aq_buffer words = {0};
        aq_buffer_text(&words, "no other node or definition is left to try");
        for (uint32_t i = 0; i < tries->count; i++) {
            const struct aq_try *try = AQ_ITEM(*tries, struct aq_try, i);
            aq_buffer_format(&words, "; try %u on %s: %s", i + 1, try->node, try->reason);
        }
        struct aq_application_moved event = {application->id, AQ_ERRORED,
                                             aq_arena_text(decide->arena, words.data, words.length)};
        aq_buffer_free(&words);
        decide_emit(decide, &aq_event_application_moved, &event);
        return;
    }
    if (application->description != NULL && strcmp(application->description, answer.reason) == 0)
        return; /* said already: a new row for each look would fill the log */
    struct aq_application_waiting event = {application->id, answer.reason, answer.groups};
    decide_emit(decide, &aq_event_application_waiting, &event);
}

static int find_label(struct decide *decide, const struct aq_application_create *command, struct aq_label *label,
                      struct aq_error *error)
{
    uint64_t id = command->label_id;
    if (id == 0 && command->label[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "label is missing: give label (and version), or label_id");
    if (id != 0 && command->label[0] != '\0')
        return aq_fail(error, AQ_E_INVALID, "label and label_id are both given: give one of them");
    if (id != 0 && command->version != 0)
        return aq_fail(error, AQ_E_INVALID, "version goes with label; label_id names one version already");
    if (id == 0)
        id = state_label_id(decide->txn, command->label, command->version);
    if (id != 0 && state_label(decide->txn, id, label, decide->arena))
        return 0;
    if (command->label[0] == '\0')
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no label with the number %" PRIu64, id);
    if (command->version != 0)
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no version %" PRIu64 " of label %s", command->version,
                       command->label);
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no label %s", command->label);
}

static int check_limit(struct decide *decide, struct aq_error *error)
{
    struct aq_user user;
    if (!state_user(decide->txn, decide->author, &user, decide->arena))
        return aq_access_refuse_unknown(decide->author, error);
    uint64_t open = counter_open_of_user(decide->txn, decide->author);
    if (user.max_applications == 0 || open < user.max_applications)
        return 0;
    return aq_fail(error, AQ_E_LIMIT, "user %s has %" PRIu64 " open application%s, and may have %" PRIu64,
                   decide->author, open, open == 1 ? "" : "s", user.max_applications);
}

static int create(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_create *command = record;
    static const struct aq_list no_tries;
    struct aq_label label;
    if (check_limit(decide, error) != 0 || find_label(decide, command, &label, error) != 0)
        return -1;
    struct aq_application_created event = {
        .id = counter_last_id(decide->txn, "application") + 1,
        .label_id = label.id,
        .metadata = command->metadata,
    };
    decide_emit(decide, &aq_event_application_created, &event);
    struct aq_application application = {.id = event.id};
    decide_election(decide, &application, &label, &no_tries);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_application_create, create);

static void stop_resource(struct decide *decide, uint64_t id, const char *reason)
{
    struct aq_resource_stopped event = {id, reason};
    decide_emit(decide, &aq_event_resource_stopped, &event);
}

static int deallocate(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_deallocate *command = record;
    struct aq_application application;
    char what[64];
    decide_id_number(decide, command->id);
    if (!state_application(decide->txn, command->id, &application, decide->arena))
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no application %" PRIu64, command->id);
    snprintf(what, sizeof what, "application %" PRIu64, command->id);
    if (decide_check_owner(decide, application.user, what, error) != 0)
        return -1;
    enum aq_application_status to = application.status == AQ_ALLOCATED ? AQ_DEALLOCATE : AQ_RECALLED;
    if (!aq_application_may_move(application.status, to))
        return aq_fail(error, AQ_E_STATE, "application %" PRIu64 " is %s: it cannot be deallocated any more",
                       command->id, aq_application_status_words.words[application.status]);
    const char *reason = aq_arena_format(decide->arena, "deallocated by %s", decide->author);
    struct aq_application_moved event = {command->id, to, reason};
    decide_emit(decide, &aq_event_application_moved, &event);
    if (application.resource != 0)
        stop_resource(decide, application.resource, reason);
    return 0;
}
DECIDE(aq_command_application_deallocate, deallocate);

static int place_again(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_place *command = record;
    struct aq_application application;
    struct aq_label label;
    decide_id_number(decide, command->id);
    if (!state_application(decide->txn, command->id, &application, decide->arena))
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no application %" PRIu64, command->id);
    if (application.status != AQ_NEW)
        return 0; /* somebody was faster */
    if (!state_label(decide->txn, application.label_id, &label, decide->arena))
        aq_broken(__FILE__, __LINE__, "an open application without its label");
    decide_election(decide, &application, &label, &application.tries);
    return 0;
}
DECIDE(aq_command_application_place, place_again);
