/* Figures over time at decreasing resolution: one ring for each step of time (usage_steps), the finest for the newest
 * past. A ring has one slot for each step, with the means of what was noted within it; a step in which nothing was
 * noted is a gap.
 *
 * Rings begin small and grow as time passes. One that may not grow any more forgets its oldest steps sooner. A figure
 * takes two bytes, which keep it to a thousandth part. */
#ifndef AQ_CONTROLLER_USAGE_RING_H
#define AQ_CONTROLLER_USAGE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum usage_figure {
    USAGE_CPU,    /* thousandths of a core */
    USAGE_MEMORY, /* bytes */
    USAGE_READ,   /* bytes a second, as those below */
    USAGE_WRITTEN,
    USAGE_RECEIVED,
    USAGE_SENT,
    USAGE_FIGURES
};
enum { USAGE_STEPS = 3 };

/* What was used; 0: it is not known, else one more than the figure (aq_some()). */
struct usage_figures {
    uint64_t of[USAGE_FIGURES];
};

struct usage_step {
    uint32_t ms;     /* how long it is */
    uint32_t length; /* the most that are kept */
};
extern const struct usage_step usage_steps[USAGE_STEPS]; /* the finest first; each is a multiple of the one before */

/* Zeroed memory is empty. */
struct usage_ring {
    uint16_t (*slots)[USAGE_FIGURES];
    uint32_t capacity, count;
    uint64_t newest;              /* number of the newest step, counted from 1970 */
    uint64_t sums[USAGE_FIGURES]; /* of the newest step */
    uint16_t added[USAGE_FIGURES];
};
struct usage_rings {
    struct usage_ring ring[USAGE_STEPS];
};

/* Notes figures at a time, which must not be before that of the call before: else they are dropped. Takes up to
 * `*budget` bytes of memory more, and subtracts what it took. */
void usage_rings_note(struct usage_rings *rings, uint64_t at_ms, const struct usage_figures *figures, size_t *budget);

/* Calls `take` for each step that is kept and has not begun before `since_ms`, oldest first, but for gaps. */
typedef void usage_take_fn(void *context, uint64_t at_ms, const struct usage_figures *figures);
void usage_rings_each(const struct usage_rings *rings, size_t step, uint64_t since_ms, usage_take_fn *take,
                      void *context);

/* The finest step whose ring, when it is full, reaches back to `since_ms`; the coarsest if none does. */
size_t usage_step_for(uint64_t now_ms, uint64_t since_ms);

size_t usage_rings_bytes(const struct usage_rings *rings); /* what their slots take */
void usage_rings_free(struct usage_rings *rings);

#endif
