/* The drivers that this agent uses: those that its settings name and that work on this host. Those that are built in
 * are opened first; agent/programs.h adds those that are programs. */
#ifndef AQ_AGENT_DRIVERS_H
#define AQ_AGENT_DRIVERS_H

#include "drivers/driver.h"
#include "schema/model/record.h"

enum { DRIVERS_MAX = 32 };

struct opened_driver {
    const struct driver_type *type;
    struct driver *driver;
};

/* Zeroed memory has none open. */
struct drivers {
    struct opened_driver opened[DRIVERS_MAX];
    uint32_t count;
    const struct aq_clocks *now; /* of the agent's turn */
    driver_report_fn *report;
    void *context;
};

/* Fails if `wanted` names a driver that is neither built in nor, with `programs`, could be a program. */
int drivers_check(const struct aq_list *wanted, bool programs, struct aq_error *error) AQ_MUST_CHECK;
bool drivers_are_wanted(const char *name, const struct aq_list *wanted);

/* Opens the built-in drivers that `wanted` names, or all if it is empty. One that does not work on this host is left
 * out, with a line in the journal. All report to `report`, and take the time from `now`. */
void drivers_open(struct drivers *drivers, const char *node, const struct aq_list *wanted, const struct aq_clocks *now,
                  driver_report_fn *report, void *context);
/* Adds one that is open. There must be room. */
void drivers_add(struct drivers *drivers, const struct driver_type *type, struct driver *driver);
void drivers_close(struct drivers *drivers); /* leaves workloads running */

const struct opened_driver *drivers_find(const struct drivers *drivers, const char *name); /* NULL: it is not open */

/* The names of those that can start workloads now, for DRIVERS_MAX. Returns how many. */
uint32_t drivers_names(const struct drivers *drivers, const char *names[]);
/* What those say of themselves that are programs, up to `most` lines, in `arena`. */
struct aq_list drivers_describe(const struct drivers *drivers, uint32_t most, struct aq_arena *arena);
/* It is known of each whether it can. */
bool drivers_are_settled(const struct drivers *drivers);
/* One of them looks itself how this child of the agent ends. */
bool drivers_wait_for(const struct drivers *drivers, pid_t child);
/* Grows when that, or what a driver can do, changes. */
unsigned drivers_changes(const struct drivers *drivers);

/* Tells them what the owner of the node allows. */
void drivers_allow(const struct drivers *drivers, const struct aq_allowance *allowance);

/* Tells them the settings that are for them. */
void drivers_configure(const struct drivers *drivers, const struct driver_settings *settings);

uint64_t drivers_deadline_ms(const struct drivers *drivers); /* steady: call drivers_work() then at the latest */
void drivers_work(const struct drivers *drivers);

#endif
