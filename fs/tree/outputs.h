/* The outputs of workloads as files: how much of each is kept. Known from heartbeats while the workload runs, from the
 * tables after its end, and from the answers of its node, which are remembered for a while.
 *
 * Positions count the bytes of an output from its beginning. A file begins at the position that was the oldest kept
 * when its name was looked up (node->base), and keeps that as long as it is open, so that offsets in it never change;
 * when older bytes are dropped, the name leads to another file. The file of an output that has ended (OUTPUT_ENDED)
 * begins with the oldest byte that is kept: nothing changes any more. */
#ifndef AQ_FS_TREE_OUTPUTS_H
#define AQ_FS_TREE_OUTPUTS_H

#include "controller/state/live.h"
#include "fs/tree/look.h"

#define OUTPUT_ENDED UINT64_MAX

/* The bytes at the positions from `first` to `end` are kept. */
struct known_output {
    uint64_t first, end;
    bool placed;   /* first and end are known */
    bool complete; /* the workload has ended, and `end` is its end */
};

struct outputs;

struct outputs *outputs_open(struct live *live); /* which must stay open */
void outputs_close(struct outputs *outputs);     /* NULL is fine */

/* Remembers what a node has answered. */
void outputs_note(struct outputs *outputs, uint64_t resource, const struct aq_extent *extent);

struct known_output outputs_find(const struct outputs *outputs, uint64_t resource);

/* Sets whose output the node shows, and where its file begins. False: the row has had no workload, so there is no such
 * file. */
bool output_place(struct look *look, const void *row, struct tree_node *node);

/* The owner of the output that the node shows, also of a resource that is gone, valid until look_end(). False: there is
 * none, or the caller may not see it. */
bool output_owner(struct look *look, const struct tree_node *node, struct owner *owner);

/* The size of the file. */
uint64_t output_size(struct look *look, const struct tree_node *node);

#endif
