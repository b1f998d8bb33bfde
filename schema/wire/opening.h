/* How the hub knows the sender of a BEGIN (sealed.h) before it does the handshake, which costs a hundred times as much.
 *
 * A BEGIN carries the agent's public key, a stamp and a tag: a hash of all that is before it, under a key that only
 * this agent and this hub can know. So nobody else can make one, and a handshake is done for agents of the cluster
 * only. The stamps of a key grow: a recording has one that the hub has seen, or an older one. The hub remembers the
 * greatest stamp while it runs.
 *
 * Stamps come from the agent's wall clock, in microseconds, so they grow over restarts of the agent too. When the clock
 * was put back, the hub answers OLD with the greatest stamp that it has seen, under a tag as well, and the agent
 * continues from there. */
#ifndef AQ_SCHEMA_WIRE_OPENING_H
#define AQ_SCHEMA_WIRE_OPENING_H

#include "schema/wire/noise.h"

enum { AQ_OPENING_KEY_SIZE = 32, AQ_OPENING_TAG_SIZE = 16 };

/* The key of the tags between an agent and a hub: each side has its own pair and the other's public key. False: that is
 * one of the few keys that no honest side has. Wipe it. */
bool aq_opening_key(unsigned char key[AQ_OPENING_KEY_SIZE], const struct aq_noise_pair *own,
                    const unsigned char other[AQ_NOISE_KEY_SIZE]) AQ_MUST_CHECK;

/* The tag of a frame that begins with `frame`; `answered`: the tag of the BEGIN that it answers, or NULL. */
void aq_opening_tag(unsigned char tag[AQ_OPENING_TAG_SIZE], const unsigned char key[AQ_OPENING_KEY_SIZE],
                    const void *frame, size_t length, const unsigned char *answered);
bool aq_opening_tag_is(const unsigned char tag[AQ_OPENING_TAG_SIZE], const unsigned char key[AQ_OPENING_KEY_SIZE],
                       const void *frame, size_t length, const unsigned char *answered) AQ_MUST_CHECK;

#endif
