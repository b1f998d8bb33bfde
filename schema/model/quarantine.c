#include "schema/model/quarantine.h"

AQ_DEFINE(aq_quarantine, "quarantine", 1, "starts that have failed on a node, and what follows from that")

struct aq_quarantine *aq_quarantine_find(const struct aq_list *quarantines, uint64_t label_id)
{
    for (uint32_t i = 0; i < quarantines->count; i++)
        if (AQ_ITEM(*quarantines, struct aq_quarantine, i)->label_id == label_id)
            return AQ_ITEM(*quarantines, struct aq_quarantine, i);
    return NULL;
}

bool aq_quarantine_is_active(const struct aq_list *quarantines, uint64_t label_id)
{
    const struct aq_quarantine *found = aq_quarantine_find(quarantines, label_id);
    return found != NULL && found->active;
}

struct aq_quarantine *aq_quarantine_oldest_count(const struct aq_list *quarantines)
{
    for (uint32_t i = 0; i < quarantines->count; i++) {
        struct aq_quarantine *quarantine = AQ_ITEM(*quarantines, struct aq_quarantine, i);
        if (!quarantine->active && quarantine->label_id != 0)
            return quarantine;
    }
    return NULL;
}

bool aq_quarantine_is_due(const struct aq_list *quarantines, uint64_t label_id)
{
    const struct aq_quarantine *found = aq_quarantine_find(quarantines, label_id);
    const uint64_t most = label_id != 0 ? AQ_QUARANTINE_LABEL_FAILURES : AQ_QUARANTINE_NODE_FAILURES;
    if (found == NULL)
        return most <= 1;
    return !found->active && (found->count > 0 || found->failures + 1 >= most);
}

bool aq_quarantine_counts_for_node(const struct aq_list *quarantines, uint64_t label_id)
{
    const struct aq_quarantine *of_label = aq_quarantine_find(quarantines, label_id),
                               *of_node = aq_quarantine_find(quarantines, 0);
    const bool known_bad = of_label != NULL && (of_label->active || of_label->count > 0);
    return !known_bad || (of_node != NULL && of_node->count > 0);
}

uint64_t aq_quarantine_wait_ms(uint64_t count)
{
    uint64_t wait_ms = AQ_QUARANTINE_WAIT_MS;
    while (count-- > 0 && wait_ms < AQ_QUARANTINE_WAIT_MOST_MS)
        wait_ms *= 2;
    return wait_ms < AQ_QUARANTINE_WAIT_MOST_MS ? wait_ms : AQ_QUARANTINE_WAIT_MOST_MS;
}
