#include "agent/home.h"

#include "agent/ended.h"
#include "agent/left.h"
#include "agent/names.h"
#include "agent/secrets.h"
#include "agent/trash.h"
#include "drivers/lease.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

AQ_DEFINE(aq_again, "again", 1, "that a workload is started again")
AQ_DEFINE(aq_ended_tasks, "ended_tasks", 1, "tasks of a workload that have ended")

/* A workload gets to its own directory with the rights of its user, and can list nothing on the way. */
enum { OPEN_TO_PASS = 0711 };
enum { RECORD_SIZE_MAX = 1 << 20, INSTANCE_SIZE_MAX = 32 };

struct home {
    char *directory;
    int root, workloads, spare, lock;
    uint64_t instance;
    unsigned spares; /* in spare/, named from 1 on */
    struct ended ended;
    struct left left;
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
        randombytes_buf(&home->instance, sizeof home->instance);
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

/* Directories of earlier builds are closed to all but root. */
static int let_pass(struct home *home, struct aq_error *error)
{
    const int passed[] = {home->root, home->workloads};
    for (size_t i = 0; i < AQ_LENGTH(passed); i++)
        if (fchmod(passed[i], OPEN_TO_PASS) != 0)
            return aq_fail_errno(error, errno, "cannot change the mode of a directory");
    return 0;
}

static int open_directories(struct home *home, const struct aq_clocks *now, struct aq_error *error)
{
    home->root = open(home->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home->root < 0)
        return aq_fail_errno(error, errno, "cannot open directory %s", home->directory);
    if (lock_home(home, error) != 0)
        return -1;
    if ((home->workloads = aq_directory_open(home->root, "workloads", error)) < 0 ||
        (home->spare = aq_directory_open(home->root, "spare", error)) < 0 || let_pass(home, error) != 0 ||
        identify_home(home, error) != 0 || trash_open(&home->trash, home->root, home->directory, error) != 0 ||
        ended_open(&home->ended, home->root, &home->trash, now, error) != 0 ||
        left_open(&home->left, home->root, &home->trash, now, error) != 0 ||
        aq_directory_list(home->spare, drop_spare, &home->trash, error) != 0)
        return aq_error_context(error, "%s", home->directory);
    return 0;
}

int home_open(struct home **out, const char *data, const char *name, const struct aq_clocks *now,
              struct aq_error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", data, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "data is %zu bytes long, more than %d", strlen(data), PATH_MAX - 1);
    if (aq_directory_make_path(path, 0700, OPEN_TO_PASS, error) != 0)
        return -1;
    struct home *home = aq_calloc(1, sizeof *home);
    home->root = home->workloads = home->spare = home->lock = home->ended.shelf.directory = home->left.shelf.directory =
        home->trash.directory = -1;
    home->directory = realpath(path, NULL);
    if ((home->directory != NULL || aq_fail_errno(error, errno, "directory %s", path) == 0) &&
        open_directories(home, now, error) == 0) {
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
    left_close(&home->left);
    trash_close(&home->trash);
    const int fds[] = {home->root, home->workloads, home->spare, home->lock};
    for (size_t i = 0; i < AQ_LENGTH(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(home->directory);
    free(home);
}

int home_root(const struct home *home)
{
    return home->root;
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
uint64_t home_identity(const struct home *home, const char *boot)
{
    struct stat status = {0};
    int failed = fstat(home->root, &status);
    (void)failed; /* then only the boot tells them apart */
    uint64_t hash = mix(14695981039346656037u, boot, strlen(boot));
    hash = mix(hash, &status.st_dev, sizeof status.st_dev);
    hash = mix(hash, &status.st_ino, sizeof status.st_ino);
    return hash | 1; /* 0 means unknown */
}

/* ---- workloads ----------------------------------------------------------------------------------------- */

const char *home_lease_path(const struct home *home, struct aq_arena *arena)
{
    return aq_arena_format(arena, "%s/" LEASE_FILE, home->directory);
}

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
        unlinkat(directory, "again", 0);
        unlinkat(directory, "tasks", 0);
        trash_put(&home->trash, directory, "driver.old");
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

/* Without the values of its secrets, which are in memory only. */
static int write_assignment(int directory, const struct aq_assignment *assignment, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_assignment stored = *assignment;
    stored.secrets = secrets_names(&assignment->secrets, &arena);
    return write_record(directory, "assignment", &aq_assignment_record, &stored, error);
}

static int fill_workload(const struct home *home, const char *name, const struct aq_assignment *assignment,
                         struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = aq_directory_open(home->workloads, name, error);
    if (directory < 0)
        return -1;
    if (mkdirat(directory, "driver", 0700) != 0 || fchmod(directory, OPEN_TO_PASS) != 0 ||
        fchmodat(directory, "driver", OPEN_TO_PASS, 0) != 0)
        return aq_fail_errno(error, errno, "cannot create a directory");
    if (write_assignment(directory, assignment, error) != 0)
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

static int read_record(int directory, const char *name, const struct aq_record *record, void *object,
                       struct aq_arena *arena, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    if (aq_file_read(directory, name, RECORD_SIZE_MAX, &packed, error) != 0)
        return -1;
    return aq_record_unpack(record, object, packed.data, packed.length, true, arena, error);
}

int home_assignment(struct home *home, uint64_t resource, struct aq_assignment *assignment, struct aq_arena *arena,
                    struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    if (directory < 0)
        return aq_fail_errno(error, errno, "workload %" PRIu64, resource);
    return read_record(directory, "assignment", &aq_assignment_record, assignment, arena, error);
}

/* ---- those that are started again ---------------------------------------------------------------------- */

int home_set_again(struct home *home, const struct aq_again *again, struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = open_workload(home, again->resource);
    if (directory < 0)
        return aq_fail_errno(error, errno, "workload %" PRIu64, again->resource);
    return write_record(directory, "again", &aq_again_record, again, error);
}

bool home_again(struct home *home, uint64_t resource, struct aq_again *again, struct aq_arena *arena)
{
    struct aq_error ignored;
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    return directory >= 0 && read_record(directory, "again", &aq_again_record, again, arena, &ignored) == 0 &&
           again->resource == resource;
}

int home_set_tasks(struct home *home, uint64_t resource, const struct aq_list *ends, struct aq_error *error)
{
    const struct aq_ended_tasks tasks = {resource, *ends};
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    if (directory < 0)
        return aq_fail_errno(error, errno, "workload %" PRIu64, resource);
    return write_record(directory, "tasks", &aq_ended_tasks_record, &tasks, error);
}

bool home_tasks(struct home *home, uint64_t resource, struct aq_list *ends, struct aq_arena *arena)
{
    struct aq_error ignored;
    struct aq_ended_tasks tasks;
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    if (directory < 0 || read_record(directory, "tasks", &aq_ended_tasks_record, &tasks, arena, &ignored) != 0 ||
        tasks.resource != resource)
        return false;
    *ends = tasks.ends;
    return true;
}

/* An agent that was killed in the middle leaves driver.old, with output in it or without, and a new driver/ or none. */
static int move_driver_away(int directory, struct aq_error *error)
{
    if (faccessat(directory, "driver.old", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (renameat(directory, "driver", directory, "driver.old") != 0)
        return aq_fail_errno(error, errno, "cannot rename the directory driver");
    return 0;
}

static int make_driver(int directory, struct aq_error *error)
{
    if ((mkdirat(directory, "driver", 0700) != 0 && errno != EEXIST) ||
        fchmodat(directory, "driver", OPEN_TO_PASS, 0) != 0)
        return aq_fail_errno(error, errno, "cannot create the directory driver");
    return 0;
}

int home_renew(struct home *home, uint64_t resource, struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    if (directory < 0)
        return aq_fail_errno(error, errno, "workload %" PRIu64, resource);
    if (move_driver_away(directory, error) != 0 || make_driver(directory, error) != 0)
        return -1;
    AQ_CLEANUP_FD int from = openat(directory, "driver.old", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    AQ_CLEANUP_FD int to = openat(directory, "driver", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0 || to < 0)
        return aq_fail_errno(error, errno, "cannot open the directory driver");
    if (output_move(from, to, error) != 0)
        return -1;
    return trash_put(&home->trash, directory, "driver.old") ? 0
                                                            : aq_fail(error, AQ_E_IO, "cannot remove what it has left");
}

static void load_workload(struct home *home, uint64_t resource, home_row_fn *row, void *context)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_assignment assignment;
    struct aq_happening end;
    struct aq_error error = {0}, ignored;
    char name[NAME_SIZE];
    name_of_number(resource, name);
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    if (directory >= 0 &&
        read_record(directory, "assignment", &aq_assignment_record, &assignment, &arena, &error) == 0 &&
        assignment.resource == resource) {
        /* If the end cannot be read, the driver finds out again. */
        bool over = read_record(directory, "ended", &aq_happening_record, &end, &arena, &ignored) == 0 &&
                    end.resource == resource;
        row(context, &assignment, over ? &end : NULL);
    } else {
        /* Nothing is started before the assignment is stored. */
        aq_journal(AQ_WARN, "a workload's directory holds no assignment: moved to the trash", "resource", name, "error",
                   error.message, NULL);
        trash_put(&home->trash, home->workloads, name);
    }
}

struct found {
    uint64_t *resources;
    size_t count, capacity;
};

static bool add_found(void *context, int directory, const char *name, unsigned char type)
{
    struct found *found = context;
    uint64_t resource;
    (void)directory, (void)type;
    if (!number_of_name(name, &resource))
        return true;
    AQ_GROW(found->resources, found->count, found->capacity);
    found->resources[found->count++] = resource;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int home_load(struct home *home, home_row_fn *row, void *context, struct aq_error *error)
{
    struct found found = {0};
    int status = aq_directory_list(home->workloads, add_found, &found, error);
    if (found.count > 0)
        qsort(found.resources, found.count, sizeof *found.resources, by_number);
    for (size_t i = 0; status == 0 && i < found.count; i++)
        load_workload(home, found.resources[i], row, context);
    free(found.resources);
    return status;
}

/* ---- those that are over ------------------------------------------------------------------------------- */

void home_remove(struct home *home, uint64_t resource)
{
    char name[NAME_SIZE];
    struct aq_error ignored;
    name_of_number(resource, name);
    AQ_CLEANUP_FD int output = home_output_open(home, resource, &ignored);
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    ended_add(&home->ended, resource, output);
    left_take(&home->left, resource, directory);
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

int home_output_look(const struct home *home, uint64_t resource, struct output_seen *seen, struct output_span *span,
                     struct aq_error *error)
{
    char path[NAME_SIZE + sizeof "/driver"];
    snprintf(path, sizeof path, "%" PRIu64 "/driver", resource);
    if (output_look_again(home->workloads, path, seen, span))
        return 0;
    AQ_CLEANUP_FD int directory = home_output_open(home, resource, error);
    return directory < 0 ? -1 : output_look(directory, seen, span, error);
}

int home_log_open(const struct home *home, uint64_t resource, struct aq_error *error)
{
    return ended_log_open(&home->ended, resource, error);
}

const char *home_left(const struct home *home, uint64_t resource, struct driver_left *note, struct aq_arena *arena,
                      struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = open_workload(home, resource);
    AQ_CLEANUP_FD int driver =
        directory >= 0 ? openat(directory, "driver", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (driver >= 0 && driver_left_read(driver, note)) /* the hub has not noted its end yet */
        return home_driver_directory(home, resource, arena);
    if (left_find(&home->left, resource, note, error) != 0)
        return NULL;
    return aq_arena_format(arena, "%s/left/%" PRIu64, home->directory, resource);
}

void home_keep(struct home *home, const struct aq_agent_keep *keep)
{
    ended_keep(&home->ended, &keep->logs);
    left_keep(&home->left, &keep->files);
}

void home_prune(struct home *home)
{
    shelf_prune(&home->ended.shelf);
    shelf_prune(&home->left.shelf);
}

bool home_has_trash(const struct home *home)
{
    return home->trash.sweeping;
}

void home_sweep(struct home *home, unsigned budget)
{
    trash_sweep(&home->trash, budget);
}
