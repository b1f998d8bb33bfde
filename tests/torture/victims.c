#include "drivers/cgroup/cgroup.h"
#include "tests/torture/torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* The hierarchies that may contain workloads, each once. */
struct roots {
    const char *paths[CGROUP_CONTROLLERS + 1];
    unsigned count;
};

static const struct roots *roots_get(void)
{
    static struct cgroup_host host;
    static struct roots roots;
    if (roots.count > 0)
        return &roots;
    cgroup_host_read(&host);
    if (host.unified[0] != '\0')
        roots.paths[roots.count++] = host.unified;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++)
        if (host.version1[i][0] != '\0')
            roots.paths[roots.count++] = host.version1[i];
    return &roots;
}

struct listing {
    struct found_process *rows;
    size_t count, capacity, groups;
};

static void add(struct listing *listing, unsigned agent, uint64_t resource, pid_t pid)
{
    for (size_t i = 0; i < listing->count; i++)
        if (listing->rows[i].pid == pid)
            return; /* seen in another hierarchy */
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity ? listing->capacity * 2 : 64;
        listing->rows = aq_realloc(listing->rows, listing->capacity * sizeof *listing->rows);
    }
    listing->rows[listing->count++] = (struct found_process){agent, resource, pid};
}

static void list_group(struct listing *listing, const char *node, const char *name, unsigned agent)
{
    char path[1024];
    unsigned long pid;
    snprintf(path, sizeof path, "%s/%s/cgroup.procs", node, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    listing->groups++;
    while (fscanf(file, "%lu", &pid) == 1)
        add(listing, agent, strtoull(name + 1, NULL, 10), (pid_t)pid);
    fclose(file);
}

struct found_process *victims_list(const struct cluster *cluster, size_t *count, size_t *groups)
{
    struct listing listing = {0};
    const struct roots *roots = roots_get();
    for (unsigned r = 0; r < roots->count; r++)
        for (unsigned agent = 0; agent < AGENTS; agent++) {
            char node[512];
            snprintf(node, sizeof node, "%s/aquarium/%s", roots->paths[r], cluster->names[agent]);
            DIR *directory = opendir(node);
            for (struct dirent *row; directory != NULL && (row = readdir(directory)) != NULL;)
                if (row->d_name[0] == 'r' && strspn(row->d_name + 1, "0123456789") == strlen(row->d_name + 1))
                    list_group(&listing, node, row->d_name, agent);
            if (directory != NULL)
                closedir(directory);
        }
    *count = listing.count;
    *groups = listing.groups;
    return listing.rows;
}

/* Whether the process is in the resource's control group. */
static bool belongs(pid_t pid, uint64_t resource)
{
    char path[64], text[4096], name[32];
    snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
    snprintf(name, sizeof name, "/r%llu\n", (unsigned long long)resource);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    text[length] = '\0';
    return strstr(text, name) != NULL;
}

static pid_t keeper_of(pid_t pid)
{
    char path[64], line[128];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && parent == 0 && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "PPid: %d", &parent);
    if (file != NULL)
        fclose(file);
    snprintf(path, sizeof path, "/proc/%d/comm", parent);
    file = fopen(path, "re");
    bool good = file != NULL && fgets(line, sizeof line, file) != NULL && strcmp(line, "aq-keeper\n") == 0;
    if (file != NULL)
        fclose(file);
    return good ? parent : 0;
}

/* Opens the pidfd first and checks the process after that, so that a reused pid is never killed. */
bool victims_kill(const struct found_process *victim, bool keeper)
{
    pid_t pid = keeper ? keeper_of(victim->pid) : victim->pid;
    int fd = pid > 1 ? pidfd_open(pid, 0) : -1;
    if (fd < 0)
        return false;
    bool same = belongs(victim->pid, victim->resource) && (!keeper || keeper_of(victim->pid) == pid);
    bool killed = same && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0;
    close(fd);
    return killed;
}
