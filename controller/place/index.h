/* The placement index: what placement needs to know of every node, in memory, column by column. A projection of the
 * table of nodes: filled from it at start, changed by project, owned by the writer's thread.
 *
 * Changes since place_index_mark() can be undone, for a batch that is not committed. */
#ifndef AQ_CONTROLLER_PLACE_INDEX_H
#define AQ_CONTROLLER_PLACE_INDEX_H

#include "schema/model/node.h"

#include <stdbool.h>
#include <stdint.h>

struct place_index;

struct place_index *place_index_new(void);
void place_index_free(struct place_index *index); /* NULL is fine */

/* Adds a node, or updates all that is known of it. */
void place_index_set(struct place_index *index, const struct aq_node *node);
void place_index_remove(struct place_index *index, uint64_t number);
/* Updates the free amounts of a node in the index: the cheap and frequent case. */
void place_index_set_free(struct place_index *index, uint64_t number, const struct aq_amounts *free);

size_t place_index_mark(struct place_index *index);
void place_index_undo(struct place_index *index, size_t mark); /* the changes since the mark */
/* Undoes everything since the last place_index_keep(). What was decided meanwhile, labels included, never happened, so
 * the remembered opinions are dropped too. */
void place_index_undo_batch(struct place_index *index);
void place_index_keep(struct place_index *index); /* makes the changes permanent: marks become invalid */

/* The name of a node whose list of projects has this one; NULL: none has it. */
const char *place_index_serving(const struct place_index *index, const char *project);

/* ---- for placement -------------------------------------------------------------------------------------- */

/* The projects that a node serves, if not all. Nodes with the same list share one of these. */
struct place_serves {
    struct aq_list projects; /* const char * */
};
/* Also if `serves` is NULL. */
bool place_serves(const struct place_serves *serves, const char *project);

/* One row for each node, in the order of node numbers. */
struct place_columns {
    size_t count;
    const uint64_t *number;
    const uint64_t *cpu, *ram, *disk, *slots; /* free: thousandths of a core, MiB, MiB, slots */
    const bool *active;                       /* its agent is heard from */
    const bool *maintenance;
    const struct place_serves *const *serves; /* NULL: all projects */
};

/* Counts of changes: `shape` of rows that were added, removed or moved, `changed` of single rows.
 * place_index_changes() calls `visit` for each row that changed after the count `since`, for some of them twice, or
 * returns false if there are too many. */
uint64_t place_index_shape(const struct place_index *index);
uint64_t place_index_changed(const struct place_index *index);
typedef void place_row_fn(void *context, size_t row);
bool place_index_changes(const struct place_index *index, uint64_t since, place_row_fn *visit, void *context);

/* Counts the changes of what nodes are: their drivers, identifiers and capacity, and which there are. */
uint64_t place_index_described(const struct place_index *index);

/* By which name the answers for a project are remembered: its own if any node's list has it, else "", for those of all
 * the others are the same. */
const char *place_index_project(const struct place_index *index, const char *project);

/* The remembered opinions, which belong to the index (opinion.h). */
struct opinions;
struct opinions *place_index_opinions(const struct place_index *index);

struct place_columns place_index_columns(const struct place_index *index);
const char *place_index_name(const struct place_index *index, size_t row);
const struct aq_amounts *place_index_capacity(const struct place_index *index, size_t row); /* all that it offers */
bool place_index_has_driver(const struct place_index *index, size_t row, const char *driver);
/* Whether any identifier of the node matches the pattern. */
bool place_index_matches(const struct place_index *index, size_t row, const char *pattern);
const struct aq_list *place_index_quarantines(const struct place_index *index, size_t row); /* of the node */
const struct aq_list *place_index_identifiers(const struct place_index *index, size_t row); /* of the node: texts */

#endif
