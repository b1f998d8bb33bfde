#include "controller/place/index.h"

#include "controller/place/opinion.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT_MAX = 1024 };

/* What seldom changes, shared by all rows that a node ever had: freed when the last of them goes. */
struct described {
    unsigned users;
    struct aq_arena arena;
    struct aq_node node;
};

struct row {
    uint64_t number;
    struct aq_amounts free;
    bool active, maintenance;
    struct described *described;
};

/* How a row was before a change. */
struct undo {
    enum { UNDO_ADDED, UNDO_CHANGED, UNDO_REMOVED } what;
    struct row row;
};

struct place_index {
    size_t count, capacity;
    uint64_t *number, *cpu, *ram, *disk, *slots;
    bool *active, *maintenance;
    struct described **described;
    struct undo *undo;
    size_t n_undo, undo_capacity;
    uint64_t shape, changed;
    uint32_t recent[RECENT_MAX]; /* the rows of the last changes, as a ring */
    struct opinions *opinions;
};

struct place_index *place_index_new(void)
{
    struct place_index *index = aq_calloc(1, sizeof *index);
    index->opinions = opinions_new();
    return index;
}

static void release(struct described *described)
{
    if (--described->users > 0)
        return;
    aq_arena_free(&described->arena);
    free(described);
}

static struct described *describe(const struct aq_node *node)
{
    struct described *described = aq_calloc(1, sizeof *described);
    aq_record_copy(&aq_node_record, &described->node, node, &described->arena);
    described->users = 1;
    return described;
}

void place_index_free(struct place_index *index)
{
    if (index == NULL)
        return;
    place_index_keep(index);
    for (size_t i = 0; i < index->count; i++)
        release(index->described[i]);
    free(index->number);
    free(index->cpu);
    free(index->ram);
    free(index->disk);
    free(index->slots);
    free(index->active);
    free(index->maintenance);
    free(index->described);
    free(index->undo);
    opinions_free(index->opinions);
    free(index);
}

/* ---- rows --------------------------------------------------------------------------------------------- */

/* Where `number` is, or would be. */
static size_t find(const struct place_index *index, uint64_t number)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->number[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct place_index *index, size_t at, uint64_t number)
{
    return at < index->count && index->number[at] == number;
}

static struct row get(const struct place_index *index, size_t at)
{
    return (struct row){
        .number = index->number[at],
        .free = {.cpu = index->cpu[at], .ram = index->ram[at], .disk = index->disk[at], .slots = index->slots[at]},
        .active = index->active[at],
        .maintenance = index->maintenance[at],
        .described = index->described[at],
    };
}

static void put(struct place_index *index, size_t at, const struct row *row)
{
    index->number[at] = row->number;
    index->cpu[at] = row->free.cpu;
    index->ram[at] = row->free.ram;
    index->disk[at] = row->free.disk;
    index->slots[at] = row->free.slots;
    index->active[at] = row->active;
    index->maintenance[at] = row->maintenance;
    index->described[at] = row->described;
    index->recent[index->changed++ % RECENT_MAX] = (uint32_t)at;
}

static void grow(struct place_index *index)
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
    index->described = aq_realloc(index->described, n * sizeof *index->described);
}

static void insert(struct place_index *index, size_t at, const struct row *row)
{
    grow(index);
    index->shape++;
    for (size_t i = index->count++; i > at; i--) {
        struct row moved = get(index, i - 1);
        put(index, i, &moved);
    }
    put(index, at, row);
}

static void take_out(struct place_index *index, size_t at)
{
    index->count--;
    index->shape++;
    for (size_t i = at; i < index->count; i++) {
        struct row moved = get(index, i + 1);
        put(index, i, &moved);
    }
}

/* ---- changes ------------------------------------------------------------------------------------------ */

/* Keeps the row's description alive until the undo is gone. */
static void remember(struct place_index *index, int what, const struct row *row)
{
    AQ_GROW(index->undo, index->n_undo, index->undo_capacity);
    struct undo *undo = &index->undo[index->n_undo++];
    undo->what = what;
    undo->row = *row;
    row->described->users++;
}

void place_index_set(struct place_index *index, const struct aq_node *node)
{
    struct row row = {node->number, node->free, node->status == AQ_NODE_ACTIVE, node->maintenance, describe(node)};
    size_t at = find(index, node->number);
    if (!stands_at(index, at, node->number)) {
        remember(index, UNDO_ADDED, &row);
        insert(index, at, &row);
        return;
    }
    struct row old = get(index, at);
    remember(index, UNDO_CHANGED, &old);
    release(old.described);
    put(index, at, &row);
}

void place_index_set_free(struct place_index *index, uint64_t number, const struct aq_amounts *amounts)
{
    size_t at = find(index, number);
    aq_assert(stands_at(index, at, number));
    struct row row = get(index, at);
    remember(index, UNDO_CHANGED, &row);
    row.free = *amounts;
    put(index, at, &row);
}

void place_index_remove(struct place_index *index, uint64_t number)
{
    size_t at = find(index, number);
    aq_assert(stands_at(index, at, number));
    struct row row = get(index, at);
    remember(index, UNDO_REMOVED, &row);
    release(row.described);
    take_out(index, at);
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
        size_t at = find(index, undo->row.number);
        if (undo->what == UNDO_REMOVED) {
            insert(index, at, &undo->row); /* takes over the undo's hold on the description */
            continue;
        }
        aq_assert(stands_at(index, at, undo->row.number));
        release(index->described[at]);
        if (undo->what == UNDO_CHANGED) {
            put(index, at, &undo->row);
        } else {
            take_out(index, at);
            release(undo->row.described);
        }
    }
}

void place_index_undo_batch(struct place_index *index)
{
    place_index_undo(index, 0);
    opinions_forget(index->opinions);
}

void place_index_keep(struct place_index *index)
{
    while (index->n_undo > 0)
        release(index->undo[--index->n_undo].row.described);
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
    return (struct place_columns){index->count, index->number, index->cpu,    index->ram,
                                  index->disk,  index->slots,  index->active, index->maintenance};
}

const char *place_index_name(const struct place_index *index, size_t row)
{
    return index->described[row]->node.name;
}

bool place_index_has_driver(const struct place_index *index, size_t row, const char *driver)
{
    const struct aq_list *drivers = &index->described[row]->node.drivers;
    for (uint32_t i = 0; i < drivers->count; i++)
        if (strcmp(AQ_TEXT_ITEM(*drivers, i), driver) == 0)
            return true;
    return false;
}

bool place_index_matches(const struct place_index *index, size_t row, const char *pattern)
{
    const struct aq_list *identifiers = &index->described[row]->node.identifiers;
    for (uint32_t i = 0; i < identifiers->count; i++)
        if (fnmatch(pattern, AQ_TEXT_ITEM(*identifiers, i), 0) == 0)
            return true;
    return false;
}
