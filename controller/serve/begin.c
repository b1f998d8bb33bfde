#include "controller/serve/begin.h"

#include "controller/serve/answer.h"
#include "controller/serve/browser.h"
#include "controller/serve/waits.h"
#include "schema/codec/url.h"

#include <stdio.h>
#include <string.h>

static int parse_uri(struct request *request)
{
    char *path = aq_arena_text(&request->arena, request->path, strlen(request->path));
    char *parameters = strchr(path, '?');
    if (parameters != NULL)
        *parameters++ = '\0';
    request->path = aq_arena_text(&request->arena, path, strlen(path));
    if (aq_url_split_path(path, request->segments, SEGMENTS_MAX, &request->segment_count, &request->error) != 0)
        return -1;
    return query_parse(&request->query, parameters, &request->error);
}

void request_route(struct request *request, const struct routes *routes)
{
    if (parse_uri(request) == 0)
        route_find(routes, request);
}

/* ---- the first step ------------------------------------------------------------------------------------- */

/* A read may ask for a minimum seq, so that callers read their own writes. */
static enum outcome begin_read(struct request *request)
{
    uint64_t least = 0, from_header = 0;
    const char *header = request_header(request, "X-Aquarium-Seq");
    if (request->error.code != AQ_OK || query_take_number(&request->query, "min_seq", &least, &request->error) != 0 ||
        (header != NULL && query_number("X-Aquarium-Seq", header, 0, UINT64_MAX, &from_header, &request->error) != 0))
        return answer_error(request);
    least = from_header > least ? from_header : least;
    request->step = request->handler;
    if (least > writer_seq(request->backend->writer))
        return waits_add(request->backend->waits, request, least);
    return request->handler(request);
}

enum outcome request_begin(struct request *request)
{
    if (request->error.code != AQ_OK)
        return answer_error(request);
    if (request->command != NULL && browser_check(request) != 0)
        return answer_error(request);
    if (request_check_permission(request) != 0)
        return answer_error(request);
    if (request_reads(request) && request->access >= ACCESS_USER && request->command == NULL)
        return begin_read(request);
    return request->handler(request);
}
