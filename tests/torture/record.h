/* Records what a program does to the files below a directory: the calls that write, sync, and change names, in their
 * order. What a disk may have of them after the power was cut is made from the record afterwards (lostdisk.h).
 *
 * record.c replaces functions of libc, so it works for LMDB too, whatever it is linked into. */
#ifndef AQ_TESTS_TORTURE_RECORD_H
#define AQ_TESTS_TORTURE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RECORD_PATH_SIZE = 128 };

enum record_kind {
    RECORD_WRITE,
    RECORD_SYNC,
    RECORD_FILE,      /* a file has its first write or sync */
    RECORD_DIRECTORY, /* a directory was made */
    RECORD_LINK,      /* a symbolic link was made */
    RECORD_MOVE,      /* a name was changed */
    RECORD_GONE,      /* a name was removed */
    RECORD_NAMES,     /* a directory was synced */
    RECORD_MARK,      /* no call: what the program had reached */
};

struct record_call {
    enum record_kind kind;
    unsigned file; /* of WRITE, SYNC, FILE: its number, from 0 */
    bool durable;  /* of WRITE: the descriptor has O_DSYNC */
    off_t offset;  /* of WRITE */
    size_t length;
    unsigned char *bytes;
    char path[RECORD_PATH_SIZE]; /* of names: below the directory, with a slash in front */
    char to[RECORD_PATH_SIZE];   /* of MOVE: the new name; of LINK: what it leads to */
    uint64_t mark;               /* of MARK */
};

struct record {
    struct record_call *calls;
    size_t count, capacity;
    unsigned files;
};

/* From now on, calls for what is below `root`, an absolute path without links, are recorded. Files whose names contain
 * "lock" are left out: they mean nothing after a restart. */
void record_begin(const char *root);
void record_mark(uint64_t mark);
/* How many syncs of files have been recorded. */
unsigned record_syncs(void);
/* Ends the recording. The caller frees the record. */
struct record record_end(void);
void record_free(struct record *record);

#endif
