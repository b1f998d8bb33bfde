/* Finds the step that answers a path. Fixed routes are in one table; the routes of entities follow from the registry.
 *
 *   /api/v1/<entity>/              list, create
 *   /api/v1/<entity>/<verb>        another command that creates
 *   /api/v1/<entity>/:key          one row, update, delete
 *   /api/v1/<entity>/:key/<field>  one field, or the row that it refers to
 *   /api/v1/<entity>/:key/<verb>   a command
 *   /api/v1/<entity>/:key/<view>   what else can be read about a row
 *
 * <entity> is the singular or the plural; a slash at the end may be left out. */
#ifndef AQ_CONTROLLER_SERVE_ROUTE_H
#define AQ_CONTROLLER_SERVE_ROUTE_H

#include "controller/serve/routes.h"

/* Gathers the fixed routes and those of the registry. */
void routes_gather(struct routes *routes, bool get_deallocate);

/* Fills handler, access, entity, command, field and key of the request. Sets its error, and allow, if there is no such
 * route. */
void route_find(const struct routes *routes, struct request *request);

#endif
