#include "drivers/keeper/tree.h"

#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct relation {
    pid_t pid;
    pid_t parent;
    bool ours; /* descends from `root` */
};

static pid_t parent_of(pid_t pid)
{
    char path[48];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    aq_file_read_text(AT_FDCWD, path, text, sizeof text);
    const char *at = strrchr(text, ')');
    pid_t parent;
    return at != NULL && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

static struct relation *relations_read(size_t *count)
{
    struct relation *relations = NULL;
    size_t capacity = 0;
    *count = 0;
    DIR *stream = opendir("/proc");
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (pid <= 1)
            continue;
        AQ_GROW(relations, *count, capacity);
        relations[(*count)++] = (struct relation){pid, parent_of(pid), false};
    }
    if (stream != NULL)
        closedir(stream);
    return relations;
}

static int relation_compare(const void *a, const void *b)
{
    pid_t left = ((const struct relation *)a)->pid;
    pid_t right = ((const struct relation *)b)->pid;
    return (left > right) - (left < right);
}

void tree_signal(pid_t root, int number)
{
    size_t count;
    struct relation *relations = relations_read(&count);
    if (count > 0)
        qsort(relations, count, sizeof *relations, relation_compare);
    /* Each round finds at least one more generation. */
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 0; i < count; i++) {
            const struct relation wanted = {.pid = relations[i].parent};
            const struct relation *parent = bsearch(&wanted, relations, count, sizeof *relations, relation_compare);
            bool ours = wanted.pid == root || (parent != NULL && parent->ours);
            found = found || (ours && !relations[i].ours);
            relations[i].ours = ours;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (relations[i].ours)
            kill(relations[i].pid, number);
    free(relations);
}
