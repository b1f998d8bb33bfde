/* The OpenAPI 3.0.3 document, made from the registry and the routes: what is declared is described, nothing else. */
#ifndef AQ_CONTROLLER_SERVE_OPENAPI_H
#define AQ_CONTROLLER_SERVE_OPENAPI_H

#include "controller/serve/routes.h"

#include <jansson.h>

/* The document as it is served; made when it is first asked for. */
struct openapi {
    const struct routes *routes;
    struct aq_buffer text;
};

/* Makes the document. The caller owns the reference. */
json_t *openapi_make(const struct routes *routes);

/* ---- openapi_schema.c: records ---------------------------------------------------------------------------- */

/* The schema of one field. `input`: as it may be sent, which is more than what is answered. Records that it holds are
 * added to `schemas`. */
json_t *openapi_field(const struct aq_field *field, bool input, json_t *schemas);
/* Adds the record to `schemas`, under its name, if it is not there yet; returns {"$ref": ...} to it. */
json_t *openapi_record(const struct aq_record *record, bool input, json_t *schemas);

#endif
