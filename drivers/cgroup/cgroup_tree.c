/* The part of cgroup.h that works on a group together with the groups inside it, which a workload may have created. */
#include "drivers/cgroup/cgroup.h"

#include "schema/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALL_ROOTS = CGROUP_CONTROLLERS + 1, DEPTH_MOST = 16 };

/* Opens the group's directory in one hierarchy. Returns -1 with ENOENT if it does not exist. After any other error it
 * may exist, and counts as in use. */
static int tree_open(const struct cgroup *group, int i)
{
    char path[CGROUP_PATH_SIZE];
    const char *root = i < CGROUP_CONTROLLERS ? group->host->version1[i] : group->host->unified;
    if (root[0] == '\0') {
        errno = ENOENT;
        return -1;
    }
    snprintf(path, sizeof path, "%s/%s", root, group->name);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Called for a group and all groups in it, innermost first. `name` is the group's name in `parent`, which is -1 for the
 * outermost. */
typedef void tree_visit_fn(int parent, int directory, const char *name, void *context);

/* Closes `directory`. */
static void tree_walk(int parent, int directory, const char *name, int depth, tree_visit_fn *visit, void *context)
{
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again >= 0 ? fdopendir(again) : NULL;
    if (stream == NULL && again >= 0)
        close(again);
    for (struct dirent *entry; stream != NULL && depth < DEPTH_MOST && (entry = readdir(stream)) != NULL;) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int inner = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0)
            tree_walk(directory, inner, entry->d_name, depth + 1, visit, context);
    }
    if (stream != NULL)
        closedir(stream);
    visit(parent, directory, name, context);
    close(directory);
}

/* The group's cgroup.procs; NULL with errno. */
static FILE *procs_open(int directory)
{
    int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (stream == NULL && fd >= 0)
        close(fd);
    return stream;
}

static void visit_signal(int parent, int directory, const char *name, void *context)
{
    (void)parent, (void)name;
    AQ_CLEANUP_FILE FILE *procs = procs_open(directory);
    for (int pid; procs != NULL && fscanf(procs, "%d", &pid) == 1;)
        if (pid > 1 && pid != getpid()) /* 0: a process of another pid namespace */
            kill(pid, *(int *)context);
}

/* One hierarchy has all processes: version 2 if the group is in it, otherwise the first one of version 1. */
void cgroup_signal(const struct cgroup *group, int number)
{
    for (int i = ALL_ROOTS - 1; i >= 0; i--) {
        int directory = tree_open(group, i);
        if (directory < 0)
            continue;
        tree_walk(-1, directory, group->name, 0, visit_signal, &number);
        return;
    }
}

void cgroup_kill(const struct cgroup *group)
{
    AQ_CLEANUP_FD int directory = tree_open(group, CGROUP_CONTROLLERS);
    AQ_CLEANUP_FD int file = directory >= 0 ? openat(directory, "cgroup.kill", O_WRONLY | O_CLOEXEC) : -1;
    if (file < 0 || write(file, "1", 1) != 1)
        cgroup_signal(group, SIGKILL);
}

/* A group that cannot be read is not empty. */
static void visit_empty(int parent, int directory, const char *name, void *context)
{
    (void)parent, (void)name;
    AQ_CLEANUP_FILE FILE *procs = procs_open(directory);
    int pid;
    if (procs == NULL ? errno != ENOENT : fscanf(procs, "%d", &pid) == 1)
        *(bool *)context = false;
}

/* Whether version 2 says that the group or one inside it has processes. -1: unknown. */
static int unified_populated(const struct cgroup *group)
{
    AQ_CLEANUP_FD int directory = tree_open(group, CGROUP_CONTROLLERS);
    char text[256] = "";
    if (directory >= 0)
        aq_file_read_text(directory, "cgroup.events", text, sizeof text);
    const char *word = strstr(text, "populated ");
    return word != NULL ? word[strlen("populated ")] == '1' : -1;
}

bool cgroup_is_empty(const struct cgroup *group)
{
    int populated = unified_populated(group);
    if (populated >= 0)
        return populated == 0;
    bool empty = true;
    for (int i = 0; i < ALL_ROOTS; i++) {
        int directory = tree_open(group, i);
        if (directory >= 0)
            tree_walk(-1, directory, group->name, 0, visit_empty, &empty);
        else if (errno != ENOENT)
            return false;
    }
    return empty;
}

/* If a group cannot be removed, the outermost cannot either, and the caller notices that. */
static void visit_remove(int parent, int directory, const char *name, void *context)
{
    (void)directory, (void)context;
    if (parent >= 0)
        unlinkat(parent, name, AT_REMOVEDIR);
}

int cgroup_remove(const struct cgroup *group)
{
    bool gone = true;
    for (int i = 0; i < ALL_ROOTS; i++) {
        const char *root = i < CGROUP_CONTROLLERS ? group->host->version1[i] : group->host->unified;
        int directory = tree_open(group, i);
        gone = gone && (directory >= 0 || errno == ENOENT);
        if (directory < 0)
            continue;
        char path[CGROUP_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", root, group->name);
        if (rmdir(path) != 0 && errno != ENOENT) {
            tree_walk(-1, directory, group->name, 0, visit_remove, NULL);
            directory = -1;
            if (rmdir(path) != 0 && errno != ENOENT)
                gone = false;
        }
        if (directory >= 0)
            close(directory);
        /* The node's directory and `aquarium`, if they are empty. */
        for (int level = 0; level < 2; level++) {
            *strrchr(path, '/') = '\0';
            if (rmdir(path) != 0)
                break;
        }
    }
    return gone ? 0 : -1;
}
