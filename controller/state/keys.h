/* Keys of rows and of indexes.
 *
 * A key is a name, or parts one after the other. Numbers are stored with the high byte first and texts with a NUL at
 * the end, so keys sort part by part, and no key is a prefix of another's part. */
#ifndef AQ_CONTROLLER_STATE_KEYS_H
#define AQ_CONTROLLER_STATE_KEYS_H

#include "schema/model/entity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_KEY_MAX = 256 };

struct state_key {
    size_t length; /* 0: an empty key, to build one from */
    unsigned char bytes[STATE_KEY_MAX];
};

/* Keys of rows. */
struct state_key state_key_number(uint64_t number);
struct state_key state_key_name(const char *name); /* cut at STATE_KEY_MAX - 1 bytes: no name is that long */

/* Keys of indexes are built part by part. */
void state_key_add_number(struct state_key *key, uint64_t number);
void state_key_add_text(struct state_key *key, const char *text);
uint64_t state_key_number_at(const struct state_key *key, size_t offset); /* the number stored there */

/* For tables in memory: all bits depend on all bytes, the low ones too. `seed` tells keys of different kinds apart. */
uint64_t state_key_hash(const unsigned char *bytes, size_t length, uint64_t seed);

bool state_key_equals(const struct state_key *key, const void *bytes, size_t length);

/* Whether a key of a row of `entity` can have this length. */
bool state_key_length_is_valid(const struct aq_entity *entity, size_t length);

/* Makes the key of what a user typed: "7" or "mac". Fails where aq_key_from_text() fails. */
int state_key_from_text(const struct aq_entity *entity, const char *text, struct state_key *key,
                        struct aq_error *error) AQ_MUST_CHECK;
/* A key as users see it, and the key of an unpacked row. */
void state_key_show(const struct aq_entity *entity, const struct state_key *key, char *out, size_t size);
void state_key_text(const struct aq_entity *entity, const void *object, char *out, size_t size);

/* The error AQ_E_NOT_FOUND for a row: "there is no label 7". Returns -1. */
int state_fail_missing(const struct aq_entity *entity, const struct state_key *key, struct aq_error *error);

#endif
