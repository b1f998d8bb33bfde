#include "controller/decide/placement.h"

#include "controller/decide/secrets.h"
#include "controller/place/place.h"
#include "schema/codec/text.h"
#include "schema/model/project.h"
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

/* ---- quotas --------------------------------------------------------------------------------------------- */

static const char *amount_text(const struct decide *decide, const char *field, const struct aq_amounts *amounts)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_field_to_text(aq_record_field(&aq_amounts_record, field), amounts, &text);
    return aq_arena_text(decide->arena, text.data, text.length);
}

/* A quota, and what is held of it. `of` says whose it is. */
struct limit {
    struct aq_quota quota;
    struct aq_amounts held;
    const char *of;
};

/* The definitions that exceed the quota now, as bits; and why the first one of them does, if no reason is known yet.
 * The reason names nothing that changes while it is true. */
static uint32_t over_limit(const struct decide *decide, const struct limit *limit, const struct aq_label *label,
                           const char **reason)
{
    uint32_t skip = 0;
    if (aq_quota_is_none(&limit->quota))
        return 0;
    for (uint32_t d = 0; d < label->definitions.count; d++) {
        const struct aq_definition *definition = AQ_ITEM(label->definitions, struct aq_definition, d);
        const struct aq_amounts need = aq_needs_amounts(&definition->resources), all = aq_quota_amounts(&limit->quota);
        const char *field = aq_quota_exceeds(&limit->quota, &limit->held, &need);
        if (field == NULL)
            continue;
        if (*reason == NULL)
            *reason =
                aq_arena_format(decide->arena, "it needs %s %s, but less is left of the quota of %s, which is %s",
                                amount_text(decide, field, &need), field, limit->of, amount_text(decide, field, &all));
        skip |= (uint32_t)1 << d;
    }
    return skip;
}

/* The same for the quotas on all of the application's project, and on its user there. */
static uint32_t over_quota(const struct decide *decide, const struct aq_application *application,
                           const struct aq_label *label, const char **reason)
{
    struct aq_project project;
    if (!state_project(decide->txn, application->project, &project, decide->arena))
        return 0;
    struct limit all = {aq_project_quota(&project), project.used, ""},
                 user = {.quota = aq_project_user_quota(&project), .of = ""};
    if (!aq_quota_is_none(&all.quota))
        all.of = aq_arena_format(decide->arena, "project %s", project.name);
    if (!aq_quota_is_none(&user.quota)) {
        user.held = counter_usage(decide->txn, project.name, application->user_number).held;
        user.of = aq_arena_format(decide->arena, "user %s in project %s", application->user, project.name);
    }
    uint32_t skip = over_limit(decide, &all, label, reason);
    return skip | over_limit(decide, &user, label, reason);
}

static uint32_t all_of(const struct aq_label *label)
{
    return (uint32_t)(((uint64_t)1 << label->definitions.count) - 1);
}

/* Nothing can be started without its secrets: all definitions, until the key is there again. */
static uint32_t over_secrets(const struct decide *decide, const struct aq_application *application,
                             const struct aq_label *label, const char **reason)
{
    const char *epoch = decide_lost_epoch(decide, label, application);
    if (epoch == NULL)
        return 0;
    *reason =
        aq_arena_format(decide->arena, "its secrets cannot be read: the key of epoch %s is not in the keyring", epoch);
    return all_of(label);
}

static void add_reason(const struct decide *decide, struct place_answer *answer, const char *reason, bool all)
{
    if (!answer->exhausted && !answer->impossible)
        answer->reason = all ? reason : aq_arena_format(decide->arena, "%s; %s", answer->reason, reason);
}

void decide_placement(struct decide *decide, const struct aq_application *application, const struct aq_label *label,
                      const struct aq_list *tries)
{
    struct place_request request = {.label = label->id,
                                    .definitions = &label->definitions,
                                    .tries = tries,
                                    .project = application->project,
                                    .arguments = label->arguments};
    struct place_answer answer;
    const char *reason = NULL;
    request.skip = over_secrets(decide, application, label, &reason);
    if (request.skip == 0)
        request.skip = over_quota(decide, application, label, &reason);
    place(decide->index, &request, &answer, decide->arena);
    if (!answer.placed && request.skip != 0)
        add_reason(decide, &answer, reason, request.skip == all_of(label));
    if (answer.placed)
        emit_elected(decide, application, &answer);
    else if (answer.exhausted)
        emit_error(decide, application, tries);
    else
        emit_waiting(decide, application, &answer);
}
