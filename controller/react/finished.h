/* Removes finished applications from the tables that are older, or more, than the settings keep (keep.finished). */
#ifndef AQ_CONTROLLER_REACT_FINISHED_H
#define AQ_CONTROLLER_REACT_FINISHED_H

#include "controller/react/commands.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"

struct finished {
    struct react_commands *commands;
    const struct aq_config_keep_finished *keep; /* live settings */
    uint64_t next_ms;                           /* when to look again, on the steady clock; 0: at once */
};

/* Sends application_remove for the oldest ones, AQ_REMOVED_AT_ONCE at most, if it is time to look. More are left then:
 * the next turn, when these are gone, sends them. `time_ms` is the log's time. */
void finished_remove_old(struct finished *finished, struct state_txn *txn, uint64_t steady_ms, uint64_t time_ms);

#endif
