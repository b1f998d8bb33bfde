#include "tools/aq/options.h"

#include "schema/base/utf8.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/model/command.h"
#include "tools/aq/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

AQ_DEFINE_WORDS(cli_format, CLI_FORMATS)
AQ_DEFINE_SETTINGS(cli_flags, "flags", "flags of aq")
_Static_assert(cli_flag_count <= 64, "a set of flags has 64 bits");

static const struct {
    char letter;
    const char *flag;
} letters[] = {{'h', "help"}, {'o', "output"}, {'q', "quiet"},  {'w', "watch"}, {'n', "lines"},   {'a', "all"},
               {'f', "file"}, {'f', "follow"}, {'s', "server"}, {'u', "user"},  {'t', "terminal"}};

/* Other names of flags. */
static const struct {
    const char *name, *flag;
} other_names[] = {
    {"tail", "lines"}, {"sort-by", "sort"}, {"format", "output"}, {"no-trunc", "wide"}, {"tty", "terminal"}};

/* Other names of -l. */
static const char *const selectors[] = {"filter", "selector", "field-selector"};

/* Flags of neighbouring systems that aq does not need. Some mean something else in a list. */
static const struct {
    const char *name;
    bool in_lists; /* only there; such a row comes first */
    const char *answer;
} strangers[] = {
    {"namespace", false, "there are no namespaces: every user sees their own applications"},
    {"all-namespaces", false, "there are no namespaces: every user sees their own applications"},
    {"rm", false, "what has ended holds nothing that would have to be removed"},
    {"detach", false, "aq run does not stay attached, unless --attach says so"},
    {"A", false, "there are no namespaces: every user sees their own applications"},
    {"d", false, "aq run does not stay attached, unless --attach says so"},
    {"i", false, "aq run sends no input, and --attach shows its output; aq exec has both"},
    {"t", true, "lists show those of a status by --status=STATUS"},
    {"t", false, "aq run gives no terminal, but aq exec does"},
    {"e", false, "metadata.KEY=VALUE gives a workload the variable AQ_META_KEY"},
    {"env", false, "metadata.KEY=VALUE gives a workload the variable AQ_META_KEY"},
    {"p", true, "there are no partitions: a label says which nodes it needs"},
    {"p", false, "a workload uses the network of its node itself"},
    {"partition", false, "there are no partitions: a label says which nodes it needs"},
    {"j", false, "a key needs no flag: aq application KEY"},
    {"jobs", false, "a key needs no flag: aq application KEY"},
    {"N", true, "each node has a line of its own"},
    {"show-labels", false, "-o wide shows all columns"},
    {"timestamps", false, "an output has no times, but events have: aq application KEY events"},
    {"me", false, "lists filter by any field: aq applications list user=NAME"},
};

char cli_flag_letter(const char *flag)
{
    for (size_t i = 0; i < AQ_LENGTH(letters); i++)
        if (strcmp(letters[i].flag, flag) == 0)
            return letters[i].letter;
    return '\0';
}

const char *cli_flag_spelling(const struct aq_field *field, char *out)
{
    size_t length = (size_t)snprintf(out, 64, "--%s", field->name);
    if (out[length - 1] == '_')
        out[length - 1] = '\0';
    for (char *c = out; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
    return out;
}

/* The flag that is called so; dashes and underscores are the same. NULL: none. */
static const struct aq_field *flag_named(const char *name)
{
    char typed[65], spelled[64];
    snprintf(typed, sizeof typed, "%.64s", name);
    for (char *c = typed; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
    for (size_t i = 0; i < AQ_LENGTH(other_names); i++)
        if (strcmp(other_names[i].name, typed) == 0)
            return aq_record_field(&cli_flags_record, other_names[i].flag);
    for (size_t i = 0; i < cli_flags_record.count; i++)
        if (strcmp(cli_flag_spelling(&cli_flags_record.fields[i], spelled) + 2, typed) == 0)
            return &cli_flags_record.fields[i];
    return NULL;
}

bool cli_options_gave(const struct cli_options *options, const char *flag)
{
    const struct aq_field *field = aq_record_field(&cli_flags_record, flag);
    aq_assert(field != NULL);
    return options->given >> (field - cli_flags_record.fields) & 1;
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
        if (strcmp(argv[i], "run") == 0 || strcmp(argv[i], "apply") == 0)
            return true;
        for (size_t c = 0; (command = aq_command_at(c)) != NULL; c++)
            if ((command->kind == AQ_CREATES || command->kind == AQ_UPDATES) && strcmp(command->verb, argv[i]) == 0)
                return true;
    }
    return false;
}

/* aq exec: -t is for it alone, and its command needs no -- before it. */
static bool line_is_exec(const struct cli_options *options)
{
    return options->word_count > 0 && strcmp(options->words[0], "exec") == 0;
}

/* Does the next word begin the command of aq exec? It stands behind "exec 12", or behind "exec resource 9". */
static bool is_at_command(const struct cli_options *options)
{
    return line_is_exec(options) && options->word_count >= 2 &&
           (options->word_count > 2 || aq_entity_find(options->words[1]) == NULL);
}

static const struct aq_field *flag_of_letter(const struct parsing *in, char letter)
{
    const char *flag = NULL;
    if (letter == 't' && !line_is_exec(in->options))
        return NULL;
    for (size_t i = 0; i < AQ_LENGTH(letters); i++)
        if (letters[i].letter == letter && (letter != 'f' || in->takes_files == (strcmp(letters[i].flag, "file") == 0)))
            flag = letters[i].flag;
    return flag ? aq_record_field(&cli_flags_record, flag) : NULL;
}

/* A field of an entity, which lists filter by, or of a command. NULL: there is none. */
static const struct aq_field *named_field(const char *name)
{
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_field *field = NULL;
    for (size_t i = 0; field == NULL && (entity = aq_entity_at(i)) != NULL; i++)
        field = aq_record_field(entity->record, name);
    for (size_t i = 0; field == NULL && (command = aq_command_at(i)) != NULL; i++)
        field = aq_record_field(command->record, name);
    return field;
}

bool cli_filter_read(const char *text, struct cli_filter *out, struct aq_arena *arena)
{
    size_t length = strcspn(text, "=");
    bool negated = length > 0 && text[length - 1] == '!';
    size_t end = negated ? length - 1 : length;
    if (text[length] == '\0' || end == 0)
        return false;
    for (size_t i = 0; i < end; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("._-", text[i]) == NULL)
            return false;
    char *field = aq_arena_text(arena, text, end);
    for (char *c = field; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    *out = (struct cli_filter){.field = field, .pattern = text + length + 1, .negated = negated};
    return true;
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
    options->given |= UINT64_C(1) << (field - cli_flags_record.fields);
    const char *value = field->type == AQ_TYPE_BOOL ? (joined ? joined : "true") : take_value(in, joined, typed);
    if (value == NULL || aq_field_from_text(field, &options->flags, value, typed, &options->arena, in->error) != 0)
        return -1;
    const bool file = strcmp(field->name, "file") == 0;
    if (!file && strcmp(field->name, "secret") != 0)
        return 0;
    unsigned *count = file ? &options->file_count : &options->secret_count;
    if (*count == CLI_FILES_MAX)
        return aq_fail(in->error, AQ_E_INVALID, "%s is given more than %d times", typed, CLI_FILES_MAX);
    (file ? options->files : options->secrets)[(*count)++] = value;
    return 0;
}

static int add_filter(struct parsing *in, const struct cli_filter *filter)
{
    struct cli_options *options = in->options;
    if (options->filter_count == CLI_FILTERS_MAX)
        return aq_fail(in->error, AQ_E_INVALID, "more than %d filters", CLI_FILTERS_MAX);
    options->filters[options->filter_count++] = *filter;
    return 0;
}

/* --replaces alone says yes; --maintenance true has its value in the next word. */
static bool stands_alone(const struct parsing *in, const struct aq_field *field)
{
    static const char *const values[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};
    if (field->type != AQ_TYPE_BOOL)
        return false;
    for (size_t i = 0; in->next < in->argc && i < AQ_LENGTH(values); i++)
        if (strcmp(in->argv[in->next], values[i]) == 0)
            return false;
    return true;
}

/* --status NEW, --status=NEW, --status!=NEW. `name` is the field. */
static int take_filter(struct parsing *in, const struct aq_field *field, const char *argument)
{
    const char *name = field->name;
    struct cli_filter filter;
    char typed[80];
    snprintf(typed, sizeof typed, "--%.64s", name);
    if (!cli_filter_read(argument, &filter, &in->options->arena)) {
        filter = (struct cli_filter){.field = aq_arena_text(&in->options->arena, name, strlen(name)),
                                     .pattern = stands_alone(in, field) ? "true" : take_value(in, NULL, typed)};
        if (filter.pattern == NULL)
            return -1;
    }
    return add_filter(in, &filter);
}

/* -l mac, as --label=mac; -l node=n1, as --node=n1. */
static int take_selector(struct parsing *in, const char *joined)
{
    struct cli_filter filter;
    const char *value = take_value(in, joined, "-l");
    if (value == NULL)
        return -1;
    if (!cli_filter_read(value, &filter, &in->options->arena))
        filter = (struct cli_filter){.field = "label", .pattern = value};
    return add_filter(in, &filter);
}

static void keep_unknown(struct cli_options *options, const char *dashes, const char *typed, size_t length)
{
    if (options->unknown[0] != '\0')
        return;
    snprintf(options->unknown, sizeof options->unknown, "%s%.*s", dashes, (int)(length < 64 ? length : 64), typed);
    options->unknown_at = options->word_count;
}

static int take_long(struct parsing *in, const char *argument)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    if (equals != NULL && length > 0 && argument[length - 1] == '!')
        length--;
    char name[65];
    snprintf(name, sizeof name, "%.*s", (int)(length < 64 ? length : 64), argument);
    const struct aq_field *field = argument[length] != '!' ? flag_named(name) : NULL;
    for (char *c = name; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    for (size_t i = 0; i < AQ_LENGTH(selectors); i++)
        if (strncmp(argument, selectors[i], length) == 0 && selectors[i][length] == '\0')
            return take_selector(in, equals ? equals + 1 : NULL);
    if (field != NULL)
        return set_flag(in, field, equals ? equals + 1 : NULL);
    if (line_is_exec(in->options) && (strcmp(argument, "interactive") == 0 || strcmp(argument, "stdin") == 0))
        return 0; /* as -i */
    const struct aq_field *of_row = named_field(name);
    if (of_row != NULL)
        return take_filter(in, of_row, argument);
    keep_unknown(in->options, "--", argument, length);
    return 0;
}

/* -q, -qw, -n20, -n 20. */
static int take_letters(struct parsing *in, const char *argument)
{
    for (const char *c = argument; *c != '\0'; c++) {
        const struct aq_field *field = flag_of_letter(in, *c);
        const char *joined = c[1] == '\0' ? NULL : c[1] == '=' ? c + 2 : c + 1;
        if (*c == 'l')
            return take_selector(in, joined);
        if (*c == 'i' && line_is_exec(in->options)) /* it sends its input anyway */
            continue;
        if (field == NULL) {
            keep_unknown(in->options, "-", c, 1);
            return 0;
        }
        in->options->by_letter |= UINT64_C(1) << (field - cli_flags_record.fields);
        if (field->type != AQ_TYPE_BOOL)
            return set_flag(in, field, joined);
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

/* -o json is --json: what prints looks at one flag for each form. */
static int choose_output(struct cli_options *options, struct aq_error *error)
{
    struct cli_flags *flags = &options->flags;
    const struct {
        enum cli_format output;
        bool *flag;
        uint64_t bit;
    } rows[] = {
        {CLI_FORMAT_WIDE, &flags->wide, CLI_BIT(wide)},
        {CLI_FORMAT_NAME, &flags->quiet, CLI_BIT(quiet)},
        {CLI_FORMAT_JSON, &flags->json, CLI_BIT(json)},
        {CLI_FORMAT_YAML, &flags->yaml, CLI_BIT(yaml)},
    };
    bool chosen = (options->given & CLI_BIT(output)) != 0;
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        if (chosen && flags->output == rows[i].output) {
            *rows[i].flag = true;
            options->given |= rows[i].bit;
        } else if (chosen && (rows[i].bit & (CLI_BIT(json) | CLI_BIT(yaml))) && *rows[i].flag) {
            return aq_fail(error, AQ_E_INVALID, "--%s and --output=%s cannot be used together",
                           cli_format_words.words[rows[i].output], cli_format_words.words[flags->output]);
        }
    }
    if (flags->json && flags->yaml)
        return aq_fail(error, AQ_E_INVALID, "--json and --yaml cannot be used together");
    return 0;
}

int cli_options_parse(struct cli_options *options, int argc, char **argv, struct aq_error *error)
{
    *options = (struct cli_options){0};
    aq_record_init(&cli_flags_record, &options->flags, &options->arena);
    struct parsing in = {.options = options, .argc = argc, .next = 1, .argv = argv, .error = error};
    in.takes_files = line_takes_files(argc, argv);
    bool flags_over = false;
    while (in.next < argc) {
        const char *argument = argv[in.next++];
        int failed;
        const bool is_word = flags_over || argument[0] != '-' || argument[1] == '\0';
        if (is_word && !flags_over && is_at_command(options)) {
            flags_over = true;
            options->word_tail = options->word_count;
        }
        if (is_word)
            failed = add_word(&in, argument);
        else if (strcmp(argument, "--") == 0)
            failed = (flags_over = true, options->word_tail = options->word_count, 0);
        else if (argument[1] == '-')
            failed = take_long(&in, argument + 2);
        else
            failed = take_letters(&in, argument + 1);
        if (failed != 0)
            return -1;
    }
    if (!flags_over)
        options->word_tail = options->word_count;
    return choose_output(options, error);
}

void cli_options_close(struct cli_options *options)
{
    aq_arena_free(&options->arena);
}

const char *const *cli_options_arguments(const struct cli_options *options)
{
    return options->words + options->word_tail;
}

/* ---- which flags a verb takes -------------------------------------------------------------------------- */

bool cli_flag_is_taken(uint64_t taken, const struct aq_field *field)
{
    size_t number = (size_t)(field - cli_flags_record.fields);
    if (number == CLI_FLAG_output)
        return (taken & (CLI_BIT(json) | CLI_BIT(yaml) | CLI_BIT(quiet) | CLI_BIT(wide))) != 0;
    return taken >> number & 1;
}

static int unknown_flag(const struct cli_options *options, uint64_t taken, const struct aq_entity *filtered,
                        const char *verb, struct aq_error *error)
{
    const char *typed = options->unknown;
    const char *name = typed + strspn(typed, "-");
    char candidates[cli_flag_count][64];
    struct cli_suggest suggest = {.word = name};
    for (size_t i = 0; i < AQ_LENGTH(strangers); i++)
        if (strcmp(strangers[i].name, name) == 0 && (filtered != NULL || !strangers[i].in_lists))
            return aq_fail(error, AQ_E_INVALID, "there is no flag %s: %s", typed, strangers[i].answer);
    bool is_letter = typed[1] != '-'; /* too short to be near to anything */
    for (size_t i = 0; i < cli_flags_record.count && !is_letter; i++) {
        cli_flag_spelling(&cli_flags_record.fields[i], candidates[i]);
        if (cli_flag_is_taken(taken, &cli_flags_record.fields[i]))
            cli_suggest_try(&suggest, candidates[i] + 2);
    }
    for (size_t i = 0; filtered != NULL && i < filtered->record->count && !is_letter; i++)
        if (!(filtered->record->fields[i].rules & AQ_SECRET))
            cli_suggest_try(&suggest, filtered->record->fields[i].name);
    if (suggest.best != NULL)
        return aq_fail(error, AQ_E_INVALID, "there is no flag %s; did you mean --%s?", typed, suggest.best);
    return aq_fail(error, AQ_E_INVALID, "there is no flag %s; see %s --help", typed, verb);
}

int cli_options_check(const struct cli_options *options, uint64_t taken, const struct aq_entity *filtered,
                      const char *verb, struct aq_error *error)
{
    char spelled[64];
    if (options->unknown[0] != '\0')
        return unknown_flag(options, taken, filtered, verb, error);
    for (size_t i = 0; i < cli_flags_record.count; i++) {
        const struct aq_field *field = &cli_flags_record.fields[i];
        if (!(options->given >> i & 1) || cli_flag_is_taken(taken, field))
            continue;
        const char letter[] = {'-', cli_flag_letter(field->name), '\0'};
        const char *typed = options->by_letter >> i & 1 ? letter : cli_flag_spelling(field, spelled);
        return aq_fail(error, AQ_E_INVALID, "%s takes no %s; see %s --help", verb, typed, verb);
    }
    if (filtered == NULL && options->filter_count > 0)
        return aq_fail(error, AQ_E_INVALID, "%s takes no --%s: that is a filter, for lists; see %s --help", verb,
                       options->filters[0].field, verb);
    return 0;
}
