#include "drivers/container/tree.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

enum { DESCRIPTORS = 32, BLOCK = 512 };

/* nftw() has no context. The processes that use this have one thread. */
static struct tree_size counted, counted_most;

static int count_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)path, (void)type, (void)place;
    counted.files++;
    counted.bytes += (uint64_t)status->st_blocks * BLOCK;
    return counted.bytes > counted_most.bytes || counted.files > counted_most.files;
}

struct tree_size tree_measure(const char *path, struct tree_size most)
{
    counted = (struct tree_size){0, 0};
    counted_most = most;
    nftw(path, count_entry, DESCRIPTORS, FTW_PHYS | FTW_MOUNT);
    return counted;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    int failed = remove(path);
    (void)failed; /* then the directory stays, too */
    return 0;
}

void tree_remove(const char *path)
{
    nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
