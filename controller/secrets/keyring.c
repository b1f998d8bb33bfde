#include "controller/secrets/keyring.h"

#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Holds the name of the spare key; without it, that is a key of which the log knows nothing. */
#define SPARE_FILE ".spare"

enum { NAME_BYTES = 16, FILE_SIZE_MAX = 256, UNUSED_MAX = 16 };

static const char heading[] = "aquarium-epoch-key 1\n";

struct held {
    char name[KEYRING_NAME_SIZE];
    unsigned char key[AQ_SECRET_KEY_SIZE];
};

struct keyring {
    int directory; /* -1: in memory only */
    pthread_mutex_t lock;
    size_t count;
    struct held keys[KEYRING_KEYS_MAX];
    char spare[KEYRING_NAME_SIZE], left[KEYRING_NAME_SIZE]; /* "": none */
    char unused[UNUSED_MAX][KEYRING_NAME_SIZE];
    size_t n_unused;
};

/* The name tells nothing of the key, and a file that was exchanged for another is noticed. */
static void name_key(const unsigned char key[AQ_SECRET_KEY_SIZE], char name[KEYRING_NAME_SIZE])
{
    static const unsigned char purpose[] = "aquarium epoch name";
    unsigned char hash[NAME_BYTES];
    crypto_generichash(hash, sizeof hash, purpose, sizeof purpose, key, AQ_SECRET_KEY_SIZE);
    sodium_bin2hex(name, KEYRING_NAME_SIZE, hash, sizeof hash);
}

static struct held *find(struct keyring *keyring, const char *name)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (strcmp(keyring->keys[i].name, name) == 0)
            return &keyring->keys[i];
    return NULL;
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static bool read_key(int directory, struct held *held)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    char name[KEYRING_NAME_SIZE];
    size_t length = 0;
    const size_t head = sizeof heading - 1;
    bool good =
        aq_file_read(directory, held->name, FILE_SIZE_MAX, &text, &ignored) == 0 && text.length > head &&
        memcmp(text.data, heading, head) == 0 &&
        sodium_hex2bin(held->key, sizeof held->key, text.data + head, text.length - head, "\n", &length, NULL) == 0 &&
        length == sizeof held->key;
    if (text.data != NULL)
        sodium_memzero(text.data, text.capacity);
    if (good)
        name_key(held->key, name);
    return good && strcmp(name, held->name) == 0;
}

static int write_key(int directory, const struct held *held, struct aq_error *error)
{
    char text[sizeof heading + 2 * AQ_SECRET_KEY_SIZE + 1];
    const size_t head = sizeof heading - 1;
    memcpy(text, heading, head);
    sodium_bin2hex(text + head, sizeof text - head, held->key, sizeof held->key);
    text[sizeof text - 2] = '\n';
    int failed = aq_file_replace(directory, held->name, 0600, text, sizeof text - 1, error);
    sodium_memzero(text, sizeof text);
    return failed;
}

/* Opening another kind of file may wait for ever, or lead elsewhere. */
static bool is_regular(int directory, const char *name)
{
    struct stat status;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

static bool load_key(void *context, int directory, const char *name, unsigned char type)
{
    struct keyring *keyring = context;
    struct held held = {.name = ""};
    (void)type;
    if (name[0] == '.' || strlen(name) >= sizeof held.name || keyring->count == KEYRING_KEYS_MAX)
        return true;
    memcpy(held.name, name, strlen(name) + 1);
    if (is_regular(directory, name) && read_key(directory, &held))
        keyring->keys[keyring->count++] = held;
    else
        aq_journal(AQ_ERROR, "a file of the keyring holds no key, or that of another epoch", "file", name, NULL);
    sodium_memzero(&held, sizeof held);
    return true;
}

static void read_left_spare(struct keyring *keyring)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    if (is_regular(keyring->directory, SPARE_FILE) &&
        aq_file_read(keyring->directory, SPARE_FILE, FILE_SIZE_MAX, &text, &ignored) == 0 &&
        find(keyring, aq_buffer_string(&text)) != NULL)
        snprintf(keyring->left, sizeof keyring->left, "%s", aq_buffer_string(&text));
}

/* It is made if it is missing. Whoever else could write there would choose the keys of new secrets. */
static int open_directory(struct keyring *keyring, int above, struct aq_error *error)
{
    struct stat status;
    keyring->directory = aq_directory_open(above, KEYRING_DIRECTORY, error);
    if (keyring->directory < 0)
        return -1;
    if (fstat(keyring->directory, &status) != 0)
        return aq_fail_errno(error, errno, "directory " KEYRING_DIRECTORY);
    if (status.st_uid != geteuid())
        return aq_fail(error, AQ_E_FORBIDDEN, "it belongs to user %u, but must belong to user %u, as whom this runs",
                       (unsigned)status.st_uid, (unsigned)geteuid());
    if (status.st_mode & 077)
        return aq_fail(error, AQ_E_FORBIDDEN, "it has mode %03o, but nobody else may use it: chmod 700",
                       (unsigned)(status.st_mode & 0777));
    return aq_directory_sync(above, ".", error);
}

int keyring_open(struct keyring **out, const char *data, struct aq_error *error)
{
    struct keyring *keyring = aq_calloc(1, sizeof *keyring);
    keyring->directory = -1;
    pthread_mutex_init(&keyring->lock, NULL);
    AQ_CLEANUP_FD int above = data != NULL ? open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int failed = 0;
    if (data != NULL && above < 0)
        failed = aq_fail_errno(error, errno, "directory %s", data);
    else if (data != NULL)
        failed = open_directory(keyring, above, error) != 0 ||
                         aq_directory_list(keyring->directory, load_key, keyring, error) != 0
                     ? aq_error_context(error, "%s/" KEYRING_DIRECTORY, data)
                     : 0;
    if (failed != 0) {
        keyring_close(keyring);
        return -1;
    }
    if (data != NULL)
        read_left_spare(keyring);
    *out = keyring;
    return 0;
}

void keyring_close(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    if (keyring->directory >= 0)
        close(keyring->directory);
    pthread_mutex_destroy(&keyring->lock);
    sodium_memzero(keyring, sizeof *keyring);
    free(keyring);
}

/* ---- keys ----------------------------------------------------------------------------------------------- */

/* Without the lock while it waits for the disk: others look for keys. */
static int hold(struct keyring *keyring, const struct held *held, struct aq_error *error)
{
    if (keyring->directory >= 0 && write_key(keyring->directory, held, error) != 0)
        return -1;
    pthread_mutex_lock(&keyring->lock);
    const bool fits = keyring->count < KEYRING_KEYS_MAX;
    if (fits)
        keyring->keys[keyring->count++] = *held;
    pthread_mutex_unlock(&keyring->lock);
    if (fits)
        return 0;
    if (keyring->directory >= 0)
        unlinkat(keyring->directory, held->name, 0);
    return aq_fail(error, AQ_E_LIMIT, "the keyring has %d keys already", KEYRING_KEYS_MAX);
}

int keyring_make(struct keyring *keyring, char name[KEYRING_NAME_SIZE], struct aq_error *error)
{
    struct held held;
    randombytes_buf(held.key, sizeof held.key);
    name_key(held.key, held.name);
    int failed = hold(keyring, &held, error);
    if (failed == 0)
        memcpy(name, held.name, sizeof held.name);
    sodium_memzero(&held, sizeof held);
    return failed == 0 ? 0 : aq_error_context(error, "the key of a new epoch cannot be kept");
}

int keyring_add(struct keyring *keyring, const unsigned char key[AQ_SECRET_KEY_SIZE], bool *is_new,
                struct aq_error *error)
{
    struct held held;
    memcpy(held.key, key, sizeof held.key);
    name_key(held.key, held.name);
    pthread_mutex_lock(&keyring->lock);
    *is_new = find(keyring, held.name) == NULL;
    pthread_mutex_unlock(&keyring->lock);
    int failed = *is_new ? hold(keyring, &held, error) : 0;
    sodium_memzero(&held, sizeof held);
    return failed;
}

bool keyring_find(struct keyring *keyring, const char *name, unsigned char key[AQ_SECRET_KEY_SIZE])
{
    pthread_mutex_lock(&keyring->lock);
    const struct held *held = find(keyring, name);
    if (held != NULL)
        memcpy(key, held->key, AQ_SECRET_KEY_SIZE);
    pthread_mutex_unlock(&keyring->lock);
    return held != NULL;
}

/* Overwritten first: that helps where a file system writes in place. */
static int delete_file(int directory, const char *name, struct aq_error *error)
{
    static const char zeros[sizeof heading + 2 * AQ_SECRET_KEY_SIZE];
    AQ_CLEANUP_FD int file = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file >= 0 && (aq_file_write_all(file, zeros, sizeof zeros) != 0 || fsync(file) != 0))
        return aq_fail_errno(error, errno, "file %s of the keyring", name);
    if (unlinkat(directory, name, 0) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "file %s of the keyring", name);
    return aq_directory_sync(directory, ".", error);
}

int keyring_delete(struct keyring *keyring, const char *name, struct aq_error *error)
{
    pthread_mutex_lock(&keyring->lock);
    const bool is_file = find(keyring, name) != NULL && keyring->directory >= 0;
    pthread_mutex_unlock(&keyring->lock);
    int failed = is_file ? delete_file(keyring->directory, name, error) : 0;
    pthread_mutex_lock(&keyring->lock);
    struct held *held = find(keyring, name);
    if (held != NULL && failed == 0) {
        struct held *last = &keyring->keys[--keyring->count];
        *held = *last;
        sodium_memzero(last, sizeof *last);
    }
    pthread_mutex_unlock(&keyring->lock);
    return failed;
}

/* The spare key is as if it came last. With the lock. */
static const struct held *other_than_spare(const struct keyring *keyring, size_t i)
{
    for (size_t k = 0; k < keyring->count; k++)
        if (strcmp(keyring->keys[k].name, keyring->spare) != 0 && i-- == 0)
            return &keyring->keys[k];
    return NULL;
}

bool keyring_name(struct keyring *keyring, size_t i, char name[KEYRING_NAME_SIZE])
{
    pthread_mutex_lock(&keyring->lock);
    const struct held *held = other_than_spare(keyring, i);
    if (held != NULL)
        memcpy(name, held->name, KEYRING_NAME_SIZE);
    pthread_mutex_unlock(&keyring->lock);
    return held != NULL;
}

/* ---- the spare key -------------------------------------------------------------------------------------- */

/* Gives the name away. With the lock. */
static bool take_name(char from[KEYRING_NAME_SIZE], char name[KEYRING_NAME_SIZE])
{
    const bool there = from[0] != '\0';
    if (there)
        memcpy(name, from, KEYRING_NAME_SIZE);
    from[0] = '\0';
    return there;
}

bool keyring_has_spare(struct keyring *keyring)
{
    pthread_mutex_lock(&keyring->lock);
    const bool has = keyring->spare[0] != '\0';
    pthread_mutex_unlock(&keyring->lock);
    return has;
}

int keyring_make_spare(struct keyring *keyring, struct aq_error *error)
{
    char name[KEYRING_NAME_SIZE];
    struct aq_error ignored;
    if (keyring_make(keyring, name, error) != 0)
        return -1;
    if (keyring->directory >= 0 &&
        aq_file_replace_unsynced(keyring->directory, SPARE_FILE, 0600, name, strlen(name), &ignored) != 0)
        aq_journal(AQ_WARN, "the spare key will not be used after the next start", "error", ignored.message, NULL);
    pthread_mutex_lock(&keyring->lock);
    memcpy(keyring->spare, name, sizeof keyring->spare);
    pthread_mutex_unlock(&keyring->lock);
    return 0;
}

bool keyring_take_spare(struct keyring *keyring, char name[KEYRING_NAME_SIZE])
{
    pthread_mutex_lock(&keyring->lock);
    const bool there = take_name(keyring->spare, name);
    pthread_mutex_unlock(&keyring->lock);
    return there;
}

bool keyring_left_spare(struct keyring *keyring, char name[KEYRING_NAME_SIZE])
{
    pthread_mutex_lock(&keyring->lock);
    const bool there = take_name(keyring->left, name);
    pthread_mutex_unlock(&keyring->lock);
    return there;
}

void keyring_give_back(struct keyring *keyring, const char *name)
{
    pthread_mutex_lock(&keyring->lock);
    const struct held *held = find(keyring, name);
    if (held != NULL && keyring->spare[0] == '\0')
        memcpy(keyring->spare, held->name, sizeof keyring->spare);
    else if (held != NULL && strcmp(held->name, keyring->spare) != 0 && keyring->n_unused < UNUSED_MAX)
        memcpy(keyring->unused[keyring->n_unused++], held->name, KEYRING_NAME_SIZE);
    pthread_mutex_unlock(&keyring->lock);
}

bool keyring_next_unused(struct keyring *keyring, char name[KEYRING_NAME_SIZE])
{
    pthread_mutex_lock(&keyring->lock);
    const bool there = keyring->n_unused > 0;
    if (there)
        memcpy(name, keyring->unused[--keyring->n_unused], KEYRING_NAME_SIZE);
    pthread_mutex_unlock(&keyring->lock);
    return there;
}
