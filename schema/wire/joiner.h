/* An agent's end of joining (join.h): finds out the hub's key, and enrols if there is a secret to say. The asker that
 * has it sends its frames as questions. It tries again until it is there; the caller passes times, in milliseconds. */
#ifndef AQ_SCHEMA_WIRE_JOINER_H
#define AQ_SCHEMA_WIRE_JOINER_H

#include "schema/wire/join.h"
#include "schema/wire/join_text.h"
#include "schema/wire/signature.h"

enum {
    AQ_JOINER_AGAIN_MS = 2000,    /* without an answer */
    AQ_JOINER_REFUSED_MS = 10000, /* before it asks again, after a refusal */
    AQ_JOINER_LATE_MS = 5000
};

/* What joining needs to know. */
struct aq_join {
    char fingerprint[AQ_FINGERPRINT_SIZE]; /* of the cluster's authority */
    char secret[AQ_JOIN_SECRET_SIZE];      /* "": do not enrol */
    const char *name;                      /* of the node; the caller's */
    uint64_t instance;
};

enum aq_joiner_state { AQ_JOINER_IDLE, AQ_JOINER_ASKS, AQ_JOINER_ENROLS };

/* Zeroed memory is idle. It may hold secrets: wipe it. */
struct aq_joiner {
    enum aq_joiner_state state;
    struct aq_join join;
    struct aq_noise_pair own;
    struct aq_noise handshake;
    struct aq_sealed session; /* of the answer to ENROL */
    uint32_t asked;           /* number of the question under way; 0: none */
    uint64_t late_ms, next_ms;
    struct aq_buffer enrol;  /* a frame that must be sent */
    struct aq_error refusal; /* why it has to ask again; AQ_OK: nothing is known */
};

void aq_joiner_begin(struct aq_joiner *joiner, const struct aq_join *join, const struct aq_noise_pair *own);
void aq_joiner_wipe(struct aq_joiner *joiner);

/* Something must be sent. Gives up what is late. */
bool aq_joiner_is_due(struct aq_joiner *joiner, uint64_t now_ms);
uint64_t aq_joiner_deadline_ms(const struct aq_joiner *joiner); /* UINT64_MAX: it is idle */
/* Replaces the contents of `out` by the frame to send as question `number`. */
void aq_joiner_send(struct aq_joiner *joiner, uint32_t number, uint64_t now_ms, struct aq_buffer *out);
/* The connection was lost: it begins again. */
void aq_joiner_lose(struct aq_joiner *joiner);

/* Takes an answer. True: it is done; `hub` is the hub's key, signed by the authority, and the agent is enrolled, if it
 * had a secret. */
bool aq_joiner_take(struct aq_joiner *joiner, uint32_t number, const struct aq_frame *frame, uint64_t now_ms,
                    unsigned char hub[AQ_NOISE_KEY_SIZE]);

#endif
