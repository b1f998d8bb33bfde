#include "drivers/libvirt/terminal.h"

#include "drivers/output.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

enum {
    SEEN_BEFORE = 16 << 10, /* bytes of the log that a client gets first */
    CHUNK = 16 << 10,
    STATUS_KILLED = 128 + 9,
    ESCAPE = 0x1d, /* ctrl-] ends a console, as in virsh and telnet */
};

struct terminal {
    struct driver_command command; /* its descriptors are copies; -1: closed */
    int port, directory;
    uint64_t position;    /* of the next byte of the log */
    struct aq_buffer out; /* that the client has not taken, up to a chunk */
    struct aq_buffer in;  /* that the machine has not */
    bool over;
    int exit_status;
    const char *reason;
    struct terminal *next;
};

struct terminals {
    int epoll;
    struct terminal *first;
};

struct terminals *terminals_open(int epoll)
{
    struct terminals *terminals = aq_calloc(1, sizeof *terminals);
    terminals->epoll = epoll;
    return terminals;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void terminal_free(struct terminal *terminal)
{
    close_fd(&terminal->command.input);
    close_fd(&terminal->command.output);
    close_fd(&terminal->port);
    close_fd(&terminal->directory);
    aq_buffer_free(&terminal->out);
    aq_buffer_free(&terminal->in);
    free(terminal);
}

void terminals_close(struct terminals *terminals)
{
    while (terminals->first != NULL) {
        struct terminal *terminal = terminals->first;
        terminals->first = terminal->next;
        terminal_free(terminal);
    }
    free(terminals);
}

/* Both ends pass on each byte as it is. */
static void make_raw(int fd)
{
    struct termios how;
    if (tcgetattr(fd, &how) != 0)
        return;
    cfmakeraw(&how);
    tcsetattr(fd, TCSANOW, &how);
}

/* A descriptor of its own for what the caller's leads to, which stays as it is. */
static int copy_fd(int fd, int way)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy >= 0)
        fcntl(copy, F_SETFL, way | O_NONBLOCK);
    return copy;
}

static void watch(struct terminals *terminals, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    if (epoll_ctl(terminals->epoll, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST)
        epoll_ctl(terminals->epoll, EPOLL_CTL_MOD, fd, &event);
}

static void find_beginning(struct terminal *terminal)
{
    struct output_span span;
    struct aq_error ignored;
    if (output_measure(terminal->directory, &span, &ignored) == 0 && span.end > span.first)
        terminal->position = span.end - span.first > SEEN_BEFORE ? span.end - SEEN_BEFORE : span.first;
}

int terminals_add(struct terminals *terminals, const struct driver_command *command, const char *port,
                  const char *directory, struct aq_error *error)
{
    struct terminal *terminal = aq_calloc(1, sizeof *terminal);
    terminal->command = *command;
    terminal->command.input = copy_fd(command->input, O_RDONLY);
    terminal->command.output = copy_fd(command->output, O_WRONLY);
    terminal->port = open(port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    terminal->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (terminal->command.input < 0 || terminal->command.output < 0 || terminal->port < 0 || terminal->directory < 0) {
        aq_fail_errno(error, errno, "the machine's console %s cannot be opened", port);
        terminal_free(terminal);
        return -1;
    }
    make_raw(terminal->port);
    if (command->terminal)
        make_raw(terminal->command.input);
    find_beginning(terminal);
    watch(terminals, terminal->command.input, EPOLLIN);
    watch(terminals, terminal->port, EPOLLIN);
    terminal->next = terminals->first;
    terminals->first = terminal;
    return 0;
}

static void end(struct terminal *terminal, int exit_status, const char *reason)
{
    if (terminal->over)
        return;
    terminal->over = true;
    terminal->exit_status = exit_status;
    terminal->reason = reason;
}

void terminals_end(struct terminals *terminals, uint64_t number)
{
    for (struct terminal *terminal = terminals->first; terminal != NULL; terminal = terminal->next)
        if (terminal->command.number == number)
            end(terminal, STATUS_KILLED, "killed by signal 9 (SIGKILL)");
}

/* ---- passing on -------------------------------------------------------------------------------------------- */

/* Writes what it takes. False: there is nobody to take it. */
static bool pour(struct aq_buffer *from, int fd)
{
    if (from->length == 0)
        return true;
    ssize_t written = write(fd, from->data, from->length);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR;
    memmove(from->data, from->data + written, from->length - (size_t)written);
    from->length -= (size_t)written;
    return true;
}

static void pass_output(struct terminal *terminal)
{
    struct output_span span;
    struct aq_error ignored;
    for (size_t before = 1; before > 0 && terminal->out.length == 0 && !terminal->over;) {
        if (output_read(terminal->directory, &terminal->position, CHUNK, &terminal->out, &span, &ignored) != 0)
            return;
        before = terminal->out.length;
        terminal->position += before;
        if (!pour(&terminal->out, terminal->command.output))
            end(terminal, STATUS_KILLED, "its client has gone");
    }
}

static void pass_input(struct terminal *terminal)
{
    char bytes[CHUNK];
    while (terminal->in.length == 0 && terminal->command.input >= 0 && !terminal->over) {
        ssize_t length = read(terminal->command.input, bytes, sizeof bytes);
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (length <= 0) {
            close_fd(&terminal->command.input);
            end(terminal, 0, "its input has ended");
            return;
        }
        const char *escape = terminal->command.terminal ? memchr(bytes, ESCAPE, (size_t)length) : NULL;
        if (escape != NULL)
            end(terminal, 0, "closed with ctrl-]");
        aq_buffer_add(&terminal->in, bytes, escape != NULL ? (size_t)(escape - bytes) : (size_t)length);
        if (!pour(&terminal->in, terminal->port))
            end(terminal, STATUS_KILLED, "the machine's console has gone");
    }
}

/* It is in the log. */
static void throw_away(struct terminal *terminal)
{
    char bytes[CHUNK];
    ssize_t length;
    while ((length = read(terminal->port, bytes, sizeof bytes)) > 0)
        ;
    if (length == 0 || (errno != EAGAIN && errno != EINTR))
        end(terminal, STATUS_KILLED, "the machine's console has gone");
}

void terminals_work(struct terminals *terminals)
{
    for (struct terminal *terminal = terminals->first; terminal != NULL; terminal = terminal->next) {
        if (terminal->over)
            continue;
        throw_away(terminal);
        bool good = pour(&terminal->in, terminal->port) && pour(&terminal->out, terminal->command.output);
        if (!good)
            end(terminal, STATUS_KILLED, "its client has gone");
        pass_input(terminal);
        pass_output(terminal);
        watch(terminals, terminal->port, terminal->in.length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
        if (terminal->command.input >= 0)
            watch(terminals, terminal->command.input, terminal->in.length > 0 ? 0 : EPOLLIN);
        if (terminal->out.length > 0)
            watch(terminals, terminal->command.output, EPOLLOUT);
        else /* that it is closed would be told again and again */
            epoll_ctl(terminals->epoll, EPOLL_CTL_DEL, terminal->command.output, NULL);
    }
}

void terminals_end_machine(struct terminals *terminals, uint64_t resource)
{
    for (struct terminal *terminal = terminals->first; terminal != NULL; terminal = terminal->next)
        if (terminal->command.resource == resource) {
            pass_output(terminal);
            end(terminal, STATUS_KILLED, "the machine has ended");
        }
}

bool terminals_take_ended(struct terminals *terminals, struct terminal_end *told)
{
    for (struct terminal **link = &terminals->first; *link != NULL; link = &(*link)->next) {
        struct terminal *terminal = *link;
        if (!terminal->over)
            continue;
        *link = terminal->next;
        *told = (struct terminal_end){terminal->command.number, terminal->command.resource, terminal->exit_status,
                                      terminal->reason};
        terminal_free(terminal);
        return true;
    }
    return false;
}
