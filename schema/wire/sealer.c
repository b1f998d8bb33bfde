#include "schema/wire/sealer.h"

#include <sodium.h>
#include <string.h>

enum { BUSY_LEAST_MS = 300, BUSY_MORE_MS = 1200, US_IN_MS = 1000 };

void aq_sealer_open(struct aq_sealer *sealer, const struct aq_identity *identity)
{
    *sealer = (struct aq_sealer){.identity = *identity};
}

void aq_sealer_wipe(struct aq_sealer *sealer)
{
    sodium_memzero(sealer, sizeof *sealer);
}

static bool needs_session(const struct aq_sealer *sealer, uint64_t now_ms)
{
    return sealer->identity.knows_hub && (sealer->session.number == 0 || sealer->doubted || now_ms >= sealer->renew_ms);
}

void aq_sealer_set_hub(struct aq_sealer *sealer, const unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    memcpy(sealer->identity.hub, hub, sizeof sealer->identity.hub);
    sealer->identity.knows_hub = true;
    aq_sealer_lose(sealer);
    aq_sealed_wipe(&sealer->session);
    sealer->denied = 0;
    sealer->next_ms = 0;
}

bool aq_sealer_is_due(struct aq_sealer *sealer, uint64_t now_ms)
{
    if (sealer->asked != 0 && now_ms >= sealer->late_ms)
        aq_sealer_lose(sealer);
    return sealer->asked == 0 && now_ms >= sealer->next_ms && needs_session(sealer, now_ms);
}

uint64_t aq_sealer_deadline_ms(const struct aq_sealer *sealer)
{
    if (sealer->asked != 0)
        return sealer->late_ms;
    if (!sealer->identity.knows_hub)
        return UINT64_MAX;
    if (sealer->session.number == 0 || sealer->doubted)
        return sealer->next_ms;
    return sealer->renew_ms > sealer->next_ms ? sealer->renew_ms : sealer->next_ms;
}

/* Greater than all before, also when the clock was put back; unless somebody with a copy of our key has used the last
 * one, for then there is none. */
static uint64_t next_stamp(const struct aq_sealer *sealer, const struct aq_clocks *now)
{
    const uint64_t clock = now->wall_ms * US_IN_MS;
    if (clock > sealer->stamp)
        return clock;
    return sealer->stamp < UINT64_MAX ? sealer->stamp + 1 : UINT64_MAX;
}

void aq_sealer_begin(struct aq_sealer *sealer, uint32_t number, const struct aq_clocks *now, struct aq_buffer *out)
{
    aq_buffer_reset(out);
    sealer->next_ms = now->steady_ms + AQ_SEALER_PAUSE_MS;
    sealer->stamp = next_stamp(sealer, now);
    if (!aq_sealed_begin(&sealer->handshake, &sealer->opening, &sealer->identity, sealer->stamp, out))
        return; /* nobody can have such a key; what is sent will not be answered */
    sealer->asked = number;
    sealer->late_ms = now->steady_ms + AQ_SEALER_LATE_MS;
}

void aq_sealer_lose(struct aq_sealer *sealer)
{
    sealer->asked = 0;
    aq_noise_wipe(&sealer->handshake);
    sodium_memzero(&sealer->opening, sizeof sealer->opening);
}

/* About the time of all others, but not at the same moment. */
static void set_renewal(struct aq_sealer *sealer, uint64_t now_ms)
{
    sealer->renew_ms = now_ms + AQ_SEALER_RENEW_MS / 2 + randombytes_uniform(AQ_SEALER_RENEW_MS);
}

static bool take_begun(struct aq_sealer *sealer, const struct aq_frame *frame, uint64_t now_ms)
{
    struct aq_sealed fresh;
    if (!aq_sealed_take_begun(&sealer->handshake, frame, &fresh))
        return false;
    sealer->session = fresh;
    aq_sealed_wipe(&fresh);
    aq_sealer_lose(sealer);
    sealer->doubted = false;
    sealer->denied = 0;
    set_renewal(sealer, now_ms);
    return true;
}

static void take_denied(struct aq_sealer *sealer, enum aq_denial denial, uint64_t now_ms)
{
    const uint64_t pause_ms =
        denial == AQ_DENIED_BUSY ? BUSY_LEAST_MS + randombytes_uniform(BUSY_MORE_MS) : AQ_SEALER_STRANGER_MS;
    aq_sealer_lose(sealer);
    sealer->denied = denial;
    sealer->next_ms = now_ms + pause_ms;
}

/* The clock was put back, or another agent has a copy of our key. If it is our stamp that is the greatest, BEGIN has
 * come twice, and the answer to the first one is under way. */
static void take_old(struct aq_sealer *sealer, const struct aq_frame *frame, uint64_t now_ms)
{
    if (frame->stamp <= sealer->opening.stamp || !aq_sealed_is_old(&sealer->opening, frame))
        return;
    sealer->stamp = frame->stamp;
    aq_sealer_lose(sealer);
    sealer->next_ms = now_ms;
}

bool aq_sealer_take(struct aq_sealer *sealer, uint32_t number, const struct aq_frame *frame, uint64_t now_ms)
{
    const bool answers = sealer->asked != 0 && sealer->asked == number;
    if (frame->kind == AQ_FRAME_BEGUN && answers)
        return take_begun(sealer, frame, now_ms);
    if (frame->kind == AQ_FRAME_DENIED && answers)
        take_denied(sealer, frame->denial, now_ms);
    else if (frame->kind == AQ_FRAME_OLD && answers)
        take_old(sealer, frame, now_ms);
    else if (frame->kind == AQ_FRAME_UNKNOWN && frame->session == sealer->session.number)
        sealer->doubted = true;
    return false;
}
