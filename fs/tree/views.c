#include "fs/tree/views.h"

#include "controller/state/rights.h"
#include "controller/state/votes.h"
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"
#include "schema/model/application.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The view `events` is cut here; newer events are in /events. */
enum { HISTORY_BYTES_MAX = 4 << 20 };

static uint64_t row_number(const struct aq_entity *entity, const void *row)
{
    return aq_field_number(aq_entity_key(entity), row);
}

static int write_why(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                     struct aq_error *error)
{
    if (votes_why(look->txn, row_number(entity, row), look->now_ms, out))
        return 0;
    return aq_key_not_found(entity, aq_key_in_field(aq_entity_key(entity), row), error);
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

/* The row in the form that the table's `new` takes: the fields of the command that creates it, without the member
 * number, since a new row gets its own. */
static int write_definition(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                            struct aq_error *error)
{
    (void)look;
    const struct aq_command *create = aq_command_of(entity, "create");
    aq_assert(create != NULL);
    struct aq_buffer text = {0};
    for (size_t i = 0; i < create->record->count; i++) {
        const struct aq_field *field = aq_record_field(entity->record, create->record->fields[i].name);
        if (field == NULL || (create->record->fields[i].rules & AQ_INTERNAL) ||
            (entity->member != NULL && strcmp(field->name, entity->member) == 0))
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

static void write_right(void *context, const char *text)
{
    aq_buffer_format(context, "%s\n", text);
}

static int write_rights(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                        struct aq_error *error)
{
    const struct aq_caller caller = rights_of_row(look->txn, entity, row, look->arena);
    (void)error;
    aq_caller_list(&caller, write_right, out);
    return 0;
}

/* What is used now, a line for each figure; empty if that is not known. The history is in the controller's memory. */
static int write_load(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                      struct aq_error *error)
{
    const struct aq_field all = {.name = "load", .type = AQ_TYPE_RECORD, .record = entity->live};
    const struct aq_key row_key = aq_key_in_field(aq_entity_key(entity), row);
    char key[AQ_NAME_MAX + 1];
    void *live = aq_arena_alloc(look->arena, entity->live->size);
    (void)error;
    aq_key_to_text(&row_key, key, sizeof key);
    if (tree_live_read(look, entity, key, live))
        aq_field_to_text(&all, live, out);
    return 0;
}

static const struct {
    bool shown; /* rows have files of this kind */
    int (*write)(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                 struct aq_error *error);
} renderers[aq_view_kind_count] = {
    [AQ_VIEW_WHY] = {true, write_why},
    [AQ_VIEW_EVENTS] = {true, write_history},
    [AQ_VIEW_OUTPUT] = {true, NULL},
    [AQ_VIEW_LIVE] = {true, NULL},
    [AQ_VIEW_DEFINITION] = {true, write_definition},
    [AQ_VIEW_RIGHTS] = {true, write_rights},
    [AQ_VIEW_LOAD] = {true, write_load},
};

const struct aq_view *tree_view_find(const struct aq_entity *entity, const char *name)
{
    const struct aq_view *view = aq_view_of(entity, name);
    return view != NULL && renderers[view->kind].shown ? view : NULL;
}

const struct aq_view *tree_view_at(const struct aq_entity *entity, size_t *index)
{
    const struct aq_view *view;
    while ((view = aq_view_at(*index)) != NULL) {
        ++*index;
        if (view->entity == entity && renderers[view->kind].shown)
            return view;
    }
    return NULL;
}

int tree_view_write(struct look *look, const struct aq_view *view, const void *row, struct aq_buffer *out,
                    struct aq_error *error)
{
    aq_assert(renderers[view->kind].write != NULL);
    return renderers[view->kind].write(look, view->entity, row, out, error);
}

uint64_t tree_output_resource(const struct aq_entity *entity, const void *row, struct aq_error *error)
{
    if (entity != &aq_entity_application)
        return row_number(entity, row);
    const struct aq_application *application = row;
    if (application->last_resource == 0)
        (void)aq_fail(error, AQ_E_NOT_FOUND, "application %" PRIu64 " has had no resource: there is no log",
                      application->id);
    return aq_number_or(application->last_resource, 0);
}

bool tree_live_read(struct look *look, const struct aq_entity *entity, const char *key, void *live)
{
    aq_record_init(entity->live, live, look->arena);
    return live_find(look->sources->live, entity, key, live, look->arena);
}
