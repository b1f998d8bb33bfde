#include "drivers/keeper/execute_self.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* "LD_LIBRARY_PATH=...", which the binary may need to start; NULL if it is not set. */
static char *library_path(void)
{
    static const char name[] = "LD_LIBRARY_PATH=";
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
        if (strncmp(*variable, name, strlen(name)) == 0)
            return *variable;
    return NULL;
}

/* The last descriptor first: /dev/null must not take its place before it is copied. */
static int add_fds(posix_spawn_file_actions_t *actions, const int *fds, int count)
{
    int failed = 0;
    for (int fd = count - 1; fd >= 0 && failed == 0; fd--)
        failed = fds[fd] >= 0 ? posix_spawn_file_actions_adddup2(actions, fds[fd], fd)
                              : posix_spawn_file_actions_addopen(actions, fd, "/dev/null",
                                                                 fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
    return failed != 0 ? failed : posix_spawn_file_actions_addclosefrom_np(actions, count);
}

int execute_self(const char *name, bool forks, const int *fds, int count, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *const arguments[] = {(char *)(uintptr_t)name, NULL};
    char *const library = library_path();
    char *const bind = (char *)(uintptr_t)(forks ? "LD_BIND_NOW=1" : NULL);
    char *const environment[] = {library != NULL ? library : bind, library != NULL ? bind : NULL, NULL};
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int failed = add_fds(&actions, fds, count);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    if (failed == 0)
        failed = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}
