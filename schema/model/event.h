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

/* An earlier version whose fields mean something else than those of the present one. A form that only lacks the last
 * fields needs none of this: they get their presets. In the .c file, after aq_<what>_fields of the earlier form:
 * AQ_OLDER_EVENT(user_created, 1, aq_user_created_1, convert): for all versions up to this one and after the one of the
 * next older form. */
struct aq_older_event {
    const struct aq_event_type *type;
    unsigned version;
    const struct aq_record *record;
    /* Fills the present struct, which is zeroed; what it points to may be that of the older one. */
    void (*convert)(const void *older, void *present);
};
#define AQ_OLDER_EVENT(event, edition, older, fn)                                                                      \
    static const struct aq_older_event fn##_older = {&aq_event_##event, edition, &older##_record, fn};                 \
    AQ_REGISTER(aq_older_events, aq_older_event, fn##_older)

/* The form in which `version` of the event is read; NULL: the present one. */
const struct aq_older_event *aq_event_older(const struct aq_event_type *type, uint64_t version);
const struct aq_older_event *aq_older_event_at(size_t index); /* NULL after the last */

const struct aq_event_type *aq_event_type_find(unsigned code);
const struct aq_event_type *aq_event_type_at(size_t index); /* in order of code; NULL after the last */

#endif
