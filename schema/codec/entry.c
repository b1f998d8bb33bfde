#include "schema/codec/entry.h"

#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

AQ_DEFINE(aq_logged_event, "logged_event", 1, "one event in the log")
AQ_DEFINE(aq_logged_decision, "logged_decision", 2, "what one command led to")
AQ_DEFINE(aq_entry, "entry", 2, "one batch of decisions")

void aq_entry_pack(const struct aq_entry *entry, struct aq_buffer *out)
{
    aq_record_pack(&aq_entry_record, entry, out);
}

void aq_entry_hash(const void *data, size_t length, unsigned char hash[AQ_HASH_SIZE])
{
    crypto_generichash(hash, AQ_HASH_SIZE, data, length, NULL, 0);
}

bool aq_entry_follows(const void *data, size_t length, const unsigned char hash[AQ_HASH_SIZE])
{
    /* After the one byte of the array: the format, and 32 bytes. */
    static const unsigned char head[] = {AQ_ENTRY_FORMAT, 0xC4, AQ_HASH_SIZE};
    const unsigned char *bytes = data;
    return length > sizeof head + AQ_HASH_SIZE && (bytes[0] & 0xF0) == 0x90 &&
           memcmp(bytes + 1, head, sizeof head) == 0 && memcmp(bytes + 1 + sizeof head, hash, AQ_HASH_SIZE) == 0;
}

int aq_entry_unpack(struct aq_entry *entry, const void *data, size_t length, struct aq_arena *arena,
                    struct aq_error *error)
{
    if (aq_record_unpack(&aq_entry_record, entry, data, length, false, arena, error) != 0) {
        error->code = AQ_E_CORRUPT;
        return -1;
    }
    if (entry->format != AQ_ENTRY_FORMAT)
        return aq_fail(error, AQ_E_CORRUPT, "log entry has format %" PRIu64 "; only format %d is supported",
                       entry->format, AQ_ENTRY_FORMAT);
    if (entry->previous.length != AQ_HASH_SIZE)
        return aq_fail(error, AQ_E_CORRUPT, "log entry has a hash of %zu bytes, not %d", entry->previous.length,
                       AQ_HASH_SIZE);
    return 0;
}

int aq_event_unpack(const struct aq_logged_event *logged, struct aq_event *event, struct aq_arena *arena,
                    struct aq_error *error)
{
    event->type = aq_event_type_find((unsigned)logged->code);
    if (event->type == NULL)
        return aq_fail(error, AQ_E_CORRUPT,
                       "the log holds event %" PRIu64 ", which is not known: written by a newer "
                       "version?",
                       logged->code);
    const struct aq_record *record = event->type->record;
    if (logged->version > record->version)
        return aq_fail(error, AQ_E_CORRUPT,
                       "the log holds %s of version %" PRIu64 ", but only %u is known: written by "
                       "a newer version?",
                       record->name, logged->version, record->version);
    const struct aq_older_event *older = aq_event_older(event->type, logged->version);
    const struct aq_record *form = older != NULL ? older->record : record;
    void *data = aq_arena_alloc(arena, form->size), *present = data;
    event->data = data;
    if (aq_record_unpack(form, data, logged->data.data, logged->data.length, false, arena, error) == 0) {
        if (older == NULL)
            return 0;
        event->data = present = aq_arena_alloc(arena, record->size);
        memset(present, 0, record->size);
        older->convert(data, present);
        return 0;
    }
    error->code = AQ_E_CORRUPT;
    return -1;
}

void aq_event_to_json(const struct aq_event *event, struct aq_buffer *out)
{
    char time[AQ_TIME_TEXT_SIZE];
    size_t length = aq_time_to_text(event->time_ms, time);
    aq_buffer_text(out, "{\"seq\":");
    aq_buffer_u64(out, event->seq);
    aq_buffer_text(out, ",\"time\":\"");
    aq_buffer_add(out, time, length);
    aq_buffer_text(out, "\",\"author\":");
    aq_json_string(event->author, strlen(event->author), out);
    aq_buffer_text(out, ",\"command\":\"");
    aq_buffer_text(out, event->command ? event->command->name : "?");
    aq_buffer_text(out, "\",\"event\":\"");
    aq_buffer_text(out, event->type->record->name);
    aq_buffer_text(out, "\",\"entity\":\"");
    aq_buffer_text(out, event->type->entity->name);
    aq_buffer_text(out, "\",\"data\":");
    aq_record_to_json(event->type->record, event->data, out);
    aq_buffer_char(out, '}');
}
