#include "tests/sim/renames.h"

#include "schema/base/compiler.h"
#include "tests/sim/node_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 256,
    HOSTS_MAX = 16,
    KEPT_MAX = 40 /* the oldest ones become durable by themselves */,
    NOBODY = HOSTS_MAX
};

struct change {
    bool renamed; /* false: something was deleted */
    char from[PATH_SIZE], to[PATH_SIZE];
    ino_t from_directory, to_directory;
    char replaced[PATH_SIZE]; /* where the file is kept that had the name before; empty: there was none */
};

struct host_changes {
    struct change all[KEPT_MAX];
    unsigned count;
};

static struct host_changes hosts[HOSTS_MAX];
static unsigned present = NOBODY;
static uint64_t n_replaced;

int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

void renames_begin(unsigned host)
{
    present = host;
}

void renames_end(void)
{
    present = NOBODY;
}

/* ---- what happens --------------------------------------------------------------------------------------- */

static void drop_first(struct host_changes *changes, unsigned count)
{
    changes->count -= count;
    memmove(changes->all, changes->all + count, changes->count * sizeof *changes->all);
}

static struct change *new_change(void)
{
    struct host_changes *changes = &hosts[present];
    if (changes->count == KEPT_MAX)
        drop_first(changes, KEPT_MAX / 2);
    struct change *change = &changes->all[changes->count++];
    change->renamed = false;
    change->replaced[0] = '\0';
    return change;
}

static ino_t inode_of(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static void path_of(char path[PATH_SIZE], int directory, const char *name)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = directory == AT_FDCWD ? 0 : readlink(link, path, PATH_SIZE - 1);
    if (length < 0)
        abort();
    if (snprintf(path + length, (size_t)(PATH_SIZE - length), "%s%s", length > 0 ? "/" : "", name) >=
        PATH_SIZE - length)
        abort();
}

static bool is_in_memory(int directory, const char *name)
{
    char path[PATH_SIZE];
    path_of(path, directory, name);
    return strstr(path, "/" NODE_FILES_MEMORY "/") != NULL;
}

/* A name that is replaced gets back what it had: a link keeps that. Directories are never replaced here. */
static void keep_replaced(struct change *change)
{
    struct stat status;
    char kept[40];
    if (lstat(change->to, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    snprintf(kept, sizeof kept, "nodes/replaced-%llu", (unsigned long long)++n_replaced);
    if (link(change->to, kept) != 0)
        abort();
    strcpy(change->replaced, kept);
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    if (present == NOBODY || faccessat(from_directory, from, F_OK, AT_SYMLINK_NOFOLLOW) != 0 ||
        is_in_memory(from_directory, from))
        return __real_renameat(from_directory, from, to_directory, to);
    struct change *change = new_change();
    path_of(change->from, from_directory, from);
    path_of(change->to, to_directory, to);
    change->from_directory = inode_of(from_directory);
    change->to_directory = inode_of(to_directory);
    keep_replaced(change);
    if (__real_renameat(from_directory, from, to_directory, to) != 0)
        return -1; /* it cannot be undone, either */
    change->renamed = true;
    return 0;
}

int __wrap_unlinkat(int directory, const char *name, int flags)
{
    if (present != NOBODY && !is_in_memory(directory, name))
        (void)new_change();
    return __real_unlinkat(directory, name, flags);
}

int __wrap_fsync(int fd)
{
    ino_t inode = present != NOBODY ? inode_of(fd) : 0;
    for (unsigned i = present != NOBODY ? hosts[present].count : 0; i > 0; i--) {
        const struct change *change = &hosts[present].all[i - 1];
        if (!change->renamed || (change->from_directory != inode && change->to_directory != inode))
            continue;
        drop_first(&hosts[present], i);
        break;
    }
    return __real_fsync(fd);
}

/* ---- power cuts ----------------------------------------------------------------------------------------- */

static bool undo(const struct change *change)
{
    if (!change->renamed || access(change->from, F_OK) == 0 || rename(change->to, change->from) != 0)
        return false;
    return change->replaced[0] == '\0' || rename(change->replaced, change->to) == 0;
}

void renames_lose(struct sim *sim, unsigned host)
{
    struct host_changes *changes = &hosts[host];
    unsigned undone = 0, most = sim_happens(sim, 30) ? changes->count : (unsigned)sim_draw(sim, changes->count + 1);
    while (undone < most && undo(&changes->all[changes->count - 1 - undone]))
        undone++;
    if (undone > 0)
        sim_say(sim, "disk: %u renames are undone", undone);
    changes->count = 0;
}

void renames_forget(unsigned host)
{
    hosts[host].count = 0;
}
