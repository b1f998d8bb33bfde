/* What files take on disk: counted by looking at them, since a directory has no size of its own. */
#ifndef AQ_DRIVERS_KEEPER_USAGE_H
#define AQ_DRIVERS_KEEPER_USAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { USAGE_DEPTH_MAX = 200 /* directories in one another */ };

struct usage {
    uint64_t bytes, files; /* directories are files, too */
    bool deep;             /* there is more, deeper than USAGE_DEPTH_MAX */
};

/* Adds what the file or directory `name` in `directory` takes, which may change meanwhile and may be missing. Follows
 * no links and enters no mounts. Stops where it is deep, or more than `most`. Returns whether that is so. */
bool usage_add(int directory, const char *name, const struct usage *most, struct usage *usage);

#endif
