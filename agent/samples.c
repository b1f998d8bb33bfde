#include "agent/samples.h"

#include "schema/wire/messages.h"

enum { SAMPLES_TURN = 128 /* some ms */ };

/* The place in the roster of the first workload after `resource`. */
static size_t place_after(const struct roster *roster, uint64_t resource)
{
    size_t low = 0, high = roster->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (roster->entries[middle].resource <= resource)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The hub takes no message with numbers beyond their bounds, whatever a kernel or a driver has made of them. */
static void keep_to_bounds(struct aq_sample *sample)
{
    for (size_t i = 0; i < aq_sample_record.count; i++) {
        const struct aq_field *field = &aq_sample_record.fields[i];
        uint64_t *number = AQ_AT(sample, field);
        if (aq_type_may_be_none(field->type) && aq_number_or(*number, 0) > field->most)
            *number = 0;
    }
}

static bool sample_workload(const struct workload *workload, struct aq_sample *sample)
{
    if (!workload->runs || workload->driver == NULL || workload->driver->type->sample == NULL)
        return false;
    return workload->driver->type->sample(workload->driver->driver, workload->resource, sample);
}

void samples_take(struct samples *samples, const struct host *host, const struct workloads *workloads,
                  uint64_t interval_ms, uint64_t now_ms, struct aq_list *out, struct aq_arena *arena)
{
    const struct roster *roster = &workloads->roster;
    const bool begins = !samples->under_way && interval_ms > 0 && now_ms >= samples->next_ms;
    *out = (struct aq_list){0};
    if (!begins && !samples->under_way)
        return;
    if (begins)
        *samples = (struct samples){.next_ms = now_ms + interval_ms, .under_way = true};
    out->items = aq_arena_alloc(arena, (SAMPLES_TURN + 1) * sizeof(struct aq_sample));
    if (begins && host->sample != NULL) {
        struct aq_sample *node = AQ_ITEM(*out, struct aq_sample, out->count++);
        *node = host->sample();
        node->at_ms = now_ms;
        keep_to_bounds(node);
    }
    size_t i = place_after(roster, samples->after);
    for (unsigned seen = 0; i < roster->count && seen < SAMPLES_TURN; i++, seen++) {
        const struct workload *workload = roster->entries[i].workload;
        struct aq_sample *sample = AQ_ITEM(*out, struct aq_sample, out->count);
        *sample = (struct aq_sample){.resource = workload->resource, .at_ms = now_ms};
        samples->after = workload->resource;
        out->count += sample_workload(workload, sample);
        keep_to_bounds(sample);
    }
    samples->under_way = i < roster->count;
}
