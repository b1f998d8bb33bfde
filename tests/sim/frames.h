/* What is in sealed frames. The network sees only those, and nobody but the two ends of a session can open one; so each
 * is noted when it is sealed (aq_sealed_seal() is wrapped by the linker). */
#ifndef AQ_TESTS_SIM_FRAMES_H
#define AQ_TESTS_SIM_FRAMES_H

#include "schema/wire/body.h"
#include "schema/wire/sealed.h"

struct frame {
    struct frame *next; /* in its bucket */
    unsigned char tag[AQ_NOISE_TAG_SIZE];
    const char *author; /* the node whose agent has sealed it; "": the hub */
    bool heard;         /* the hub has got it before */
    size_t length;
    unsigned char body[];
};

/* Forgets all frames: a life begins, or is over. */
void frames_clear(void);
/* NULL: nobody has sealed this. */
struct frame *frames_find(const void *sealed, size_t length);
/* The message in a frame, in `arena`. NULL: it is none. */
void *frames_open(const struct frame *frame, enum aq_message_type *type, struct aq_arena *arena);

#endif
