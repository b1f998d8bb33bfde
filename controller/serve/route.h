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

#include "controller/serve/routes.h"

/* Gathers the routes: the fixed ones, and those of the registry. */
void routes_gather(struct routes *routes, bool get_deallocate);

/* Fills handler, access, entity, command, field and key of the request; or its error. */
void route_find(const struct routes *routes, struct request *request);

#endif
