/* What travels while a command runs in a workload: between aq and REST as JSON, between hub and agent in messages
 * (schema/wire/messages.h).
 *
 * Input and output are streams of bytes with positions, counted from 0. Whoever sends repeats what may not have
 * arrived; whoever receives skips what it has. Neither has more than AQ_EXEC_WINDOW bytes under way: so nothing on the
 * way is ever full, and a command whose output nobody takes waits, as at a pipe.
 *
 * The output is a stream of pieces, each with a head of four bytes: which of enum aq_exec_piece it is, and its length
 * in three bytes, the high one first. */
#ifndef AQ_SCHEMA_MODEL_EXEC_H
#define AQ_SCHEMA_MODEL_EXEC_H

#include "schema/model/record.h"

enum {
    AQ_EXEC_WINDOW = 256 << 10,   /* bytes under way, each way */
    AQ_EXEC_DATA_MAX = 128 << 10, /* in one message or request */
    AQ_EXEC_HEAD_SIZE = 4,
    AQ_EXEC_SIZE_MAX = 10000, /* columns or rows of a terminal */
    AQ_EXEC_WAIT_MS = 10000   /* how long a request may wait for output, or for room for input */
};

enum aq_exec_piece {
    AQ_EXEC_OUTPUT = 1, /* of standard output, or of the terminal */
    AQ_EXEC_ERRORS = 2, /* of standard error */
};

/* clang-format off */
#define aq_exec_input_fields(F, T)                                                                                     \
    F(T, position, U64(0, INT64_MAX),          0, "how much input was sent before")                                    \
    F(T, data,     BYTES(0, AQ_EXEC_DATA_MAX), 0, "input")                                                             \
    F(T, over,     BOOL,                       0, "nothing follows: the command finds the end of its input")           \
    F(T, columns,  U64(0, AQ_EXEC_SIZE_MAX),   0, "width of the terminal from now on; 0: as before")                   \
    F(T, rows,     U64(0, AQ_EXEC_SIZE_MAX),   0, "its height")
AQ_DECLARE(aq_exec_input)

#define aq_exec_output_fields(F, T)                                                                                    \
    F(T, position,    U64(0, INT64_MAX),          0,        "where data begins in the stream of pieces")               \
    F(T, data,        BYTES(0, AQ_EXEC_DATA_MAX), 0,        "output and errors, in pieces")                            \
    F(T, taken,       U64(0, INT64_MAX),          0,        "how much input was taken")                                \
    F(T, over,        BOOL,                       0,        "the command has ended, and nothing follows data")         \
    F(T, exit_status, U64(0, 255),                0,        "over: as in a shell: 128 + n after signal n")             \
    F(T, reason,      TEXT(0, 512),               AQ_LINES, "over: why, if it did not end by itself")
AQ_DECLARE(aq_exec_output)
/* clang-format on */

/* The command that copies `name` of `directory` out of a workload, as a tar archive on its standard output: the one
 * that is possible after the workload's end, too, when it reads what its node has kept. */
enum { AQ_EXEC_COPY_DIRECTORY = 4, AQ_EXEC_COPY_NAME = 6, AQ_EXEC_COPY_COUNT };
void aq_exec_copy_out(const char *arguments[AQ_EXEC_COPY_COUNT], const char *directory, const char *name);
/* Whether the list of texts is such a command, with a name that leads nowhere else. */
bool aq_exec_is_copy_out(const struct aq_list *arguments);

/* Appends a piece. `length` is at most AQ_EXEC_DATA_MAX. */
void aq_exec_add_piece(struct aq_buffer *stream, enum aq_exec_piece piece, const void *data, size_t length);

/* Reads pieces from a stream that comes in parts. Zeroed memory is at the begin of it. */
struct aq_exec_reader {
    unsigned char head[AQ_EXEC_HEAD_SIZE];
    unsigned have;           /* bytes of the head */
    size_t left;             /* bytes of the piece that are still to come */
    enum aq_exec_piece kind; /* of that piece */
};

/* Calls `take` for each part of a piece in `data`. Fails on what is no piece. */
typedef int aq_exec_take_fn(void *context, enum aq_exec_piece piece, const void *data, size_t length);
int aq_exec_read(struct aq_exec_reader *reader, const void *data, size_t length, aq_exec_take_fn *take, void *context,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
