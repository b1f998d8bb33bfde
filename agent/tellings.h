/* What an agent has to tell the hub about its workloads: it waits, is moved into a report, and is forgotten once the
 * hub has noted the report (workloads_noted()). Of each kind only the newest is told. */
#ifndef AQ_AGENT_TELLINGS_H
#define AQ_AGENT_TELLINGS_H

#include "schema/wire/messages.h"

#include <stdint.h>

struct workload;
struct workloads;

/* The state of a thing to report: nothing, waiting for a report, or the number of the report that holds it. */
enum { TELL_NOTHING = 0 };
#define TELL_WAITS UINT64_MAX

enum workload_tell { TELL_START, TELL_RESTART, TELL_HEALTH, TELL_END, TELLS };

/* What is to be told of a workload, in this order. */
struct telling {
    uint64_t state;           /* as above */
    struct aq_happening what; /* owns its texts */
};

/* Returns a text of a happening, cut to its declared length, for free(). */
const char *tellings_text(const char *field, const char *text);

/* Its texts become the workload's. It is told once it is queued. */
void tellings_set(struct workload *workload, enum workload_tell which, const struct aq_happening *what);
void tellings_queue(struct workloads *workloads, struct workload *workload, enum workload_tell which);
void tellings_free(struct workload *workload); /* their texts */

/* Moves up to `max` things to report into report `number`: fills *happenings, with memory from `arena`. Leaves out what
 * a hub of this form (AQ_WIRE_FORM) does not know. */
void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, uint64_t hub_form,
                    struct aq_list *happenings, struct aq_arena *arena);

#endif
