/* The part of store.h that removes images. */
#include "drivers/container/slots.h"
#include "drivers/container/store.h"
#include "drivers/container/tree.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRUNE_EVERY_S = 3600, LOCK_PATIENCE_MS = 1000, MIB_SHIFT = 20, NAME_SIZE = 300 };

struct stored {
    char name[AQ_DIGEST_SIZE];
    uint64_t bytes;
    int64_t used_s; /* when a container began to use it last */
    bool in_use;
};

struct stock {
    const struct aq_container_settings *settings;
    struct stored *images;
    size_t count, capacity;
    uint64_t bytes; /* of all */
};

static bool add_image(void *context, int directory, const char *name, unsigned char type)
{
    struct stock *stock = context;
    struct stat status;
    char path[NAME_SIZE], text[64];
    (void)type;
    if (strncmp(name, "sha256-", 7) != 0 || strlen(name) >= AQ_DIGEST_SIZE ||
        fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    AQ_GROW(stock->images, stock->count, stock->capacity);
    struct stored *image = &stock->images[stock->count++];
    *image = (struct stored){.used_s = status.st_mtim.tv_sec};
    snprintf(image->name, sizeof image->name, "%s", name);
    snprintf(path, sizeof path, "%s/size", name);
    AQ_CLEANUP_FD int file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    text[length > 0 ? length : 0] = '\0';
    image->bytes = strtoull(text, NULL, 10);
    stock->bytes += image->bytes;
    return true;
}

static void mark_used(void *context, uint32_t slot, const char *path, const char *ports)
{
    struct stock *stock = context;
    (void)slot, (void)ports;
    const char *name = strrchr(path, '/');
    for (size_t i = 0; name != NULL && i < stock->count; i++)
        if (strcmp(stock->images[i].name, name + 1) == 0)
            stock->images[i].in_use = true;
}

static int by_use(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    return (x->used_s > y->used_s) - (x->used_s < y->used_s);
}

/* Moves an image away, so that no container finds it any more. Returns whether it is moved. */
static bool move_away(int directory, const char *name)
{
    char target[NAME_SIZE];
    snprintf(target, sizeof target, "pulling/old-%s-%d", name, getpid());
    return renameat(directory, name, directory, target) == 0;
}

/* While the lock is held. Removing files takes longer, and is done afterwards. */
static void choose(struct stock *stock, int directory)
{
    int64_t now_s = (int64_t)(aq_clock_wall_ms() / 1000);
    struct aq_error ignored;
    if (aq_directory_list(directory, add_image, stock, &ignored) != 0)
        return;
    slots_each(stock->settings, mark_used, stock);
    if (stock->count > 0)
        qsort(stock->images, stock->count, sizeof *stock->images, by_use);
    for (size_t i = 0; i < stock->count; i++) {
        const struct stored *image = &stock->images[i];
        bool old = now_s - image->used_s > (int64_t)stock->settings->age;
        bool much = stock->bytes > stock->settings->size << MIB_SHIFT;
        if (!image->in_use && (old || much) && move_away(directory, image->name))
            stock->bytes -= image->bytes;
    }
}

/* Removes a tag whose image is gone. */
static bool drop_tag(void *context, int directory, const char *name, unsigned char type)
{
    const struct stock *stock = context;
    char digest[AQ_DIGEST_SIZE], image[AQ_DIGEST_SIZE], path[PATH_MAX];
    struct aq_error ignored;
    (void)type;
    if (aq_file_read_text(directory, name, digest, sizeof digest) < 0)
        return true;
    store_name(digest, image);
    if (store_path(path, stock->settings, image, &ignored) == 0 && access(path, F_OK) != 0 && errno == ENOENT)
        unlinkat(directory, name, 0);
    return true;
}

/* Removes what was moved away, and what a process that was killed has left. */
static bool drop_rest(void *context, int directory, const char *name, unsigned char type)
{
    const struct stock *stock = context;
    char lock_name[NAME_SIZE], path[PATH_MAX];
    struct aq_error ignored;
    (void)type;
    snprintf(lock_name, sizeof lock_name, "pulling/%s", name);
    if (strlen(name) > 200 || store_path(path, stock->settings, lock_name, &ignored) != 0)
        return true;
    if (strncmp(name, "old-", 4) == 0) {
        tree_remove(path);
        return true;
    }
    if (strchr(name, '.') != NULL)
        return true; /* a lock */
    snprintf(lock_name, sizeof lock_name, "%s.lock", name);
    AQ_CLEANUP_FD int lock = openat(directory, lock_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        tree_remove(path);
    return true;
}

static void each_in(const struct stock *stock, int root, const char *name, aq_directory_entry_fn *entry)
{
    struct aq_error ignored;
    AQ_CLEANUP_FD int directory = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int listed = directory < 0 ? -1 : aq_directory_list(directory, entry, (void *)(uintptr_t)stock, &ignored);
    (void)listed; /* then it is done the next time */
}

bool store_prune_is_due(const struct aq_container_settings *settings)
{
    struct stat status;
    char path[PATH_MAX];
    struct aq_error ignored;
    int64_t now_s = (int64_t)(aq_clock_wall_ms() / 1000);
    if (store_path(path, settings, "pruned", &ignored) != 0 || access(settings->images, F_OK) != 0)
        return false;
    return stat(path, &status) != 0 || status.st_mtim.tv_sec > now_s || status.st_mtim.tv_sec <= now_s - PRUNE_EVERY_S;
}

void store_prune(const struct aq_container_settings *settings)
{
    struct stock stock = {.settings = settings};
    struct aq_error ignored;
    AQ_CLEANUP_FD int root = open(settings->images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int lock = root < 0 ? -1 : store_lock(settings, "lock", LOCK_EX, aq_clock_boot_ms() + LOCK_PATIENCE_MS, &ignored);
    if (lock < 0)
        return;
    AQ_CLEANUP_FD int stamp = openat(root, "pruned", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (stamp >= 0)
        futimens(stamp, NULL);
    choose(&stock, root);
    each_in(&stock, root, "tags", drop_tag);
    close(lock);
    each_in(&stock, root, "pulling", drop_rest);
    free(stock.images);
}
