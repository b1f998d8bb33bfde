#include "schema/codec/json.h"
#include "schema/codec/text.h"
#include "schema/model/key.h"
#include "tests/sim/mirror.h"

#include <inttypes.h>
#include <string.h>

/* ---- fields that are known --------------------------------------------------------------------------- */

static const char *const *const known[MIRROR_TABLES] = {
    (const char *const[]){"id", "user", "label", "version", "label_id", "status", "resource", "node", "created_at",
                          "changed_at", "ended_at", "last_resource", "user_number", "project", NULL},
    (const char *const[]){"id", "application", "user", "label_id", "definition", "node", "status", "amounts",
                          "created_at", "user_number", NULL},
    (const char *const[]){"id", "name", "version", "created_at", "project", NULL},
    (const char *const[]){"name", "number", "status", "maintenance", "capacity", "used", "joined_at", "lost_at",
                          "drain_status", "drain_ends_at", "shutdown_status", "shutdown_at", NULL},
    (const char *const[]){"name", "role", "max_applications", "created_at", "number", NULL},
    (const char *const[]){"name", "built_in", "created_at", "changed_at", NULL},
    (const char *const[]){"name", "cpu", "ram", "slots", "applications", "open", "known", "used", "created_at", NULL},
    (const char *const[]){"id", "project", "user", "role", "created_at", "changed_at", "user_number", NULL},
    (const char *const[]){"id", "application", "user", "kind", "name", "when", "status", "resource", "node",
                          "created_at", "ended_at", "user_number", "project", NULL},
};

/* Known as well, but no list is filtered by them. */
static const char *const *const more_known[MIRROR_TABLES] = {
    (const char *const[]){"tries", "round", "exit_status", "lifetime", "expires_at", "impossible", NULL},
    (const char *const[]){"driver", "identifier", "ip_addr", "hw_addr", "lifetime", "started_at", "expires_at",
                          "restarts", "restarted", "health", "checked", "lease", NULL},
    (const char *const[]){"description", "created_by", NULL},
    (const char *const[]){"address", "drivers", "identifiers", "projects", "free", "changed_at", "key", "revoked",
                          "drain_force", "drain_reason", "shutdown_reason", NULL},
    (const char *const[]){"uid", "created_by", "first_token", "memberships", NULL},
    (const char *const[]){"may", "description", "created_by", NULL}, /* a list is filtered by single patterns */
    (const char *const[]){"disk", "user_cpu", "user_ram", "user_disk", "user_slots", "user_applications", "description",
                          "created_by", NULL},
    (const char *const[]){"created_by", NULL},
    (const char *const[]){"reason", "result", "allowed", "created_by", "begun_at", "expires_at", NULL},
};

/* Nobody is shown these as they are. */
static const char *const *const secret[MIRROR_TABLES] = {
    (const char *const[]){"description", NULL},
    (const char *const[]){"previous", "instance", NULL},
    (const char *const[]){NULL},
    (const char *const[]){"instance", "shutdown_order", NULL},
    (const char *const[]){NULL},
    (const char *const[]){NULL},
    (const char *const[]){NULL},
    (const char *const[]){NULL},
    (const char *const[]){NULL},
};

const char *const *mirror_fields(const struct aq_entity *entity)
{
    return known[mirror_number(entity)];
}

const char *const *mirror_more_fields(const struct aq_entity *entity)
{
    return more_known[mirror_number(entity)];
}

/* Less than, equal to or more than 0, as the row's key comes before, is, or comes after this one. */

/* ---- comparing ---------------------------------------------------------------------------------------- */

bool mirror_has_field(const struct aq_entity *entity, const void *row, const char *name, const json_t *shown)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    const struct aq_field *field = aq_record_field(entity->record, name);
    aq_field_to_json(field, row, &text);
    json_t *wanted = json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
    bool equal = shown != NULL && wanted != NULL && json_equal(wanted, shown);
    json_decref(wanted);
    return equal;
}

/* The first field that differs; NULL: none does. */
static const char *find_difference(const struct aq_entity *entity, const char *const *names, const void *row,
                                   const void *shown)
{
    for (; *names != NULL; names++) {
        AQ_CLEANUP_BUFFER struct aq_buffer wanted = {0}, found = {0};
        const struct aq_field *field = aq_record_field(entity->record, *names);
        aq_field_to_json(field, row, &wanted);
        aq_field_to_json(field, shown, &found);
        if (strcmp(aq_buffer_string(&wanted), aq_buffer_string(&found)) != 0)
            return *names;
    }
    return NULL;
}

static const char *compare_row(const struct mirror_table *table, const void *row, struct state_txn *txn,
                               struct aq_arena *arena)
{
    const struct aq_entity *entity = table->entity;
    const size_t number = mirror_number(entity);
    const struct aq_field *field = aq_entity_key(entity);
    const struct state_key key = aq_entity_is_named(entity) ? state_key_name(aq_field_text(field, row))
                                                            : state_key_number(aq_field_number(field, row));
    void *shown = aq_arena_alloc(arena, entity->record->size);
    if (!state_find(txn, entity, &key, shown, arena))
        return "key";
    const char *name = find_difference(entity, known[number], row, shown);
    if (name == NULL)
        name = find_difference(entity, more_known[number], row, shown);
    return name != NULL ? name : find_difference(entity, secret[number], row, shown);
}

void mirror_compare(const struct mirror *mirror, struct state_txn *txn, struct sim *sim)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    for (size_t t = 0; t < MIRROR_TABLES; t++) {
        const struct mirror_table *table = &mirror->tables[t];
        for (size_t i = 0; i < table->count; i++) {
            AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
            const char *name = compare_row(table, table->rows[i], txn, &arena);
            aq_arena_reset(&arena);
            if (name == NULL)
                continue;
            aq_field_to_text(aq_entity_key(table->entity), table->rows[i], &text);
            sim_broken(sim, "the tables show what the events say", "%s %s, field %s", table->entity->name,
                       aq_buffer_string(&text), name);
        }
        if (state_count(txn, table->entity) != table->count)
            sim_broken(sim, "the tables show what the events say", "there are %" PRIu64 " of %s, should be %zu",
                       state_count(txn, table->entity), table->entity->name, table->count);
    }
}
