/* The part of the metrics that has rows: what nodes and workloads use, of those that the caller may see. */
#include "controller/serve/metrics.h"
#include "controller/serve/rows.h"
#include "controller/usage/usage.h"
#include "schema/codec/pack.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <string.h>

enum { SCANNED_MAX = 20000 /* rows of an entity that are looked at: some ms */ };

struct figure {
    const char *name, *type, *help; /* name: behind aquarium_node_ or aquarium_workload_ */
    size_t offset;                  /* in struct aq_usage: a number or none */
    unsigned thousandths;           /* the number is in thousandths of what is shown */
};

#define FIGURE(field) offsetof(struct aq_usage, field)
static const struct figure figures[] = {
    {"cpu_cores", "gauge", "Processor cores in use.", FIGURE(cpu), 1},
    {"memory_bytes", "gauge", "Memory in use.", FIGURE(memory_bytes), 0},
    {"cpu_seconds_total", "counter", "Processor time.", FIGURE(cpu_ms), 1},
    {"read_bytes_total", "counter", "Bytes read from disks.", FIGURE(read_bytes), 0},
    {"written_bytes_total", "counter", "Bytes written to disks.", FIGURE(written_bytes), 0},
    {"received_bytes_total", "counter", "Bytes received from the network.", FIGURE(received_bytes), 0},
    {"sent_bytes_total", "counter", "Bytes sent to the network.", FIGURE(sent_bytes), 0},
};
#undef FIGURE

/* What one entity has. */
struct gathering {
    struct request *request;
    struct state_txn *txn;
    const struct aq_entity *entity;
    uint64_t wanted; /* fields, as bits */
    uint64_t most, scanned;
    bool cut;
    struct gathered {
        const char *labels;
        struct aq_usage now;
    } * rows;
    uint64_t count;
};

static uint64_t wanted_fields(const struct request *request, const struct aq_entity *entity)
{
    static const char *const names[] = {"name", "id", "application", "node", "user", "project"};
    uint64_t wanted = request_visibility_fields(request, entity);
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        const struct aq_field *field = aq_record_field(entity->record, names[i]);
        wanted |= field != NULL ? AQ_FIELD_BIT(entity->record, field) : 0;
    }
    return wanted;
}

/* Names have no characters that would have to be escaped. */
static const char *label_node(struct aq_arena *arena, const struct aq_node *node, struct usage_key *key)
{
    *key = (struct usage_key){.kind = USAGE_OF_NODE, .node = node->name};
    return aq_arena_format(arena, "node=\"%s\"", node->name);
}

static const char *label_resource(struct aq_arena *arena, const struct aq_resource *resource, struct usage_key *key)
{
    *key = (struct usage_key){.kind = USAGE_OF_RESOURCE, .resource = resource->id, .node = resource->node};
    return aq_arena_format(
        arena, "resource=\"%" PRIu64 "\",application=\"%" PRIu64 "\",node=\"%s\",user=\"%s\",project=\"%s\"",
        resource->id, resource->application, resource->node, resource->user, resource->project);
}

static bool gather_row(void *context, const struct state_packed *row)
{
    struct gathering *gathering = context;
    struct request *request = gathering->request;
    struct usage_key key;
    struct gathered gathered;
    gathering->cut = gathering->scanned++ == SCANNED_MAX;
    if (gathering->cut)
        return false;
    const void *fields = row_fields(request, gathering->txn, gathering->entity, row, gathering->wanted);
    if (fields == NULL)
        return false;
    if (!request_sees_all(request, gathering->entity) && !request_may_see(request, gathering->entity, fields))
        return true;
    gathered.labels = gathering->entity == &aq_entity_node ? label_node(&request->arena, fields, &key)
                                                           : label_resource(&request->arena, fields, &key);
    if (!usage_now(request->backend->usage, &key, &gathered.now))
        return true;
    gathering->cut = gathering->count == gathering->most;
    if (!gathering->cut)
        gathering->rows[gathering->count++] = gathered;
    return !gathering->cut;
}

static void print_figure(const struct gathering *gathering, const char *prefix, const struct figure *figure,
                         struct aq_buffer *out)
{
    aq_buffer_format(out, "# HELP aquarium_%s_%s %s\n# TYPE aquarium_%s_%s %s\n", prefix, figure->name, figure->help,
                     prefix, figure->name, figure->type);
    for (uint64_t i = 0; i < gathering->count; i++) {
        uint64_t stored;
        memcpy(&stored, (const char *)&gathering->rows[i].now + figure->offset, sizeof stored);
        const uint64_t number = aq_number_or(stored, 0);
        if (stored == 0)
            continue;
        aq_buffer_format(out, "aquarium_%s_%s{%s} ", prefix, figure->name, gathering->rows[i].labels);
        if (figure->thousandths)
            aq_buffer_format(out, "%" PRIu64 ".%03u\n", number / 1000, (unsigned)(number % 1000));
        else
            aq_buffer_format(out, "%" PRIu64 "\n", number);
    }
}

static void add_entity(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                       const char *prefix, uint64_t most, struct aq_buffer *out)
{
    struct gathering gathering = {.request = request, .txn = txn, .entity = entity, .most = most};
    gathering.wanted = wanted_fields(request, entity);
    gathering.rows = aq_arena_alloc(&request->arena, most * sizeof *gathering.rows);
    state_scan_packed(txn, entity, NULL, false, gather_row, &gathering);
    for (size_t i = 0; i < AQ_LENGTH(figures); i++)
        print_figure(&gathering, prefix, &figures[i], out);
    aq_buffer_format(out,
                     "# HELP aquarium_%s_rows_cut 1 if there are more than usage.metrics allows.\n"
                     "# TYPE aquarium_%s_rows_cut gauge\naquarium_%s_rows_cut %d\n",
                     prefix, prefix, prefix, gathering.cut);
}

int metrics_add_usage(struct request *request, uint64_t most, struct aq_buffer *out)
{
    struct state_txn *txn;
    if (request->backend->usage == NULL || !request->known || most == 0)
        return 0;
    if (request_read(request, &txn) != 0)
        return -1;
    add_entity(request, txn, &aq_entity_node, "node", most, out);
    add_entity(request, txn, &aq_entity_resource, "workload", most, out);
    const bool failed = state_failed(txn, &request->error);
    state_end(txn);
    return failed ? -1 : 0;
}
