#include "schema/model/epoch.h"

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

#include <string.h>

static int create_epoch(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_epoch_create *command = record;
    if (command->name == NULL || command->name[0] == '\0')
        return aq_fail(error, AQ_E_INTERNAL, "an epoch begins without a key");
    const struct state_key key = state_key_name(command->name);
    decide_id_name(decide, command->name);
    if (state_exists(decide->txn, &aq_entity_epoch, &key))
        return 0;
    struct aq_epoch_begun event = {command->name};
    decide_emit(decide, &aq_event_epoch_begun, &event);
    return 0;
}
DECIDE(aq_command_epoch_create, create_epoch);

static int finish_epoch(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_epoch_finish *command = record;
    struct aq_epoch epoch;
    decide_id_name(decide, command->name);
    if (decide_find_name(decide, &aq_entity_epoch, command->name, &epoch, error) != 0)
        return -1;
    if (epoch.open || epoch.keys > 0)
        return aq_fail(error, AQ_E_STATE, "epoch %s is still needed", command->name);
    struct aq_epoch_ended event = {command->name};
    decide_emit(decide, &aq_event_epoch_ended, &event);
    return 0;
}
DECIDE(aq_command_epoch_finish, finish_epoch);

static int lose_epoch(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_epoch_lose *command = record;
    struct aq_epoch epoch;
    decide_id_name(decide, command->name);
    if (decide_find_name(decide, &aq_entity_epoch, command->name, &epoch, error) != 0)
        return -1;
    struct aq_epoch_lost event = {command->name, command->lost};
    if (epoch.lost != command->lost)
        decide_emit(decide, &aq_event_epoch_lost, &event);
    return 0;
}
DECIDE(aq_command_epoch_lose, lose_epoch);

/* ---- data keys that are wrapped anew ---------------------------------------------------------------------- */

/* The row may have changed, or be gone, since its key was wrapped anew: then nothing is done. */
static bool takes(const struct decide *decide, const struct aq_wrap *has, const char *from, const struct aq_wrap *wrap)
{
    const struct state_key epoch = state_key_name(wrap->epoch);
    return has->epoch[0] != '\0' && strcmp(has->epoch, from) == 0 && strcmp(wrap->epoch, from) != 0 &&
           state_exists(decide->txn, &aq_entity_epoch, &epoch);
}

static int rewrap_label(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_rewrap *command = record;
    struct aq_label label;
    (void)error;
    decide_id_number(decide, command->id);
    struct aq_label_rewrapped event = {command->id, command->wrap};
    if (state_label(decide->txn, command->id, &label, decide->arena) &&
        takes(decide, &label.wrap, command->from, &command->wrap))
        decide_emit(decide, &aq_event_label_rewrapped, &event);
    return 0;
}
DECIDE(aq_command_label_rewrap, rewrap_label);

static int rewrap_application(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_rewrap *command = record;
    struct aq_application application;
    (void)error;
    decide_id_number(decide, command->id);
    struct aq_application_rewrapped event = {command->id, command->wrap};
    if (state_application(decide->txn, command->id, &application, decide->arena) &&
        takes(decide, &application.wrap, command->from, &command->wrap))
        decide_emit(decide, &aq_event_application_rewrapped, &event);
    return 0;
}
DECIDE(aq_command_application_rewrap, rewrap_application);
