#include "drivers/program/find.h"

#include "drivers/driver.h"
#include "schema/base/files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { REFUSAL_SIZE = 200, FOUND_MAX = 256 };

/* Nobody but root and the agent's own user can have written it. */
static bool check_owner(const struct stat *status, char refusal[REFUSAL_SIZE])
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        snprintf(refusal, REFUSAL_SIZE, "its owner is user %u, but must be root", (unsigned)status->st_uid);
    else if (status->st_mode & (S_IWGRP | S_IWOTH))
        snprintf(refusal, REFUSAL_SIZE, "others than its owner may write to it (mode %04o)",
                 (unsigned)status->st_mode & 07777);
    else
        return true;
    return false;
}

static bool name_is_good(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t length = strlen(name);
    return length > 0 && length <= AQ_NAME_MAX && name[0] != '-' && name[0] != '_' && strspn(name, good) == length;
}

static bool check(int directory, const char *file, const char *name, char refusal[REFUSAL_SIZE])
{
    struct stat status;
    if (!name_is_good(name))
        snprintf(
            refusal, REFUSAL_SIZE,
            "a driver's name must be 1 to %d lower-case letters, digits, - and _, and begin with one of the first two",
            AQ_NAME_MAX);
    else if (driver_find(name) != NULL)
        snprintf(refusal, REFUSAL_SIZE, "the agent has a driver of this name built in");
    else if (fstatat(directory, file, &status, AT_SYMLINK_NOFOLLOW) != 0)
        snprintf(refusal, REFUSAL_SIZE, "it cannot be looked at: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        snprintf(refusal, REFUSAL_SIZE, "it is not a regular file; symbolic links are not followed");
    else if (!check_owner(&status, refusal))
        return false;
    else if (faccessat(directory, file, X_OK, AT_EACCESS) != 0)
        snprintf(refusal, REFUSAL_SIZE, "it is not executable (mode %04o)", (unsigned)status.st_mode & 07777);
    else
        return true;
    return false;
}

struct files {
    char *names[FOUND_MAX];
    size_t count;
};

static bool take_file(void *context, int directory, const char *name, unsigned char type)
{
    struct files *files = context;
    (void)directory, (void)type;
    if (strncmp(name, PROGRAM_PREFIX, strlen(PROGRAM_PREFIX)) == 0)
        files->names[files->count++] = aq_strdup(name);
    return files->count < FOUND_MAX;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int program_find_all(const char *directory, program_found_fn *found, void *context, struct aq_error *error)
{
    struct files files = {.count = 0};
    struct stat status;
    char refusal[REFUSAL_SIZE], path[PATH_MAX];
    AQ_CLEANUP_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory[0] != '/')
        return aq_fail(error, AQ_E_INVALID, "\"%.200s\" must be an absolute path", directory);
    if (fd < 0 || fstat(fd, &status) != 0)
        return aq_fail_errno(error, errno, "directory %.200s", directory);
    if (!check_owner(&status, refusal))
        return aq_fail(error, AQ_E_FORBIDDEN, "directory %.200s: %s", directory, refusal);
    int failed = aq_directory_list(fd, take_file, &files, error);
    qsort(files.names, files.count, sizeof files.names[0], compare);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i] + strlen(PROGRAM_PREFIX);
        snprintf(path, sizeof path, "%s/%s", directory, files.names[i]);
        if (failed == 0)
            found(context, name, path, check(fd, files.names[i], name, refusal) ? NULL : refusal);
        free(files.names[i]);
    }
    return failed;
}

static bool has_helpers(const char *directory)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/aq-output", directory);
    return access(path, X_OK) == 0;
}

const char *program_helpers(const char *directory)
{
    static char path[PATH_MAX];
    static const char *const places[] = {"", "/../libexec/aquarium"};
    char self[PATH_MAX / 2];
    if (has_helpers(directory)) {
        snprintf(path, sizeof path, "%s", directory);
        return path;
    }
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    for (size_t i = 0; i < AQ_LENGTH(places) && slash != NULL; i++) {
        snprintf(path, sizeof path, "%.*s%s", (int)(slash - self), self, places[i]);
        if (has_helpers(path))
            return path;
    }
    return "";
}
