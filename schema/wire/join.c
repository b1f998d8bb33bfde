#include "schema/wire/join.h"

#include "schema/wire/body.h"
#include "schema/wire/signature.h"

#include <sodium.h>

static const char prologue[] = "aquarium join 1"; /* of handshakes */

/* Appends a message of the handshake, whose payload is this one. */
static bool write_message(struct aq_noise *noise, enum aq_message_type type, const void *message, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    aq_body_pack(type, message, &body);
    bool good = aq_noise_write(noise, body.data, body.length, out);
    sodium_memzero(body.data, body.length);
    return good;
}

/* Reads a message of the handshake. NULL: it is none with such a payload. */
static void *read_message(struct aq_noise *noise, const struct aq_frame *frame, enum aq_message_type wanted,
                          struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    enum aq_message_type type;
    struct aq_error ignored;
    void *message = NULL;
    bool good = aq_noise_read(noise, frame->data, frame->length, &body) &&
                aq_body_unpack(body.data, body.length, &type, &message, arena, &ignored) == 0 && type == wanted;
    if (body.data != NULL)
        sodium_memzero(body.data, body.length);
    return good ? message : NULL;
}

/* ---- the agent ---------------------------------------------------------------------------------------- */

void aq_join_begin(struct aq_noise *noise, const struct aq_noise_pair *own, struct aq_buffer *out)
{
    aq_noise_begin(noise, AQ_NOISE_XX, true, own, NULL, prologue, sizeof prologue);
    aq_frame_head(AQ_FRAME_JOIN, out);
    bool good = aq_noise_write(noise, NULL, 0, out);
    aq_assert(good); /* there is no other key in it yet */
}

int aq_join_take_proof(struct aq_noise *noise, const struct aq_frame *frame, const char *fingerprint,
                       struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_proof *proof = read_message(noise, frame, AQ_MSG_PROOF, &arena);
    if (proof == NULL)
        return aq_fail(error, AQ_E_INVALID, "the controller's answer does not fit: is something else at that address?");
    const struct aq_signature_check check = {.fingerprint = fingerprint,
                                             .key = proof->key.data,
                                             .key_length = proof->key.length,
                                             .purpose = AQ_SIGNED_HUB_KEY,
                                             .data = noise->remote,
                                             .length = sizeof noise->remote,
                                             .signature = proof->signature.data,
                                             .signature_length = proof->signature.length};
    return aq_signature_verify(&check, error);
}

bool aq_join_enrol(struct aq_noise *noise, uint64_t number, const struct aq_enrol *enrol, struct aq_sealed *sealed,
                   struct aq_buffer *out)
{
    aq_frame_head_of(AQ_FRAME_ENROL, number, out);
    if (!write_message(noise, AQ_MSG_ENROL, enrol, out))
        return false;
    aq_sealed_use(sealed, noise, number);
    return true;
}

/* ---- the hub ------------------------------------------------------------------------------------------ */

bool aq_join_take(struct aq_noise *noise, const struct aq_noise_pair *own, const struct aq_frame *frame)
{
    AQ_CLEANUP_BUFFER struct aq_buffer payload = {0};
    aq_noise_begin(noise, AQ_NOISE_XX, false, own, NULL, prologue, sizeof prologue);
    return aq_noise_read(noise, frame->data, frame->length, &payload);
}

bool aq_join_prove(struct aq_noise *noise, uint64_t number, const struct aq_proof *proof, struct aq_buffer *out)
{
    aq_frame_head_of(AQ_FRAME_PROOF, number, out);
    return write_message(noise, AQ_MSG_PROOF, proof, out);
}

bool aq_join_take_enrol(struct aq_noise *noise, const struct aq_frame *frame, const struct aq_enrol **enrol,
                        struct aq_sealed *sealed, struct aq_arena *arena)
{
    *enrol = read_message(noise, frame, AQ_MSG_ENROL, arena);
    if (*enrol == NULL)
        return false;
    aq_sealed_use(sealed, noise, frame->session);
    return true;
}
