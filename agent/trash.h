/* Directories that are being deleted: moved into trash/ at once, deleted a few files at a time. */
#ifndef AQ_AGENT_TRASH_H
#define AQ_AGENT_TRASH_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct trash {
    int directory;    /* -1: not open */
    const char *home; /* path of the directory that holds trash/, for messages; the caller's */
    uint64_t last;    /* number of the newest entry: entries are named by numbers */
    bool sweeping;    /* there may be something to delete */
};

/* Opens trash/ in `parent`, whose path is `home`, and creates it if it is missing. */
int trash_open(struct trash *trash, int parent, const char *home, struct aq_error *error) AQ_MUST_CHECK;
void trash_close(struct trash *trash);

/* Moves `name` from `directory` into the trash; it may be missing. Returns false if it is still there, with a line in
 * the journal. */
bool trash_put(struct trash *trash, int directory, const char *name);

/* Deletes up to `budget` files. After a failure, nothing is tried until something is put in again. */
void trash_sweep(struct trash *trash, unsigned budget);

#endif
