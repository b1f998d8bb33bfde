/* Joining: how an agent finds out that it speaks to a hub of its cluster, and how it gets its key known there.
 *
 * The handshake is XX (noise.h), in three frames:
 *
 *   JOIN    agent   the first message
 *
 *   PROOF   hub     a number (8), and the second message. Its payload is the message `proof`: the authority of the
 *                   cluster has signed the hub's static key, which the hub holds, as this handshake shows
 *
 *   ENROL   agent   the number (8), and the third message. Its payload is the message `enrol`, with the secret of a
 *                   join token. The agent sends it only when the authority has the fingerprint that the token carries
 *
 * The hub answers ENROL in the session whose keys follow from the handshake, and that is the only message of it. An
 * agent that knows the fingerprint and has no secret to say stops after PROOF: then it knows the hub's key. */
#ifndef AQ_SCHEMA_WIRE_JOIN_H
#define AQ_SCHEMA_WIRE_JOIN_H

#include "schema/wire/messages.h"
#include "schema/wire/sealed.h"

/* The agent's side: appends JOIN. */
void aq_join_begin(struct aq_noise *noise, const struct aq_noise_pair *own, struct aq_buffer *out);
/* Takes PROOF; then noise->remote is the hub's key. Fails with AQ_E_INVALID if it does not answer this JOIN, and with
 * AQ_E_UNAUTHENTICATED if the hub is not of the cluster whose authority has the fingerprint. */
int aq_join_take_proof(struct aq_noise *noise, const struct aq_frame *frame, const char *fingerprint,
                       struct aq_error *error) AQ_MUST_CHECK;
/* Appends ENROL, and opens the session in which the answer comes; its question has the counter 0. */
bool aq_join_enrol(struct aq_noise *noise, uint64_t number, const struct aq_enrol *enrol, struct aq_sealed *sealed,
                   struct aq_buffer *out) AQ_MUST_CHECK;

/* The hub's side: takes JOIN. */
bool aq_join_take(struct aq_noise *noise, const struct aq_noise_pair *own, const struct aq_frame *frame) AQ_MUST_CHECK;
/* Appends PROOF. */
bool aq_join_prove(struct aq_noise *noise, uint64_t number, const struct aq_proof *proof,
                   struct aq_buffer *out) AQ_MUST_CHECK;
/* Takes ENROL; then noise->remote is the agent's key, which it holds. *enrol is in `arena`. */
bool aq_join_take_enrol(struct aq_noise *noise, const struct aq_frame *frame, const struct aq_enrol **enrol,
                        struct aq_sealed *sealed, struct aq_arena *arena) AQ_MUST_CHECK;

#endif
