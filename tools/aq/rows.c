/* Rows of a list, page by page. */
#include "tools/aq/nouns.h"

#include <inttypes.h>

enum { PAGE_ROWS = 1000 };

/* "next": where the next page starts; false: there is none. */
static bool next_page(const struct cli_reply *reply, struct aq_buffer *after)
{
    const json_t *next = json_object_get(reply->json, "next");
    aq_buffer_reset(after);
    if (json_is_integer(next))
        aq_buffer_format(after, "%" JSON_INTEGER_FORMAT, json_integer_value(next));
    else if (json_is_string(next) && json_string_length(next) > 0)
        cli_url_escape(json_string_value(next), after);
    return after->length > 0;
}

enum cli_exit cli_read_rows(struct cli *cli, const struct cli_rows *wanted, json_t **rows, uint64_t *seq, bool *more)
{
    struct aq_buffer after = {0};
    enum cli_exit code = CLI_DONE;
    *rows = json_array();
    *more = true;
    while (*more && json_array_size(*rows) < wanted->most && code == CLI_DONE) {
        struct cli_reply reply;
        uint64_t left = wanted->most - json_array_size(*rows);
        code = cli_client_get(cli->client, &reply, "%s?limit=%" PRIu64 "%s%s%s", wanted->path,
                              left < PAGE_ROWS ? left : PAGE_ROWS, wanted->query, after.length ? "&after=" : "",
                              aq_buffer_string(&after));
        bool forbidden = code != CLI_DONE && reply.status == 403 && wanted->forbidden != NULL;
        if (forbidden) {
            *wanted->forbidden = true;
            *more = false;
            code = CLI_DONE;
        } else if (code == CLI_DONE && !json_is_array(reply.data))
            code = cli_fail(CLI_SERVER, "the server's answer contains no list");
        else if (code != CLI_DONE)
            (void)cli_reply_fail(&reply);
        if (code == CLI_DONE && !forbidden) {
            if (*seq == 0)
                *seq = reply.seq; /* of the first page: events report later changes */
            *more = next_page(&reply, &after);
            json_array_extend(*rows, reply.data);
        }
        cli_reply_close(&reply);
    }
    aq_buffer_free(&after);
    if (code == CLI_DONE)
        return code;
    json_decref(*rows);
    *rows = NULL;
    return code;
}
