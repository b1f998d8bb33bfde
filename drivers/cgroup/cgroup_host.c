/* The part of cgroup.h that finds out what the host offers. */
#include "drivers/cgroup/cgroup.h"

#include "schema/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOUNTINFO_SIZE_MAX = 16 << 20, PIDS_PRESET = 4096 };

/* Whether `word` is one of the comma-separated words. */
static bool list_has(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* mountinfo has blank, tab, newline and backslash in octal. */
static void path_decode(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0'; to++) {
        unsigned number;
        if (*from == '\\' && sscanf(from, "\\%3o", &number) == 1) {
            *to = (char)number;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* One line: "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:4 - cgroup cgroup rw,cpu". */
static void line_parse(struct cgroup_host *host, const char *line, bool (*writable)(const char *path))
{
    char path[CGROUP_ROOT_SIZE];
    char type[16];
    char options[256];
    const char *rest = strstr(line, " - ");
    if (sscanf(line, "%*s %*s %*s %*s %191s", path) != 1 || rest == NULL ||
        sscanf(rest, " - %15s %*s %255s", type, options) != 2)
        return;
    path_decode(path);
    if (strcmp(type, "cgroup2") == 0 && host->unified[0] == '\0' && writable(path))
        memcpy(host->unified, path, sizeof path);
    if (strcmp(type, "cgroup") != 0)
        return;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++)
        if (list_has(options, i == CGROUP_IO ? "blkio" : cgroup_controller_name(i)) && host->version1[i][0] == '\0' &&
            writable(path))
            memcpy(host->version1[i], path, sizeof path);
}

static void unified_read_controllers(struct cgroup_host *host)
{
    char path[CGROUP_PATH_SIZE];
    char text[256];
    snprintf(path, sizeof path, "%s/cgroup.controllers", host->unified);
    AQ_CLEANUP_FILE FILE *stream = fopen(path, "re");
    while (stream != NULL && fscanf(stream, "%255s", text) == 1)
        for (int i = 0; i < CGROUP_CONTROLLERS; i++)
            if (strcmp(text, cgroup_controller_name(i)) == 0)
                host->in_unified[i] = true;
}

void cgroup_host_parse(struct cgroup_host *host, const char *mountinfo, bool (*writable)(const char *path))
{
    *host = (struct cgroup_host){0};
    char line[1024];
    for (const char *at = mountinfo; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", length < sizeof line ? (int)length : 0, at);
        line_parse(host, line, writable);
        at += length + (at[length] == '\n');
    }
    if (host->unified[0] != '\0')
        unified_read_controllers(host);
}

static bool has_controller(const struct cgroup_host *host, enum cgroup_controller controller)
{
    return host->version1[controller][0] != '\0' || host->in_unified[controller];
}

void cgroup_limits_preset(const struct cgroup_host *host, struct cgroup_limits *limits)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (has_controller(host, CGROUP_PIDS) && limits->pids == 0)
        limits->pids = PIDS_PRESET;
    /* Most of it, so that the host and its agent have enough in any case. */
    if (has_controller(host, CGROUP_MEMORY) && limits->memory_bytes == 0 && pages > 0 && page > 0)
        limits->memory_bytes = (uint64_t)pages / 10 * 9 * (uint64_t)page;
}

static bool mount_is_writable(const char *path)
{
    return access(path, W_OK | X_OK) == 0;
}

void cgroup_host_read(struct cgroup_host *host)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    int failed = aq_file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_SIZE_MAX, &text, &ignored);
    (void)failed; /* then the text is empty or incomplete */
    cgroup_host_parse(host, aq_buffer_string(&text), mount_is_writable);
}
