#include "controller/serve/rows.h"

#include "controller/state/references.h"
#include "controller/state/remarks.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/key.h"
#include "schema/model/token.h"

/* Adds the live values to the row that was appended last. */
static void add_live(struct request *request, const struct aq_entity *entity, const char *key)
{
    void *now = aq_arena_alloc(&request->arena, entity->live->size);
    aq_assert(request->out.data[request->out.length - 1] == '}');
    request->out.length--;
    aq_buffer_text(&request->out, ",\"live\":");
    if (live_find(request->backend->live, entity, key, now, &request->arena))
        aq_record_to_json(entity->live, now, &request->out);
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
    const struct aq_field *field = remark_field(entity);
    bool remarked = field != NULL && (wanted & AQ_FIELD_BIT(entity->record, field)) != 0;
    if (!state_unpack(txn, entity, row, remarked ? wanted | remark_fields(entity) : wanted, object, &request->arena))
        return NULL;
    if (remarked)
        (void)remark_row(txn, entity, object, request->now.wall_ms, &request->arena);
    return object;
}

bool row_show(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
              const struct state_packed *row)
{
    char key[STATE_KEY_MAX + 1];
    const void *remarked = remark_packed(txn, entity, row, request->now.wall_ms, &request->arena);
    if (remarked != NULL)
        aq_record_to_json(entity->record, remarked, &request->out);
    else if (!state_show(txn, entity, row, &request->out))
        return false;
    if (!has_live(request, entity))
        return true;
    const void *fields = row_fields(request, txn, entity, row, AQ_FIELD_BIT(entity->record, aq_entity_key(entity)));
    if (fields == NULL)
        return false;
    state_key_text(entity, fields, key, sizeof key);
    add_live(request, entity, key);
    return true;
}

static bool may_see_kept(struct request *request, const struct aq_entity *entity, const struct aq_bytes *row)
{
    struct aq_error error;
    void *fields = aq_arena_alloc(&request->arena, entity->record->size);
    if (request_sees_all(request, entity))
        return true;
    return aq_record_unpack_some(entity->record, fields, row->data, row->length,
                                 request_visibility_fields(request, entity), &request->arena, &error) == 0 &&
           request_may_see(request, entity, fields);
}

bool row_show_kept(struct request *request, const struct aq_entity *entity, const struct aq_bytes *row, const char *id)
{
    struct aq_error error;
    if (row->length == 0 || !may_see_kept(request, entity, row) ||
        aq_packed_to_json(entity->record, row->data, row->length, &request->out, &error) != 0)
        return false;
    if (has_live(request, entity))
        add_live(request, entity, id);
    return true;
}

static bool may_see(struct request *request, struct state_txn *txn, const struct aq_entity *entity,
                    const struct state_packed *row)
{
    if (request_sees_all(request, entity))
        return true;
    const void *fields = row_fields(request, txn, entity, row, request_visibility_fields(request, entity));
    return fields != NULL && request_may_see(request, entity, fields);
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

int row_refer(struct request *request, struct state_txn *txn, const struct aq_entity *entity, const char *text,
              struct state_key *key, struct aq_error *error)
{
    if (entity->own_name == NULL || aq_key_is_digits(text))
        return state_refer(txn, entity, text, key, error);
    aq_assert(entity == &aq_entity_token);
    *key = state_key_number(state_token_named(txn, request->caller.number, text));
    if (state_key_number_at(key, 0) != 0)
        return 0;
    return aq_fail(error, AQ_E_NOT_FOUND, "%s has no %s %.100s; those of others go by their numbers",
                   request->caller.name, entity->name, text);
}

int row_find(struct request *request, struct state_txn *txn, const struct aq_entity *entity, const char *text,
             struct state_packed *row, struct aq_error *error)
{
    struct state_key key;
    if (row_refer(request, txn, entity, text, &key, error) != 0)
        return -1;
    if (row_find_key(request, txn, entity, &key, row, error) == 0)
        return 0;
    return error->code == AQ_E_NOT_FOUND ? state_fail_unseen(txn, entity, text, &key, error) : -1;
}
