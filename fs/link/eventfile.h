/* The bytes of /events: one JSON line per event, in a file that only grows, until it starts over.
 *
 * Offsets never change while it grows. At 8 MiB it starts over empty, as a log file does that was truncated, which
 * `tail -f` notices. What stood there before is kept once more, so that a descriptor that reads on without seeking
 * misses nothing: it goes through the old bytes and then on to the new ones. One that is further behind than that is
 * told so.
 *
 * Where the log is damaged it starts over, too: what comes behind the damage is a file of its own. Who reads on from
 * before it is told so once.
 *
 * A descriptor at the end is told "end of file" once; when it asks again, it means to wait. */
#ifndef AQ_FS_LINK_EVENTFILE_H
#define AQ_FS_LINK_EVENTFILE_H

#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { EVENTFILE_SIZE_MAX = 8 << 20 };

/* Zeroed memory is an empty file. */
struct eventfile {
    struct aq_buffer now, before;
    uint64_t generation; /* how often it started over */
    bool broken;         /* the last time, because something between both could not be read */
};

/* Where one descriptor stands. */
struct eventfile_place {
    uint64_t generation;
    uint64_t base; /* the descriptor's offset at which this generation begins */
    uint64_t next; /* the offset it reads at, unless it seeks */
    bool ended;    /* it was told "end of file" here */
};

enum eventfile_answer {
    EVENTFILE_DATA,   /* *data holds until the next append */
    EVENTFILE_END,    /* end of file, for the first time */
    EVENTFILE_WAIT,   /* still the end: wait for more */
    EVENTFILE_BEHIND, /* what stood there is gone; the next read goes on with what is there */
    EVENTFILE_BROKEN, /* here something is missing; the next read goes on behind it */
};

void eventfile_append(struct eventfile *file, const char *line, size_t length);
void eventfile_break(struct eventfile *file);
void eventfile_free(struct eventfile *file);

struct eventfile_place eventfile_open(const struct eventfile *file); /* a new descriptor, at offset 0 */
enum eventfile_answer eventfile_read(const struct eventfile *file, struct eventfile_place *place, uint64_t offset,
                                     size_t size, const char **data, size_t *length);
bool eventfile_has_more(const struct eventfile *file, const struct eventfile_place *place);

#endif
