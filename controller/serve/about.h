/* The events about one row, as they are read from the log: also those of an application's resources, and after the
 * row has left the tables. */
#ifndef AQ_CONTROLLER_SERVE_ABOUT_H
#define AQ_CONTROLLER_SERVE_ABOUT_H

#include "schema/codec/entry.h"
#include "schema/model/key.h"

struct about {
    const struct aq_entity *entity; /* NULL: every event is wanted */
    char name[AQ_NAME_MAX + 1];     /* of the row, */
    uint64_t number;                /* or its number */
    uint64_t *resources;            /* of the application, as far as its events were seen */
    size_t count, capacity;
};

/* `text` is the row's key. Fails where aq_key_from_text() fails. */
int about_begin(struct about *about, const struct aq_entity *entity, const char *text,
                struct aq_error *error) AQ_MUST_CHECK;
/* Is the event about the row? To be asked about each event, in order. */
bool about_takes(struct about *about, const struct aq_event *event);
void about_end(struct about *about);

#endif
