#include "schema/codec/yaml.h"

#include "schema/base/memory.h"
#include "schema/base/utf8.h"
#include "schema/codec/json_value.h"
#include "schema/model/record.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* ---- places ------------------------------------------------------------------------------------------- */

struct place {
    const json_t *parent;
    const char *key; /* NULL: an item, at `index` */
    size_t index;
    unsigned line, column;
};

struct aq_yaml_places {
    struct place *rows; /* in the order of the document */
    size_t count, capacity;
    struct aq_arena keys;
};

static void places_add(struct aq_yaml_places *places, struct place place)
{
    AQ_GROW(places->rows, places->count, places->capacity);
    places->rows[places->count++] = place;
}

_Bool aq_yaml_place(const struct aq_yaml_places *places, const json_t *parent, const char *key, size_t index,
                    unsigned *line, unsigned *column)
{
    /* Called once per error, so a linear scan is fast enough. */
    for (size_t i = 0; i < places->count; i++) {
        const struct place *row = &places->rows[i];
        if (row->parent != parent || (row->key == NULL) != (key == NULL))
            continue;
        if (key != NULL ? strcmp(row->key, key) != 0 : row->index != index)
            continue;
        *line = row->line;
        *column = row->column;
        return true;
    }
    return false;
}

void aq_yaml_places_free(struct aq_yaml_places *places)
{
    if (places == NULL)
        return;
    aq_arena_free(&places->keys);
    free(places->rows);
    free(places);
}

/* ---- bytes -------------------------------------------------------------------------------------------- */

static size_t character_size(const char *text, size_t left)
{
    for (size_t size = 1; size <= 4 && size <= left; size++)
        if (aq_utf8_is_good(text, size))
            return size;
    return 0;
}

/* May the character be in a YAML 1.1 file? Control characters of either range, U+FFFE and U+FFFF may not. */
static bool is_allowed(const char *text, size_t size)
{
    unsigned char c = (unsigned char)text[0], second = size > 1 ? (unsigned char)text[1] : 0;
    if (size == 1)
        return (c >= 0x20 && c != 0x7F) || c == '\n' || c == '\r' || c == '\t';
    if (size == 2)
        return c != 0xC2 || second >= 0xA0 || second == 0x85;
    return memcmp(text, "\xEF\xBF\xBE", 3) != 0 && memcmp(text, "\xEF\xBF\xBF", 3) != 0;
}

/* Fails for invalid UTF-8 and control characters, with their place. libyaml would give only an offset. */
static int check_bytes(const char *text, size_t length, struct aq_error *error)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)text[i];
        size_t size = character_size(text + i, length - i);
        if (size == 0)
            return aq_fail(error, AQ_E_INVALID, "%u:%u: not valid UTF-8", line, column);
        if (!is_allowed(text + i, size))
            return aq_fail(error, AQ_E_INVALID, "%u:%u: a control character", line, column);
        i += size;
        column++;
        if (c == '\n' || (c == '\r' && (i == length || text[i] != '\n'))) {
            line++;
            column = 1;
        }
    }
    return 0;
}

/* ---- events to values --------------------------------------------------------------------------------- */

struct level {
    json_t *container;
    const char *key; /* of the next value; in an object, NULL if a key comes next */
};

struct reading {
    yaml_parser_t parser;
    struct aq_yaml_places *places;
    struct aq_error *error;
    json_t *root;      /* holds all containers of the document */
    json_t *documents; /* those that have ended; NULL: only one is allowed */
    struct level open[AQ_YAML_DEPTH_MAX];
    unsigned depth;
    unsigned values;
};

static int fail_at(const struct reading *in, yaml_mark_t mark, const char *what)
{
    return aq_fail(in->error, AQ_E_INVALID, "%zu:%zu: %s", mark.line + 1, mark.column + 1, what);
}

static int fail_syntax(const struct reading *in)
{
    const yaml_parser_t *parser = &in->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        aq_broken(__FILE__, __LINE__, "out of memory");
    yaml_mark_t mark = parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark;
    fail_at(in, mark, parser->problem ? parser->problem : "not valid YAML");
    if (parser->context != NULL && parser->error != YAML_READER_ERROR) {
        size_t used = strlen(in->error->message);
        snprintf(in->error->message + used, sizeof in->error->message - used, " %s", parser->context);
    }
    return -1;
}

/* Adds `value` to the innermost open container, and takes the reference over. */
static int add_value(struct reading *in, json_t *value, yaml_mark_t mark)
{
    if (++in->values > AQ_YAML_VALUES_MAX) {
        json_decref(value);
        return aq_fail(in->error, AQ_E_TOO_LARGE, "%zu:%zu: more than %d values", mark.line + 1, mark.column + 1,
                       AQ_YAML_VALUES_MAX);
    }
    if (in->depth == 0) {
        in->root = value;
        return 0;
    }
    struct level *level = &in->open[in->depth - 1];
    struct place place = {level->container, level->key, 0, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
    int failed;
    if (json_is_array(level->container)) {
        place.index = json_array_size(level->container);
        failed = json_array_append_new(level->container, value);
    } else {
        failed = json_object_set_new(level->container, level->key, value);
        level->key = NULL;
    }
    aq_assert(failed == 0);
    places_add(in->places, place);
    return 0;
}

static bool wants_key(const struct reading *in)
{
    return in->depth > 0 && json_is_object(in->open[in->depth - 1].container) && in->open[in->depth - 1].key == NULL;
}

static int open_container(struct reading *in, json_t *container, yaml_mark_t mark)
{
    const char *wrong = wants_key(in) ? "a key must be a text" : NULL;
    if (wrong == NULL && in->depth == AQ_YAML_DEPTH_MAX)
        wrong = "nested too deeply: at most 32 levels";
    if (wrong != NULL) {
        json_decref(container);
        return fail_at(in, mark, wrong);
    }
    if (add_value(in, container, mark) != 0)
        return -1;
    in->open[in->depth++] = (struct level){.container = container};
    return 0;
}

static int take_key(struct reading *in, const char *key, size_t length, bool plain, yaml_mark_t mark)
{
    struct level *level = &in->open[in->depth - 1];
    unsigned line, column;
    if (length == 0 && plain)
        return fail_at(in, mark, "a key must be a text");
    if (json_object_get(level->container, key) != NULL) {
        bool known = aq_yaml_place(in->places, level->container, key, 0, &line, &column);
        aq_assert(known);
        return aq_fail(in->error, AQ_E_INVALID, "%zu:%zu: \"%.200s\" is given twice, first on line %u", mark.line + 1,
                       mark.column + 1, key, line);
    }
    level->key = aq_arena_text(&in->places->keys, key, length);
    return 0;
}

static json_t *plain_value(const char *text, size_t length)
{
    if (length == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)
        return json_null();
    if (strcmp(text, "true") == 0)
        return json_true();
    if (strcmp(text, "false") == 0)
        return json_false();
    json_t *number = NULL;
    if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))
        number = json_loadb(text, length, JSON_DECODE_ANY, NULL); /* NULL also if it is too large */
    return number ? number : json_stringn(text, length);
}

static int take_scalar(struct reading *in, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(text) != length)
        return fail_at(in, event->start_mark, "a text must not contain a NUL character");
    if (wants_key(in))
        return take_key(in, text, length, plain, event->start_mark);
    if (plain && length == 0 && in->depth == 0)
        return in->documents != NULL ? 0 : add_value(in, json_object(), event->start_mark);
    json_t *value = plain ? plain_value(text, length) : json_stringn(text, length);
    if (value == NULL)
        return fail_at(in, event->start_mark, "not valid UTF-8");
    return add_value(in, value, event->start_mark);
}

/* Fails for the parts of YAML by which text in one place changes the meaning of another. */
static int refuse_extras(const struct reading *in, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(in, event->start_mark, "aliases (*name) are not allowed");
    if (anchor != NULL)
        return fail_at(in, event->start_mark, "anchors (&name) are not allowed");
    if (tag != NULL)
        return fail_at(in, event->start_mark, "tags (!name) are not allowed");
    return 0;
}

static int take_event(struct reading *in, const yaml_event_t *event)
{
    if (refuse_extras(in, event) != 0)
        return -1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return in->root == NULL ? 0 : fail_at(in, event->start_mark, "a second document is not allowed");
    case YAML_DOCUMENT_END_EVENT:
        if (in->documents != NULL && in->root != NULL)
            json_array_append_new(in->documents, in->root);
        if (in->documents != NULL)
            in->root = NULL;
        return 0;
    case YAML_SCALAR_EVENT:
        return take_scalar(in, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(in, json_array(), event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_container(in, json_object(), event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        in->depth--;
        return 0;
    default:
        return 0;
    }
}

static int read_events(struct reading *in)
{
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&in->parser, &event))
            return fail_syntax(in);
        done = event.type == YAML_STREAM_END_EVENT;
        int status = take_event(in, &event);
        yaml_event_delete(&event);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* Editors of some systems begin a file with a mark of its byte order. */
static void skip_byte_order_mark(const char **text, size_t *length)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (*length >= strlen(mark) && memcmp(*text, mark, strlen(mark)) == 0) {
        *text += strlen(mark);
        *length -= strlen(mark);
    }
}

/* `documents`: a list for all of them; NULL: there may be one. */
static json_t *parse(const char *text, size_t length, json_t *documents, struct aq_yaml_places **places,
                     struct aq_error *error)
{
    struct reading in = {.error = error, .documents = documents};
    if (places != NULL)
        *places = NULL;
    if (length > AQ_YAML_SIZE_MAX) {
        aq_fail(error, AQ_E_TOO_LARGE, "YAML is %zu bytes long, more than %d", length, AQ_YAML_SIZE_MAX);
        return NULL;
    }
    skip_byte_order_mark(&text, &length);
    if (check_bytes(text, length, error) != 0)
        return NULL;
    if (!yaml_parser_initialize(&in.parser))
        aq_broken(__FILE__, __LINE__, "out of memory");
    yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&in.parser, (const unsigned char *)text, length);
    in.places = aq_calloc(1, sizeof *in.places);
    int status = read_events(&in);
    yaml_parser_delete(&in.parser);
    if (status == 0 && places != NULL)
        *places = in.places;
    else
        aq_yaml_places_free(in.places);
    if (status != 0) {
        json_decref(in.root);
        return NULL;
    }
    return documents != NULL ? json_incref(documents) : in.root != NULL ? in.root : json_object();
}

json_t *aq_yaml_parse(const char *text, size_t length, struct aq_yaml_places **places, struct aq_error *error)
{
    return parse(text, length, NULL, places, error);
}

json_t *aq_yaml_parse_all(const char *text, size_t length, struct aq_yaml_places **places, struct aq_error *error)
{
    AQ_CLEANUP_JSON json_t *documents = json_array();
    return parse(text, length, documents, places, error);
}
