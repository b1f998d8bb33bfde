/* Which step answers which path: the fixed routes stand in one table; those of entities follow from the registry.
 *
 *   /api/v1/<entity>/              list, create
 *   /api/v1/<entity>/:key          one row, update, delete
 *   /api/v1/<entity>/:key/<field>  one field, or the row that it refers to
 *   /api/v1/<entity>/:key/<verb>   a command
 *   /api/v1/<entity>/:key/<view>   what is told about a row beside its fields
 *
 * <entity> may be the singular or the plural, with or without the last slash. */
#ifndef AQ_CONTROLLER_SERVE_ROUTE_H
#define AQ_CONTROLLER_SERVE_ROUTE_H

#include "controller/serve/request.h"

enum { ROUTES_ENTITIES_MAX = 64 };

/* A route that is not made from the registry; all are GET. */
struct route {
    const char *path; /* "api/v1/me"; a last part "..." stands for any number of parts */
    enum access access;
    request_step *step;
    const char *type; /* of the answer */
    const char *help;
};
const struct route *route_at(size_t index); /* NULL behind the last */

/* What can be asked about a row beside its fields. */
struct view {
    const char *entity, *name;
    request_step *step;
    const char *help;
};
const struct view *view_at(size_t index); /* NULL behind the last */

struct entity_routes {
    const struct aq_entity *entity;
    const struct aq_command *creates, *updates, *deletes;
};

/* The registry, gathered once. */
struct routes {
    struct entity_routes rows[ROUTES_ENTITIES_MAX];
    size_t count;
};
void routes_gather(struct routes *routes);

/* Fills handler, access, entity, command, field and key of the request; or its error. */
void route_find(struct request *request);

#endif
