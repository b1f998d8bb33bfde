#include "fs/tree/extras.h"

#include "controller/state/indexes.h"
#include "controller/state/votes.h"
#include "schema/codec/check.h"
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"

#include <stdlib.h>
#include <string.h>

/* So much of an application's history is shown; what is newer is in /events. */
enum { HISTORY_BYTES_MAX = 4 << 20 };

static uint64_t row_number(const struct aq_entity *entity, const void *row)
{
    return aq_field_number(aq_entity_key(entity), row);
}

static int write_why(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                     struct aq_error *error)
{
    if (votes_why(look->txn, row_number(entity, row), out))
        return 0;
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no such %s", entity->name);
}

static bool add_event(void *context, const struct aq_event *event)
{
    struct aq_buffer *out = context;
    aq_event_to_json(event, out);
    aq_buffer_char(out, '\n');
    return out->length < HISTORY_BYTES_MAX;
}

static int write_history(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                         struct aq_error *error)
{
    return events_of_application(look->sources->events, look->txn, row_number(entity, row), add_event, out, error);
}

/* The row in the form in which it can be written to the table's `new` again: the fields that the creating command
 * takes, but for the member number, which is given anew. */
static int write_definition(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                            struct aq_error *error)
{
    (void)look;
    const struct aq_command *create = aq_command_of(entity, "create");
    aq_assert(create != NULL);
    struct aq_buffer text = {0};
    for (size_t i = 0; i < create->record->count; i++) {
        const struct aq_field *field = aq_record_field(entity->record, create->record->fields[i].name);
        if (field == NULL || (entity->member != NULL && strcmp(field->name, entity->member) == 0))
            continue;
        aq_buffer_format(&text, "%c\"%s\":", text.length == 0 ? '{' : ',', field->name);
        aq_field_to_json(field, row, &text);
    }
    aq_buffer_char(&text, '}');
    json_t *json = json_loads(aq_buffer_string(&text), 0, NULL);
    aq_buffer_free(&text);
    if (json == NULL)
        return aq_fail(error, AQ_E_INTERNAL, "the %s cannot be written as YAML", entity->name);
    aq_yaml_print(json, out);
    json_decref(json);
    return 0;
}

static const struct tree_extra rows[] = {
    {"application", "why", EXTRA_TEXT, "which nodes were looked at, and why this one", write_why},
    {"application", "events", EXTRA_TEXT, "what happened to it, one JSON line per event", write_history},
    {"resource", "log", EXTRA_FETCHED, "the newest output of the workload, from its node", NULL},
    {"node", "live", EXTRA_LIVE, "what its agent told last; not kept", NULL},
    {"label", "definition.yml", EXTRA_TEXT, "as it can be written to new again", write_definition},
};

const struct tree_extra *extras_at(size_t index)
{
    return index < AQ_LENGTH(rows) ? &rows[index] : NULL;
}

const struct aq_record *extras_live_record(void)
{
    return &aq_node_live_record;
}

bool extras_live_read(struct look *look, const char *key, void *live)
{
    aq_record_init(&aq_node_live_record, live, look->arena);
    return live_node(look->sources->live, key, live);
}

/* ---- the newest row of a caller ----------------------------------------------------------------------- */

bool extras_has_newest(const struct aq_entity *entity)
{
    return strcmp(entity->name, "application") == 0;
}

static bool note_number(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value;
    (void)length;
    *(uint64_t *)context = state_key_number_at(key, key->length - sizeof(uint64_t));
    return false;
}

/* The index can only be walked forwards: halves the range of numbers until nothing comes behind. */
uint64_t extras_newest(struct look *look, const struct aq_entity *entity)
{
    aq_assert(extras_has_newest(entity));
    if (!look->caller.known)
        return 0;
    struct state_key prefix = {0};
    state_key_add_text(&prefix, look->caller.name);
    uint64_t newest = 0, beyond = UINT64_MAX;
    while (newest + 1 < beyond) {
        uint64_t middle = newest + (beyond - newest) / 2, found = 0;
        struct state_key after = prefix;
        state_key_add_number(&after, middle - 1);
        index_scan_after(look->txn, INDEX_OWNED, &prefix, &after, note_number, &found);
        if (found == 0)
            beyond = middle;
        else
            newest = found;
    }
    return newest;
}
