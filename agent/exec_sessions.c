#include "agent/exec_sessions.h"

#include "schema/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
    READ_SIZE = 16384,
    ROUNDS_MAX = 16, /* reads of one descriptor in one turn */
    STATUS_REFUSED = 126,
    STATUS_KILLED = 128 + 9,
    REASON_SIZE = 513
};

/* One of our ends; -1: closed. */
struct end {
    int fd;
    uint32_t watched; /* events */
};

struct exec {
    struct exec *next;
    uint64_t session, resource;
    uint64_t command; /* its number; 0: it has not begun */
    bool terminal;    /* input is the terminal's other side, for output, too */
    struct end input, output, errors;

    struct aq_buffer in; /* not written yet; ends at the position `accepted` */
    uint64_t accepted, told_taken;
    bool in_over;
    struct aq_buffer out; /* pieces that the hub does not have; begins at the position `first` */
    uint64_t first, allowed;
    bool untold;     /* the hub may not know the session: it hears of it, even if there is nothing to say */
    bool in_message; /* in the message under way, with: */
    size_t sending;  /* bytes of `out` */
    uint64_t sending_taken;
    bool sending_over;

    bool ended; /* the command has */
    int exit_status;
    char reason[REASON_SIZE];
};

/* ---- descriptors ------------------------------------------------------------------------------------------ */

static void close_end(struct end *end)
{
    if (end->fd >= 0)
        close(end->fd); /* which ends watching */
    *end = (struct end){.fd = -1};
}

/* What is not wanted is not watched at all: the kernel tells of errors and hang-ups otherwise, again and again. */
static void watch(const struct exec_sessions *sessions, struct end *end, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted};
    if (end->fd < 0 || end->watched == wanted)
        return;
    const int how = wanted == 0 ? EPOLL_CTL_DEL : end->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(sessions->epoll, how, end->fd, &event) == 0)
        end->watched = wanted;
}

static bool has_room(const struct exec *exec)
{
    return exec->out.length + READ_SIZE + AQ_EXEC_HEAD_SIZE <= AQ_EXEC_WINDOW;
}

static void watch_all(const struct exec_sessions *sessions, struct exec *exec)
{
    const uint32_t in = has_room(exec) ? EPOLLIN : 0, out = exec->in.length > 0 ? EPOLLOUT : 0;
    watch(sessions, &exec->input, exec->terminal ? in | out : out);
    watch(sessions, &exec->output, in);
    watch(sessions, &exec->errors, in);
}

int exec_sessions_fd(const struct exec_sessions *sessions)
{
    return sessions->count > 0 ? sessions->epoll : -1;
}

/* ---- what moves ------------------------------------------------------------------------------------------- */

/* What nobody reads any more is dropped, as at a pipe whose reader has gone. */
static void write_input(struct exec *exec)
{
    while (exec->in.length > 0) {
        ssize_t written =
            exec->input.fd >= 0 ? write(exec->input.fd, exec->in.data, exec->in.length) : (ssize_t)exec->in.length;
        if (written < 0 && errno == EAGAIN)
            return;
        if (written < 0) {
            if (!exec->terminal)
                close_end(&exec->input);
            written = (ssize_t)exec->in.length;
        }
        memmove(exec->in.data, exec->in.data + written, exec->in.length - (size_t)written);
        exec->in.length -= (size_t)written;
    }
    if (exec->in_over && !exec->terminal)
        close_end(&exec->input);
}

static void read_output(struct exec *exec, struct end *end, enum aq_exec_piece piece)
{
    char bytes[READ_SIZE];
    for (int round = 0; round < ROUNDS_MAX && end->fd >= 0 && has_room(exec); round++) {
        ssize_t length = read(end->fd, bytes, sizeof bytes);
        if (length > 0) {
            aq_exec_add_piece(&exec->out, piece, bytes, (size_t)length);
        } else if (length < 0 && errno == EINTR) {
            continue;
        } else if (length < 0 && errno == EAGAIN) {
            /* A command that has ended writes no more; what it has left behind may hold the pipe for ever. */
            if (exec->ended)
                close_end(end);
            return;
        } else { /* the end; of a terminal, EIO */
            close_end(end);
        }
    }
}

static void move(const struct exec_sessions *sessions, struct exec *exec)
{
    write_input(exec);
    read_output(exec, exec->terminal ? &exec->input : &exec->output, AQ_EXEC_OUTPUT);
    read_output(exec, &exec->errors, AQ_EXEC_ERRORS);
    watch_all(sessions, exec);
}

void exec_sessions_turn(struct exec_sessions *sessions)
{
    for (struct exec *exec = sessions->first; exec != NULL; exec = exec->next)
        move(sessions, exec);
}

/* ---- beginning -------------------------------------------------------------------------------------------- */

static int make_terminal(struct exec *exec, int *other, struct aq_error *error)
{
    char name[64];
    exec->input.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (exec->input.fd < 0 || grantpt(exec->input.fd) != 0 || unlockpt(exec->input.fd) != 0 ||
        ptsname_r(exec->input.fd, name, sizeof name) != 0 || (*other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
        return aq_fail_errno(error, errno, "cannot create a terminal");
    return 0;
}

/* Ours do not block; the command's do. */
static int make_pipe(int *read_end, int *write_end, int ours, struct aq_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return aq_fail_errno(error, errno, "cannot create a pipe");
    *read_end = ends[0];
    *write_end = ends[1];
    (void)fcntl(ends[ours], F_SETFL, O_NONBLOCK);
    return 0;
}

static int make_ends(struct exec *exec, int theirs[3], struct aq_error *error)
{
    if (!exec->terminal)
        return make_pipe(&theirs[0], &exec->input.fd, 1, error) == 0 &&
                       make_pipe(&exec->output.fd, &theirs[1], 0, error) == 0 &&
                       make_pipe(&exec->errors.fd, &theirs[2], 0, error) == 0
                   ? 0
                   : -1;
    if (make_terminal(exec, &theirs[0], error) != 0)
        return -1;
    theirs[1] = theirs[2] = theirs[0];
    return 0;
}

/* A command of the sessions has ended; perhaps of one that is not kept any more. */
static void take_ended(void *context, uint64_t number, int exit_status, const char *reason);

/* The driver of the workload. Of one that is over, *left becomes the directory with what it has left. */
static const struct opened_driver *driver_for(const struct exec_sessions *sessions, const struct aq_exec_order *order,
                                              const char **left, struct aq_arena *arena, struct aq_error *error)
{
    const struct workload *workload = workloads_find(sessions->workloads, order->resource);
    struct driver_left note;
    if (workload != NULL && !workload->over && !workload->stopping && workload->driver != NULL)
        return workload->driver;
    if ((workload != NULL && !workload->over) || !aq_exec_is_copy_out(&order->arguments)) {
        aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run on this node", order->resource);
        return NULL;
    }
    *left = home_left(sessions->workloads->home, order->resource, &note, arena, error);
    if (*left == NULL)
        return NULL;
    const struct opened_driver *driver = drivers_find(&sessions->workloads->drivers, note.driver);
    if (driver == NULL)
        aq_fail(error, AQ_E_STATE, "driver %s, which ran resource %" PRIu64 ", is not in use on its node", note.driver,
                order->resource);
    return driver;
}

static int run(struct exec_sessions *sessions, struct exec *exec, const struct aq_exec_order *order,
               const int theirs[3], struct aq_error *error)
{
    const char *left = NULL;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct opened_driver *driver = driver_for(sessions, order, &left, &arena, error);
    if (driver == NULL)
        return -1;
    const char **arguments = aq_arena_alloc(&arena, (order->arguments.count + 1) * sizeof *arguments);
    for (uint32_t i = 0; i < order->arguments.count; i++)
        arguments[i] = AQ_TEXT_ITEM(order->arguments, i);
    arguments[order->arguments.count] = NULL;
    const struct driver_command command = {.resource = order->resource,
                                           .left = left,
                                           .arguments = arguments,
                                           .input = theirs[0],
                                           .output = theirs[1],
                                           .errors = theirs[2],
                                           .terminal = order->terminal,
                                           .term = order->term};
    if (order->arguments.count == 0)
        return aq_fail(error, AQ_E_INVALID, "there is no command to run");
    return commands_start(&sessions->workloads->commands, driver, &command, take_ended, sessions, &exec->command,
                          error);
}

static void note_end(struct exec *exec, int exit_status, const char *reason)
{
    exec->ended = true;
    exec->exit_status = exit_status & 0xFF;
    snprintf(exec->reason, sizeof exec->reason, "%s", reason);
}

static void resize(const struct exec *exec, const struct aq_exec_input *input)
{
    const struct winsize size = {.ws_col = (unsigned short)input->columns, .ws_row = (unsigned short)input->rows};
    if (exec->terminal && exec->input.fd >= 0 && input->columns != 0 && input->rows != 0)
        (void)ioctl(exec->input.fd, TIOCSWINSZ, &size);
}

static struct exec *find(const struct exec_sessions *sessions, uint64_t session)
{
    struct exec *exec = sessions->first;
    while (exec != NULL && exec->session != session)
        exec = exec->next;
    return exec;
}

static struct exec *add(struct exec_sessions *sessions, const struct aq_exec_order *order)
{
    struct exec *exec = aq_calloc(1, sizeof *exec);
    exec->session = order->session;
    exec->resource = order->resource;
    exec->terminal = order->terminal;
    exec->input.fd = exec->output.fd = exec->errors.fd = -1;
    exec->next = sessions->first;
    sessions->first = exec;
    sessions->count++;
    return exec;
}

static void begin(struct exec_sessions *sessions, const struct aq_exec_order *order)
{
    int theirs[3] = {-1, -1, -1};
    struct aq_error error;
    struct exec *exec = add(sessions, order);
    if (sessions->epoll <= 0)
        sessions->epoll = epoll_create1(EPOLL_CLOEXEC);
    int failed = make_ends(exec, theirs, &error);
    resize(exec, &order->input); /* before the program looks */
    if (failed == 0)
        failed = run(sessions, exec, order, theirs, &error);
    for (int i = 0; i < 3; i++)
        if (theirs[i] >= 0 && (i == 0 || !exec->terminal))
            close(theirs[i]);
    if (failed != 0)
        note_end(exec, STATUS_REFUSED, error.message);
}

/* ---- orders ----------------------------------------------------------------------------------------------- */

static void take_input(struct exec *exec, const struct aq_exec_input *input)
{
    const uint64_t known = exec->accepted - input->position;
    resize(exec, input);
    if (input->position > exec->accepted || known > input->data.length || exec->in_over)
        return; /* a gap, which comes again; or known already */
    const size_t more = input->data.length - (size_t)known;
    if (exec->in.length + more > AQ_EXEC_WINDOW)
        return; /* no hub sends so much */
    if (more > 0)
        aq_buffer_add(&exec->in, input->data.data + known, more);
    exec->accepted += more;
    exec->in_over = input->over;
}

static bool is_gone(const struct exec_sessions *sessions, uint64_t session)
{
    for (size_t i = 0; i < sessions->gone_count; i++)
        if (sessions->gone[i] == session)
            return true;
    return false;
}

void exec_sessions_take(struct exec_sessions *sessions, const struct aq_exec_order *order)
{
    struct exec *exec = find(sessions, order->session);
    if (exec == NULL && is_gone(sessions, order->session))
        return; /* the hub ordered this before it heard of its end */
    if (exec == NULL && order->start && !order->end) {
        begin(sessions, order);
        exec = find(sessions, order->session);
    } else if (exec == NULL) { /* nothing of it is known: the hub is told so, once */
        exec = add(sessions, order);
        note_end(exec, STATUS_KILLED, "its node does not know it any more");
    }
    if (order->allowed > exec->allowed)
        exec->allowed = order->allowed;
    take_input(exec, &order->input);
    if (order->end && !exec->ended)
        commands_kill(&sessions->workloads->commands, exec->command);
    move(sessions, exec);
}

/* ---- what is told ----------------------------------------------------------------------------------------- */

static uint64_t taken(const struct exec *exec)
{
    return exec->accepted - exec->in.length;
}

static size_t sendable(const struct exec *exec)
{
    const uint64_t window = exec->allowed > exec->first ? exec->allowed - exec->first : 0;
    size_t length = exec->out.length < AQ_EXEC_DATA_MAX ? exec->out.length : AQ_EXEC_DATA_MAX;
    return length < window ? length : (size_t)window;
}

/* Nothing follows what can be sent now. */
static bool is_over(const struct exec *exec)
{
    return exec->ended && exec->output.fd < 0 && exec->errors.fd < 0 && (!exec->terminal || exec->input.fd < 0) &&
           sendable(exec) == exec->out.length;
}

static bool is_due(const struct exec *exec)
{
    return exec->untold || sendable(exec) > 0 || taken(exec) != exec->told_taken || is_over(exec);
}

bool exec_sessions_are_due(const struct exec_sessions *sessions)
{
    if (sessions->in_flight)
        return false;
    for (const struct exec *exec = sessions->first; exec != NULL; exec = exec->next)
        if (is_due(exec))
            return true;
    return false;
}

struct aq_exec exec_sessions_compose(struct exec_sessions *sessions, const char *name, uint64_t session,
                                     struct aq_arena *arena)
{
    enum { MESSAGE_BYTES_MAX = 1 << 20 };
    struct aq_exec message = {.name = name, .session = session};
    size_t bytes = 0;
    message.told.items = aq_arena_alloc(arena, AQ_EXEC_ORDERS_MAX * sizeof(struct aq_exec_told));
    for (struct exec *exec = sessions->first; exec != NULL; exec = exec->next) {
        exec->sending = 0;
        exec->sending_over = exec->in_message = false;
        if (!is_due(exec) || message.told.count == AQ_EXEC_ORDERS_MAX || bytes >= MESSAGE_BYTES_MAX)
            continue;
        exec->in_message = true;
        exec->sending = sendable(exec);
        exec->sending_taken = taken(exec);
        exec->sending_over = is_over(exec);
        bytes += exec->sending;
        *AQ_ITEM(message.told, struct aq_exec_told, message.told.count++) =
            (struct aq_exec_told){.session = exec->session,
                                  .output = {.position = exec->first,
                                             .data = {(const unsigned char *)exec->out.data, exec->sending},
                                             .taken = exec->sending_taken,
                                             .over = exec->sending_over,
                                             .exit_status = exec->sending_over ? (uint64_t)exec->exit_status : 0,
                                             .reason = exec->sending_over ? exec->reason : ""}};
    }
    sessions->in_flight = true;
    return message;
}

static void free_exec(struct exec *exec)
{
    close_end(&exec->input);
    close_end(&exec->output);
    close_end(&exec->errors);
    aq_buffer_free(&exec->in);
    aq_buffer_free(&exec->out);
    free(exec);
}

/* Ends the command, if it still runs, and drops the session. */
static void drop(struct exec_sessions *sessions, struct exec *exec)
{
    struct exec **link = &sessions->first;
    while (*link != exec)
        link = &(*link)->next;
    *link = exec->next;
    sessions->count--;
    AQ_GROW(sessions->gone, sessions->gone_count, sessions->gone_capacity);
    sessions->gone[sessions->gone_count++] = exec->session;
    if (!exec->ended)
        commands_kill(&sessions->workloads->commands, exec->command);
    free_exec(exec);
}

static void note_arrived(struct exec_sessions *sessions, struct exec *exec)
{
    if (exec->sending > 0)
        memmove(exec->out.data, exec->out.data + exec->sending, exec->out.length - exec->sending);
    exec->out.length -= exec->sending;
    exec->first += exec->sending;
    exec->told_taken = exec->sending_taken > exec->told_taken ? exec->sending_taken : exec->told_taken;
    exec->sending = 0;
    exec->untold = exec->untold && !exec->in_message;
    if (exec->sending_over)
        drop(sessions, exec);
    else
        move(sessions, exec); /* there may be room again */
}

void exec_sessions_arrived(struct exec_sessions *sessions, const struct aq_executed *answer)
{
    sessions->in_flight = false;
    for (struct exec *exec = sessions->first, *next; exec != NULL; exec = next) {
        next = exec->next;
        note_arrived(sessions, exec);
    }
    for (uint32_t i = 0; i < answer->unknown.count; i++) {
        struct exec *exec = find(sessions, AQ_ITEM(answer->unknown, struct aq_exec_gone, i)->session);
        if (exec != NULL)
            drop(sessions, exec);
    }
}

void exec_sessions_not_arrived(struct exec_sessions *sessions)
{
    sessions->in_flight = false;
}

void exec_sessions_forget_gone(struct exec_sessions *sessions)
{
    sessions->gone_count = 0;
}

void exec_sessions_welcome(struct exec_sessions *sessions)
{
    for (struct exec *exec = sessions->first; exec != NULL; exec = exec->next)
        exec->untold = true;
}

/* ---- open and close --------------------------------------------------------------------------------------- */

static void take_ended(void *context, uint64_t number, int exit_status, const char *reason)
{
    struct exec_sessions *sessions = context;
    struct exec *exec = sessions->first;
    char usual[32];
    while (exec != NULL && exec->command != number)
        exec = exec->next;
    if (exec == NULL || exec->ended)
        return;
    /* The client says the status itself. */
    snprintf(usual, sizeof usual, "exit status %d", exit_status);
    note_end(exec, exit_status, strcmp(reason, usual) != 0 ? reason : "");
    exec->in_over = true;
    move(sessions, exec);
}

void exec_sessions_open(struct exec_sessions *sessions, struct workloads *workloads)
{
    *sessions = (struct exec_sessions){.workloads = workloads};
}

void exec_sessions_clear(struct exec_sessions *sessions)
{
    while (sessions->first != NULL)
        drop(sessions, sessions->first);
    sessions->in_flight = false;
}

void exec_sessions_close(struct exec_sessions *sessions)
{
    if (sessions->workloads == NULL)
        return;
    exec_sessions_clear(sessions);
    if (sessions->epoll > 0)
        close(sessions->epoll);
    free(sessions->gone);
    *sessions = (struct exec_sessions){0};
}
