#include "drivers/process/command.h"

#include "drivers/keeper/execute_self.h"
#include "drivers/keeper/job.h"
#include "drivers/process/entry.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { EVENTS = 64, STATUS_KILLED = 128 + SIGKILL, HIGH_FD = 10 };

struct command {
    struct command *next;
    uint64_t number, resource;
    int status; /* read end of the pipe from its helper */
    int pidfd;  /* of its helper */
};

struct process_commands {
    struct command *first;
    char *node;
    driver_report_fn *report;
    void *context;
    int epoll;
};

struct process_commands *process_commands_new(const char *node, driver_report_fn *report, void *context)
{
    struct process_commands *commands = aq_calloc(1, sizeof *commands);
    commands->node = aq_strdup(node);
    commands->report = report;
    commands->context = context;
    commands->epoll = epoll_create1(EPOLL_CLOEXEC);
    return commands;
}

int process_commands_fd(const struct process_commands *commands)
{
    return commands->epoll;
}

/* ---- the job ---------------------------------------------------------------------------------------------- */

static void add_text(struct aq_buffer *texts, const char *text)
{
    aq_buffer_add(texts, text, strlen(text) + 1);
}

/* A memory file with struct process_entry, and then its texts. */
static int encode(const struct process_commands *commands, const struct process_id *main,
                  const struct driver_command *command, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer texts = {0};
    struct process_entry entry;
    memset(&entry, 0, sizeof entry);
    entry.main = main != NULL ? *main : (struct process_id){0};
    entry.resource = command->resource;
    entry.agent = getpid();
    entry.terminal = command->terminal;
    add_text(&texts, commands->node);
    add_text(&texts, command->terminal && command->term != NULL ? command->term : "");
    add_text(&texts, command->left != NULL ? command->left : "");
    for (; command->arguments[entry.argument_count] != NULL; entry.argument_count++)
        add_text(&texts, command->arguments[entry.argument_count]);
    const struct iovec parts[] = {{&entry, sizeof entry}, {texts.data, texts.length}};
    return keeper_job_file(parts, AQ_LENGTH(parts), error);
}

/* ---- the helper ------------------------------------------------------------------------------------------- */

static int start_helper(struct command *command, const struct driver_command *wanted, int job, int status,
                        struct aq_error *error)
{
    pid_t pid;
    int fds[ENTRY_FDS] = {wanted->input, wanted->output, wanted->errors, job, status};
    int number = 0;
    for (int i = 0; i < ENTRY_FDS; i++) { /* so that none is in the place of another */
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
        number = fds[i] < 0 ? errno : number;
    }
    if (number == 0)
        number = execute_self(PROCESS_ENTRY_NAME, false, fds, ENTRY_FDS, &pid);
    for (int i = 0; i < ENTRY_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (number != 0)
        return aq_fail_errno(error, number, "cannot start a helper from /proc/self/exe");
    /* Nothing has waited for it yet: that is done between turns. */
    command->pidfd = pidfd_open(pid, 0);
    if (command->pidfd >= 0)
        return 0;
    aq_fail_errno(error, errno, "cannot watch a helper");
    kill(pid, SIGKILL);
    return -1;
}

static void free_command(struct command *command)
{
    if (command->status >= 0)
        close(command->status);
    if (command->pidfd >= 0)
        close(command->pidfd);
    free(command);
}

int process_commands_start(struct process_commands *commands, const struct process_id *main,
                           const struct driver_command *wanted, struct aq_error *error)
{
    int ends[2];
    AQ_CLEANUP_FD int job = encode(commands, main, wanted, error);
    if (job < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return aq_fail_errno(error, errno, "cannot create a pipe");
    struct command *command = aq_calloc(1, sizeof *command);
    *command = (struct command){.number = wanted->number, .resource = wanted->resource, .status = ends[0], .pidfd = -1};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = command->number};
    int failed = epoll_ctl(commands->epoll, EPOLL_CTL_ADD, command->status, &event) != 0
                     ? aq_fail_errno(error, errno, "cannot watch a command")
                     : start_helper(command, wanted, job, ends[1], error);
    close(ends[1]);
    if (failed != 0) {
        free_command(command);
        return -1;
    }
    command->next = commands->first;
    commands->first = command;
    return 0;
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

static struct command **find(struct process_commands *commands, uint64_t number)
{
    struct command **link = &commands->first;
    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

static void end_one(const struct command *command)
{
    pidfd_send_signal(command->pidfd, SIGTERM, NULL, 0); /* the helper ends the command, and says so */
}

void process_commands_end(struct process_commands *commands, uint64_t number)
{
    const struct command *command = *find(commands, number);
    if (command != NULL)
        end_one(command);
}

void process_commands_end_in(struct process_commands *commands, uint64_t resource)
{
    for (const struct command *command = commands->first; command != NULL; command = command->next)
        if (command->resource == resource)
            end_one(command);
}

/* The helper has written, or it is dead. The callback may start another command. */
static void take_end(struct process_commands *commands, struct command **link)
{
    struct process_entry_end end;
    struct command *command = *link;
    ssize_t length = read(command->status, &end, sizeof end);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length != (ssize_t)sizeof end)
        end = (struct process_entry_end){.exit_status = STATUS_KILLED, .reason = "its helper was killed"};
    end.reason[sizeof end.reason - 1] = '\0';
    *link = command->next;
    const struct driver_report report = {.resource = command->resource,
                                         .kind = DRIVER_COMMAND_ENDED,
                                         DRIVER_NOT_STARTED,
                                         .exit_status = end.exit_status,
                                         .reason = end.reason,
                                         .command = command->number};
    free_command(command);
    commands->report(commands->context, &report);
}

void process_commands_work(struct process_commands *commands)
{
    struct epoll_event events[EVENTS];
    int count = commands->first != NULL ? epoll_wait(commands->epoll, events, EVENTS, 0) : 0;
    for (int i = 0; i < count; i++) {
        struct command **link = find(commands, events[i].data.u64);
        if (*link != NULL)
            take_end(commands, link);
    }
}

void process_commands_free(struct process_commands *commands)
{
    if (commands == NULL)
        return;
    for (struct command *command = commands->first, *next; command != NULL; command = next) {
        next = command->next;
        end_one(command);
        free_command(command);
    }
    if (commands->epoll >= 0)
        close(commands->epoll);
    free(commands->node);
    free(commands);
}
