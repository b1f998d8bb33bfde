#include "controller/state/remarks.h"

#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/store.h"
#include "schema/codec/number.h"
#include "schema/codec/pack.h"
#include "schema/codec/packed.h"
#include "schema/model/application.h"
#include "schema/model/epoch.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/task.h"

#include <inttypes.h>
#include <string.h>

enum { LONG_MS = 60000 }; /* more than workloads are usually given to end */

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

/* ---- tasks -------------------------------------------------------------------------------------------------- */

struct waited {
    struct state_txn *txn;
    struct aq_arena *arena;
    struct aq_task task; /* id 0: there is none */
};

static bool note_task(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct waited *waited = context;
    (void)value, (void)length;
    if (!state_task(waited->txn, state_key_number_at(key, sizeof(uint64_t)), &waited->task, waited->arena))
        waited->task.id = 0;
    return waited->task.id == 0;
}

/* What is deallocated is ended after its tasks: then its node was not told yet. */
static const char *remark_task(struct state_txn *txn, const struct aq_application *application, struct aq_arena *arena)
{
    const struct state_key prefix = state_key_number(application->id);
    struct waited waited = {.txn = txn, .arena = arena};
    char until[AQ_TIME_TEXT_SIZE];
    if (application->status != AQ_DEALLOCATE)
        return NULL;
    index_scan(txn, INDEX_TASK_OPEN, &prefix, note_task, &waited);
    if (waited.task.id == 0)
        return NULL;
    aq_time_to_text(waited.task.expires_at, until);
    return aq_arena_format(arena, "task %" PRIu64 " makes %s of it first, until %s at most", waited.task.id,
                           waited.task.kind == AQ_TASK_IMAGE ? "an image" : "a snapshot", until);
}

/* ---- secrets ------------------------------------------------------------------------------------------------ */

static bool is_lost(struct state_txn *txn, const char *name, struct aq_arena *arena)
{
    const struct state_key key = state_key_name(name);
    struct aq_epoch epoch;
    return name[0] != '\0' && state_find(txn, &aq_entity_epoch, &key, &epoch, arena) && epoch.lost;
}

static const char *epoch_of_label(struct state_txn *txn, uint64_t id, struct aq_arena *arena)
{
    struct aq_label label;
    return state_label(txn, id, &label, arena) ? label.wrap.epoch : "";
}

/* What waits to be placed has that as its reason already. */
static const char *remark_secrets(struct state_txn *txn, const struct aq_application *application, enum wish wish,
                                  struct aq_arena *arena)
{
    const char *epoch = application->wrap.epoch;
    if ((wish != WISH_START && wish != WISH_RUN) || !counter_has_lost(txn, COUNTER_LOST_EPOCHS))
        return NULL;
    if (!is_lost(txn, epoch, arena))
        epoch = epoch_of_label(txn, application->label_id, arena);
    if (!is_lost(txn, epoch, arena))
        return NULL;
    return aq_arena_format(arena, "its secrets cannot be read: the key of epoch %s is not in the keyring%s", epoch,
                           wish == WISH_RUN ? "; it runs on with what it was given, until its host is started anew"
                                            : "");
}

static const char *remark_label(struct state_txn *txn, const struct aq_label *label, struct aq_arena *arena)
{
    if (!counter_has_lost(txn, COUNTER_LOST_EPOCHS) || !is_lost(txn, label->wrap.epoch, arena))
        return NULL;
    return aq_arena_format(arena,
                           "its secrets cannot be read: the key of epoch %s is not in the keyring; load the backup of "
                           "the keyring, or create another version",
                           label->wrap.epoch);
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

static const char *both(const char *one, const char *other, struct aq_arena *arena)
{
    return one == NULL ? other : other == NULL ? one : aq_arena_format(arena, "%s; %s", one, other);
}

static const char *remark_node(struct state_txn *txn, const struct aq_application *application, enum wish wish,
                               uint64_t now_ms, struct aq_arena *arena)
{
    struct aq_node node;
    if (wish == WISH_NOTHING || (wish != WISH_END && !counter_has_lost(txn, COUNTER_LOST_NODES)))
        return NULL;
    if (counter_has_lost(txn, COUNTER_LOST_NODES) && state_node(txn, application->node, &node, arena) &&
        node.status == AQ_NODE_LOST)
        return remark_lost(&node, wish, arena);
    if (wish != WISH_END)
        return NULL;
    const char *task = remark_task(txn, application, arena);
    return task != NULL ? task : remark_slow(application, now_ms, arena);
}

static const char *remark_application(struct state_txn *txn, const struct aq_application *application, uint64_t now_ms,
                                      struct aq_arena *arena)
{
    const enum wish wish = wish_of((enum aq_application_status)application->status, application->resource);
    return both(remark_node(txn, application, wish, now_ms, arena), remark_secrets(txn, application, wish, arena),
                arena);
}

bool remark_row(struct state_txn *txn, const struct aq_entity *entity, void *object, uint64_t now_ms,
                struct aq_arena *arena)
{
    const char *remark = entity == &aq_entity_application ? remark_application(txn, object, now_ms, arena)
                         : entity == &aq_entity_label     ? remark_label(txn, object, arena)
                                                          : NULL;
    if (remark == NULL)
        return false;
    const char **text = AQ_AT(object, remark_field(entity));
    *text = both((*text)[0] != '\0' ? *text : NULL, remark, arena);
    return true;
}

const struct aq_field *remark_field(const struct aq_entity *entity)
{
    return entity == &aq_entity_application ? aq_record_field(entity->record, "description")
           : entity == &aq_entity_label     ? aq_record_field(entity->record, "remark")
                                            : NULL;
}

static uint64_t bits(const struct aq_entity *entity, const char *const *names)
{
    uint64_t bits = 0;
    for (; *names != NULL; names++)
        bits |= AQ_FIELD_BIT(entity->record, aq_record_field(entity->record, *names));
    return bits;
}

uint64_t remark_fields(const struct aq_entity *entity)
{
    static const char *const of_application[] = {"id",          "status",   "resource", "node", "changed_at",
                                                 "description", "label_id", "wrap",     NULL};
    static const char *const of_label[] = {"remark", "wrap", NULL};
    return entity == &aq_entity_application ? bits(entity, of_application)
           : entity == &aq_entity_label     ? bits(entity, of_label)
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

/* Most rows of the entity have none now. */
static bool may_have(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row)
{
    enum aq_application_status status;
    if (entity == &aq_entity_label)
        return counter_has_lost(txn, COUNTER_LOST_EPOCHS);
    if (entity != &aq_entity_application || !read_status(row, &status))
        return false;
    const enum wish wish = wish_of(status, 1); /* at most */
    return wish == WISH_END || (wish != WISH_NOTHING && (counter_has_lost(txn, COUNTER_LOST_NODES) ||
                                                         counter_has_lost(txn, COUNTER_LOST_EPOCHS)));
}

const void *remark_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                          uint64_t now_ms, struct aq_arena *arena)
{
    if (!may_have(txn, entity, row))
        return NULL;
    void *whole = aq_arena_alloc(arena, entity->record->size);
    return state_unpack(txn, entity, row, AQ_ALL_FIELDS, whole, arena) && remark_row(txn, entity, whole, now_ms, arena)
               ? whole
               : NULL;
}
