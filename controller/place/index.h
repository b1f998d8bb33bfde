/* The placement index: what placement must know of every node, in memory, column by column. A projection of the node
 * table: rebuilt from it at start, changed by project, owned by the writer's thread.
 *
 * What is done to it since place_index_mark() can be undone: when the batch that it belonged to is not committed. */
#ifndef AQ_CONTROLLER_PLACE_INDEX_H
#define AQ_CONTROLLER_PLACE_INDEX_H

#include "schema/model/node.h"

#include <stdbool.h>
#include <stdint.h>

struct place_index;

struct place_index *place_index_new(void);
void place_index_free(struct place_index *index); /* NULL is fine */

/* Takes over what a node's row says now; a node that is not there yet is added. */
void place_index_set(struct place_index *index, const struct aq_node *node);
void place_index_remove(struct place_index *index, uint64_t number);
/* Only the free amounts changed: the cheap and frequent case. The node is there. */
void place_index_set_free(struct place_index *index, uint64_t number, const struct aq_amounts *free);

size_t place_index_mark(struct place_index *index); /* a place to come back to */
void place_index_undo(struct place_index *index, size_t mark);
/* To the beginning. What was decided meanwhile, labels included, never was: placement's memory of it goes, too. */
void place_index_undo_batch(struct place_index *index);
void place_index_keep(struct place_index *index); /* forgets how to undo: all marks are void */

/* ---- for placement -------------------------------------------------------------------------------------- */

/* Rows in order of node numbers, `count` of each. */
struct place_columns {
    size_t count;
    const uint64_t *number;
    const uint64_t *cpu, *ram, *disk, *slots; /* free: thousandths of a core, MiB, MiB, slots */
    const bool *active;                       /* its agent is heard of */
    const bool *maintenance;
};

/* What changed: `shape` counts when rows came, went or moved; `changed` counts changes of single rows.
 * place_index_changes() calls `visit` for each row that changed after the count `since` (some of them twice), or
 * returns false: too many to tell. */
uint64_t place_index_shape(const struct place_index *index);
uint64_t place_index_changed(const struct place_index *index);
typedef void place_row_fn(void *context, size_t row);
bool place_index_changes(const struct place_index *index, uint64_t since, place_row_fn *visit, void *context);

/* Placement's memory, kept with the index (opinion.h). */
struct opinions;
struct opinions *place_index_opinions(const struct place_index *index);

struct place_columns place_index_columns(const struct place_index *index);
const char *place_index_name(const struct place_index *index, size_t row);
bool place_index_has_driver(const struct place_index *index, size_t row, const char *driver);
bool place_index_matches(const struct place_index *index, size_t row, const char *pattern); /* any identifier does */

#endif
