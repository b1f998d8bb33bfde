#include "tests/sim/judge_secrets.h"

#include "schema/base/files.h"
#include "schema/model/epoch.h"
#include "tests/sim/judge_rules.h"
#include "tests/sim/recipes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct sealed_epoch *the_epoch(struct judge *judge, const char *name)
{
    struct sealed_epoch *epoch = sealed_epoch(&judge->sealed, name);
    if (epoch == NULL || epoch->ended)
        sim_broken(judge->sim, "secrets are under an epoch that is there", "epoch %s, seq %" PRIu64, name, judge->seq);
    return epoch;
}

/* ---- rows ----------------------------------------------------------------------------------------------- */

static void add_row(struct judge *judge, const struct aq_entity *entity, uint64_t id, const struct aq_list *boxes,
                    const struct aq_wrap *wrap)
{
    struct sealed *sealed = &judge->sealed;
    if (boxes->count == 0)
        return;
    AQ_GROW(sealed->rows, sealed->n_rows, sealed->rows_room);
    struct sealed_row *row = &sealed->rows[sealed->n_rows++];
    *row = (struct sealed_row){.entity = entity, .id = id, .count = boxes->count};
    snprintf(row->epoch, sizeof row->epoch, "%s", the_epoch(judge, wrap->epoch)->name);
    row->values = aq_arena_alloc(&sealed->arena, boxes->count * sizeof(const struct sealed_value *));
    for (uint32_t i = 0; i < boxes->count; i++) {
        const struct aq_boxed *box = AQ_ITEM(*boxes, struct aq_boxed, i);
        const struct sealed_value *value = sealed_find(sealed, &box->box);
        judge_must(judge, value != NULL && strcmp(value->name, box->name) == 0 && box->before.length == 0,
                   "the log has secrets as they were sealed", entity->name, id);
        row->values[i] = value;
    }
    judge->sim->result->totals.sealed++;
}

static void end_row(struct judge *judge, const struct aq_entity *entity, uint64_t id)
{
    struct sealed_row *row = sealed_row(&judge->sealed, entity, id);
    if (row != NULL)
        row->over = true;
}

void judge_secrets_see(struct judge *judge, const struct aq_event *event)
{
    if (event->type == &aq_event_application_created) {
        const struct aq_application_created *data = event->data;
        add_row(judge, &aq_entity_application, data->id, &data->sealed, &data->wrap);
    } else if (event->type == &aq_event_label_created) {
        const struct aq_label_created *data = event->data;
        add_row(judge, &aq_entity_label, data->id, &data->sealed, &data->wrap);
    } else if (event->type == &aq_event_label_deleted) {
        end_row(judge, &aq_entity_label, ((const struct aq_label_deleted *)event->data)->id);
    } else if (event->type == &aq_event_application_moved) {
        const struct aq_application_moved *data = event->data;
        if (judge_is_over(data->status))
            end_row(judge, &aq_entity_application, data->id);
    }
}

static void rewrapped(struct judge *judge, const struct aq_entity *entity, uint64_t id, const struct aq_wrap *wrap)
{
    struct sealed_row *row = sealed_row(&judge->sealed, entity, id);
    judge_must(judge, row != NULL && !row->over, "what needs no secrets keeps none", entity->name, id);
    judge_must(judge, strcmp(row->epoch, wrap->epoch) != 0, "a key is wrapped by another epoch", entity->name, id);
    snprintf(row->epoch, sizeof row->epoch, "%s", the_epoch(judge, wrap->epoch)->name);
    judge->sim->result->totals.rewrapped++;
}

static void label_rewrapped(struct judge *judge, const void *data)
{
    const struct aq_label_rewrapped *event = data;
    rewrapped(judge, &aq_entity_label, event->id, &event->wrap);
}

static void application_rewrapped(struct judge *judge, const void *data)
{
    const struct aq_application_rewrapped *event = data;
    rewrapped(judge, &aq_entity_application, event->id, &event->wrap);
}

uint64_t judge_secrets_recipe(const struct judge *judge, uint64_t label, uint64_t hash)
{
    const struct sealed_row *row = sealed_row(&judge->sealed, &aq_entity_label, label);
    for (uint32_t i = 0; row != NULL && i < row->count; i++)
        hash = recipe_hash_add(hash, row->values[i]->value);
    return hash;
}

bool judge_secrets_are_away(const struct judge *judge, const struct aq_entity *entity, uint64_t id)
{
    const struct sealed_row *row = sealed_row(&judge->sealed, entity, id);
    return row != NULL && sealed_epoch(&judge->sealed, row->epoch)->away;
}

static bool row_is_lost(const struct judge *judge, const struct aq_entity *entity, uint64_t id)
{
    const struct sealed_row *row = sealed_row(&judge->sealed, entity, id);
    return row != NULL && !row->over && sealed_epoch(&judge->sealed, row->epoch)->lost;
}

bool judge_secrets_are_lost(const struct judge *judge, uint64_t application)
{
    return row_is_lost(judge, &aq_entity_application, application) ||
           row_is_lost(judge, &aq_entity_label, judge->applications[application - 1].label);
}

/* ---- epochs --------------------------------------------------------------------------------------------- */

static void begun(struct judge *judge, const void *data)
{
    const struct aq_epoch_begun *event = data;
    struct sealed *sealed = &judge->sealed;
    judge_must(judge, sealed_epoch(sealed, event->name) == NULL, "each epoch has a key of its own", "epoch",
               sealed->n_epochs);
    for (size_t i = 0; i < sealed->n_epochs; i++)
        sealed->epochs[i].open = false;
    AQ_GROW(sealed->epochs, sealed->n_epochs, sealed->epochs_room);
    struct sealed_epoch *epoch = &sealed->epochs[sealed->n_epochs++];
    *epoch = (struct sealed_epoch){.open = true};
    snprintf(epoch->name, sizeof epoch->name, "%s", event->name);
}

static void ended(struct judge *judge, const void *data)
{
    const struct sealed *sealed = &judge->sealed;
    struct sealed_epoch *epoch = the_epoch(judge, ((const struct aq_epoch_ended *)data)->name);
    judge_must(judge, !epoch->open, "secrets are under an epoch that is there", "epoch", sealed->n_epochs);
    for (size_t i = 0; i < sealed->n_rows; i++)
        judge_must(judge, sealed->rows[i].over || strcmp(sealed->rows[i].epoch, epoch->name) != 0,
                   "an epoch ends when nothing needs its key", sealed->rows[i].entity->name, sealed->rows[i].id);
    epoch->ended = true;
    judge->sim->result->totals.epochs++;
}

static void lost(struct judge *judge, const void *data)
{
    const struct aq_epoch_lost *event = data;
    struct sealed_epoch *epoch = the_epoch(judge, event->name);
    judge_must(judge, epoch->away == event->lost, "a key is lost when it is not there", "epoch",
               judge->sealed.n_epochs);
    epoch->lost = event->lost;
}

const struct judge_taker judge_secrets[] = {
    {&aq_event_epoch_begun, begun},
    {&aq_event_epoch_ended, ended},
    {&aq_event_epoch_lost, lost},
    {&aq_event_label_rewrapped, label_rewrapped},
    {&aq_event_application_rewrapped, application_rewrapped},
    {NULL, NULL},
};

static uint64_t count_rows(const struct sealed *sealed, const char *epoch)
{
    uint64_t count = 0;
    for (size_t i = 0; i < sealed->n_rows; i++)
        count += !sealed->rows[i].over && strcmp(sealed->rows[i].epoch, epoch) == 0;
    return count;
}

void judge_secrets_compare(const struct judge *judge, struct state_txn *txn)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    uint64_t there = 0;
    for (size_t i = 0; i < judge->sealed.n_epochs; i++) {
        const struct sealed_epoch *epoch = &judge->sealed.epochs[i];
        const struct state_key key = state_key_name(epoch->name);
        struct aq_epoch shown;
        const bool found = state_find(txn, &aq_entity_epoch, &key, &shown, &arena);
        there += !epoch->ended;
        if (found == epoch->ended || (found && (shown.open != epoch->open || shown.lost != epoch->lost ||
                                                shown.keys != count_rows(&judge->sealed, epoch->name))))
            sim_broken(judge->sim, "the tables show what the events say", "epoch %zu", i + 1);
    }
    if (state_count(txn, &aq_entity_epoch) != there)
        sim_broken(judge->sim, "the tables show what the events say",
                   "there are %" PRIu64 " epochs, should be %" PRIu64, state_count(txn, &aq_entity_epoch), there);
}

/* ---- what workloads get --------------------------------------------------------------------------------- */

/* definitions[1].authentication.password is for definition 1 alone, where it is called authentication.password. */
static const char *name_for(const char *name, uint32_t definition)
{
    char prefix[40];
    const int length = snprintf(prefix, sizeof prefix, "definitions[%" PRIu32 "].", definition);
    if (strncmp(name, "definitions[", strlen("definitions[")) != 0)
        return name;
    return strncmp(name, prefix, (size_t)length) == 0 ? name + length : NULL;
}

static bool file_has(const char *directory, const char *key, const char *value)
{
    AQ_CLEANUP_BUFFER struct aq_buffer bytes = {0};
    struct aq_error ignored;
    AQ_CLEANUP_FD int files = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const size_t length = strlen(value) - 2; /* of a text in JSON, without its quotes */
    return files >= 0 && aq_file_read(files, key, AQ_SECRET_VALUE_MAX, &bytes, &ignored) == 0 &&
           bytes.length == length && memcmp(bytes.data, value + 1, length) == 0;
}

static uint32_t check_row(const struct judge *judge, const struct sealed_row *row, uint32_t definition,
                          uint64_t resource, const struct driver_spec *spec)
{
    const size_t skip = strlen(AQ_SECRET_METADATA);
    uint32_t count = 0;
    for (uint32_t i = 0; row != NULL && i < row->count; i++) {
        const char *name = name_for(row->values[i]->name, definition), *value = row->values[i]->value;
        if (name == NULL)
            continue;
        const char *got = aq_secret_value(&spec->secret_values, name);
        const bool is_file = strncmp(name, AQ_SECRET_METADATA, skip) == 0;
        if (got == NULL || strcmp(got, value) != 0 ||
            (is_file && (spec->secrets == NULL || !file_has(spec->secrets, name + skip, value))))
            sim_broken(judge->sim, "a workload gets its secrets", "%s of resource %" PRIu64, name, resource);
        count++;
    }
    return count;
}

void judge_secrets_check_start(const struct judge *judge, uint64_t resource, const struct driver_spec *spec)
{
    if (resource > judge->n_resources)
        return;
    const struct judge_resource *row = &judge->resources[resource - 1];
    const uint64_t label = judge->applications[row->application - 1].label;
    const uint32_t count =
        check_row(judge, sealed_row(&judge->sealed, &aq_entity_label, label), row->definition, resource, spec) +
        check_row(judge, sealed_row(&judge->sealed, &aq_entity_application, row->application), row->definition,
                  resource, spec);
    if (count != spec->secret_values.count)
        sim_broken(judge->sim, "a workload gets no other secrets",
                   "resource %" PRIu64 " gets %" PRIu32 " instead of %u", resource, spec->secret_values.count, count);
    judge->sim->result->totals.opened += count;
}
