/* A workload's output as files in its directory: output.0, output.1048576 and so on.
 *
 * Positions count the bytes of the output from its beginning, those included that are no longer kept. Each file is
 * named by the position at which it begins. A driver appends to the newest file; when it is full, the driver begins the
 * next one and deletes the oldest. So a file's bytes have the same positions for ever, and readers need no lock.
 *
 * Drivers of earlier versions wrote `log` and, for what is older, log.1, log.2 and so on. Their bytes have no positions
 * as long as the workload runs: `placed` is then false. output_move() gives them positions. */
#ifndef AQ_DRIVERS_OUTPUT_H
#define AQ_DRIVERS_OUTPUT_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { OUTPUT_NAME_SIZE = 32, OUTPUT_FILES_MAX = 64 };
#define OUTPUT_NEWEST UINT64_MAX /* instead of a position: the newest bytes */

/* What is kept: the bytes at the positions from `first` to `end`. */
struct output_span {
    uint64_t first, end;
    bool placed;
};

/* The name of the file that begins at this position. */
void output_name(char name[OUTPUT_NAME_SIZE], uint64_t position);
/* True: `name` is the name of such a file. */
bool output_name_position(const char *name, uint64_t *position);

/* These take the descriptor of a directory, and succeed if it holds no output. The files may change meanwhile. */
int output_measure(int directory, struct output_span *span, struct aq_error *error) AQ_MUST_CHECK;
/* Where output_look() has found the output. Zeroed memory: nowhere. */
struct output_seen {
    ino_t directory;
    struct timespec changed; /* the directory */
    uint64_t first, newest;  /* where the oldest and the newest file begin */
    bool valid, any;         /* any: there are files */
};

/* As output_measure(), and keeps in *seen where it was. */
int output_look(int directory, struct output_seen *seen, struct output_span *span,
                struct aq_error *error) AQ_MUST_CHECK;
/* With two system calls: the same for the directory `path` below `above`, which output_look() has seen. False: files
 * have come or gone since, or may have. */
bool output_look_again(int above, const char *path, const struct output_seen *seen, struct output_span *span);

/* Appends up to `max` bytes without a gap to `out`. They begin at *position or, if nothing is kept there, at the next
 * byte that is; *position becomes where they begin. Of output that is not placed, they are the newest bytes. */
int output_read(int directory, uint64_t *position, size_t max, struct aq_buffer *out, struct output_span *span,
                struct aq_error *error) AQ_MUST_CHECK;

/* Moves the files of a workload that has ended to another directory of the same file system. */
int output_move(int from, int to, struct aq_error *error) AQ_MUST_CHECK;

#endif
