#include "tests/sim/sealed.h"

#include "schema/base/files.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "tests/sim/node_files.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 300 << 20 };

void sealed_open(struct sealed *sealed, struct sim *sim)
{
    *sealed = (struct sealed){.sim = sim};
}

void sealed_free(struct sealed *sealed)
{
    free(sealed->values);
    free(sealed->epochs);
    free(sealed->rows);
    aq_arena_free(&sealed->arena);
}

/* ---- what was given ----------------------------------------------------------------------------------------- */

static const char *metadata_value(const struct aq_command *command, const void *given, const char *key,
                                  struct aq_arena *arena)
{
    const char *metadata = aq_field_text(aq_record_field(command->record, "metadata"), given);
    AQ_CLEANUP_JSON json_t *json = json_loads(metadata, 0, NULL);
    char *text = json_dumps(json_object_get(json, key), JSON_ENCODE_ANY | JSON_COMPACT);
    const char *value = text != NULL ? aq_arena_text(arena, text, strlen(text)) : NULL;
    free(text);
    return value;
}

static const char *password_of(const struct aq_command *command, const void *given, const char *name)
{
    const struct aq_list *definitions = AQ_AT_CONST(given, aq_record_field(command->record, "definitions"));
    unsigned i;
    int end = 0;
    if (sscanf(name, "definitions[%u].authentication.password%n", &i, &end) != 1 || name[end] != '\0' ||
        i >= definitions->count)
        return NULL;
    return AQ_ITEM(*definitions, struct aq_definition, i)->authentication.password;
}

void sealed_note(struct sealed *sealed, const struct aq_command *command, const void *given, const void *record)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    const struct aq_list *boxes = AQ_AT_CONST(record, aq_record_field(command->record, "sealed"));
    aq_record_pack(command->record, record, &packed);
    sealed_search(sealed->sim, packed.data, packed.length, command->name);
    const size_t skip = strlen(AQ_SECRET_METADATA);
    for (uint32_t i = 0; i < boxes->count; i++) {
        const struct aq_boxed *one = AQ_ITEM(*boxes, struct aq_boxed, i);
        const char *value = strncmp(one->name, AQ_SECRET_METADATA, skip) == 0
                                ? metadata_value(command, given, one->name + skip, &sealed->arena)
                                : password_of(command, given, one->name);
        if (value == NULL)
            sim_broken(sealed->sim, "the door seals what is secret", "%s of %s", one->name, command->name);
        AQ_GROW(sealed->values, sealed->n_values, sealed->values_room);
        struct sealed_value *noted = aq_arena_alloc(&sealed->arena, sizeof *noted);
        sealed->values[sealed->n_values++] = noted;
        *noted = (struct sealed_value){
            .box = {memcpy(aq_arena_alloc(&sealed->arena, one->box.length), one->box.data, one->box.length),
                    one->box.length},
            .name = aq_arena_text(&sealed->arena, one->name, strlen(one->name)),
            .value = aq_arena_text(&sealed->arena, value, strlen(value))};
    }
}

const struct sealed_value *sealed_find(const struct sealed *sealed, const struct aq_bytes *box)
{
    for (size_t i = sealed->n_values; i > 0; i--) {
        const struct sealed_value *value = sealed->values[i - 1];
        if (value->box.length == box->length && memcmp(value->box.data, box->data, box->length) == 0)
            return value;
    }
    return NULL;
}

struct sealed_epoch *sealed_epoch(const struct sealed *sealed, const char *name)
{
    for (size_t i = 0; i < sealed->n_epochs; i++)
        if (strcmp(sealed->epochs[i].name, name) == 0)
            return &sealed->epochs[i];
    return NULL;
}

struct sealed_row *sealed_row(const struct sealed *sealed, const struct aq_entity *entity, uint64_t id)
{
    for (size_t i = 0; i < sealed->n_rows; i++)
        if (sealed->rows[i].entity == entity && sealed->rows[i].id == id)
            return &sealed->rows[i];
    return NULL;
}

/* ---- where nothing may be in the clear ---------------------------------------------------------------------- */

void sealed_search(struct sim *sim, const void *bytes, size_t length, const char *where)
{
    if (length > 0 && memmem(bytes, length, SEALED_MARK, strlen(SEALED_MARK)) != NULL)
        sim_broken(sim, "no secret is in the clear", "%s has one", where);
}

static bool search_entry(void *context, int directory, const char *name, unsigned char type)
{
    struct sim *sim = context;
    struct aq_error error;
    if (type == DT_DIR) {
        AQ_CLEANUP_FD int below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (strcmp(name, NODE_FILES_MEMORY) == 0)
            return true;
        if (below < 0 || aq_directory_list(below, search_entry, sim, &error) != 0)
            abort();
    } else if (type == DT_REG) {
        AQ_CLEANUP_BUFFER struct aq_buffer bytes = {0};
        if (aq_file_read(directory, name, FILE_MAX, &bytes, &error) != 0)
            abort();
        sealed_search(sim, bytes.data, bytes.length, name);
    }
    return true;
}

void sealed_search_files(struct sim *sim)
{
    struct aq_error error;
    AQ_CLEANUP_FD int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || aq_directory_list(here, search_entry, sim, &error) != 0)
        abort();
}
