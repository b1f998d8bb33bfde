/* Directories of the host that a label asks to see, as options have them: SOURCE:TARGET, or SOURCE:TARGET:rw. */
#ifndef AQ_SCHEMA_DRIVERS_MOUNT_H
#define AQ_SCHEMA_DRIVERS_MOUNT_H

#include "schema/model/record.h"

#include <stdbool.h>

enum { AQ_MOUNTS_MAX = 64, AQ_MOUNT_PATH_SIZE = 1024 };

struct aq_mount {
    char source[AQ_MOUNT_PATH_SIZE], target[AQ_MOUNT_PATH_SIZE]; /* absolute paths below /, without . and .. */
    bool writable;
};

/* Reads one. An error says what it must be. */
int aq_mount_parse(struct aq_mount *mount, const char *text, struct aq_error *error) AQ_MUST_CHECK;

/* How many directories the path goes down from /. What is mounted comes before what is mounted inside it. */
unsigned aq_path_depth(const char *path);

/* Fails if two of the mounts (texts that were read already) have the same target, or one is where every workload has
 * files of its own: /proc, /sys, /dev but /dev/shm, /run/aquarium, and `own`, unless that is NULL. */
int aq_mounts_check(const struct aq_list *mounts, const char *own, struct aq_error *error) AQ_MUST_CHECK;

#endif
