#include "schema/wire/sealed.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

enum {
    NUMBER = 8,
    BOUND_MAX = AQ_SEALED_HEAD + NUMBER,
    WORD = 64,
    BEGIN_HEAD = 1 + AQ_NOISE_KEY_SIZE + NUMBER,
    OLD_HEAD = 1 + NUMBER
};

static const char prologue[] = "aquarium agents 1"; /* of handshakes */

/* ---- frames ------------------------------------------------------------------------------------------- */

static void put_number(uint64_t number, unsigned char out[NUMBER])
{
    number = htole64(number);
    memcpy(out, &number, NUMBER);
}

static uint64_t get_number(const unsigned char in[NUMBER])
{
    uint64_t number;
    memcpy(&number, in, NUMBER);
    return le64toh(number);
}

static bool read_opening(struct aq_frame *frame, size_t head_length, size_t length)
{
    if (length < head_length + AQ_OPENING_TAG_SIZE)
        return false;
    frame->stamp = get_number(frame->head + head_length - NUMBER);
    frame->data = frame->head + head_length;
    frame->length = length - head_length - AQ_OPENING_TAG_SIZE;
    frame->tag = frame->data + frame->length;
    return true;
}

bool aq_frame_read(struct aq_frame *frame, const void *bytes, size_t length)
{
    const unsigned char *head = bytes;
    if (length == 0)
        return false;
    *frame =
        (struct aq_frame){.kind = (enum aq_frame_kind)head[0], .head = head, .data = head + 1, .length = length - 1};
    switch (frame->kind) {
    case AQ_FRAME_BEGIN:
        frame->key = head + 1;
        return read_opening(frame, BEGIN_HEAD, length);
    case AQ_FRAME_OLD:
        return read_opening(frame, OLD_HEAD, length) && frame->length == 0;
    case AQ_FRAME_BEGUN:
    case AQ_FRAME_JOIN:
        return true;
    case AQ_FRAME_PROOF:
    case AQ_FRAME_ENROL:
        if (length < 1 + NUMBER)
            return false;
        frame->session = get_number(head + 1);
        frame->data = head + 1 + NUMBER;
        frame->length = length - 1 - NUMBER;
        return true;
    case AQ_FRAME_SEALED:
        if (length < AQ_SEALED_MORE)
            return false;
        frame->session = get_number(head + 1);
        frame->counter = get_number(head + 1 + NUMBER);
        frame->data = head + AQ_SEALED_HEAD;
        frame->length = length - AQ_SEALED_HEAD;
        return true;
    case AQ_FRAME_UNKNOWN:
        if (length != 1 + NUMBER)
            return false;
        frame->session = get_number(head + 1);
        return true;
    case AQ_FRAME_DENIED:
        if (length != 2 || head[1] < AQ_DENIED_STRANGER || head[1] > AQ_DENIED_BUSY)
            return false;
        frame->denial = (enum aq_denial)head[1];
        return true;
    default:
        return false;
    }
}

void aq_frame_head(enum aq_frame_kind kind, struct aq_buffer *out)
{
    aq_buffer_char(out, (char)kind);
}

void aq_frame_head_of(enum aq_frame_kind kind, uint64_t session, struct aq_buffer *out)
{
    unsigned char number[NUMBER];
    put_number(session, number);
    aq_frame_head(kind, out);
    aq_buffer_add(out, number, sizeof number);
}

void aq_frame_unknown(uint64_t session, struct aq_buffer *out)
{
    aq_frame_head_of(AQ_FRAME_UNKNOWN, session, out);
}

void aq_frame_denied(enum aq_denial denial, struct aq_buffer *out)
{
    aq_frame_head(AQ_FRAME_DENIED, out);
    aq_buffer_char(out, (char)denial);
}

/* ---- windows ------------------------------------------------------------------------------------------ */

bool aq_window_is_new(const struct aq_window *window, uint64_t counter)
{
    if (counter >= window->next)
        return counter != UINT64_MAX;
    return window->next - counter <= AQ_WINDOW_SIZE &&
           (window->bits[counter % AQ_WINDOW_SIZE / WORD] >> counter % WORD & 1) == 0;
}

/* Bits of counters that come into the window are cleared: they stood for others, a whole window before. */
void aq_window_take(struct aq_window *window, uint64_t counter)
{
    if (counter >= window->next) {
        if (counter - window->next >= AQ_WINDOW_SIZE)
            memset(window->bits, 0, sizeof window->bits);
        else
            for (uint64_t at = window->next; at <= counter; at++)
                window->bits[at % AQ_WINDOW_SIZE / WORD] &= ~(1ull << at % WORD);
        window->next = counter + 1;
    }
    window->bits[counter % AQ_WINDOW_SIZE / WORD] |= 1ull << counter % WORD;
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

void aq_sealed_use(struct aq_sealed *sealed, const struct aq_noise *noise, uint64_t number)
{
    *sealed = (struct aq_sealed){.number = number};
    aq_noise_split(noise, &sealed->keys);
}

/* Appends the tag of the frame that begins at `start` of the buffer. */
static void put_tag(const unsigned char key[AQ_OPENING_KEY_SIZE], const unsigned char *answered, size_t start,
                    struct aq_buffer *out, unsigned char tag[AQ_OPENING_TAG_SIZE])
{
    aq_opening_tag(tag, key, out->data + start, out->length - start, answered);
    aq_buffer_add(out, tag, AQ_OPENING_TAG_SIZE);
}

bool aq_sealed_begin(struct aq_noise *noise, struct aq_opening *opening, const struct aq_identity *identity,
                     uint64_t stamp, struct aq_buffer *out)
{
    const size_t start = out->length;
    unsigned char number[NUMBER];
    opening->stamp = stamp;
    put_number(stamp, number);
    aq_noise_begin(noise, AQ_NOISE_IK, true, &identity->own, identity->hub, prologue, sizeof prologue);
    aq_frame_head(AQ_FRAME_BEGIN, out);
    aq_buffer_add(out, identity->own.public, AQ_NOISE_KEY_SIZE);
    aq_buffer_add(out, number, sizeof number);
    if (!aq_noise_write(noise, NULL, 0, out) || !aq_opening_key(opening->key, &identity->own, identity->hub))
        return false;
    put_tag(opening->key, NULL, start, out, opening->tag);
    return true;
}

bool aq_sealed_is_old(const struct aq_opening *opening, const struct aq_frame *frame)
{
    return aq_opening_tag_is(frame->tag, opening->key, frame->head, OLD_HEAD, opening->tag);
}

bool aq_sealed_is_from(const struct aq_frame *frame, const unsigned char key[AQ_OPENING_KEY_SIZE])
{
    return aq_opening_tag_is(frame->tag, key, frame->head, BEGIN_HEAD + frame->length, NULL);
}

void aq_sealed_answer_old(const struct aq_frame *begin, const unsigned char key[AQ_OPENING_KEY_SIZE], uint64_t greatest,
                          struct aq_buffer *out)
{
    const size_t start = out->length;
    unsigned char tag[AQ_OPENING_TAG_SIZE];
    aq_frame_head_of(AQ_FRAME_OLD, greatest, out);
    put_tag(key, begin->tag, start, out, tag);
}

bool aq_sealed_take_begun(const struct aq_noise *noise, const struct aq_frame *frame, struct aq_sealed *sealed)
{
    AQ_CLEANUP_BUFFER struct aq_buffer payload = {0};
    struct aq_noise copy = *noise; /* a forged frame spoils only that */
    bool good = aq_noise_read(&copy, frame->data, frame->length, &payload) && payload.length == NUMBER;
    const uint64_t number = good ? get_number((const unsigned char *)payload.data) : 0;
    if (number != 0)
        aq_sealed_use(sealed, &copy, number);
    aq_noise_wipe(&copy);
    return number != 0;
}

bool aq_sealed_take_begin(struct aq_noise *noise, const struct aq_noise_pair *own, const struct aq_frame *frame)
{
    AQ_CLEANUP_BUFFER struct aq_buffer payload = {0};
    aq_noise_begin(noise, AQ_NOISE_IK, false, own, NULL, prologue, sizeof prologue);
    return aq_noise_read(noise, frame->data, frame->length, &payload) &&
           memcmp(noise->remote, frame->key, AQ_NOISE_KEY_SIZE) == 0;
}

bool aq_sealed_answer_begin(struct aq_noise *noise, uint64_t number, struct aq_sealed *sealed, struct aq_buffer *out)
{
    unsigned char payload[NUMBER];
    put_number(number, payload);
    aq_frame_head(AQ_FRAME_BEGUN, out);
    if (!aq_noise_write(noise, payload, sizeof payload, out))
        return false;
    aq_sealed_use(sealed, noise, number);
    return true;
}

void aq_sealed_wipe(struct aq_sealed *sealed)
{
    sodium_memzero(sealed, sizeof *sealed);
}

/* What is authenticated beside the body: the head, and in an answer the question's counter. Returns its length. */
static size_t put_bound(unsigned char bound[BOUND_MAX], const void *head, const uint64_t *question)
{
    memcpy(bound, head, AQ_SEALED_HEAD);
    if (question == NULL)
        return AQ_SEALED_HEAD;
    put_number(*question, bound + AQ_SEALED_HEAD);
    return BOUND_MAX;
}

uint64_t aq_sealed_seal(struct aq_sealed *sealed, const uint64_t *question, const void *body, size_t length,
                        struct aq_buffer *out)
{
    unsigned char bound[BOUND_MAX];
    const uint64_t counter = sealed->sent++;
    aq_buffer_reset(out);
    aq_buffer_room(out, AQ_SEALED_MORE + length);
    unsigned char *head = (unsigned char *)out->data;
    head[0] = AQ_FRAME_SEALED;
    put_number(sealed->number, head + 1);
    put_number(counter, head + 1 + NUMBER);
    size_t bound_length = put_bound(bound, head, question);
    aq_noise_seal(sealed->keys.send, counter, bound, bound_length, body, length, head + AQ_SEALED_HEAD);
    aq_buffer_put(out, out->data + AQ_SEALED_MORE + length);
    return counter;
}

enum aq_opened aq_sealed_open(struct aq_sealed *sealed, const struct aq_frame *frame, const uint64_t *question,
                              struct aq_buffer *body)
{
    unsigned char bound[BOUND_MAX];
    aq_assert(frame->kind == AQ_FRAME_SEALED && frame->session == sealed->number);
    size_t bound_length = put_bound(bound, frame->head, question);
    aq_buffer_reset(body);
    aq_buffer_room(body, frame->length);
    if (!aq_noise_open(sealed->keys.receive, frame->counter, bound, bound_length, frame->data, frame->length,
                       (unsigned char *)body->data))
        return AQ_FORGED;
    if (!aq_window_is_new(&sealed->window, frame->counter))
        return AQ_REPEATED;
    aq_window_take(&sealed->window, frame->counter);
    aq_buffer_put(body, body->data + frame->length - AQ_NOISE_TAG_SIZE);
    return AQ_OPENED;
}
