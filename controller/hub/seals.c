#include "controller/hub/seals.h"

#include "schema/wire/body.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_MASK = SEALS_MAX - 1 };

struct seal {
    struct aq_sealed sealed;
    struct aq_noise *joining; /* the handshake of an agent that joins; NULL: none is under way */
    bool joins;               /* there was one */
    unsigned char key[AQ_NOISE_KEY_SIZE];
    struct hub_source source; /* of the handshake of one that joins */
    bool used;                /* a message has come */
    uint64_t begun_ms;
    uint64_t heard; /* order of its last message among those of all sessions */
};

/* ---- places ------------------------------------------------------------------------------------------- */

static struct seal *find_seal(const struct hub_seals *seals, uint64_t number)
{
    const uint32_t place = number & PLACE_MASK;
    struct seal *seal = place < seals->count ? seals->slots[place] : NULL;
    return seal != NULL && seal->sealed.number == number ? seal : NULL;
}

static void drop_handshake(struct seal *seal)
{
    if (seal->joining != NULL)
        aq_noise_wipe(seal->joining);
    free(seal->joining);
    seal->joining = NULL;
}

static void end_seal(struct hub_seals *seals, struct seal *seal)
{
    const uint32_t place = seal->sealed.number & PLACE_MASK;
    seals->slots[place] = NULL;
    AQ_GROW(seals->free_slots, seals->free_count, seals->free_capacity);
    seals->free_slots[seals->free_count++] = place;
    drop_handshake(seal);
    sodium_memzero(seal, sizeof *seal);
    free(seal);
}

static void end_number(struct hub_seals *seals, uint64_t number)
{
    struct seal *seal = find_seal(seals, number);
    if (seal != NULL)
        end_seal(seals, seal);
}

/* A number that nobody can guess, and that no session had before. NULL: there is no place. */
static struct seal *add_seal(struct hub_seals *seals)
{
    uint64_t number;
    if (seals->free_count == 0 && seals->count == SEALS_MAX)
        return NULL;
    const uint32_t place = seals->free_count > 0 ? seals->free_slots[--seals->free_count] : seals->count++;
    randombytes_buf(&number, sizeof number);
    struct seal *seal = aq_calloc(1, sizeof *seal);
    seal->sealed.number = ((number | 1ull << 63) & ~(uint64_t)PLACE_MASK) | place;
    seals->slots[place] = seal;
    return seal;
}

static bool is_over(const struct hub_seals *seals, const struct seal *seal)
{
    const uint64_t most_ms = seal->used ? SEALS_OLD_MS : SEALS_WAIT_MS;
    return seals->now_ms - seal->begun_ms > most_ms || (!seal->joins && seals->find(seals->context, seal->key) == NULL);
}

/* ---- of one key --------------------------------------------------------------------------------------- */

/* The place for one more number: an empty one, or that of the session that was not heard for longest. */
static uint64_t *find_room(const struct hub_seals *seals, uint64_t *numbers, unsigned count)
{
    uint64_t *oldest = &numbers[0], heard = UINT64_MAX;
    for (unsigned i = 0; i < count; i++) {
        const struct seal *seal = find_seal(seals, numbers[i]);
        if (seal == NULL)
            return &numbers[i];
        if (seal->heard < heard) {
            oldest = &numbers[i];
            heard = seal->heard;
        }
    }
    return oldest;
}

static void put_number(struct hub_seals *seals, uint64_t *numbers, unsigned count, uint64_t number)
{
    uint64_t *room = find_room(seals, numbers, count);
    end_number(seals, *room);
    *room = number;
}

/* The first message under the session's keys has come: the agent is there, and holds its key. */
static void begin_use(struct hub_seals *seals, struct seals_holder *holder, struct seal *seal)
{
    for (unsigned i = 0; i < SEALS_WAITING_MAX; i++)
        if (holder->waiting[i] == seal->sealed.number)
            holder->waiting[i] = 0;
    put_number(seals, holder->used, SEALS_USED_MAX, seal->sealed.number);
    seal->used = true;
}

/* ---- frames ------------------------------------------------------------------------------------------- */

static enum seals_result deny(enum aq_denial denial, struct aq_buffer *reply)
{
    aq_buffer_reset(reply);
    aq_frame_denied(denial, reply);
    return denial == AQ_DENIED_BUSY ? SEALS_REPLIED : SEALS_DENIED;
}

static enum seals_result answer_begin(struct hub_seals *seals, struct aq_noise *noise, struct seals_holder *holder,
                                      struct aq_buffer *reply)
{
    struct seal *seal = add_seal(seals);
    if (seal == NULL)
        return deny(AQ_DENIED_BUSY, reply);
    const uint64_t number = seal->sealed.number;
    memcpy(seal->key, noise->remote, sizeof seal->key);
    seal->begun_ms = seals->now_ms;
    seal->heard = ++seals->heard;
    aq_buffer_reset(reply);
    if (!aq_sealed_answer_begin(noise, number, &seal->sealed, reply)) {
        end_seal(seals, seal);
        return SEALS_FOREIGN;
    }
    put_number(seals, holder->waiting, SEALS_WAITING_MAX, number);
    return SEALS_OPENS;
}

/* Whoever sends this holds the key. That costs an agreement once for each key, and then a hash. */
static bool is_from_holder(const struct hub_seals *seals, struct seals_holder *holder, const struct aq_frame *frame)
{
    if (!holder->opened)
        holder->opened = aq_opening_key(holder->opening, &seals->own.key, frame->key);
    return holder->opened && aq_sealed_is_from(frame, holder->opening);
}

static enum seals_result tell_old(const struct seals_holder *holder, const struct aq_frame *frame,
                                  struct aq_buffer *reply)
{
    aq_buffer_reset(reply);
    aq_sealed_answer_old(frame, holder->opening, holder->stamp, reply);
    return SEALS_REPLIED;
}

static enum seals_result take_begin(struct hub_seals *seals, const struct aq_frame *frame, struct aq_buffer *reply)
{
    struct aq_noise noise;
    struct seals_holder *holder = seals->find(seals->context, frame->key);
    if (holder == NULL)
        return deny(AQ_DENIED_STRANGER, reply);
    if (!is_from_holder(seals, holder, frame))
        return deny(AQ_DENIED_OTHER_HUB, reply);
    if (frame->stamp <= holder->stamp)
        return tell_old(holder, frame, reply);
    holder->stamp = frame->stamp;
    if (!budget_spend(&holder->purse, SEALS_AT_ONCE, SEALS_PER_S, seals->now_ms))
        return deny(AQ_DENIED_BUSY, reply);
    enum seals_result result = SEALS_FOREIGN;
    if (aq_sealed_take_begin(&noise, &seals->own.key, frame))
        result = answer_begin(seals, &noise, holder, reply);
    aq_noise_wipe(&noise);
    return result;
}

void seals_holder_wipe(struct seals_holder *holder)
{
    sodium_memzero(holder, sizeof *holder);
}

/* ---- joining ------------------------------------------------------------------------------------------ */

static bool prove(const struct hub_seals *seals, const struct seal *seal, struct aq_buffer *reply)
{
    const struct hub_identity *own = &seals->own;
    const struct aq_proof proof = {.key = {own->authority, own->authority_length},
                                   .signature = {own->signature, own->signature_length}};
    return aq_join_prove(seal->joining, seal->sealed.number, &proof, reply);
}

static enum seals_result take_join(struct hub_seals *seals, const struct aq_frame *frame,
                                   const struct hub_source *source, struct aq_buffer *reply)
{
    if (!budget_take(&seals->budget, source, seals->now_ms))
        return deny(AQ_DENIED_BUSY, reply);
    struct seal *seal = add_seal(seals);
    if (seal == NULL)
        return deny(AQ_DENIED_BUSY, reply);
    seal->joins = true;
    seal->source = *source;
    seal->joining = aq_calloc(1, sizeof *seal->joining);
    seal->begun_ms = seals->now_ms;
    aq_buffer_reset(reply);
    if (!aq_join_take(seal->joining, &seals->own.key, frame) || !prove(seals, seal, reply)) {
        end_seal(seals, seal);
        return SEALS_FOREIGN;
    }
    uint64_t *place = &seals->joins[++seals->last_join % SEALS_JOINS_MAX];
    end_number(seals, *place);
    *place = seal->sealed.number;
    return SEALS_REPLIED;
}

static enum seals_result tell_unknown(uint64_t number, struct aq_buffer *reply);

static enum seals_result take_enrol(struct hub_seals *seals, const struct aq_frame *frame, struct seals_author *author,
                                    struct aq_buffer *body, struct aq_buffer *reply)
{
    AQ_CLEANUP_SECRET_ARENA struct aq_arena arena = {0};
    const struct aq_enrol *enrol;
    struct seal *seal = find_seal(seals, frame->session);
    if (seal == NULL || seal->joining == NULL)
        return tell_unknown(frame->session, reply);
    if (!aq_join_take_enrol(seal->joining, frame, &enrol, &seal->sealed, &arena)) {
        end_seal(seals, seal);
        return SEALS_FOREIGN;
    }
    memcpy(seal->key, seal->joining->remote, sizeof seal->key);
    drop_handshake(seal);
    for (unsigned i = 0; i < SEALS_JOINS_MAX; i++) /* it gives way to nobody while it waits for its answer */
        if (seals->joins[i] == frame->session)
            seals->joins[i] = 0;
    *author = (struct seals_author){.session = frame->session, .joins = true};
    memcpy(author->key, seal->key, sizeof author->key);
    aq_buffer_reset(body);
    aq_body_pack(AQ_MSG_ENROL, enrol, body);
    return SEALS_ENROLS;
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

static enum seals_result tell_unknown(uint64_t number, struct aq_buffer *reply)
{
    aq_buffer_reset(reply);
    aq_frame_unknown(number, reply);
    return SEALS_REPLIED;
}

static enum seals_result take_sealed(struct hub_seals *seals, const struct aq_frame *frame, struct seals_author *author,
                                     struct aq_buffer *body, struct aq_buffer *reply)
{
    struct seal *seal = find_seal(seals, frame->session);
    if (seal != NULL && seal->joins)
        return SEALS_FOREIGN; /* in such a session, only the hub speaks */
    if (seal != NULL && is_over(seals, seal)) {
        end_seal(seals, seal);
        seal = NULL;
    }
    if (seal == NULL)
        return tell_unknown(frame->session, reply);
    enum aq_opened opened = aq_sealed_open(&seal->sealed, frame, NULL, body);
    if (opened != AQ_OPENED)
        return opened == AQ_REPEATED ? SEALS_DROPPED : SEALS_FOREIGN;
    seal->heard = ++seals->heard;
    if (!seal->used)
        begin_use(seals, seals->find(seals->context, seal->key), seal);
    *author = (struct seals_author){.session = frame->session, .counter = frame->counter};
    memcpy(author->key, seal->key, sizeof author->key);
    return SEALS_OPENED;
}

enum seals_result seals_take(struct hub_seals *seals, const void *bytes, size_t length, const struct hub_source *source,
                             struct seals_author *author, struct aq_buffer *body, struct aq_buffer *reply)
{
    struct aq_frame frame;
    if (!aq_frame_read(&frame, bytes, length))
        return SEALS_FOREIGN;
    if (frame.kind == AQ_FRAME_SEALED)
        return take_sealed(seals, &frame, author, body, reply);
    if (frame.kind == AQ_FRAME_BEGIN)
        return take_begin(seals, &frame, reply);
    if (frame.kind == AQ_FRAME_JOIN)
        return take_join(seals, &frame, source, reply);
    if (frame.kind == AQ_FRAME_ENROL)
        return take_enrol(seals, &frame, author, body, reply);
    return SEALS_FOREIGN;
}

void seals_trust(struct hub_seals *seals, const struct seals_author *author)
{
    const struct seal *seal = find_seal(seals, author->session);
    if (seal != NULL && seal->joins)
        budget_give_back(&seals->budget, &seal->source);
}

bool seals_seal(struct hub_seals *seals, const struct seals_author *author, const struct aq_buffer *body,
                struct aq_buffer *out)
{
    struct seal *seal = find_seal(seals, author->session);
    if (seal == NULL || seal->joining != NULL || is_over(seals, seal))
        return false;
    aq_sealed_seal(&seal->sealed, &author->counter, body->data, body->length, out);
    return true;
}

/* ---- open, close, time -------------------------------------------------------------------------------- */

void seals_open(struct hub_seals *seals, const struct hub_identity *own, seals_find_fn *find, void *context,
                uint64_t now_ms)
{
    *seals = (struct hub_seals){.own = *own,
                                .find = find,
                                .context = context,
                                .slots = aq_calloc(SEALS_MAX, sizeof *seals->slots),
                                .now_ms = now_ms};
    budget_open(&seals->budget);
}

void seals_close(struct hub_seals *seals)
{
    for (uint32_t i = 0; i < seals->count; i++)
        if (seals->slots[i] != NULL)
            end_seal(seals, seals->slots[i]);
    free(seals->slots);
    free(seals->free_slots);
    sodium_memzero(seals, sizeof *seals);
}

/* So that the keys of sessions that are over do not stay in memory. */
void seals_tick(struct hub_seals *seals, uint64_t now_ms)
{
    seals->now_ms = now_ms;
    for (unsigned i = 0; i < SEALS_SWEEP && i < seals->count; i++) {
        seals->swept = (seals->swept + 1) % seals->count;
        struct seal *seal = seals->slots[seals->swept];
        if (seal != NULL && is_over(seals, seal))
            end_seal(seals, seal);
    }
}
