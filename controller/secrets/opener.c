#include "controller/secrets/opener.h"

#include "controller/secrets/seal.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail_unread(const struct aq_wrap *wrap, const struct aq_list *sealed, const char *whose, bool has_key,
                       struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    for (uint32_t i = 0; i < sealed->count; i++)
        aq_buffer_format(&names, "%s%s", i > 0 ? ", " : "", AQ_ITEM(*sealed, struct aq_boxed, i)->name);
    if (has_key)
        return aq_fail(error, AQ_E_STATE, "the secrets %.200s of its %s cannot be read: they are damaged",
                       aq_buffer_string(&names), whose);
    return aq_fail(error, AQ_E_STATE,
                   "the secrets %.200s of its %s cannot be read: the key of epoch %s is not in the keyring",
                   aq_buffer_string(&names), whose, wrap->epoch);
}

/* "definitions[2].authentication.key" is for definition 2 only, where it is authentication.key. NULL: not for it. */
static const char *name_in(const char *name, uint64_t definition)
{
    char prefix[40];
    int length = snprintf(prefix, sizeof prefix, "definitions[%" PRIu64 "].", definition);
    if (strncmp(name, "definitions[", strlen("definitions[")) != 0)
        return name;
    return strncmp(name, prefix, (size_t)length) == 0 ? name + length : NULL;
}

static void put(struct aq_list *secrets, const char *name, const char *value)
{
    struct aq_secret *items = secrets->items;
    for (uint32_t i = 0; i < secrets->count; i++)
        if (strcmp(items[i].name, name) == 0) {
            items[i].value = value;
            return;
        }
    items[secrets->count++] = (struct aq_secret){name, value};
}

static int open_all(struct keyring *keyring, const struct aq_wrap *wrap, const struct aq_list *sealed,
                    uint64_t definition, const char *whose, struct aq_list *secrets, struct aq_arena *arena,
                    struct aq_error *error)
{
    struct seal_key epoch_key, key;
    if (sealed->count == 0)
        return 0;
    const bool has_key = keyring_find(keyring, wrap->epoch, epoch_key.bytes);
    bool good = has_key && seal_unwrap(&epoch_key, wrap, &key);
    seal_wipe(&epoch_key);
    for (uint32_t i = 0; good && i < sealed->count; i++) {
        const struct aq_boxed *one = AQ_ITEM(*sealed, struct aq_boxed, i);
        const char *name = name_in(one->name, definition), *value;
        if (name == NULL)
            continue;
        value = seal_open(&key, one, arena);
        good = value != NULL;
        if (good)
            put(secrets, name, value);
    }
    seal_wipe(&key);
    return good ? 0 : fail_unread(wrap, sealed, whose, has_key, error);
}

int secrets_open(struct keyring *keyring, const struct aq_label *label, uint64_t definition,
                 const struct aq_application *application, struct aq_list *secrets, struct aq_arena *arena,
                 struct aq_error *error)
{
    const uint32_t most = label->sealed.count + application->sealed.count;
    *secrets = (struct aq_list){most > 0 ? aq_arena_alloc(arena, most * sizeof(struct aq_secret)) : NULL, 0};
    if (open_all(keyring, &label->wrap, &label->sealed, definition, "label", secrets, arena, error) != 0)
        return -1;
    return open_all(keyring, &application->wrap, &application->sealed, definition, "application", secrets, arena,
                    error);
}
