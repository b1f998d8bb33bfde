/* What the parts of a driver that is a program share. Private to this folder.
 *
 * send.c sends calls; commands.c, tasks.c and workloads.c keep what the program is asked to run; judge.c takes what it
 * says, and refuses what cannot be; program.c starts it and ends it. Each calls only those before it. */
#ifndef AQ_DRIVERS_PROGRAM_STATE_H
#define AQ_DRIVERS_PROGRAM_STATE_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/driver.h"
#include "drivers/keeper/log.h"
#include "drivers/program/call.h"
#include "drivers/program/channel.h"
#include "drivers/roster.h"

#include <sys/stat.h>

enum {
    PROGRAM_GREET_MS = 10000,  /* until it must have said hello */
    PROGRAM_ANSWER_MS = 10000, /* until it must have answered the next call */
    PROGRAM_PING_MS = 30000,   /* it is asked so often whether it still answers */
    PROGRAM_HOLD_MS = 30000,   /* so long a start or a stop waits for a program that does not run */
    PROGRAM_STABLE_MS = 60000, /* so long it must run until its ends no longer count */
    PROGRAM_REST_MS = 1000,    /* between two runs; twice as long after each end, up to */
    PROGRAM_REST_MOST_MS = 60000,
    PROGRAM_FAILURES_MAX = 3, /* after so many ends the node no longer has the driver, until it runs again */
    PROGRAM_FAULTS_MAX = 16,  /* in one run */
    PROGRAM_TEXT_MAX = 500,   /* bytes of a reason or an identifier; what is longer is cut */
    PROGRAM_STATUS_LOST = 137,
    PROGRAM_ADDRESS_MAX = 63,
    PROGRAM_MOVES_FREE = 4,    /* times that the address of a workload changes at once; from then on */
    PROGRAM_ADDRESS_MS = 2000, /* so long after the last: each is written into the log of the cluster */
};

#define PROGRAM_CALLS(C)                                                                                               \
    C(CALL_SETTINGS, "settings")                                                                                       \
    C(CALL_START, "start")                                                                                             \
    C(CALL_ADOPT, "adopt")                                                                                             \
    C(CALL_END_LEFTOVER, "end_leftover")                                                                               \
    C(CALL_STOP, "stop")                                                                                               \
    C(CALL_COMMAND, "command")                                                                                         \
    C(CALL_END_COMMAND, "end_command")                                                                                 \
    C(CALL_TASK, "task")                                                                                               \
    C(CALL_END_TASK, "end_task")                                                                                       \
    C(CALL_PING, "ping")
enum program_call_kind {
#define PROGRAM_CALL_KIND(kind, word) kind,
    PROGRAM_CALLS(PROGRAM_CALL_KIND)
#undef PROGRAM_CALL_KIND
};

/* A call that has no answer yet. */
struct program_call {
    uint64_t id;
    enum program_call_kind kind;
    uint64_t number; /* of the resource or the command; 0: none */
};

enum program_phase { PROGRAM_RESTS, PROGRAM_GREETS, PROGRAM_READY };

enum program_workload_phase {
    WORKLOAD_HELD,     /* it waits for the program to run */
    WORKLOAD_STARTING, /* no start was reported to the agent yet */
    WORKLOAD_RUNNING,
    WORKLOAD_LEFTOVER, /* the agent has no record of it, and wants it ended */
    WORKLOAD_CLEARING, /* it is over, and what is left in its control group is killed */
};

struct program_workload {
    uint64_t resource;
    enum program_workload_phase phase;
    bool adopted;  /* the program may say that it has ended, without a start */
    bool adopting; /* it is asked to find it again, and has not said yet what it found */
    bool stopping, stop_refused;
    char ip_addr[PROGRAM_ADDRESS_MAX + 1], hw_addr[PROGRAM_ADDRESS_MAX + 1]; /* with which it was reported to run */
    uint64_t told_ms;                                                        /* when that was */
    unsigned moves;                                                          /* how often its address has changed */
    struct aq_sample used; /* as the program has said last, and when; zeros: it has not */
    char *directory;       /* NULL: a leftover */
    json_t *start;         /* HELD: the call */
    uint64_t until_ms;     /* HELD, stopping: given up then, if the program does not run */
    bool has_log, tried_log;
    int log_directory;
    struct keeper_log log; /* what the program says that it has written */
    struct cgroup group;
    struct cgroup_usage usage;    /* of the group, as it was sampled last */
    enum driver_report_kind over; /* CLEARING: what is reported then */
    bool lease_over;
    int exit_status;
    char *reason;
};

/* Something that is made of a workload. */
struct program_task {
    uint64_t number, resource;
};

struct program_command {
    uint64_t number, resource;
    int fds[6]; /* until the program has opened them, and the other ends of pipes; -1: none, or it has */
};

struct driver {
    struct driver_type type; /* with what this program can do */
    char *name, *path, *node, *helpers;
    const struct aq_clocks *now;
    driver_report_fn *report;
    void *context;

    enum program_phase phase;
    struct channel channel;
    struct hello hello;  /* of the newest run that has said hello */
    bool settled;        /* it has said hello, or has failed to, at least once */
    bool greeted;        /* it has said hello at least once */
    char *unusable;      /* why it takes no starts, as it says while it runs; NULL: it takes them */
    uint64_t since_ms;   /* when the phase began */
    uint64_t next_ms;    /* RESTS: it is started then */
    struct stat file;    /* of the program, when it was started */
    unsigned failures;   /* ends in a row */
    unsigned faults;     /* in this run */
    char why[400];       /* why it does not run; "": it does */
    char withdrawn[200]; /* why its file may not be run any more; "": it may */
    unsigned changes;    /* of whether it can be used, and of what it can do */

    uint64_t last_id;
    struct program_call *calls; /* without an answer, in their order, from `first_call` on */
    size_t first_call, call_count, call_capacity;
    uint64_t answered_ms; /* when the newest answer came, or when the first of these calls was made */

    struct roster roster;
    unsigned held, clearing; /* how many workloads are */
    unsigned clear_tries;    /* in vain, in a row */
    uint64_t clear_at_ms;    /* of the next */
    struct program_command *commands;
    size_t command_count, command_capacity;
    uint64_t last_command;
    struct program_task *tasks;
    size_t task_count, task_capacity;
    uint64_t last_task;

    struct cgroup_host host;
    struct aq_allowance allowance;
    struct aq_arena allowed; /* of allowance */
    json_t *settings;        /* as it was told last */
};

/* ---- send.c --------------------------------------------------------------------------------------------- */

/* Sends a call whose members are `members`, a reference that is taken. The program must be ready. */
void program_send(struct driver *driver, enum program_call_kind kind, uint64_t number, json_t *members);
void program_drop_calls(struct driver *driver);
/* The program has said what cannot be. */
void program_fault(struct driver *driver, const char *format, ...) AQ_PRINTF(2, 3);

/* ---- workloads.c ---------------------------------------------------------------------------------------- */

int program_workload_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error) AQ_MUST_CHECK;
int program_workload_adopt(struct driver *driver, uint64_t resource, const char *directory,
                           struct aq_error *error) AQ_MUST_CHECK;
bool program_workload_end_leftover(struct driver *driver, uint64_t resource);
void program_workload_stop(struct driver *driver, uint64_t resource);

/* What it has used: what its control group counts, or what the program says. */
bool program_workload_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample);

/* The program is ready: asks for all that it should run. */
void program_workloads_resume(struct driver *driver);
/* It has ended. */
void program_workloads_suspend(struct driver *driver);
/* Asks again for the end of those that the program could not stop. */
void program_workloads_stop_again(struct driver *driver);
/* Gives up what has waited too long for the program, and goes on with what is being cleared. */
void program_workloads_work(struct driver *driver);
uint64_t program_workloads_deadline_ms(const struct driver *driver);
void program_workloads_free(struct driver *driver);

void program_workload_started(struct driver *driver, struct program_workload *workload, const char *identifier,
                              const char *ip_addr, const char *hw_addr);
/* Reports the end, and frees it; its output and its group are closed before. The callback may call the driver. */
void program_workload_over(struct driver *driver, struct program_workload *workload, enum driver_report_kind kind,
                           int exit_status, const char *reason);
void program_workload_write(struct driver *driver, struct program_workload *workload, const char *text, size_t length);

/* ---- commands.c ----------------------------------------------------------------------------------------- */

int program_workload_command(struct driver *driver, const struct driver_command *command,
                             struct aq_error *error) AQ_MUST_CHECK;
void program_workload_end_command(struct driver *driver, uint64_t number);
void program_command_opened(struct driver *driver, uint64_t number); /* its descriptors are not needed any more */
/* Reports the end. Returns false if there is no such command. */
bool program_command_over(struct driver *driver, uint64_t number, int exit_status, const char *reason);
/* All of a workload, or of all workloads if `resource` is 0. */
void program_commands_end(struct driver *driver, uint64_t resource, const char *reason);

/* ---- tasks.c -------------------------------------------------------------------------------------------- */

int program_workload_task(struct driver *driver, const struct driver_task *task, struct aq_error *error) AQ_MUST_CHECK;
void program_workload_end_task(struct driver *driver, uint64_t number);
/* As with commands. `reason` "": it has succeeded. */
bool program_task_over(struct driver *driver, uint64_t number, const char *reason, const char *result);
void program_tasks_end(struct driver *driver, uint64_t resource, const char *reason);

/* ---- judge.c -------------------------------------------------------------------------------------------- */

/* Takes a line of a program that is ready. */
void program_judge(struct driver *driver, const json_t *line);

#endif
