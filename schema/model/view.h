/* Views: what can be read about a row besides its fields, such as `why`. An entity declares which views it has; each
 * face (REST, files, aq) binds the kinds of views to what renders them, and shows those that it has a renderer for. */
#ifndef AQ_SCHEMA_MODEL_VIEW_H
#define AQ_SCHEMA_MODEL_VIEW_H

#include "schema/model/entity.h"

enum aq_view_kind {
    AQ_VIEW_WHY,        /* text: how an application was placed */
    AQ_VIEW_EVENTS,     /* events about the row, oldest first */
    AQ_VIEW_VOTES,      /* rows of aq_vote about the row */
    AQ_VIEW_OUTPUT,     /* bytes: the newest output of a workload, fetched from its node */
    AQ_VIEW_LIVE,       /* the values of entity->live */
    AQ_VIEW_DEFINITION, /* YAML: the row in the form in which its entity's create takes it */
    AQ_VIEW_RIGHTS,     /* a line for each permission that the row, a user or a role, has */
    AQ_VIEW_EXEC,       /* commands that callers run in a workload: sessions, which REST offers */
    AQ_VIEW_LOAD,       /* what is used now, of entity->live; and, where it is kept, what was used */
    aq_view_kind_count
};

struct aq_view {
    const struct aq_entity *entity;
    const char *name; /* of the route, the file and the verb */
    enum aq_view_kind kind;
    const char *help;
};

/* In the .c file of the entity: AQ_VIEW(application, "why", AQ_VIEW_WHY, "one line of help") */
#define AQ_VIEW(of, what, view_kind, words)           AQ_VIEW_ROW(of, what, view_kind, words, __LINE__)
#define AQ_VIEW_ROW(of, what, view_kind, words, line) AQ_VIEW_AT(of, what, view_kind, words, line)
#define AQ_VIEW_AT(of, what, view_kind, words, line)                                                                   \
    static const struct aq_view of##_view_##line = {&aq_entity_##of, what, view_kind, words};                          \
    AQ_REGISTER(aq_views, aq_view, of##_view_##line)

const struct aq_view *aq_view_of(const struct aq_entity *entity, const char *name); /* NULL: none */
const struct aq_view *aq_view_at(size_t index); /* by entity, in order of rank, then kind; NULL after the last */

#endif
