#include "drivers/cgroup/cgroup.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALL_ROOTS = CGROUP_CONTROLLERS + 1, MAKE_ATTEMPTS = 10 };

static const char *const controller_names[CGROUP_CONTROLLERS] = {
    [CGROUP_CPU] = "cpu", [CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids", [CGROUP_IO] = "io"};

const char *cgroup_controller_name(enum cgroup_controller controller)
{
    aq_assert(controller < CGROUP_CONTROLLERS);
    return controller_names[controller];
}

void cgroup_name(struct cgroup *group, const struct cgroup_host *host, const char *node, uint64_t resource)
{
    *group = (struct cgroup){.host = host};
    char safe[128]; /* the name is checked elsewhere; this keeps it from leading out of the directory */
    snprintf(safe, sizeof safe, "%s", node[0] != '\0' ? node : "_");
    for (char *c = safe; *c != '\0'; c++)
        if (*c == '/' || *c == '\n' || (*c == '.' && c == safe))
            *c = '_';
    snprintf(group->name, sizeof group->name, CGROUP_TOP "/%s/r%" PRIu64, safe, resource);
}

/* ---- paths and small files ---------------------------------------------------------------------------- */

/* The mounts in order: of each controller of version 1, then of version 2. "": there is none. */
static const char *mount_at(const struct cgroup_host *host, int i)
{
    return i < CGROUP_CONTROLLERS ? host->version1[i] : host->unified;
}

/* The path of a group, or of a file in it. */
static void group_path(char path[CGROUP_PATH_SIZE], const char *root, const char *name, const char *file)
{
    int length = snprintf(path, CGROUP_PATH_SIZE, file != NULL ? "%s/%s/%s" : "%s/%s", root, name, file);
    aq_assert(length > 0 && length < CGROUP_PATH_SIZE);
}

static int file_write(const char *path, const char *text)
{
    AQ_CLEANUP_FD int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

static bool exists_below(const char *root, const char *name)
{
    char path[CGROUP_PATH_SIZE];
    group_path(path, root, name, NULL);
    return root[0] != '\0' && access(path, F_OK) == 0;
}

bool cgroup_exists(const struct cgroup *group)
{
    for (int i = 0; i < ALL_ROOTS; i++)
        if (exists_below(mount_at(group->host, i), group->name))
            return true;
    return false;
}

/* ---- creating ----------------------------------------------------------------------------------------- */

/* Creates root/aquarium/<node>/r<resource>. Tries again when another process removes a parent at the same time. */
static int make_directory(const char *root, const char *name)
{
    for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
        char path[CGROUP_PATH_SIZE];
        group_path(path, root, name, NULL);
        if (mkdir(path, 0755) == 0 || errno == EEXIST)
            return 0;
        if (errno != ENOENT)
            return -1;
        for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
            *slash = '\0';
            if (mkdir(path, 0755) != 0 && errno != EEXIST && errno != ENOENT)
                return -1;
            *slash = '/';
        }
    }
    return -1;
}

/* Enables a controller of version 2 for the group, in each directory above it. */
static bool unified_enable(const struct cgroup *group, enum cgroup_controller controller)
{
    char word[16];
    char name[CGROUP_NAME_SIZE + 2];
    snprintf(word, sizeof word, "+%s", controller_names[controller]);
    snprintf(name, sizeof name, "./%s", group->name);
    for (char *slash = name; (slash = strchr(slash, '/')) != NULL; slash++) {
        char path[CGROUP_PATH_SIZE];
        *slash = '\0';
        group_path(path, group->host->unified, name, "cgroup.subtree_control");
        *slash = '/';
        if (file_write(path, word) != 0)
            return false;
    }
    return true;
}

static int limit_write(const struct cgroup *group, const char *root, const char *file, const char *value,
                       struct aq_error *error)
{
    char path[CGROUP_PATH_SIZE];
    group_path(path, root, group->name, file);
    return file_write(path, value) == 0 ? 0 : aq_fail_errno(error, errno, "cgroup: cannot write %s to %s", value, path);
}

static int limit_set_cpu(const struct cgroup *group, const char *root, bool unified, uint64_t milli,
                         struct aq_error *error)
{
    /* The kernel refuses less than 1 ms in a period, so small shares need the longest period, 1 s. */
    uint64_t period_us = milli < 10 ? 1000000 : 100000;
    uint64_t quota_us = milli * period_us / 1000;
    char quota[48];
    char period[24];
    snprintf(period, sizeof period, "%" PRIu64, period_us);
    if (unified) {
        snprintf(quota, sizeof quota, "%" PRIu64 " %s", quota_us, period);
        return limit_write(group, root, "cpu.max", quota, error);
    }
    snprintf(quota, sizeof quota, "%" PRIu64, quota_us);
    if (limit_write(group, root, "cpu.cfs_period_us", period, error) != 0)
        return -1;
    return limit_write(group, root, "cpu.cfs_quota_us", quota, error);
}

static int limit_set_memory(const struct cgroup *group, const char *root, bool unified, uint64_t bytes,
                            struct aq_error *error)
{
    char value[24];
    char path[CGROUP_PATH_SIZE];
    snprintf(value, sizeof value, "%" PRIu64, bytes);
    if (limit_write(group, root, unified ? "memory.max" : "memory.limit_in_bytes", value, error) != 0)
        return -1;
    /* No swap, so that a workload over its limit ends rather than crawls. Not every kernel counts swap. */
    group_path(path, root, group->name, unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
    if (access(path, F_OK) != 0)
        return 0;
    return limit_write(group, root, strrchr(path, '/') + 1, unified ? "0" : value, error);
}

/* A limit is for a disk. One of version 1 does not count what the kernel writes later, from memory. */
static int limit_set_io(struct cgroup *group, const char *root, bool unified, const struct cgroup_limits *limits,
                        struct aq_error *error)
{
    static const char *const files[] = {"blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"};
    const uint64_t bytes[] = {limits->read_bytes, limits->written_bytes};
    char disk[24], value[96];
    if (!cgroup_disk_of(limits->directory, disk)) {
        group->lacking |= 1u << CGROUP_IO;
        return 0;
    }
    if (unified) {
        int length = snprintf(value, sizeof value, "%s", disk);
        for (int i = 0; i < 2; i++)
            if (bytes[i] > 0)
                length += snprintf(value + length, sizeof value - (size_t)length, " %s=%" PRIu64,
                                   i == 0 ? "rbps" : "wbps", bytes[i]);
        return limit_write(group, root, "io.max", value, error);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(value, sizeof value, "%s %" PRIu64, disk, bytes[i]);
        if (bytes[i] > 0 && limit_write(group, root, files[i], value, error) != 0)
            return -1;
    }
    return 0;
}

static int limit_set(struct cgroup *group, enum cgroup_controller controller, const struct cgroup_limits *limits,
                     struct aq_error *error)
{
    const char *root = group->host->version1[controller];
    bool unified = root[0] == '\0';
    if (unified) {
        root = group->host->unified;
        if (!group->host->in_unified[controller] || !unified_enable(group, controller)) {
            group->lacking |= 1u << controller;
            return 0;
        }
    } else if (make_directory(root, group->name) != 0) {
        group->lacking |= 1u << controller;
        return 0;
    }
    if (controller == CGROUP_CPU)
        return limit_set_cpu(group, root, unified, limits->cpu_milli, error);
    if (controller == CGROUP_MEMORY)
        return limit_set_memory(group, root, unified, limits->memory_bytes, error);
    if (controller == CGROUP_IO)
        return limit_set_io(group, root, unified, limits, error);
    char value[24];
    snprintf(value, sizeof value, "%" PRIu64, limits->pids);
    return limit_write(group, root, "pids.max", value, error);
}

int cgroup_make(struct cgroup *group, const struct cgroup_limits *limits, struct aq_error *error)
{
    const bool wanted[CGROUP_CONTROLLERS] = {[CGROUP_CPU] = limits->cpu_milli > 0,
                                             [CGROUP_MEMORY] = limits->memory_bytes > 0,
                                             [CGROUP_PIDS] = limits->pids > 0,
                                             [CGROUP_IO] = limits->read_bytes > 0 || limits->written_bytes > 0};
    bool held = group->host->unified[0] != '\0' && make_directory(group->host->unified, group->name) == 0;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++)
        if (wanted[i] && limit_set(group, i, limits, error) != 0)
            return -1;
    for (int i = CGROUP_CONTROLLERS - 1; i >= 0 && !held && !cgroup_exists(group); i--)
        held = group->host->version1[i][0] != '\0' && make_directory(group->host->version1[i], group->name) == 0;
    return 0;
}

/* ---- processes in it ---------------------------------------------------------------------------------- */

int cgroup_open_unified(const struct cgroup *group)
{
    char path[CGROUP_PATH_SIZE];
    if (group->host->unified[0] == '\0')
        return -1;
    group_path(path, group->host->unified, group->name, NULL);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_join(const struct cgroup *group, bool created_in_unified, struct aq_error *error)
{
    for (int i = 0; i < ALL_ROOTS; i++) {
        const char *root = mount_at(group->host, i);
        if ((i == CGROUP_CONTROLLERS && created_in_unified) || !exists_below(root, group->name))
            continue;
        char path[CGROUP_PATH_SIZE];
        /* In version 1, a thread that moves itself does not wait for the kernel; a process does, for some 10 ms. */
        group_path(path, root, group->name, i == CGROUP_CONTROLLERS ? "cgroup.procs" : "tasks");
        if (file_write(path, "0") != 0)
            return aq_fail_errno(error, errno, "cannot join %s", path);
    }
    return 0;
}

bool cgroup_ran_out_of_memory(const struct cgroup *group)
{
    char path[CGROUP_PATH_SIZE];
    char text[512];
    for (int unified = 0; unified <= 1; unified++) {
        const char *root = unified ? group->host->unified : group->host->version1[CGROUP_MEMORY];
        if (root[0] == '\0')
            continue;
        group_path(path, root, group->name, unified ? "memory.events" : "memory.oom_control");
        aq_file_read_text(AT_FDCWD, path, text, sizeof text);
        const char *line = strstr(text, "oom_kill ");
        if (line != NULL && strtoull(line + strlen("oom_kill "), NULL, 10) > 0)
            return true;
    }
    return false;
}
