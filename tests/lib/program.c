#include "tests/lib/program.h"

const char *program_build(void)
{
    const char *build = getenv("BUILD");
    return build != NULL ? build : "build/release";
}

pid_t program_start(char *const *arguments, const char *log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), nothing = open("/dev/null", O_RDONLY);
    if (getppid() != parent || fd < 0 || nothing < 0)
        _exit(127);
    dup2(nothing, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    setsid();
    execv(arguments[0], arguments);
    _exit(127);
}

bool program_wrote(const char *directory, const char *name, char *text, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    bool got = file != NULL && fgets(text, (int)size, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (got)
        text[strcspn(text, "\n")] = '\0';
    return got;
}
