/* The routes as data: route.c looks requests up in them, openapi.c describes them. */
#ifndef AQ_CONTROLLER_SERVE_ROUTES_H
#define AQ_CONTROLLER_SERVE_ROUTES_H

#include "controller/serve/request.h"
#include "schema/model/view.h"

enum { ROUTES_ENTITIES_MAX = 64 };

/* A route that does not come from the registry; all are GET. */
struct route {
    const char *path; /* "api/v1/me"; "..." at the end matches any number of parts */
    const char *id;   /* of the operation, for generated clients */
    enum access access;
    request_step *step;
    const char *type; /* of the answer */
    const char *help;
    const struct aq_record *row;        /* the answer has one of these, or a list; NULL: something else */
    const struct aq_record *parameters; /* besides those of reads; a list has those of lists */
    bool list;
    const char *permission; /* that it takes from users; NULL: none, or its step asks for rights itself */
};

/* The step that renders a kind of view. A view whose kind has none is not served. */
struct view_renderer {
    request_step *step;
    const struct aq_record *parameters; /* of the query; NULL: none of its own */
};

struct entity_routes {
    const struct aq_entity *entity;
    const struct aq_command *creates, *updates, *deletes;
};

/* The forms of queries. */
struct query_form route_form(const struct route *route);
struct query_form route_form_of_list(const struct aq_record *row);
struct query_form route_form_of_read(const struct aq_record *parameters); /* NULL: none of its own */
struct query_form route_form_of_write(void);

struct routes {
    bool get_deallocate;                   /* commands that may_get are taken with GET, too */
    const struct route *fixed;             /* ends with a path that is NULL */
    const struct view_renderer *renderers; /* one for each aq_view_kind */
    struct entity_routes rows[ROUTES_ENTITIES_MAX];
    size_t count;
};

#endif
