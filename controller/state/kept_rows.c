#include "controller/state/kept_rows.h"

#include "controller/state/counters.h"
#include "controller/state/remarks.h"
#include "schema/codec/pack.h"

#include <string.h>

/* False: the row has no remark. */
static bool pack_remarked(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                          uint64_t now_ms, struct aq_buffer *out)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const bool some_lost = counter_has_lost(txn, COUNTER_LOST_NODES) || counter_has_lost(txn, COUNTER_LOST_EPOCHS);
    if (!some_lost || remark_fields(entity) == 0)
        return false;
    void *object = aq_arena_alloc(&arena, entity->record->size);
    if (!state_find(txn, entity, key, object, &arena) || !remark_row(txn, entity, object, now_ms, &arena))
        return false;
    aq_record_pack(entity->record, object, out);
    return true;
}

void kept_rows_add(struct state_txn *txn, const struct aq_entity *entity, const char *id, uint64_t now_ms,
                   struct aq_buffer *out)
{
    uint32_t length = 0;
    size_t begin = out->length;
    struct state_key key;
    struct aq_error none;
    aq_buffer_add(out, &length, sizeof length);
    if (state_key_from_text(entity, id, &key, &none) == 0 && !pack_remarked(txn, entity, &key, now_ms, out))
        (void)state_pack(txn, entity, &key, out);
    length = (uint32_t)(out->length - begin - sizeof length);
    memcpy(out->data + begin, &length, sizeof length);
}

bool kept_rows_take(struct aq_bytes *rows, struct aq_bytes *row)
{
    uint32_t length;
    if (rows->length < sizeof length)
        return false;
    memcpy(&length, rows->data, sizeof length);
    aq_assert(length <= rows->length - sizeof length);
    *row = (struct aq_bytes){rows->data + sizeof length, length};
    rows->data += sizeof length + length;
    rows->length -= sizeof length + length;
    return true;
}
