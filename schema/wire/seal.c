#include "schema/wire/seal.h"

#include "schema/base/files.h"
#include "schema/codec/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- keys --------------------------------------------------------------------------------------------- */

int aq_wire_key_load(struct aq_wire_key *key, const char *path, struct aq_error *error)
{
    char text[AQ_WIRE_KEY_SIZE * 2 + 2];
    struct stat status;
    AQ_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot open key file %s", path);
    ssize_t got = fstat(fd, &status) == 0 ? read(fd, text, sizeof text) : -1;
    if (got < 0)
        return aq_fail_errno(error, errno, "cannot read key file %s", path);
    if (status.st_mode & 077)
        return aq_fail(error, AQ_E_FORBIDDEN, "key file %s has mode %03o, but nobody else may read it: chmod 600", path,
                       status.st_mode & 0777);
    size_t length = (size_t)got, used = 0;
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length != AQ_WIRE_KEY_SIZE * 2 ||
        sodium_hex2bin(key->bytes, sizeof key->bytes, text, length, NULL, &used, NULL) != 0 ||
        used != sizeof key->bytes)
        return aq_fail(error, AQ_E_INVALID, "key file %s must hold %d hexadecimal digits", path, AQ_WIRE_KEY_SIZE * 2);
    return 0;
}

int aq_wire_key_make(struct aq_wire_key *key, const char *path, struct aq_error *error)
{
    if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return aq_wire_key_load(key, path, error);
    char text[AQ_WIRE_KEY_SIZE * 2 + 1];
    randombytes_buf(key->bytes, sizeof key->bytes);
    sodium_bin2hex(text, sizeof text, key->bytes, sizeof key->bytes);
    text[sizeof text - 1] = '\n';
    if (aq_file_replace(AT_FDCWD, path, 0600, text, sizeof text, error) != 0)
        return aq_error_context(error, "making a key file");
    return 0;
}

/* ---- sealing ------------------------------------------------------------------------------------------ */

void aq_wire_seal(const struct aq_wire_key *key, enum aq_message_type type, const void *message, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer plain = {0};
    aq_buffer_char(&plain, AQ_WIRE_FORMAT);
    aq_buffer_char(&plain, (char)type);
    aq_record_pack_briefly(aq_message_record(type), message, &plain);

    aq_buffer_reset(out);
    aq_buffer_room(out, crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.length);
    unsigned char *nonce = (unsigned char *)out->data, *sealed = nonce + crypto_secretbox_NONCEBYTES;
    randombytes_buf(nonce, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed, (const unsigned char *)plain.data, plain.length, nonce, key->bytes);
    aq_buffer_put(out, (char *)sealed + crypto_secretbox_MACBYTES + plain.length);
}

int aq_wire_open(const struct aq_wire_key *key, const void *data, size_t length, enum aq_message_type *type,
                 void **message, struct aq_arena *arena, struct aq_error *error)
{
    const size_t head = crypto_secretbox_NONCEBYTES, tail = crypto_secretbox_MACBYTES;
    if (length < head + tail + 2 || length > AQ_WIRE_MESSAGE_MAX)
        return aq_fail(error, AQ_E_INVALID, "message has %zu bytes, but must have %zu to %d", length, head + tail + 2,
                       AQ_WIRE_MESSAGE_MAX);
    const unsigned char *bytes = data;
    size_t plain_length = length - head - tail;
    unsigned char *plain = aq_arena_alloc(arena, plain_length);
    if (crypto_secretbox_open_easy(plain, bytes + head, length - head, bytes, key->bytes) != 0)
        return aq_fail(error, AQ_E_UNAUTHENTICATED, "message of %zu bytes was not sealed with our key", length);
    if (plain[0] != AQ_WIRE_FORMAT)
        return aq_fail(error, AQ_E_INVALID, "message has format %u; only format %d is supported", plain[0],
                       AQ_WIRE_FORMAT);
    if (plain[1] == AQ_MSG_NONE || plain[1] >= aq_message_type_count)
        return aq_fail(error, AQ_E_INVALID, "message has unknown type %u", plain[1]);
    *type = (enum aq_message_type)plain[1];
    *message = aq_arena_alloc(arena, aq_message_record(*type)->size);
    return aq_record_unpack(aq_message_record(*type), *message, plain + 2, plain_length - 2, true, arena, error);
}
