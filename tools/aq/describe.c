/* aq describe: a row, and what led to it. */
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "tools/aq/nouns.h"
#include "tools/aq/show.h"

/* The first entity whose rows have names, and that has this one. */
static enum cli_exit find_any(struct cli *cli, const char *word, const struct aq_entity **found,
                              struct cli_reply *reply)
{
    const struct aq_entity *entity;
    struct aq_buffer key = {0}, kinds = {0};
    enum cli_exit code = CLI_REFUSED;
    for (size_t i = 0; code == CLI_REFUSED && (entity = aq_entity_at(i)) != NULL; i++) {
        if (!aq_entity_is_named(entity) && entity->group == NULL)
            continue;
        aq_buffer_reset(&key);
        aq_buffer_format(&kinds, "%s%s", kinds.length > 0 ? ", " : "", entity->name);
        code = cli_try_find(cli, entity, word, reply);
        *found = entity;
        if (code == CLI_REFUSED)
            cli_reply_close(reply);
    }
    if (code == CLI_REFUSED)
        (void)cli_fail(code, "nothing is called \"%.64s\": no %s", word, aq_buffer_string(&kinds));
    else if (code != CLI_DONE)
        (void)cli_reply_fail(reply);
    aq_buffer_free(&key);
    aq_buffer_free(&kinds);
    return code;
}

static enum cli_exit describe(struct cli *cli, const struct aq_entity *entity, const char *word)
{
    struct cli_reply reply = {0};
    struct aq_buffer key = {0};
    size_t index = 0;
    enum cli_exit code = entity != NULL ? cli_find(cli, entity, word, &reply) : find_any(cli, word, &entity, &reply);
    if (code == CLI_DONE) {
        cli_show_one(entity->record, reply.data, &cli->options.flags);
        cli_row_key(entity->record, reply.data, &key);
    }
    cli_reply_close(&reply);
    for (const struct aq_view *view; code == CLI_DONE && (view = cli_view_at(&index)) != NULL;) {
        bool led = view->entity == entity && (view->kind == AQ_VIEW_WHY || view->kind == AQ_VIEW_EVENTS);
        if (!led || cli_wants_data(&cli->options.flags))
            continue;
        cli_print("\n", 1);
        code = cli_view_show(cli, view, aq_buffer_string(&key));
    }
    aq_buffer_free(&key);
    return code;
}

enum cli_exit cli_describe(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count)
{
    enum cli_exit worst = CLI_DONE;
    if (count == 0)
        return cli_fail(CLI_USAGE, "name one or more: aq describe %s KEY...", entity != NULL ? entity->name : "");
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            cli_print("\n", 1);
        enum cli_exit code = describe(cli, entity, words[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}
