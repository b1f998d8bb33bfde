/* The files that a workload has left in its directory when it ended. The driver writes a note about them there, after
 * the last process of the workload and before the end is reported; without a note there is nothing to keep. The agent
 * may keep the directory for some time (setting keep.files), and then lets the driver copy out of it. */
#ifndef AQ_DRIVERS_LEFT_H
#define AQ_DRIVERS_LEFT_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { DRIVER_LEFT_WORD_SIZE = 32, DRIVER_LEFT_PATH_SIZE = 1024 };

struct driver_left {
    char driver[DRIVER_LEFT_WORD_SIZE];
    char tree[DRIVER_LEFT_WORD_SIZE]; /* directory that has the files, in the workload's or on its `disk` */
    char at[DRIVER_LEFT_WORD_SIZE];   /* where the workload saw it: "/work" */
    char cwd[DRIVER_LEFT_PATH_SIZE];  /* where relative paths begin, as the workload saw it */
    bool layer;                       /* it is the upper layer of an overlay */
    bool has_user;                    /* else it is the owner of the tree */
    uint32_t user, group;             /* of the host, as which it ran */
    uint64_t bytes;                   /* what all of it takes on disk */
};

/* These take the descriptor of the workload's directory. */
int driver_left_write(int directory, const struct driver_left *left, struct aq_error *error) AQ_MUST_CHECK;
bool driver_left_read(int directory, struct driver_left *left);

#endif
