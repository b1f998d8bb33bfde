#include "controller/secrets/keyring_backup.h"

#include "schema/base/files.h"

#include <sodium.h>
#include <string.h>

/* The file: a heading, so that people know what it is; the salt of the passphrase; a nonce; and the encrypted keys, one
 * after the other. The heading, which says how the key is made of the passphrase, is authenticated with them. */
static const char heading[] = "aquarium-keyring 1 argon2id moderate\n";

enum {
    HEAD = sizeof heading - 1,
    SALT = crypto_pwhash_argon2id_SALTBYTES,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BEGIN = HEAD + SALT + NONCE,
    FILE_MAX = BEGIN + KEYRING_KEYS_MAX * AQ_SECRET_KEY_SIZE + TAG,
};

int keyring_read_passphrase(const char *path, struct aq_buffer *passphrase, struct aq_error *error)
{
    const bool standard = strcmp(path, "-") == 0;
    if (aq_file_read(AT_FDCWD, standard ? "/dev/stdin" : path, KEYRING_PASSPHRASE_MOST + 1, passphrase, error) != 0)
        return aq_error_context(error, "the passphrase");
    passphrase->length = strcspn(aq_buffer_string(passphrase), "\r\n");
    if (passphrase->data != NULL)
        passphrase->data[passphrase->length] = '\0';
    if (passphrase->length >= KEYRING_PASSPHRASE_LEAST && passphrase->length <= KEYRING_PASSPHRASE_MOST)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "the passphrase has %zu bytes, but must have %d to %d", passphrase->length,
                   KEYRING_PASSPHRASE_LEAST, KEYRING_PASSPHRASE_MOST);
}

static int make_key(unsigned char key[AQ_SECRET_KEY_SIZE], const char *passphrase, const unsigned char *salt,
                    struct aq_error *error)
{
    if (crypto_pwhash(key, AQ_SECRET_KEY_SIZE, passphrase, strlen(passphrase), salt,
                      crypto_pwhash_argon2id_OPSLIMIT_MODERATE, crypto_pwhash_argon2id_MEMLIMIT_MODERATE,
                      crypto_pwhash_ALG_ARGON2ID13) == 0)
        return 0;
    return aq_fail(error, AQ_E_NO_SPACE, "there is too little memory to make a key of the passphrase: it takes %zu MiB",
                   (size_t)crypto_pwhash_argon2id_MEMLIMIT_MODERATE >> 20);
}

int keyring_save(struct keyring *keyring, const char *path, const char *passphrase, size_t *count,
                 struct aq_error *error)
{
    unsigned char bytes[FILE_MAX], keys[KEYRING_KEYS_MAX * AQ_SECRET_KEY_SIZE], key[AQ_SECRET_KEY_SIZE];
    char name[KEYRING_NAME_SIZE];
    unsigned long long length;
    *count = 0;
    while (*count < KEYRING_KEYS_MAX && keyring_name(keyring, *count, name) &&
           keyring_find(keyring, name, keys + *count * AQ_SECRET_KEY_SIZE))
        ++*count;
    memcpy(bytes, heading, HEAD);
    randombytes_buf(bytes + HEAD, SALT + NONCE);
    int failed = make_key(key, passphrase, bytes + HEAD, error);
    if (failed == 0)
        crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + BEGIN, &length, keys, *count * AQ_SECRET_KEY_SIZE, bytes,
                                                   BEGIN, NULL, bytes + HEAD + SALT, key);
    sodium_memzero(keys, sizeof keys);
    sodium_memzero(key, sizeof key);
    if (failed != 0)
        return -1;
    AQ_CLEANUP_FD int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return aq_fail_errno(error, errno, "%s", path);
    if (aq_file_write_all(file, bytes, BEGIN + (size_t)length) == 0 && fsync(file) == 0)
        return 0;
    failed = aq_fail_errno(error, errno, "%s", path);
    (void)unlink(path); /* half a backup is none, and would be in the way of the next one */
    return failed;
}

int keyring_load(struct keyring *keyring, const char *path, const char *passphrase, size_t *count, size_t *added,
                 struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    unsigned char keys[KEYRING_KEYS_MAX * AQ_SECRET_KEY_SIZE], key[AQ_SECRET_KEY_SIZE];
    unsigned long long length = 0;
    *count = *added = 0;
    if (aq_file_read(AT_FDCWD, path, FILE_MAX, &text, error) != 0)
        return -1;
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (text.length < BEGIN + TAG || memcmp(bytes, heading, HEAD) != 0)
        return aq_fail(error, AQ_E_CORRUPT, "%s is no backup of a keyring", path);
    if (make_key(key, passphrase, bytes + HEAD, error) != 0)
        return -1;
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(keys, &length, NULL, bytes + BEGIN, text.length - BEGIN,
                                                            bytes, BEGIN, bytes + HEAD + SALT, key) != 0 ||
                         length % AQ_SECRET_KEY_SIZE != 0
                     ? aq_fail(error, AQ_E_FORBIDDEN, "%s: the passphrase is another one, or the file is damaged", path)
                     : 0;
    sodium_memzero(key, sizeof key);
    for (*count = 0; failed == 0 && *count < length / AQ_SECRET_KEY_SIZE; ++*count) {
        bool is_new = false;
        failed = keyring_add(keyring, keys + *count * AQ_SECRET_KEY_SIZE, &is_new, error);
        *added += is_new;
    }
    sodium_memzero(keys, sizeof keys);
    return failed;
}
