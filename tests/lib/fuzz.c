#include "tests/lib/fuzz.h"
#include "agent/settings/settings.h"
#include "controller/settings/settings.h"
#include "fs/settings/settings.h"
#include "schema/codec/check.h"
#include "schema/codec/entry.h"
#include "schema/codec/pack.h"
#include "schema/model/entity.h"
#include "schema/model/vote.h"
#include "schema/wire/messages.h"
#include "tools/aq/options.h"

void fuzz_check_error(int failed, const struct aq_error *error)
{
    static const struct aq_field message = {.type = AQ_TYPE_TEXT, .rules = AQ_LINES, .most = AQ_ERROR_MESSAGE_SIZE};
    const char *text = error->message;
    struct aq_error ignored;
    fuzz_must((failed != 0) == (error->code != AQ_OK));
    fuzz_must((failed != 0) == (error->message[0] != '\0'));
    fuzz_must(aq_field_check(&message, &text, "message", &ignored) == 0);
}

/* ---- pieces of an input --------------------------------------------------------------------------------- */

uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes)
{
    uint64_t number = 0;
    for (; bytes > 0 && in->size > 0; bytes--, in->size--)
        number = number << 8 | *in->data++;
    return number;
}

void fuzz_take_line(struct fuzz_input *in, char *line, size_t size)
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

char *fuzz_rest(const struct fuzz_input *in, bool text)
{
    char *copy = aq_malloc(in->size + text);
    if (in->size > 0)
        memcpy(copy, in->data, in->size);
    if (text)
        copy[in->size] = '\0';
    return copy;
}

/* ---- what is declared ----------------------------------------------------------------------------------- */

static void fuzz_add_record(struct fuzz_records *records, const struct aq_record *record)
{
    fuzz_must(records->count < FUZZ_RECORDS_MAX);
    records->rows[records->count++] = record;
}

const struct fuzz_records *fuzz_records(void)
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

const struct aq_record *fuzz_record(const char *name)
{
    const struct fuzz_records *records = fuzz_records();
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->rows[i]->name, name) == 0)
            return records->rows[i];
    return NULL;
}

const struct aq_record *fuzz_take_record(struct fuzz_input *in)
{
    char name[64];
    fuzz_take_line(in, name, sizeof name);
    return fuzz_record(name);
}

bool fuzz_equal(const struct aq_record *record, const void *a, const void *b)
{
    struct aq_buffer first = {0}, second = {0};
    aq_record_pack(record, a, &first);
    aq_record_pack(record, b, &second);
    bool equal = first.length == second.length && memcmp(first.data, second.data, first.length) == 0;
    aq_buffer_free(&first);
    aq_buffer_free(&second);
    return equal;
}
