#include "schema/model/key.h"

#include "schema/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 19 };

bool aq_entity_is_named(const struct aq_entity *entity)
{
    return aq_entity_key(entity)->type == AQ_TYPE_NAME;
}

bool aq_key_is_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

bool aq_key_read_number(const char *text, uint64_t *number)
{
    if (!aq_key_is_digits(text) || text[0] == '0' || strlen(text) > DIGITS_MAX)
        return false;
    *number = strtoull(text, NULL, 10);
    return true;
}

int aq_key_from_text(const struct aq_entity *entity, const char *text, struct aq_key *key, struct aq_error *error)
{
    size_t length = strlen(text);
    if (aq_entity_is_named(entity)) {
        if (length == 0 || length > AQ_NAME_MAX || !aq_name_is_good(text, length))
            return aq_fail(error, AQ_E_INVALID,
                           "\"%.80s\" is not a valid %s name: use 1 to %d letters, digits, '.', '_' and '-'", text,
                           entity->name, AQ_NAME_MAX);
        *key = aq_key_name(text);
        return 0;
    }
    *key = (struct aq_key){0};
    if (aq_key_read_number(text, &key->number))
        return 0;
    return aq_fail(error, AQ_E_INVALID, "\"%.80s\" is not a valid %s number: use a whole number from 1", text,
                   entity->name);
}

static bool read_name(const char *text, size_t length, char name[AQ_NAME_MAX + 1])
{
    if (length == 0 || length > AQ_NAME_MAX || !aq_name_is_good(text, length))
        return false;
    memcpy(name, text, length);
    name[length] = '\0';
    return true;
}

static int pair_from_text(const struct aq_entity *entity, const char *text, struct aq_reference *reference,
                          struct aq_error *error)
{
    const size_t length = strcspn(text, ":");
    if (text[length] == ':' && read_name(text, length, reference->group) &&
        read_name(text + length + 1, strlen(text + length + 1), reference->other))
        return 0;
    return aq_fail(error, AQ_E_INVALID, "\"%.160s\" is not a valid %s: use its number, or %s:%s", text, entity->name,
                   entity->pair[0], entity->pair[1]);
}

int aq_reference_from_text(const struct aq_entity *entity, const char *text, struct aq_reference *reference,
                           struct aq_error *error)
{
    size_t length = strcspn(text, ":");
    const char *member = text[length] == ':' ? text + length + 1 : "latest";
    *reference = (struct aq_reference){0};
    if ((entity->group == NULL && entity->pair[0] == NULL) || aq_key_is_digits(text))
        return aq_key_from_text(entity, text, &reference->key, error);
    if (entity->pair[0] != NULL)
        return pair_from_text(entity, text, reference, error);
    if (!read_name(text, length, reference->group) ||
        (strcmp(member, "latest") != 0 && !aq_key_read_number(member, &reference->member)))
        return aq_fail(error, AQ_E_INVALID, "\"%.80s\" is not a valid %s: use its number, its %s, or %s:%s", text,
                       entity->name, entity->group, entity->group, entity->member);
    return 0;
}

int aq_key_not_found(const struct aq_entity *entity, struct aq_key key, struct aq_error *error)
{
    char text[128];
    aq_key_to_text(&key, text, sizeof text);
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no %s %s", entity->name, text);
}

struct aq_key aq_key_in_field(const struct aq_field *field, const void *object)
{
    if (aq_field_is_text(field))
        return aq_key_name(aq_field_text(field, object));
    return aq_key_number(aq_field_number(field, object));
}

bool aq_key_equals(const struct aq_key *key, const struct aq_key *other)
{
    if (key->name != NULL && other->name != NULL)
        return strcmp(key->name, other->name) == 0;
    return key->name == other->name && key->number == other->number;
}

void aq_key_to_text(const struct aq_key *key, char *out, size_t size)
{
    if (key->name != NULL)
        snprintf(out, size, "%s", key->name);
    else
        snprintf(out, size, "%" PRIu64, key->number);
}
