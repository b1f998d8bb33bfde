/* Simulates power failures: writes that were not synced are lost, in any combination.
 *
 * A real log, real tables and a real writer work in this process. All writes to their files pass through the functions
 * below, which replace those of libc. For each file they keep the contents that the disk has for certain, and the
 * writes since the last sync. At moments drawn from a seed (before and after syncs, in the middle of a commit) the
 * machine "stops": the certain contents, with some of the unsynced writes or parts of them, are copied into a new
 * directory. There another process, as after a restart of the machine, opens the log and the tables, and must find
 * everything that was acknowledged before the stop.
 *
 *   lostwrites [SEED]      prints "ok" and "not ok" lines */
#include "controller/log/replay.h"
#include "schema/base/journal.h"
#include "schema/codec/check.h"
#include "schema/codec/preset.h"
#include "schema/model/application.h"
#include "tests/lib/chance.h"
#include "tests/lib/cluster.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { FILES_MAX = 32, PATH_SIZE = 256, SECTOR = 512, STOPS = 120, COMMANDS_MAX = 4000 };

/* ---- the disk ------------------------------------------------------------------------------------------------ */

struct lost_write {
    off_t offset;
    size_t length;
    unsigned char *bytes;
};

struct disk_file {
    char path[PATH_SIZE]; /* below the cluster's directory */
    unsigned char *bytes; /* certainly on the disk */
    size_t size, capacity;
    struct lost_write *writes; /* since the last sync */
    size_t count, room;
};

static struct {
    pthread_mutex_t lock;
    char root[PATH_SIZE]; /* "": nothing is recorded */
    struct disk_file files[FILES_MAX];
    unsigned count;
    unsigned syncs, stop_after; /* stop_after: the sync at which the machine stops next */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_uint_fast64_t acknowledged; /* seq */
static void stop_machine(void);

static void put_bytes(struct disk_file *file, off_t offset, const unsigned char *bytes, size_t length)
{
    size_t end = (size_t)offset + length;
    if (length == 0)
        return;
    if (end > file->capacity) {
        size_t capacity = end * 2;
        file->bytes = aq_realloc(file->bytes, capacity);
        memset(file->bytes + file->capacity, 0, capacity - file->capacity);
        file->capacity = capacity;
    }
    memcpy(file->bytes + offset, bytes, length);
    file->size = end > file->size ? end : file->size;
}

/* The recorded file of a descriptor, or NULL. Called with the lock held. */
static struct disk_file *file_of(int fd)
{
    char link[64], path[PATH_SIZE];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (disk.root[0] == '\0' || length <= 0)
        return NULL;
    path[length] = '\0';
    if (strncmp(path, disk.root, strlen(disk.root)) != 0 || strstr(path, "lock.mdb") != NULL)
        return NULL; /* lock.mdb means nothing after a restart */
    const char *below = path + strlen(disk.root);
    for (unsigned i = 0; i < disk.count; i++)
        if (strcmp(disk.files[i].path, below) == 0)
            return &disk.files[i];
    aq_assert(disk.count < FILES_MAX);
    struct disk_file *file = &disk.files[disk.count++];
    snprintf(file->path, sizeof file->path, "%s", below);
    return file;
}

static void note_write(int fd, const void *bytes, size_t length, off_t offset)
{
    pthread_mutex_lock(&disk.lock);
    struct disk_file *file = file_of(fd);
    int flags = fcntl(fd, F_GETFL);
    if (file != NULL && (flags & O_DSYNC)) {
        put_bytes(file, offset, bytes, length);
    } else if (file != NULL) {
        if (file->count == file->room) {
            file->room = file->room ? file->room * 2 : 64;
            file->writes = aq_realloc(file->writes, file->room * sizeof *file->writes);
        }
        struct lost_write *write = &file->writes[file->count++];
        *write = (struct lost_write){offset, length, aq_malloc(length)};
        memcpy(write->bytes, bytes, length);
    }
    pthread_mutex_unlock(&disk.lock);
}

static void drop_writes(struct disk_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        free(file->writes[i].bytes);
    file->count = 0;
}

static void note_sync(int fd)
{
    pthread_mutex_lock(&disk.lock);
    struct disk_file *file = file_of(fd);
    if (file != NULL) {
        if (++disk.syncs == disk.stop_after) /* the sync has begun, but has not returned */
            stop_machine();
        for (size_t i = 0; i < file->count; i++)
            put_bytes(file, file->writes[i].offset, file->writes[i].bytes, file->writes[i].length);
        drop_writes(file);
        if (disk.syncs == disk.stop_after) {
            stop_machine();
            disk.stop_after += 1 + (unsigned)draw(5);
        }
    }
    pthread_mutex_unlock(&disk.lock);
}

/* ---- replacements of libc functions
 * ----------------------------------------------------------------------------------- */

#define NEXT(name)                                                                                                     \
    static __typeof__(&name) next;                                                                                     \
    if (next == NULL)                                                                                                  \
        *(void **)&next = dlsym(RTLD_NEXT, #name);

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    NEXT(pwrite)
    ssize_t written = next(fd, bytes, length, offset);
    if (written > 0)
        note_write(fd, bytes, (size_t)written, offset);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    NEXT(write)
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t written = next(fd, bytes, length);
    if (written > 0 && offset >= 0)
        note_write(fd, bytes, (size_t)written, offset);
    return written;
}

/* LMDB seeks, then writes. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    NEXT(writev)
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t written = next(fd, parts, count), left = written;
    for (int i = 0; i < count && left > 0; i++) {
        size_t length = parts[i].iov_len < (size_t)left ? parts[i].iov_len : (size_t)left;
        if (offset >= 0)
            note_write(fd, parts[i].iov_base, length, offset);
        offset += (off_t)length;
        left -= (ssize_t)length;
    }
    return written;
}

int fdatasync(int fd)
{
    NEXT(fdatasync)
    int status = next(fd);
    note_sync(fd);
    return status;
}

int fsync(int fd)
{
    NEXT(fsync)
    int status = next(fd);
    note_sync(fd);
    return status;
}

/* A renamed file keeps its writes. */
int rename(const char *from, const char *to)
{
    NEXT(rename)
    int status = next(from, to);
    size_t length = strlen(disk.root);
    pthread_mutex_lock(&disk.lock);
    if (status == 0 && length > 0 && strncmp(from, disk.root, length) == 0)
        for (unsigned i = 0; i < disk.count; i++) {
            if (strcmp(disk.files[i].path, to + length) == 0)
                disk.files[i].path[0] = '\0'; /* replaced */
            if (strcmp(disk.files[i].path, from + length) == 0)
                snprintf(disk.files[i].path, PATH_SIZE, "%s", to + length);
        }
    pthread_mutex_unlock(&disk.lock);
    return status;
}

/* The boot id, which tells one start of the machine from another. */
static bool started_anew;

FILE *fopen(const char *path, const char *mode)
{
    NEXT(fopen)
    if (started_anew && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) {
        static char other[] = "another-start-of-the-machine\n";
        return fmemopen(other, sizeof other - 1, "r");
    }
    return next(path, mode);
}

/* ---- a stop, and the start after it --------------------------------------------------------------------------------
 */

static unsigned stops, stops_failed, rebuilt;

static void make_file(const char *directory, const char *below, const void *bytes, size_t size)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s%s", directory, below);
    for (char *slash = strchr(path + strlen(directory) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    aq_assert(file != NULL && (size == 0 || fwrite(bytes, 1, size, file) == size) && fclose(file) == 0);
}

/* Chooses which unsynced writes reached the disk: all, none, some, or some of their sectors. */
static void spoil(struct disk_file *image, const struct disk_file *file)
{
    uint64_t way = draw(4);
    for (size_t i = 0; i < file->count; i++) {
        const struct lost_write *write = &file->writes[i];
        for (size_t at = 0; at < write->length; at += SECTOR) {
            size_t length = write->length - at < SECTOR ? write->length - at : SECTOR;
            bool torn = way == 3 && draw(2) == 0;
            bool arrived = way == 1 || (way == 2 && draw(2) == 0) || torn;
            if (way == 2 && arrived) {
                put_bytes(image, write->offset, write->bytes, write->length);
                break;
            }
            if (way == 2)
                break;
            if (arrived)
                put_bytes(image, write->offset + (off_t)at, write->bytes + at, length);
        }
    }
}

/* Called with the lock held. */
static void make_image(const char *directory)
{
    char link[2 * PATH_SIZE], target[64];
    for (unsigned i = 0; i < disk.count; i++) {
        const struct disk_file *file = &disk.files[i];
        struct disk_file image = {0};
        if (file->path[0] == '\0' || (file->size == 0 && file->count == 0))
            continue;
        put_bytes(&image, 0, file->bytes, file->size);
        spoil(&image, file);
        make_file(directory, file->path, image.bytes, image.size);
        free(image.bytes);
    }
    snprintf(link, sizeof link, "%s/state/current", disk.root);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length > 0) {
        target[length] = '\0';
        snprintf(link, sizeof link, "%s/state/current", directory);
        (void)!symlink(target, link);
    }
}

/* In a child. Returns 0 when everything is there, 1 when it is there after a rebuild of the tables, 2 otherwise. */
static int start_again(const char *directory, uint64_t acknowledged_seq)
{
    struct test_cluster cluster = {0};
    struct aq_error error = {0};
    struct aq_buffer report = {0};
    struct state_txn *txn;
    started_anew = true;
    snprintf(cluster.directory, sizeof cluster.directory, "%s", directory);
    aq_journal_open("lostwrites", AQ_ERROR);
    aq_record_init(&aq_config_controller_record, &cluster.config, &cluster.arena);
    cluster.config.data = cluster.directory;
    char before[64] = "", after[64] = "", link[PATH_SIZE];
    snprintf(link, sizeof link, "%s/state/current", directory);
    (void)!readlink(link, before, sizeof before - 1);
    test_cluster_open(&cluster, false);
    (void)!readlink(link, after, sizeof after - 1);
    test_cluster_start(&cluster);
    if (state_read(cluster.state, &txn, &error) != 0)
        return 2;
    uint64_t seq = state_seq(txn);
    state_end(txn);
    if (seq < acknowledged_seq) {
        printf("# seq %" PRIu64 " was acknowledged, but the log ends at %" PRIu64 "\n", acknowledged_seq, seq);
        return 2;
    }
    if (replay_verify(cluster.store, cluster.state, cluster.directory, 256 << 20, &report, &error) != 0) {
        printf("# %s\n", error.message);
        return 2;
    }
    return strcmp(before, after) != 0;
}

/* Called with the lock held, in the thread that syncs. It reads first what was acknowledged, which is thus synced. */
static void stop_machine(void)
{
    char directory[] = "/tmp/aq-lost.XXXXXX";
    uint64_t seq = atomic_load(&acknowledged);
    int status = 0;
    if (stops >= STOPS || mkdtemp(directory) == NULL)
        return;
    stops++;
    make_image(directory);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        disk.root[0] = '\0';
        pthread_mutex_init(&disk.lock, NULL);
        alarm(60);
        int outcome = start_again(directory, seq);
        fflush(stdout);
        _exit(outcome);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
    rebuilt += good && WEXITSTATUS(status) == 1;
    if (!good) {
        stops_failed++;
        printf("# stop %u at sync %u: %s %d\n", stops, disk.syncs, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    test_remove_tree(directory);
}

/* ---- the load ------------------------------------------------------------------------------------------------------
 */

static void work(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    char id[65];
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(cluster, "mac");
    for (unsigned i = 1; i <= 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i);
        test_make_node(cluster, name, 64);
    }
    for (unsigned i = 0; i < COMMANDS_MAX && stops < STOPS; i++) {
        struct aq_application_create create = {.label = "mac", .metadata = "{}"};
        struct aq_application_deallocate back = {.id = 1 + draw(i / 2 + 1)};
        uint64_t seq = draw(4) > 0 ? test_ask(cluster, &aq_command_application_create, &create, "admin", id, &error)
                                   : test_ask(cluster, &aq_command_application_deallocate, &back, "admin", id, &error);
        if (seq > atomic_load(&acknowledged))
            atomic_store(&acknowledged, seq);
    }
}

int main(int argc, char **argv)
{
    struct test_cluster cluster;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    if (argc < 2 && getrandom(&seed, 4, 0) != 4)
        return 2;
    printf("# seed %" PRIu64 "\n", seed);
    draw_from(seed);
    if (sodium_init() < 0)
        return 2;
    cluster = (struct test_cluster){.directory = "/tmp/aq-lost.XXXXXX"};
    if (mkdtemp(cluster.directory) == NULL)
        return 2;
    snprintf(disk.root, sizeof disk.root, "%s", cluster.directory);
    disk.stop_after = 30; /* the new log exists by then */
    aq_journal_open("lostwrites", AQ_ERROR);
    aq_record_init(&aq_config_controller_record, &cluster.config, &cluster.arena);
    cluster.config.data = cluster.directory;
    test_cluster_open(&cluster, false);
    test_cluster_start(&cluster);
    work(&cluster);
    test_cluster_close(&cluster);
    disk.root[0] = '\0';
    printf("%s the machine stopped %u times: %u times something acknowledged was lost, or the start failed\n",
           stops_failed == 0 && stops > 0 ? "ok" : "not ok", stops, stops_failed);
    printf("%s the tables were rebuilt %u times\n", rebuilt > 0 ? "ok" : "not ok", rebuilt);
    aq_arena_free(&cluster.arena);
    test_remove_tree(cluster.directory);
    return stops_failed == 0 && stops > 0 && rebuilt > 0 ? 0 : 1;
}
