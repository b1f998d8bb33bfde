#include "tools/aq/tasks.h"

#include "schema/base/clock.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "tools/aq/follow.h"
#include "tools/aq/interrupt.h"
#include "tools/aq/show.h"

#include <string.h>

enum { LOOK_AGAIN_MS = 5000 /* without an event: check now and then all the same */ };

/* ---- the wait --------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *row, const char *field)
{
    const char *text = json_string_value(json_object_get(row, field));
    return text != NULL ? text : "";
}

static int status_of(const json_t *row)
{
    return aq_words_find(&aq_task_status_words, text_of(row, "status"));
}

static bool is_over(const json_t *row)
{
    const int status = status_of(row);
    return status < 0 || aq_task_is_over((enum aq_task_status)status);
}

static void tell(const json_t *row, const char *key, uint64_t began_ms)
{
    const char *node = text_of(row, "node"), *reason = text_of(row, "reason");
    cli_note("%6.1fs  task %s  %s%s%s%s%s", (double)(aq_clock_ms() - began_ms) / 1000, key, text_of(row, "status"),
             node[0] != '\0' ? "  on " : "", node, reason[0] != '\0' ? "  " : "", reason);
}

/* Reads the row once more, and tells of it when it has moved. */
static enum cli_exit look(struct cli *cli, const char *key, uint64_t began_ms, json_t **row)
{
    struct cli_reply reply;
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/task/%s", key);
    if (code == CLI_DONE) {
        if (*row == NULL || status_of(*row) != status_of(reply.data))
            tell(reply.data, key, began_ms);
        json_decref(*row);
        *row = json_incref(reply.data);
    } else {
        (void)cli_reply_fail(&reply);
    }
    cli_reply_close(&reply);
    return code;
}

/* Until it is over. The caller's reference in *row. */
static enum cli_exit wait_for_end(struct cli *cli, const char *key, uint64_t seq, json_t **row)
{
    const uint64_t began_ms = aq_clock_ms();
    struct cli_follow *follow =
        cli_follow_open(cli->client, &(struct cli_follow_options){.since = seq, .forever = true});
    enum cli_exit code;
    cli_client_be_patient(cli->client, UINT64_MAX);
    while ((code = look(cli, key, began_ms, row)) == CLI_DONE && !is_over(*row) && cli_interrupted() == 0)
        (void)cli_follow_change(follow, LOOK_AGAIN_MS);
    cli_client_be_patient(cli->client, 0);
    cli_follow_close(follow);
    if (cli_interrupted() == 0)
        return code;
    cli_note("task %s goes on; to cancel it: aq tasks cancel %s", key, key);
    return (enum cli_exit)(128 + cli_interrupted());
}

/* ---- what was made ------------------------------------------------------------------------------------------ */

static void print_line(const char *text)
{
    cli_print(text, strlen(text));
    cli_print("\n", 1);
}

/* A driver may say nothing: then it has the name that was asked for. */
static void print_result(const json_t *row)
{
    const char *name;
    json_t *value;
    bool any = false;
    json_object_foreach (json_object_get(row, "result"), name, value)
        if (json_is_string(value)) {
            print_line(json_string_value(value));
            any = true;
        }
    if (!any)
        print_line(text_of(row, "name"));
}

static enum cli_exit show(struct cli *cli, const json_t *row, const char *key)
{
    const struct cli_flags *flags = &cli->options.flags;
    const bool done = status_of(row) == AQ_TASK_DONE;
    if (cli_wants_data(flags))
        cli_show_data(row, flags);
    else if (flags->quiet)
        print_line(key);
    else if (done)
        print_result(row);
    if (done || !is_over(row))
        return CLI_DONE;
    return cli_fail(CLI_FAILED, "task %s is in %s: %s", key, text_of(row, "status"), text_of(row, "reason"));
}

/* ---- asking ----------------------------------------------------------------------------------------------- */

/* The task is created. */
static enum cli_exit go_on(struct cli *cli, const char *key, uint64_t seq)
{
    json_t *row = NULL;
    enum cli_exit code = look(cli, key, aq_clock_ms(), &row);
    const bool waits = code == CLI_DONE && strcmp(text_of(row, "when"), "DEALLOCATE") != 0;
    if (waits)
        code = wait_for_end(cli, key, seq, &row);
    else if (code == CLI_DONE)
        cli_note("it is made before the workload is ended");
    if (code == CLI_DONE)
        code = show(cli, row, key);
    json_decref(row);
    return code;
}

static enum cli_exit create(struct cli *cli, const char *const *words, unsigned count)
{
    json_t *keys = NULL;
    uint64_t seq = 0;
    if (cli->options.flags.dry_run)
        return cli_write(cli, &aq_command_task_create, words, count);
    cli_interrupt_catch();
    enum cli_exit code = cli_write_keys(cli, &aq_command_task_create, words, count, &keys, &seq);
    if (code == CLI_SERVER)
        cli_note("whether the task was created is not known; aq tasks shows it");
    if (code == CLI_DONE)
        code = go_on(cli, json_string_value(json_array_get(keys, 0)), seq);
    json_decref(keys);
    return code;
}

static enum cli_exit make(struct cli *cli, const char *const *words, unsigned count, enum aq_task_kind kind)
{
    const char *const name = aq_task_kind_words.words[kind];
    const struct aq_entity *entity = &aq_entity_application, *named = count > 1 ? aq_entity_find(words[0]) : NULL;
    AQ_CLEANUP_BUFFER struct aq_buffer key = {0};
    const char *all[CLI_WORDS_MAX];
    unsigned n = 0;
    if (named == &aq_entity_resource || named == &aq_entity_application) {
        entity = named;
        words++;
        count--;
    }
    if (count == 0 || strchr(words[0], '=') != NULL || count + 2 > CLI_WORDS_MAX)
        return cli_fail(CLI_USAGE, "name one application: aq %s APPLICATION (aq applications lists them)", name);
    enum cli_exit code = cli_find_key(cli, entity, words[0], &key);
    if (code != CLI_DONE)
        return code;
    all[n++] = aq_arena_format(&cli->options.arena, "%s=%s", entity->name, aq_buffer_string(&key));
    all[n++] = aq_arena_format(&cli->options.arena, "kind=%s", name);
    for (unsigned i = 1; i < count; i++)
        all[n++] = words[i];
    return create(cli, all, n);
}

enum cli_exit cli_snapshot(struct cli *cli, const char *const *words, unsigned count)
{
    return make(cli, words, count, AQ_TASK_SNAPSHOT);
}

enum cli_exit cli_image(struct cli *cli, const char *const *words, unsigned count)
{
    return make(cli, words, count, AQ_TASK_IMAGE);
}
