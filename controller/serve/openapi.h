/* The OpenAPI 3.0.3 document. It is made from the registry and the routes, and describes exactly what they declare. */
#ifndef AQ_CONTROLLER_SERVE_OPENAPI_H
#define AQ_CONTROLLER_SERVE_OPENAPI_H

#include "controller/serve/routes.h"

#include <jansson.h>

/* The document as it is served: made for the first request for it. */
struct openapi {
    const struct routes *routes;
    struct aq_buffer text;
};

/* Makes the document. The caller owns the reference. */
json_t *openapi_make(const struct routes *routes);

/* ---- openapi_schema.c: schemas of records
 * ---------------------------------------------------------------------------- */

/* The schema of one field. `input`: as it may be sent, which allows more forms than the answer has. Adds the records
 * that the field refers to to `schemas`. */
json_t *openapi_field(const struct aq_field *field, bool input, json_t *schemas);
/* Adds the record to `schemas`, under its name, unless it is there. Returns a {"$ref": ...} to it. */
json_t *openapi_record(const struct aq_record *record, bool input, json_t *schemas);

#endif
