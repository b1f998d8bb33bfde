/* Commands that run in workloads, such as health checks. */
#ifndef AQ_AGENT_COMMANDS_H
#define AQ_AGENT_COMMANDS_H

#include "agent/drivers.h"

/* Called once for each command that was started. May start another one. */
typedef void command_done_fn(void *context, uint64_t number, int exit_status, const char *reason);

struct running_command {
    uint64_t number;
    const struct opened_driver *driver;
    command_done_fn *done;
    void *context;
};

/* Zeroed memory has none. */
struct commands {
    struct running_command *running;
    size_t count, capacity;
    uint64_t last; /* number */
};

/* Starts `command` in a workload of the driver, whatever number it has, and sets *number. Fails if the driver has no
 * commands, or refuses it; then `done` is not called. */
int commands_start(struct commands *commands, const struct opened_driver *driver, const struct driver_command *command,
                   command_done_fn *done, void *context, uint64_t *number, struct aq_error *error) AQ_MUST_CHECK;
/* Kills it. `done` is called as for any other end, or not at all if it was called already. */
void commands_kill(struct commands *commands, uint64_t number);
void commands_take(struct commands *commands, const struct driver_report *report); /* DRIVER_COMMAND_ENDED */
void commands_free(struct commands *commands);

#endif
