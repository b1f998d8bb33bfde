/* Types of events: what can have happened. */
#ifndef AQ_SCHEMA_MODEL_EVENT_H
#define AQ_SCHEMA_MODEL_EVENT_H

#include "schema/model/entity.h"

struct aq_event_type {
    unsigned code;                  /* in the log: never changed, never reused */
    const struct aq_record *record; /* its name is the event's name, its version the event's version */
    const struct aq_entity *entity;
};

/* AQ_DECLARE_EVENT(label_created) in the header, after aq_label_created_fields; in the .c file
 * AQ_EVENT(label, created, 10, 1, "one line of help"): entity, what happened, code, version. A new version is noted in
 * events.lock (make events-lock). */
#define AQ_DECLARE_EVENT(event)                                                                                        \
    AQ_DECLARE(aq_##event)                                                                                             \
    extern const struct aq_event_type aq_event_##event;
#define AQ_EVENT(of, what, number, edition, words)                                                                     \
    AQ_DEFINE(aq_##of##_##what, #of "_" #what, edition, words)                                                         \
    const struct aq_event_type aq_event_##of##_##what = {number, &aq_##of##_##what##_record, &aq_entity_##of};         \
    AQ_REGISTER(aq_events, aq_event_type, aq_event_##of##_##what)

const struct aq_event_type *aq_event_type_find(unsigned code);
const struct aq_event_type *aq_event_type_at(size_t index); /* in order of code; NULL after the last */

#endif
