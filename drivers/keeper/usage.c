#include "drivers/keeper/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512 };

struct walk {
    const struct usage *most;
    struct usage *usage;
    dev_t device;
};

static bool is_over(const struct walk *walk)
{
    const struct usage *usage = walk->usage;
    return usage->deep || usage->bytes > walk->most->bytes || usage->files > walk->most->files;
}

/* A file with several names counts once for each: at most too much. */
static void count(const struct walk *walk, const struct stat *about)
{
    walk->usage->files++;
    walk->usage->bytes += (uint64_t)about->st_blocks * BLOCK;
}

static void walk_into(struct walk *walk, int directory, const char *name, unsigned depth)
{
    struct stat about;
    if (depth > USAGE_DEPTH_MAX) {
        walk->usage->deep = true;
        return;
    }
    int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = inner >= 0 ? fdopendir(inner) : NULL;
    if (stream == NULL && inner >= 0)
        close(inner);
    for (struct dirent *entry; stream != NULL && !is_over(walk) && (entry = readdir(stream)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(inner, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        count(walk, &about);
        if (S_ISDIR(about.st_mode) && about.st_dev == walk->device)
            walk_into(walk, inner, entry->d_name, depth + 1);
    }
    if (stream != NULL)
        closedir(stream);
}

bool usage_add(int directory, const char *name, const struct usage *most, struct usage *usage)
{
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    struct walk walk = {most, usage, about.st_dev};
    if (S_ISDIR(about.st_mode))
        walk_into(&walk, directory, name, 1);
    else
        count(&walk, &about);
    return is_over(&walk);
}
