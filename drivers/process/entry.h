/* The helper of one command: from the execution of the agent's binary to the end of the command. See command.h. */
#ifndef AQ_DRIVERS_PROCESS_ENTRY_H
#define AQ_DRIVERS_PROCESS_ENTRY_H

#include "drivers/keeper/files.h"

#define PROCESS_ENTRY_NAME "aq-command" /* under which the binary is executed */

/* Its descriptors: the command's three, the memory file, and the pipe to the agent. */
enum { ENTRY_JOB = 3, ENTRY_STATUS = 4, ENTRY_FDS = 5, ENTRY_REASON_SIZE = 256 };

/* At the beginning of the memory file. Then come the texts, each with a NUL: the node, TERM or "", the directory with
 * what a workload that has ended has left or "", and the arguments. */
struct process_entry {
    struct process_id main; /* of the workload, while it runs */
    uint64_t resource;
    pid_t agent;
    bool terminal;
    uint32_t argument_count;
};

/* What is written into the pipe. */
struct process_entry_end {
    int exit_status;
    char reason[ENTRY_REASON_SIZE];
};

#endif
