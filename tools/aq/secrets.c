#include "tools/aq/secrets.h"

#include "schema/base/files.h"
#include "schema/model/secret.h"
#include "tools/aq/prompt.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TYPED_MAX = 1024 };

/* A newline at the end, where editors and echo put one, is not part of it. */
static json_t *read_secret(const char *path, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (aq_file_read(AT_FDCWD, strcmp(path, "-") == 0 ? "/dev/stdin" : path, AQ_SECRET_VALUE_MAX, &text, error) != 0)
        return NULL;
    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.length--;
    if (memchr(aq_buffer_string(&text), '\0', text.length) != NULL) {
        (void)aq_fail(error, AQ_E_INVALID, "%s has a zero byte, which no text may have", path);
        return NULL;
    }
    json_t *value = json_stringn(aq_buffer_string(&text), text.length);
    if (value == NULL)
        (void)aq_fail(error, AQ_E_INVALID, "%s is not UTF-8", path);
    return value;
}

static json_t *ask_secret(const char *key, struct aq_error *error)
{
    char question[128], typed[TYPED_MAX];
    snprintf(question, sizeof question, "%.64s: ", key);
    if (cli_prompt_is_possible() && cli_prompt(question, true, typed, sizeof typed))
        return json_string(typed);
    (void)aq_fail(error, AQ_E_INVALID, "there is no terminal to ask for it: add =FILE, or =- for standard input");
    return NULL;
}

static int take_secret(const char *word, json_t *metadata, struct aq_error *error)
{
    char key[AQ_NAME_MAX + 1];
    const char *equals = strchr(word, '=');
    snprintf(key, sizeof key, "%.*s", (int)strcspn(word, "="), word);
    if (!aq_secret_key_is_good(key) || strcspn(word, "=") > AQ_NAME_MAX)
        return aq_fail(error, AQ_E_INVALID,
                       "--secret %.64s: it takes KEY or KEY=FILE, where KEY is a key of metadata with at most %d "
                       "bytes that can be the name of a file",
                       word, AQ_NAME_MAX);
    json_t *value = equals != NULL ? read_secret(equals + 1, error) : ask_secret(key, error);
    if (value == NULL)
        return aq_error_context(error, "--secret %s", key);
    json_object_set_new(metadata, key, value);
    return 0;
}

int cli_take_secrets(const struct cli_options *options, json_t *given, struct aq_error *error)
{
    if (options->secret_count == 0)
        return 0;
    json_t *metadata = json_object_get(given, "metadata");
    if (metadata == NULL) {
        metadata = json_object();
        json_object_set_new(given, "metadata", metadata);
    }
    if (!json_is_object(metadata))
        return aq_fail(error, AQ_E_INVALID,
                       "--secret cannot be added to metadata={...}: give metadata.KEY=VALUE words");
    unsigned from_input = 0;
    for (unsigned i = 0; i < options->secret_count; i++) {
        const char *equals = strchr(options->secrets[i], '=');
        from_input += equals != NULL && strcmp(equals, "=-") == 0;
        if (from_input > 1)
            return aq_fail(error, AQ_E_INVALID, "--secret: only one can be read from standard input");
        if (take_secret(options->secrets[i], metadata, error) != 0)
            return -1;
    }
    return 0;
}

/* The key in front of "=FILE". */
static json_t *key_of(const char *word)
{
    return json_stringn(word, strcspn(word, "="));
}

void cli_name_secrets(const struct cli_options *options, json_t *application)
{
    json_t *keys = json_array();
    for (unsigned i = 0; i < options->secret_count; i++)
        json_array_append_new(keys, key_of(options->secrets[i]));
    if (options->secret_count > 0)
        json_object_set(application, "secrets", keys);
    json_decref(keys);
}

/* As a list or, in words, with commas. */
static bool has_secret(const json_t *secrets, const char *key)
{
    const char *at = json_string_value(secrets);
    const size_t length = strlen(key);
    size_t index;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)secrets, index, item) {
        const char *text = json_string_value(item);
        if (text != NULL && (strcmp(text, key) == 0 || strcmp(text, "*") == 0))
            return true;
    }
    for (; at != NULL; at = strchr(at, ','), at += at != NULL)
        if (at[0] == '*' || (strcspn(at, ",") == length && strncmp(at, key, length) == 0))
            return true;
    return false;
}

int cli_check_secrets(const struct cli_options *options, const json_t *label, struct aq_error *error)
{
    int failed = 0;
    for (unsigned i = 0; i < options->secret_count && failed == 0; i++) {
        json_t *key = key_of(options->secrets[i]);
        if (!has_secret(json_object_get(label, "secrets"), json_string_value(key)))
            failed = aq_fail(error, AQ_E_INVALID,
                             "--secret %.64s: the label's field secrets does not name it, so it would be no secret",
                             json_string_value(key));
        json_decref(key);
    }
    return failed;
}
