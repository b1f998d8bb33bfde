#include "tests/sim/node_files.h"

#include "agent/identity.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"
#include "tests/lib/directory.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, FILE_MAX = 1 << 20 };

static void path_of(char path[PATH_SIZE], const char *data, const char *name, const char *rest)
{
    if (snprintf(path, PATH_SIZE, "%s/%s%s", data, name, rest) >= PATH_SIZE)
        abort();
}

int node_files_make(const char *data, const char *name, struct aq_error *error)
{
    char path[PATH_SIZE];
    path_of(path, data, name, "");
    if (aq_directory_make(AT_FDCWD, data, 0700, error) != 0)
        return -1;
    return aq_directory_make(AT_FDCWD, path, 0700, error);
}

void node_files_lose(const char *data, const char *name)
{
    char path[PATH_SIZE];
    path_of(path, data, name, "");
    test_remove_tree(path);
    if (mkdir(path, 0700) != 0)
        abort();
}

/* ---- copies ------------------------------------------------------------------------------------------- */

static void copy_tree(int from, int to);

static bool copy_entry(void *context, int directory, const char *name, unsigned char type)
{
    const int *to = context;
    struct aq_error error;
    if (type == DT_DIR) {
        AQ_CLEANUP_FD int below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below < 0 || mkdirat(*to, name, 0700) != 0)
            abort();
        AQ_CLEANUP_FD int copy = openat(*to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        copy_tree(below, copy);
        return true;
    }
    AQ_CLEANUP_BUFFER struct aq_buffer bytes = {0};
    if (aq_file_read(directory, name, FILE_MAX, &bytes, &error) != 0 ||
        aq_file_replace_unsynced(*to, name, 0600, bytes.data, bytes.length, &error) != 0)
        abort();
    return true;
}

static void copy_tree(int from, int to)
{
    struct aq_error error;
    if (from < 0 || to < 0 || aq_directory_list(from, copy_entry, &to, &error) != 0)
        abort();
}

void node_files_copy(const char *from, const char *to, const char *name)
{
    char path[PATH_SIZE];
    path_of(path, from, name, "");
    AQ_CLEANUP_FD int source = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    path_of(path, to, name, "");
    AQ_CLEANUP_FD int target = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy_tree(source, target);
}

/* ---- power cuts --------------------------------------------------------------------------------------- */

/* In the order of names, whatever the file system gives. */
static bool tear_plan(struct sim *sim, int workloads, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/driver/test", name);
    if (sim_happens(sim, 70) || faccessat(workloads, path, F_OK, 0) != 0)
        return false;
    if (sim_happens(sim, 50))
        return unlinkat(workloads, path, 0) == 0;
    AQ_CLEANUP_FD int fd = openat(workloads, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd >= 0;
}

void node_files_tear(struct sim *sim, const char *data, const char *name)
{
    char path[PATH_SIZE];
    struct dirent **entries;
    unsigned torn = 0;
    path_of(path, data, name, "/workloads");
    AQ_CLEANUP_FD int workloads = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = workloads < 0 ? 0 : scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        torn += entries[i]->d_name[0] != '.' && tear_plan(sim, workloads, entries[i]->d_name);
        free(entries[i]);
    }
    if (count > 0)
        free(entries);
    if (torn > 0)
        sim_say(sim, "disk: %u plans of workloads are lost", torn);
}

/* ---- what is there ------------------------------------------------------------------------------------ */

static bool has(const char *data, const char *name, uint64_t resource, const char *file)
{
    char path[PATH_SIZE], rest[64];
    snprintf(rest, sizeof rest, "/workloads/%" PRIu64 "/%s", resource, file);
    path_of(path, data, name, rest);
    return access(path, F_OK) == 0;
}

bool node_files_key(const char *data, const char *name, char key[AQ_NOISE_TEXT_SIZE])
{
    char path[PATH_SIZE];
    struct aq_noise_pair pair;
    struct aq_error ignored;
    path_of(path, data, name, "/" IDENTITY_KEY);
    if (aq_key_file_load(&pair, AT_FDCWD, path, &ignored) != 0)
        return false;
    aq_noise_key_to_text(pair.public, key);
    return true;
}

bool node_files_has(const char *data, const char *name, uint64_t resource)
{
    return has(data, name, resource, "assignment");
}

bool node_files_has_end(const char *data, const char *name, uint64_t resource)
{
    return has(data, name, resource, "ended");
}
