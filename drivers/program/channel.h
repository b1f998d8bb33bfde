/* A driver program that runs, and the lines between it and the agent. Nothing here waits.
 *
 * The program has a session, a process group and an environment of its own, and ends with the agent. What it writes
 * too fast is left in its pipes, so that it waits for itself; what it writes to standard error goes to the agent's
 * journal, as far as there is not too much of it. */
#ifndef AQ_DRIVERS_PROGRAM_CHANNEL_H
#define AQ_DRIVERS_PROGRAM_CHANNEL_H

#include "schema/base/error.h"
#include "schema/base/journal.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CHANNEL_LINE_MAX = 1 << 20,    /* bytes of a line from the program */
    CHANNEL_RATE = 1 << 20,        /* bytes a second that are read of each of its outputs, */
    CHANNEL_BURST = 4 << 20,       /* after so many at once */
    CHANNEL_UNREAD_MAX = 32 << 20, /* bytes of calls that it has not read */
};

/* One of its outputs. */
struct channel_stream {
    int fd;              /* -1: closed */
    bool watched;        /* the descriptor is in the epoll set */
    uint64_t tokens;     /* bytes that may be read now */
    uint64_t filled_ms;  /* when they were counted */
    struct aq_buffer in; /* what is not a whole line yet */
    size_t taken;        /* bytes of `in` that were taken */
};

struct channel {
    const char *name; /* of the driver, for the journal */
    int epoll;        /* readable when there is something to do */
    pid_t pid;        /* 0: it does not run */
    int pidfd, input;
    bool writable_wanted;
    struct aq_buffer out; /* calls that its pipe has not taken yet */
    size_t written;
    struct channel_stream reports, errors;
    char how[64];    /* it has ended; "": not yet */
    char last[128];  /* what it wrote to standard error last */
    uint64_t told_s; /* the second in which it has written `told` lines to the journal */
    unsigned told;
    struct aq_journal_count dropped;
};

int program_channel_open(struct channel *channel, const char *name, struct aq_error *error) AQ_MUST_CHECK;
void program_channel_close(struct channel *channel); /* ends the program */

/* Starts the program. `environment` ends with NULL. */
int program_channel_start(struct channel *channel, const char *path, char *const *environment, uint64_t now_ms,
                          struct aq_error *error) AQ_MUST_CHECK;
/* Kills it and all of its process group. */
void program_channel_kill(struct channel *channel);
/* This is the program, and program_channel_work() has not seen its end yet, but will. */
bool program_channel_waits_for(const struct channel *channel, pid_t child);

/* Sends what the caller has appended to `out`, as far as the program reads. */
void program_channel_flush(struct channel *channel);
bool program_channel_is_full(const struct channel *channel); /* it leaves too much unread */

/* Reads what it may of what there is. Returns false when the program has ended and all that it wrote is read; then
 * channel->how says how. */
bool program_channel_work(struct channel *channel, uint64_t now_ms);

/* The next line of the program's reports, without its end, valid until program_channel_work(). NULL: there is none. One
 * that is too long is returned as it begins, with `*whole` false; no more can be read then. */
const char *program_channel_line(struct channel *channel, size_t *length, bool *whole);

uint64_t
program_channel_deadline_ms(const struct channel *channel); /* steady: call program_channel_work() then at the latest */

#endif
