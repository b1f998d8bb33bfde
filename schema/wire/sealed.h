/* Sealed sessions: what travels between agents and hub.
 *
 * An agent begins a session with a handshake (noise.h, IK), and from then on seals what it asks; the hub seals its
 * answers. A frame begins with a byte that names its kind; numbers are little-endian:
 *
 *   BEGIN     agent   its public key (32), a stamp (8), the handshake's first message, a tag (16): see opening.h
 *   BEGUN     hub     the second message, whose payload is the session's number
 *   SEALED    both    session's number (8), counter (8), the sealed body (body.h)
 *   UNKNOWN   hub     session's number (8): there is no such session. Not authenticated
 *   DENIED    hub     a reason (1), in the place of BEGUN or PROOF. Not authenticated
 *   OLD       hub     the greatest stamp (8), a tag (16), in the place of BEGUN: the stamp of BEGIN was not greater
 *
 * JOIN, PROOF and ENROL are in join.h.
 *
 * The head of a SEALED frame is authenticated with its body, and an answer is bound to its question, whose counter is
 * authenticated with it. Each direction has its key, and a counter that never repeats. Frames may overtake each other:
 * who receives them keeps a window of the counters that have come, and takes none twice, and none that is older. */
#ifndef AQ_SCHEMA_WIRE_SEALED_H
#define AQ_SCHEMA_WIRE_SEALED_H

#include "schema/wire/opening.h"

enum aq_frame_kind {
    AQ_FRAME_NONE,
    AQ_FRAME_BEGIN,
    AQ_FRAME_BEGUN,
    AQ_FRAME_SEALED,
    AQ_FRAME_UNKNOWN,
    AQ_FRAME_DENIED,
    AQ_FRAME_JOIN,
    AQ_FRAME_PROOF,
    AQ_FRAME_ENROL,
    AQ_FRAME_OLD
};

/* Why the hub begins no session. */
enum aq_denial {
    AQ_DENIED_STRANGER = 1, /* no node has this key */
    AQ_DENIED_OTHER_HUB,    /* it was not meant for this hub's key */
    AQ_DENIED_BUSY          /* too many at the moment: try again */
};

enum {
    AQ_SEALED_HEAD = 17,
    AQ_SEALED_MORE = AQ_SEALED_HEAD + AQ_NOISE_TAG_SIZE, /* bytes of a SEALED frame beside its body */
    AQ_WINDOW_SIZE = 1024                                /* counters that a window looks back */
};

/* A frame, as it was read; `data` is what comes after its head, without the tag. */
struct aq_frame {
    enum aq_frame_kind kind;
    uint64_t session, counter, stamp;
    enum aq_denial denial;
    const unsigned char *key, *tag; /* of an opening */
    const unsigned char *head, *data;
    size_t length;
};

bool aq_frame_read(struct aq_frame *frame, const void *bytes, size_t length) AQ_MUST_CHECK; /* false: it is none */

/* Append such a frame, or the head of one. */
void aq_frame_head(enum aq_frame_kind kind, struct aq_buffer *out);
void aq_frame_head_of(enum aq_frame_kind kind, uint64_t session, struct aq_buffer *out);
void aq_frame_unknown(uint64_t session, struct aq_buffer *out);
void aq_frame_denied(enum aq_denial denial, struct aq_buffer *out);

/* Zeroed memory has taken nothing. */
struct aq_window {
    uint64_t next; /* above all counters that have come */
    uint64_t bits[AQ_WINDOW_SIZE / 64];
};

bool aq_window_is_new(const struct aq_window *window, uint64_t counter);
void aq_window_take(struct aq_window *window, uint64_t counter); /* one that is new */

/* One end of a session. It holds secrets: wipe it. */
struct aq_sealed {
    uint64_t number; /* of the session, chosen by the hub; 0: there is none */
    struct aq_noise_keys keys;
    uint64_t sent; /* messages so far */
    struct aq_window window;
};

/* Who an agent is, and whom it speaks to. */
struct aq_identity {
    struct aq_noise_pair own;
    bool knows_hub;                       /* if not, it must join first (join.h) */
    unsigned char hub[AQ_NOISE_KEY_SIZE]; /* public key of the hub */
};

/* What an agent keeps of its BEGIN, for an answer OLD. It holds a secret: wipe it. */
struct aq_opening {
    unsigned char key[AQ_OPENING_KEY_SIZE], tag[AQ_OPENING_TAG_SIZE];
    uint64_t stamp;
};

/* The agent's side: appends BEGIN. False: the hub's key is none. */
bool aq_sealed_begin(struct aq_noise *noise, struct aq_opening *opening, const struct aq_identity *identity,
                     uint64_t stamp, struct aq_buffer *out) AQ_MUST_CHECK;
/* OLD was said by this hub, in answer to this BEGIN. */
bool aq_sealed_is_old(const struct aq_opening *opening, const struct aq_frame *frame) AQ_MUST_CHECK;
/* Takes BEGUN. False: it does not answer this BEGIN; the real one may still come. */
bool aq_sealed_take_begun(const struct aq_noise *noise, const struct aq_frame *frame,
                          struct aq_sealed *sealed) AQ_MUST_CHECK;

/* The hub's side. First: the holder of frame->key has made this BEGIN for us; `key` is that of its tags. */
bool aq_sealed_is_from(const struct aq_frame *frame, const unsigned char key[AQ_OPENING_KEY_SIZE]) AQ_MUST_CHECK;
/* Appends OLD. */
void aq_sealed_answer_old(const struct aq_frame *begin, const unsigned char key[AQ_OPENING_KEY_SIZE], uint64_t greatest,
                          struct aq_buffer *out);
/* Takes BEGIN. From then on noise->remote is the agent's key. It may be a recording: only a message under the session's
 * keys shows that it is none. False: it was not meant for our key, or is another agent's. */
bool aq_sealed_take_begin(struct aq_noise *noise, const struct aq_noise_pair *own,
                          const struct aq_frame *frame) AQ_MUST_CHECK;
/* Appends BEGUN. */
bool aq_sealed_answer_begin(struct aq_noise *noise, uint64_t number, struct aq_sealed *sealed,
                            struct aq_buffer *out) AQ_MUST_CHECK;

/* Opens the session whose handshake is done. */
void aq_sealed_use(struct aq_sealed *sealed, const struct aq_noise *noise, uint64_t number);
void aq_sealed_wipe(struct aq_sealed *sealed);

/* `question`: NULL in a question; in an answer, the counter of its question. Replaces the contents of `out` by the
 * frame, and returns its counter. */
uint64_t aq_sealed_seal(struct aq_sealed *sealed, const uint64_t *question, const void *body, size_t length,
                        struct aq_buffer *out);

enum aq_opened {
    AQ_OPENED,   /* it is the other side's, and new */
    AQ_REPEATED, /* its counter has come before, or is too old to tell */
    AQ_FORGED    /* it was not sealed for this session, direction and question */
};

/* Opens a SEALED frame of this session; replaces the contents of `body`. */
enum aq_opened aq_sealed_open(struct aq_sealed *sealed, const struct aq_frame *frame, const uint64_t *question,
                              struct aq_buffer *body) AQ_MUST_CHECK;

#endif
