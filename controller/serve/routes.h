/* The routes as data: route.c looks requests up in them, openapi.c describes them. */
#ifndef AQ_CONTROLLER_SERVE_ROUTES_H
#define AQ_CONTROLLER_SERVE_ROUTES_H

#include "controller/serve/request.h"
#include "schema/model/view.h"

enum { ROUTES_ENTITIES_MAX = 64 };

/* A route that does not come from the registry; all are GET. */
struct route {
    const char *path; /* "api/v1/me"; "..." at the end matches any number of parts */
    enum access access;
    request_step *step;
    const char *type; /* of the answer */
    const char *help;
    const struct aq_record *list; /* if the answer is a list: of these */
};

/* The step that renders a kind of view. A view whose kind has none is not served. */
struct view_renderer {
    request_step *step;
    const char *parameters; /* of the query, for its description: "; ?size=" */
};

struct entity_routes {
    const struct aq_entity *entity;
    const struct aq_command *creates, *updates, *deletes;
};

struct routes {
    bool get_deallocate;                   /* commands that may_get are taken with GET, too */
    const struct route *fixed;             /* ends with a path that is NULL */
    const struct view_renderer *renderers; /* one for each aq_view_kind */
    struct entity_routes rows[ROUTES_ENTITIES_MAX];
    size_t count;
};

#endif
