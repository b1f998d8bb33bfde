#include "drivers/program/serve.h"

#include "drivers/program/channel.h"
#include "drivers/program/hello.h"
#include "drivers/roster.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"
#include "schema/drivers/options.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>

enum { CHUNK = 65536, CALL_LINE_MAX = 1 << 24, LEFTOVERS_MAX = 65536, SLEEP_MS_MAX = 60000, SAMPLE_MS = 3000 };

struct server {
    const struct driver_type *type;
    struct driver *driver;
    struct aq_clocks now;
    struct aq_buffer in;
    struct aq_arena arena; /* of one call */
    bool broken;           /* nobody reads what is written */
    bool unusable;         /* so it was said last */
    struct roster started; /* workloads that run */
    uint64_t sampled_ms;
};

/* ---- saying ------------------------------------------------------------------------------------------------ */

/* `line` is a reference that is taken. */
static void say(struct server *server, json_t *line)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_json_write(line, 0, false, &text);
    aq_buffer_char(&text, '\n');
    json_decref(line);
    if (aq_file_write_all(STDOUT_FILENO, text.data, text.length) != 0)
        server->broken = true;
}

/* What is not UTF-8 would not arrive. */
static json_t *text_of(const char *text)
{
    json_t *json = json_string(text);
    return json != NULL ? json : json_string("(not UTF-8)");
}

static void say_task_ended(struct server *server, const struct driver_report *report)
{
    struct aq_error ignored;
    json_t *result = report->result != NULL ? aq_json_parse(report->result, strlen(report->result), &ignored) : NULL;
    json_t *line = json_pack("{ss sI so}", "report", "task_ended", "task", (json_int_t)report->task, "reason",
                             text_of(report->reason));
    if (result != NULL)
        json_object_set_new(line, "result", result);
    say(server, line);
}

static void say_report(void *context, const struct driver_report *report)
{
    struct server *server = context;
    const json_int_t resource = (json_int_t)report->resource;
    const bool runs = roster_find(&server->started, report->resource) != NULL;
    if (report->kind == DRIVER_STARTED && !runs)
        roster_add(&server->started, report->resource, server);
    else if ((report->kind == DRIVER_FAILED || report->kind == DRIVER_ENDED) && runs)
        roster_remove(&server->started, report->resource);
    switch (report->kind) {
    case DRIVER_STARTED:
        say(context, json_pack("{ss sI so so so}", "report", "started", "resource", resource, "identifier",
                               text_of(report->identifier), "ip_addr", text_of(report->ip_addr), "hw_addr",
                               text_of(report->hw_addr)));
        break;
    case DRIVER_FAILED:
        say(context, json_pack("{ss sI sb so}", "report", "failed", "resource", resource, "lease_over",
                               report->lease_over, "reason", text_of(report->reason)));
        break;
    case DRIVER_ENDED:
        say(context, json_pack("{ss sI sb si so}", "report", "ended", "resource", resource, "lease_over",
                               report->lease_over, "status", report->exit_status, "reason", text_of(report->reason)));
        break;
    case DRIVER_COMMAND_ENDED:
        say(context, json_pack("{ss sI si so}", "report", "command_ended", "command", (json_int_t)report->command,
                               "status", report->exit_status, "reason", text_of(report->reason)));
        break;
    case DRIVER_TASK_ENDED:
        say_task_ended(server, report);
        break;
    }
}

static void set_counter(json_t *line, const char *member, uint64_t stored)
{
    if (stored != 0)
        json_object_set_new(line, member, json_integer((json_int_t)(stored - 1)));
}

static void say_used(struct server *server)
{
    const struct driver_type *type = server->type;
    if (type->sample == NULL || server->now.steady_ms < server->sampled_ms + SAMPLE_MS)
        return;
    const uint64_t now_ms = server->now.steady_ms, before_ms = server->sampled_ms;
    server->sampled_ms = now_ms;
    for (size_t i = 0; i < server->started.count; i++) {
        struct aq_sample used = {.resource = server->started.entries[i].resource, .at_ms = now_ms};
        if (!type->sample(server->driver, used.resource, &used) || used.at_ms <= before_ms)
            continue; /* or it is said already */
        json_t *line = json_pack("{ss sI}", "report", "used", "resource", (json_int_t)used.resource);
        if (used.at_ms < now_ms)
            json_object_set_new(line, "age_ms", json_integer((json_int_t)(now_ms - used.at_ms)));
        set_counter(line, "cpu_us", used.cpu_us);
        set_counter(line, "memory", used.memory);
        set_counter(line, "read", used.read);
        set_counter(line, "written", used.written);
        set_counter(line, "received", used.received);
        set_counter(line, "sent", used.sent);
        say(server, line);
    }
}

static void say_whether_usable(struct server *server)
{
    const struct driver_life *life = server->type->life;
    const char *reason = life != NULL && life->refusal != NULL ? life->refusal(server->driver) : NULL;
    if (server->unusable == (reason != NULL))
        return;
    server->unusable = reason != NULL;
    say(server, server->unusable ? json_pack("{ss so}", "report", "unusable", "reason", text_of(reason))
                                 : json_pack("{ss}", "report", "usable"));
}

static void say_hello(struct server *server, const char *unusable)
{
    const struct driver_type *type = server->type;
    json_t *workloads = json_array();
    if (unusable == NULL && type->leftovers != NULL) {
        AQ_CLEANUP_MEMORY uint64_t *numbers = aq_calloc(LEFTOVERS_MAX, sizeof *numbers);
        const size_t count = type->leftovers(server->driver, numbers, LEFTOVERS_MAX);
        for (size_t i = 0; i < count; i++)
            json_array_append_new(workloads, json_integer((json_int_t)numbers[i]));
    }
    json_t *hello = json_pack("{si sb sb ss sb sb so}", "hello", HELLO_PROTOCOL, "tasks", type->task != NULL, "leases",
                              type->keeps_leases, "help", type->declared->help, "commands", type->command != NULL,
                              "arguments", type->declared->takes_arguments, "workloads", workloads);
    if (unusable != NULL)
        json_object_set_new(hello, "unusable", text_of(unusable));
    say(server, hello);
}

/* ---- taking calls ------------------------------------------------------------------------------------------ */

static uint64_t number_of(const json_t *call, const char *member)
{
    const json_int_t number = json_integer_value(json_object_get(call, member));
    return number > 0 ? (uint64_t)number : 0;
}

static const char *member_text(const json_t *call, const char *member)
{
    const char *text = json_string_value(json_object_get(call, member));
    return text != NULL ? text : "";
}

/* A list of texts, in the arena; NULL ends it. */
static struct aq_list texts_of(struct server *server, const json_t *call, const char *member)
{
    const json_t *given = json_object_get(call, member);
    const size_t count = json_array_size(given);
    const char **texts = aq_arena_alloc(&server->arena, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(given, i));
        texts[i] = text != NULL ? text : "";
    }
    return (struct aq_list){texts, (uint32_t)count};
}

static const char *document_of(struct server *server, const json_t *call, const char *member)
{
    const json_t *given = json_object_get(call, member);
    return json_is_object(given) ? aq_json_compact(given, &server->arena) : "{}";
}

static int take_settings(struct server *server, const json_t *call, struct aq_error *error)
{
    const struct driver_type *type = server->type;
    const json_t *own = json_object_get(call, "settings");
    struct driver_settings settings = {.metadata_port = (uint16_t)number_of(call, "metadata_port")};
    const struct aq_allowance allowance = {.user = member_text(call, "user"),
                                           .first = (uint32_t)number_of(call, "own_first"),
                                           .count = (uint32_t)number_of(call, "own_count"),
                                           .shared = json_is_true(json_object_get(call, "own_shared")),
                                           .root = json_is_true(json_object_get(call, "root")),
                                           .told = texts_of(server, call, "allows")};
    if (type->settings != NULL && own != NULL) {
        void *values = aq_arena_alloc(&server->arena, type->settings->size);
        if (aq_record_from_json(type->settings, values, own, NULL, &server->arena, error) != 0)
            return aq_error_context(error, "settings");
        settings.own = values;
    }
    if (type->configure != NULL)
        type->configure(server->driver, &settings);
    if (type->allow != NULL)
        type->allow(server->driver, &allowance);
    return 0;
}

static struct aq_list secrets_of(struct server *server, const json_t *call)
{
    json_t *values = json_object_get(call, "secret_values"), *value;
    struct aq_secret *secrets = aq_arena_alloc(&server->arena, (json_object_size(values) + 1) * sizeof *secrets);
    uint32_t count = 0;
    const char *name;
    json_object_foreach (values, name, value)
        if (json_is_string(value))
            secrets[count++] = (struct aq_secret){.name = name, .value = json_string_value(value)};
    return (struct aq_list){secrets, count};
}

static int take_start(struct server *server, const json_t *call, struct aq_error *error)
{
    struct driver_spec spec = {.resource = number_of(call, "resource"),
                               .cpu_milli = number_of(call, "cpu_milli"),
                               .ram_mib = number_of(call, "ram_mib"),
                               .disk_mib = number_of(call, "disk_mib"),
                               .slots = number_of(call, "slots"),
                               .options_json = document_of(server, call, "options"),
                               .metadata_json = document_of(server, call, "metadata"),
                               .arguments = texts_of(server, call, "arguments"),
                               .directory = member_text(call, "directory"),
                               .secret_values = secrets_of(server, call),
                               .lease_s = number_of(call, "lease_s"),
                               .lease_file = member_text(call, "lease_file")};
    const char *secrets = member_text(call, "secrets");
    spec.secrets = secrets[0] != '\0' ? secrets : NULL;
    const json_t *options = json_object_get(call, "options");
    if (aq_options_read(server->type->declared, options, &spec.options, &server->arena, error) != 0)
        return -1;
    return server->type->start(server->driver, &spec, error);
}

static int take_adopt(struct server *server, const json_t *call, struct aq_error *error)
{
    return server->type->adopt(server->driver, number_of(call, "resource"), member_text(call, "directory"), error);
}

static int take_end_leftover(struct server *server, const json_t *call, struct aq_error *error)
{
    (void)error;
    const struct driver_report nothing = {.resource = number_of(call, "resource"),
                                          .kind = DRIVER_ENDED,
                                          .exit_status = 128 + SIGKILL,
                                          .reason = "nothing of it was left"};
    if (!server->type->end_leftover(server->driver, nothing.resource))
        say_report(server, &nothing);
    return 0;
}

static int take_stop(struct server *server, const json_t *call, struct aq_error *error)
{
    (void)error;
    server->type->stop(server->driver, number_of(call, "resource"));
    return 0;
}

static int open_descriptor(const json_t *call, const char *member, int way, struct aq_error *error)
{
    const char *path = member_text(call, member);
    const bool terminal = json_is_true(json_object_get(call, "terminal"));
    int fd = open(path, (terminal ? O_RDWR : way) | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "%s: cannot open %s", member, path);
}

static int take_command(struct server *server, const json_t *call, struct aq_error *error)
{
    if (server->type->command == NULL)
        return aq_fail(error, AQ_E_INVALID, "workloads of driver %s take no commands", server->type->declared->name);
    AQ_CLEANUP_FD int input = open_descriptor(call, "input", O_RDONLY, error);
    AQ_CLEANUP_FD int output = input >= 0 ? open_descriptor(call, "output", O_WRONLY, error) : -1;
    AQ_CLEANUP_FD int errors = output >= 0 ? open_descriptor(call, "errors", O_WRONLY, error) : -1;
    if (errors < 0)
        return -1;
    const struct aq_list arguments = texts_of(server, call, "arguments");
    const struct driver_command command = {.number = number_of(call, "command"),
                                           .resource = number_of(call, "resource"),
                                           .arguments = arguments.items,
                                           .input = input,
                                           .output = output,
                                           .errors = errors,
                                           .terminal = json_is_true(json_object_get(call, "terminal")),
                                           .term = member_text(call, "term")};
    return server->type->command(server->driver, &command, error);
}

static int take_end_command(struct server *server, const json_t *call, struct aq_error *error)
{
    (void)error;
    if (server->type->end_command != NULL)
        server->type->end_command(server->driver, number_of(call, "command"));
    return 0;
}

static int take_task(struct server *server, const json_t *call, struct aq_error *error)
{
    const char *kind = member_text(call, "kind");
    const struct driver_task task = {.number = number_of(call, "task"),
                                     .resource = number_of(call, "resource"),
                                     .kind = strcmp(kind, "image") == 0 ? DRIVER_TASK_IMAGE : DRIVER_TASK_SNAPSHOT,
                                     .name = member_text(call, "name")};
    if (server->type->task == NULL || (task.kind == DRIVER_TASK_SNAPSHOT && strcmp(kind, "snapshot") != 0))
        return aq_fail(error, AQ_E_INVALID, "driver %s makes no %.64s", server->type->declared->name, kind);
    return server->type->task(server->driver, &task, error);
}

static int take_end_task(struct server *server, const json_t *call, struct aq_error *error)
{
    (void)error;
    if (server->type->end_task != NULL)
        server->type->end_task(server->driver, number_of(call, "task"));
    return 0;
}

static int take_ping(struct server *server, const json_t *call, struct aq_error *error)
{
    (void)server, (void)call, (void)error;
    return 0;
}

static const struct {
    const char *word;
    int (*take)(struct server *server, const json_t *call, struct aq_error *error);
} calls[] = {
    {"task", take_task},       {"end_task", take_end_task},         {"settings", take_settings}, {"start", take_start},
    {"adopt", take_adopt},     {"end_leftover", take_end_leftover}, {"stop", take_stop},         {"ping", take_ping},
    {"command", take_command}, {"end_command", take_end_command},
};

static int take_call(struct server *server, const json_t *call, struct aq_error *error)
{
    const char *word = member_text(call, "call");
    for (size_t i = 0; i < AQ_LENGTH(calls); i++)
        if (strcmp(calls[i].word, word) == 0)
            return calls[i].take(server, call, error);
    return aq_fail(error, AQ_E_INVALID, "there is no call \"%.64s\"", word);
}

static void take_line(struct server *server, const char *text, size_t length)
{
    struct aq_error error;
    json_t *call = aq_json_parse(text, length, &error);
    const int failed = call != NULL ? take_call(server, call, &error) : -1;
    json_t *answer = json_pack("{sI}", "id", (json_int_t)number_of(call, "id"));
    if (failed != 0)
        json_object_set_new(answer, "error", text_of(error.message));
    say(server, answer);
    json_decref(call);
    aq_arena_reset(&server->arena);
}

/* Returns false when the agent is gone. */
static bool read_calls(struct server *server)
{
    struct aq_buffer *in = &server->in;
    aq_buffer_room(in, CHUNK);
    const ssize_t length = read(STDIN_FILENO, in->data + in->length, CHUNK);
    if (length <= 0)
        return length < 0 && errno == EINTR;
    aq_buffer_put(in, in->data + in->length + length);
    size_t taken = 0;
    for (char *end; (end = memchr(in->data + taken, '\n', in->length - taken)) != NULL;) {
        const size_t line = (size_t)(end - in->data) - taken;
        take_line(server, in->data + taken, line);
        taken += line + 1;
    }
    memmove(in->data, in->data + taken, in->length - taken);
    in->length -= taken;
    return in->length <= CALL_LINE_MAX;
}

static void serve_calls(struct server *server)
{
    struct driver *driver = server->driver;
    const struct driver_type *type = server->type;
    bool more = true;
    while (more && !server->broken) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = type->wake_fd(driver), .events = POLLIN}};
        uint64_t until_ms = type->deadline_ms(driver);
        if (type->sample != NULL && server->started.count > 0 && server->sampled_ms + SAMPLE_MS < until_ms)
            until_ms = server->sampled_ms + SAMPLE_MS;
        const int ready = poll(fds, AQ_LENGTH(fds), aq_clocks_left_ms(&server->now, until_ms, SLEEP_MS_MAX));
        server->now = aq_clocks_read();
        if (ready > 0 && fds[0].revents != 0)
            more = read_calls(server);
        type->work(driver);
        say_whether_usable(server);
        say_used(server);
    }
}

/* As the agent knew them when it started this program: for a driver that needs them before it can find anything. */
static void take_first_settings(struct server *server)
{
    struct aq_error error;
    const char *text = getenv("AQUARIUM_SETTINGS");
    json_t *settings = text != NULL ? aq_json_parse(text, strlen(text), &error) : NULL;
    if (settings != NULL && take_settings(server, settings, &error) != 0)
        fprintf(stderr, "%s\n", error.message);
    json_decref(settings);
    aq_arena_reset(&server->arena);
}

int driver_serve(const struct driver_type *type)
{
    struct server server = {.type = type, .now = aq_clocks_read()};
    struct aq_error error;
    const char *node = getenv("AQUARIUM_NODE");
    signal(SIGPIPE, SIG_IGN);
    aq_assert(aq_driver_find(type->declared->name) == type->declared);
    if (node == NULL) {
        fprintf(stderr, "this is a driver of Aquarium: aq-agent starts it\n");
        return 2;
    }
    aq_journal_open(type->declared->name, AQ_INFO);
    if (type->probe(&error) != 0) {
        say_hello(&server, error.message);
        return EXIT_FAILURE;
    }
    server.driver = type->open(node, &server.now, say_report, &server);
    take_first_settings(&server);
    say_hello(&server, NULL);
    serve_calls(&server);
    type->close(server.driver);
    roster_free(&server.started);
    aq_buffer_free(&server.in);
    aq_arena_free(&server.arena);
    return EXIT_SUCCESS;
}
