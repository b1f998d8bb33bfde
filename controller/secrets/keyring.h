/* The keys of epochs (schema/model/epoch.h): in <data>/keyring/, outside of the log and the tables, one file each,
 * whose name is the hash of the key. A key is on disk before anybody hears of its epoch. Any thread. */
#ifndef AQ_CONTROLLER_SECRETS_KEYRING_H
#define AQ_CONTROLLER_SECRETS_KEYRING_H

#include "schema/base/error.h"
#include "schema/model/secret.h"

#include <stdbool.h>

#define KEYRING_DIRECTORY "keyring" /* below the data directory */

enum { KEYRING_NAME_SIZE = 33, KEYRING_KEYS_MAX = 256 };

struct keyring;

/* `data` is the controller's data directory; NULL: the keys are kept in memory only, as tests and the simulator do. A
 * file that holds no key, or another's, is left alone and journaled. */
int keyring_open(struct keyring **keyring, const char *data, struct aq_error *error) AQ_MUST_CHECK;
void keyring_close(struct keyring *keyring); /* wipes what is in memory; NULL is fine */

/* Draws a key, and makes it durable: that waits for the disk. `name` is the one of its epoch. */
int keyring_make(struct keyring *keyring, char name[KEYRING_NAME_SIZE], struct aq_error *error) AQ_MUST_CHECK;

/* The spare key is on disk before there is an epoch for it, so that a request that begins one does not wait for it. */
bool keyring_has_spare(struct keyring *keyring);
int keyring_make_spare(struct keyring *keyring, struct aq_error *error) AQ_MUST_CHECK;
/* False: there is none. From then on it is a key like others. */
bool keyring_take_spare(struct keyring *keyring, char name[KEYRING_NAME_SIZE]);
/* The one that an earlier process has left, once. Unless the log knows its epoch, it may be the spare key again. */
bool keyring_left_spare(struct keyring *keyring, char name[KEYRING_NAME_SIZE]);
/* No epoch has begun with this key, and none will: it is the spare key, or to be deleted. Does not wait. */
void keyring_give_back(struct keyring *keyring, const char *name);
/* The next one that is to be deleted; false: there is none. */
bool keyring_next_unused(struct keyring *keyring, char name[KEYRING_NAME_SIZE]);

/* Adds a key from a backup, and makes it durable. `is_new`: it was not here. */
int keyring_add(struct keyring *keyring, const unsigned char key[AQ_SECRET_KEY_SIZE], bool *is_new,
                struct aq_error *error) AQ_MUST_CHECK;
/* False: the key is not here. Wipe it after use. */
bool keyring_find(struct keyring *keyring, const char *name, unsigned char key[AQ_SECRET_KEY_SIZE]);
/* Deletes the key, for ever. None: nothing is done. */
int keyring_delete(struct keyring *keyring, const char *name, struct aq_error *error) AQ_MUST_CHECK;
/* The name of key `i`, without the spare key; false: there are not so many. In no order; it may change with the next
 * call of another. */
bool keyring_name(struct keyring *keyring, size_t i, char name[KEYRING_NAME_SIZE]);

#endif
