#include "tools/aq/history.h"

#include "tools/aq/events.h"
#include "tools/aq/follow.h"

#include <inttypes.h>
#include <string.h>

static enum cli_exit show_event(struct cli *cli, const struct cli_event *event)
{
    json_error_t unused;
    json_t *json = json_loadb(event->text, event->length, 0, &unused);
    if (json == NULL)
        return cli_fail(CLI_SERVER, "event %" PRIu64 " is not valid JSON", event->seq);
    cli_show_event(json, &cli->options.flags);
    json_decref(json);
    return CLI_DONE;
}

enum cli_exit cli_history(struct cli *cli, const char *entity, const char *key)
{
    const struct aq_entity *of = aq_entity_find(entity);
    enum cli_exit code = CLI_DONE;
    struct cli_event event;
    enum cli_next next;
    uint64_t shown = 0;
    if (of == NULL)
        return cli_fail(CLI_USAGE, "there is no entity \"%.64s\": see aq help", entity);
    const struct cli_follow_options options = {.entity = of->name, .key = key};
    struct cli_follow *follow = cli_follow_open(cli->client, &options);
    while (code == CLI_DONE && (next = cli_follow_next(follow, -1, &event)) != CLI_NEXT_ENDED) {
        if (next == CLI_NEXT_BROKEN)
            code = cli_follow_fail(follow);
        if (next == CLI_NEXT_EVENT) {
            code = show_event(cli, &event);
            shown++;
        }
    }
    cli_follow_close(follow);
    if (code == CLI_DONE && shown == 0)
        code = cli_fail(CLI_REFUSED, "the log has no event about %s %.64s", of->name, key);
    return code;
}
