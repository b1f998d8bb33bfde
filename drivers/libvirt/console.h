/* The output of a machine: what it writes to its serial port. qemu, or virtlogd for it, writes that into a file from
 * the first byte on; this copies it into the machine's log (drivers/output.h), and gives back the room in the file.
 *
 * Each byte is copied once, also when the driver is killed in between: a mark says how much of the file is in how long
 * a log, and a longer log has more of it. virtlogd moves a file that has become large to log.0, and begins a new one.
 */
#ifndef AQ_DRIVERS_LIBVIRT_CONSOLE_H
#define AQ_DRIVERS_LIBVIRT_CONSOLE_H

#include "drivers/keeper/log.h"

struct console {
    int directory; /* the machine's; -1: not open */
    struct keeper_log log;
    int mark;        /* file with the mark */
    int source;      /* the file that is being copied; -1: none yet */
    uint64_t ino;    /* of that file; 0: none yet */
    uint64_t copied; /* bytes of it */
};

/* `directory` is a path. Goes on where an earlier one has stopped. */
int console_open(struct console *console, const char *directory, uint64_t log_size, unsigned log_files,
                 struct aq_error *error) AQ_MUST_CHECK;
void console_close(struct console *console);

/* Copies what has come, up to a bound. Returns whether there is more. */
bool console_copy(struct console *console);

/* Writes a line of the driver's own into the log: "[aquarium: WORDS]". */
void console_say(struct console *console, const char *words);

#endif
