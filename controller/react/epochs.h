/* Epochs of secrets (schema/model/epoch.h): begins one when the open one is old, wraps data keys anew that older ones
 * wrap, ends those that wrap none, and deletes the keys of those that have ended. */
#ifndef AQ_CONTROLLER_REACT_EPOCHS_H
#define AQ_CONTROLLER_REACT_EPOCHS_H

#include "controller/react/commands.h"
#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"
#include "schema/base/journal.h"

enum { EPOCHS_TOLD = 64 };

struct epochs {
    struct react_commands *commands;
    struct door *door;                         /* NULL: there are no secrets */
    const struct aq_config_secrets *settings;  /* live */
    uint64_t next_ms;                          /* of the log's time: look again then; 0: only after an event */
    char told[EPOCHS_TOLD][KEYRING_NAME_SIZE]; /* whose lost keys the journal names; "": none */
    struct aq_journal_count unspared;          /* times at which no spare key could be made */
    uint64_t spare_ms;                         /* of the log's time: when the next try may be */
    struct aq_journal_count unbegun;           /* times at which none could begin */
};

/* `time_ms` is the log's time. */
void epochs_look(struct epochs *epochs, struct state_txn *txn, uint64_t time_ms);

#endif
