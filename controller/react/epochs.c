#include "controller/react/epochs.h"

#include "controller/secrets/seal.h"
#include "controller/state/indexes.h"
#include "schema/base/journal.h"
#include "schema/codec/reload.h"
#include "schema/model/application.h"
#include "schema/model/epoch.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LINGER_MS = 5000, /* requests that were sealed under an epoch may still be under way when another has begun */
    EPOCHS_MAX = EPOCHS_TOLD,
    LABELS_TOLD = 1024,    /* bytes */
    TELL_AGAIN_MS = 60000, /* the same failure */
    SPARE_AGAIN_MS = 10000 /* after a spare key could not be made */
};

struct rows {
    struct aq_epoch items[EPOCHS_MAX];
    size_t count;
    struct aq_arena arena;
};

static bool add_row(void *context, const struct state_key *key, const void *row)
{
    struct rows *rows = context;
    (void)key;
    aq_record_copy(&aq_epoch_record, &rows->items[rows->count++], row, &rows->arena);
    return rows->count < EPOCHS_MAX;
}

static const struct aq_epoch *open_one(const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].open)
            return &rows->items[i];
    return NULL;
}

/* ---- the keyring ------------------------------------------------------------------------------------------- */

static void delete_key(struct keyring *keyring, const char *name)
{
    struct aq_error error;
    if (keyring_delete(keyring, name, &error) != 0)
        aq_journal(AQ_ERROR, "the key of an epoch that has ended, or has never begun, cannot be deleted", "epoch", name,
                   "error", error.message, NULL);
}

/* Those of epochs that have ended, also while this controller was down, and those that were made for nothing. A key of
 * which the log knows nothing is left: it belongs to an epoch that is about to begin, or this is the wrong log. */
static void delete_keys(struct epochs *epochs, struct state_txn *txn)
{
    struct keyring *keyring = door_keyring(epochs->door);
    char names[KEYRING_KEYS_MAX][KEYRING_NAME_SIZE];
    size_t count = 0;
    while (count < KEYRING_KEYS_MAX && keyring_name(keyring, count, names[count]))
        count++;
    for (size_t i = 0; i < count; i++) {
        const struct state_key ended = index_epoch_ended(names[i]);
        const void *value;
        size_t length;
        if (index_get(txn, INDEX_EPOCH_KEY, &ended, &value, &length))
            delete_key(keyring, names[i]);
    }
    while (keyring_next_unused(keyring, names[0]))
        delete_key(keyring, names[0]);
}

static bool is_known(struct state_txn *txn, const char *name)
{
    const struct state_key key = state_key_name(name), ended = index_epoch_ended(name);
    const void *value;
    size_t length;
    return state_exists(txn, &aq_entity_epoch, &key) || index_get(txn, INDEX_EPOCH_KEY, &ended, &value, &length);
}

/* Before it is needed: this thread may wait for the disk, while REST and the hub may not. */
static void keep_spare(struct epochs *epochs, struct state_txn *txn, uint64_t time_ms)
{
    struct keyring *keyring = door_keyring(epochs->door);
    char name[KEYRING_NAME_SIZE];
    struct aq_error error;
    if (keyring_has_spare(keyring) || time_ms < epochs->spare_ms)
        return;
    if (keyring_left_spare(keyring, name) && !is_known(txn, name)) {
        keyring_give_back(keyring, name);
    } else if (keyring_make_spare(keyring, &error) != 0) {
        epochs->spare_ms = time_ms + SPARE_AGAIN_MS;
        if (aq_journal_due(&epochs->unspared, time_ms, TELL_AGAIN_MS) != 0)
            aq_journal(AQ_WARN, "no spare key can be made for the next epoch of secrets", "error", error.message, NULL);
    }
}

/* Whose secrets are lost with it, as far as a line of the journal has room. */
struct losses {
    struct state_txn *txn;
    const char *epoch;
    struct aq_buffer labels;
    uint64_t applications;
    struct aq_arena arena;
};

static bool add_loss(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct losses *losses = context;
    struct aq_label label;
    const char *entity = (const char *)key->bytes + strlen(losses->epoch) + 1;
    (void)value, (void)length;
    aq_arena_reset(&losses->arena);
    if (strcmp(entity, aq_entity_label.name) != 0)
        losses->applications++;
    else if (losses->labels.length < LABELS_TOLD &&
             state_label(losses->txn, state_key_number_at(key, key->length - sizeof(uint64_t)), &label, &losses->arena))
        aq_buffer_format(&losses->labels, "%s%s:%" PRIu64, losses->labels.length > 0 ? ", " : "", label.name,
                         label.version);
    return true;
}

/* False: it was told already. The command that notes the loss may have to be sent again. */
static bool begin_telling(struct epochs *epochs, const char *epoch)
{
    size_t free = EPOCHS_TOLD;
    for (size_t i = 0; i < EPOCHS_TOLD; i++) {
        if (strcmp(epochs->told[i], epoch) == 0)
            return false;
        if (epochs->told[i][0] == '\0')
            free = i;
    }
    if (free < EPOCHS_TOLD)
        snprintf(epochs->told[free], sizeof epochs->told[free], "%s", epoch);
    return true;
}

static void drop_told(struct epochs *epochs, const char *epoch)
{
    for (size_t i = 0; i < EPOCHS_TOLD; i++)
        if (strcmp(epochs->told[i], epoch) == 0)
            memset(epochs->told[i], 0, sizeof epochs->told[i]);
}

static void tell_loss(struct epochs *epochs, struct state_txn *txn, const char *epoch)
{
    struct losses losses = {.txn = txn, .epoch = epoch};
    if (!begin_telling(epochs, epoch))
        return;
    struct state_key prefix = {0};
    char applications[24];
    state_key_add_text(&prefix, epoch);
    index_scan(txn, INDEX_EPOCH_KEY, &prefix, add_loss, &losses);
    snprintf(applications, sizeof applications, "%" PRIu64, losses.applications);
    aq_journal(AQ_ERROR, "the key of an epoch is not in the keyring: the secrets of these cannot be read", "epoch",
               epoch, "labels", aq_buffer_string(&losses.labels), "applications", applications, NULL);
    aq_buffer_free(&losses.labels);
    aq_arena_free(&losses.arena);
}

static void note_losses(struct epochs *epochs, struct state_txn *txn, const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct aq_epoch *epoch = &rows->items[i];
        struct seal_key key;
        const bool lost = !keyring_find(door_keyring(epochs->door), epoch->name, key.bytes);
        const struct aq_epoch_lose lose = {epoch->name, lost};
        seal_wipe(&key);
        if (lost == epoch->lost)
            continue;
        if (lost) {
            tell_loss(epochs, txn, epoch->name);
        } else {
            drop_told(epochs, epoch->name);
            aq_journal(AQ_INFO, "the key of an epoch is in the keyring again", "epoch", epoch->name, NULL);
        }
        react_commands_send_copy(epochs->commands, &aq_command_epoch_lose, &lose);
    }
}

/* ---- data keys --------------------------------------------------------------------------------------------- */

struct rewrapping {
    struct epochs *epochs;
    struct state_txn *txn;
    const char *from, *to;
    struct seal_key from_key, to_key;
    struct aq_arena arena;
};

static bool rewrap(struct rewrapping *work, const struct aq_wrap *old, struct aq_wrap *wrap)
{
    struct seal_key data_key;
    const bool good = strcmp(old->epoch, work->from) == 0 && seal_unwrap(&work->from_key, old, &data_key);
    if (good)
        seal_wrap(&work->to_key, work->to, &data_key, wrap, &work->arena);
    seal_wipe(&data_key);
    return good;
}

/* Returns whether more can be sent. */
static bool rewrap_label(struct rewrapping *work, uint64_t id)
{
    struct aq_label label;
    struct aq_label_rewrap command = {.id = id, .from = work->from};
    if (!state_label(work->txn, id, &label, &work->arena) || !rewrap(work, &label.wrap, &command.wrap))
        return true;
    return react_commands_send_copy(work->epochs->commands, &aq_command_label_rewrap, &command);
}

static bool rewrap_application(struct rewrapping *work, uint64_t id)
{
    struct aq_application application;
    struct aq_application_rewrap command = {.id = id, .from = work->from};
    if (!state_application(work->txn, id, &application, &work->arena) ||
        !rewrap(work, &application.wrap, &command.wrap))
        return true;
    return react_commands_send_copy(work->epochs->commands, &aq_command_application_rewrap, &command);
}

static bool rewrap_row(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct rewrapping *work = context;
    const char *entity = (const char *)key->bytes + strlen(work->from) + 1;
    const uint64_t id = state_key_number_at(key, key->length - sizeof id);
    (void)value, (void)length;
    aq_arena_reset(&work->arena);
    return strcmp(entity, aq_entity_label.name) == 0 ? rewrap_label(work, id) : rewrap_application(work, id);
}

static void rewrap_keys(struct epochs *epochs, struct state_txn *txn, const struct aq_epoch *from,
                        const struct aq_epoch *to)
{
    struct keyring *keyring = door_keyring(epochs->door);
    struct rewrapping work = {.epochs = epochs, .txn = txn, .from = from->name, .to = to->name};
    struct state_key prefix = {0};
    state_key_add_text(&prefix, from->name);
    if (keyring_find(keyring, from->name, work.from_key.bytes) && keyring_find(keyring, to->name, work.to_key.bytes))
        index_scan(txn, INDEX_EPOCH_KEY, &prefix, rewrap_row, &work);
    seal_wipe(&work.from_key);
    seal_wipe(&work.to_key);
    aq_arena_free(&work.arena);
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

static void wait_until(struct epochs *epochs, uint64_t time_ms)
{
    if (epochs->next_ms == 0 || time_ms < epochs->next_ms)
        epochs->next_ms = time_ms;
}

static void begin_when_old(struct epochs *epochs, const struct aq_epoch *open, uint64_t time_ms)
{
    struct aq_error error;
    const uint64_t age_ms = AQ_SETTING(epochs->settings->epoch) * 1000;
    if (age_ms == 0)
        return;
    if (time_ms < open->begun_at + age_ms)
        wait_until(epochs, open->begun_at + age_ms);
    else if (door_begin(epochs->door, &error) != 0 && aq_journal_due(&epochs->unbegun, time_ms, TELL_AGAIN_MS) != 0)
        aq_journal(AQ_ERROR, "no new epoch of secrets can begin", "error", error.message, NULL);
}

static void end_old(struct epochs *epochs, struct state_txn *txn, const struct rows *rows, const struct aq_epoch *open,
                    uint64_t time_ms)
{
    const uint64_t ends_ms = open->begun_at + LINGER_MS;
    for (size_t i = 0; i < rows->count; i++) {
        const struct aq_epoch *epoch = &rows->items[i];
        const struct aq_epoch_finish finish = {epoch->name};
        if (epoch->open)
            continue;
        if (epoch->keys > 0)
            rewrap_keys(epochs, txn, epoch, open);
        else if (time_ms < ends_ms)
            wait_until(epochs, ends_ms);
        else
            react_commands_send_copy(epochs->commands, &aq_command_epoch_finish, &finish);
    }
}

void epochs_look(struct epochs *epochs, struct state_txn *txn, uint64_t time_ms)
{
    char name[KEYRING_NAME_SIZE];
    if (epochs->door == NULL)
        return;
    epochs->next_ms = 0;
    keep_spare(epochs, txn, time_ms);
    if (state_count(txn, &aq_entity_epoch) == 0 && !keyring_name(door_keyring(epochs->door), 0, name))
        return;
    struct rows rows = {.count = 0};
    state_scan(txn, &aq_entity_epoch, NULL, add_row, &rows);
    const struct aq_epoch *open = open_one(&rows);
    if (!state_failed(txn, &(struct aq_error){0})) {
        delete_keys(epochs, txn);
        note_losses(epochs, txn, &rows);
        if (open != NULL) {
            begin_when_old(epochs, open, time_ms);
            end_old(epochs, txn, &rows, open, time_ms);
        }
    }
    aq_arena_free(&rows.arena);
}
