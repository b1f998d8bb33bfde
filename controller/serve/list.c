/* Lists of rows, paged by key. Work and size of one answer are bounded: what did not fit comes with the next, which
 * begins behind "next". */
#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/service.h"
#include "controller/serve/steps.h"
#include "controller/state/indexes.h"
#include "schema/application.h"
#include "schema/json.h"

#include <string.h>

struct walk {
    struct request *request;
    struct state_txn *txn;
    const struct aq_entity *entity;
    struct list_bounds bounds;
    struct filter filter;
    uint64_t taken, scanned;
    struct aq_buffer last; /* key of the row looked at last, as JSON */
    bool more;             /* there are rows behind it */
    struct aq_arena arena; /* one row */
};

static bool take_row(struct walk *walk, const void *row)
{
    struct aq_buffer *out = &walk->request->out;
    if (walk->taken == walk->bounds.limit || walk->scanned == LIST_SCAN_MAX || out->length > LIST_BYTES_MAX ||
        filter_is_spent(&walk->filter)) {
        walk->more = true;
        return false;
    }
    walk->scanned++;
    aq_buffer_reset(&walk->last);
    aq_field_to_json(aq_entity_key(walk->entity), row, &walk->last);
    if (!request_may_see(walk->request, walk->entity, row) || !filter_matches(&walk->filter, row))
        return true;
    if (walk->taken++ > 0)
        aq_buffer_char(out, ',');
    read_render(walk->request, walk->entity, row);
    return true;
}

static bool scanned_row(void *context, const struct state_key *key, const void *row)
{
    (void)key;
    return take_row(context, row);
}

/* ---- the caller's own, by the index ----------------------------------------------------------------------- */

static bool owned_row(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct walk *walk = context;
    (void)value;
    (void)length;
    struct state_key id = state_key_number(index_number_at(key, key->length - sizeof(uint64_t)));
    aq_arena_reset(&walk->arena);
    void *row = aq_arena_alloc(&walk->arena, walk->entity->record->size);
    if (!state_find(walk->txn, walk->entity, &id, row, &walk->arena))
        return true;
    return take_row(walk, row);
}

/* `after` is a key of the entity, a number. */
static void scan_owned(struct walk *walk, const struct state_key *after)
{
    struct state_key prefix = {0}, behind;
    index_key_text(&prefix, walk->request->user.name);
    if (after != NULL) {
        behind = prefix;
        index_key_number(&behind, index_number_at(after, 0));
    }
    index_scan_after(walk->txn, INDEX_OWNED, &prefix, after != NULL ? &behind : NULL, owned_row, walk);
}

static int scan(struct walk *walk, struct aq_error *error)
{
    struct state_key key, *after = NULL;
    if (walk->bounds.after != NULL) {
        if (state_key_from_text(walk->entity, walk->bounds.after, &key, error))
            return aq_error_context(error, "after");
        after = &key;
    }
    bool owned = walk->entity->record == &aq_application_record && !request_is_admin(walk->request);
    if (walk->bounds.reverse)
        state_scan_back(walk->txn, walk->entity, after, scanned_row, walk);
    else if (owned)
        scan_owned(walk, after);
    else
        state_scan(walk->txn, walk->entity, after, scanned_row, walk);
    return state_failed(walk->txn, error) ? -1 : 0;
}

static int fill(struct walk *walk, struct aq_error *error)
{
    struct request *request = walk->request;
    if (list_bounds_take(&walk->bounds, &request->query, error))
        return -1;
    if (filter_take(&walk->filter, walk->entity->record, &request->query, error) || query_end(&request->query, error))
        return -1;
    answer_open(request, "Cluster %s list", walk->entity->plural);
    aq_buffer_char(&request->out, '[');
    if (scan(walk, error))
        return -1;
    aq_buffer_char(&request->out, ']');
    answer_member(request, "next");
    aq_buffer_text(&request->out, walk->more ? aq_buffer_string(&walk->last) : "null");
    return 0;
}

enum outcome list_rows(struct request *request)
{
    struct walk walk = {.request = request, .entity = request->entity};
    if (state_read(request->serve->options.state, &walk.txn, &request->error))
        return answer_error(request);
    uint64_t seq = state_seq(walk.txn);
    int status = fill(&walk, &request->error);
    state_end(walk.txn);
    filter_free(&walk.filter);
    aq_buffer_free(&walk.last);
    aq_arena_free(&walk.arena);
    return status == 0 ? answer_close(request, seq) : answer_error(request);
}
