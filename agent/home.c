#include "agent/home.h"

#include "agent/ended.h"
#include "agent/names.h"
#include "agent/trash.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD_SIZE_MAX = 1 << 20, INSTANCE_SIZE_MAX = 32, BOOT_SIZE = 64 };

struct home {
    char *directory;
    int root, workloads, spare, lock;
    uint64_t instance;
    unsigned spares; /* in spare/, named from 1 on */
    struct ended ended;
    struct trash trash;
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int lock_home(struct home *home, struct aq_error *error)
{
    home->lock = aq_file_lock(home->root, "lock", error);
    if (home->lock >= 0)
        return 0;
    if (error->code == AQ_E_EXISTS)
        return aq_fail(error, AQ_E_EXISTS,
                       "an agent is running in %s already: give this one another name or another data directory",
                       home->directory);
    return aq_error_context(error, "%s", home->directory);
}

static int identify_home(struct home *home, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (faccessat(home->root, "instance", F_OK, 0) != 0 && errno == ENOENT) {
        if (getrandom(&home->instance, sizeof home->instance, 0) != sizeof home->instance)
            return aq_fail_errno(error, errno, "cannot get a random number");
        home->instance |= 1; /* 0 means none */
        aq_buffer_format(&text, "%" PRIu64 "\n", home->instance);
        return aq_file_replace(home->root, "instance", 0600, text.data, text.length, error);
    }
    if (aq_file_read(home->root, "instance", INSTANCE_SIZE_MAX, &text, error) != 0)
        return -1;
    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.data[--text.length] = '\0';
    if (!number_of_name(aq_buffer_string(&text), &home->instance))
        return aq_fail(error, AQ_E_CORRUPT, "%s/instance does not hold a number", home->directory);
    return 0;
}

static bool drop_spare(void *context, int directory, const char *name, unsigned char type)
{
    (void)type;
    return trash_put(context, directory, name);
}

static int open_directories(struct home *home, struct aq_error *error)
{
    home->root = open(home->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home->root < 0)
        return aq_fail_errno(error, errno, "cannot open directory %s", home->directory);
    if (lock_home(home, error) != 0)
        return -1;
    if ((home->workloads = aq_directory_open(home->root, "workloads", error)) < 0 ||
        (home->spare = aq_directory_open(home->root, "spare", error)) < 0 || identify_home(home, error) != 0 ||
        trash_open(&home->trash, home->root, home->directory, error) != 0 ||
        ended_open(&home->ended, home->root, &home->trash, error) != 0 ||
        aq_directory_list(home->spare, drop_spare, &home->trash, error) != 0)
        return aq_error_context(error, "%s", home->directory);
    return 0;
}

int home_open(struct home **out, const char *data, const char *name, struct aq_error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", data, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "data is %zu bytes long, more than %d", strlen(data), PATH_MAX - 1);
    if (aq_directory_make_path(path, 0700, 0700, error) != 0)
        return -1;
    struct home *home = aq_calloc(1, sizeof *home);
    home->root = home->workloads = home->spare = home->lock = home->ended.directory = home->trash.directory = -1;
    home->directory = realpath(path, NULL);
    if ((home->directory != NULL || aq_fail_errno(error, errno, "directory %s", path) == 0) &&
        open_directories(home, error) == 0) {
        *out = home;
        return 0;
    }
    home_close(home);
    return -1;
}

void home_close(struct home *home)
{
    if (home == NULL)
        return;
    ended_close(&home->ended);
    trash_close(&home->trash);
    const int fds[] = {home->root, home->workloads, home->spare, home->lock};
    for (size_t i = 0; i < AQ_LENGTH(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(home->directory);
    free(home);
}

const char *home_directory(const struct home *home)
{
    return home->directory;
}

uint64_t home_instance(const struct home *home)
{
    return home->instance;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) /* FNV-1a */
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return hash;
}

/* A cloned host may have the same directory on the same device, but was not booted together with this one. */
uint64_t home_identity(const struct home *home)
{
    char boot[BOOT_SIZE] = "";
    struct stat status = {0};
    int failed = fstat(home->root, &status);
    (void)failed; /* then only the boot tells them apart */
    aq_file_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    uint64_t hash = mix(14695981039346656037u, boot, strlen(boot));
    hash = mix(hash, &status.st_dev, sizeof status.st_dev);
    hash = mix(hash, &status.st_ino, sizeof status.st_ino);
    return hash | 1; /* 0 means unknown */
}

/* ---- workloads ----------------------------------------------------------------------------------------- */

const char *home_driver_directory(const struct home *home, uint64_t resource, struct aq_arena *arena)
{
    return aq_arena_format(arena, "%s/workloads/%" PRIu64 "/driver", home->directory, resource);
}

static int open_workload(const struct home *home, uint64_t resource)
{
    char name[NAME_SIZE];
    name_of_number(resource, name);
    return openat(home->workloads, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Keeps the directory of a workload that is over, with our files in it, for the next one: ext4 skips every inode that
 * was deleted in the last minute when it creates a file, which cost a millisecond for each of many short workloads.
 * Returns false if the directory is still in its place. */
static bool keep_as_spare(struct home *home, uint64_t resource)
{
    char workload[NAME_SIZE], spare[NAME_SIZE];
    AQ_CLEANUP_FD int directory = home->spares < HOME_SPARES_MAX ? open_workload(home, resource) : -1;
    name_of_number(resource, workload);
    name_of_number(home->spares + 1, spare);
    bool moved = directory >= 0 && renameat(home->workloads, workload, home->spare, spare) == 0;
    if (moved && trash_put(&home->trash, directory, "driver")) {
        /* A file that keeps its name does no harm, since it names its resource. */
        renameat(directory, "assignment", directory, "assignment.new");
        renameat(directory, "ended", directory, "ended.new");
        home->spares++;
    } else if (moved) {
        trash_put(&home->trash, home->spare, spare);
    }
    return moved;
}

/* Moves a spare directory, if there is one, to where the workload's is to be created. */
static void take_spare(struct home *home, const char *workload)
{
    char spare[NAME_SIZE];
    if (home->spares == 0)
        return;
    name_of_number(home->spares--, spare);
    if (renameat(home->spare, spare, home->workloads, workload) != 0)
        trash_put(&home->trash, home->spare, spare);
}

static int write_record(int directory, const char *name, const struct aq_record *record, const void *object,
                        struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    aq_record_pack_briefly(record, object, &packed);
    return aq_file_replace(directory, name, 0600, packed.data, packed.length, error);
}

static int fill_workload(const struct home *home, const char *name, const struct aq_assignment *assignment,
                         struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = aq_directory_open(home->workloads, name, error);
    if (directory < 0)
        return -1;
    if (mkdirat(directory, "driver", 0700) != 0)
        return aq_fail_errno(error, errno, "cannot create a directory");
    if (write_record(directory, "assignment", &aq_assignment_record, assignment, error) != 0)
        return -1;
    if (fsync(home->workloads) != 0)
        return aq_fail_errno(error, errno, "cannot sync %s/workloads", home->directory);
    return 0;
}

int home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error)
{
    char name[NAME_SIZE];
    name_of_number(assignment->resource, name);
    trash_put(&home->trash, home->workloads, name); /* remains of a failure */
    take_spare(home, name);
    if (fill_workload(home, name, assignment, error) == 0)
        return 0;
    trash_put(&home->trash, home->workloads, name);
    return -1;
}

int home_end(struct home *home, const struct aq_happening *end, struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = open_workload(home, end->resource);
    if (directory < 0)
        return aq_fail_errno(error, errno, "workload %" PRIu64, end->resource);
    return write_record(directory, "ended", &aq_happening_record, end, error);
}

struct load {
    struct home *home;
    home_row_fn *row;
    void *context;
};

static int read_record(int directory, const char *name, const struct aq_record *record, void *object,
                       struct aq_arena *arena, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    if (aq_file_read(directory, name, RECORD_SIZE_MAX, &packed, error) != 0)
        return -1;
    return aq_record_unpack(record, object, packed.data, packed.length, true, arena, error);
}

static bool load_workload(void *context, int workloads, const char *name, unsigned char type)
{
    struct load *load = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_assignment assignment;
    struct aq_happening end;
    struct aq_error error = {0}, ignored;
    uint64_t resource;
    (void)workloads, (void)type;
    if (!number_of_name(name, &resource))
        return true;
    AQ_CLEANUP_FD int directory = open_workload(load->home, resource);
    if (directory >= 0 &&
        read_record(directory, "assignment", &aq_assignment_record, &assignment, &arena, &error) == 0 &&
        assignment.resource == resource) {
        /* If the end cannot be read, the driver finds out again. */
        bool over = read_record(directory, "ended", &aq_happening_record, &end, &arena, &ignored) == 0 &&
                    end.resource == resource;
        load->row(load->context, &assignment, over ? &end : NULL);
    } else {
        /* Nothing is started before the assignment is stored. */
        aq_journal(AQ_WARN, "a workload's directory holds no assignment: moved to the trash", "resource", name, "error",
                   error.message, NULL);
        trash_put(&load->home->trash, load->home->workloads, name);
    }
    return true;
}

int home_load(struct home *home, home_row_fn *row, void *context, struct aq_error *error)
{
    struct load load = {home, row, context};
    return aq_directory_list(home->workloads, load_workload, &load, error);
}

/* ---- those that are over ------------------------------------------------------------------------------- */

void home_remove(struct home *home, uint64_t resource)
{
    char name[NAME_SIZE];
    struct aq_error ignored;
    name_of_number(resource, name);
    AQ_CLEANUP_FD int output = home_output_open(home, resource, &ignored);
    ended_add(&home->ended, resource, output);
    if (!keep_as_spare(home, resource))
        trash_put(&home->trash, home->workloads, name);
}

void home_note_over(struct home *home, uint64_t resource)
{
    ended_add(&home->ended, resource, -1);
}

bool home_is_over(const struct home *home, uint64_t resource)
{
    return ended_has(&home->ended, resource);
}

int home_output_open(const struct home *home, uint64_t resource, struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    int output = directory < 0 ? -1 : openat(directory, "driver", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return output >= 0 ? output : aq_fail_errno(error, errno, "the log of resource %" PRIu64, resource);
}

int home_log_open(const struct home *home, uint64_t resource, struct aq_error *error)
{
    return ended_log_open(&home->ended, resource, error);
}

void home_keep_logs(struct home *home, const struct aq_agent_keep_logs *keep)
{
    home->ended.keep = *keep;
    ended_prune(&home->ended);
}

void home_prune(struct home *home)
{
    ended_prune(&home->ended);
}

bool home_has_trash(const struct home *home)
{
    return home->trash.sweeping;
}

void home_sweep(struct home *home, unsigned budget)
{
    trash_sweep(&home->trash, budget);
}
