#include "controller/project/quota.h"

#include "controller/project/memberships.h"
#include "controller/project/tokens.h"
#include "schema/model/project.h"

/* ---- projects ------------------------------------------------------------------------------------------- */

static void store_project(struct project *project, const struct aq_project *row)
{
    struct state_key key = state_key_name(row->name);
    state_store(project->txn, &aq_entity_project, &key, row);
}

static bool find_project(struct project *project, const char *name, struct aq_project *row)
{
    return project_expect(project, state_project(project->txn, name, row, project->arena));
}

static uint64_t some_or_none(uint64_t number)
{
    return number != 0 ? aq_some(number) : 0;
}

/* From an event in the form of earlier builds. */
#define TAKE_EARLIER_QUOTA(row, event)                                                                                 \
    do {                                                                                                               \
        (row)->cpu = some_or_none((event)->cpu);                                                                       \
        (row)->ram = some_or_none((event)->ram);                                                                       \
        (row)->disk = some_or_none((event)->disk);                                                                     \
        (row)->slots = some_or_none((event)->slots);                                                                   \
        (row)->applications = some_or_none((event)->applications);                                                     \
        (row)->description = (event)->description;                                                                     \
    } while (0)

static void create_project(struct project *project, const void *data)
{
    const struct aq_project_created *event = data;
    struct aq_project row = {.name = event->name, .created_at = project->time_ms, .created_by = project->author};
    TAKE_EARLIER_QUOTA(&row, event);
    store_project(project, &row);
}
PROJECT(aq_event_project_created, create_project);

static void update_project(struct project *project, const void *data)
{
    const struct aq_project_updated *event = data;
    struct aq_project row;
    if (!find_project(project, event->name, &row))
        return;
    TAKE_EARLIER_QUOTA(&row, event);
    store_project(project, &row);
}
PROJECT(aq_event_project_updated, update_project);

static void set_quotas(struct project *project, const void *data)
{
    const struct aq_project_quotas_set *event = data;
    struct aq_project row;
    if (!find_project(project, event->name, &row))
        return;
    AQ_PROJECT_COPY_QUOTA(&row, event);
    store_project(project, &row);
}
PROJECT(aq_event_project_quotas_set, set_quotas);

static void delete_project(struct project *project, const void *data)
{
    const struct aq_project_deleted *event = data;
    struct state_key key = state_key_name(event->name);
    project_remove_members(project, event->name);
    project_remove_tokens_of(project, event->name);
    state_remove(project->txn, &aq_entity_project, &key);
}
PROJECT(aq_event_project_deleted, delete_project);

/* ---- what they hold ------------------------------------------------------------------------------------- */

/* The row, for its numbers to be changed; NULL only if the store failed. */
static struct aq_project *edit_project(struct project *project, const char *name)
{
    const struct state_key key = state_key_name(name);
    struct aq_project *row = state_edit(project->txn, &aq_entity_project, &key);
    (void)project_expect(project, row != NULL);
    return row;
}

static void count_open(struct project *project, const char *name, uint64_t user_number, bool more)
{
    struct counter_usage usage = counter_usage(project->txn, name, user_number);
    struct aq_error ignored;
    if (state_failed(project->txn, &ignored))
        return; /* it may be wrong */
    aq_assert(more || usage.open > 0);
    usage.open += more ? 1 : UINT64_MAX;
    counter_set_usage(project->txn, name, user_number, &usage);
}

static void count_held(struct project *project, const char *name, uint64_t user_number,
                       const struct aq_amounts *amounts, void (*change)(struct aq_amounts *, const struct aq_amounts *))
{
    struct counter_usage usage = counter_usage(project->txn, name, user_number);
    struct aq_project *row = edit_project(project, name);
    if (row == NULL)
        return;
    change(&row->used, amounts);
    change(&usage.held, amounts);
    counter_set_usage(project->txn, name, user_number, &usage);
}

void quota_add_application(struct project *project, const char *name, uint64_t user_number)
{
    struct aq_project *row = edit_project(project, name);
    if (row == NULL)
        return;
    row->known++;
    row->open++;
    count_open(project, name, user_number, true);
}

void quota_close_application(struct project *project, const char *name, uint64_t user_number)
{
    struct aq_project *row = edit_project(project, name);
    if (row == NULL)
        return;
    aq_assert(row->open > 0);
    row->open--;
    count_open(project, name, user_number, false);
}

void quota_remove_application(struct project *project, const char *name)
{
    struct aq_project *row = edit_project(project, name);
    if (row == NULL)
        return;
    aq_assert(row->known > row->open);
    row->known--;
}

void quota_hold(struct project *project, const char *name, uint64_t user_number, const struct aq_amounts *amounts)
{
    count_held(project, name, user_number, amounts, aq_amounts_add);
}

void quota_free(struct project *project, const char *name, uint64_t user_number, const struct aq_amounts *amounts)
{
    count_held(project, name, user_number, amounts, aq_amounts_subtract);
}
