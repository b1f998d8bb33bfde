#include "controller/serve/rows.h"

#include "controller/state/references.h"
#include "controller/state/remarks.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/node.h"

/* Adds the node's heartbeat to the row that was appended last. */
static void add_live(struct request *request, const char *node)
{
    struct aq_node_live now;
    aq_assert(request->out.data[request->out.length - 1] == '}');
    request->out.length--;
    aq_buffer_text(&request->out, ",\"live\":");
    if (live_node(request->backend->live, node, &now))
        aq_record_to_json(&aq_node_live_record, &now, &request->out);
    else
        aq_buffer_text(&request->out, "null");
    aq_buffer_char(&request->out, '}');
}

static bool has_live(const struct request *request, const struct aq_entity *entity)
{
    return entity->live != NULL && request->backend->live != NULL;
}

const void *row_fields(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                       const struct state_packed *row, uint64_t wanted)
{
    void *object = aq_arena_alloc(&request->arena, entity->record->size);
    const struct aq_field *described =
        remark_fields(entity) != 0 ? aq_record_field(entity->record, "description") : NULL;
    bool remarked = described != NULL && (wanted & AQ_FIELD_BIT(entity->record, described)) != 0;
    if (!state_unpack(txn, entity, row, remarked ? wanted | remark_fields(entity) : wanted, object, &request->arena))
        return NULL;
    if (remarked)
        (void)remark_row(txn, entity, object, &request->arena);
    return object;
}

bool row_show(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
              const struct state_packed *row)
{
    const struct aq_field *key = aq_entity_key(entity);
    const void *remarked = remark_packed(txn, entity, row, &request->arena);
    if (remarked != NULL)
        aq_record_to_json(entity->record, remarked, &request->out);
    else if (!state_show(txn, entity, row, &request->out))
        return false;
    if (!has_live(request, entity))
        return true;
    const void *fields = row_fields(request, txn, entity, row, AQ_FIELD_BIT(entity->record, key));
    if (fields != NULL)
        add_live(request, aq_field_text(key, fields));
    return fields != NULL;
}

bool row_show_kept(struct request *request, const struct aq_entity *entity, const struct aq_bytes *row, const char *id)
{
    struct aq_error error;
    if (row->length == 0 || aq_packed_to_json(entity->record, row->data, row->length, &request->out, &error) != 0)
        return false;
    if (has_live(request, entity))
        add_live(request, id);
    return true;
}

static bool may_see(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                    const struct state_packed *row)
{
    uint64_t wanted = request_visibility_fields(request, entity);
    const void *fields = wanted != 0 ? row_fields(request, txn, entity, row, wanted) : NULL;
    return wanted == 0 || (fields != NULL && request_may_see(request, entity, fields));
}

int row_find_key(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                 const struct state_key *key, struct state_packed *row, struct aq_error *error)
{
    struct state_key *kept = aq_arena_alloc(&request->arena, sizeof *kept); /* lives as long as the row */
    *kept = *key;
    if (state_find_packed(txn, entity, kept, row) && may_see(request, txn, entity, row))
        return 0;
    return state_failed(txn, error) ? -1 : state_fail_absent(txn, entity, kept, error);
}

int row_find(struct request *request, struct state_txn *txn, const struct aq_entity *entity, const char *text,
             struct state_packed *row, struct aq_error *error)
{
    struct state_key key;
    if (state_refer(txn, entity, text, &key, error) != 0)
        return -1;
    return row_find_key(request, txn, entity, &key, row, error);
}
