#include "controller/state/remarks.h"

#include "controller/state/counters.h"
#include "controller/state/store.h"
#include "schema/codec/number.h"
#include "schema/codec/pack.h"
#include "schema/codec/packed.h"
#include "schema/model/application.h"
#include "schema/model/node.h"

#include <inttypes.h>
#include <string.h>

enum { LONG_MS = 60000 }; /* more than workloads are usually given to end */

bool remark_has_lost(struct state_txn *txn)
{
    if (txn->lost == STORE_LOST_UNKNOWN)
        txn->lost = counter_lost_nodes(txn) > 0 ? STORE_LOST_SOME : STORE_LOST_NONE;
    return txn->lost == STORE_LOST_SOME;
}

/* What is asked of its node: to start it, to run it, to end it. */
enum wish { WISH_NOTHING, WISH_START, WISH_RUN, WISH_END };

static enum wish wish_of(enum aq_application_status status, uint64_t resource)
{
    switch (status) {
    case AQ_ELECTED:
        return WISH_START;
    case AQ_ALLOCATED:
        return WISH_RUN;
    case AQ_DEALLOCATE:
    case AQ_RECALLED:
        return resource != 0 ? WISH_END : WISH_NOTHING;
    default:
        return WISH_NOTHING;
    }
}

static const char *remark_lost(const struct aq_node *node, enum wish wish, struct aq_arena *arena)
{
    static const char *const then[] = {
        [WISH_START] = "it starts there when the node is back; deallocate it if it is no longer wanted",
        [WISH_RUN] = "it may still run there",
        [WISH_END] = "it is ended when the node is back; if it never will be, an admin can delete the node",
    };
    char since[AQ_TIME_TEXT_SIZE];
    aq_time_to_text(node->lost_at, since);
    return aq_arena_format(arena, "node %s has been LOST since %s: its agent is not heard from; %s", node->name, since,
                           then[wish]);
}

static const char *remark_slow(const struct aq_application *application, uint64_t now_ms, struct aq_arena *arena)
{
    char since[AQ_TIME_TEXT_SIZE];
    if (now_ms < application->changed_at + LONG_MS)
        return NULL;
    aq_time_to_text(application->changed_at, since);
    return aq_arena_format(arena, "node %s was told at %s to end it, and has not ended it yet", application->node,
                           since);
}

static const char *remark_of(struct state_txn *txn, const struct aq_application *application, uint64_t now_ms,
                             struct aq_arena *arena)
{
    enum wish wish = wish_of((enum aq_application_status)application->status, application->resource);
    struct aq_node node;
    if (wish == WISH_NOTHING || (wish != WISH_END && !remark_has_lost(txn)))
        return NULL;
    if (remark_has_lost(txn) && state_node(txn, application->node, &node, arena) && node.status == AQ_NODE_LOST)
        return remark_lost(&node, wish, arena);
    return wish == WISH_END ? remark_slow(application, now_ms, arena) : NULL;
}

bool remark_row(struct state_txn *txn, const struct aq_entity *entity, void *object, uint64_t now_ms,
                struct aq_arena *arena)
{
    struct aq_application *application = object;
    if (entity != &aq_entity_application)
        return false;
    const char *remark = remark_of(txn, application, now_ms, arena);
    if (remark != NULL)
        application->description =
            aq_arena_format(arena, "%s%s%s", application->description, application->description[0] ? "; " : "", remark);
    return remark != NULL;
}

static uint64_t bit(const char *name)
{
    return AQ_FIELD_BIT(&aq_application_record, aq_record_field(&aq_application_record, name));
}

uint64_t remark_fields(const struct aq_entity *entity)
{
    return entity == &aq_entity_application
               ? bit("status") | bit("resource") | bit("node") | bit("changed_at") | bit("description")
               : 0;
}

/* The status alone, without unpacking: most rows have no remark, and pages have many rows. */
static bool read_status(const struct state_packed *row, enum aq_application_status *status)
{
    static _Atomic size_t place; /* of the field; 0: not known yet */
    struct aq_packed in = {row->data, (const unsigned char *)row->data + row->length};
    size_t count;
    uint64_t number;
    if (place == 0)
        place = (size_t)(aq_record_field(&aq_application_record, "status") - aq_application_record.fields);
    if (!aq_packed_array(&in, &count) || count <= place)
        return false;
    for (size_t i = 0; i < place; i++)
        if (!aq_packed_skip(&in))
            return false;
    if (!aq_packed_number(&in, &number) || number >= aq_application_status_count)
        return false;
    *status = (enum aq_application_status)number;
    return true;
}

const void *remark_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                          uint64_t now_ms, struct aq_arena *arena)
{
    enum aq_application_status status;
    if (entity != &aq_entity_application || !read_status(row, &status))
        return NULL;
    enum wish wish = wish_of(status, 1); /* at most */
    if (wish == WISH_NOTHING || (wish != WISH_END && !remark_has_lost(txn)))
        return NULL;
    struct aq_application *whole = aq_arena_alloc(arena, sizeof *whole);
    return state_unpack(txn, entity, row, AQ_ALL_FIELDS, whole, arena) && remark_row(txn, entity, whole, now_ms, arena)
               ? whole
               : NULL;
}
