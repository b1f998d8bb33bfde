#include "controller/setup.h"

#include "controller/auth/tokens.h"
#include "controller/settings/settings.h"
#include "schema/base/journal.h"
#include "schema/model/user.h"
#include "schema/wire/messages.h"
#include "schema/wire/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 1200, LEADER_WAIT_MS = 30000, LOCK_TRIES = 40, LOCK_PAUSE_US = 50000 };

/* `path` with all that leads to it. */
static int make_directories(const char *path, struct aq_error *error)
{
    char part[PATH_SIZE];
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, path[i] == '\0' ? 0700 : 0755) != 0 && errno != EEXIST)
            return aq_fail_errno(error, errno, "cannot make directory %s", part);
    }
    return 0;
}

static int make_key(const char *directory, const char *name, struct aq_error *error)
{
    char path[PATH_SIZE];
    struct aq_wire_key key;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return aq_wire_key_make(&key, path, error);
}

int setup_check(const char *path, struct aq_error *error)
{
    if (path[0] != '/' || strlen(path) > PATH_SIZE - 64)
        return aq_fail(error, AQ_E_INVALID, "data is \"%.100s\", but must be an absolute path of at most %d bytes",
                       path, PATH_SIZE - 64);
    return 0;
}

int setup_lock(const char *path, int *lock, struct aq_error *error)
{
    char file[PATH_SIZE];
    snprintf(file, sizeof file, "%s/lock", path);
    *lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0 && errno == EROFS) /* as disks become that fail: a log can be salvaged from it */
        *lock = open(file, O_RDONLY | O_CLOEXEC);
    if (*lock < 0)
        return aq_fail_errno(error, errno, "cannot open %s", file);
    /* One that was killed a moment ago may still be on its way out. */
    int failed = -1;
    for (int i = 0; i < LOCK_TRIES && failed != 0; i++) {
        if (i > 0)
            usleep(LOCK_PAUSE_US);
        failed = flock(*lock, LOCK_EX | LOCK_NB);
    }
    if (failed != 0)
        return aq_fail(error, AQ_E_EXISTS, "another controller works in %s", path);
    return 0;
}

int setup_directory(const char *path, int *lock, struct aq_error *error)
{
    char file[PATH_SIZE];
    if (make_directories(path, error) != 0)
        return -1;
    snprintf(file, sizeof file, "%s/run", path);
    if (mkdir(file, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", file);
    if (setup_lock(path, lock, error) != 0)
        return -1;
    if (make_key(path, AQ_FILE_AGENT_KEY, error) != 0)
        return -1;
    return make_key(path, AQ_FILE_LOCAL_KEY, error);
}

/* ---- admin -------------------------------------------------------------------------------------------- */

static int write_token(const char *directory, const char *token, struct aq_error *error)
{
    char path[PATH_SIZE], next[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" AQ_FILE_TOKEN, directory);
    snprintf(next, sizeof next, "%s/" AQ_FILE_TOKEN ".next", directory);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot make %s", next);
    size_t length = strlen(token);
    bool written = write(fd, token, length) == (ssize_t)length && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    int number = errno;
    close(fd);
    if (!written || rename(next, path) != 0)
        return aq_fail_errno(error, written ? errno : number, "cannot write %s", path);
    return 0;
}

static int has_admin(struct state *state, bool *found, struct aq_error *error)
{
    struct state_txn *txn;
    struct aq_arena arena = {0};
    struct aq_user user;
    if (state_read(state, &txn, error) != 0)
        return -1;
    *found = state_user(txn, "admin", &user, &arena);
    int status = state_failed(txn, error) ? -1 : 0;
    state_end(txn);
    aq_arena_free(&arena);
    return status;
}

static void created(struct writer_request *request)
{
    sem_post(request->context);
}

static int create_admin(struct writer *writer, const char *hash, struct aq_error *error)
{
    struct aq_user_create record = {.name = "admin", .role = AQ_ROLE_ADMIN, .hash = hash};
    const void *records[] = {&record};
    sem_t done;
    sem_init(&done, 0, 0);
    struct writer_request request = {.command = &aq_command_user_create,
                                     .records = records,
                                     .count = 1,
                                     .author = "aquarium",
                                     .role = AQ_ROLE_ADMIN,
                                     .done = created,
                                     .context = &done};
    int status = writer_submit(writer, &request, error);
    if (status == 0) {
        while (sem_wait(&done) != 0 && errno == EINTR)
            ;
        if (request.error.code != AQ_OK) {
            *error = request.error;
            status = -1;
        }
    }
    sem_destroy(&done);
    return status;
}

static int wait_for_leader(const struct writer *writer, struct aq_error *error)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int waited_ms = 0; !writer_is_leader(writer); waited_ms++) {
        if (waited_ms == LEADER_WAIT_MS)
            return aq_fail(error, AQ_E_NO_LEADER, "no leader stands after %d s", LEADER_WAIT_MS / 1000);
        nanosleep(&pause, NULL);
    }
    return 0;
}

int setup_admin(struct writer *writer, struct state *state, const char *directory, struct aq_error *error)
{
    char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
    bool found;
    if (wait_for_leader(writer, error) != 0 || has_admin(state, &found, error) != 0)
        return -1;
    if (found)
        return 0;
    token_make(token);
    /* The file first: a token that is in no file would be lost if the process ended in between. */
    if (token_hash(token, hash, error) != 0 || write_token(directory, token, error) != 0 ||
        create_admin(writer, hash, error) != 0)
        return aq_error_context(error, "making the user admin");
    fprintf(stderr,
            "\nThe user admin was made. Its token, kept in %s/" AQ_FILE_TOKEN
            ", and shown only this once:\n\n    %s\n\n",
            directory, token);
    return 0;
}
