/* Directories on their way out: moved into trash/ at once, emptied little by little. */
#ifndef AQ_AGENT_TRASH_H
#define AQ_AGENT_TRASH_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct trash {
    int directory;    /* -1: not open */
    const char *home; /* the directory that trash/ is in, for messages; the caller's */
    uint64_t last;    /* names in trash/ are counted */
    bool sweeping;    /* there may be something to delete */
};

/* Opens trash/, which is made where it is missing, in the directory that `parent` is open on and `home` names. */
int trash_open(struct trash *trash, int parent, const char *home, struct aq_error *error) AQ_MUST_CHECK;
void trash_close(struct trash *trash);

/* Moves `name` out of `directory`; it may be missing. False: it is still there, and the journal says why. */
bool trash_put(struct trash *trash, int directory, const char *name);

/* Deletes up to `budget` files. What cannot be deleted stays until something more is put in. */
void trash_sweep(struct trash *trash, unsigned budget);

#endif
