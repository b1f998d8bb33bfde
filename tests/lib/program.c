#include "tests/lib/program.h"
#include "schema/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *program_build(void)
{
    const char *build = getenv("BUILD");
    return build != NULL ? build : "build/release";
}

static void add_word(struct program_line *line, const char *format, va_list values)
{
    if (line->count + 1 >= PROGRAM_ARGUMENTS_MAX || vasprintf(&line->words[line->count++], format, values) < 0)
        abort();
}

void program_add(struct program_line *line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add_word(line, format, values);
    va_end(values);
}

void program_set(struct program_line *line, const char *format, ...)
{
    va_list values;
    program_add(line, "--set");
    va_start(values, format);
    add_word(line, format, values);
    va_end(values);
}

pid_t program_start(struct program_line *line, const char *log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) {
        for (size_t i = 0; i < line->count; i++)
            free(line->words[i]);
        *line = (struct program_line){0};
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), nothing = open("/dev/null", O_RDONLY);
    if (getppid() != parent || fd < 0 || nothing < 0)
        _exit(127);
    dup2(nothing, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    setsid();
    execv(line->words[0], line->words);
    _exit(127);
}

int program_wait(pid_t *pid, double seconds, int *status)
{
    const uint64_t until_ms = aq_clock_ms() + (uint64_t)(seconds * 1e3);
    *status = 0;
    while (*pid > 0) {
        pid_t got = waitpid(*pid, status, WNOHANG);
        if (got == *pid || (got < 0 && errno == ECHILD))
            *pid = 0;
        else if (aq_clock_ms() > until_ms)
            return -1;
        else
            usleep(1000);
    }
    return 0;
}

double program_cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        abort();
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void program_show_log(const char *log)
{
    enum { LINES = 10 };
    char line[LINES][512];
    unsigned count = 0;
    FILE *file = fopen(log, "re");
    while (file != NULL && fgets(line[count % LINES], sizeof line[0], file) != NULL)
        count++;
    if (file != NULL)
        fclose(file);
    for (unsigned i = count > LINES ? count - LINES : 0; i < count; i++)
        fprintf(stderr, "# %.*s\n", (int)strcspn(line[i % LINES], "\n"), line[i % LINES]);
}
