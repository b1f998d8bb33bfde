#include "tools/aq/context.h"

#include "tools/aq/contexts.h"
#include "tools/aq/show.h"

#include <string.h>
#include <unistd.h>

/* clang-format off */
#define cli_context_row_fields(F, T)                                                                                   \
    F(T, name,    NAME(1, 64),  AQ_KEY | AQ_COLUMN, "its name")                                                        \
    F(T, current, BOOL,         AQ_COLUMN,          "it is the one in use")                                            \
    F(T, server,  TEXT(0, 512), AQ_COLUMN,          "address of a controller")                                         \
    F(T, user,    NAME(0, 64),  AQ_COLUMN,          "user to act as")                                                  \
    F(T, fingerprint, TEXT(0, 255), 0,              "fingerprint of the authority that vouches for the server")
AQ_DECLARE(cli_context_row)
/* clang-format on */
AQ_DEFINE(cli_context_row, "context", 1, "a server, a user and a token")

/* What can be shown of it: not the token. */
static json_t *row_of(const char *name, const char *current, const struct cli_context *context)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:s}", "name", name, "current",
                     current != NULL && strcmp(current, name) == 0, "server", context->server, "user", context->user,
                     "fingerprint", context->fingerprint);
}

static enum cli_exit takes_one(const char *verb, const char *const *words, unsigned count)
{
    (void)words;
    return count == 1 ? CLI_DONE : cli_fail(CLI_USAGE, "context %s takes one name: aq context %s NAME", verb, verb);
}

enum cli_exit cli_context_list(struct cli *cli, const char *const *words, unsigned count)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    if (count > 0)
        return cli_fail(CLI_USAGE, "context list takes no words, but there is \"%.64s\"", words[0]);
    if (cli_contexts_list(&names, &error) != 0)
        return cli_fail(CLI_FAILED, "%s", error.message);
    const char *current = cli_contexts_chosen(cli->options.flags.context, &arena);
    json_t *rows = json_array();
    enum cli_exit code = CLI_DONE;
    for (const char *at = aq_buffer_string(&names); *at != '\0'; at += strcspn(at, "\n") + 1) {
        const char *name = aq_arena_text(&arena, at, strcspn(at, "\n"));
        struct cli_context context = {"", "", "", "", ""};
        if (cli_contexts_read(name, &context, &arena, &error) != 0)
            code = cli_fail(CLI_FAILED, "%s", error.message);
        else
            json_array_append_new(rows, row_of(name, current, &context));
    }
    cli_show_rows(&cli_context_row_record, rows, &cli->options.flags, true);
    if (json_array_size(rows) == 0 && code == CLI_DONE)
        cli_note("no contexts; aq login ADDRESS makes one");
    json_decref(rows);
    aq_arena_free(&arena);
    return code;
}

enum cli_exit cli_context_show(struct cli *cli, const char *const *words, unsigned count)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct cli_context context;
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    enum cli_exit code = CLI_DONE;
    const char *current = cli_contexts_chosen(cli->options.flags.context, &arena);
    const char *name = count > 0 ? words[0] : current;
    if (count > 1)
        code = takes_one("show", words, count);
    else if (name == NULL)
        code = cli_fail(CLI_USAGE, "no context is in use: aq context list");
    else if (cli_contexts_read(name, &context, &arena, &error) != 0 || cli_contexts_path(name, &path, &error) != 0)
        code = cli_fail(CLI_FAILED, "%s", error.message);
    if (code == CLI_DONE) {
        json_t *row = row_of(name, current, &context);
        json_object_set_new(row, "file", json_string(aq_buffer_string(&path)));
        cli_show_one(&cli_context_row_record, row, &cli->options.flags);
        json_decref(row);
    }
    aq_arena_free(&arena);
    return code;
}

enum cli_exit cli_context_use(struct cli *cli, const char *const *words, unsigned count)
{
    struct aq_error error = {0};
    (void)cli;
    if (takes_one("use", words, count) != CLI_DONE)
        return CLI_USAGE;
    if (cli_contexts_use(words[0], &error) != 0)
        return cli_fail(CLI_FAILED, "%s", error.message);
    cli_note("context %s is in use", words[0]);
    return CLI_DONE;
}

/* Of what the flags and the environment say, without any other context. The first one is used at once. */
enum cli_exit cli_context_create(struct cli *cli, const char *const *words, unsigned count)
{
    struct aq_error error = {0};
    struct cli_connect connect;
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0}, path = {0};
    if (takes_one("create", words, count) != CLI_DONE)
        return CLI_USAGE;
    if (cli_contexts_path(words[0], &path, &error) != 0 || cli_contexts_list(&names, &error) != 0)
        return cli_fail(CLI_FAILED, "%s", error.message);
    if (access(aq_buffer_string(&path), F_OK) == 0)
        return cli_fail(CLI_FAILED,
                        "context %s exists already, in %s; to replace it, delete it first: aq context delete %s",
                        words[0], aq_buffer_string(&path), words[0]);
    int status = cli_connect_read(&connect, &cli->options.flags, NULL, NULL, &error);
    struct cli_context context = cli_context_of(&connect);
    if (status == 0)
        status = cli_contexts_write(words[0], &context, &error);
    cli_connect_close(&connect);
    if (status == 0 && names.length == 0)
        status = cli_contexts_use(words[0], &error);
    if (status != 0)
        return cli_fail(CLI_FAILED, "%s", error.message);
    if (names.length == 0)
        cli_note("context %s created, and in use", words[0]);
    else
        cli_note("context %s created; to use it: aq context use %s", words[0], words[0]);
    return CLI_DONE;
}

enum cli_exit cli_context_delete(struct cli *cli, const char *const *words, unsigned count)
{
    struct aq_error error = {0};
    (void)cli;
    if (takes_one("delete", words, count) != CLI_DONE)
        return CLI_USAGE;
    if (cli_contexts_delete(words[0], &error) != 0)
        return cli_fail(CLI_FAILED, "%s", error.message);
    cli_note("context %s deleted", words[0]);
    return CLI_DONE;
}
