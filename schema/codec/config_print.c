/* Prints a settings record as a commented file: aq_config_print() of config.h. */
#include "schema/codec/config.h"
#include "schema/codec/json.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"

#include <inttypes.h>
#include <string.h>

enum { INDENT = 2 };

struct printing {
    struct aq_buffer *out;
    unsigned indent;
    bool commented; /* every line begins with '#'; deleting it enables the setting */
};

static void print_record(struct printing *in, const struct aq_record *record);

static void begin_line(const struct printing *in)
{
    if (in->commented)
        aq_buffer_char(in->out, '#');
    for (unsigned i = 0; i < in->indent; i++)
        aq_buffer_char(in->out, ' ');
}

/* ---- what a field may be ------------------------------------------------------------------------------ */

static void add_number(const struct aq_field *field, uint64_t value, struct aq_buffer *out)
{
    if (field->type == AQ_TYPE_TIME && value == 0)
        aq_buffer_text(out, "0"); /* its text is "-", which cannot be read back */
    else
        aq_number_to_text(field, value, out);
}

static const char *type_words(const struct aq_field *field)
{
    switch (aq_type_of_some(field->type)) {
    case AQ_TYPE_U64:
        if (field->unit != NULL && strcmp(field->unit, "bytes") == 0)
            return "bytes, or such as 64KiB";
        if (field->unit != NULL && strcmp(field->unit, "ms") == 0)
            return "ms, or such as 5s";
        return field->unit ? field->unit : "a number";
    case AQ_TYPE_BOOL:
        return "true or false";
    case AQ_TYPE_TIME:
        return "a time such as 2026-11-20T22:57:13Z";
    case AQ_TYPE_DURATION:
        return "seconds, or such as 1h30m";
    case AQ_TYPE_CPU:
        return "cores such as 2 or 0.5";
    case AQ_TYPE_SIZE:
        return "GiB, or such as 512MiB";
    case AQ_TYPE_ENUM:
        return "one of ";
    case AQ_TYPE_NAME:
        return "a name";
    case AQ_TYPE_DOCUMENT:
        return "an object";
    case AQ_TYPE_TEXTS:
        return "a list of texts";
    case AQ_TYPE_LIST:
        return "a list";
    default:
        return "a text";
    }
}

/* Adds "1 to 65535", "at least 1" or "at most 64 bytes"; nothing if there is no bound. */
static void add_bounds(const struct aq_field *field, struct aq_buffer *out)
{
    bool list = field->type == AQ_TYPE_LIST || field->type == AQ_TYPE_TEXTS;
    bool number = aq_field_is_number(field);
    if (!list && !number && !aq_field_is_text(field) && field->type != AQ_TYPE_BYTES)
        return;
    bool upper = field->most != UINT64_MAX;
    if (field->least == 0 && !upper)
        return;
    aq_buffer_text(out, "; ");
    if (!upper || field->least == 0)
        aq_buffer_text(out, upper ? "at most " : "at least ");
    struct aq_field plain = *field;
    plain.type = number ? aq_type_of_some(field->type) : AQ_TYPE_U64;
    if (field->least > 0)
        add_number(&plain, field->least, out);
    if (upper && field->least > 0)
        aq_buffer_text(out, " to ");
    if (upper)
        add_number(&plain, field->most, out);
    if (!number)
        aq_buffer_text(out, list ? " items" : " bytes");
}

static void print_words(struct printing *in, const struct aq_words *words)
{
    for (uint32_t i = 0; i < words->count; i++) {
        begin_line(in);
        aq_buffer_format(in->out, "#   %s: %s\n", words->words[i], words->help[i]);
    }
}

static void print_help(struct printing *in, const struct aq_field *field)
{
    begin_line(in);
    aq_buffer_format(in->out, "# %s\n", field->help);
    if (field->type == AQ_TYPE_RECORD)
        return;
    begin_line(in);
    aq_buffer_format(in->out, "# (%s%s", field->rules & AQ_REQUIRED ? "must be given; " : "", type_words(field));
    if (field->type == AQ_TYPE_ENUM)
        aq_words_list(field->words, in->out);
    add_bounds(field, in->out);
    aq_buffer_format(in->out, "%s)\n", field->rules & AQ_LIVE ? "; SIGHUP applies a change" : "");
    if (field->type == AQ_TYPE_ENUM)
        print_words(in, field->words);
}

/* ---- values ------------------------------------------------------------------------------------------- */

/* Prints a text as YAML, with a line break. */
static void print_text(struct printing *in, const char *text)
{
    AQ_CLEANUP_JSON json_t *value = json_string(text);
    aq_assert(value != NULL);
    aq_yaml_print(value, in->out);
}

/* Prints "a,b", as a preset is declared, as a YAML list. */
static void print_texts_preset(struct printing *in, const char *preset)
{
    aq_buffer_char(in->out, '[');
    while (*preset != '\0') {
        size_t length = strcspn(preset, ",");
        aq_json_string(preset, length, in->out);
        preset += length + (preset[length] == ',');
        aq_buffer_text(in->out, *preset != '\0' ? ", " : "");
    }
    aq_buffer_text(in->out, "]\n");
}

/* Presets of numbers are printed as declared, "15m" or 8001, because that is how they are read. JSON is YAML. */
static void print_preset(struct printing *in, const struct aq_field *field)
{
    if (field->type == AQ_TYPE_TEXTS)
        print_texts_preset(in, field->preset);
    else if (aq_field_is_number(field) || field->type == AQ_TYPE_BOOL || field->type == AQ_TYPE_DOCUMENT)
        aq_buffer_format(in->out, "%s\n", field->preset);
    else
        print_text(in, field->preset);
}

/* Prints an example of a text, within the bounds. */
static void print_example_text(struct printing *in, const struct aq_field *field)
{
    static const char word[] = "example";
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    uint64_t length = sizeof word - 1;
    length = length < field->least ? field->least : length;
    length = length > field->most ? field->most : length;
    while (text.length < length)
        aq_buffer_char(&text, word[text.length % (sizeof word - 1)]);
    print_text(in, aq_buffer_string(&text));
}

/* Prints the fields of a record, indented by `deeper` more columns. */
static void print_inner(const struct printing *in, const struct aq_record *record, unsigned deeper)
{
    struct printing inner = *in;
    inner.indent += deeper;
    print_record(&inner, record);
}

/* Is the field printed without a '#'? Records always are; their fields decide for themselves. */
static bool is_live(const struct aq_field *field)
{
    return field->preset != NULL || (field->rules & AQ_REQUIRED) || field->type == AQ_TYPE_RECORD;
}

static void print_record_item(struct printing *in, const struct aq_record *record)
{
    bool empty = true;
    for (size_t i = 0; i < record->count; i++)
        empty = empty && !is_live(&record->fields[i]);
    begin_line(in);
    aq_buffer_text(in->out, empty ? "  - {}\n" : "  -\n");
    print_inner(in, record, 2 * INDENT);
}

static void print_list_example(struct printing *in, const struct aq_field *field, bool shown)
{
    /* If commented out, one item as an example; otherwise as many as are required. */
    uint64_t count = field->least == 0 && shown ? 1 : field->least;
    aq_buffer_text(in->out, count > 0 ? "\n" : " []\n");
    for (uint64_t i = 0; i < count; i++) {
        if (field->type == AQ_TYPE_LIST) {
            print_record_item(in, field->record);
            continue;
        }
        begin_line(in);
        aq_buffer_format(in->out, "  - example%" PRIu64 "\n", i + 1);
    }
}

/* Prints an example of a required field without a preset. */
static void print_example(struct printing *in, const struct aq_field *field)
{
    aq_buffer_char(in->out, ' ');
    if (field->type == AQ_TYPE_TEXT || field->type == AQ_TYPE_NAME) {
        print_example_text(in, field);
    } else if (field->type == AQ_TYPE_ENUM) {
        print_text(in, field->words->words[0]);
    } else if (field->type == AQ_TYPE_DOCUMENT) {
        aq_buffer_text(in->out, "{}\n");
    } else if (field->type == AQ_TYPE_BYTES) {
        aq_buffer_text(in->out, "\"\"\n");
    } else {
        add_number(field, field->type == AQ_TYPE_BOOL ? 0 : field->least, in->out);
        aq_buffer_char(in->out, '\n');
    }
}

static void print_field(struct printing *in, const struct aq_field *field)
{
    struct printing line = *in;
    bool live = is_live(field);
    line.commented = in->commented || !live;
    print_help(in, field);
    begin_line(&line);
    aq_buffer_format(in->out, "%s:", field->name);
    if (field->type == AQ_TYPE_RECORD) {
        aq_buffer_char(in->out, '\n');
        print_inner(&line, field->record, INDENT);
    } else if (field->preset != NULL) {
        aq_buffer_char(in->out, ' ');
        print_preset(&line, field);
    } else if (field->type == AQ_TYPE_LIST || (live && field->type == AQ_TYPE_TEXTS)) {
        print_list_example(&line, field, !live);
    } else if (live) {
        print_example(&line, field);
    } else {
        aq_buffer_char(in->out, '\n');
    }
}

static void print_record(struct printing *in, const struct aq_record *record)
{
    bool first = true;
    for (size_t i = 0; i < record->count; i++) {
        if (record->fields[i].rules & AQ_INTERNAL)
            continue;
        if (!first && in->indent == 0)
            aq_buffer_char(in->out, '\n');
        first = false;
        print_field(in, &record->fields[i]);
    }
}

void aq_config_print(const struct aq_record *record, struct aq_buffer *out)
{
    struct printing printing = {.out = out};
    aq_buffer_format(out, "# %s: %s\n\n", record->name, record->help);
    print_record(&printing, record);
}
