#include "tests/sim/frames.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

static struct frame *buckets[BUCKETS];

static struct frame **bucket_of(const unsigned char tag[AQ_NOISE_TAG_SIZE])
{
    uint32_t hash;
    memcpy(&hash, tag, sizeof hash);
    return &buckets[hash % BUCKETS];
}

uint64_t __real_aq_sealed_seal(struct aq_sealed *sealed, const uint64_t *question, const void *body, size_t length,
                               struct aq_buffer *out);
uint64_t __wrap_aq_sealed_seal(struct aq_sealed *sealed, const uint64_t *question, const void *body, size_t length,
                               struct aq_buffer *out);
uint64_t __wrap_aq_sealed_seal(struct aq_sealed *sealed, const uint64_t *question, const void *body, size_t length,
                               struct aq_buffer *out)
{
    struct frame *frame = aq_malloc(sizeof *frame + length);
    const uint64_t counter = __real_aq_sealed_seal(sealed, question, body, length, out);
    *frame = (struct frame){.author = "", .length = length};
    memcpy(frame->tag, out->data + out->length - sizeof frame->tag, sizeof frame->tag);
    memcpy(frame->body, body, length);
    struct frame **bucket = bucket_of(frame->tag);
    frame->next = *bucket;
    *bucket = frame;
    return counter;
}

struct frame *frames_find(const void *sealed, size_t length)
{
    const unsigned char *bytes = sealed;
    if (length < AQ_SEALED_MORE || bytes[0] != AQ_FRAME_SEALED)
        return NULL;
    struct frame *frame = *bucket_of(bytes + length - AQ_NOISE_TAG_SIZE);
    while (frame != NULL && memcmp(frame->tag, bytes + length - AQ_NOISE_TAG_SIZE, AQ_NOISE_TAG_SIZE) != 0)
        frame = frame->next;
    return frame;
}

void *frames_open(const struct frame *frame, enum aq_message_type *type, struct aq_arena *arena)
{
    struct aq_error error;
    void *message;
    return aq_body_unpack(frame->body, frame->length, type, &message, arena, &error) == 0 ? message : NULL;
}

void frames_clear(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (buckets[i] != NULL) {
            struct frame *frame = buckets[i];
            buckets[i] = frame->next;
            free(frame);
        }
}
