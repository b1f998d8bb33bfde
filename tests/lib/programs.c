#include "tests/lib/programs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *test_program_path(const char *name)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash != NULL ? slash + 1 : path, 64, "%s", name);
    return path;
}

const char *test_example_driver(const char *name)
{
    static char path[PATH_MAX];
    char directory[PATH_MAX / 2];
    snprintf(path, sizeof path, "%s/tools/examples/drivers/aq-driver-%s",
             getcwd(directory, sizeof directory) != NULL ? directory : "", name);
    return path;
}
