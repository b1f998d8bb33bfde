#include "controller/place/index.h"

#include "controller/place/opinion.h"
#include "schema/base/search.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT_MAX = 1024 };

/* A list of projects, freed with the last description that has it. */
struct serves {
    struct place_serves shown;
    unsigned users;
    struct aq_arena arena;
};

/* What rarely changes of a node. Shared by its row and by those kept for undo; freed with the last of them. */
struct description {
    unsigned users;
    struct aq_arena arena;
    struct aq_node node;
    struct serves *serves; /* NULL: all projects */
};

struct row {
    uint64_t number;
    struct aq_amounts free;
    bool active, maintenance;
    struct description *description;
};

/* A row before a change. */
struct undo {
    enum { UNDO_ADDED, UNDO_CHANGED, UNDO_REMOVED } what;
    struct row row;
};

struct place_index {
    size_t count, capacity;
    uint64_t *number, *cpu, *ram, *disk, *slots;
    bool *active, *maintenance;
    struct description **descriptions;
    const struct place_serves **serving; /* of the descriptions */
    struct serves **serves;              /* all lists that descriptions have */
    size_t n_serves, serves_capacity;
    struct undo *undo;
    size_t n_undo, undo_capacity;
    uint64_t shape, changed, described;
    uint32_t recent[RECENT_MAX]; /* rows of the latest changes; a ring */
    struct opinions *opinions;
};

struct place_index *place_index_new(void)
{
    struct place_index *index = aq_calloc(1, sizeof *index);
    index->opinions = opinions_new();
    return index;
}

/* ---- which projects nodes serve ----------------------------------------------------------------------- */

static struct serves *make_serves(const struct aq_list *projects)
{
    struct serves *serves = aq_calloc(1, sizeof *serves);
    struct aq_list *list = &serves->shown.projects;
    list->items = aq_arena_alloc(&serves->arena, projects->count * sizeof(char *));
    for (uint32_t i = 0; i < projects->count; i++)
        AQ_TEXT_ITEM(*list, list->count++) =
            aq_arena_text(&serves->arena, AQ_TEXT_ITEM(*projects, i), strlen(AQ_TEXT_ITEM(*projects, i)));
    return serves;
}

/* The list, shared with the nodes that have the same one. NULL: it is empty. */
static struct serves *hold_serves(struct place_index *index, const struct aq_list *projects)
{
    if (projects->count == 0)
        return NULL;
    size_t i = 0;
    while (i < index->n_serves && !aq_texts_equal(&index->serves[i]->shown.projects, projects))
        i++;
    if (i == index->n_serves) {
        AQ_GROW(index->serves, index->n_serves, index->serves_capacity);
        index->serves[index->n_serves++] = make_serves(projects);
    }
    index->serves[i]->users++;
    return index->serves[i];
}

static void release_serves(struct place_index *index, struct serves *serves)
{
    if (serves == NULL || --serves->users > 0)
        return;
    size_t i = 0;
    while (index->serves[i] != serves)
        aq_assert(++i < index->n_serves);
    index->serves[i] = index->serves[--index->n_serves];
    aq_arena_free(&serves->arena);
    free(serves);
}

bool place_serves(const struct place_serves *serves, const char *project)
{
    return serves == NULL || aq_texts_have(&serves->projects, project);
}

const char *place_index_project(const struct place_index *index, const char *project)
{
    for (size_t i = 0; i < index->n_serves; i++)
        if (place_serves(&index->serves[i]->shown, project))
            return project;
    return "";
}

const char *place_index_serving(const struct place_index *index, const char *project)
{
    for (size_t row = 0; row < index->count; row++)
        if (index->serving[row] != NULL && place_serves(index->serving[row], project))
            return place_index_name(index, row);
    return NULL;
}

/* ---- descriptions ------------------------------------------------------------------------------------- */

static void release_description(struct place_index *index, struct description *description)
{
    if (--description->users > 0)
        return;
    release_serves(index, description->serves);
    aq_arena_free(&description->arena);
    free(description);
}

static struct description *describe_node(struct place_index *index, const struct aq_node *node)
{
    struct description *description = aq_calloc(1, sizeof *description);
    aq_record_copy(&aq_node_record, &description->node, node, &description->arena);
    description->users = 1;
    description->serves = hold_serves(index, &node->projects);
    return description;
}

void place_index_free(struct place_index *index)
{
    if (index == NULL)
        return;
    place_index_keep(index);
    for (size_t i = 0; i < index->count; i++)
        release_description(index, index->descriptions[i]);
    free(index->number);
    free(index->cpu);
    free(index->ram);
    free(index->disk);
    free(index->slots);
    free(index->active);
    free(index->maintenance);
    free(index->descriptions);
    free(index->serving);
    free(index->serves);
    free(index->undo);
    opinions_free(index->opinions);
    free(index);
}

/* ---- rows --------------------------------------------------------------------------------------------- */

/* The row of the node `number`, or where it would be inserted. */
static size_t position_of(const struct place_index *index, uint64_t number)
{
    return aq_search_number(index->number, index->count, number);
}

static bool is_at(const struct place_index *index, size_t at, uint64_t number)
{
    return at < index->count && index->number[at] == number;
}

static struct row read_row(const struct place_index *index, size_t at)
{
    return (struct row){
        .number = index->number[at],
        .free = {.cpu = index->cpu[at], .ram = index->ram[at], .disk = index->disk[at], .slots = index->slots[at]},
        .active = index->active[at],
        .maintenance = index->maintenance[at],
        .description = index->descriptions[at],
    };
}

static void write_row(struct place_index *index, size_t at, const struct row *row)
{
    index->number[at] = row->number;
    index->cpu[at] = row->free.cpu;
    index->ram[at] = row->free.ram;
    index->disk[at] = row->free.disk;
    index->slots[at] = row->free.slots;
    index->active[at] = row->active;
    index->maintenance[at] = row->maintenance;
    index->descriptions[at] = row->description;
    index->serving[at] = row->description->serves != NULL ? &row->description->serves->shown : NULL;
    index->recent[index->changed++ % RECENT_MAX] = (uint32_t)at;
}

static void grow_columns(struct place_index *index)
{
    if (index->count < index->capacity)
        return;
    size_t n = index->capacity = index->capacity ? index->capacity * 2 : 64;
    index->number = aq_realloc(index->number, n * sizeof *index->number);
    index->cpu = aq_realloc(index->cpu, n * sizeof *index->cpu);
    index->ram = aq_realloc(index->ram, n * sizeof *index->ram);
    index->disk = aq_realloc(index->disk, n * sizeof *index->disk);
    index->slots = aq_realloc(index->slots, n * sizeof *index->slots);
    index->active = aq_realloc(index->active, n * sizeof *index->active);
    index->maintenance = aq_realloc(index->maintenance, n * sizeof *index->maintenance);
    index->descriptions = aq_realloc(index->descriptions, n * sizeof *index->descriptions);
    index->serving = aq_realloc(index->serving, n * sizeof *index->serving);
}

static void insert_row(struct place_index *index, size_t at, const struct row *row)
{
    grow_columns(index);
    index->shape++;
    index->described++;
    for (size_t i = index->count++; i > at; i--) {
        struct row moved = read_row(index, i - 1);
        write_row(index, i, &moved);
    }
    write_row(index, at, row);
}

static void remove_row(struct place_index *index, size_t at)
{
    index->count--;
    index->shape++;
    index->described++;
    for (size_t i = at; i < index->count; i++) {
        struct row moved = read_row(index, i + 1);
        write_row(index, i, &moved);
    }
}

/* ---- changes ------------------------------------------------------------------------------------------ */

/* Holds the row's description until the undo is removed. */
static void add_undo(struct place_index *index, int what, const struct row *row)
{
    AQ_GROW(index->undo, index->n_undo, index->undo_capacity);
    struct undo *undo = &index->undo[index->n_undo++];
    undo->what = what;
    undo->row = *row;
    row->description->users++;
}

void place_index_set(struct place_index *index, const struct aq_node *node)
{
    struct row row = {node->number, node->free, node->status == AQ_NODE_ACTIVE, node->maintenance,
                      describe_node(index, node)};
    size_t at = position_of(index, node->number);
    if (!is_at(index, at, node->number)) {
        add_undo(index, UNDO_ADDED, &row);
        insert_row(index, at, &row);
        return;
    }
    struct row old = read_row(index, at);
    add_undo(index, UNDO_CHANGED, &old);
    release_description(index, old.description);
    index->described++;
    write_row(index, at, &row);
}

void place_index_set_free(struct place_index *index, uint64_t number, const struct aq_amounts *amounts)
{
    size_t at = position_of(index, number);
    aq_assert(is_at(index, at, number));
    struct row row = read_row(index, at);
    add_undo(index, UNDO_CHANGED, &row);
    row.free = *amounts;
    write_row(index, at, &row);
}

void place_index_remove(struct place_index *index, uint64_t number)
{
    size_t at = position_of(index, number);
    aq_assert(is_at(index, at, number));
    struct row row = read_row(index, at);
    add_undo(index, UNDO_REMOVED, &row);
    release_description(index, row.description);
    remove_row(index, at);
}

size_t place_index_mark(struct place_index *index)
{
    return index->n_undo;
}

void place_index_undo(struct place_index *index, size_t mark)
{
    aq_assert(mark <= index->n_undo);
    while (index->n_undo > mark) {
        struct undo *undo = &index->undo[--index->n_undo];
        size_t at = position_of(index, undo->row.number);
        if (undo->what == UNDO_REMOVED) {
            insert_row(index, at, &undo->row); /* takes over the description that the undo held */
            continue;
        }
        aq_assert(is_at(index, at, undo->row.number));
        index->described += index->descriptions[at] != undo->row.description;
        release_description(index, index->descriptions[at]);
        if (undo->what == UNDO_CHANGED) {
            write_row(index, at, &undo->row);
        } else {
            remove_row(index, at);
            release_description(index, undo->row.description);
        }
    }
}

void place_index_undo_batch(struct place_index *index)
{
    place_index_undo(index, 0);
    opinions_drop(index->opinions);
}

void place_index_keep(struct place_index *index)
{
    while (index->n_undo > 0)
        release_description(index, index->undo[--index->n_undo].row.description);
}

/* ---- what changed ------------------------------------------------------------------------------------- */

uint64_t place_index_shape(const struct place_index *index)
{
    return index->shape;
}

uint64_t place_index_changed(const struct place_index *index)
{
    return index->changed;
}

uint64_t place_index_described(const struct place_index *index)
{
    return index->described;
}

bool place_index_changes(const struct place_index *index, uint64_t since, place_row_fn *visit, void *context)
{
    if (index->changed - since > RECENT_MAX)
        return false;
    for (uint64_t i = since; i < index->changed; i++)
        visit(context, index->recent[i % RECENT_MAX]);
    return true;
}

struct opinions *place_index_opinions(const struct place_index *index)
{
    return index->opinions;
}

/* ---- for placement ------------------------------------------------------------------------------------ */

struct place_columns place_index_columns(const struct place_index *index)
{
    return (struct place_columns){index->count, index->number, index->cpu,         index->ram,    index->disk,
                                  index->slots, index->active, index->maintenance, index->serving};
}

const char *place_index_name(const struct place_index *index, size_t row)
{
    return index->descriptions[row]->node.name;
}

const struct aq_amounts *place_index_capacity(const struct place_index *index, size_t row)
{
    return &index->descriptions[row]->node.capacity;
}

bool place_index_has_driver(const struct place_index *index, size_t row, const char *driver)
{
    return aq_texts_have(&index->descriptions[row]->node.drivers, driver);
}

bool place_index_matches(const struct place_index *index, size_t row, const char *pattern)
{
    const struct aq_list *identifiers = &index->descriptions[row]->node.identifiers;
    for (uint32_t i = 0; i < identifiers->count; i++)
        if (fnmatch(pattern, AQ_TEXT_ITEM(*identifiers, i), 0) == 0)
            return true;
    return false;
}

const struct aq_list *place_index_quarantines(const struct place_index *index, size_t row)
{
    return &index->descriptions[row]->node.quarantines;
}

const struct aq_list *place_index_identifiers(const struct place_index *index, size_t row)
{
    return &index->descriptions[row]->node.identifiers;
}
