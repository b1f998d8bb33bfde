#include "agent/notices.h"

#include "agent/tidy.h"
#include "agent/workloads.h"

#include <stdlib.h>

const char *notices_text(const char *field, const char *text)
{
    const struct aq_field *declared = aq_record_field(&aq_happening_record, field);
    aq_assert(declared != NULL);
    return tidy_copy(text != NULL ? text : "", declared->most);
}

static void free_happening(struct aq_happening *happening)
{
    for (size_t i = 0; i < aq_happening_record.count; i++)
        if (aq_field_is_text(&aq_happening_record.fields[i]))
            free(*(char **)AQ_AT(happening, &aq_happening_record.fields[i]));
    *happening = (struct aq_happening){0};
}

void notices_free(struct workload *workload)
{
    for (unsigned i = 0; i < NOTICE_KINDS; i++)
        free_happening(&workload->notices[i].what);
}

void notices_set(struct workload *workload, enum notice_kind which, const struct aq_happening *what)
{
    free_happening(&workload->notices[which].what);
    workload->notices[which].what = *what;
}

void notices_queue(struct workloads *workloads, struct workload *workload, enum notice_kind which)
{
    struct workload_queue *queue = &workloads->reporting;
    if (workload->notices[which].state != NOTICE_WAITS)
        workloads->unreported++;
    workload->notices[which].state = NOTICE_WAITS;
    if (workload->reports)
        return;
    workload->reports = true;
    *(queue->first != NULL ? &queue->last->next_reporting : &queue->first) = workload;
    queue->last = workload;
}

/* Moves what waits into the report, as far as there is room. Returns whether all of it had room. */
static bool tell_workload(struct workloads *workloads, struct workload *workload, uint64_t number, uint64_t hub_form,
                          uint32_t most, struct aq_list *happenings, struct aq_arena *arena)
{
    for (unsigned i = 0; i < NOTICE_KINDS; i++) {
        struct notice *notice = &workload->notices[i];
        if (notice->state != NOTICE_WAITS)
            continue;
        if (happenings->count == most)
            return false;
        workloads->unreported--;
        notice->state = number;
        if (hub_form < AQ_FORM_UPKEEP && (i == NOTICE_RESTART || i == NOTICE_HEALTH))
            notice->state = NOTICE_NONE;
        else
            aq_record_copy(&aq_happening_record, AQ_ITEM(*happenings, struct aq_happening, happenings->count++),
                           &notice->what, arena);
    }
    return true;
}

void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, uint64_t hub_form,
                    struct aq_list *happenings, struct aq_arena *arena)
{
    uint32_t most = workloads->unreported < max ? workloads->unreported : max;
    *happenings = (struct aq_list){aq_arena_alloc(arena, most * sizeof(struct aq_happening)), 0};
    struct workload *workload;
    while ((workload = workloads->reporting.first) != NULL &&
           tell_workload(workloads, workload, number, hub_form, most, happenings, arena)) {
        workloads->reporting.first = workload->next_reporting;
        workload->next_reporting = NULL;
        workload->reports = false;
    }
}
