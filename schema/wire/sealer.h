/* An agent's end of sealed sessions (sealed.h): when it begins one, and when it begins another.
 *
 * It begins a session when it has none, when the hub says that it knows no such session, and when the session has been
 * in use for some minutes, so that a key that leaks opens little. Until the next one has begun it goes on using the one
 * that it has: anybody can say that a session is unknown, so this alone ends nothing. There is a pause between two
 * handshakes, whatever comes, except when the hub has shown that the stamp of the last one was too old (opening.h). The
 * caller passes times. */
#ifndef AQ_SCHEMA_WIRE_SEALER_H
#define AQ_SCHEMA_WIRE_SEALER_H

#include "schema/base/turn.h"
#include "schema/wire/sealed.h"

enum {
    AQ_SEALER_PAUSE_MS = 1000,     /* between two handshakes */
    AQ_SEALER_LATE_MS = 3000,      /* a handshake without an answer is given up */
    AQ_SEALER_STRANGER_MS = 10000, /* before the next one, if no node has our key */
    AQ_SEALER_RENEW_MS = 600000    /* a session is renewed after about this long */
};

struct aq_sealer {
    struct aq_identity identity;
    struct aq_sealed session;  /* in use; number 0: none */
    struct aq_noise handshake; /* under way, */
    struct aq_opening opening; /* the same, */
    uint32_t asked;            /* as the question with this number; 0: none is */
    uint64_t stamp;            /* of the last handshake, or one that the hub has seen */
    uint64_t late_ms, next_ms, renew_ms;
    bool doubted;          /* the hub says that it does not know the session */
    enum aq_denial denied; /* why there was no session the last time; 0: there was one */
};

void aq_sealer_open(struct aq_sealer *sealer, const struct aq_identity *identity);
void aq_sealer_wipe(struct aq_sealer *sealer);

/* The hub has this key from now on: a session begins at once. */
void aq_sealer_set_hub(struct aq_sealer *sealer, const unsigned char hub[AQ_NOISE_KEY_SIZE]);

/* A handshake must begin now. Gives up one that is late. */
bool aq_sealer_is_due(struct aq_sealer *sealer, uint64_t now_ms);
/* When aq_sealer_is_due() must be asked next. */
uint64_t aq_sealer_deadline_ms(const struct aq_sealer *sealer);
/* Replaces the contents of `out` by the frame that begins it, which must be sent as question `number`. */
void aq_sealer_begin(struct aq_sealer *sealer, uint32_t number, const struct aq_clocks *now, struct aq_buffer *out);
/* The connection was lost: so is the answer. */
void aq_sealer_lose(struct aq_sealer *sealer);

/* Takes an answer other than a SEALED frame. True: another session is in use from now on. */
bool aq_sealer_take(struct aq_sealer *sealer, uint32_t number, const struct aq_frame *frame, uint64_t now_ms);

#endif
