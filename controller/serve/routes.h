/* The routes as data: what route.c finds a request's handler by, and openapi.c describes. */
#ifndef AQ_CONTROLLER_SERVE_ROUTES_H
#define AQ_CONTROLLER_SERVE_ROUTES_H

#include "controller/serve/request.h"

enum { ROUTES_ENTITIES_MAX = 64 };

/* A route that is not made from the registry; all are GET. */
struct route {
    const char *path; /* "api/v1/me"; a last part "..." stands for any number of parts */
    enum access access;
    request_step *step;
    const char *type; /* of the answer */
    const char *help;
    const struct aq_record *list; /* the answer is a list of these, with a list's parameters; NULL: it is not */
};

/* What can be asked about a row besides its fields. */
struct view {
    const char *entity, *name;
    request_step *step;
    const char *help;
};

struct entity_routes {
    const struct aq_entity *entity;
    const struct aq_command *creates, *updates, *deletes;
};

struct routes {
    bool get_deallocate;       /* applications can be deallocated by GET */
    const struct route *fixed; /* ends with a path that is NULL */
    const struct view *views;  /* ends with a name that is NULL */
    struct entity_routes rows[ROUTES_ENTITIES_MAX];
    size_t count;
};

#endif
