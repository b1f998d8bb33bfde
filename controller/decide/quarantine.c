#include "controller/decide/quarantine.h"

#include "controller/decide/placement.h"

#include <inttypes.h>
#include <string.h>

static void emit(struct decide *decide, const char *node, const struct aq_quarantine *quarantine)
{
    struct aq_node_quarantine_set event = {.name = node,
                                           .label_id = quarantine->label_id,
                                           .label = quarantine->label,
                                           .active = quarantine->active,
                                           .by_hand = quarantine->by_hand,
                                           .until = quarantine->until,
                                           .count = quarantine->count,
                                           .reason = quarantine->reason};
    decide_emit(decide, &aq_event_node_quarantine_set, &event);
}

/* It is over, and what was counted is dropped, too. */
static void emit_cleared(struct decide *decide, const char *node, const struct aq_quarantine *quarantine,
                         const char *reason)
{
    const struct aq_quarantine cleared = {
        .label_id = quarantine->label_id, .label = quarantine->label, .reason = reason};
    emit(decide, node, &cleared);
}

/* ---- by itself ------------------------------------------------------------------------------------------ */

static void begin_if_due(struct decide *decide, const struct aq_node *node, uint64_t label_id, const char *label,
                         const char *reason)
{
    const struct aq_quarantine *before = aq_quarantine_find(&node->quarantines, label_id);
    if (!aq_quarantine_is_due(&node->quarantines, label_id))
        return;
    const uint64_t count = before != NULL ? before->count : 0, failures = before != NULL ? before->failures + 1 : 1;
    const char *words =
        count > 0 ? aq_arena_format(decide->arena, "a start failed again: %s", reason)
                  : aq_arena_format(decide->arena, "%" PRIu64 " starts in a row failed: %s", failures, reason);
    const struct aq_quarantine begun = {.label_id = label_id,
                                        .label = label,
                                        .active = true,
                                        .until = decide->time_ms + aq_quarantine_wait_ms(count),
                                        .count = count + 1,
                                        .reason = words};
    emit(decide, node->name, &begun);
}

void quarantine_after_failure(struct decide *decide, const struct aq_resource *resource,
                              const struct aq_application *application, const char *reason)
{
    struct aq_node node;
    if (application->arguments.count > 0 || !state_node(decide->txn, resource->node, &node, decide->arena))
        return;
    const char *label = aq_arena_format(decide->arena, "%s:%" PRIu64, application->label, application->version);
    begin_if_due(decide, &node, application->label_id, label, reason);
    if (aq_quarantine_counts_for_node(&node.quarantines, application->label_id))
        begin_if_due(decide, &node, 0, "", reason);
}

void quarantine_after_success(struct decide *decide, const struct aq_resource *resource)
{
    struct aq_node node;
    const uint64_t labels[] = {resource->label_id, 0};
    if (!state_node(decide->txn, resource->node, &node, decide->arena))
        return;
    for (size_t i = 0; i < AQ_LENGTH(labels); i++) {
        const struct aq_quarantine *found = aq_quarantine_find(&node.quarantines, labels[i]);
        if (found != NULL && found->active && !found->by_hand)
            emit_cleared(decide, node.name, found, "it works again");
    }
}

void quarantine_tend(struct decide *decide, const struct aq_node *node)
{
    for (uint32_t i = 0; i < node->quarantines.count; i++) {
        struct aq_quarantine over = *AQ_ITEM(node->quarantines, struct aq_quarantine, i);
        if (!over.active || over.until == 0 || decide->time_ms < over.until)
            continue;
        over.active = false;
        over.count = over.by_hand ? 0 : over.count; /* the next failure brings it back */
        over.by_hand = false;
        over.until = 0;
        over.reason = "its time is over";
        emit(decide, node->name, &over);
    }
}

/* ---- by hand -------------------------------------------------------------------------------------------- */

static void clear_all(struct decide *decide, const struct aq_node *node)
{
    const char *reason = aq_arena_format(decide->arena, "cleared by %s", decide->caller.name);
    for (uint32_t i = 0; i < node->quarantines.count; i++)
        emit_cleared(decide, node->name, AQ_ITEM(node->quarantines, struct aq_quarantine, i), reason);
}

/* That of a label, by its number or by name and version, as the node's row has them: the label may be deleted. */
static const struct aq_quarantine *find_written(const struct decide *decide, const struct aq_node *node,
                                                const char *label)
{
    for (uint32_t i = 0; i < node->quarantines.count; i++) {
        const struct aq_quarantine *quarantine = AQ_ITEM(node->quarantines, struct aq_quarantine, i);
        const char *number = aq_arena_format(decide->arena, "%" PRIu64, quarantine->label_id);
        if (quarantine->label_id != 0 && (strcmp(quarantine->label, label) == 0 || strcmp(number, label) == 0))
            return quarantine;
    }
    return NULL;
}

static int clear_one(struct decide *decide, const struct aq_node *node, const char *text, struct aq_error *error)
{
    struct aq_label label;
    const struct aq_quarantine *found = find_written(decide, node, text);
    if (found == NULL && decide_find_text(decide, &aq_entity_label, text, &label, error) != 0)
        return -1;
    if (found == NULL)
        found = aq_quarantine_find(&node->quarantines, label.id);
    if (found != NULL)
        emit_cleared(decide, node->name, found, aq_arena_format(decide->arena, "cleared by %s", decide->caller.name));
    return 0;
}

static int begin_by_hand(struct decide *decide, const struct aq_node_quarantine *command, const struct aq_node *node,
                         const struct aq_label *label, struct aq_error *error)
{
    const uint64_t label_id = label != NULL ? label->id : 0;
    const struct aq_quarantine *before = aq_quarantine_find(&node->quarantines, label_id);
    const char *why = command->reason[0] != '\0' ? command->reason : "no reason given";
    if (before == NULL && node->quarantines.count > AQ_QUARANTINES_MAX &&
        aq_quarantine_oldest_count(&node->quarantines) == NULL)
        return aq_fail(error, AQ_E_LIMIT, "node %s has quarantines of %d labels, the most that it can have: clear some",
                       node->name, AQ_QUARANTINES_MAX);
    const struct aq_quarantine begun = {
        .label_id = label_id,
        .label = label != NULL ? aq_arena_format(decide->arena, "%s:%" PRIu64, label->name, label->version) : "",
        .active = true,
        .by_hand = true,
        .until = command->ttl != 0 ? decide->time_ms + command->ttl * 1000 : 0,
        .count = before != NULL ? before->count : 0,
        .reason = aq_arena_format(decide->arena, "by %s: %s", decide->caller.name, why)};
    if (before != NULL && before->active && before->by_hand && before->until == begun.until &&
        strcmp(before->reason, begun.reason) == 0)
        return 0;
    emit(decide, node->name, &begun);
    return 0;
}

static int set_quarantine(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_quarantine *command = record;
    struct aq_node node;
    struct aq_label label;
    const bool of_label = command->label[0] != '\0';
    if (command->clear && (command->ttl != 0 || command->reason[0] != '\0'))
        return aq_fail(error, AQ_E_INVALID, "clear ends a quarantine: give neither ttl nor reason");
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (command->clear && of_label)
        return clear_one(decide, &node, command->label, error);
    if (of_label && decide_find_text(decide, &aq_entity_label, command->label, &label, error) != 0)
        return -1;
    if (!command->clear)
        return begin_by_hand(decide, command, &node, of_label ? &label : NULL, error);
    clear_all(decide, &node);
    return 0;
}
DECIDE(aq_command_node_quarantine, set_quarantine);
