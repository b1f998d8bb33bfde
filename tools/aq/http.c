#include "tools/aq/http.h"

struct cli_http *cli_http_open(const struct cli_connect *connect, struct aq_error *error)
{
    const struct cli_http_kind *kind = connect->is_near ? &cli_http_near : &cli_http_far;
    struct cli_http *http = kind->open(connect, error);
    if (http != NULL) {
        http->kind = kind;
        http->connect = connect;
    }
    return http;
}

void cli_http_close(struct cli_http *http)
{
    if (http != NULL)
        http->kind->close(http);
}

void cli_http_start(struct cli_http *http, const struct cli_http_request *request)
{
    http->kind->start(http, request);
}

bool cli_http_work(struct cli_http *http, uint64_t timeout_ms, struct cli_http_end *end)
{
    return http->kind->work(http, timeout_ms, end);
}

void cli_http_stop(struct cli_http *http)
{
    http->kind->stop(http);
}
