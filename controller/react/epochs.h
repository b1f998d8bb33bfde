/* Epochs of secrets (schema/model/epoch.h): begins one when the open one is old, wraps data keys anew that older ones
 * wrap, ends those that wrap none, and deletes the keys of those that have ended. */
#ifndef AQ_CONTROLLER_REACT_EPOCHS_H
#define AQ_CONTROLLER_REACT_EPOCHS_H

#include "controller/react/commands.h"
#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"

struct epochs {
    struct react_commands *commands;
    struct door *door;                        /* NULL: there are no secrets */
    const struct aq_config_secrets *settings; /* live */
    uint64_t next_ms;                         /* of the log's time: look again then; 0: only after an event */
};

/* `time_ms` is the log's time. */
void epochs_look(struct epochs *epochs, struct state_txn *txn, uint64_t time_ms);

#endif
