/* Declared once: the fields of every entity, command, event, message and configuration file.
 *
 * A declaration is one macro that lists the fields, one row each. From it follow the C struct (AQ_DECLARE) and a table
 * of fields (AQ_DEFINE) that drives everything else: msgpack (codec/pack.h), JSON (codec/json.h), text and files
 * (codec/text.h), validation with the field's name in the error, OpenAPI, the columns of `aq`, the manual pages.
 *
 *     #define aq_thing_fields(F, T)                                                       \
 *         F(T, id,    U64(1, UINT64_MAX),    AQ_KEY,      "number, counted from 1")        \
 *         F(T, label, REF_NAME(label),       AQ_REQUIRED, "the label that is asked for")   \
 *         F(T, parts, LIST(aq_part, 0, 16),  0,           "what it is made of")
 *     AQ_DECLARE(aq_thing)                                  in the header
 *     AQ_DEFINE(aq_thing, "thing", 1, "one line of help")   in the .c file
 *
 * A row is: name, type, rules, help. The type carries its bounds, least and most: of a number's value, a text's bytes,
 * a list's items. A number may have a unit as a third argument: U64(1, 3600000, "ms"). A settings row has its preset
 * before the rules: S(T, lost_after, DURATION(2, 86400), "10", 0, "..."). */
#ifndef AQ_SCHEMA_MODEL_RECORD_H
#define AQ_SCHEMA_MODEL_RECORD_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum aq_type {
    AQ_TYPE_U64,      /* uint64_t */
    AQ_TYPE_BOOL,     /* bool */
    AQ_TYPE_TIME,     /* uint64_t: milliseconds since 1970, UTC; 0: never */
    AQ_TYPE_DURATION, /* uint64_t: seconds; read as a number or as "1h30m" */
    AQ_TYPE_CPU,      /* uint64_t: thousandths of a core; read and shown as cores, such as 0.5 */
    AQ_TYPE_SIZE,     /* uint64_t: MiB; shown as "512MiB"; read like that, or as a number of GiB */
    AQ_TYPE_ENUM,     /* uint32_t: one of the words of `words` */
    AQ_TYPE_TEXT,     /* const char *: UTF-8, never NULL once decoded */
    AQ_TYPE_NAME,     /* const char *: letters, digits, '.', '_', '-'; begins with a letter or digit */
    AQ_TYPE_DOCUMENT, /* const char *: a JSON object, compact, keys sorted; "{}" when empty */
    AQ_TYPE_BYTES,    /* struct aq_bytes: opaque, base64 in JSON */
    AQ_TYPE_TEXTS,    /* struct aq_list of const char *: each as a TEXT of at most AQ_TEXTS_ITEM_MAX bytes */
    AQ_TYPE_RECORD,   /* another record, inside this one */
    AQ_TYPE_LIST,     /* struct aq_list of records */
    /* uint64_t: one more than the number (aq_some()), 0: none; null in JSON, "-" as text, or "none" when it is read.
     * Events' fingerprints hold the numbers of types: new types are added at the end. */
    AQ_TYPE_U64_OR_NONE,
    AQ_TYPE_CPU_OR_NONE,
    AQ_TYPE_SIZE_OR_NONE,
};
enum { AQ_TYPES = AQ_TYPE_SIZE_OR_NONE + 1 };

enum aq_rule {
    AQ_REQUIRED = 1 << 0, /* must be given by the sender of the record */
    AQ_KEY = 1 << 1,      /* identifies the entity */
    AQ_SECRET = 1 << 2,   /* never shown to anyone */
    AQ_COLUMN = 1 << 3,   /* a column of the entity's table in `aq` */
    AQ_INTERNAL = 1 << 4, /* filled by the server; refused when a client sends it */
    AQ_LINES = 1 << 5,    /* a TEXT that may hold line breaks */
    AQ_LIVE = 1 << 6,     /* a setting that may change while the program runs, with SIGHUP */
    /* TEXTS that are a program and its arguments: they may be longer and have line breaks; as one text, they are words
     * as in a shell. */
    AQ_ARGUMENTS = 1 << 7,
    /* A TEXT of a command that is a secret: it is sealed at the door (secret.h), and AQ_SECRET_MARK is stored and shown
     * in its place. */
    AQ_SEALED = 1 << 8,
    /* TEXTS that permit no more than they name, and anything when they are not given: an empty list is refused, for
     * whoever gives one does not mean anything. */
    AQ_NARROWS = 1 << 9,
};

enum {
    AQ_TEXTS_ITEM_MAX = 255,
    AQ_ARGUMENTS_MAX = 256,        /* arguments of an application: so many, */
    AQ_ARGUMENTS_ITEM_MAX = 16384, /* bytes of one, */
    AQ_ARGUMENTS_BYTES_MAX = 32768 /* and of all together, each with the NUL behind it */
};

struct aq_bytes {
    const unsigned char *data;
    size_t length;
};

struct aq_list {
    void *items;
    uint32_t count;
};

/* Item `i` of a list of `struct type`. */
#define AQ_ITEM(list, type, i) (&((type *)(list).items)[i])
#define AQ_TEXT_ITEM(list, i)  (((const char **)(list).items)[i])

/* A text in its JSON form, with its length; AQ_PUT_STEP more bytes may be read (put.h). */
struct aq_spelled {
    const char *text;
    size_t length;
};
#define AQ_SPELLED(text)                                                                                               \
    {                                                                                                                  \
        text "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof(text) - 1                                                      \
    }

struct aq_words {
    const char *name;
    const char *const *words;
    const struct aq_spelled *quoted; /* the same words */
    const char *const *help;
    uint32_t count;
};

struct aq_record;
struct aq_entity;

enum {
    AQ_NAME_MAX = 64,                       /* bytes of the name of a user, node or label */
    AQ_REFERENCE_MAX = AQ_NAME_MAX + 1 + 19 /* of what a row is called: "mac:2" */
};

struct aq_field {
    const char *name;
    struct aq_spelled member; /* `,"name":` */
    enum aq_type type;
    unsigned rules;
    uint64_t least, most;
    const char *unit;
    const char *help;
    const char *preset;             /* text form of the value when none is given; NULL: zero or empty */
    const struct aq_record *record; /* RECORD, LIST */
    const struct aq_words *words;   /* ENUM */
    const struct aq_entity
        *refers; /* the entity that the value identifies; NULL: none. A TEXT is a reference (key.h) */
    size_t offset;
};

struct aq_record {
    const char *name; /* as users see it: "application" */
    unsigned version; /* raised whenever the fields change; a build check enforces it for events */
    const char *help;
    const struct aq_field *fields;
    size_t count;
    size_t size; /* of the struct */
    /* Of settings: those that earlier builds had, each followed by what to do instead; ends with NULL. NULL: none. */
    const char *const *gone;
};

/* ---- from a declaration to C -------------------------------------------------------------------------- */

/* The number as a field of U64_OR_NONE, CPU_OR_NONE or SIZE_OR_NONE stores it. */
static inline uint64_t aq_some(uint64_t number)
{
    return number + 1;
}

/* The number in such a field; `none` when there is none. */
static inline uint64_t aq_number_or(uint64_t stored, uint64_t none)
{
    return stored != 0 ? stored - 1 : none;
}

/* The type of the number, if there is one; the type itself if there always is. */
static inline enum aq_type aq_type_of_some(enum aq_type type)
{
    return type == AQ_TYPE_U64_OR_NONE    ? AQ_TYPE_U64
           : type == AQ_TYPE_CPU_OR_NONE  ? AQ_TYPE_CPU
           : type == AQ_TYPE_SIZE_OR_NONE ? AQ_TYPE_SIZE
                                          : type;
}

static inline bool aq_type_may_be_none(enum aq_type type)
{
    return aq_type_of_some(type) != type;
}

/* A field's C type. */
#define AQ_STORED_U64(...)                  uint64_t
#define AQ_STORED_U64_OR_NONE(least, most)  uint64_t
#define AQ_STORED_CPU_OR_NONE(least, most)  uint64_t
#define AQ_STORED_SIZE_OR_NONE(least, most) uint64_t
#define AQ_STORED_BOOL                      bool
#define AQ_STORED_TIME                      uint64_t
#define AQ_STORED_DURATION(least, most)     uint64_t
#define AQ_STORED_CPU(least, most)          uint64_t
#define AQ_STORED_SIZE(least, most)         uint64_t
#define AQ_STORED_ENUM(words)               uint32_t
#define AQ_STORED_TEXT(least, most)         const char *
#define AQ_STORED_NAME(least, most)         const char *
#define AQ_STORED_DOCUMENT(most)            const char *
#define AQ_STORED_BYTES(least, most)        struct aq_bytes
#define AQ_STORED_TEXTS(least, most)        struct aq_list
#define AQ_STORED_RECORD(of)                struct of
#define AQ_STORED_LIST(of, least, most)     struct aq_list
#define AQ_STORED_REF(entity)               uint64_t
#define AQ_STORED_REF_OR_NONE(entity)       uint64_t
#define AQ_STORED_REF_NAME(entity)          const char *
#define AQ_STORED_REF_NAME_OR_NONE(entity)  const char *
#define AQ_STORED_REF_TEXT_OR_NONE(entity)  const char *

/* A field's row in the table. */
#define AQ_BOUNDS(min, max)                   .least = (min), .most = (max)
#define AQ_DESCRIBED_U64(...)                 .type = AQ_TYPE_U64, AQ_NUMBER_BOUNDS(__VA_ARGS__, NULL, )
#define AQ_NUMBER_BOUNDS(min, max, in, ...)   AQ_BOUNDS(min, max), .unit = (in)
#define AQ_DESCRIBED_U64_OR_NONE(min, max)    .type = AQ_TYPE_U64_OR_NONE, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_CPU_OR_NONE(min, max)    .type = AQ_TYPE_CPU_OR_NONE, AQ_BOUNDS(min, max), .unit = "cores"
#define AQ_DESCRIBED_SIZE_OR_NONE(min, max)   .type = AQ_TYPE_SIZE_OR_NONE, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_BOOL                     .type = AQ_TYPE_BOOL, AQ_BOUNDS(0, 1)
#define AQ_DESCRIBED_TIME                     .type = AQ_TYPE_TIME, AQ_BOUNDS(0, UINT64_MAX)
#define AQ_DESCRIBED_DURATION(min, max)       .type = AQ_TYPE_DURATION, AQ_BOUNDS(min, max), .unit = "s"
#define AQ_DESCRIBED_CPU(min, max)            .type = AQ_TYPE_CPU, AQ_BOUNDS(min, max), .unit = "cores"
#define AQ_DESCRIBED_SIZE(min, max)           .type = AQ_TYPE_SIZE, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_ENUM(of)                 .type = AQ_TYPE_ENUM, .words = &of##_words
#define AQ_DESCRIBED_TEXT(min, max)           .type = AQ_TYPE_TEXT, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_NAME(min, max)           .type = AQ_TYPE_NAME, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_DOCUMENT(max)            .type = AQ_TYPE_DOCUMENT, AQ_BOUNDS(0, max)
#define AQ_DESCRIBED_BYTES(min, max)          .type = AQ_TYPE_BYTES, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_TEXTS(min, max)          .type = AQ_TYPE_TEXTS, AQ_BOUNDS(min, max)
#define AQ_DESCRIBED_RECORD(of)               .type = AQ_TYPE_RECORD, .record = &of##_record
#define AQ_DESCRIBED_LIST(of, min, max)       .type = AQ_TYPE_LIST, AQ_BOUNDS(min, max), .record = &of##_record
#define AQ_DESCRIBED_REF(entity)              AQ_DESCRIBED_U64(1, UINT64_MAX), .refers = &aq_entity_##entity
#define AQ_DESCRIBED_REF_OR_NONE(entity)      AQ_DESCRIBED_U64(0, UINT64_MAX), .refers = &aq_entity_##entity
#define AQ_DESCRIBED_REF_NAME(entity)         AQ_DESCRIBED_NAME(1, AQ_NAME_MAX), .refers = &aq_entity_##entity
#define AQ_DESCRIBED_REF_NAME_OR_NONE(entity) AQ_DESCRIBED_NAME(0, AQ_NAME_MAX), .refers = &aq_entity_##entity
#define AQ_DESCRIBED_REF_TEXT_OR_NONE(entity) AQ_DESCRIBED_TEXT(0, AQ_REFERENCE_MAX), .refers = &aq_entity_##entity

#define AQ_MEMBER(tag, name, type, rules, help)                 AQ_STORED_##type name;
#define AQ_SETTING_MEMBER(tag, name, type, preset, rules, help) AQ_STORED_##type name;

#define AQ_NAMED(tag, field)                                                                                           \
    .name = #field, .member = AQ_SPELLED(",\"" #field "\":"), .offset = offsetof(struct tag, field)
#define AQ_DESCRIBE(tag, field, type, rule, words)                                                                     \
    {AQ_NAMED(tag, field), AQ_DESCRIBED_##type, .rules = (rule), .help = (words)},
#define AQ_SETTING_DESCRIBE(tag, field, type, value, rule, words)                                                      \
    {AQ_NAMED(tag, field), AQ_DESCRIBED_##type, .preset = (value), .rules = (rule), .help = (words)},

/* `tag`_fields lists the fields. */
#define AQ_DECLARE(tag)                                                                                                \
    struct tag {                                                                                                       \
        tag##_fields(AQ_MEMBER, tag)                                                                                   \
    };                                                                                                                 \
    extern const struct aq_record tag##_record;

#define AQ_DEFINE(tag, words, edition, text)                                                                           \
    static const struct aq_field tag##_table[] = {tag##_fields(AQ_DESCRIBE, tag)};                                     \
    const struct aq_record tag##_record = {                                                                            \
        words, edition, text, tag##_table, AQ_LENGTH(tag##_table), sizeof(struct tag)};

#define AQ_DECLARE_SETTINGS(tag)                                                                                       \
    struct tag {                                                                                                       \
        tag##_fields(AQ_SETTING_MEMBER, tag)                                                                           \
    };                                                                                                                 \
    extern const struct aq_record tag##_record;

#define AQ_DEFINE_SETTINGS(tag, words, text) AQ_DEFINE_SETTINGS_SINCE(tag, words, text, NULL)
#define AQ_DEFINE_SETTINGS_SINCE(tag, words, text, past)                                                               \
    static const struct aq_field tag##_table[] = {tag##_fields(AQ_SETTING_DESCRIBE, tag)};                             \
    const struct aq_record tag##_record = {words, 1, text, tag##_table, AQ_LENGTH(tag##_table), sizeof(struct tag),    \
                                           past};

/* ---- enumerations ------------------------------------------------------------------------------------- */

/* #define AQ_COLOURS(W) W(AQ_RED, "RED", "the colour of blood")  ->  enum aq_colour, aq_colour_words */
#define AQ_WORD_VALUE(value, word, help)  value,
#define AQ_WORD_TEXT(value, word, help)   word,
#define AQ_WORD_QUOTED(value, word, help) AQ_SPELLED("\"" word "\""),
#define AQ_WORD_HELP(value, word, help)   help,
#define AQ_DECLARE_WORDS(tag, WORDS)                                                                                   \
    enum tag { WORDS(AQ_WORD_VALUE) tag##_count };                                                                     \
    extern const struct aq_words tag##_words;
#define AQ_DEFINE_WORDS(tag, WORDS)                                                                                    \
    static const char *const tag##_texts[] = {WORDS(AQ_WORD_TEXT)};                                                    \
    static const struct aq_spelled tag##_quoted[] = {WORDS(AQ_WORD_QUOTED)};                                           \
    static const char *const tag##_helps[] = {WORDS(AQ_WORD_HELP)};                                                    \
    const struct aq_words tag##_words = {#tag, tag##_texts, tag##_quoted, tag##_helps, tag##_count};

/* ---- what works on any record ------------------------------------------------------------------------- */

#define AQ_AT(object, field)       ((void *)((char *)(object) + (field)->offset))
#define AQ_AT_CONST(object, field) ((const void *)((const char *)(object) + (field)->offset))

const struct aq_field *aq_record_field(const struct aq_record *record, const char *name); /* NULL: none */

/* A deep copy into `arena`; texts that are NULL become empty. `copy` has record->size bytes. */
void aq_record_copy(const struct aq_record *record, void *copy, const void *object, struct aq_arena *arena);

/* Value of a number, time or enum field, whatever its width; the text of a text field. */
uint64_t aq_field_number(const struct aq_field *field, const void *object);
const char *aq_field_text(const struct aq_field *field, const void *object);
bool aq_field_is_number(const struct aq_field *field);
bool aq_field_is_text(const struct aq_field *field);
/* Is the value what people call a row (key.h), rather than its key? */
bool aq_field_is_reference(const struct aq_field *field);

/* Lists of TEXTS: are they the same texts in the same order, and is this text one of them? */
bool aq_texts_equal(const struct aq_list *one, const struct aq_list *other);
bool aq_texts_have(const struct aq_list *texts, const char *text);

/* The word's number, or -1. */
int aq_words_find(const struct aq_words *words, const char *word);
/* "NEW, ELECTED, ..." into `out`. */
void aq_words_list(const struct aq_words *words, struct aq_buffer *out);

/* A fingerprint of the declaration: every field's name, type, and words, down to the leaves. Rules, bounds and help may
 * change freely; what the stored bytes mean may not. */
uint64_t aq_record_fingerprint(const struct aq_record *record);

#endif
