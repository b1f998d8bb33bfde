#include "controller/react/waiting.h"

#include "controller/state/events.h"
#include "controller/state/indexes.h"
#include "schema/base/journal.h"
#include "schema/model/epoch.h"
#include "schema/model/node.h"
#include "schema/model/project.h"

#include <stdio.h>
#include <string.h>

enum {
    SEEN_MAX = 16384,     /* applications that one part of a sweep looks at */
    LABEL_TRIES_MAX = 32, /* of one label in one sweep: if the first ones do not fit, most others do not either */
};

/* ---- events ------------------------------------------------------------------------------------------- */

static bool makes_room(void *context, const struct aq_event *event)
{
    struct waiting *waiting = context;
    static const struct aq_event_type *const types[] = {
        &aq_event_resource_ended,     &aq_event_node_joined,          &aq_event_node_changed,
        &aq_event_node_status_set,    &aq_event_node_maintenance_set, &aq_event_application_moved,
        &aq_event_project_quotas_set, &aq_event_node_projects_set,    &aq_event_node_quarantine_set,
        &aq_event_epoch_lost,
    };
    for (size_t i = 0; i < AQ_LENGTH(types); i++)
        if (event->type == types[i])
            waiting->room = true;
    /* A sweep tries only some applications of a label. If it placed one, there may be room for more. */
    if (event->type == &aq_event_application_elected && strcmp(event->author, "aquarium") == 0)
        waiting->room = true;
    return !waiting->room; /* one is enough */
}

void waiting_read_events(struct waiting *waiting)
{
    struct aq_error error = {0};
    struct writer *writer = waiting->commands->writer;
    uint64_t seq = writer_seq(writer);
    if (!waiting->room &&
        events_scan(writer_events(writer), waiting->seen_seq + 1, seq, makes_room, waiting, &error) != 0) {
        aq_journal(AQ_WARN, "events cannot be read: applications that wait are tried", "error", error.message, NULL);
        waiting->room = true; /* one of them may have made it */
    }
    waiting->seen_seq = seq;
}

/* ---- sweeps ------------------------------------------------------------------------------------------- */

struct sweep_part {
    struct waiting *waiting;
    struct state_txn *txn;
    unsigned seen;
    bool whole;                    /* it has come to the end */
    char project[AQ_NAME_MAX + 1]; /* the last one that was looked at; "": none */
    bool limits_users;             /* it has a quota for each user */
};

static bool limits_users(struct sweep_part *part, const char *name)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_project project;
    if (strcmp(part->project, name) == 0)
        return part->limits_users;
    snprintf(part->project, sizeof part->project, "%s", name);
    part->limits_users = false;
    if (state_project(part->txn, name, &project, &arena)) {
        const struct aq_quota quota = aq_project_user_quota(&project);
        part->limits_users = !aq_quota_is_none(&quota);
    }
    return part->limits_users;
}

/* Applications of one label and one project fit or do not fit alike, if they are of one user or users have no quotas
 * there. What has the same hash as others is only tried later than it could be. */
static uint64_t kind_of(struct sweep_part *part, const struct aq_application *application)
{
    uint64_t hash = 14695981039346656037U ^ application->label_id;
    for (const char *at = application->project; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    return limits_users(part, application->project) ? (hash ^ application->user_number) * 1099511628211U : hash;
}

static bool may_try(struct waiting *waiting, uint64_t label)
{
    for (unsigned i = 0; i < waiting->label_count; i++)
        if (waiting->labels[i] == label)
            return waiting->tries[i]++ < LABEL_TRIES_MAX;
    if (waiting->label_count == WAITING_LABELS)
        return true;
    waiting->labels[waiting->label_count] = label;
    waiting->tries[waiting->label_count++] = 1;
    return true;
}

static bool place_one(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct sweep_part *part = context;
    struct waiting *waiting = part->waiting;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_application application;
    (void)value, (void)length;
    bool handled = true;
    if (state_application(part->txn, state_key_number_at(key, 0), &application, &arena) &&
        may_try(waiting, kind_of(part, &application)))
        handled = react_commands_send(waiting->commands, &aq_command_application_place, application.id);
    if (handled)
        waiting->swept = *key;
    part->whole = handled && ++part->seen < SEEN_MAX;
    return part->whole;
}

bool waiting_is_due(const struct waiting *waiting)
{
    return waiting->room || waiting->swept.length > 0;
}

void waiting_sweep(struct waiting *waiting, struct state_txn *txn)
{
    struct sweep_part part = {.waiting = waiting, .txn = txn, .whole = true};
    const struct state_key all = {0};
    bool begins = waiting->swept.length == 0;
    if (begins) {
        waiting->room = false;
        waiting->label_count = 0;
    }
    index_scan_after(txn, INDEX_WAITING, &all, begins ? NULL : &waiting->swept, place_one, &part);
    if (part.whole)
        waiting->swept.length = 0;
    else if (waiting->swept.length == 0)
        waiting->room = true; /* nothing could be sent: begin again later */
}
