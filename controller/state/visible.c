#include "controller/state/visible.h"

#include "controller/state/indexes.h"

#include <string.h>

/* ---- scopes --------------------------------------------------------------------------------------------- */

static enum aq_scope least(enum aq_scope one, enum aq_scope other)
{
    return one < other ? one : other;
}

enum aq_scope visible_in(const struct visible *visible, const char *project)
{
    const enum aq_scope scope = aq_access_scope(visible->caller, visible->permission, project);
    if (visible->other == NULL)
        return scope;
    return least(scope, aq_access_scope(visible->caller, visible->other, project));
}

enum aq_scope visible_everywhere(const struct visible *visible)
{
    const struct aq_rights *rights = &visible->caller->rights;
    const enum aq_scope scope = aq_rights_scope(rights, visible->permission);
    return visible->other == NULL ? scope : least(scope, aq_rights_scope(rights, visible->other));
}

enum aq_scope visible_somewhere(const struct visible *visible)
{
    enum aq_scope most = visible_everywhere(visible);
    for (uint32_t i = 0; i < visible->caller->grant_count; i++) {
        const enum aq_scope there = visible_in(visible, visible->caller->grants[i].project);
        most = there > most ? there : most;
    }
    return most;
}

bool visible_row(const struct visible *visible, const void *row)
{
    return aq_access_allows_row(visible->caller, visible->permission, row) &&
           (visible->other == NULL || aq_access_allows_row(visible->caller, visible->other, row));
}

/* ---- sources: each gives numbers in order ---------------------------------------------------------------- */

enum {
    SOURCES_MAX = 66, /* the projects of a user, rows of all projects, and its own */
    READ_AT_ONCE = 32 /* numbers */
};

struct source {
    enum state_index index;
    struct state_key prefix;
    uint64_t numbers[READ_AT_ONCE]; /* that come next */
    unsigned at, count;
};

struct merge {
    const struct visible *visible;
    bool back;
    struct source sources[SOURCES_MAX];
    unsigned count;
};

static bool note_number(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct source *source = context;
    (void)value;
    (void)length;
    source->numbers[source->count++] = state_key_number_at(key, source->prefix.length);
    return source->count < READ_AT_ONCE;
}

/* From after the number, or before it if the order is that; NULL: from the beginning. */
static void read_numbers(const struct merge *merge, struct source *source, const uint64_t *number)
{
    struct state_key from = source->prefix;
    if (number != NULL)
        state_key_add_number(&from, *number);
    source->at = source->count = 0;
    (merge->back ? index_scan_back : index_scan_after)(merge->visible->txn, source->index, &source->prefix,
                                                       number != NULL ? &from : NULL, note_number, source);
}

/* The number that comes next; 0: there is none. */
static uint64_t next_of(const struct source *source)
{
    return source->at < source->count ? source->numbers[source->at] : 0;
}

static void go_on(const struct merge *merge, struct source *source)
{
    const uint64_t last = source->numbers[source->at++];
    if (source->at == READ_AT_ONCE)
        read_numbers(merge, source, &last);
}

static void add_source(struct merge *merge, enum state_index index, const struct state_key *prefix,
                       const uint64_t *from)
{
    aq_assert(merge->count < SOURCES_MAX);
    struct source *source = &merge->sources[merge->count];
    source->index = index;
    source->prefix = *prefix;
    read_numbers(merge, source, from);
    if (source->count > 0)
        merge->count++;
}

static void add_project(struct merge *merge, const char *project, const uint64_t *from)
{
    const struct state_key prefix = index_project_prefix(project);
    if (visible_in(merge->visible, project) != AQ_SCOPE_ALL)
        return;
    add_source(merge, index_of_project(merge->visible->entity), &prefix, from);
}

static void open_sources(struct merge *merge, const uint64_t *from)
{
    const struct aq_caller *caller = merge->visible->caller;
    const struct aq_entity *entity = merge->visible->entity;
    if (entity->indexed_by_owner && visible_somewhere(merge->visible) != AQ_SCOPE_NONE) {
        const struct state_key own = state_key_number(caller->number);
        add_source(merge, index_of_owner(entity), &own, from);
    }
    if (entity->project == NULL || caller->grant_count == 0)
        return;
    add_project(merge, "", from);
    for (uint32_t i = 0; i < caller->grant_count; i++)
        add_project(merge, caller->grants[i].project, from);
}

static uint64_t first_of(const struct merge *merge, unsigned *sources)
{
    uint64_t first = 0;
    *sources = 0;
    for (unsigned i = 0; i < merge->count; i++) {
        const uint64_t next = next_of(&merge->sources[i]);
        if (next == 0 || (first != 0 && (merge->back ? next < first : next > first)))
            continue;
        *sources = next == first ? *sources + 1 : 1;
        first = next;
    }
    return first;
}

static void scan_numbers(const struct visible *visible, const struct state_key *from, bool back, visible_fn *row,
                         void *context)
{
    const uint64_t start = from != NULL ? state_key_number_at(from, 0) : 0;
    struct merge merge;
    unsigned sources;
    uint64_t number;
    merge.visible = visible;
    merge.back = back;
    merge.count = 0;
    open_sources(&merge, from != NULL ? &start : NULL);
    while ((number = first_of(&merge, &sources)) != 0) {
        const struct state_key key = state_key_number(number);
        if (!row(context, &key, sources))
            return;
        for (unsigned i = 0; i < merge.count; i++)
            if (next_of(&merge.sources[i]) == number)
                go_on(&merge, &merge.sources[i]);
    }
}

/* ---- rows with names ------------------------------------------------------------------------------------- */

/* Does the name come after `from`, or before it if `back`? */
static bool comes_next(const char *name, const struct state_key *from, bool back)
{
    const struct state_key key = state_key_name(name);
    if (from == NULL)
        return true;
    const size_t shorter = key.length < from->length ? key.length : from->length;
    int order = memcmp(key.bytes, from->bytes, shorter);
    order = order != 0 ? order : (key.length > from->length) - (key.length < from->length);
    return back ? order < 0 : order > 0;
}

/* The names are those of the grants, in order. */
static void scan_projects(const struct visible *visible, const struct state_key *from, bool back, visible_fn *row,
                          void *context)
{
    const struct aq_caller *caller = visible->caller;
    for (uint32_t i = 0; i < caller->grant_count; i++) {
        const char *name = caller->grants[back ? caller->grant_count - 1 - i : i].project;
        const struct state_key key = state_key_name(name);
        if (visible_in(visible, name) == AQ_SCOPE_ALL && comes_next(name, from, back) && !row(context, &key, 1))
            return;
    }
}

/* A user owns one row of the users: its own. */
static void scan_own_row(const struct visible *visible, const struct state_key *from, bool back, visible_fn *row,
                         void *context)
{
    const struct state_key key = state_key_name(visible->caller->name);
    if (visible_somewhere(visible) != AQ_SCOPE_NONE && comes_next(visible->caller->name, from, back))
        (void)row(context, &key, 1);
}

void visible_scan(const struct visible *visible, const struct state_key *from, bool back, visible_fn *row,
                  void *context)
{
    aq_assert(visible_is_indexed(visible->entity));
    if (aq_access_owns_one_row(visible->entity))
        scan_own_row(visible, from, back, row, context);
    else if (aq_access_rows_are_projects(visible->entity))
        scan_projects(visible, from, back, row, context);
    else
        scan_numbers(visible, from, back, row, context);
}

bool visible_is_indexed(const struct aq_entity *entity)
{
    return entity->indexed_by_owner || entity->project != NULL || aq_access_owns_one_row(entity);
}
