#include "tools/aq/options.h"

#include "schema/base/utf8.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/model/command.h"
#include "tools/aq/suggest.h"

#include <stdio.h>
#include <string.h>

AQ_DEFINE_SETTINGS(cli_flags, "flags", "flags of aq")

static const struct {
    char letter;
    const char *flag;
} letters[] = {{'h', "help"},   {'q', "quiet"}, {'w', "watch"}, {'n', "lines"},
               {'f', "follow"}, {'f', "file"},  {'u', "user"},  {'s', "server"}};

char cli_flag_letter(const char *flag)
{
    for (size_t i = 0; i < AQ_LENGTH(letters); i++)
        if (strcmp(letters[i].flag, flag) == 0)
            return letters[i].letter;
    return '\0';
}

const char *cli_flag_spelling(const struct aq_field *field, char *out)
{
    snprintf(out, 64, "--%s", field->name);
    for (char *c = out; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
    return out;
}

bool cli_options_gave(const struct cli_options *options, const char *flag)
{
    const struct aq_field *field = aq_record_field(&cli_flags_record, flag);
    aq_assert(field != NULL);
    return options->given[field - cli_flags_record.fields];
}

/* ---- what a flag is ----------------------------------------------------------------------------------- */

struct parsing {
    struct cli_options *options;
    int argc, next; /* the next argument */
    char **argv;
    bool takes_files; /* -f is --file */
    struct aq_error *error;
};

/* Is there a word on the line after which -f names a file: a verb that sends a record? */
static bool line_takes_files(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct aq_command *command;
        if (strcmp(argv[i], "run") == 0)
            return true;
        for (size_t c = 0; (command = aq_command_at(c)) != NULL; c++)
            if ((command->kind == AQ_CREATES || command->kind == AQ_UPDATES) && strcmp(command->verb, argv[i]) == 0)
                return true;
    }
    return false;
}

static const struct aq_field *flag_of_letter(const struct parsing *in, char letter)
{
    const char *flag = NULL;
    for (size_t i = 0; i < AQ_LENGTH(letters); i++)
        if (letters[i].letter == letter && (letter != 'f' || in->takes_files == (strcmp(letters[i].flag, "file") == 0)))
            flag = letters[i].flag;
    return flag ? aq_record_field(&cli_flags_record, flag) : NULL;
}

static bool is_filter(const char *name)
{
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        if (aq_record_field(entity->record, name) != NULL)
            return true;
    return false;
}

/* ---- setting ------------------------------------------------------------------------------------------ */

/* The value of a flag: joined to it, or the next argument. NULL with an error. */
static const char *take_value(struct parsing *in, const char *joined, const char *typed)
{
    if (joined != NULL)
        return joined;
    if (in->next >= in->argc) {
        aq_fail(in->error, AQ_E_INVALID, "%s needs a value", typed);
        return NULL;
    }
    return in->argv[in->next++];
}

static int set_flag(struct parsing *in, const struct aq_field *field, const char *joined)
{
    struct cli_options *options = in->options;
    char typed[64];
    cli_flag_spelling(field, typed);
    options->given[field - cli_flags_record.fields] = true;
    const char *value = field->type == AQ_TYPE_BOOL ? (joined ? joined : "true") : take_value(in, joined, typed);
    if (value == NULL || aq_field_from_text(field, &options->flags, value, typed, &options->arena, in->error) != 0)
        return -1;
    if (strcmp(field->name, "file") != 0)
        return 0;
    if (options->file_count == CLI_FILES_MAX)
        return aq_fail(in->error, AQ_E_INVALID, "%s is given more than %d times", typed, CLI_FILES_MAX);
    options->files[options->file_count++] = value;
    return 0;
}

static int add_filter(struct parsing *in, const char *name, const char *joined)
{
    struct cli_options *options = in->options;
    char typed[80];
    snprintf(typed, sizeof typed, "--%.64s", name);
    const char *value = take_value(in, joined, typed);
    if (value == NULL)
        return -1;
    if (options->filter_count == CLI_FILTERS_MAX)
        return aq_fail(in->error, AQ_E_INVALID, "more than %d filters", CLI_FILTERS_MAX);
    options->filters[options->filter_count++] =
        (struct cli_filter){aq_arena_text(&options->arena, name, strlen(name)), value};
    return 0;
}

/* The nearest flag, or field of an entity. */
static int unknown_flag(struct parsing *in, const char *name, const char *typed, int length)
{
    struct cli_suggest suggest = {.word = name};
    const struct aq_entity *entity;
    for (size_t i = 0; i < cli_flags_record.count; i++)
        cli_suggest_try(&suggest, cli_flags_record.fields[i].name);
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        for (size_t f = 0; f < entity->record->count; f++)
            cli_suggest_try(&suggest, entity->record->fields[f].name);
    if (suggest.best == NULL)
        return aq_fail(in->error, AQ_E_INVALID, "there is no flag --%.*s; see aq --help", length, typed);
    const struct aq_field *flag = aq_record_field(&cli_flags_record, suggest.best);
    char spelled[64];
    snprintf(spelled, sizeof spelled, "--%.60s", suggest.best);
    return aq_fail(in->error, AQ_E_INVALID, "there is no flag --%.*s; did you mean %s?", length, typed,
                   flag ? cli_flag_spelling(flag, spelled) : spelled);
}

static int take_long(struct parsing *in, const char *argument)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    char name[65];
    snprintf(name, sizeof name, "%.*s", (int)(length < 64 ? length : 64), argument);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    const struct aq_field *field = aq_record_field(&cli_flags_record, name);
    if (field != NULL)
        return set_flag(in, field, equals ? equals + 1 : NULL);
    if (is_filter(name))
        return add_filter(in, name, equals ? equals + 1 : NULL);
    return unknown_flag(in, name, argument, (int)(length < 64 ? length : 64));
}

/* -q, -qw, -n20, -n 20. */
static int take_letters(struct parsing *in, const char *argument)
{
    for (const char *c = argument; *c != '\0'; c++) {
        const struct aq_field *field = flag_of_letter(in, *c);
        if (field == NULL)
            return aq_fail(in->error, AQ_E_INVALID, "there is no flag -%.*s; see aq --help", 1, c);
        bool last = c[1] == '\0';
        if (field->type != AQ_TYPE_BOOL)
            return set_flag(in, field, last ? NULL : c + 1);
        if (set_flag(in, field, NULL) != 0)
            return -1;
    }
    return 0;
}

static int add_word(struct parsing *in, const char *word)
{
    struct cli_options *options = in->options;
    if (options->word_count == CLI_WORDS_MAX)
        return aq_fail(in->error, AQ_E_INVALID, "more than %d words", CLI_WORDS_MAX);
    if (!aq_utf8_is_good(word, strlen(word)))
        return aq_fail(in->error, AQ_E_INVALID, "word %u is not valid UTF-8", options->word_count + 1);
    options->words[options->word_count++] = word;
    return 0;
}

int cli_options_parse(struct cli_options *options, int argc, char **argv, struct aq_error *error)
{
    *options = (struct cli_options){0};
    aq_assert(cli_flags_record.count <= AQ_LENGTH(options->given));
    aq_record_init(&cli_flags_record, &options->flags, &options->arena);
    struct parsing in = {.options = options, .argc = argc, .next = 1, .argv = argv, .error = error};
    in.takes_files = line_takes_files(argc, argv);
    bool flags_over = false;
    while (in.next < argc) {
        const char *argument = argv[in.next++];
        int failed;
        if (flags_over || argument[0] != '-' || argument[1] == '\0')
            failed = add_word(&in, argument);
        else if (strcmp(argument, "--") == 0)
            failed = (flags_over = true, 0);
        else if (argument[1] == '-')
            failed = take_long(&in, argument + 2);
        else
            failed = take_letters(&in, argument + 1);
        if (failed != 0)
            return -1;
    }
    if (options->flags.json && options->flags.yaml)
        return aq_fail(error, AQ_E_INVALID, "--json and --yaml cannot be used together");
    return 0;
}

void cli_options_close(struct cli_options *options)
{
    aq_arena_free(&options->arena);
}
