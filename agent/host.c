#include "agent/host.h"

#include "schema/base/files.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { MIB = 1 << 20, LINE_SIZE = 1024, PATH_SIZE = 1280 };

/* ---- limits of control groups -------------------------------------------------------------------------- */

/* Where limits of one kind are found. */
struct limit_place {
    const char *controller; /* as in /proc/self/cgroup; "": version 2 */
    const char *mount;
    const char *file; /* in a group's directory */
};

static bool read_line(const char *path, char line[LINE_SIZE])
{
    AQ_CLEANUP_FILE FILE *file = fopen(path, "re");
    return file != NULL && fgets(line, LINE_SIZE, file) != NULL;
}

/* Whether `name` is one of the comma-separated words. */
static bool has_word(const char *words, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = words; at != NULL; at = strchr(at, ','), at = at != NULL ? at + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* The group of this process in the hierarchy; "/" if it is not visible. */
static void own_group(const char *controller, char group[LINE_SIZE])
{
    char line[LINE_SIZE];
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/self/cgroup", "re");
    strcpy(group, "/");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *names = strchr(line, ':'), *path = names != NULL ? strchr(names + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        bool same = controller[0] == '\0' ? names[1] == '\0' : has_word(names + 1, controller);
        if (same && path[0] == '/')
            snprintf(group, LINE_SIZE, "%s", path);
    }
}

/* The lowest value that `read` finds in this process's group and the groups that contain it; `most` if there is none.
 */
static uint64_t least_limit(const struct limit_place *place, uint64_t (*read)(const char *path, uint64_t most),
                            uint64_t most)
{
    char group[LINE_SIZE], path[PATH_SIZE];
    own_group(place->controller, group);
    for (;;) {
        snprintf(path, sizeof path, "%s%s/%s", place->mount, strcmp(group, "/") == 0 ? "" : group, place->file);
        uint64_t limit = read(path, most);
        most = limit < most ? limit : most;
        char *end = strrchr(group, '/');
        if (end == NULL || strcmp(group, "/") == 0)
            return most;
        end[end == group ? 1 : 0] = '\0';
    }
}

static uint64_t read_bytes(const char *path, uint64_t most)
{
    char line[LINE_SIZE];
    uint64_t bytes;
    return read_line(path, line) && sscanf(line, "%" SCNu64, &bytes) == 1 ? bytes : most;
}

/* Version 2: "max 100000", or microseconds of processor time and of the period. */
static uint64_t read_cpu_max(const char *path, uint64_t most)
{
    char line[LINE_SIZE];
    uint64_t quota, period;
    if (!read_line(path, line) || sscanf(line, "%" SCNu64 " %" SCNu64, &quota, &period) != 2 || period == 0)
        return most;
    return quota * 1000 / period;
}

/* Version 1: -1, or microseconds of processor time; the period is in another file. */
static uint64_t read_cfs_quota(const char *path, uint64_t most)
{
    char line[LINE_SIZE], other[PATH_SIZE];
    int64_t quota, period;
    const char *end = strrchr(path, '/');
    snprintf(other, sizeof other, "%.*s/cpu.cfs_period_us", (int)(end - path), path);
    if (!read_line(path, line) || sscanf(line, "%" SCNd64, &quota) != 1 || quota <= 0 || !read_line(other, line) ||
        sscanf(line, "%" SCNd64, &period) != 1 || period <= 0)
        return most;
    return (uint64_t)quota * 1000 / (uint64_t)period;
}

/* ---- what the host has --------------------------------------------------------------------------------- */

static uint64_t meminfo(const char *name)
{
    char line[LINE_SIZE];
    uint64_t kib = 0;
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), "%" SCNu64, &kib);
    return kib / 1024;
}

static uint64_t detect_cpu(void)
{
    static const struct limit_place second = {"", "/sys/fs/cgroup", "cpu.max"};
    static const struct limit_place first = {"cpu", "/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"};
    cpu_set_t mine;
    uint64_t milli = 1000;
    if (sched_getaffinity(0, sizeof mine, &mine) == 0)
        milli = (uint64_t)CPU_COUNT(&mine) * 1000;
    milli = least_limit(&second, read_cpu_max, milli);
    return least_limit(&first, read_cfs_quota, milli);
}

static uint64_t detect_ram(void)
{
    static const struct limit_place second = {"", "/sys/fs/cgroup", "memory.max"};
    static const struct limit_place first = {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"};
    uint64_t bytes = meminfo("MemTotal:") * MIB;
    bytes = least_limit(&second, read_bytes, bytes);
    return least_limit(&first, read_bytes, bytes) / MIB;
}

/* The file system of the directory, or of the nearest one above it that exists. */
static bool find_file_system(char *directory, struct statvfs *status)
{
    while (statvfs(directory, status) != 0) {
        char *end = strrchr(directory, '/');
        if (errno != ENOENT || end == NULL || strcmp(directory, "/") == 0)
            return false;
        end[end == directory ? 1 : 0] = '\0';
    }
    return true;
}

/* Rounded down to whole GiB, if there are any, so that it seldom changes when the agent restarts. */
static uint64_t detect_disk(const struct aq_config_agent *config)
{
    char directory[PATH_MAX];
    struct statvfs status;
    int length = snprintf(directory, sizeof directory, "%s/%s", config->data, config->name);
    if (length < 0 || (size_t)length >= sizeof directory || !find_file_system(directory, &status))
        return 0;
    uint64_t mib = status.f_bavail * (uint64_t)status.f_frsize / MIB;
    return mib >= 1024 ? mib / 1024 * 1024 : mib;
}

static struct aq_amounts detect_capacity(const struct aq_config_agent *config)
{
    struct aq_amounts amounts = {.cpu = detect_cpu(), .ram = detect_ram(), .disk = detect_disk(config)};
    const struct aq_amounts most = {.cpu = AQ_CPU_MAX, .ram = AQ_SIZE_MAX_MIB, .disk = AQ_SIZE_MAX_MIB};
    amounts.cpu = amounts.cpu < most.cpu ? amounts.cpu : most.cpu;
    amounts.ram = amounts.ram < most.ram ? amounts.ram : most.ram;
    amounts.disk = amounts.disk < most.disk ? amounts.disk : most.disk;
    return amounts;
}

static struct host_load read_load(void)
{
    double load = 0;
    bool known = getloadavg(&load, 1) == 1 && load > 0;
    return (struct host_load){.load_milli = known ? (uint64_t)(load * 1000) : 0,
                              .memory_available = meminfo("MemAvailable:")};
}

/* In a session of its own, so that it goes on when the agent is ended by what it does. */
static int shut_down(const struct aq_list *command, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid;
    char **arguments = aq_arena_alloc(&arena, (command->count + 1) * sizeof *arguments);
    for (uint32_t i = 0; i < command->count; i++)
        arguments[i] = (char *)(uintptr_t)AQ_TEXT_ITEM(*command, i);
    arguments[command->count] = NULL;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all); /* the agent ignores SIGPIPE */
    int code = posix_spawnp(&pid, arguments[0], NULL, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    return code == 0 ? 0 : aq_fail_errno(error, code, "cannot run shutdown.command, %.200s", arguments[0]);
}

/* ---- who it is ----------------------------------------------------------------------------------------- */

static void read_user(char user[HOST_TEXT_SIZE])
{
    const uid_t uid = geteuid();
    const struct passwd *entry = uid != 0 ? getpwuid(uid) : NULL;
    if (entry != NULL)
        snprintf(user, HOST_TEXT_SIZE, "%s", entry->pw_name);
    else if (uid != 0)
        snprintf(user, HOST_TEXT_SIZE, "%u", (unsigned)uid);
}

void host_read(struct host *host, const struct aq_config_agent *config)
{
    struct utsname names = {0};
    struct address controller;
    bool good = address_parse(&controller, config->controller);
    aq_assert(good);
    uname(&names);
    *host = (struct host){
        .capacity = detect_capacity(config), .load = read_load, .sample = host_sample, .shut_down = shut_down};
    snprintf(host->machine, sizeof host->machine, "%s", names.machine);
    snprintf(host->name, sizeof host->name, "%s", names.nodename);
    read_user(host->user);
    aq_file_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", host->boot, sizeof host->boot);
    address_own(&controller, host->address);
}
