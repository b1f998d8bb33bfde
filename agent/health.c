#include "agent/health.h"

#include "schema/base/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_MS = 1000, SAID_SIZE = 384, EVENTS = 32, READS = 16, CHUNK = 4096, PAUSE_MS = 20 };

struct health {
    uint64_t resource;
    const struct opened_driver *driver;
    char *address;
    struct aq_check check;
    struct aq_arena arena; /* of `check` */
    enum aq_health state;
    uint64_t failures;     /* in a row */
    uint64_t counts_at_ms; /* before, failures do not count unless it was healthy */
    uint64_t due_ms;       /* of the next check or, while one runs, when that is late */
    bool running;
    uint64_t command; /* number of the one that runs, also after it was late; 0: none */
    int fd;           /* socket, or pipe from the command; -1: none */
    bool paused;      /* its output is not watched for now */
    bool asked;       /* over HTTP, and now the answer is awaited */
    char said[SAID_SIZE];
    size_t said_length;
};

/* ---- open and close ----------------------------------------------------------------------------------- */

void healths_open(struct healths *healths, const struct aq_clocks *now, struct commands *commands,
                  health_changed_fn *changed, void *context)
{
    *healths = (struct healths){.now = now, .commands = commands, .changed = changed, .context = context, .epoll = -1};
}

static void close_fd(struct health *health)
{
    if (health->fd >= 0)
        close(health->fd); /* leaves the epoll descriptor, too */
    health->fd = -1;
}

static void free_health(struct health *health)
{
    close_fd(health);
    aq_arena_free(&health->arena);
    free(health->address);
    free(health);
}

void healths_close(struct healths *healths)
{
    for (size_t i = 0; i < healths->roster.count; i++)
        free_health(healths->roster.entries[i].workload);
    roster_free(&healths->roster);
    schedule_free(&healths->schedule);
    if (healths->now != NULL && healths->epoll >= 0)
        close(healths->epoll);
    *healths = (struct healths){.epoll = -1};
}

static void wake_in(struct healths *healths, struct health *health, uint64_t ms)
{
    health->due_ms = healths->now->steady_ms + ms;
    schedule_add(&healths->schedule, health->due_ms, health->resource);
}

/* A label has the presets already, but what comes from outside may be 0. */
static void fill(uint64_t *value, uint64_t preset)
{
    *value = *value != 0 ? *value : preset;
}

void health_watch(struct healths *healths, uint64_t resource, const struct opened_driver *driver, const char *ip_addr,
                  const struct aq_check *check)
{
    health_forget(healths, resource);
    struct health *health = aq_calloc(1, sizeof *health);
    health->resource = resource;
    health->driver = driver;
    health->address = aq_strdup(ip_addr);
    aq_record_copy(&aq_check_record, &health->check, check, &health->arena);
    fill(&health->check.interval, AQ_CHECK_INTERVAL_S);
    fill(&health->check.timeout, AQ_CHECK_TIMEOUT_S);
    fill(&health->check.retries, AQ_CHECK_RETRIES);
    health->counts_at_ms = healths->now->steady_ms + check->start_period * 1000;
    health->fd = -1;
    roster_add(&healths->roster, resource, health);
    wake_in(healths, health, FIRST_MS);
}

void health_forget(struct healths *healths, uint64_t resource)
{
    struct health *health = roster_find(&healths->roster, resource);
    if (health == NULL)
        return;
    roster_remove(&healths->roster, resource);
    if (health->command != 0)
        commands_kill(healths->commands, health->command);
    free_health(health);
}

/* ---- results ------------------------------------------------------------------------------------------ */

/* The callback may forget the workload: nothing is done with it afterwards. */
static void tell(struct healths *healths, struct health *health, enum aq_health state, const char *reason)
{
    if (health->state == state)
        return;
    health->state = state;
    healths->changed(healths->context, health->resource, state, reason);
}

static void end_check(struct healths *healths, struct health *health)
{
    close_fd(health);
    health->running = health->asked = health->paused = false;
    wake_in(healths, health, health->check.interval * 1000);
}

static void succeed(struct healths *healths, struct health *health, const char *reason)
{
    end_check(healths, health);
    health->failures = 0;
    tell(healths, health, AQ_HEALTHY, reason);
}

static void fail(struct healths *healths, struct health *health, const char *reason)
{
    end_check(healths, health);
    if (health->state != AQ_HEALTHY && healths->now->steady_ms < health->counts_at_ms)
        return;
    if (++health->failures >= health->check.retries)
        tell(healths, health, AQ_UNHEALTHY, reason);
}

static void fail_errno(struct healths *healths, struct health *health, uint64_t port, int number)
{
    struct aq_error error;
    aq_fail_errno(&error, number, "port %" PRIu64 " of %s", port, health->address);
    fail(healths, health, error.message);
}

static void fail_late(struct healths *healths, struct health *health)
{
    char reason[96];
    snprintf(reason, sizeof reason, "the check took longer than %" PRIu64 " s", health->check.timeout);
    if (health->command != 0)
        commands_kill(healths->commands, health->command);
    fail(healths, health, reason);
}

/* ---- sockets ------------------------------------------------------------------------------------------ */

static uint64_t port_of(const struct health *health, const char **path)
{
    uint64_t port = health->check.tcp;
    *path = "";
    if (port == 0 && !aq_check_http(health->check.http, &port, path))
        port = 0;
    return port;
}

static int watch_fd(struct healths *healths, const struct health *health, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = health->resource};
    if (healths->epoll < 0)
        healths->epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll_ctl(healths->epoll, EPOLL_CTL_ADD, health->fd, &event);
}

static int connect_to(const char *address, uint64_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    const bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const struct sockaddr *to = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    if (fd < 0 || connect(fd, to, is_v4 ? sizeof v4 : sizeof v6) == 0 || errno == EINPROGRESS)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static void begin_connection(struct healths *healths, struct health *health)
{
    const char *path;
    const uint64_t port = port_of(health, &path);
    if (health->address[0] == '\0') {
        fail(healths, health, "it has no address");
        return;
    }
    health->fd = connect_to(health->address, port);
    if (health->fd < 0 || watch_fd(healths, health, EPOLLOUT) != 0)
        fail_errno(healths, health, port, errno);
}

static void ask_http(struct healths *healths, struct health *health, uint64_t port, const char *path)
{
    AQ_CLEANUP_BUFFER struct aq_buffer question = {0};
    const bool is_v6 = strchr(health->address, ':') != NULL;
    aq_buffer_format(&question, "GET %s HTTP/1.0\r\nHost: %s%s%s:%" PRIu64 "\r\nUser-Agent: aquarium\r\n\r\n", path,
                     is_v6 ? "[" : "", health->address, is_v6 ? "]" : "", port);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = health->resource};
    health->asked = true;
    health->said_length = 0;
    if (send(health->fd, question.data, question.length, MSG_NOSIGNAL) != (ssize_t)question.length ||
        epoll_ctl(healths->epoll, EPOLL_CTL_MOD, health->fd, &event) != 0)
        fail_errno(healths, health, port, errno);
}

static void take_connection(struct healths *healths, struct health *health)
{
    const char *path;
    const uint64_t port = port_of(health, &path);
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(health->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0 || number != 0) {
        fail_errno(healths, health, port, number != 0 ? number : errno);
    } else if (path[0] != '\0') {
        ask_http(healths, health, port, path);
    } else {
        char reason[64];
        snprintf(reason, sizeof reason, "port %" PRIu64 " accepts connections", port);
        succeed(healths, health, reason);
    }
}

/* Reads what there is, and keeps the beginning of it. Returns false at the end. */
static bool read_said(struct health *health)
{
    char bytes[CHUNK];
    ssize_t length = -1;
    for (int i = 0; i < READS && (length = read(health->fd, bytes, sizeof bytes)) > 0; i++) {
        const size_t room = sizeof health->said - 1 - health->said_length;
        const size_t kept = (size_t)length < room ? (size_t)length : room;
        memcpy(health->said + health->said_length, bytes, kept);
        health->said_length += kept;
    }
    health->said[health->said_length] = '\0';
    return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

static void take_answer(struct healths *healths, struct health *health)
{
    const bool more = read_said(health);
    const char *line = memchr(health->said, '\n', health->said_length);
    unsigned status;
    char reason[SAID_SIZE + 32];
    if (more && line == NULL && health->said_length < sizeof health->said - 1)
        return;
    health->said[strcspn(health->said, "\r\n")] = '\0';
    if (line == NULL || sscanf(health->said, "HTTP/%*u.%*u %3u", &status) != 1) {
        fail(healths, health, "the answer is not HTTP");
        return;
    }
    snprintf(reason, sizeof reason, "GET %s: %s", strchr(health->check.http, '/'), health->said);
    if (status >= 200 && status < 400)
        succeed(healths, health, reason);
    else
        fail(healths, health, reason);
}

/* ---- commands ----------------------------------------------------------------------------------------- */

static struct health *find_command(const struct healths *healths, uint64_t number)
{
    for (size_t i = 0; i < healths->roster.count; i++) {
        struct health *health = healths->roster.entries[i].workload;
        if (health->command == number)
            return health;
    }
    return NULL;
}

static void command_done(void *context, uint64_t number, int exit_status, const char *reason)
{
    struct healths *healths = context;
    struct health *health = find_command(healths, number);
    if (health == NULL)
        return;
    health->command = 0;
    if (!health->running)
        return; /* it was late */
    read_said(health);
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    while (health->said_length > 0 && strchr(" \r\n", health->said[health->said_length - 1]) != NULL)
        health->said[--health->said_length] = '\0';
    aq_buffer_format(&words, "%s%s%s", reason, health->said_length > 0 ? ": " : "", health->said);
    if (exit_status == 0)
        succeed(healths, health, aq_buffer_string(&words));
    else
        fail(healths, health, aq_buffer_string(&words));
}

/* Output is read with pauses, so that a command that writes without end costs the agent little; it waits at its full
 * pipe. */
static void take_output(struct healths *healths, struct health *health)
{
    if (!read_said(health)) {
        close_fd(health); /* the command has closed its output, and goes on */
        return;
    }
    health->paused = true;
    if (healths->resume_ms == 0)
        healths->resume_ms = healths->now->steady_ms + PAUSE_MS;
}

static void resume_all(struct healths *healths)
{
    healths->resume_ms = 0;
    for (size_t i = 0; i < healths->roster.count; i++) {
        struct health *health = healths->roster.entries[i].workload;
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = health->resource};
        if (!health->paused)
            continue;
        health->paused = false;
        if (health->fd >= 0)
            (void)epoll_ctl(healths->epoll, EPOLL_CTL_MOD, health->fd, &event);
    }
}

static const char **arguments_of(const struct aq_list *command)
{
    const char **arguments = aq_calloc(command->count + 1, sizeof *arguments);
    for (uint32_t i = 0; i < command->count; i++)
        arguments[i] = AQ_TEXT_ITEM(*command, i);
    return arguments;
}

static void begin_command(struct healths *healths, struct health *health)
{
    struct aq_error error = {0};
    int ends[2];
    AQ_CLEANUP_FD int nothing = aq_file_empty();
    if (nothing < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        aq_fail_errno(&error, errno, "the check cannot be started");
        fail(healths, health, error.message);
        return;
    }
    AQ_CLEANUP_FD int output = ends[1];
    health->fd = ends[0];
    health->said_length = 0;
    fcntl(health->fd, F_SETFL, O_NONBLOCK);
    const char **arguments = arguments_of(&health->check.command);
    const struct driver_command command = {
        .resource = health->resource, .arguments = arguments, .input = nothing, .output = output, .errors = output};
    if (watch_fd(healths, health, EPOLLIN | EPOLLONESHOT) != 0)
        aq_fail_errno(&error, errno, "the check cannot be watched");
    else if (commands_start(healths->commands, health->driver, &command, command_done, healths, &health->command,
                            &error) != 0)
        health->command = 0;
    free(arguments);
    if (error.code != AQ_OK)
        fail(healths, health, error.message);
}

/* ---- turns -------------------------------------------------------------------------------------------- */

static void begin_check(struct healths *healths, struct health *health)
{
    health->running = true;
    wake_in(healths, health, health->check.timeout * 1000);
    if (health->command != 0)
        fail(healths, health, "the check before still runs");
    else if (health->check.command.count > 0)
        begin_command(healths, health);
    else
        begin_connection(healths, health);
}

static void take_event(struct healths *healths, struct health *health)
{
    if (!health->running || health->fd < 0)
        return;
    if (health->asked)
        take_answer(healths, health);
    else if (health->check.command.count == 0)
        take_connection(healths, health);
    else
        take_output(healths, health);
}

void healths_work(struct healths *healths)
{
    struct epoll_event events[EVENTS];
    struct schedule_entry entry;
    if (healths->resume_ms != 0 && healths->now->steady_ms >= healths->resume_ms)
        resume_all(healths);
    int count = healths->epoll >= 0 ? epoll_wait(healths->epoll, events, EVENTS, 0) : 0;
    for (int i = 0; i < count; i++) {
        struct health *health = roster_find(&healths->roster, events[i].data.u64);
        if (health != NULL)
            take_event(healths, health);
    }
    while (schedule_take(&healths->schedule, healths->now->steady_ms, &entry)) {
        struct health *health = roster_find(&healths->roster, entry.resource);
        if (health == NULL || health->due_ms != entry.due_ms)
            continue;
        if (health->running)
            fail_late(healths, health);
        else
            begin_check(healths, health);
    }
}

int healths_fd(const struct healths *healths)
{
    return healths->epoll;
}

uint64_t healths_deadline_ms(const struct healths *healths)
{
    const uint64_t next_ms = schedule_next_ms(&healths->schedule);
    return healths->resume_ms != 0 && healths->resume_ms < next_ms ? healths->resume_ms : next_ms;
}
