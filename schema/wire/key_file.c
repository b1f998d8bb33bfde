#include "schema/wire/key_file.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void aq_noise_key_to_text(const unsigned char key[AQ_NOISE_KEY_SIZE], char text[AQ_NOISE_TEXT_SIZE])
{
    sodium_bin2hex(text, AQ_NOISE_TEXT_SIZE, key, AQ_NOISE_KEY_SIZE);
}

bool aq_noise_key_from_text(unsigned char key[AQ_NOISE_KEY_SIZE], const char *text)
{
    size_t used = 0;
    return strlen(text) == AQ_NOISE_TEXT_SIZE - 1 &&
           sodium_hex2bin(key, AQ_NOISE_KEY_SIZE, text, AQ_NOISE_TEXT_SIZE - 1, NULL, &used, NULL) == 0 &&
           used == AQ_NOISE_KEY_SIZE;
}

int aq_key_file_load(struct aq_noise_pair *pair, int at, const char *path, struct aq_error *error)
{
    char text[AQ_NOISE_TEXT_SIZE + 1];
    struct stat status;
    AQ_CLEANUP_FD int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot open key file %s", path);
    ssize_t got = fstat(fd, &status) == 0 ? read(fd, text, sizeof text) : -1;
    if (got < 0)
        return aq_fail_errno(error, errno, "cannot read key file %s", path);
    if (status.st_mode & 077)
        return aq_fail(error, AQ_E_FORBIDDEN, "key file %s has mode %03o, but nobody else may read it: chmod 600", path,
                       status.st_mode & 0777);
    bool good = got == AQ_NOISE_TEXT_SIZE && text[got - 1] == '\n';
    text[AQ_NOISE_TEXT_SIZE - 1] = '\0';
    good = good && aq_noise_key_from_text(pair->secret, text);
    sodium_memzero(text, sizeof text);
    if (!good)
        return aq_fail(error, AQ_E_INVALID, "key file %s must hold %d hexadecimal digits and a newline", path,
                       AQ_NOISE_TEXT_SIZE - 1);
    crypto_scalarmult_curve25519_base(pair->public, pair->secret);
    return 0;
}

int aq_key_file_make(struct aq_noise_pair *pair, int at, const char *path, struct aq_error *error)
{
    char text[AQ_NOISE_TEXT_SIZE];
    if (faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return aq_key_file_load(pair, at, path, error);
    aq_noise_pair_make(pair);
    aq_noise_key_to_text(pair->secret, text);
    text[AQ_NOISE_TEXT_SIZE - 1] = '\n';
    int failed = aq_file_replace(at, path, 0600, text, sizeof text, error);
    sodium_memzero(text, sizeof text);
    return failed == 0 ? 0 : aq_error_context(error, "making a key file");
}
