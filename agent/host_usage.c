/* The part of host.h that tells what the host uses. */
#include "agent/host.h"

#include "schema/base/files.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_SIZE = 512, SECTOR = 512, KIB = 1024 };

/* Lines such as "cpu0 2255 34 2290 22625563 6290 127 456 0 0 0", in ticks: user, nice, system, idle, iowait, irq,
 * softirq, steal, and guests, which are counted in user. Only of the processors that this process may use, which its
 * capacity is made of. */
static void read_cpu(struct aq_sample *sample)
{
    char line[LINE_SIZE];
    cpu_set_t mine;
    uint64_t ticks = 0;
    unsigned found = 0;
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/stat", "re");
    if (file == NULL || sched_getaffinity(0, sizeof mine, &mine) != 0)
        return;
    while (fgets(line, sizeof line, file) != NULL && strncmp(line, "cpu", 3) == 0) {
        unsigned cpu;
        uint64_t user, nice, system, irq, softirq, steal;
        if (sscanf(line, "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64, &cpu,
                   &user, &nice, &system, &irq, &softirq, &steal) != 7 ||
            cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &mine))
            continue;
        ticks += user + nice + system + irq + softirq + steal;
        found++;
    }
    const long second = sysconf(_SC_CLK_TCK);
    if (found == 0 || second <= 0)
        return;
    sample->cpu_us = aq_some(ticks * (1000000 / (uint64_t)second));
    sample->cpu_all = aq_some(found * 1000);
}

/* Memory that could not be given to a program now. */
static void read_memory(struct aq_sample *sample)
{
    char line[LINE_SIZE];
    uint64_t kib, total = 0, available = 0;
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && (total == 0 || available == 0) && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemTotal: %" SCNu64, &kib) == 1)
            total = kib;
        else if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            available = kib;
    }
    if (total == 0 || available == 0 || total < available)
        return;
    sample->memory = aq_some((total - available) * KIB);
    sample->memory_all = aq_some(total * KIB);
}

/* Whole disks, not their parts, nor what is made of others. */
static bool is_disk(const char *name)
{
    static const char *const made[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"};
    char path[64];
    struct stat status;
    for (size_t i = 0; i < AQ_LENGTH(made); i++)
        if (strncmp(name, made[i], strlen(made[i])) == 0)
            return false;
    snprintf(path, sizeof path, "/sys/block/%.40s", name);
    return strlen(name) <= 40 && stat(path, &status) == 0;
}

/* "   8 0 sda 5543 1632 311746 1524 8542 ...": sectors read are the third number behind the name, written the seventh.
 */
static void read_disks(struct aq_sample *sample)
{
    char line[LINE_SIZE], name[64];
    uint64_t read, written, all_read = 0, all_written = 0;
    bool found = false;
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/diskstats", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%*u %*u %63s %*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, name, &read, &written) != 3 ||
            !is_disk(name))
            continue;
        all_read += read * SECTOR;
        all_written += written * SECTOR;
        found = true;
    }
    if (!found)
        return;
    sample->read = aq_some(all_read);
    sample->written = aq_some(all_written);
}

/* What connects the host with others, and not its workloads with it. */
static bool is_outside(const char *name)
{
    static const char *const inside[] = {"lo", "aq", "veth", "docker", "br-", "virbr", "vnet", "tap", "cni"};
    for (size_t i = 0; i < AQ_LENGTH(inside); i++)
        if (strncmp(name, inside[i], strlen(inside[i])) == 0)
            return false;
    return true;
}

static void read_network(struct aq_sample *sample)
{
    char line[LINE_SIZE], name[32];
    uint64_t received, sent, all_received = 0, all_sent = 0;
    bool found = false;
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/self/net/dev", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, " %31[^: ]: %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, name, &received, &sent) != 3 ||
            !is_outside(name))
            continue;
        all_received += received;
        all_sent += sent;
        found = true;
    }
    if (!found)
        return;
    sample->received = aq_some(all_received);
    sample->sent = aq_some(all_sent);
}

struct aq_sample host_sample(void)
{
    struct aq_sample sample = {0};
    read_cpu(&sample);
    read_memory(&sample);
    read_disks(&sample);
    read_network(&sample);
    return sample;
}
