/* Prints the OpenAPI document, as the controller serves it. */
#include "controller/serve/openapi.h"
#include "controller/serve/route.h"

#include <stdio.h>

int main(void)
{
    static struct routes routes;
    routes_gather(&routes, true);
    json_t *document = openapi_make(&routes);
    int failed = json_dumpf(document, stdout, JSON_INDENT(2));
    json_decref(document);
    return failed != 0;
}
