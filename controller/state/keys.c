#include "controller/state/keys.h"

#include "schema/model/key.h"

#include <endian.h>
#include <string.h>

/* Only `length` bytes of a key are set: clearing all of them took 4 % of a rebuild. */

struct state_key state_key_number(uint64_t number)
{
    struct state_key key;
    key.length = 0;
    state_key_add_number(&key, number);
    return key;
}

struct state_key state_key_name(const char *name)
{
    struct state_key key;
    key.length = strnlen(name, STATE_KEY_MAX - 1);
    memcpy(key.bytes, name, key.length);
    return key;
}

void state_key_add_number(struct state_key *key, uint64_t number)
{
    aq_assert(key->length + sizeof number <= sizeof key->bytes);
    uint64_t high_first = htobe64(number);
    memcpy(key->bytes + key->length, &high_first, sizeof high_first);
    key->length += sizeof number;
}

void state_key_add_text(struct state_key *key, const char *text)
{
    size_t length = strlen(text);
    aq_assert(key->length + length + 1 <= sizeof key->bytes);
    memcpy(key->bytes + key->length, text, length + 1);
    key->length += length + 1;
}

uint64_t state_key_number_at(const struct state_key *key, size_t offset)
{
    uint64_t high_first;
    aq_assert(offset + sizeof high_first <= key->length);
    memcpy(&high_first, key->bytes + offset, sizeof high_first);
    return be64toh(high_first);
}

/* A multiplication spreads bits upwards only, and the shift brings them down again. */
static uint64_t hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15; /* 2^64 divided by the golden ratio */
    return hash ^ hash >> 32;
}

/* The last byte of a word is its low one: there numbers differ, and mostly names, too. */
uint64_t state_key_hash(const unsigned char *bytes, size_t length, uint64_t seed)
{
    uint64_t hash = seed + length, word;
    for (; length >= sizeof word; bytes += sizeof word, length -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = hash_word(hash, be64toh(word));
    }
    if (length > 0) {
        word = 0;
        memcpy((unsigned char *)&word + sizeof word - length, bytes, length);
        hash = hash_word(hash, be64toh(word));
    }
    return hash_word(hash, 0); /* once more, for the high bytes of the last word */
}

bool state_key_equals(const struct state_key *key, const void *bytes, size_t length)
{
    return key->length == length && memcmp(key->bytes, bytes, length) == 0;
}

bool state_key_length_is_valid(const struct aq_entity *entity, size_t length)
{
    return aq_entity_is_named(entity) ? length <= STATE_KEY_MAX : length == sizeof(uint64_t);
}

void state_key_show(const struct aq_entity *entity, const struct state_key *key, char *out, size_t size)
{
    char digits[20];
    const char *text = (const char *)key->bytes;
    size_t length = key->length;
    if (!aq_entity_is_named(entity)) { /* printf would be most of the cost of a listing */
        uint64_t number = state_key_number_at(key, 0);
        length = 0;
        do
            digits[sizeof digits - ++length] = (char)('0' + number % 10);
        while ((number /= 10) > 0);
        text = digits + sizeof digits - length;
    }
    length = length < size ? length : size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
}

void state_key_text(const struct aq_entity *entity, const void *object, char *out, size_t size)
{
    const struct aq_key key = aq_key_in_field(aq_entity_key(entity), object);
    aq_key_to_text(&key, out, size);
}

int state_key_from_text(const struct aq_entity *entity, const char *text, struct state_key *key, struct aq_error *error)
{
    struct aq_key value;
    if (aq_key_from_text(entity, text, &value, error) != 0)
        return -1;
    *key = value.name != NULL ? state_key_name(value.name) : state_key_number(value.number);
    return 0;
}

int state_fail_missing(const struct aq_entity *entity, const struct state_key *key, struct aq_error *error)
{
    char shown[STATE_KEY_MAX + 1];
    state_key_show(entity, key, shown, sizeof shown);
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no %s %.100s", entity->name, shown);
}
