/* Lists of rows, in pages ordered by key. The work for one page and its size are limited. "next" in the answer is the
 * value of ?after= for the next page. */
#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/indexes.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/key.h"

#include <string.h>

struct walk {
    struct request *request;
    struct state_txn *txn;
    const struct aq_entity *entity;
    struct list_bounds bounds;
    struct filter filter;
    uint64_t wanted; /* the fields that decide whether a row is shown, as bits */
    uint64_t taken, scanned;
    struct state_key last; /* of the last row that was read, from the table: that in a damaged row could lead back */
    bool more;             /* there are rows after it */
    struct aq_arena arena; /* for one row */
};

/* The row with the fields of `wanted`, valid until the next call. NULL: the row is damaged. */
static const void *unpack_fields(struct walk *walk, const struct state_packed *row, uint64_t wanted)
{
    aq_arena_reset(&walk->arena);
    void *object = aq_arena_alloc(&walk->arena, walk->entity->record->size);
    return state_unpack(walk->txn, walk->entity, row, wanted, object, &walk->arena) ? object : NULL;
}

static bool take_row(void *context, const struct state_packed *row)
{
    struct walk *walk = context;
    struct aq_buffer *out = &walk->request->out;
    if (walk->taken == walk->bounds.limit || walk->scanned == LIST_SCAN_MAX || out->length > LIST_BYTES_MAX ||
        filter_is_spent(&walk->filter)) {
        walk->more = true;
        return false;
    }
    walk->scanned++;
    walk->last.length = row->key_length;
    memcpy(walk->last.bytes, row->key, row->key_length);
    if (walk->wanted != 0) {
        const void *fields = unpack_fields(walk, row, walk->wanted);
        if (fields == NULL)
            return false;
        if (!request_may_see(walk->request, walk->entity, fields) || !filter_matches(&walk->filter, fields))
            return true;
    }
    if (walk->taken++ > 0)
        aq_buffer_char(out, ',');
    return row_show(walk->request, walk->txn, walk->entity, row);
}

/* ---- the caller's own rows, by the index ----------------------------------------------------------------------- */

static bool take_owned_row(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct walk *walk = context;
    struct state_packed row;
    (void)value;
    (void)length;
    struct state_key id = state_key_number(state_key_number_at(key, key->length - sizeof(uint64_t)));
    return !state_find_packed(walk->txn, walk->entity, &id, &row) || take_row(walk, &row);
}

/* `after` is a key of the entity, which is a number; NULL: from the beginning. */
static void scan_owned(struct walk *walk, const struct state_key *after)
{
    struct state_key prefix = {0}, behind;
    state_key_add_text(&prefix, walk->request->user.name);
    if (after != NULL) {
        behind = prefix;
        state_key_add_number(&behind, state_key_number_at(after, 0));
    }
    index_scan_after(walk->txn, INDEX_OWNED, &prefix, after != NULL ? &behind : NULL, take_owned_row, walk);
}

/* A user owns one row of the users: their own. Scanning for it would reveal others in "next". */
static void take_own_row(struct walk *walk)
{
    struct state_packed row;
    const char *name = walk->request->user.name, *after = walk->bounds.after;
    struct state_key own = state_key_name(name);
    bool is_after = after == NULL || (walk->bounds.reverse ? strcmp(name, after) < 0 : strcmp(name, after) > 0);
    if (is_after && state_find_packed(walk->txn, walk->entity, &own, &row))
        (void)take_row(walk, &row);
}

static int scan_rows(struct walk *walk, struct aq_error *error)
{
    struct state_key key, *after = NULL;
    if (walk->bounds.after != NULL) {
        if (state_key_from_text(walk->entity, walk->bounds.after, &key, error) != 0)
            return aq_error_context(error, "after");
        after = &key;
    }
    const struct aq_record *record = walk->entity->record;
    bool owned = walk->entity->indexed_by_owner && !request_is_admin(walk->request);
    if (request_visibility_fields(walk->request, walk->entity) == AQ_FIELD_BIT(record, aq_entity_key(walk->entity)))
        take_own_row(walk);
    else if (owned && !walk->bounds.reverse)
        scan_owned(walk, after);
    else
        state_scan_packed(walk->txn, walk->entity, after, walk->bounds.reverse, take_row, walk);
    return state_failed(walk->txn, error) ? -1 : 0;
}

/* The key of the last row that was read, or null if this is the last page. */
static void add_next(struct walk *walk)
{
    struct aq_buffer *out = &walk->request->out;
    char key[STATE_KEY_MAX + 1] = "null";
    answer_member(walk->request, "next");
    if (walk->more)
        state_key_show(walk->entity, &walk->last, key, sizeof key);
    if (walk->more && aq_entity_is_named(walk->entity))
        aq_json_string(key, strlen(key), out);
    else
        aq_buffer_text(out, key);
}

static void choose_fields(struct walk *walk)
{
    const struct aq_record *record = walk->entity->record;
    walk->wanted = request_visibility_fields(walk->request, walk->entity);
    for (unsigned i = 0; i < walk->filter.count; i++)
        walk->wanted |= AQ_FIELD_BIT(record, walk->filter.fields[i]);
}

static int fill_page(struct walk *walk, struct aq_error *error)
{
    struct request *request = walk->request;
    if (list_bounds_take(&walk->bounds, &request->query, error) != 0)
        return -1;
    if (filter_take(&walk->filter, walk->entity->record, &request->query, error) != 0 ||
        query_end(&request->query, error) != 0)
        return -1;
    choose_fields(walk);
    answer_open(request, "Cluster %s list", walk->entity->plural);
    aq_buffer_char(&request->out, '[');
    if (scan_rows(walk, error) != 0)
        return -1;
    aq_buffer_char(&request->out, ']');
    add_next(walk);
    return 0;
}

enum outcome list_rows(struct request *request)
{
    struct walk walk = {.request = request, .entity = request->entity};
    if (request_read(request, &walk.txn) != 0)
        return answer_error(request);
    int status = fill_page(&walk, &request->error);
    state_end(walk.txn);
    filter_free(&walk.filter);
    aq_arena_free(&walk.arena);
    return status == 0 ? answer_close(request) : answer_error(request);
}
