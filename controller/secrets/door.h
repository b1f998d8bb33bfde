/* The door: where secrets become ciphertext, before a command is given to the writer. REST and the orders of file views
 * both pass here, so that no secret gets into the log, the tables, or an answer in the clear.
 *
 * A command takes secrets when its record has the internal fields `sealed` and `wrap`. Secret are its fields with the
 * rule AQ_SEALED, and of its document `metadata` the keys that its own field `secrets` names, or that the label names
 * of which an application is created. decide checks that nothing was left in the clear. Any thread. */
#ifndef AQ_CONTROLLER_SECRETS_DOOR_H
#define AQ_CONTROLLER_SECRETS_DOOR_H

#include "controller/secrets/keyring.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"
#include "schema/model/command.h"

enum { DOOR_FINGERPRINTS_MAX = 8 };

struct door;

/* All three outlive the door. */
struct door *door_open(struct keyring *keyring, struct writer *writer, struct state *state);
void door_close(struct door *door); /* when the writer has answered all; NULL is fine */
/* Begins another epoch, unless one is about to begin. */
int door_begin(struct door *door, struct aq_error *error) AQ_MUST_CHECK;
struct keyring *door_keyring(const struct door *door);

/* Seals the secrets of a record of this command, which it changes; what it adds is in `arena`. The texts that were
 * secret are overwritten. The first secret of a cluster lets an epoch begin. Sets `sealed` if there were secrets, and
 * leaves it otherwise. For epoch_create it makes the key, unless that is for a `dry_run`. Without a door (NULL) nothing
 * is sealed, and decide refuses what should have been. */
int door_seal(struct door *door, const struct aq_command *command, void *record, bool dry_run, struct aq_arena *arena,
              bool *sealed, struct aq_error *error) AQ_MUST_CHECK;

/* The writer has answered: a key that was made for an epoch is given back if that has certainly not begun. */
void door_settle(struct door *door, const struct writer_request *request);

/* Makes fingerprints of a request that holds secrets from one of its text: first the one to store, then those that it
 * has under earlier epochs. Returns how many. */
uint32_t door_fingerprints(struct door *door, uint64_t plain, uint64_t fingerprints[DOOR_FINGERPRINTS_MAX]);

#endif
