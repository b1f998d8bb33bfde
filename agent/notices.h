/* Notices: what an agent has to report to the hub about its workloads. A notice waits, is moved into a report, and is
 * dropped once the hub has noted the report (workloads_noted()). Of each kind only the newest is reported. */
#ifndef AQ_AGENT_NOTICES_H
#define AQ_AGENT_NOTICES_H

#include "schema/wire/messages.h"

#include <stdint.h>

struct workload;
struct workloads;

/* The state of a notice: there is none, it waits for a report, or the number of the report that has it. */
enum { NOTICE_NONE = 0 };
#define NOTICE_WAITS UINT64_MAX

enum notice_kind { NOTICE_START, NOTICE_RESTART, NOTICE_HEALTH, NOTICE_END, NOTICE_KINDS };

/* They are reported in the order of their kinds. */
struct notice {
    uint64_t state;           /* as above */
    struct aq_happening what; /* owns its texts */
};

/* Returns a text of a happening, cut to its declared length, for free(). */
const char *notices_text(const char *field, const char *text);

/* Its texts become the workload's. It is reported once it is queued. */
void notices_set(struct workload *workload, enum notice_kind which, const struct aq_happening *what);
void notices_queue(struct workloads *workloads, struct workload *workload, enum notice_kind which);
void notices_free(struct workload *workload); /* their texts */

/* Moves up to `max` notices into report `number`: fills *happenings, with memory from `arena`. Leaves out what
 * a hub of this form (AQ_WIRE_FORM) does not know. */
void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, uint64_t hub_form,
                    struct aq_list *happenings, struct aq_arena *arena);

#endif
