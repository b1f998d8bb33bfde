#include "drivers/program/hello.h"

#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/drivers/readers.h"

#include <inttypes.h>
#include <string.h>

/* ---- members of an object ------------------------------------------------------------------------------- */

static int fail_member(const char *member, const char *what, struct aq_error *error)
{
    return aq_fail(error, AQ_E_INVALID, "%s must be %s", member, what);
}

/* What is not given keeps its value. */
static int read_bool(const json_t *object, const char *member, bool *value, struct aq_error *error)
{
    const json_t *given = json_object_get(object, member);
    if (given != NULL && !json_is_boolean(given))
        return fail_member(member, "true or false", error);
    if (given != NULL)
        *value = json_is_true(given);
    return 0;
}

static int read_text(const json_t *object, const char *member, size_t most, const char **value, struct aq_arena *arena,
                     struct aq_error *error)
{
    const json_t *given = json_object_get(object, member);
    if (given == NULL)
        return 0;
    if (!aq_option_is_text(given) || json_string_length(given) > most)
        return aq_fail(error, AQ_E_INVALID, "%s must be a text of at most %zu bytes", member, most);
    *value = aq_arena_text(arena, json_string_value(given), json_string_length(given));
    return 0;
}

static int read_number(const json_t *object, const char *member, uint64_t *value, struct aq_error *error)
{
    const json_t *given = json_object_get(object, member);
    if (given != NULL && (!json_is_integer(given) || json_integer_value(given) < 0))
        return fail_member(member, "a whole number that is not negative", error);
    if (given != NULL)
        *value = (uint64_t)json_integer_value(given);
    return 0;
}

static int check_members(const json_t *object, const char *const *known, struct aq_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL)
            return aq_fail(error, AQ_E_INVALID, "member \"%.64s\" is unknown", name);
    }
    return 0;
}

/* ---- options -------------------------------------------------------------------------------------------- */

enum role { ROLE_NONE, ROLE_USER, ROLE_DIRECTORY, ROLE_PROGRAM, ROLE_ENVIRONMENT };

typedef int reader_fn(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                      struct aq_error *error);

static const struct option_kind {
    const char *word;
    enum aq_type type;
    unsigned rules;
    uint64_t most; /* greatest bound, and that which is preset */
    reader_fn *read;
    const char *accepts;
    enum role role;
} kinds[] = {
    {"number", AQ_TYPE_U64, 0, INT64_MAX, NULL, NULL, ROLE_NONE},
    {"duration", AQ_TYPE_DURATION, 0, UINT32_MAX, NULL, NULL, ROLE_NONE},
    {"bool", AQ_TYPE_BOOL, 0, 1, NULL, NULL, ROLE_NONE},
    {"word", AQ_TYPE_ENUM, 0, 0, NULL, NULL, ROLE_NONE},
    {"text", AQ_TYPE_TEXT, 0, HELLO_TEXT_MAX, NULL, NULL, ROLE_NONE},
    {"lines", AQ_TYPE_TEXT, AQ_LINES, HELLO_TEXT_MAX, NULL, NULL, ROLE_NONE},
    {"texts", AQ_TYPE_TEXTS, 0, HELLO_LIST_MAX, aq_read_texts, "a list of texts and numbers", ROLE_NONE},
    {"command", AQ_TYPE_TEXTS, 0, HELLO_LIST_MAX, aq_read_command, "a list of texts, or one text", ROLE_PROGRAM},
    {"environment", AQ_TYPE_TEXTS, 0, HELLO_LIST_MAX, aq_read_environment, "an object of texts and numbers",
     ROLE_ENVIRONMENT},
    {"directory", AQ_TYPE_TEXT, 0, HELLO_TEXT_MAX, aq_read_directory, "an absolute path", ROLE_DIRECTORY},
    {"user", AQ_TYPE_TEXT, 0, 128, aq_read_user, "a name or a number", ROLE_USER},
};

static const char *const option_members[] = {"name",  "type",   "least",    "most", "unit",
                                             "words", "preset", "required", "help", NULL};

static const struct option_kind *find_kind(const json_t *option)
{
    const char *word = json_string_value(json_object_get(option, "type"));
    for (size_t i = 0; word != NULL && i < AQ_LENGTH(kinds); i++)
        if (strcmp(kinds[i].word, word) == 0)
            return &kinds[i];
    return NULL;
}

static int fail_kind(struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    for (size_t i = 0; i < AQ_LENGTH(kinds); i++)
        aq_buffer_format(&words, "%s%s", i > 0 ? ", " : "one of: ", kinds[i].word);
    return fail_member("type", aq_buffer_string(&words), error);
}

/* A name that is part of a shell's variable, too. */
static bool name_is_good(const char *name)
{
    if (name == NULL || name[0] < 'a' || name[0] > 'z' || strlen(name) > AQ_NAME_MAX)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static int read_words(struct hello *hello, const json_t *option, struct aq_field *field, struct aq_error *error)
{
    const json_t *given = json_object_get(option, "words");
    const size_t count = json_array_size(given);
    const bool wanted = field->type == AQ_TYPE_ENUM;
    if ((given != NULL) != wanted || (wanted && (count < 1 || count > HELLO_WORDS_MAX)))
        return fail_member("words", "a list of 1 to 64 texts, for an option of type word and no other", error);
    const char **texts = aq_arena_alloc(&hello->arena, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const json_t *word = json_array_get(given, i);
        if (!aq_option_is_text(word) || json_string_length(word) < 1 || json_string_length(word) > AQ_NAME_MAX)
            return fail_member("words", "texts of 1 to 64 bytes", error);
        texts[i] = aq_arena_text(&hello->arena, json_string_value(word), json_string_length(word));
    }
    struct aq_words *words = aq_arena_alloc(&hello->arena, sizeof *words);
    *words = (struct aq_words){.name = field->name, .words = texts, .count = (uint32_t)count};
    field->words = words;
    return 0;
}

static int read_bounds(const json_t *option, const struct option_kind *kind, struct aq_field *field,
                       struct aq_error *error)
{
    field->most = kind->most;
    if (read_number(option, "least", &field->least, error) != 0 ||
        read_number(option, "most", &field->most, error) != 0)
        return -1;
    if (field->most > kind->most || field->least > field->most)
        return aq_fail(error, AQ_E_INVALID, "least and most must be in order, and at most %" PRIu64, kind->most);
    return 0;
}

static int read_option(struct hello *hello, const json_t *option, struct aq_field *field,
                       struct aq_option_reader *reader, struct aq_error *error)
{
    const struct option_kind *kind = find_kind(option);
    const char *name = json_string_value(json_object_get(option, "name"));
    bool required = false;
    if (!name_is_good(name))
        return fail_member("name", "1 to 64 lower-case letters, digits and _, beginning with a letter", error);
    if (check_members(option, option_members, error) != 0)
        return -1;
    if (kind == NULL)
        return fail_kind(error);
    *field = (struct aq_field){
        .name = aq_arena_text(&hello->arena, name, strlen(name)), .type = kind->type, .rules = kind->rules, .help = ""};
    if (read_bounds(option, kind, field, error) != 0 || read_words(hello, option, field, error) != 0 ||
        read_bool(option, "required", &required, error) != 0 ||
        read_text(option, "unit", AQ_NAME_MAX, &field->unit, &hello->arena, error) != 0 ||
        read_text(option, "help", 1024, &field->help, &hello->arena, error) != 0)
        return -1;
    if (required)
        field->rules |= AQ_REQUIRED;
    *reader = (struct aq_option_reader){field->name, kind->accepts, kind->read};
    return 0;
}

/* The plain form of options that were read into `object`; a list of texts always as a list. A new reference. */
static json_t *normal_form(const struct aq_driver *driver, const json_t *given, const void *object)
{
    json_t *plain = aq_options_plain(driver, given);
    for (size_t i = 0; i < driver->options->count; i++) {
        const struct aq_field *field = &driver->options->fields[i];
        const struct aq_list *texts = AQ_AT_CONST(object, field);
        const json_t *value = json_object_get(given, field->name);
        if (value == NULL || field->type != AQ_TYPE_TEXTS || json_is_object(value))
            continue;
        json_t *list = json_array();
        for (uint32_t k = 0; k < texts->count; k++)
            json_array_append_new(list, json_string(AQ_TEXT_ITEM(*texts, k)));
        json_object_set_new(plain, field->name, list);
    }
    return plain;
}

/* Checked as if a label had given it. */
static int take_preset(struct hello *hello, const json_t *option, const struct aq_field *field, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const json_t *preset = json_object_get(option, "preset");
    const void *object;
    if (preset == NULL)
        return 0;
    if (field->rules & AQ_REQUIRED)
        return aq_fail(error, AQ_E_INVALID, "it is required, and has a preset");
    json_t *given = json_pack("{sO}", field->name, preset);
    struct aq_record one = hello->options;
    struct aq_driver driver = hello->declared;
    one.fields = field;
    one.count = 1;
    driver.options = &one;
    int failed = aq_options_read(&driver, given, &object, &arena, error);
    if (failed == 0) {
        json_t *plain = normal_form(&driver, given, object);
        json_object_update(hello->presets, plain);
        json_decref(plain);
    }
    json_decref(given);
    return failed != 0 ? aq_error_context(error, "preset") : 0;
}

/* Large enough for a value of any type. */
union value {
    uint64_t number;
    const char *text;
    struct aq_list list;
};

static int read_options(struct hello *hello, const json_t *given, struct aq_error *error)
{
    const size_t count = json_array_size(given);
    if (given != NULL && !json_is_array(given))
        return fail_member("options", "a list", error);
    if (count > HELLO_OPTIONS_MAX)
        return aq_fail(error, AQ_E_INVALID, "options has %zu entries, more than %d", count, HELLO_OPTIONS_MAX);
    struct aq_field *fields = aq_arena_alloc(&hello->arena, (count + 1) * sizeof *fields);
    struct aq_option_reader *readers = aq_arena_alloc(&hello->arena, (count + 1) * sizeof *readers);
    size_t read = 0;
    hello->options = (struct aq_record){"options", 1, "options", fields, count, count * sizeof(union value), NULL};
    hello->declared.options = &hello->options;
    hello->declared.readers = readers;
    for (size_t i = 0; i < count; i++) {
        const json_t *option = json_array_get(given, i);
        struct aq_option_reader reader = {0};
        if (read_option(hello, option, &fields[i], &reader, error) != 0)
            return aq_error_context(error, "options[%zu]", i);
        fields[i].offset = i * sizeof(union value);
        for (size_t k = 0; k < i; k++)
            if (strcmp(fields[k].name, fields[i].name) == 0)
                return aq_fail(error, AQ_E_INVALID, "options[%zu]: there are two of the name %s", i, fields[i].name);
        if (reader.read != NULL)
            readers[read++] = reader;
        if (take_preset(hello, option, &fields[i], error) != 0)
            return aq_error_context(error, "options[%zu]", i);
    }
    return 0;
}

/* ---- the line ------------------------------------------------------------------------------------------- */

static enum aq_reach reach_host(const void *options)
{
    (void)options;
    return AQ_REACH_HOST;
}

static enum aq_reach reach_address(const void *options)
{
    (void)options;
    return AQ_REACH_ADDRESS;
}

static int read_reach(struct hello *hello, const json_t *line, struct aq_error *error)
{
    const char *word = "none";
    if (read_text(line, "reach", AQ_NAME_MAX, &word, &hello->arena, error) != 0)
        return -1;
    if (strcmp(word, "host") == 0)
        hello->declared.reach = reach_host;
    else if (strcmp(word, "address") == 0)
        hello->declared.reach = reach_address;
    else if (strcmp(word, "none") != 0)
        return fail_member("reach", "one of: none, host, address", error);
    return 0;
}

static int read_form(struct hello *hello, const json_t *line, struct aq_error *error)
{
    const char *word = "json";
    if (read_text(line, "form", AQ_NAME_MAX, &word, &hello->arena, error) != 0)
        return -1;
    hello->form = strcmp(word, "sh") == 0 ? HELLO_SH : HELLO_JSON;
    return hello->form == HELLO_SH || strcmp(word, "json") == 0 ? 0 : fail_member("form", "one of: json, sh", error);
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

static int read_workloads(struct hello *hello, const json_t *line, struct aq_error *error)
{
    const json_t *given = json_object_get(line, "workloads");
    const size_t count = json_array_size(given);
    if (given != NULL && !json_is_array(given))
        return fail_member("workloads", "a list of numbers", error);
    hello->workloads = aq_arena_alloc(&hello->arena, (count + 1) * sizeof *hello->workloads);
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(given, i);
        if (!json_is_integer(number) || json_integer_value(number) < 1)
            return fail_member("workloads", "a list of numbers", error);
        hello->workloads[i] = (uint64_t)json_integer_value(number);
    }
    hello->workload_count = count;
    qsort(hello->workloads, count, sizeof *hello->workloads, compare_numbers);
    return 0;
}

static const char *const hello_members[] = {"tasks",     "leases",    "hello",  "help",  "form",
                                            "commands",  "arguments", "groups", "reach", "options",
                                            "workloads", "unusable",  NULL};

static int read_line(struct hello *hello, const json_t *line, struct aq_error *error)
{
    const json_t *protocol = json_object_get(line, "hello");
    if (!json_is_integer(protocol))
        return aq_fail(error, AQ_E_INVALID, "its first line must be an object with a number \"hello\"");
    if (json_integer_value(protocol) != HELLO_PROTOCOL)
        return aq_fail(error, AQ_E_INVALID, "it speaks protocol %" JSON_INTEGER_FORMAT ", but this agent speaks %d",
                       json_integer_value(protocol), HELLO_PROTOCOL);
    if (check_members(line, hello_members, error) != 0 ||
        read_text(line, "unusable", 400, &hello->unusable, &hello->arena, error) != 0 ||
        read_text(line, "help", 1024, &hello->declared.help, &hello->arena, error) != 0 ||
        read_bool(line, "commands", &hello->commands, error) != 0 ||
        read_bool(line, "arguments", &hello->declared.takes_arguments, error) != 0 ||
        read_bool(line, "groups", &hello->groups, error) != 0 || read_bool(line, "tasks", &hello->tasks, error) != 0 ||
        read_bool(line, "leases", &hello->leases, error) != 0 || read_reach(hello, line, error) != 0 ||
        read_form(hello, line, error) != 0 || read_workloads(hello, line, error) != 0)
        return -1;
    hello->declared.takes_commands = hello->commands;
    return read_options(hello, json_object_get(line, "options"), error);
}

/* A driver that schema/drivers declares has that declaration, by which the controller has checked the label. */
static void take_declaration(struct hello *hello)
{
    const struct aq_driver *declared = aq_driver_find(hello->declared.name);
    if (declared != NULL)
        hello->declared = *declared;
}

void hello_none(struct hello *hello, const char *name)
{
    *hello = (struct hello){.presets = json_object()};
    hello->options = (struct aq_record){.name = "options", .version = 1, .help = "options"};
    hello->declared = (struct aq_driver){.name = name, .help = "", .options = &hello->options};
    take_declaration(hello);
}

int hello_read(struct hello *hello, const char *name, const json_t *line, struct aq_error *error)
{
    hello_none(hello, name);
    if (read_line(hello, line, error) != 0) {
        hello_free(hello);
        return aq_error_context(error, "hello");
    }
    take_declaration(hello);
    return 0;
}

void hello_free(struct hello *hello)
{
    json_decref(hello->presets);
    aq_arena_free(&hello->arena);
    *hello = (struct hello){0};
}

/* ---- options of a label --------------------------------------------------------------------------------- */

json_t *hello_options(const struct hello *hello, const json_t *given, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const void *object;
    if (aq_options_read(&hello->declared, given, &object, &arena, error) != 0)
        return NULL;
    if (hello->declared.options != &hello->options)
        return aq_options_plain(&hello->declared, given);
    json_t *plain = normal_form(&hello->declared, given, object);
    for (size_t i = 0; i < hello->options.count; i++) {
        const char *name = hello->options.fields[i].name;
        json_t *preset = json_object_get(hello->presets, name);
        if (json_object_get(plain, name) == NULL)
            json_object_set_new(plain, name, preset != NULL ? json_incref(preset) : json_null());
    }
    return plain;
}

static enum role role_of(const struct hello *hello, const struct aq_field *field)
{
    const struct aq_option_reader *reader = hello->declared.readers;
    while (reader->option != NULL && strcmp(reader->option, field->name) != 0)
        reader++;
    for (size_t i = 0; reader->option != NULL && i < AQ_LENGTH(kinds); i++)
        if (kinds[i].read == reader->read)
            return kinds[i].role;
    return ROLE_NONE;
}

void hello_demand(const struct hello *hello, const json_t *given, struct aq_demand *demand, struct aq_arena *arena)
{
    const void *object;
    struct aq_error ignored;
    aq_options_demand(&hello->declared, given, demand, arena);
    if (hello->declared.options != &hello->options ||
        aq_options_read(&hello->declared, given, &object, arena, &ignored) != 0)
        return;
    for (size_t i = 0; i < hello->options.count; i++) {
        const struct aq_field *field = &hello->options.fields[i];
        const struct aq_list *list = AQ_AT_CONST(object, field);
        const enum role role = json_object_get(given, field->name) != NULL ? role_of(hello, field) : ROLE_NONE;
        if (role == ROLE_USER)
            demand->user = aq_field_text(field, object);
        else if (role == ROLE_DIRECTORY)
            demand->directory = aq_field_text(field, object);
        else if (role == ROLE_PROGRAM && list->count > 0)
            demand->program = AQ_TEXT_ITEM(*list, 0);
        else if (role == ROLE_ENVIRONMENT)
            demand->environment = list;
    }
}

/* ---- for people ----------------------------------------------------------------------------------------- */

static const char *kind_word(const struct hello *hello, const struct aq_field *field)
{
    const struct aq_option_reader *reader = hello->declared.readers;
    while (reader->option != NULL && strcmp(reader->option, field->name) != 0)
        reader++;
    for (size_t i = 0; i < AQ_LENGTH(kinds); i++)
        if (kinds[i].type == field->type && kinds[i].rules == (field->rules & AQ_LINES) &&
            kinds[i].read == reader->read)
            return kinds[i].word;
    return "";
}

static void add_line(struct aq_list *lines, uint32_t most, const struct aq_buffer *line, struct aq_arena *arena)
{
    const char **items = (const char **)(uintptr_t)lines->items;
    size_t length = line->length < AQ_TEXTS_ITEM_MAX ? line->length : AQ_TEXTS_ITEM_MAX;
    while (length > 0 && length < line->length && ((unsigned char)line->data[length] & 0xC0) == 0x80)
        length--; /* not amid a character */
    if (lines->count < most)
        items[lines->count++] = aq_arena_text(arena, line->data, length);
}

static void describe_option(const struct hello *hello, const struct aq_field *field, struct aq_buffer *line)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    json_t *preset = json_object_get(hello->presets, field->name);
    aq_buffer_format(line, "%s.%s: %s", hello->declared.name, field->name, kind_word(hello, field));
    for (uint32_t i = 0; field->words != NULL && i < field->words->count; i++)
        aq_buffer_format(line, "%s%s", i > 0 ? ", " : " of ", field->words->words[i]);
    if (field->rules & AQ_REQUIRED)
        aq_buffer_format(line, ", required");
    if (preset != NULL) {
        json_t *shown = json_pack("[O]", preset);
        const char *text = aq_json_compact(shown, &arena);
        aq_buffer_format(line, ", preset %.*s", (int)strlen(text) - 2, text + 1);
        json_decref(shown);
    }
    if (field->help[0] != '\0')
        aq_buffer_format(line, ": %s", field->help);
}

void hello_describe(const struct hello *hello, struct aq_list *lines, uint32_t most, struct aq_arena *arena)
{
    const struct {
        bool has;
        const char *words;
    } abilities[] = {{hello->commands, "runs commands"},
                     {hello->declared.takes_arguments, "takes commands of applications"},
                     {hello->leases, "keeps leases"},
                     {hello->tasks, "makes snapshots and images"},
                     {hello->groups, "has its limits kept by the agent"}};
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    const char *before = ": ";
    aq_buffer_text(&line, hello->declared.name);
    for (size_t i = 0; i < AQ_LENGTH(abilities); i++)
        if (abilities[i].has) {
            aq_buffer_format(&line, "%s%s", before, abilities[i].words);
            before = ", ";
        }
    add_line(lines, most, &line, arena);
    if (hello->declared.options != &hello->options)
        return; /* aquarium-labels(5) has them */
    for (size_t i = 0; i < hello->options.count; i++) {
        aq_buffer_reset(&line);
        describe_option(hello, &hello->options.fields[i], &line);
        add_line(lines, most, &line, arena);
    }
}
