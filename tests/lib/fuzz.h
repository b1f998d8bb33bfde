/* What the fuzz targets share. A target is one file with the function that libFuzzer calls for each input; linked with
 * libFuzzer (VARIANT=fuzz) or with replay_main.c, which hands it files. Its seeds are kept in corpus/<target>/.
 *
 * Inputs are made to be read: where a target must be told which record, field or command is meant, its name is the
 * first line. So a corpus stays good when the registry grows, and a person can write one with an editor. */
#ifndef AQ_TESTS_LIB_FUZZ_H
#define AQ_TESTS_LIB_FUZZ_H

#include "agent/settings/settings.h"
#include "controller/settings/settings.h"
#include "fs/settings/settings.h"
#include "schema/codec/check.h"
#include "schema/codec/entry.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/wire/messages.h"
#include "tools/aq/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define fuzz_must(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A function that fails says why, in a text that can be shown and sent; one that does not leaves the error alone. */
static inline void fuzz_check_error(int failed, const struct aq_error *error)
{
    static const struct aq_field message = {.type = AQ_TYPE_TEXT, .rules = AQ_LINES, .most = AQ_ERROR_MESSAGE_SIZE};
    const char *text = error->message;
    struct aq_error ignored;
    fuzz_must((failed != 0) == (error->code != AQ_OK));
    fuzz_must((failed != 0) == (error->message[0] != '\0'));
    fuzz_must(aq_field_check(&message, &text, "message", &ignored) == 0);
}

/* ---- pieces of an input --------------------------------------------------------------------------------- */

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes)
{
    uint64_t number = 0;
    for (; bytes > 0 && in->size > 0; bytes--, in->size--)
        number = number << 8 | *in->data++;
    return number;
}

/* The first line, without its break; what is longer than `size` - 1 is cut. */
static inline void fuzz_take_line(struct fuzz_input *in, char *line, size_t size)
{
    const uint8_t *end = in->size ? memchr(in->data, '\n', in->size) : NULL;
    size_t length = end ? (size_t)(end - in->data) : in->size;
    size_t kept = length < size ? length : size - 1;
    if (kept > 0)
        memcpy(line, in->data, kept);
    line[kept] = '\0';
    in->data += length + (end != NULL);
    in->size -= length + (end != NULL);
}

/* The rest in memory of exactly its size, so that a byte too many is noticed; with a NUL behind it when `text`. */
static inline char *fuzz_rest(const struct fuzz_input *in, bool text)
{
    char *copy = aq_malloc(in->size + text);
    if (in->size > 0)
        memcpy(copy, in->data, in->size);
    if (text)
        copy[in->size] = '\0';
    return copy;
}

/* ---- what is declared ----------------------------------------------------------------------------------- */

enum { FUZZ_RECORDS_MAX = 160 };

struct fuzz_records {
    const struct aq_record *rows[FUZZ_RECORDS_MAX];
    size_t count;
};

static inline void fuzz_add_record(struct fuzz_records *records, const struct aq_record *record)
{
    fuzz_must(records->count < FUZZ_RECORDS_MAX);
    records->rows[records->count++] = record;
}

/* All that can be stored, sent, logged or configured. Gathered once. */
static inline const struct fuzz_records *fuzz_records(void)
{
    static struct fuzz_records records;
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_event_type *event;
    if (records.count > 0)
        return &records;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        fuzz_add_record(&records, entity->record);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        fuzz_add_record(&records, command->record);
    for (size_t i = 0; (event = aq_event_type_at(i)) != NULL; i++)
        fuzz_add_record(&records, event->record);
    for (int type = AQ_MSG_NONE + 1; type < aq_message_type_count; type++)
        fuzz_add_record(&records, aq_message_record((enum aq_message_type)type));
    static const struct aq_record *const others[] = {&aq_entry_record,
                                                     &aq_ballot_record,
                                                     &aq_vote_record,
                                                     &aq_node_live_record,
                                                     &aq_config_controller_record,
                                                     &aq_config_agent_record,
                                                     &aq_config_fs_record,
                                                     &cli_flags_record};
    for (size_t i = 0; i < AQ_LENGTH(others); i++)
        fuzz_add_record(&records, others[i]);
    return &records;
}

/* NULL: none is called so. */
static inline const struct aq_record *fuzz_record(const char *name)
{
    const struct fuzz_records *records = fuzz_records();
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->rows[i]->name, name) == 0)
            return records->rows[i];
    return NULL;
}

/* Are both records the same, as far as their packed form tells? */
static inline bool fuzz_equal(const struct aq_record *record, const void *a, const void *b)
{
    struct aq_buffer first = {0}, second = {0};
    aq_record_pack(record, a, &first);
    aq_record_pack(record, b, &second);
    bool equal = first.length == second.length && memcmp(first.data, second.data, first.length) == 0;
    aq_buffer_free(&first);
    aq_buffer_free(&second);
    return equal;
}

#endif
