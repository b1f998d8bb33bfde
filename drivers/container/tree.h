/* Trees of directories, measured and removed. */
#ifndef AQ_DRIVERS_CONTAINER_TREE_H
#define AQ_DRIVERS_CONTAINER_TREE_H

#include <stdint.h>

struct tree_size {
    uint64_t bytes, files;
};

/* Stops at `most`, since more is not wanted to be known. What cannot be read does not count. */
struct tree_size tree_measure(const char *path, struct tree_size most);

void tree_remove(const char *path); /* what cannot be removed stays */

#endif
