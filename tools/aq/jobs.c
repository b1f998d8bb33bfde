#include "tools/aq/jobs.h"

#include "schema/base/clock.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "tools/aq/interrupt.h"
#include "tools/aq/output.h"
#include "tools/aq/topics.h"
#include "tools/aq/wait.h"

#include <string.h>
#include <strings.h>

enum { WITHDRAW_S = 10 };

int cli_job_status(const json_t *row)
{
    const json_t *status = json_object_get(row, "exit_status");
    if (json_is_integer(status))
        return (int)json_integer_value(status);
    return CLI_JOB_NEVER_RAN;
}

/* ---- giving back ---------------------------------------------------------------------------------------- */

static void withdraw_one(struct cli *cli, const char *key)
{
    struct cli_reply reply;
    struct aq_buffer path = {0};
    aq_buffer_text(&path, "/api/v1/application/");
    cli_url_escape(key, &path);
    aq_buffer_text(&path, "/deallocate");
    struct cli_request request = {.method = "POST", .path = aq_buffer_string(&path), .timeout_s = WITHDRAW_S};
    if (cli_client_ask(cli->client, &request, &reply) == CLI_DONE)
        cli_note("application %s is given back (--keep would leave it)", key);
    else if (reply.status != 404) /* else it is no more */
        cli_note("application %s could not be given back: %s; try: aq applications deallocate %s", key, reply.message,
                 key);
    cli_reply_close(&reply);
    aq_buffer_free(&path);
}

/* Deallocates all that was asked for and is not over. */
static void withdraw(struct cli *cli, const struct cli_wait *wait)
{
    cli_client_be_patient(cli->client, 0);
    for (size_t i = 0; i < json_array_size(wait->keys); i++) {
        int status = cli_status_of(json_array_get(wait->rows, i));
        const char *key = json_string_value(json_array_get(wait->keys, i));
        if (status >= 0 && aq_application_is_over((enum aq_application_status)status))
            continue;
        if (cli->options.flags.keep)
            cli_note("application %s stays; to give it back: aq applications deallocate %s", key, key);
        else
            withdraw_one(cli, key);
    }
}

/* Nobody waits any more, or nobody may see how it goes on. */
static bool gives_back(const struct cli_wait *wait)
{
    return wait->end == CLI_WAIT_TIME_OUT || wait->end == CLI_WAIT_INTERRUPTED || wait->end == CLI_WAIT_BROKEN;
}

/* What is left to do when a wait did not reach what it was for. `time_out` and `other` are exit statuses. */
static enum cli_exit give_up(struct cli *cli, const struct cli_wait *wait, enum cli_exit time_out, enum cli_exit other)
{
    int signal_number = cli_interrupted();
    cli_interrupt_clear();
    if (gives_back(wait))
        withdraw(cli, wait);
    if (wait->end == CLI_WAIT_INTERRUPTED)
        return (enum cli_exit)(128 + signal_number);
    return wait->end == CLI_WAIT_TIME_OUT ? time_out : other;
}

/* ---- attached ------------------------------------------------------------------------------------------- */

/* Prints what the workload prints, until it has ended. False: standard output takes no more. */
static bool print_output(struct cli *cli, const struct cli_wait *wait, const char *key)
{
    uint64_t now_ms = aq_clock_ms(), left_ms = wait->end_ms > now_ms ? wait->end_ms - now_ms : 0;
    bool limited = wait->end_ms != UINT64_MAX;
    const struct cli_output output = {
        .follow = true, .lines = CLI_ALL_LINES, .silent = true, .timeout_s = limited ? left_ms / 1000 + 1 : 0};
    enum cli_exit code = cli_output_show(cli, &aq_entity_application, key, &output);
    return code != CLI_FAILED || cli_interrupted() != 0 || aq_clock_ms() >= wait->end_ms;
}

/* Has the workload run, or does it run? It may be over before it was seen. */
static bool has_run(const struct cli_wait *wait)
{
    const json_t *row = json_array_get(wait->rows, 0);
    return json_is_integer(json_object_get(row, "exit_status")) ||
           (wait->end == CLI_WAIT_REACHED && json_integer_value(json_object_get(row, "last_resource")) > 0);
}

static const char *text_of(const struct cli_wait *wait, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(wait->rows, 0), name));
    return text != NULL ? text : "";
}

/* Its status as far as it is known: perhaps nobody has answered. */
static const char *status_of(const struct cli_wait *wait)
{
    const char *status = text_of(wait, "status");
    return status[0] != '\0' ? status : "a status that is not known, for no controller answers";
}

/* Until the start; the exit status if there is none. */
static enum cli_exit wait_for_start(struct cli *cli, struct cli_wait *wait, const char *key)
{
    wait->no_verdict = true;
    (void)cli_wait(wait);
    if (has_run(wait))
        return CLI_DONE;
    if (wait->end == CLI_WAIT_FAILED || wait->end == CLI_WAIT_REACHED)
        (void)cli_fail(CLI_FAILED, "application %s never ran; it is in %s: %s", key, text_of(wait, "status"),
                       text_of(wait, "description"));
    return give_up(cli, wait, (enum cli_exit)CLI_JOB_TIME_OUT, (enum cli_exit)CLI_JOB_NEVER_RAN);
}

/* From the first move to the end. `wait` has the key of one application, which was created. */
static enum cli_exit attach(struct cli *cli, struct cli_wait *wait)
{
    const char *key = json_string_value(json_array_get(wait->keys, 0));
    enum cli_exit code = wait_for_start(cli, wait, key);
    if (code != CLI_DONE)
        return code;
    if (!cli_options_gave(&cli->options, "timeout"))
        wait->end_ms = UINT64_MAX; /* its end may take as long as it likes */
    bool readable = print_output(cli, wait, key);
    json_decref(wait->rows);
    wait->wish = CLI_WISH_OVER;
    wait->silent = true;
    wait->end_ms = readable ? wait->end_ms : aq_clock_ms();
    (void)cli_wait(wait);
    if (wait->end == CLI_WAIT_TIME_OUT && readable)
        (void)cli_fail(CLI_FAILED, "the time is over, and application %s is in %s", key, status_of(wait));
    if (wait->end != CLI_WAIT_REACHED)
        return give_up(cli, wait, readable ? (enum cli_exit)CLI_JOB_TIME_OUT : CLI_FAILED,
                       (enum cli_exit)CLI_JOB_NEVER_RAN);
    int status = cli_job_status(json_array_get(wait->rows, 0));
    if (status != 0)
        cli_note("application %s is in %s: %s", key, text_of(wait, "status"), text_of(wait, "description"));
    return (enum cli_exit)status;
}

/* ---- run ------------------------------------------------------------------------------------------------ */

/* The application is created; what comes then. */
static enum cli_exit run_on(struct cli *cli, struct cli_wait *wait)
{
    if (cli->options.flags.attach)
        return attach(cli, wait);
    enum cli_exit code = cli_wait(wait);
    if (!gives_back(wait) || cli->options.flags.keep) /* otherwise what was seen is soon not true */
        cli_wait_show(wait);
    return wait->end == CLI_WAIT_REACHED ? code : give_up(cli, wait, CLI_FAILED, code);
}

enum cli_exit cli_run_application(struct cli *cli, const char *const *words, unsigned count)
{
    const struct cli_flags *flags = &cli->options.flags;
    struct cli_wait wait = {.client = cli->client,
                            .options = &cli->options,
                            .wish = CLI_WISH_RUNS,
                            .end_ms = cli_wait_end_ms(&cli->options)};
    json_t *keys = NULL;
    if (count == 0 && cli->options.file_count == 0)
        return cli_fail(CLI_USAGE, "name a label: aq run LABEL (aq labels lists them)");
    if (flags->dry_run)
        return cli_write(cli, &aq_command_application_create, words, count);
    if (flags->attach && (flags->count > 1 || (cli->options.given & (CLI_TABLE_FLAGS | CLI_BIT(output)))))
        return cli_fail(CLI_USAGE, "--attach prints the output of one workload, and nothing else: it goes without "
                                   "--count, --quiet and --output");
    cli_interrupt_catch();
    enum cli_exit code = cli_write_keys(cli, &aq_command_application_create, words, count, &keys, &wait.seq);
    wait.keys = keys;
    if (code == CLI_SERVER)
        cli_note("whether an application was created is not known; aq applications shows it");
    if (code != CLI_DONE && cli_interrupted() != 0)
        code = (enum cli_exit)(128 + cli_interrupted());
    else if (code == CLI_DONE)
        code = run_on(cli, &wait);
    else if (flags->attach && code != CLI_USAGE)
        code = (enum cli_exit)CLI_JOB_NEVER_RAN;
    json_decref(wait.rows);
    json_decref(keys);
    return code;
}

/* ---- wait ----------------------------------------------------------------------------------------------- */

/* "application 7" is also just 7. */
static void skip_noun(const char *const **words, unsigned *count)
{
    if (*count > 1 && aq_entity_find((*words)[0]) == &aq_entity_application) {
        (*words)++;
        (*count)--;
    }
}

static enum cli_exit read_wish(const struct cli_options *options, struct cli_wait *wait)
{
    const struct aq_words *words = &aq_application_status_words;
    AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
    wait->wish = CLI_WISH_OVER;
    if (!cli_options_gave(options, "for_"))
        return CLI_DONE;
    wait->wish = CLI_WISH_STATUS;
    for (uint32_t w = 0; w < words->count; w++)
        if (strcasecmp(words->words[w], options->flags.for_) == 0) {
            wait->status = (int)w;
            return CLI_DONE;
        }
    aq_words_list(words, &known);
    return cli_fail(CLI_USAGE, "--for is \"%s\", but must be one of %s", options->flags.for_, aq_buffer_string(&known));
}

static enum cli_exit find_keys(struct cli *cli, const char *const *words, unsigned count, json_t *keys)
{
    enum cli_exit code = CLI_DONE;
    for (unsigned i = 0; i < count && code == CLI_DONE; i++) {
        struct aq_buffer key = {0};
        code = cli_find_key(cli, &aq_entity_application, words[i], &key);
        json_array_append_new(keys, json_string(aq_buffer_string(&key)));
        aq_buffer_free(&key);
    }
    return code;
}

/* The exit status of the first that did not end well; 0: all did. */
static enum cli_exit first_failure(const struct cli_wait *wait)
{
    size_t index;
    json_t *row;
    json_array_foreach (wait->rows, index, row)
        if (cli_job_status(row) != 0)
            return (enum cli_exit)cli_job_status(row);
    return CLI_DONE;
}

enum cli_exit cli_wait_applications(struct cli *cli, const char *const *words, unsigned count)
{
    struct cli_wait wait = {.client = cli->client, .options = &cli->options};
    skip_noun(&words, &count);
    if (count == 0)
        return cli_fail(CLI_USAGE, "name one or more: aq wait APPLICATION...");
    enum cli_exit code = read_wish(&cli->options, &wait);
    if (code != CLI_DONE)
        return code;
    json_t *keys = json_array();
    wait.end_ms = cli_wait_end_ms(&cli->options);
    cli_client_be_patient(cli->client, wait.end_ms);
    code = find_keys(cli, words, count, keys);
    wait.keys = keys;
    if (code == CLI_DONE) {
        code = cli_wait(&wait);
        cli_wait_show(&wait);
        if (wait.end == CLI_WAIT_TIME_OUT)
            code = (enum cli_exit)CLI_JOB_TIME_OUT;
        else if (wait.end == CLI_WAIT_REACHED && wait.wish == CLI_WISH_OVER)
            code = first_failure(&wait);
    }
    json_decref(wait.rows);
    json_decref(keys);
    return code;
}

/* ---- logs ----------------------------------------------------------------------------------------------- */

enum cli_exit cli_logs(struct cli *cli, const char *const *words, unsigned count)
{
    const struct aq_entity *entity = &aq_entity_application;
    const struct aq_entity *named = count > 1 ? aq_entity_find(words[0]) : NULL;
    struct aq_buffer key = {0}, escaped = {0};
    if (named == &aq_entity_resource || named == &aq_entity_application) {
        entity = named;
        words++;
        count--;
    }
    if (count != 1)
        return cli_fail(CLI_USAGE, "name one application: aq logs APPLICATION");
    enum cli_exit code = cli_find_key(cli, entity, words[0], &key);
    if (code == CLI_DONE) {
        cli_url_escape(aq_buffer_string(&key), &escaped);
        code = cli_view_show(cli, cli_view_find(entity, "log"), aq_buffer_string(&escaped));
    }
    aq_buffer_free(&key);
    aq_buffer_free(&escaped);
    return code;
}
