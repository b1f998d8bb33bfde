/* Changes: reads the tables at start and new events from then on, and notes which agents must be told of them. */
#ifndef AQ_CONTROLLER_HUB_CHANGES_H
#define AQ_CONTROLLER_HUB_CHANGES_H

#include "controller/hub/base.h"
#include "controller/hub/fetches.h"
#include "controller/hub/sessions.h"

struct hub_changes {
    struct hub_base *base;
    struct hub_sessions *sessions;
    struct hub_fetches *fetches;
    bool loaded;       /* the tables were read; from then on, events tell */
    uint64_t seen_seq; /* all events up to here were read */
};

/* Reads events that are new, up to a bound. True: there are more. */
bool changes_read(struct hub_changes *changes);

#endif
