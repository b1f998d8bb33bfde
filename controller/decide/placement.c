#include "controller/decide/placement.h"

#include "controller/place/place.h"
#include "schema/model/resource.h"

#include <string.h>

struct aq_label decide_label_of(const struct decide *decide, const struct aq_application *application)
{
    struct aq_label label;
    if (!state_label(decide->txn, application->label_id, &label, decide->arena))
        aq_broken(__FILE__, __LINE__, "an open application without its label");
    return label;
}

const char *decide_tries_text(const struct decide *decide, const char *outcome, const struct aq_list *tries)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_buffer_text(&text, outcome);
    for (uint32_t i = 0; i < tries->count; i++) {
        const struct aq_try *try = AQ_ITEM(*tries, struct aq_try, i);
        aq_buffer_format(&text, "; try %u on %s: %s", i + 1, try->node, try->reason);
    }
    return aq_arena_text(decide->arena, text.data, text.length);
}

static void emit_elected(struct decide *decide, const struct aq_application *application,
                         const struct place_answer *answer)
{
    struct aq_application_elected event = {
        .id = application->id,
        .resource = counter_last_id(decide->txn, &aq_entity_resource) + 1,
        .node = aq_arena_text(decide->arena, answer->node, strlen(answer->node)),
        .definition = answer->definition,
        .groups = answer->groups,
    };
    decide_emit(decide, &aq_event_application_elected, &event);
}

static void emit_error(struct decide *decide, const struct aq_application *application, const struct aq_list *tries)
{
    struct aq_application_moved event = {
        application->id, AQ_ERRORED, decide_tries_text(decide, "no other node or definition is left to try", tries)};
    decide_emit(decide, &aq_event_application_moved, &event);
}

static void emit_waiting(struct decide *decide, const struct aq_application *application,
                         const struct place_answer *answer)
{
    if (application->description != NULL && strcmp(application->description, answer->reason) == 0)
        return; /* nothing new: an event for each attempt would fill the log */
    struct aq_application_waiting event = {application->id, answer->reason, answer->groups, answer->impossible};
    decide_emit(decide, &aq_event_application_waiting, &event);
}

void decide_placement(struct decide *decide, const struct aq_application *application, const struct aq_label *label,
                      const struct aq_list *tries)
{
    struct place_request request = {label->id, &label->definitions, tries};
    struct place_answer answer;
    place(decide->index, &request, &answer, decide->arena);
    if (answer.placed)
        emit_elected(decide, application, &answer);
    else if (answer.exhausted)
        emit_error(decide, application, tries);
    else
        emit_waiting(decide, application, &answer);
}
