/* Commands that run in workloads beside their main process: with its user, groups, environment, directory, limits,
 * control groups and namespaces.
 *
 * Each has a helper: the agent's binary, executed again under another name, as the nursery is. It has one thread, so it
 * can enter namespaces; and it holds nothing of the agent's. It looks at the main process to see what the command is to
 * have, so that it does not matter which run of the agent has started that. It starts the command, waits for it, ends
 * all that the command has left behind, and writes the exit status into a pipe. When the agent dies, it ends the
 * command. */
#ifndef AQ_DRIVERS_PROCESS_COMMAND_H
#define AQ_DRIVERS_PROCESS_COMMAND_H

#include "drivers/driver.h"
#include "drivers/keeper/files.h"

struct process_commands;

struct process_commands *process_commands_new(const char *node, driver_report_fn *report, void *context);
void process_commands_free(struct process_commands *commands); /* ends them, without a report; NULL is fine */

/* Starts a command in the workload whose main process this is; NULL: it has ended, and the command copies out of what
 * it has left. */
int process_commands_start(struct process_commands *commands, const struct process_id *main,
                           const struct driver_command *command, struct aq_error *error) AQ_MUST_CHECK;
void process_commands_end(struct process_commands *commands, uint64_t number);
void process_commands_end_in(struct process_commands *commands, uint64_t resource); /* the workload has ended */

int process_commands_fd(const struct process_commands *commands); /* readable: process_commands_work() has something */
void process_commands_work(struct process_commands *commands);

#endif
