/* What the agent has to tell the hub: what became of its workloads, and the logs that the hub asked for.
 *
 * One report is under way at a time. It is sent again, word for word, until the hub has noted it; what happens
 * meanwhile waits for the next one. */
#ifndef AQ_AGENT_REPORT_H
#define AQ_AGENT_REPORT_H

#include "agent/workloads.h"

enum { REPORT_ANSWERS_MAX = 64 }; /* that wait to be told */

/* Zeroed memory is a report of nothing. */
struct report {
    struct aq_report message; /* number 0: no report is under way */
    struct aq_arena arena;    /* of message */
    uint64_t last_number;
    struct aq_told answers[REPORT_ANSWERS_MAX]; /* the first of them are in `message` */
    uint32_t answer_count;
    size_t answer_bytes;
};

void report_free(struct report *report);

/* There is something to tell. */
bool report_is_due(const struct report *report, const struct workloads *workloads);

/* The report that is under way, which is composed first if there is none. */
const struct aq_report *report_compose(struct report *report, struct workloads *workloads, const char *name,
                                       uint64_t session);
/* The report that is under way belongs to this session. */
void report_set_session(struct report *report, uint64_t session);

/* The hub has noted report `number`. False: that is not the one under way. */
bool report_noted(struct report *report, struct workloads *workloads, uint64_t number);

/* Answers the hub's question for a log. While too many answers wait, the question is dropped, and times out. */
void report_answer(struct report *report, struct workloads *workloads, const struct aq_ask *ask);

#endif
