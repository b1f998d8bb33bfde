/* What every part of the hub uses: the time, scratch memory, the table of agents, and the way to the writer and back.
 */
#ifndef AQ_CONTROLLER_HUB_BASE_H
#define AQ_CONTROLLER_HUB_BASE_H

#include "controller/auth/issuer.h"
#include "controller/hub/agents.h"
#include "controller/hub/mailbox.h"
#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"
#include "schema/base/journal.h"

struct hub_base {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct state *state;
    const struct issuer *issuer;
    struct door *door;    /* NULL: there are no secrets */
    uint64_t beat_ms;     /* how often agents send a heartbeat */
    uint64_t patience_ms; /* how long a POLL stays open */
    struct mailbox mailbox;
    struct agents agents;
    struct aq_journal_count refusals; /* of agents that would enrol */
    struct aq_clocks now;             /* at the begin of this turn */
    struct aq_arena arena;            /* scratch memory for one message or one scan */
};

/* Submits a request to the writer; sets its `done` and `context`. `item`, whose `run` and `drop` are set, is
 * run in a turn when the request is answered. Fails as writer_submit() does; `item` is not run then. */
int hub_submit(struct hub_base *base, struct writer_request *request, struct hub_item *item,
               struct aq_error *error) AQ_MUST_CHECK;

/* Can the same command succeed a little later? */
bool hub_error_is_temporary(enum aq_error_code code);

#endif
