#include "controller/state/references.h"

#include "controller/state/indexes.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t state_member(struct state_txn *txn, const struct aq_entity *entity, const char *group, uint64_t member)
{
    struct state_key key = {0}, last;
    const void *value;
    size_t length;
    uint64_t id = 0;
    if (strlen(group) > AQ_NAME_MAX)
        return 0;
    state_key_add_text(&key, group);
    if (member != 0)
        state_key_add_number(&key, member);
    bool found = member != 0 ? index_get(txn, index_of_groups(entity), &key, &value, &length)
                             : index_last(txn, index_of_groups(entity), &key, &last, &value, &length);
    if (!found)
        return 0;
    aq_assert(length == sizeof id);
    memcpy(&id, value, length);
    return id;
}

/* What a row is called without doubt: "mac:2". False: there is no such row. */
static bool show_member(struct state_txn *txn, const struct aq_entity *entity, uint64_t id, char *out, size_t size)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct state_key key = state_key_number(id);
    void *row = aq_arena_alloc(&arena, entity->record->size);
    if (id == 0 || !state_find(txn, entity, &key, row, &arena))
        return false;
    snprintf(out, size, "%s:%" PRIu64, aq_field_text(aq_record_field(entity->record, entity->group), row),
             aq_field_number(aq_record_field(entity->record, entity->member), row));
    return true;
}

/* Digits are a number, but groups whose names are digits were once allowed: nobody may hit the one and mean the other.
 */
static int check_digits(struct state_txn *txn, const struct aq_entity *entity, const char *digits, uint64_t id,
                        struct aq_error *error)
{
    char by_number[AQ_NAME_MAX + 24], by_name[AQ_NAME_MAX + 24];
    uint64_t named = state_member(txn, entity, digits, 0);
    if (named == 0 || named == id || !show_member(txn, entity, named, by_name, sizeof by_name))
        return 0;
    if (!show_member(txn, entity, id, by_number, sizeof by_number))
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no %s number %s; for the one with that %s, write %s",
                       entity->name, digits, entity->group, by_name);
    return aq_fail(error, AQ_E_INVALID, "%s %s is the number of %s and the %s of %s: write one of these", entity->name,
                   digits, by_number, entity->group, by_name);
}

static int fail_reference(const struct aq_entity *entity, const struct aq_reference *reference, struct aq_error *error)
{
    if (reference->other[0] != '\0')
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no %s %s:%s", entity->name, reference->group, reference->other);
    if (reference->member == 0)
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no %s %s", entity->name, reference->group);
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no %s %" PRIu64 " of %s %s", entity->member, reference->member,
                   entity->name, reference->group);
}

int state_refer(struct state_txn *txn, const struct aq_entity *entity, const char *text, struct state_key *key,
                struct aq_error *error)
{
    struct aq_reference reference;
    if (aq_reference_from_text(entity, text, &reference, error) != 0)
        return -1;
    if (reference.group[0] == '\0') {
        *key = reference.key.name != NULL ? state_key_name(reference.key.name) : state_key_number(reference.key.number);
        return entity->group == NULL ? 0 : check_digits(txn, entity, text, reference.key.number, error);
    }
    uint64_t id = entity->pair[0] != NULL ? state_membership_of(txn, reference.group, reference.other)
                                          : state_member(txn, entity, reference.group, reference.member);
    *key = state_key_number(id);
    return id != 0 ? 0 : fail_reference(entity, &reference, error);
}

int state_fail_unseen(struct state_txn *txn, const struct aq_entity *entity, const char *text,
                      const struct state_key *key, struct aq_error *error)
{
    struct aq_reference reference;
    struct aq_error ignored;
    if (aq_reference_from_text(entity, text, &reference, &ignored) == 0 && reference.group[0] != '\0')
        return fail_reference(entity, &reference, error);
    return state_fail_absent(txn, entity, key, error);
}
