/* Reports to the hub: what became of workloads, and answers to what the hub asked for: logs, and shutting down.
 *
 * One report is sent at a time, and repeated unchanged until the hub has noted it. What happens meanwhile waits for the
 * next one. */
#ifndef AQ_AGENT_REPORT_H
#define AQ_AGENT_REPORT_H

#include "agent/shutdown.h"
#include "agent/workloads.h"

enum { REPORT_ANSWERS_MAX = 64 }; /* that wait to be sent */

/* Zeroed memory is an empty one. */
struct report {
    struct aq_report message; /* number 0: none is being sent */
    struct aq_arena arena;    /* of message */
    uint64_t last_number;
    struct aq_told answers[REPORT_ANSWERS_MAX]; /* the first of them are in `message` */
    uint32_t answer_count;
    size_t answer_bytes;
    struct shutdown shutdown;
};

void report_free(struct report *report);

/* There is something to report. */
bool report_is_due(const struct report *report, const struct workloads *workloads);

/* Returns the report that is being sent, and composes one first if there is none. */
const struct aq_report *report_compose(struct report *report, struct workloads *workloads, const char *name,
                                       uint64_t session, uint64_t hub_form);
/* Moves the report that is being sent to another session. */
void report_set_session(struct report *report, uint64_t session);

/* The hub has noted report `number`. Returns false if it is not the one that is being sent. */
bool report_noted(struct report *report, struct workloads *workloads, uint64_t number);

/* Adds the log that the hub asks for. False: too many answers wait. */
bool report_answer(struct report *report, struct workloads *workloads, const struct aq_ask *ask);

#endif
