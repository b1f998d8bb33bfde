/* Consoles that are open: what the machine has written, from a while before on, and what it writes, goes to the client,
 * and what the client types to the machine's serial port.
 *
 * Output comes from the machine's log, which has every byte, so several clients see the same, and nothing is lost that
 * was written before. Input goes to the terminal that qemu has made for the port; what can be read there is thrown
 * away, since it is in the log. */
#ifndef AQ_DRIVERS_LIBVIRT_TERMINAL_H
#define AQ_DRIVERS_LIBVIRT_TERMINAL_H

#include "drivers/driver.h"

struct terminals;

/* Descriptors are watched by `epoll`, with NULL as their data. */
struct terminals *terminals_open(int epoll);
void terminals_close(struct terminals *terminals);

/* `port` is the path of the terminal, `directory` that of the machine. Copies the descriptors of the command. */
int terminals_add(struct terminals *terminals, const struct driver_command *command, const char *port,
                  const char *directory, struct aq_error *error) AQ_MUST_CHECK;

void terminals_end(struct terminals *terminals, uint64_t number);           /* the client has gone */
void terminals_end_machine(struct terminals *terminals, uint64_t resource); /* the machine has */

/* Passes on what there is. */
void terminals_work(struct terminals *terminals);

/* Takes one that has ended; false: none has. */
struct terminal_end {
    uint64_t number, resource;
    int exit_status;
    const char *reason;
};
bool terminals_take_ended(struct terminals *terminals, struct terminal_end *end);

#endif
