#include "tests/lib/identities.h"

#include "agent/identity.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/wire/body.h"
#include "schema/wire/key_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- keys --------------------------------------------------------------------------------------------- */

void test_node_pair(struct aq_noise_pair *pair, const char *name)
{
    crypto_generichash(pair->secret, sizeof pair->secret, (const unsigned char *)name, strlen(name), NULL, 0);
    crypto_scalarmult_curve25519_base(pair->public, pair->secret);
}

static void must(int status, const struct aq_error *error)
{
    if (status == 0)
        return;
    fprintf(stderr, "%s\n", error->message);
    abort();
}

void test_write_identity(const char *data, const char *name, const unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    char fingerprint[AQ_FINGERPRINT_SIZE];
    aq_fingerprint_make("", 0, fingerprint);
    test_write_identity_in(data, name, fingerprint, hub);
}

void test_write_identity_in(const char *data, const char *name, const char *fingerprint,
                            const unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    struct aq_error error = {0};
    struct identity identity = {0};
    struct aq_noise_pair pair;
    char path[160], key[AQ_NOISE_TEXT_SIZE];
    snprintf(path, sizeof path, "%s/%s", data, name);
    must(aq_directory_make_path(path, 0700, 0700, &error), &error);
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    test_node_pair(&pair, name);
    aq_noise_key_to_text(pair.secret, key);
    key[AQ_NOISE_TEXT_SIZE - 1] = '\n';
    must(aq_file_replace(root, IDENTITY_KEY, 0600, key, sizeof key, &error), &error);
    must(identity_set_cluster(&identity, root, fingerprint, hub, &error), &error);
    close(root);
}

/* ---- an agent's end ----------------------------------------------------------------------------------- */

void test_end_begin(struct test_end *end, struct aq_buffer *out)
{
    static uint64_t last;
    const uint64_t clock = aq_clock_wall_ms() * 1000;
    last = clock > last ? clock : last + 1; /* another program may have begun sessions with this key */
    aq_buffer_reset(out);
    if (!aq_sealed_begin(&end->noise, &end->opening, &end->identity, last, out))
        abort();
}

bool test_end_take(struct test_end *end, const void *frame, size_t length)
{
    struct aq_frame begun;
    return aq_frame_read(&begun, frame, length) && begun.kind == AQ_FRAME_BEGUN &&
           aq_sealed_take_begun(&end->noise, &begun, &end->session);
}

void test_end_seal(struct test_end *end, enum aq_message_type type, const void *message, struct aq_buffer *out)
{
    aq_buffer_reset(&end->body);
    aq_body_pack(type, message, &end->body);
    end->asked = aq_sealed_seal(&end->session, NULL, end->body.data, end->body.length, out);
}

bool test_end_open(struct test_end *end, uint64_t asked, const void *frame, size_t length, enum aq_message_type *type,
                   void **message, struct aq_arena *arena)
{
    struct aq_frame answer;
    struct aq_error ignored;
    return aq_frame_read(&answer, frame, length) && answer.kind == AQ_FRAME_SEALED &&
           answer.session == end->session.number &&
           aq_sealed_open(&end->session, &answer, &asked, &end->body) == AQ_OPENED &&
           aq_body_unpack(end->body.data, end->body.length, type, message, arena, &ignored) == 0;
}

void test_end_free(struct test_end *end)
{
    aq_buffer_free(&end->body);
}
