/* Lists of rows, in pages ordered by key. The work for one page and its size are limited. "next" in the answer is the
 * value of ?after= for the next page. */
#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/remarks.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/project.h"

#include <stdlib.h>
#include <string.h>

enum { PASSED_MAX = 20000 }; /* for one answer: some ms */

struct walk {
    struct request *request;
    struct state_txn *txn;
    const struct aq_entity *entity;
    struct list_bounds bounds;
    struct filter filter;
    bool all;          /* the caller may see every row */
    uint64_t wanted;   /* the fields that decide whether a row is shown, as bits */
    uint64_t remarked; /* those that a remark depends on, if that decides; 0: it does not */
    uint64_t taken, scanned;
    const char *project;   /* whose rows alone match, and all of whose rows the caller may see; NULL: there is none */
    uint64_t passed;       /* rows of an index whose rows were not read */
    uint64_t passed_at;    /* the last of them; that is where the next page begins, if they are too many */
    uint64_t older;        /* rows up to this number were created too early to match; 0: not known */
    struct state_key last; /* of the last row that was read, from the table: that in a damaged row could lead back */
    bool more;             /* there are rows after it */
    struct aq_arena arena; /* for one row */
};

/* The row with the fields of `wanted`, valid until the next call. NULL: the row is damaged. */
static const void *unpack_fields(struct walk *walk, const struct state_packed *row, uint64_t wanted)
{
    aq_arena_reset(&walk->arena);
    void *object = aq_arena_alloc(&walk->arena, walk->entity->record->size);
    if (!state_unpack(walk->txn, walk->entity, row, wanted | walk->remarked, object, &walk->arena))
        return NULL;
    if (walk->remarked != 0)
        (void)remark_row(walk->txn, walk->entity, object, walk->request->now.wall_ms, &walk->arena);
    return object;
}

/* Of an entity whose keys are numbers. */
static uint64_t row_number(const struct state_packed *row)
{
    struct state_key key = {.length = row->key_length};
    memcpy(key.bytes, row->key, row->key_length);
    return state_key_number_at(&key, 0);
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
    if (walk->older != 0 && row_number(row) <= walk->older)
        return !walk->bounds.reverse;
    walk->scanned++;
    walk->last.length = row->key_length;
    memcpy(walk->last.bytes, row->key, row->key_length);
    if (!walk->all || walk->wanted != 0) {
        const void *fields = unpack_fields(walk, row, walk->wanted);
        if (fields == NULL)
            return false;
        if ((!walk->all && !request_may_see(walk->request, walk->entity, fields)) ||
            !filter_matches(&walk->filter, fields))
            return true;
    }
    if (walk->taken++ > 0)
        aq_buffer_char(out, ',');
    return row_show(walk->request, walk->txn, walk->entity, row);
}

/* ---- by an index ----------------------------------------------------------------------------------------------- */

static bool take_key(struct walk *walk, const struct state_key *key)
{
    struct state_packed row;
    return !state_find_packed(walk->txn, walk->entity, key, &row) || take_row(walk, &row);
}

static bool take_number(struct walk *walk, uint64_t number)
{
    const struct state_key key = state_key_number(number);
    return take_key(walk, &key);
}

/* Rows that the caller may see: its own, and those of projects where it may see all. */
static bool take_visible(void *context, const struct state_key *key, unsigned sources)
{
    (void)sources;
    return take_key(context, key);
}

static void scan_visible(struct walk *walk, const struct state_key *from)
{
    const struct visible visible = request_visible(walk->request, walk->txn, walk->entity);
    visible_scan(&visible, from, walk->bounds.reverse, take_visible, walk);
}

/* An index whose keys are `prefix` and the number. `from` is a key of the entity; NULL: from the beginning. */
static void scan_index(struct walk *walk, enum state_index index, const struct state_key *prefix,
                       const struct state_key *from, index_row_fn *row, void *context)
{
    struct state_key key = *prefix;
    if (from != NULL)
        state_key_add_number(&key, state_key_number_at(from, 0));
    (walk->bounds.reverse ? index_scan_back : index_scan_after)(walk->txn, index, prefix, from ? &key : NULL, row,
                                                                context);
}

static bool take_indexed(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value;
    (void)length;
    return take_number(context, state_key_number_at(key, key->length - sizeof(uint64_t)));
}

static void scan_project(struct walk *walk, const struct state_key *from)
{
    const struct state_key prefix = index_project_prefix(walk->project);
    scan_index(walk, index_of_project(walk->entity), &prefix, from, take_indexed, walk);
}

/* Applications that are not over. */
static bool take_open(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value;
    (void)length;
    return take_number(context, state_key_number_at(key, 0));
}

/* Those of them that the caller may see. */
struct visible_open {
    struct walk *walk;
    index_row_fn *row;
    void *context;
    uint64_t left; /* that were not found yet: each counts for each right that reaches it */
};

static uint64_t count_open(const struct visible *visible)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_caller *caller = visible->caller;
    uint64_t open = counter_open_of_user(visible->txn, caller->number);
    for (uint32_t i = 0; i < caller->grant_count; i++) {
        struct aq_project project;
        if (visible_in(visible, caller->grants[i].project) == AQ_SCOPE_ALL &&
            state_project(visible->txn, caller->grants[i].project, &project, &arena))
            open += project.open;
    }
    return open;
}

static bool note_visible(void *context, const struct state_key *key, unsigned sources)
{
    struct visible_open *open = context;
    struct walk *walk = open->walk;
    const void *value;
    size_t length;
    if (open->left == 0)
        return false;
    if (index_get(walk->txn, INDEX_OPEN, key, &value, &length)) {
        open->left -= sources < open->left ? sources : open->left;
        return open->row(open->context, key, value, length);
    }
    walk->passed_at = state_key_number_at(key, 0);
    return ++walk->passed < PASSED_MAX;
}

static bool note_of_project(void *context, const struct state_key *key, const void *value, size_t length)
{
    const struct state_key number = state_key_number(state_key_number_at(key, key->length - sizeof(uint64_t)));
    (void)value;
    (void)length;
    return note_visible(context, &number, 1);
}

/* False: it is better to look at all that are open, since they are fewer than the project has, finished ones included.
 */
static bool scan_project_open(struct walk *walk, const struct state_key *from, index_row_fn *row, void *context)
{
    struct visible_open open = {walk, row, context, 0};
    const struct state_key prefix = index_project_prefix(walk->project);
    struct aq_project project;
    if (!state_project(walk->txn, walk->project, &project, &walk->request->arena))
        return true; /* nothing belongs to it */
    if (walk->all && index_count(walk->txn, INDEX_OPEN) <= project.known)
        return false;
    open.left = project.open;
    scan_index(walk, INDEX_APPLICATION_PROJECT, &prefix, from, note_of_project, &open);
    return true;
}

static void scan_open(struct walk *walk, const struct state_key *from, index_row_fn *row, void *context)
{
    const struct state_key all = {0};
    if (walk->project != NULL && scan_project_open(walk, from, row, context))
        return;
    if (!walk->all) {
        const struct visible visible = request_visible(walk->request, walk->txn, walk->entity);
        struct visible_open open = {walk, row, context, count_open(&visible)};
        visible_scan(&visible, from, walk->bounds.reverse, note_visible, &open);
        return;
    }
    (walk->bounds.reverse ? index_scan_back : index_scan_after)(walk->txn, INDEX_OPEN, &all, from, row, context);
}

/* The page ends where it has passed too many rows, unless it is full already. */
static void stop_passing(struct walk *walk)
{
    if (walk->passed < PASSED_MAX || walk->more)
        return;
    walk->last = state_key_number(walk->passed_at);
    walk->more = true;
}

/* ---- what changed lately: open applications, and those that ended since ---------------------------------------- */

/* With more of them, a scan of the table finds them soon enough. A caller who sees some rows only may see few of them.
 */
enum { RECENT_MAX = 20000, RECENT_OF_USER_MAX = 2000 };

struct recent {
    struct walk *walk;
    uint64_t *ended; /* their numbers, in the order of the list */
    size_t count, next;
    bool stopped; /* the page is full */
};

static bool note_ended(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct recent *recent = context;
    (void)value;
    (void)length;
    if (recent->count == (recent->walk->all ? RECENT_MAX : RECENT_OF_USER_MAX))
        return !(recent->stopped = true);
    recent->ended[recent->count++] = state_key_number_at(key, sizeof(uint64_t));
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

static int by_number_back(const void *a, const void *b)
{
    return by_number(b, a);
}

static bool comes_before(const struct recent *recent, uint64_t number, uint64_t other)
{
    return recent->walk->bounds.reverse ? number > other : number < other;
}

/* Those that ended and come before `number` in the list. */
static bool take_ended(struct recent *recent, uint64_t number)
{
    while (!recent->stopped && recent->next < recent->count &&
           comes_before(recent, recent->ended[recent->next], number))
        recent->stopped = !take_number(recent->walk, recent->ended[recent->next++]);
    return !recent->stopped;
}

static bool take_recent(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct recent *recent = context;
    recent->stopped = !take_ended(recent, state_key_number_at(key, 0)) || !take_open(recent->walk, key, value, length);
    return !recent->stopped;
}

/* False: too many ended since. */
static bool scan_recent(struct walk *walk, uint64_t since_ms, const struct state_key *from)
{
    struct recent recent = {.walk = walk};
    const struct state_key all = {0};
    struct state_key since = state_key_number(since_ms - 1);
    state_key_add_number(&since, UINT64_MAX);
    recent.ended = aq_arena_alloc(&walk->request->arena, RECENT_MAX * sizeof *recent.ended);
    index_scan_after(walk->txn, INDEX_OVER, &all, &since, note_ended, &recent);
    if (recent.stopped)
        return false;
    qsort(recent.ended, recent.count, sizeof *recent.ended, walk->bounds.reverse ? by_number_back : by_number);
    while (from != NULL && recent.next < recent.count &&
           !comes_before(&recent, state_key_number_at(from, 0), recent.ended[recent.next]))
        recent.next++;
    scan_open(walk, from, take_recent, &recent);
    if (walk->passed == PASSED_MAX) /* what was passed may be among those that ended */
        take_ended(&recent, walk->bounds.reverse ? walk->passed_at - 1 : walk->passed_at + 1);
    else
        take_ended(&recent, walk->bounds.reverse ? 0 : UINT64_MAX);
    stop_passing(walk);
    return true;
}

/* ---- what was created lately ------------------------------------------------------------------------------------ */

/* The first row from a number on. */
struct probe {
    struct walk *walk;
    const struct aq_field *created;
    uint64_t number; /* 0: there is none */
    uint64_t created_ms;
};

static bool note_first(void *context, const struct state_packed *row)
{
    struct probe *probe = context;
    struct walk *walk = probe->walk;
    const struct aq_record *record = walk->entity->record;
    const struct aq_field *key = aq_entity_key(walk->entity);
    const void *fields = unpack_fields(walk, row, AQ_FIELD_BIT(record, key) | AQ_FIELD_BIT(record, probe->created));
    if (fields != NULL) {
        probe->number = aq_field_number(key, fields);
        probe->created_ms = aq_field_number(probe->created, fields);
    }
    return false;
}

/* The number before that of the first row that was created at `since_ms` or later: numbers grow with the time of the
 * log, so that bisection finds it. */
static uint64_t last_before(struct walk *walk, const struct aq_field *created, uint64_t since_ms)
{
    uint64_t low = 0, beyond = counter_last_id(walk->txn, walk->entity) + 1;
    while (low + 1 < beyond) {
        uint64_t middle = low + (beyond - low) / 2;
        struct probe probe = {.walk = walk, .created = created};
        struct state_key before = state_key_number(middle - 1);
        state_scan_packed(walk->txn, walk->entity, &before, false, note_first, &probe);
        if (probe.number == 0 || probe.created_ms >= since_ms)
            beyond = middle;
        else
            low = probe.number;
    }
    return low;
}

/* Narrows the list to what was created since; `from` as in scan_rows(). */
static void skip_older(struct walk *walk, struct state_key **from, struct state_key *key)
{
    const struct aq_field *created = aq_record_field(walk->entity->record, "created_at");
    uint64_t since_ms = filter_since(&walk->filter, "created_at");
    if (since_ms == 0 || created == NULL || aq_entity_is_named(walk->entity))
        return;
    walk->older = last_before(walk, created, since_ms);
    if (walk->bounds.reverse || (*from != NULL && state_key_number_at(*from, 0) >= walk->older))
        return;
    *key = state_key_number(walk->older);
    *from = key;
}

/* ---- all ------------------------------------------------------------------------------------------------------- */

/* Does the filter leave only applications that are not over? */
static bool takes_only_open(const struct walk *walk)
{
    const struct aq_field *status = aq_record_field(walk->entity->record, "status");
    for (uint32_t i = 0; i < status->words->count; i++)
        if (aq_application_is_over((enum aq_application_status)i) && filter_takes_word(&walk->filter, status, i))
            return false;
    return true;
}

/* The fewest rows that hold all that match. `from` is the key to continue after; NULL: from the beginning. */
static void scan_applications(struct walk *walk, const struct state_key *from)
{
    uint64_t since_ms = filter_since(&walk->filter, "changed_at");
    if (takes_only_open(walk)) {
        scan_open(walk, from, take_open, walk);
        stop_passing(walk);
        return;
    }
    if (since_ms != 0 && scan_recent(walk, since_ms, from))
        return;
    if (walk->project != NULL)
        scan_project(walk, from);
    else if (!walk->all)
        scan_visible(walk, from);
    else
        state_scan_packed(walk->txn, walk->entity, from, walk->bounds.reverse, take_row, walk);
}

/* The filter may name one project. Of rows that belong to all projects, none has its name. */
static void take_project(struct walk *walk)
{
    const struct aq_entity *entity = walk->entity;
    if (entity->project == NULL || aq_access_rows_are_projects(entity))
        return;
    const struct visible visible = request_visible(walk->request, walk->txn, entity);
    const char *name = filter_only(&walk->filter, aq_record_field(entity->record, entity->project));
    if (name != NULL && name[0] != '\0' && strlen(name) <= AQ_NAME_MAX && visible_in(&visible, name) == AQ_SCOPE_ALL)
        walk->project = name;
}

static int scan_rows(struct walk *walk, struct aq_error *error)
{
    struct state_key key, *from = NULL;
    if (walk->bounds.after != NULL) {
        if (state_key_from_text(walk->entity, walk->bounds.after, &key, error) != 0)
            return aq_error_context(error, "after");
        from = &key;
    }
    skip_older(walk, &from, &key);
    take_project(walk);
    if (walk->entity == &aq_entity_application)
        scan_applications(walk, from);
    else if (walk->project != NULL)
        scan_project(walk, from);
    else if (!walk->all && visible_is_indexed(walk->entity))
        scan_visible(walk, from);
    else if (walk->all)
        state_scan_packed(walk->txn, walk->entity, from, walk->bounds.reverse, take_row, walk);
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
    const struct aq_field *field = remark_field(walk->entity);
    uint64_t filtered = filter_fields(&walk->filter, record);
    walk->all = request_sees_all(walk->request, walk->entity);
    walk->wanted = request_visibility_fields(walk->request, walk->entity) | filtered;
    if (field != NULL && (filtered & AQ_FIELD_BIT(record, field)) != 0)
        walk->remarked = remark_fields(walk->entity);
}

static int fill_page(struct walk *walk, struct aq_error *error)
{
    struct request *request = walk->request;
    if (list_bounds_take(&walk->bounds, &request->query, error) != 0)
        return -1;
    if (filter_take(&walk->filter, walk->entity->record, &request->query, request_time_ms(request), error) != 0 ||
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
