#include "schema/wire/joiner.h"

#include "schema/wire/body.h"

#include <sodium.h>
#include <string.h>

void aq_joiner_begin(struct aq_joiner *joiner, const struct aq_join *join, const struct aq_noise_pair *own)
{
    aq_joiner_wipe(joiner);
    joiner->state = AQ_JOINER_ASKS;
    joiner->join = *join;
    joiner->own = *own;
}

void aq_joiner_wipe(struct aq_joiner *joiner)
{
    if (joiner->enrol.data != NULL)
        sodium_memzero(joiner->enrol.data, joiner->enrol.capacity);
    aq_buffer_free(&joiner->enrol);
    sodium_memzero(joiner, sizeof *joiner);
}

void aq_joiner_lose(struct aq_joiner *joiner)
{
    joiner->asked = 0;
    if (joiner->state == AQ_JOINER_ENROLS)
        joiner->state = AQ_JOINER_ASKS;
    aq_buffer_reset(&joiner->enrol);
    aq_noise_wipe(&joiner->handshake);
    aq_sealed_wipe(&joiner->session);
}

bool aq_joiner_is_due(struct aq_joiner *joiner, uint64_t now_ms)
{
    if (joiner->asked != 0 && now_ms >= joiner->late_ms) {
        aq_joiner_lose(joiner);
        joiner->next_ms = now_ms + AQ_JOINER_AGAIN_MS;
    }
    return joiner->state != AQ_JOINER_IDLE && joiner->asked == 0 && now_ms >= joiner->next_ms;
}

uint64_t aq_joiner_deadline_ms(const struct aq_joiner *joiner)
{
    if (joiner->state == AQ_JOINER_IDLE)
        return UINT64_MAX;
    return joiner->asked != 0 ? joiner->late_ms : joiner->next_ms;
}

void aq_joiner_send(struct aq_joiner *joiner, uint32_t number, uint64_t now_ms, struct aq_buffer *out)
{
    aq_buffer_reset(out);
    joiner->asked = number;
    joiner->late_ms = now_ms + AQ_JOINER_LATE_MS;
    joiner->next_ms = now_ms + AQ_JOINER_AGAIN_MS;
    if (joiner->state == AQ_JOINER_ENROLS)
        aq_buffer_add(out, joiner->enrol.data, joiner->enrol.length);
    else
        aq_join_begin(&joiner->handshake, &joiner->own, out);
}

static void ask_again(struct aq_joiner *joiner, uint64_t in_ms, uint64_t now_ms)
{
    aq_joiner_lose(joiner);
    joiner->next_ms = now_ms + in_ms;
}

static bool finish(struct aq_joiner *joiner, unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    memcpy(hub, joiner->handshake.remote, AQ_NOISE_KEY_SIZE);
    aq_joiner_wipe(joiner);
    return true;
}

static bool take_proof(struct aq_joiner *joiner, const struct aq_frame *frame, uint64_t now_ms,
                       unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    const struct aq_enrol enrol = {
        .name = joiner->join.name, .instance = joiner->join.instance, .secret = joiner->join.secret};
    if (aq_join_take_proof(&joiner->handshake, frame, joiner->join.fingerprint, &joiner->refusal) != 0) {
        ask_again(joiner, AQ_JOINER_REFUSED_MS, now_ms);
        return false;
    }
    if (enrol.secret[0] == '\0')
        return finish(joiner, hub);
    joiner->asked = 0;
    joiner->next_ms = now_ms;
    aq_buffer_reset(&joiner->enrol);
    if (aq_join_enrol(&joiner->handshake, frame->session, &enrol, &joiner->session, &joiner->enrol))
        joiner->state = AQ_JOINER_ENROLS;
    else
        ask_again(joiner, AQ_JOINER_REFUSED_MS, now_ms);
    return false;
}

static void take_refusal(struct aq_joiner *joiner, const struct aq_refused *refused, uint64_t now_ms)
{
    const enum aq_error_code code = aq_error_from_name(refused->error);
    (void)aq_fail(&joiner->refusal, code != AQ_OK ? code : AQ_E_INVALID, "%s", refused->message);
    ask_again(joiner, AQ_JOINER_REFUSED_MS, now_ms);
}

/* The answer to ENROL, whose question has the counter 0. */
static bool take_answer(struct aq_joiner *joiner, const struct aq_frame *frame, uint64_t now_ms,
                        unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    const uint64_t question = 0;
    enum aq_message_type type;
    struct aq_error ignored;
    void *message;
    if (frame->session != joiner->session.number ||
        aq_sealed_open(&joiner->session, frame, &question, &body) != AQ_OPENED ||
        aq_body_unpack(body.data, body.length, &type, &message, &arena, &ignored) != 0)
        return false;
    if (type == AQ_MSG_ENROLLED)
        return finish(joiner, hub);
    if (type == AQ_MSG_REFUSED)
        take_refusal(joiner, message, now_ms);
    return false;
}

bool aq_joiner_take(struct aq_joiner *joiner, uint32_t number, const struct aq_frame *frame, uint64_t now_ms,
                    unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    if (joiner->asked == 0 || joiner->asked != number)
        return false;
    if (joiner->state == AQ_JOINER_ASKS && frame->kind == AQ_FRAME_PROOF)
        return take_proof(joiner, frame, now_ms, hub);
    if (joiner->state == AQ_JOINER_ENROLS && frame->kind == AQ_FRAME_SEALED)
        return take_answer(joiner, frame, now_ms, hub);
    if (frame->kind == AQ_FRAME_DENIED || frame->kind == AQ_FRAME_UNKNOWN)
        ask_again(joiner, AQ_JOINER_AGAIN_MS, now_ms);
    return false;
}
