/* The part of cgroup.h that tells what a group uses. Each file is opened anew: that costs 5 us, and nothing is held. */
#include "drivers/cgroup/cgroup.h"

#include "schema/base/files.h"
#include "schema/model/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SIZE = 8192, PROCESSES_MAX = 64, PROCS_SIZE = PROCESSES_MAX * 12 };

/* Returns whether the file is there; the text is cut where there is no room. */
static bool read_file(const char *root, const char *name, const char *file, char *text, size_t size)
{
    char path[CGROUP_PATH_SIZE];
    if (root[0] == '\0' || snprintf(path, sizeof path, "%s/%s/%s", root, name, file) >= (int)sizeof path)
        return false;
    return aq_file_read_text(AT_FDCWD, path, text, size) >= 0;
}

/* The number behind a word at the beginning of a line, such as "usage_usec 123"; 0: there is none. */
static uint64_t number_of(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; at != NULL; at = strchr(at, '\n'), at = at != NULL ? at + 1 : NULL)
        if (strncmp(at, word, length) == 0 && at[length] == ' ')
            return aq_some(strtoull(at + length, NULL, 10));
    return 0;
}

static uint64_t read_cpu(const struct cgroup *group)
{
    char text[TEXT_SIZE];
    const struct cgroup_host *host = group->host;
    if (read_file(host->unified, group->name, "cpu.stat", text, sizeof text) && number_of(text, "usage_usec") != 0)
        return number_of(text, "usage_usec");
    if (read_file(host->version1[CGROUP_CPU], group->name, "cpuacct.usage", text, sizeof text))
        return aq_some(strtoull(text, NULL, 10) / 1000); /* where both controllers share a mount */
    return 0;
}

/* What is cached of files that nobody has used lately does not count: the kernel takes it back when it needs room. */
static uint64_t read_memory(const struct cgroup *group)
{
    const struct cgroup_host *host = group->host;
    const bool first = host->version1[CGROUP_MEMORY][0] != '\0';
    const char *root = first ? host->version1[CGROUP_MEMORY] : host->unified;
    char text[TEXT_SIZE];
    if (!read_file(root, group->name, first ? "memory.usage_in_bytes" : "memory.current", text, sizeof text))
        return 0;
    const uint64_t all = strtoull(text, NULL, 10);
    if (!read_file(root, group->name, "memory.stat", text, sizeof text))
        return aq_some(all);
    const uint64_t cached = aq_number_or(number_of(text, first ? "total_inactive_file" : "inactive_file"), 0);
    return aq_some(all > cached ? all - cached : 0);
}

/* Lines such as "8:0 rbytes=90112 wbytes=0 rios=22 ..." */
static void read_io(const struct cgroup *group, struct cgroup_usage *usage)
{
    char text[TEXT_SIZE];
    uint64_t read = 0, written = 0;
    if (!read_file(group->host->unified, group->name, "io.stat", text, sizeof text))
        return;
    for (const char *at = text; (at = strstr(at, "rbytes=")) != NULL; at++)
        read += strtoull(at + strlen("rbytes="), NULL, 10);
    for (const char *at = text; (at = strstr(at, "wbytes=")) != NULL; at++)
        written += strtoull(at + strlen("wbytes="), NULL, 10);
    usage->read = aq_some(read);
    usage->written = aq_some(written);
}

/* ---- processes -------------------------------------------------------------------------------------------- */

static bool read_process_file(long pid, const char *file, char *text, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
    return aq_file_read_text(AT_FDCWD, path, text, size) > 0;
}

struct sums {
    uint64_t pages, read, written;
    unsigned processes;
};

/* A process that has ended meanwhile is left out: what it read and wrote counts for the one that waited for it. */
static void add_process(struct sums *sums, long pid)
{
    char text[512];
    unsigned long all, resident;
    sums->processes++;
    if (read_process_file(pid, "statm", text, sizeof text) && sscanf(text, "%lu %lu", &all, &resident) == 2)
        sums->pages += resident;
    if (!read_process_file(pid, "io", text, sizeof text))
        return;
    const char *read = strstr(text, "\nread_bytes: "), *written = strstr(text, "\nwrite_bytes: ");
    sums->read += read != NULL ? strtoull(read + strlen("\nread_bytes: "), NULL, 10) : 0;
    sums->written += written != NULL ? strtoull(written + strlen("\nwrite_bytes: "), NULL, 10) : 0;
}

/* Of processes in the group itself: a workload that makes groups of its own is on a host where the files say it. */
static bool add_processes(const struct cgroup *group, struct sums *sums)
{
    char text[PROCS_SIZE];
    if (!read_file(group->host->unified, group->name, "cgroup.procs", text, sizeof text))
        return false;
    for (char *at = text, *end; *at != '\0'; at = end + (*end == '\n')) {
        const long pid = strtol(at, &end, 10);
        if (end == at || *end != '\n') /* cut: there are more */
            return false;
        if (pid > 0)
            add_process(sums, pid);
    }
    return sums->processes > 0;
}

/* Of a group without files that tell it. */
static void read_processes(const struct cgroup *group, struct cgroup_usage *usage)
{
    struct sums sums = {0};
    if ((usage->memory != 0 && usage->read != 0) || !add_processes(group, &sums))
        return;
    if (usage->memory == 0)
        usage->memory = aq_some(sums.pages * (uint64_t)sysconf(_SC_PAGESIZE));
    if (usage->read == 0) {
        usage->read = aq_some(sums.read);
        usage->written = aq_some(sums.written);
    }
}

void cgroup_read_usage(const struct cgroup *group, struct cgroup_usage *usage, uint64_t now_ms)
{
    struct cgroup_usage now = {.cpu_us = read_cpu(group)};
    const bool rests = now.cpu_us != 0 && now.cpu_us == usage->cpu_us && usage->read_ms != 0 &&
                       now_ms < usage->read_ms + CGROUP_USAGE_REST_MS;
    if (rests)
        now = *usage;
    else
        now.memory = read_memory(group);
    read_io(group, &now); /* the file counts what the kernel writes later, too */
    if (!rests) {
        read_processes(group, &now);
        now.read_ms = now_ms;
    }
    *usage = now;
}
