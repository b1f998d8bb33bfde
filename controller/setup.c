#include "controller/setup.h"

#include "controller/auth/tokens.h"
#include "controller/settings/settings.h"
#include "schema/base/files.h"
#include "schema/base/stderr.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

#include <errno.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 1200, LEADER_WAIT_MS = 30000 };

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
    *lock = aq_file_lock(AT_FDCWD, file, error);
    for (unsigned ms = 0; *lock < 0 && error->code == AQ_E_EXISTS && ms < AQ_LOCK_PATIENCE_MS; ms += AQ_LOCK_AGAIN_MS) {
        usleep(AQ_LOCK_AGAIN_MS * 1000);
        *lock = aq_file_lock(AT_FDCWD, file, error);
    }
    if (*lock < 0 && error->code == AQ_E_EXISTS)
        return aq_fail(error, AQ_E_EXISTS, "another controller uses %s", path);
    return *lock < 0 ? -1 : 0;
}

int setup_directory(const char *path, int *lock, struct aq_error *error)
{
    if (aq_directory_make_path(path, 0700, 0755, error) != 0)
        return -1;
    return setup_lock(path, lock, error);
}

/* ---- admin -------------------------------------------------------------------------------------------- */

static int write_token(const char *directory, const char *token, struct aq_error *error)
{
    char path[PATH_SIZE], line[TOKEN_SIZE + 1];
    snprintf(path, sizeof path, "%s/" AQ_FILE_TOKEN, directory);
    int length = snprintf(line, sizeof line, "%s\n", token);
    return aq_file_replace(AT_FDCWD, path, 0600, line, (size_t)length, error);
}

static int has_admin(struct state *state, bool *found, struct aq_error *error)
{
    struct state_txn *txn;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_user user;
    if (state_read(state, &txn, error) != 0)
        return -1;
    *found = state_user(txn, "admin", &user, &arena);
    int status = state_failed(txn, error) ? -1 : 0;
    state_end(txn);
    return status;
}

static void admin_created(struct writer_request *request)
{
    sem_post(request->context);
}

static int create_admin(struct writer *writer, const char *hash, struct aq_error *error)
{
    struct aq_user_create record = {.name = "admin", .role = AQ_ROLE_ADMIN, .hash = hash, .project = ""};
    const void *records[] = {&record};
    sem_t done;
    sem_init(&done, 0, 0);
    struct writer_request request = {.command = &aq_command_user_create,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("aquarium"),
                                     .done = admin_created,
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
            return aq_fail(error, AQ_E_NO_LEADER, "there is no leader after %d s", LEADER_WAIT_MS / 1000);
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* Only a person sees the token. Anything but a terminal may be a log, which others read, now or later. */
static void show_token(const char *directory, const char *token)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_buffer_format(&text, "\nThe user admin was created. Its token is stored in %s/" AQ_FILE_TOKEN, directory);
    if (isatty(STDERR_FILENO))
        aq_buffer_format(&text, " and shown only this once:\n\n    %s", token);
    aq_buffer_text(&text, "\n\n");
    (void)aq_stderr_put(text.data, text.length);
    sodium_memzero(text.data, text.length);
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
    /* The file first: if the process ended in between, the token would be lost. */
    token_hash(token, hash);
    if (write_token(directory, token, error) != 0 || create_admin(writer, hash, error) != 0)
        return aq_error_context(error, "creating the user admin");
    show_token(directory, token);
    sodium_memzero(token, sizeof token);
    return 0;
}
