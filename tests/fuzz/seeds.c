/* Writes the seeds of the fuzz targets: build/<variant>/fuzz-seeds DIRECTORY. They are one filled record of every
 * declaration, in each of its forms. Inputs that were written by hand or found by fuzzing are left alone.
 *
 * The seeds are kept in the tree. Run this when the registry has grown. */
#include "agent/settings/settings.h"
#include "controller/settings/settings.h"
#include "fs/settings/settings.h"
#include "schema/codec/check.h"
#include "schema/codec/entry.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"
#include "schema/wire/messages.h"
#include "tests/lib/fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *root;

static void write_seed(const char *target, const char *name, const void *bytes, size_t length)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", root, target);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        abort();
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
}

/* ---- a filled record -------------------------------------------------------------------------------------- */

static void fill(const struct aq_record *record, void *object, struct aq_arena *arena);

/* Sets a value within the bounds of its type. */
static void fill_field(const struct aq_field *field, void *object, struct aq_arena *arena)
{
    void *at = AQ_AT(object, field);
    struct aq_list *list = at;
    switch (field->type) {
    case AQ_TYPE_TEXT:
        *(const char **)at = field->most >= 8 ? "some \xE2\x82\xAC" : "s";
        break;
    case AQ_TYPE_NAME:
        *(const char **)at = "mac-1";
        break;
    case AQ_TYPE_DOCUMENT:
        *(const char **)at = "{\"a\":[1,null,{\"b\":\"c\"}]}";
        break;
    case AQ_TYPE_BYTES:
        *(struct aq_bytes *)at = (struct aq_bytes){aq_arena_alloc(arena, AQ_HASH_SIZE), AQ_HASH_SIZE};
        break;
    case AQ_TYPE_TEXTS:
        *list = (struct aq_list){aq_arena_alloc(arena, 2 * sizeof(char *)), 2};
        AQ_TEXT_ITEM(*list, 0) = "os:linux";
        AQ_TEXT_ITEM(*list, 1) = "rack:a*";
        break;
    case AQ_TYPE_RECORD:
        fill(field->record, at, arena);
        break;
    case AQ_TYPE_LIST:
        *list = (struct aq_list){aq_arena_alloc(arena, field->record->size), 1};
        fill(field->record, list->items, arena);
        break;
    case AQ_TYPE_ENUM:
        *(uint32_t *)at = field->words->count - 1;
        break;
    case AQ_TYPE_BOOL:
        *(bool *)at = true;
        break;
    default:
        *(uint64_t *)at = field->most < 3 ? field->most : field->least > 3 ? field->least : 3;
    }
}

static void fill(const struct aq_record *record, void *object, struct aq_arena *arena)
{
    aq_record_init(record, object, arena);
    for (size_t i = 0; i < record->count; i++)
        fill_field(&record->fields[i], object, arena);
}

/* ---- its forms -------------------------------------------------------------------------------------------- */

static void file_name(const char *name, char out[96])
{
    snprintf(out, 96, "%s", name);
    for (char *c = out; *c != '\0'; c++)
        if (*c == ' ' || *c == '/')
            *c = '_';
}

/* The fields that a client may send, without those that the server fills. */
static json_t *json_of(const struct aq_record *record, const void *object)
{
    struct aq_buffer text = {0};
    aq_record_to_json(record, object, &text);
    json_t *json = json_loadb(text.data, text.length, 0, NULL);
    for (size_t i = 0; i < record->count; i++)
        if (record->fields[i].rules & AQ_INTERNAL)
            json_object_del(json, record->fields[i].name);
    aq_buffer_free(&text);
    return json;
}

static void write_texts(const struct aq_record *record, const void *object)
{
    char name[96];
    struct aq_buffer out = {0};
    struct aq_arena arena = {0};
    json_t *json = json_of(record, object);
    file_name(record->name, name);
    aq_buffer_format(&out, "%s\n%s", record->name, aq_json_compact(json, &arena));
    write_seed("json", name, out.data, out.length);
    aq_buffer_reset(&out);
    aq_buffer_format(&out, "%s\n", record->name);
    aq_yaml_print(json, &out);
    write_seed("yaml", name, out.data, out.length);
    aq_buffer_reset(&out);
    aq_buffer_format(&out, "%s\n", record->name);
    for (size_t i = 0; i < record->count; i++) {
        const json_t *value = json_object_get(json, record->fields[i].name);
        if (value != NULL)
            aq_buffer_format(&out, "%s='%s' ", record->fields[i].name,
                             json_is_string(value) ? json_string_value(value) : aq_json_compact(value, &arena));
    }
    write_seed("line", name, out.data, out.length);
    json_decref(json);
    aq_buffer_free(&out);
    aq_arena_free(&arena);
}

/* One field of each type, the rarest last. */
static void write_fields(const struct aq_record *record, const void *object, bool seen[AQ_TYPES])
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (seen[field->type] || field->type == AQ_TYPE_BYTES || field->type == AQ_TYPE_RECORD)
            continue;
        seen[field->type] = true;
        struct aq_buffer out = {0};
        char name[96], path[160];
        aq_buffer_format(&out, "%s.%s\n", record->name, field->name);
        aq_field_to_text(field, object, &out);
        snprintf(path, sizeof path, "%.60s.%.30s", record->name, field->name);
        file_name(path, name);
        write_seed("text", name, out.data, out.length);
        aq_buffer_free(&out);
    }
}

static void write_packed(const struct aq_record *record, const void *object)
{
    char name[96];
    struct aq_buffer out = {0};
    file_name(record->name, name);
    aq_buffer_format(&out, "%s\n", record->name);
    aq_record_pack(record, object, &out);
    write_seed("msgpack", name, out.data, out.length);
    aq_buffer_free(&out);
}

static void write_messages(void)
{
    for (int type = AQ_MSG_NONE + 1; type < aq_message_type_count; type++) {
        const struct aq_record *record = aq_message_record((enum aq_message_type)type);
        struct aq_arena arena = {0};
        struct aq_buffer out = {0};
        void *object = aq_arena_alloc(&arena, record->size);
        fill(record, object, &arena);
        aq_buffer_char(&out, 's');
        aq_buffer_char(&out, AQ_WIRE_FORMAT);
        aq_buffer_char(&out, (char)type);
        aq_record_pack(record, object, &out);
        write_seed("wire", record->name, out.data, out.length);
        aq_buffer_free(&out);
        aq_arena_free(&arena);
    }
}

/* Each event as a forgery and in an entry. */
static void write_event(const struct aq_event_type *type)
{
    struct aq_arena arena = {0};
    struct aq_buffer out = {0}, event = {0};
    char name[96];
    void *object = aq_arena_alloc(&arena, type->record->size);
    fill(type->record, object, &arena);
    aq_record_pack(type->record, object, &event);
    aq_buffer_format(&out, "f%s\n", type->record->name);
    aq_buffer_add(&out, event.data, event.length);
    write_seed("entry", type->record->name, out.data, out.length);

    static const unsigned char hash[AQ_HASH_SIZE];
    struct aq_bytes bytes = {(const unsigned char *)event.data, event.length};
    struct aq_logged_event logged = {type->code, type->record->version, bytes};
    struct aq_logged_decision decision = {.author = "ann", .command = 30, .id = "1", .events = {&logged, 1}};
    struct aq_entry entry = {AQ_ENTRY_FORMAT, {hash, sizeof hash}, 1795215433123, 7, {&decision, 1}};
    aq_buffer_reset(&out);
    aq_buffer_char(&out, 'e');
    aq_entry_pack(&entry, &out);
    snprintf(name, sizeof name, "entry_%.60s", type->record->name);
    write_seed("entry", name, out.data, out.length);
    aq_buffer_free(&out);
    aq_buffer_free(&event);
    aq_arena_free(&arena);
}

static bool is_config(const struct aq_record *record)
{
    return record == &aq_config_controller_record || record == &aq_config_agent_record ||
           record == &aq_config_fs_record;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    root = argv[1];
    const struct fuzz_records *records = fuzz_records();
    bool seen[AQ_TYPES] = {false};
    const struct aq_command *command;
    for (size_t i = 0; i < records->count; i++) {
        struct aq_arena arena = {0};
        void *object = aq_arena_alloc(&arena, records->rows[i]->size);
        fill(records->rows[i], object, &arena);
        write_packed(records->rows[i], object);
        write_fields(records->rows[i], object, seen);
        if (is_config(records->rows[i]))
            write_texts(records->rows[i], object);
        aq_arena_free(&arena);
    }
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        struct aq_arena arena = {0};
        void *object = aq_arena_alloc(&arena, command->record->size);
        fill(command->record, object, &arena);
        write_texts(command->record, object);
        aq_arena_free(&arena);
    }
    write_messages();
    for (size_t i = 0; aq_event_type_at(i) != NULL; i++)
        write_event(aq_event_type_at(i));
    return 0;
}
