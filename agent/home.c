#include "agent/home.h"

#include "agent/files.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 48, RECORD_SIZE_MAX = 1 << 20, INSTANCE_SIZE_MAX = 32 };
enum { LOCK_TRIES = 20, LOCK_PAUSE_US = 50000 };

struct home {
    char *directory;
    int root, workloads, ended, spare, trash, lock;
    uint64_t instance;
    uint64_t over[HOME_ENDED_MAX]; /* oldest first; the newest HOME_LOGS_MAX of them have a log */
    uint32_t over_count;
    unsigned spares;  /* in spare/, named from 1 on */
    uint64_t trashed; /* names in trash/ are counted */
    bool sweeping;
};

static void name_of(uint64_t resource, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%" PRIu64, resource);
}

/* Out of sight at once; deleted little by little. False: it is still there. */
static bool throw_away(struct home *home, int directory, const char *name)
{
    char other[NAME_SIZE];
    name_of(++home->trashed, other);
    if (renameat(directory, name, home->trash, other) == 0)
        home->sweeping = true;
    else if (errno != ENOENT) {
        aq_journal(AQ_WARN, "a directory cannot be moved to the trash", "directory", home->directory, "name", name,
                   "error", strerror(errno), NULL);
        return false;
    }
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int home_lock(struct home *home, struct aq_error *error)
{
    home->lock = openat(home->root, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (home->lock < 0)
        return aq_fail_errno(error, errno, "cannot open %s/lock", home->directory);
    /* One that was killed a moment ago may still be on its way out. */
    int failed = -1;
    for (int i = 0; i < LOCK_TRIES && failed != 0; i++) {
        if (i > 0)
            usleep(LOCK_PAUSE_US);
        failed = flock(home->lock, LOCK_EX | LOCK_NB);
        if (failed != 0 && errno != EWOULDBLOCK)
            break;
    }
    if (failed == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return aq_fail(error, AQ_E_EXISTS,
                       "an agent is running in %s already: give this one another name or another data",
                       home->directory);
    return aq_fail_errno(error, errno, "cannot lock %s/lock", home->directory);
}

static int home_identify(struct home *home, struct aq_error *error)
{
    struct aq_buffer text = {0};
    if (faccessat(home->root, "instance", F_OK, 0) != 0 && errno == ENOENT) {
        if (getrandom(&home->instance, sizeof home->instance, 0) != sizeof home->instance)
            return aq_fail_errno(error, errno, "cannot draw a number");
        home->instance |= 1; /* 0 means none */
        aq_buffer_format(&text, "%" PRIu64 "\n", home->instance);
        int failed = files_write(home->root, "instance", text.data, text.length, error);
        aq_buffer_free(&text);
        return failed;
    }
    int failed = files_read(home->root, "instance", INSTANCE_SIZE_MAX, false, &text, error);
    if (failed == 0 && text.length > 0 && text.data[text.length - 1] == '\n')
        text.data[--text.length] = '\0';
    if (failed == 0 && !files_number(aq_buffer_string(&text), &home->instance))
        failed = aq_fail(error, AQ_E_CORRUPT, "%s/instance holds no number", home->directory);
    aq_buffer_free(&text);
    return failed;
}

struct aged {
    uint64_t resource;
    struct timespec time;
};

struct aged_list {
    struct aged *items;
    size_t count, capacity;
};

static bool add_aged(void *context, int directory, const char *name, unsigned char type)
{
    struct aged_list *list = context;
    struct aged aged;
    struct stat status;
    (void)type;
    if (!files_number(name, &aged.resource) || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    aged.time = status.st_mtim;
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 64;
        list->items = aq_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = aged;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct aged *x = a, *y = b;
    if (x->time.tv_sec != y->time.tv_sec)
        return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
    if (x->time.tv_nsec != y->time.tv_nsec)
        return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

static void remember_over(struct home *home, uint64_t resource)
{
    char name[NAME_SIZE];
    if (home->over_count == HOME_ENDED_MAX)
        memmove(home->over, home->over + 1, --home->over_count * sizeof *home->over);
    home->over[home->over_count++] = resource;
    if (home->over_count <= HOME_LOGS_MAX)
        return;
    name_of(home->over[home->over_count - 1 - HOME_LOGS_MAX], name);
    unlinkat(home->ended, name, 0);
}

static bool highest_name(void *context, int directory, const char *name, unsigned char type)
{
    uint64_t *highest = context, number;
    (void)directory, (void)type;
    if (files_number(name, &number) && number > *highest)
        *highest = number;
    return true;
}

static bool throw_spare_away(void *context, int directory, const char *name, unsigned char type)
{
    (void)type;
    return throw_away(context, directory, name);
}

static int home_recall(struct home *home, struct aq_error *error)
{
    struct aged_list list = {0};
    int failed = files_list(home->ended, add_aged, &list, error);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, by_age);
    for (size_t i = 0; i < list.count; i++)
        remember_over(home, list.items[i].resource);
    free(list.items);
    home->sweeping = true;
    if (failed != 0 || files_list(home->trash, highest_name, &home->trashed, error) != 0)
        return -1;
    return files_list(home->spare, throw_spare_away, home, error);
}

static int open_parts(struct home *home, struct aq_error *error)
{
    home->root = open(home->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home->root < 0)
        return aq_fail_errno(error, errno, "cannot open directory %s", home->directory);
    if (home_lock(home, error) != 0)
        return -1;
    if ((home->workloads = files_open_directory(home->root, "workloads", error)) < 0 ||
        (home->ended = files_open_directory(home->root, "ended", error)) < 0 ||
        (home->spare = files_open_directory(home->root, "spare", error)) < 0 ||
        (home->trash = files_open_directory(home->root, "trash", error)) < 0 || home_identify(home, error) != 0 ||
        home_recall(home, error) != 0)
        return aq_error_context(error, "%s", home->directory);
    return 0;
}

int home_open(struct home **out, const char *data, const char *name, struct aq_error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", data, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "data is %zu bytes long, more than %d", strlen(data), PATH_MAX - 1);
    if (files_make_path(path, error) != 0)
        return -1;
    struct home *home = aq_calloc(1, sizeof *home);
    home->root = home->workloads = home->ended = home->spare = home->trash = home->lock = -1;
    home->directory = realpath(path, NULL);
    if ((home->directory != NULL || aq_fail_errno(error, errno, "directory %s", path) == 0) &&
        open_parts(home, error) == 0) {
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
    const int fds[] = {home->root, home->workloads, home->ended, home->spare, home->trash, home->lock};
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

/* ---- workloads ----------------------------------------------------------------------------------------- */

const char *home_driver_directory(const struct home *home, uint64_t resource, struct aq_arena *arena)
{
    return aq_arena_format(arena, "%s/workloads/%" PRIu64 "/driver", home->directory, resource);
}

static int open_workload(const struct home *home, uint64_t resource)
{
    char name[NAME_SIZE];
    name_of(resource, name);
    return openat(home->workloads, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* ext4 looks for a place for a new file past all that were deleted in the last minute, so that on a node with many
 * short workloads each took a millisecond. So the directory of a workload that is over, and our files in it, serve the
 * next. False: it is still where it was. */
static bool keep_as_spare(struct home *home, uint64_t resource)
{
    char workload[NAME_SIZE], spare[NAME_SIZE];
    int directory = home->spares < HOME_SPARES_MAX ? open_workload(home, resource) : -1;
    name_of(resource, workload);
    name_of(home->spares + 1, spare);
    bool moved = directory >= 0 && renameat(home->workloads, workload, home->spare, spare) == 0;
    if (moved && throw_away(home, directory, "driver")) {
        /* One that would keep its name does no harm: it says whose it is. */
        renameat(directory, "assignment", directory, "assignment.new");
        renameat(directory, "ended", directory, "ended.new");
        home->spares++;
    } else if (moved) {
        throw_away(home, home->spare, spare);
    }
    if (directory >= 0)
        close(directory);
    return moved;
}

/* Puts a spare directory in the place of a new one, where there is one. */
static void take_spare(struct home *home, const char *workload)
{
    char spare[NAME_SIZE];
    if (home->spares == 0)
        return;
    name_of(home->spares--, spare);
    if (renameat(home->spare, spare, home->workloads, workload) != 0)
        throw_away(home, home->spare, spare);
}

static int write_record(int directory, const char *name, const struct aq_record *record, const void *object,
                        struct aq_error *error)
{
    struct aq_buffer packed = {0};
    aq_record_pack(record, object, &packed);
    int failed = files_write(directory, name, packed.data, packed.length, error);
    aq_buffer_free(&packed);
    return failed;
}

int home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error)
{
    char name[NAME_SIZE];
    name_of(assignment->resource, name);
    throw_away(home, home->workloads, name); /* what a failure may have left */
    take_spare(home, name);
    int directory = files_open_directory(home->workloads, name, error);
    if (directory < 0)
        return -1;
    bool good = mkdirat(directory, "driver", 0700) == 0 || aq_fail_errno(error, errno, "cannot make a directory") == 0;
    good = good && write_record(directory, "assignment", &aq_assignment_record, assignment, error) == 0;
    close(directory);
    if (good && fsync(home->workloads) == 0)
        return 0;
    if (good)
        aq_fail_errno(error, errno, "cannot sync %s/workloads", home->directory);
    throw_away(home, home->workloads, name);
    return -1;
}

int home_end(struct home *home, const struct aq_happening *end, struct aq_error *error)
{
    int directory = open_workload(home, end->resource);
    if (directory < 0)
        return aq_fail_errno(error, errno, "workload %" PRIu64, end->resource);
    int failed = write_record(directory, "ended", &aq_happening_record, end, error);
    close(directory);
    return failed;
}

struct loading {
    struct home *home;
    home_row_fn *row;
    void *context;
};

static int read_record(int directory, const char *name, const struct aq_record *record, void *object,
                       struct aq_arena *arena, struct aq_error *error)
{
    struct aq_buffer packed = {0};
    int failed = files_read(directory, name, RECORD_SIZE_MAX, false, &packed, error);
    if (failed == 0)
        failed = aq_record_unpack(record, object, packed.data, packed.length, true, arena, error);
    aq_buffer_free(&packed);
    return failed;
}

static bool load_one(void *context, int workloads, const char *name, unsigned char type)
{
    struct loading *loading = context;
    struct aq_arena arena = {0};
    struct aq_assignment assignment;
    struct aq_happening end;
    struct aq_error error = {0}, ignored;
    uint64_t resource;
    (void)workloads, (void)type;
    if (!files_number(name, &resource))
        return true;
    int directory = open_workload(loading->home, resource);
    if (directory >= 0 &&
        read_record(directory, "assignment", &aq_assignment_record, &assignment, &arena, &error) == 0 &&
        assignment.resource == resource) {
        /* An end that cannot be read is found again by the driver. */
        bool over = read_record(directory, "ended", &aq_happening_record, &end, &arena, &ignored) == 0 &&
                    end.resource == resource;
        loading->row(loading->context, &assignment, over ? &end : NULL);
    } else {
        /* Nothing was begun before the assignment was there. */
        aq_journal(AQ_WARN, "a workload's directory holds no assignment: put aside", "resource", name, "error",
                   error.message, NULL);
        throw_away(loading->home, loading->home->workloads, name);
    }
    if (directory >= 0)
        close(directory);
    aq_arena_free(&arena);
    return true;
}

int home_load(struct home *home, home_row_fn *row, void *context, struct aq_error *error)
{
    struct loading loading = {home, row, context};
    return files_list(home->workloads, load_one, &loading, error);
}

/* ---- those that are over ------------------------------------------------------------------------------- */

void home_remove(struct home *home, uint64_t resource, const void *log, size_t length)
{
    char name[NAME_SIZE];
    name_of(resource, name);
    size_t skipped = length > HOME_LOG_SIZE_MAX ? length - HOME_LOG_SIZE_MAX : 0;
    int fd = openat(home->ended, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t written = fd >= 0 && length > 0 ? write(fd, (const char *)log + skipped, length - skipped) : 0;
    (void)written; /* a log that is cut short by a full disk is no reason to keep the workload */
    if (fd >= 0)
        close(fd);
    if (!keep_as_spare(home, resource))
        throw_away(home, home->workloads, name);
    remember_over(home, resource);
}

bool home_is_over(const struct home *home, uint64_t resource)
{
    for (uint32_t i = home->over_count; i > 0; i--)
        if (home->over[i - 1] == resource)
            return true;
    return false;
}

int home_log(const struct home *home, uint64_t resource, size_t max, struct aq_buffer *out, struct aq_error *error)
{
    char name[NAME_SIZE];
    name_of(resource, name);
    if (faccessat(home->ended, name, F_OK, 0) != 0 && errno == ENOENT)
        return aq_fail(error, AQ_E_NOT_FOUND, "resource %" PRIu64 " has no log here; those of the newest %d are kept",
                       resource, HOME_LOGS_MAX);
    return files_read(home->ended, name, max, true, out, error);
}

/* ---- the trash ----------------------------------------------------------------------------------------- */

struct sweep {
    struct home *home;
    unsigned budget;
    bool stuck;
};

/* A workload may have closed it, and for an agent that is not root that counts. */
static void open_up(int directory, const char *name)
{
    int failed = geteuid() != 0 ? fchmodat(directory, name, 0700, AT_SYMLINK_NOFOLLOW) : 0;
    (void)failed; /* then it cannot be emptied, which is told */
}

/* A directory in a thrown-away directory moves up, so that no depth is too deep. */
static bool sweep_inner(void *context, int directory, const char *name, unsigned char type)
{
    struct sweep *sweep = context;
    struct stat status;
    if (sweep->budget == 0)
        return false;
    sweep->budget--;
    bool nested =
        type == DT_DIR ||
        (type == DT_UNKNOWN && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode));
    if (nested) {
        open_up(directory, name);
        throw_away(sweep->home, directory, name);
    } else {
        unlinkat(directory, name, 0);
    }
    return true;
}

static bool sweep_outer(void *context, int trash, const char *name, unsigned char type)
{
    struct sweep *sweep = context;
    struct aq_error ignored;
    (void)type;
    if (sweep->budget == 0)
        return false;
    sweep->budget--;
    if (unlinkat(trash, name, 0) == 0)
        return true;
    open_up(trash, name);
    int directory = openat(trash, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (directory >= 0) {
        int failed = files_list(directory, sweep_inner, sweep, &ignored);
        (void)failed;
        close(directory);
    }
    if (sweep->budget > 0 && unlinkat(trash, name, AT_REMOVEDIR) != 0)
        sweep->stuck = true;
    return true;
}

bool home_sweep(struct home *home, unsigned budget)
{
    struct sweep sweep = {.home = home, .budget = budget};
    struct aq_error error;
    if (!home->sweeping)
        return false;
    uint64_t before = home->trashed;
    if (files_list(home->trash, sweep_outer, &sweep, &error) != 0 || sweep.stuck) {
        aq_journal(AQ_WARN, "the trash cannot be emptied", "directory", home->directory, NULL);
        home->sweeping = false; /* until something more is thrown away */
        return false;
    }
    home->sweeping = sweep.budget == 0 || home->trashed != before;
    return home->sweeping;
}
