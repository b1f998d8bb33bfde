/* The key of a row as a value: the number or the name that identifies it within its entity.
 *
 * Keys are compared as values, not as texts: in a command to /application/7, both "id": 7 and id=007 name that row.
 * A path has only one text for each row, though: /application/007 is refused. */
#ifndef AQ_SCHEMA_MODEL_KEY_H
#define AQ_SCHEMA_MODEL_KEY_H

#include "schema/model/entity.h"

struct aq_key {
    const char *name; /* NULL: the key is a number */
    uint64_t number;
};

static inline struct aq_key aq_key_number(uint64_t number)
{
    return (struct aq_key){.number = number};
}

static inline struct aq_key aq_key_name(const char *name)
{
    return (struct aq_key){.name = name};
}

/* Does the entity identify its rows by name? Otherwise by number. */
bool aq_entity_is_named(const struct aq_entity *entity);

/* Reads the text of a path or an argument: "7" or "mac". Fails with AQ_E_INVALID if no row of the entity can have this
 * key; the message says what a key looks like. `key` points into `text`. */
int aq_key_from_text(const struct aq_entity *entity, const char *text, struct aq_key *key,
                     struct aq_error *error) AQ_MUST_CHECK;

/* What people call a row. Of an entity with groups that is also a group, for its latest member, or a member: "mac",
 * "mac:latest", "mac:2"; of one with a pair of names these: "web:ann". Digits alone are always the row's number. */
struct aq_reference {
    struct aq_key key;           /* if `group` is empty */
    char group[AQ_NAME_MAX + 1]; /* "": the key names the row; of a pair the first name */
    uint64_t member;             /* of the group; 0: the latest */
    char other[AQ_NAME_MAX + 1]; /* the second name of a pair */
};

/* Reads a reference. Fails like aq_key_from_text(). `reference->key` points into `text`. */
int aq_reference_from_text(const struct aq_entity *entity, const char *text, struct aq_reference *reference,
                           struct aq_error *error) AQ_MUST_CHECK;

/* Reads a whole number from 1, without leading zeros. False: the text is not one. */
bool aq_key_read_number(const char *text, uint64_t *number);

/* Does the text consist of digits only? */
bool aq_key_is_digits(const char *text);

/* Fails with AQ_E_NOT_FOUND: "there is no label 7". Returns -1. */
int aq_key_not_found(const struct aq_entity *entity, struct aq_key key, struct aq_error *error);

/* The key that the record `object` has in `field`. Points into the record. */
struct aq_key aq_key_in_field(const struct aq_field *field, const void *object);

bool aq_key_equals(const struct aq_key *key, const struct aq_key *other);

/* The key as users see it, cut to `size` bytes. */
void aq_key_to_text(const struct aq_key *key, char *out, size_t size);

#endif
