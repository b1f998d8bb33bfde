/* The bytes of /events: one JSON line per event, in a file that only grows, until it starts over.
 *
 * Offsets never change while the file grows. At 8 MiB it starts over empty, like a log file that was truncated, which
 * `tail -f` notices. The previous generation of bytes is kept, so that a descriptor that reads on without seeking
 * misses nothing: it reads the old bytes and then the new ones. A descriptor that is further behind gets an error.
 *
 * The file also starts over after damage in the log. A descriptor that reads on from before the damage gets an error
 * once.
 *
 * A read at the end returns "end of file", and never waits. A descriptor gets it where the file ended when it was
 * opened or last got it, even if there is more by then. So reading to the end ends, however fast the file grows, and
 * reading on continues there. */
#ifndef AQ_FS_LINK_EVENTFILE_H
#define AQ_FS_LINK_EVENTFILE_H

#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { EVENTFILE_SIZE_MAX = 8 << 20 };

/* Zeroed memory is an empty file. */
struct eventfile {
    struct aq_buffer now, before;
    uint64_t generation; /* how many times it has started over */
    uint64_t earlier;    /* bytes of all generations before this one */
    bool broken;         /* it last started over because events between the generations cannot be read */
};

/* The position of one descriptor. */
struct eventfile_place {
    uint64_t generation;
    uint64_t base; /* the descriptor's offset at which this generation begins */
    uint64_t next; /* the offset it reads at, unless it seeks */
    uint64_t most; /* where it gets "end of file": counted over all generations */
    bool ended;    /* it got that */
};

enum eventfile_answer {
    EVENTFILE_DATA,   /* *data is valid until the next append */
    EVENTFILE_END,    /* end of file */
    EVENTFILE_BEHIND, /* the bytes are gone; the next read continues with what is there */
    EVENTFILE_BROKEN, /* events are missing here; the next read continues after them */
};

void eventfile_append(struct eventfile *file, const char *line, size_t length);
void eventfile_break(struct eventfile *file);
void eventfile_free(struct eventfile *file);

struct eventfile_place eventfile_open(const struct eventfile *file); /* a new descriptor, at offset 0 */
enum eventfile_answer eventfile_read(const struct eventfile *file, struct eventfile_place *place, uint64_t offset,
                                     size_t size, const char **data, size_t *length);
bool eventfile_has_more(const struct eventfile *file, const struct eventfile_place *place);

#endif
