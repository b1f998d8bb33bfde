#include "schema/model/epoch.h"

#include "controller/project/secrets.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

#include <string.h>

/* ---- epochs ---------------------------------------------------------------------------------------------- */

/* The one under which secrets were sealed until now. */
struct closing {
    struct aq_epoch epoch;
    bool found;
    struct aq_arena *arena;
};

static bool find_open(void *context, const struct state_key *key, const void *row)
{
    struct closing *closing = context;
    const struct aq_epoch *epoch = row;
    (void)key;
    closing->found = epoch->open;
    if (closing->found)
        aq_record_copy(&aq_epoch_record, &closing->epoch, epoch, closing->arena);
    return !closing->found;
}

static void close_open_one(struct project *project)
{
    struct closing closing = {.arena = project->arena};
    state_scan(project->txn, &aq_entity_epoch, NULL, find_open, &closing);
    if (!closing.found)
        return;
    const struct state_key key = state_key_name(closing.epoch.name);
    closing.epoch.open = false;
    state_store(project->txn, &aq_entity_epoch, &key, &closing.epoch);
}

static void begin_epoch(struct project *project, const void *data)
{
    const struct aq_epoch_begun *event = data;
    close_open_one(project);
    struct aq_epoch epoch = {
        .name = event->name,
        .number = counter_last_id(project->txn, &aq_entity_epoch) + 1,
        .open = true,
        .begun_at = project->time_ms,
        .begun_by = project->author_number != 0 ? project->author : "",
    };
    struct state_key key = state_key_name(event->name);
    counter_set_last_id(project->txn, &aq_entity_epoch, epoch.number);
    state_store(project->txn, &aq_entity_epoch, &key, &epoch);
}
PROJECT(aq_event_epoch_begun, begin_epoch);

static void end_epoch(struct project *project, const void *data)
{
    const struct aq_epoch_ended *event = data;
    struct aq_epoch epoch;
    struct state_key key = state_key_name(event->name);
    struct state_key ended = index_epoch_ended(event->name);
    if (!project_expect(project, state_find(project->txn, &aq_entity_epoch, &key, &epoch, project->arena)))
        return;
    if (epoch.lost)
        counter_add_lost(project->txn, COUNTER_LOST_EPOCHS, -1);
    state_remove(project->txn, &aq_entity_epoch, &key);
    index_put(project->txn, INDEX_EPOCH_KEY, &ended, "", 0);
}
PROJECT(aq_event_epoch_ended, end_epoch);

static void lose_epoch(struct project *project, const void *data)
{
    const struct aq_epoch_lost *event = data;
    struct aq_epoch epoch;
    struct state_key key = state_key_name(event->name);
    if (!project_expect(project, state_find(project->txn, &aq_entity_epoch, &key, &epoch, project->arena)))
        return;
    if (epoch.lost != event->lost)
        counter_add_lost(project->txn, COUNTER_LOST_EPOCHS, event->lost ? 1 : -1);
    epoch.lost = event->lost;
    state_store(project->txn, &aq_entity_epoch, &key, &epoch);
}
PROJECT(aq_event_epoch_lost, lose_epoch);

/* ---- rows with secrets ------------------------------------------------------------------------------------ */

static void count_key(struct project *project, const char *name, int change)
{
    struct state_key key = state_key_name(name);
    struct aq_epoch *epoch = state_edit(project->txn, &aq_entity_epoch, &key);
    if (epoch != NULL)
        epoch->keys += (uint64_t)(int64_t)change;
}

static struct state_key holder_key(const struct aq_wrap *wrap, const struct aq_entity *entity, uint64_t id)
{
    struct state_key key = {0};
    state_key_add_text(&key, wrap->epoch);
    state_key_add_text(&key, entity->name);
    state_key_add_number(&key, id);
    return key;
}

static bool is_none(const struct aq_wrap *wrap)
{
    return wrap->epoch == NULL || wrap->epoch[0] == '\0';
}

void project_hold_secrets(struct project *project, const struct aq_wrap *wrap, const struct aq_entity *entity,
                          uint64_t id)
{
    if (is_none(wrap))
        return;
    struct state_key key = holder_key(wrap, entity, id);
    index_put(project->txn, INDEX_EPOCH_KEY, &key, "", 0);
    count_key(project, wrap->epoch, 1);
}

void project_drop_secrets(struct project *project, const struct aq_wrap *wrap, const struct aq_entity *entity,
                          uint64_t id)
{
    if (is_none(wrap))
        return;
    struct state_key key = holder_key(wrap, entity, id);
    index_remove(project->txn, INDEX_EPOCH_KEY, &key);
    count_key(project, wrap->epoch, -1);
}

static void rewrap_label(struct project *project, const void *data)
{
    const struct aq_label_rewrapped *event = data;
    struct aq_label label;
    struct state_key key = state_key_number(event->id);
    if (!project_expect(project, state_label(project->txn, event->id, &label, project->arena)))
        return;
    project_drop_secrets(project, &label.wrap, &aq_entity_label, label.id);
    label.wrap = event->wrap;
    project_hold_secrets(project, &label.wrap, &aq_entity_label, label.id);
    state_store(project->txn, &aq_entity_label, &key, &label);
}
PROJECT(aq_event_label_rewrapped, rewrap_label);

static void rewrap_application(struct project *project, const void *data)
{
    const struct aq_application_rewrapped *event = data;
    struct aq_application application;
    struct state_key key = state_key_number(event->id);
    if (!project_expect(project, state_application(project->txn, event->id, &application, project->arena)))
        return;
    project_drop_secrets(project, &application.wrap, &aq_entity_application, application.id);
    application.wrap = event->wrap;
    project_hold_secrets(project, &application.wrap, &aq_entity_application, application.id);
    state_store(project->txn, &aq_entity_application, &key, &application);
}
PROJECT(aq_event_application_rewrapped, rewrap_application);
