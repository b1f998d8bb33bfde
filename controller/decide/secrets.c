#include "controller/decide/secrets.h"

#include "schema/codec/json.h"
#include "schema/codec/variables.h"
#include "schema/model/epoch.h"

#include <inttypes.h>
#include <string.h>

int decide_check_secret_keys(const struct aq_list *secrets, struct aq_error *error)
{
    for (uint32_t i = 0; i < secrets->count; i++) {
        const char *key = AQ_TEXT_ITEM(*secrets, i);
        if (strcmp(key, "*") != 0 && !aq_secret_key_is_good(key))
            return aq_fail(error, AQ_E_INVALID,
                           "secrets[%" PRIu32
                           "] is \"%.64s\", but must be * or a key of metadata of at most 64 letters, "
                           "digits, \".\", \"_\" and \"-\", the name of a file",
                           i, key);
    }
    return 0;
}

/* The door has found another version of the label. */
static int fail_unsealed(const char *key, struct aq_error *error)
{
    return aq_fail(error, AQ_E_BUSY,
                   "metadata.%.64s has become a secret while the request was under way: send it again", key);
}

static int check_members(json_t *json, const struct aq_list *secrets, const struct aq_list *sealed,
                         const struct decide *decide, struct aq_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach (json, key, value) {
        const char *name = aq_arena_format(decide->arena, AQ_SECRET_METADATA "%s", key);
        const bool is_sealed = aq_boxed_named(sealed, name) != NULL;
        if (aq_secrets_have(secrets, key) && !is_sealed)
            return fail_unsealed(key, error);
        if (is_sealed && (!json_is_string(value) || strcmp(json_string_value(value), AQ_SECRET_MARK) != 0))
            return aq_fail(error, AQ_E_INTERNAL, "metadata.%.64s was sealed, and is still there", key);
    }
    return 0;
}

/* db_password is the variable of db-password, too. */
static int check_spelling(json_t *json, const struct aq_list *secrets, struct aq_error *error)
{
    const char *key;
    for (uint32_t i = 0; i < secrets->count; i++)
        json_object_del(json, AQ_TEXT_ITEM(*secrets, i));
    for (uint32_t i = 0; i < secrets->count; i++) {
        key = AQ_TEXT_ITEM(*secrets, i);
        if (strcmp(key, "*") != 0 && aq_variables_set(json, key))
            return aq_fail(error, AQ_E_INVALID, "metadata: \"%.64s\" is a secret: give it with exactly that key", key);
    }
    return 0;
}

int decide_check_sealed(const struct decide *decide, const char *metadata, const struct aq_list *secrets,
                        const struct aq_list *sealed, const struct aq_wrap *wrap, struct aq_error *error)
{
    if (sealed->count > 0) {
        const struct state_key epoch = state_key_name(wrap->epoch);
        if (!state_exists(decide->txn, &aq_entity_epoch, &epoch))
            return aq_fail(error, AQ_E_BUSY,
                           "the key under which its secrets were sealed has come to its end meanwhile: send it again");
    }
    if ((secrets->count == 0 && sealed->count == 0) || aq_json_is_empty(metadata))
        return 0;
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(metadata, strlen(metadata), error);
    if (json == NULL)
        return aq_error_context(error, "metadata");
    return check_members(json, secrets, sealed, decide, error) == 0 ? check_spelling(json, secrets, error) : -1;
}

static int check_text(void *context, const char *path, const char **text, struct aq_error *error)
{
    const struct aq_list *sealed = context;
    if (*text == NULL || (*text)[0] == '\0')
        return 0;
    if (strcmp(*text, AQ_SECRET_MARK) == 0 && aq_boxed_named(sealed, path) != NULL)
        return 0;
    return aq_fail(error, AQ_E_INTERNAL, "%s is a secret, and was not sealed", path);
}

int decide_check_sealed_fields(const struct aq_record *record, const void *object, const struct aq_list *sealed,
                               struct aq_error *error)
{
    return aq_sealed_texts(record, (void *)(uintptr_t)object, check_text, (void *)(uintptr_t)sealed, error);
}

static bool is_lost(const struct decide *decide, const struct aq_list *sealed, const struct aq_wrap *wrap)
{
    struct aq_epoch epoch;
    if (sealed->count == 0)
        return false;
    const struct state_key key = state_key_name(wrap->epoch);
    return !state_find(decide->txn, &aq_entity_epoch, &key, &epoch, decide->arena) || epoch.lost;
}

const char *decide_lost_epoch(const struct decide *decide, const struct aq_label *label,
                              const struct aq_application *application)
{
    if (is_lost(decide, &application->sealed, &application->wrap))
        return application->wrap.epoch;
    return is_lost(decide, &label->sealed, &label->wrap) ? label->wrap.epoch : NULL;
}

int decide_check_not_lost(const struct decide *decide, const struct aq_label *label, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    if (!is_lost(decide, &label->sealed, &label->wrap))
        return 0;
    for (uint32_t i = 0; i < label->sealed.count; i++)
        aq_buffer_format(&names, "%s%s", i > 0 ? ", " : "", AQ_ITEM(label->sealed, struct aq_boxed, i)->name);
    return aq_fail(error, AQ_E_STATE,
                   "label %s, version %" PRIu64
                   ", has lost its secrets, which are %.200s: the key of epoch %s is not in "
                   "the keyring; create another version",
                   label->name, label->version, aq_buffer_string(&names), label->wrap.epoch);
}

struct aq_list decide_stored_secrets(const struct decide *decide, const struct aq_list *sealed)
{
    struct aq_boxed *items = sealed->count > 0 ? aq_arena_alloc(decide->arena, sealed->count * sizeof *items) : NULL;
    for (uint32_t i = 0; i < sealed->count; i++) {
        items[i] = *AQ_ITEM(*sealed, struct aq_boxed, i);
        items[i].before = (struct aq_bytes){0};
    }
    return (struct aq_list){items, sealed->count};
}

static bool bytes_equal(const struct aq_bytes *one, const struct aq_bytes *other)
{
    return one->length == other->length && one->length > 0 && memcmp(one->data, other->data, one->length) == 0;
}

bool decide_same_secrets(const struct aq_list *latest, const struct aq_list *given)
{
    bool same = latest->count == given->count;
    for (uint32_t i = 0; same && i < given->count; i++) {
        const struct aq_boxed *one = AQ_ITEM(*given, struct aq_boxed, i), *other = aq_boxed_named(latest, one->name);
        same = other != NULL && bytes_equal(&other->digest, &one->before);
    }
    return same;
}
