/* What is to be made of workloads: snapshots and images. The hub names a task in each delivery of its workload until it
 * is over (struct aq_task_order); the agent gives it to the driver once, when the workload runs.
 *
 * How it ended is stored on disk before it is reported, so that an agent that is killed then reports it again, and
 * makes nothing twice. One that was under way is begun again, with the same number, and the driver replaces what is
 * half made. After the hub has noted the end, the task is kept until a delivery does not name it any more: an older
 * delivery that comes late does not begin it again. */
#ifndef AQ_AGENT_WORKLOAD_TASKS_H
#define AQ_AGENT_WORKLOAD_TASKS_H

#include "drivers/driver.h"
#include "schema/wire/messages.h"

struct workload;
struct workloads;

enum workload_task_phase {
    TASK_WAITS,    /* until the workload runs, and its driver takes it */
    TASK_RUNS,     /* its driver has it */
    TASK_ENDED,    /* which is not on disk yet */
    TASK_STORED,   /* it is to be reported */
    TASK_REPORTED, /* it is in a report */
    TASK_NOTED,    /* the hub knows */
};

struct workload_task {
    uint64_t number, resource;
    enum aq_task_kind kind;
    enum workload_task_phase phase;
    bool given_up;   /* RUNS: nobody wants it any more */
    uint64_t report; /* REPORTED: number of the report */
    char *name;
    bool failed;
    char *reason, *result;
};

/* Zeroed memory has none. */
struct workload_tasks {
    struct workload_task *items;
    size_t count, capacity;
    size_t unreported; /* STORED */
    size_t due;        /* WAITS and ENDED */
    uint64_t again_ms; /* steady: when those that are due are looked at again; 0: in the next turn */
};

void workload_tasks_free(struct workload_tasks *tasks);

/* The tasks that a delivery names for the workload, all of them. */
void workload_tasks_take(struct workloads *workloads, const struct workload *workload, const struct aq_list *orders);
/* Those whose end an earlier run of the agent has stored. */
void workload_tasks_adopt(struct workloads *workloads, uint64_t resource);
/* The workload is gone: so are its tasks. */
void workload_tasks_drop(struct workloads *workloads, uint64_t resource);
/* A driver reports that one has ended. */
void workload_tasks_end(struct workloads *workloads, const struct driver_report *report);

/* Begins what can be begun, and stores what has ended. */
void workload_tasks_work(struct workloads *workloads);
uint64_t workload_tasks_deadline_ms(const struct workloads *workloads);

/* Moves up to `most` ends into report `number`: fills *told, with memory from `arena`. */
void workload_tasks_tell(struct workloads *workloads, uint64_t number, uint32_t most, uint64_t hub_form,
                         struct aq_list *told, struct aq_arena *arena);
void workload_tasks_noted(struct workloads *workloads, uint64_t number);

#endif
