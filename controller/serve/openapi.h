/* The OpenAPI 3.0.3 document. It is made from the registry and the routes, and describes exactly what they declare.
 *
 * openapi.c has the paths, openapi_operation.c the parts of one operation, openapi_schema.c the schemas of records. */
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

/* ---- openapi_operation.c ------------------------------------------------------------------------------------ */

struct openapi_operation {
    const char *id; /* unique: generated clients have a function of this name */
    const char *summary, *tag;
    const char *type; /* of the answer */
    json_t *schema;   /* of the answer; taken over */
    enum access access;
    const struct aq_entity *row; /* whose key is in the path; NULL: there is none */
    struct query_form form;
    bool writes;
    bool acts;                              /* it fails as what writes does, but has none of its headers */
    const struct aq_permission *permission; /* that it takes; NULL: none, or its help says which */
};

/* The operation with its parameters, answers and errors. */
json_t *openapi_operation(const struct openapi_operation *of);
/* Adds a parameter, taking the schema over. `where`: "path", "query" or "header". */
void openapi_add_parameter(json_t *operation, const char *where, const char *name, const char *help, json_t *schema);
/* The answer that refers to this is described once: {"message", "data", "error", "seq"}. */
json_t *openapi_error(void);

/* {"message", "data": <schema>, "seq"}. Takes `data` over, and `next`, the schema of the next page's key (NULL: there
 * are no pages). */
json_t *openapi_envelope(json_t *data, json_t *next);
/* Adds a member that an envelope may have. */
void openapi_envelope_add(json_t *envelope, const char *name, const char *help, json_t *schema);

json_t *openapi_type(const char *type); /* {"type": type} */
json_t *openapi_list(json_t *items);    /* taken over */

/* ---- openapi_exec.c ----------------------------------------------------------------------------------------- */

/* Adds the operations on commands in workloads. */
void openapi_add_exec(json_t *paths, json_t *schemas);

/* ---- openapi_schema.c --------------------------------------------------------------------------------------- */

/* The schema of one field. `input`: as it may be sent, which allows more forms than the answer has. Adds the records
 * that the field refers to to `schemas`. */
json_t *openapi_field(const struct aq_field *field, bool input, json_t *schemas);
/* Adds the record to `schemas`, under its name, unless it is there. Returns a {"$ref": ...} to it. */
json_t *openapi_record(const struct aq_record *record, bool input, json_t *schemas);

#endif
