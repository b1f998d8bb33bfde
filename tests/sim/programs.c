#include "tests/sim/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_KILLED = 128 + 9, BYTES_MAX = 4096 };

struct program {
    struct program *next;
    uint64_t number, resource;
    int input, output;
    char bytes[BYTES_MAX]; /* read, and not written yet */
    size_t length;
    bool waits, over, killed;
    int exit_status;
};

static int copy_of(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    aq_assert(copy >= 0 && fcntl(copy, F_SETFL, O_NONBLOCK) == 0);
    return copy;
}

bool programs_have(const struct driver_command *command)
{
    return strcmp(command->arguments[0], "copy") == 0 || strcmp(command->arguments[0], "wait") == 0;
}

void programs_start(struct programs *programs, const struct driver_command *command)
{
    struct program *program = aq_calloc(1, sizeof *program);
    *program = (struct program){.next = programs->first,
                                .number = command->number,
                                .resource = command->resource,
                                .waits = strcmp(command->arguments[0], "wait") == 0,
                                .input = copy_of(command->input),
                                .output = copy_of(command->output),
                                .exit_status = (int)strtol(command->arguments[2], NULL, 10)};
    programs->first = program;
}

static void close_ends(struct program *program)
{
    if (program->input >= 0)
        close(program->input);
    if (program->output >= 0)
        close(program->output);
    program->input = program->output = -1;
}

static void kill_one(struct program *program)
{
    if (program->over)
        return;
    program->over = program->killed = true;
    program->exit_status = STATUS_KILLED;
    close_ends(program);
}

void programs_kill(struct programs *programs, uint64_t number)
{
    for (struct program *program = programs->first; program != NULL; program = program->next)
        if (program->number == number)
            kill_one(program);
}

void programs_kill_all(struct programs *programs, uint64_t resource)
{
    for (struct program *program = programs->first; program != NULL; program = program->next)
        if (program->resource == resource)
            kill_one(program);
}

static bool is_ready(int fd, short event)
{
    struct pollfd ready = {.fd = fd, .events = event};
    return poll(&ready, 1, 0) > 0;
}

static bool is_due(const struct program *program)
{
    if (program->over || program->waits)
        return program->over;
    return program->length > 0 ? is_ready(program->output, POLLOUT) : is_ready(program->input, POLLIN);
}

static void copy_some(struct program *program)
{
    while (!program->over && is_due(program)) {
        ssize_t done;
        if (program->length > 0) {
            done = write(program->output, program->bytes, program->length);
            if (done <= 0) {
                kill_one(program); /* nobody reads it any more */
                return;
            }
            memmove(program->bytes, program->bytes + done, program->length - (size_t)done);
            program->length -= (size_t)done;
        } else {
            done = read(program->input, program->bytes, sizeof program->bytes);
            program->over = done <= 0;
            program->length = done > 0 ? (size_t)done : 0;
        }
    }
    if (program->over)
        close_ends(program);
}

static struct program *remove_ended(struct programs *programs)
{
    for (struct program **link = &programs->first, *program; (program = *link) != NULL; link = &program->next)
        if (program->over) {
            *link = program->next;
            return program;
        }
    return NULL;
}

void programs_work(struct programs *programs, driver_report_fn *report, void *context)
{
    struct program *program;
    for (program = programs->first; program != NULL; program = program->next)
        copy_some(program);
    while ((program = remove_ended(programs)) != NULL) {
        char status[32];
        snprintf(status, sizeof status, "exit status %d", program->exit_status);
        const struct driver_report ended = {.resource = program->resource,
                                            .kind = DRIVER_COMMAND_ENDED,
                                            .identifier = "",
                                            .ip_addr = "",
                                            .hw_addr = "",
                                            .exit_status = program->exit_status,
                                            .reason = program->killed ? "killed by signal 9 (SIGKILL)" : status,
                                            .command = program->number};
        free(program);
        report(context, &ended);
    }
}

bool programs_are_due(const struct programs *programs)
{
    for (const struct program *program = programs->first; program != NULL; program = program->next)
        if (is_due(program))
            return true;
    return false;
}

void programs_close(struct programs *programs)
{
    while (programs->first != NULL) {
        struct program *program = programs->first;
        programs->first = program->next;
        close_ends(program);
        free(program);
    }
}
