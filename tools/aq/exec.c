#include "tools/aq/exec.h"

#include "schema/base/clock.h"
#include "schema/codec/json.h"
#include "schema/model/application.h"
#include "schema/model/exec.h"
#include "schema/model/key.h"
#include "schema/model/resource.h"
#include "tools/aq/interrupt.h"
#include "tools/aq/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER_S = AQ_EXEC_WAIT_MS / 1000 + 10, PATIENCE_MS = 30000, CHUNK_BYTES = 64 << 10, ERRORS_MAX = 64 << 10 };

struct session {
    struct cli *cli;
    uint64_t resource, number;
    bool terminal, quiet;
    int input, output; /* descriptors */
    struct aq_buffer *errors;
    int failed; /* the error number of a write */
    pid_t sender;
    struct termios before; /* of the terminal */
    bool is_raw;
};

/* ---- requests --------------------------------------------------------------------------------------------- */

static void path_of(const struct session *session, struct aq_buffer *path)
{
    aq_buffer_format(path, "/api/v1/resource/%" PRIu64 "/exec/%" PRIu64, session->resource, session->number);
}

static enum cli_exit ask(struct cli_client *client, const struct session *session, const char *method,
                         const char *query, const char *body, struct cli_reply *reply)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    path_of(session, &path);
    aq_buffer_text(&path, query);
    const struct cli_request request = {
        .method = method, .path = aq_buffer_string(&path), .body = body, .timeout_s = ANSWER_S};
    return cli_client_ask(client, &request, reply);
}

/* False: the answer is something else. */
static bool read_answer(const struct cli_reply *reply, struct aq_exec_output *output, struct aq_arena *arena)
{
    struct aq_error ignored;
    return reply->data != NULL &&
           aq_record_from_json(&aq_exec_output_record, output, reply->data, NULL, arena, &ignored) == 0;
}

/* ---- beginning -------------------------------------------------------------------------------------------- */

static uint64_t number_in(const json_t *row, const char *field)
{
    const json_t *number = json_object_get(row, field);
    return json_is_integer(number) ? (uint64_t)json_integer_value(number) : 0;
}

static enum cli_exit find_of_application(const struct cli_reply *reply, const char *key, bool *ended,
                                         uint64_t *resource)
{
    const char *status = json_string_value(json_object_get(reply->data, "status"));
    *resource = number_in(reply->data, "resource");
    if (*resource == 0 && ended != NULL) {
        *ended = true;
        *resource = number_in(reply->data, "last_resource");
    }
    return *resource != 0 ? CLI_DONE
                          : cli_fail(CLI_REFUSED, "application %s has no workload: it is in %s", key,
                                     status != NULL ? status : "?");
}

/* "application 7" is also just 7; "resource 9" is one. The row of a resource that has ended is gone. */
enum cli_exit cli_exec_find(struct cli *cli, const struct aq_entity *entity, const char *word, bool *ended,
                            uint64_t *resource)
{
    struct aq_buffer key = {0}, escaped = {0};
    struct cli_reply reply = {0};
    enum cli_exit code = cli_find_key(cli, entity, word, &key);
    if (code == CLI_DONE) {
        cli_url_escape(aq_buffer_string(&key), &escaped);
        code = cli_client_get(cli->client, &reply, "/api/v1/%s/%s", entity->name, aq_buffer_string(&escaped));
        if (code != CLI_DONE && ended != NULL && entity == &aq_entity_resource && reply.status == 404 &&
            aq_key_is_digits(word)) {
            *ended = true;
            *resource = strtoull(word, NULL, 10);
            code = CLI_DONE;
        } else if (code != CLI_DONE) {
            (void)cli_reply_fail(&reply);
        } else if (entity == &aq_entity_application) {
            code = find_of_application(&reply, aq_buffer_string(&key), ended, resource);
        } else {
            *resource = number_in(reply.data, "id");
        }
    }
    cli_reply_close(&reply);
    aq_buffer_free(&key);
    aq_buffer_free(&escaped);
    return code;
}

static void read_size(uint64_t *columns, uint64_t *rows)
{
    struct winsize size = {0};
    bool known = ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0;
    *columns = known && size.ws_col <= AQ_EXEC_SIZE_MAX ? size.ws_col : 0;
    *rows = known && size.ws_row <= AQ_EXEC_SIZE_MAX ? size.ws_row : 0;
}

static enum cli_exit begin(struct session *session, const char *const *arguments, unsigned count)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_string(arguments[i]));
    json_t *body = json_pack("{s:o, s:b}", "arguments", list, "terminal", session->terminal);
    if (session->terminal) {
        uint64_t columns, rows;
        const char *term = getenv("TERM");
        read_size(&columns, &rows);
        json_object_set_new(body, "columns", json_integer((json_int_t)columns));
        json_object_set_new(body, "rows", json_integer((json_int_t)rows));
        if (term != NULL && strlen(term) <= 64)
            json_object_set_new(body, "term", json_string(term));
    }
    char *text = json_dumps(body, JSON_COMPACT);
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    struct cli_reply reply;
    aq_buffer_format(&path, "/api/v1/resource/%" PRIu64 "/exec", session->resource);
    const struct cli_request request = {.method = "POST", .path = aq_buffer_string(&path), .body = text, .once = true};
    enum cli_exit code = cli_client_ask(session->cli->client, &request, &reply);
    const json_t *number = json_object_get(reply.data, "session");
    if (code != CLI_DONE)
        (void)cli_reply_fail(&reply);
    else if (!json_is_integer(number))
        code = cli_fail(CLI_SERVER, "the server's answer has no session");
    else
        session->number = (uint64_t)json_integer_value(number);
    cli_reply_close(&reply);
    json_decref(body);
    free(text);
    return code;
}

/* ---- the terminal ------------------------------------------------------------------------------------------ */

static void make_raw(struct session *session)
{
    struct termios raw;
    if (!session->terminal || tcgetattr(STDIN_FILENO, &session->before) != 0)
        return;
    raw = session->before;
    cfmakeraw(&raw);
    session->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void make_cooked(struct session *session)
{
    if (session->is_raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &session->before);
    session->is_raw = false;
}

/* ---- input: in a process of its own ------------------------------------------------------------------------ */

static volatile sig_atomic_t resized;

static void note_resize(int number)
{
    (void)number;
    resized = 1;
}

/* Sends until all is taken. False: there is nobody to send to. */
static bool send_all(struct cli_client *client, const struct session *session, struct aq_exec_input *input)
{
    for (;;) {
        AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        struct aq_exec_output output;
        struct cli_reply reply;
        aq_record_to_json(&aq_exec_input_record, input, &body);
        enum cli_exit code = ask(client, session, "POST", "", aq_buffer_string(&body), &reply);
        const bool good = code == CLI_DONE && read_answer(&reply, &output, &arena) && !output.over &&
                          output.taken >= input->position && output.taken - input->position <= input->data.length;
        cli_reply_close(&reply);
        if (!good)
            return false;
        const size_t taken = (size_t)(output.taken - input->position);
        input->position = output.taken;
        input->data.data += taken;
        input->data.length -= taken;
        input->columns = input->rows = 0;
        if (input->data.length == 0)
            return true;
    }
}

/* Waits for input, or for another size of the terminal. False: neither can come. */
static bool wait_for_input(const struct session *session, const sigset_t *waiting)
{
    struct pollfd input = {.fd = session->input, .events = POLLIN};
    return ppoll(&input, 1, NULL, waiting) >= 0 || errno == EINTR;
}

static _Noreturn void send_input(const struct session *session)
{
    static unsigned char bytes[CHUNK_BYTES];
    struct cli_client *client = cli_client_try(&session->cli->options);
    struct sigaction action = {.sa_handler = note_resize};
    sigset_t winch, waiting;
    struct aq_exec_input input = {0};
    bool over = client == NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&winch);
    sigaddset(&winch, SIGWINCH);
    sigprocmask(SIG_BLOCK, &winch, &waiting);
    sigdelset(&waiting, SIGWINCH);
    sigaction(SIGWINCH, &action, NULL);
    signal(SIGINT, SIG_IGN); /* the other process decides */
    while (!over && wait_for_input(session, &waiting)) {
        struct pollfd ready = {.fd = session->input, .events = POLLIN};
        ssize_t length = 0;
        bool read_it = poll(&ready, 1, 0) > 0;
        if (read_it)
            length = read(session->input, bytes, sizeof bytes);
        if (length < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        over = read_it && length <= 0;
        input.data = (struct aq_bytes){bytes, length > 0 ? (size_t)length : 0};
        input.over = over;
        if (session->terminal && resized != 0)
            read_size(&input.columns, &input.rows);
        resized = 0;
        if (!send_all(client, session, &input))
            break;
    }
    _exit(0);
}

static void start_sender(struct session *session)
{
    session->sender = fork();
    if (session->sender == 0)
        send_input(session);
}

static void stop_sender(const struct session *session)
{
    if (session->sender <= 0)
        return;
    kill(session->sender, SIGKILL);
    while (waitpid(session->sender, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* ---- output ------------------------------------------------------------------------------------------------ */

static int write_piece(void *context, enum aq_exec_piece piece, const void *data, size_t length)
{
    struct session *session = context;
    const char *at = data;
    if (piece == AQ_EXEC_ERRORS && session->errors != NULL && session->errors->length + length <= ERRORS_MAX)
        aq_buffer_add(session->errors, data, length);
    while (length > 0 && !(session->quiet && piece == AQ_EXEC_ERRORS)) {
        ssize_t written = write(piece == AQ_EXEC_ERRORS ? STDERR_FILENO : session->output, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            session->failed = errno;
            return -1;
        }
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

static void end_session(const struct session *session)
{
    struct cli_reply reply;
    (void)ask(session->cli->client, session, "DELETE", "", NULL, &reply);
    cli_reply_close(&reply);
}

/* Until the command is over. */
static enum cli_exit receive(struct session *session)
{
    struct aq_exec_reader reader = {0};
    struct aq_error error;
    for (uint64_t after = 0;;) {
        char query[48];
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        struct aq_exec_output output;
        struct cli_reply reply;
        snprintf(query, sizeof query, "?after=%" PRIu64, after);
        /* A controller that restarts says what has become of the session. */
        cli_client_be_patient(session->cli->client, aq_clock_ms() + PATIENCE_MS);
        enum cli_exit code = ask(session->cli->client, session, "GET", query, NULL, &reply);
        if (cli_interrupted() != 0) {
            cli_reply_close(&reply);
            return (enum cli_exit)(128 + cli_interrupted());
        }
        bool good = code == CLI_DONE && read_answer(&reply, &output, &arena);
        if (!good) {
            make_cooked(session);
            code =
                code == CLI_DONE ? cli_fail(CLI_SERVER, "the server's answer has no output") : cli_reply_fail(&reply);
            cli_reply_close(&reply);
            return (enum cli_exit)CLI_JOB_NEVER_RAN;
        }
        cli_reply_close(&reply);
        if (aq_exec_read(&reader, output.data.data, output.data.length, write_piece, session, &error) != 0) {
            make_cooked(session);
            if (session->failed == EPIPE) /* nobody wants more, as with aq exec ... | head */
                return (enum cli_exit)(128 + SIGPIPE);
            if (session->failed != 0)
                return cli_fail((enum cli_exit)CLI_JOB_NEVER_RAN, "the output cannot be written: %s",
                                strerror(session->failed));
            return cli_fail((enum cli_exit)CLI_JOB_NEVER_RAN, "%s", error.message);
        }
        after += output.data.length;
        if (!output.over)
            continue;
        make_cooked(session);
        if (output.reason[0] != '\0')
            cli_note("aq: the command has ended: %s", output.reason);
        return (enum cli_exit)output.exit_status;
    }
}

static enum cli_exit run(struct session *session)
{
    cli_interrupt_catch();
    make_raw(session);
    start_sender(session);
    enum cli_exit code = receive(session);
    stop_sender(session);
    make_cooked(session);
    cli_interrupt_clear();
    cli_client_be_patient(session->cli->client, 0);
    end_session(session); /* also what is over: then the server need not keep it */
    return code;
}

enum cli_exit cli_exec_run(struct cli *cli, uint64_t resource, const struct cli_exec *exec)
{
    struct session session = {.cli = cli,
                              .resource = resource,
                              .terminal = exec->terminal,
                              .quiet = exec->quiet,
                              .input = exec->input,
                              .output = exec->output,
                              .errors = exec->errors};
    if (begin(&session, exec->arguments, exec->count) != CLI_DONE)
        return (enum cli_exit)CLI_JOB_NEVER_RAN;
    return run(&session);
}

/* `usage` is what is said when the words are others. */
static enum cli_exit run_in(struct cli *cli, const char *const *words, unsigned count, struct cli_exec *exec,
                            const char *usage)
{
    const struct aq_entity *entity = &aq_entity_application;
    const struct aq_entity *named = count > 1 ? aq_entity_find(words[0]) : NULL;
    uint64_t resource;
    if (named == &aq_entity_resource || named == &aq_entity_application) {
        entity = named;
        words++;
        count--;
    }
    if (count != 1 || exec->count == 0)
        return cli_fail(CLI_USAGE, "%s", usage);
    exec->input = STDIN_FILENO;
    exec->output = STDOUT_FILENO;
    exec->terminal = cli_options_gave(&cli->options, "terminal") ? cli->options.flags.terminal
                                                                 : isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (exec->terminal && !isatty(STDIN_FILENO))
        return cli_fail(CLI_USAGE, "--terminal: standard input is no terminal");
    if (cli_exec_find(cli, entity, words[0], NULL, &resource) != CLI_DONE)
        return (enum cli_exit)CLI_JOB_NEVER_RAN;
    return cli_exec_run(cli, resource, exec);
}

enum cli_exit cli_exec(struct cli *cli, const char *const *words, unsigned count)
{
    struct cli_exec exec = {.arguments = cli_options_arguments(&cli->options), .count = cli->options.argument_count};
    return run_in(cli, words, count, &exec, "name one application and a command: aq exec APPLICATION COMMAND...");
}

/* The driver of a machine has one command. */
enum cli_exit cli_console(struct cli *cli, const char *const *words, unsigned count)
{
    static const char *const console[] = {"console"};
    struct cli_exec exec = {.arguments = console, .count = AQ_LENGTH(console)};
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        cli_note("aq: ctrl-] closes the console");
    return run_in(cli, words, count, &exec, "name one application: aq console APPLICATION");
}
