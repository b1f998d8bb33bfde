/* A backup of the keyring: one file, encrypted with a key that Argon2id makes of a passphrase. */
#ifndef AQ_CONTROLLER_SECRETS_KEYRING_BACKUP_H
#define AQ_CONTROLLER_SECRETS_KEYRING_BACKUP_H

#include "controller/secrets/keyring.h"
#include "schema/base/memory.h"

enum { KEYRING_PASSPHRASE_LEAST = 12, KEYRING_PASSPHRASE_MOST = 1024 };

/* Reads a passphrase: the first line of a file, or of standard input (-). It is to be wiped. */
int keyring_read_passphrase(const char *path, struct aq_buffer *passphrase, struct aq_error *error) AQ_MUST_CHECK;

/* Writes all keys into a file that is not there yet, mode 0600. `count`: how many. */
int keyring_save(struct keyring *keyring, const char *path, const char *passphrase, size_t *count,
                 struct aq_error *error) AQ_MUST_CHECK;
/* Adds the keys of such a file that the keyring does not have, and makes them durable. Fails with AQ_E_FORBIDDEN when
 * the passphrase is another one, or the file is damaged, and adds nothing. `count`: how many there are; `added`: how
 * many were new. */
int keyring_load(struct keyring *keyring, const char *path, const char *passphrase, size_t *count, size_t *added,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
