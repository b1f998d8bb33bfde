#include "controller/project/quarantine.h"

#include "schema/model/application.h"
#include "schema/model/node.h"

#include <inttypes.h>
#include <string.h>

/* `item` is in the list. */
static void remove_item(struct aq_list *list, struct aq_quarantine *item)
{
    const struct aq_quarantine *items = list->items;
    memmove(item, item + 1, (size_t)(items + --list->count - item) * sizeof *item);
}

static void make_room(struct aq_list *list)
{
    struct aq_quarantine *oldest = aq_quarantine_oldest_count(list);
    if (list->count > AQ_QUARANTINES_MAX && oldest != NULL)
        remove_item(list, oldest);
}

/* That of the label, or of the whole node, added if there is none. NULL: there is no room. */
static struct aq_quarantine *entry_of(struct project *project, struct aq_node *node, uint64_t label_id,
                                      const char *label)
{
    struct aq_list *list = &node->quarantines;
    struct aq_quarantine *found = aq_quarantine_find(list, label_id);
    if (found != NULL)
        return found;
    make_room(list);
    if (list->count > AQ_QUARANTINES_MAX)
        return NULL;
    struct aq_quarantine *items = aq_arena_alloc(project->arena, (list->count + 1) * sizeof *items);
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = (struct aq_quarantine){.label_id = label_id, .label = label, .reason = ""};
    *list = (struct aq_list){items, list->count + 1};
    return &items[list->count - 1];
}

static void store_node(struct project *project, struct aq_node *node)
{
    node->quarantine_status = AQ_QUARANTINE_NONE;
    for (uint32_t i = 0; i < node->quarantines.count; i++)
        if (AQ_ITEM(node->quarantines, struct aq_quarantine, i)->active)
            node->quarantine_status = AQ_QUARANTINE_LABELS;
    if (aq_quarantine_is_active(&node->quarantines, 0))
        node->quarantine_status = AQ_QUARANTINE_ALL;
    project_node(project, node);
}

/* ---- counting ------------------------------------------------------------------------------------------ */

void quarantine_count_failure(struct project *project, const struct aq_resource *resource)
{
    struct aq_application application;
    struct aq_node node;
    if (!state_application(project->txn, resource->application, &application, project->arena) ||
        application.arguments.count > 0 || !state_node(project->txn, resource->node, &node, project->arena))
        return;
    const bool counts = aq_quarantine_counts_for_node(&node.quarantines, application.label_id);
    const char *label = aq_arena_format(project->arena, "%s:%" PRIu64, application.label, application.version);
    struct aq_quarantine *of_label = entry_of(project, &node, application.label_id, label);
    if (of_label != NULL)
        of_label->failures++;
    struct aq_quarantine *of_node = counts ? entry_of(project, &node, 0, "") : NULL;
    if (of_node != NULL)
        of_node->failures++;
    store_node(project, &node);
}

/* False: nothing is counted. */
static bool drop_count(struct aq_node *node, uint64_t label_id)
{
    struct aq_quarantine *found = aq_quarantine_find(&node->quarantines, label_id);
    if (found == NULL || found->active)
        return false;
    remove_item(&node->quarantines, found);
    return true;
}

void quarantine_count_success(struct project *project, const struct aq_resource *resource)
{
    const struct state_key name = state_key_name(resource->node);
    const struct aq_node *present = state_edit(project->txn, &aq_entity_node, &name);
    struct aq_node node;
    if (present == NULL || present->quarantines.count == 0 ||
        !state_node(project->txn, resource->node, &node, project->arena))
        return;
    const bool of_label = drop_count(&node, resource->label_id), of_node = drop_count(&node, 0);
    if (of_label || of_node)
        store_node(project, &node);
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

static void set_quarantine(struct project *project, const void *data)
{
    const struct aq_node_quarantine_set *event = data;
    struct aq_node node;
    if (!project_expect(project, state_node(project->txn, event->name, &node, project->arena)))
        return;
    struct aq_quarantine *entry = entry_of(project, &node, event->label_id, event->label);
    node.changed_at = project->time_ms;
    if (entry != NULL)
        *entry = (struct aq_quarantine){.label_id = event->label_id,
                                        .label = event->label,
                                        .active = event->active,
                                        .by_hand = event->by_hand,
                                        .until = event->until,
                                        .count = event->count,
                                        .reason = event->reason};
    if (!event->active && event->count == 0)
        (void)drop_count(&node, event->label_id);
    store_node(project, &node);
}
PROJECT(aq_event_node_quarantine_set, set_quarantine);
