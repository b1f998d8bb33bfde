/* Messages of agents and of the file view. Input: a byte; after 's', the plaintext of a message, which is sealed with
 * the key before it is opened; after another byte, a message.
 *
 * A message that was not sealed does not open; one that opens can be sealed and opened again. */
#include "schema/wire/seal.h"
#include "tests/lib/fuzz.h"

#include <sodium.h>

static const struct aq_wire_key key = {{7}};

static void check_round(enum aq_message_type type, const void *message)
{
    struct aq_arena arena = {0};
    struct aq_buffer sealed = {0};
    struct aq_error error = {0};
    enum aq_message_type back_type;
    void *back;
    aq_wire_seal(&key, type, message, &sealed);
    if (aq_wire_open(&key, sealed.data, sealed.length, &back_type, &back, &arena, &error) == 0)
        fuzz_must(back_type == type && fuzz_equal(aq_message_record(type), message, back));
    else
        fuzz_must(error.code == AQ_E_INVALID); /* a preset may be out of the bounds of a field */
    aq_buffer_free(&sealed);
    aq_arena_free(&arena);
}

static void open_message(const void *bytes, size_t length, bool ours)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    enum aq_message_type type = AQ_MSG_NONE;
    void *message = NULL;
    int status = aq_wire_open(&key, bytes, length, &type, &message, &arena, &error);
    fuzz_check_error(status, &error);
    fuzz_must(ours || status != 0);
    if (status == 0)
        check_round(type, message);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char nonce[crypto_secretbox_NONCEBYTES];
    struct fuzz_input in = {data, size};
    if (sodium_init() < 0 || size == 0)
        return -1;
    bool seal = fuzz_take(&in, 1) == 's';
    size_t length = in.size + (seal ? sizeof nonce + crypto_secretbox_MACBYTES : 0);
    unsigned char *bytes = aq_malloc(length);
    if (seal) {
        memcpy(bytes, nonce, sizeof nonce);
        crypto_secretbox_easy(bytes + sizeof nonce, in.data, in.size, nonce, key.bytes);
    } else if (length > 0) {
        memcpy(bytes, in.data, length);
    }
    open_message(bytes, length, seal);
    free(bytes);
    return 0;
}
