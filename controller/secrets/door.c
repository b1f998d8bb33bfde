#include "controller/secrets/door.h"

#include "controller/secrets/seal.h"
#include "controller/state/references.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/epoch.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct door {
    struct keyring *keyring;
    struct writer *writer;
    struct state *state;
    pthread_mutex_t lock;
    bool begins;                   /* the command is under way */
    char begun[KEYRING_NAME_SIZE]; /* an epoch that begins, and that the tables may not show yet; "": none */
};

struct door *door_open(struct keyring *keyring, struct writer *writer, struct state *state)
{
    struct door *door = aq_calloc(1, sizeof *door);
    *door = (struct door){.keyring = keyring, .writer = writer, .state = state};
    pthread_mutex_init(&door->lock, NULL);
    return door;
}

void door_close(struct door *door)
{
    if (door == NULL)
        return;
    pthread_mutex_destroy(&door->lock);
    free(door);
}

struct keyring *door_keyring(const struct door *door)
{
    return door->keyring;
}

/* ---- epochs --------------------------------------------------------------------------------------------- */

struct beginning {
    struct writer_request request;
    struct door *door;
    struct aq_epoch_create record;
    const void *records[1];
    char name[KEYRING_NAME_SIZE];
};

/* On the writer's thread. */
static void begun(struct writer_request *request)
{
    struct beginning *beginning = request->context;
    struct door *door = beginning->door;
    pthread_mutex_lock(&door->lock);
    door->begins = false;
    if (request->error.code != AQ_OK && strcmp(door->begun, beginning->name) == 0)
        door->begun[0] = '\0';
    pthread_mutex_unlock(&door->lock);
    door_settle(door, request);
    aq_buffer_free(&request->warnings);
    free(beginning);
}

/* Waits for the disk only if the spare key is gone: react makes another soon. */
static int next_key(struct door *door, char name[KEYRING_NAME_SIZE], struct aq_error *error)
{
    return keyring_take_spare(door->keyring, name) ? 0 : keyring_make(door->keyring, name, error);
}

/* When the outcome is not known, the key is left, for its epoch may have begun all the same. */
void door_settle(struct door *door, const struct writer_request *request)
{
    const bool failed = request->error.code != AQ_OK && request->error.code != AQ_E_UNKNOWN;
    if (door == NULL || request->command != &aq_command_epoch_create || request->dry_run ||
        (!failed && !request->repeated))
        return;
    for (uint32_t i = 0; i < request->count; i++)
        keyring_give_back(door->keyring, ((const struct aq_epoch_create *)request->records[i])->name);
}

/* The command comes before the one that needs the epoch. With the lock. */
static int begin_epoch(struct door *door, struct aq_error *error)
{
    struct beginning *beginning = aq_calloc(1, sizeof *beginning);
    if (next_key(door, beginning->name, error) != 0) {
        free(beginning);
        return -1;
    }
    memcpy(door->begun, beginning->name, sizeof door->begun);
    beginning->door = door;
    beginning->record.name = beginning->name;
    beginning->records[0] = &beginning->record;
    beginning->request = (struct writer_request){.command = &aq_command_epoch_create,
                                                 .records = beginning->records,
                                                 .count = 1,
                                                 .caller = aq_caller_internal("aquarium"),
                                                 .done = begun,
                                                 .context = beginning};
    door->begins = true;
    if (writer_submit(door->writer, &beginning->request, error) == 0)
        return 0;
    door->begins = false;
    keyring_give_back(door->keyring, beginning->name);
    door->begun[0] = '\0';
    free(beginning);
    return -1;
}

int door_begin(struct door *door, struct aq_error *error)
{
    pthread_mutex_lock(&door->lock);
    int failed = door->begins ? 0 : begin_epoch(door, error);
    pthread_mutex_unlock(&door->lock);
    return failed;
}

static bool find_open(void *context, const struct state_key *key, const void *row)
{
    const struct aq_epoch *epoch = row;
    char *name = context;
    (void)key;
    if (epoch->open && strlen(epoch->name) < KEYRING_NAME_SIZE)
        memcpy(name, epoch->name, strlen(epoch->name) + 1);
    return !epoch->open;
}

/* The epoch under which to seal, and its key: the open one, or one that begins now. */
static int choose_epoch(struct door *door, struct state_txn *txn, char name[KEYRING_NAME_SIZE], struct seal_key *key,
                        struct aq_error *error)
{
    int failed = 0;
    name[0] = '\0';
    state_scan(txn, &aq_entity_epoch, NULL, find_open, name);
    if (name[0] != '\0' && keyring_find(door->keyring, name, key->bytes))
        return 0;
    pthread_mutex_lock(&door->lock);
    if (door->begun[0] == '\0' || !keyring_find(door->keyring, door->begun, key->bytes))
        failed = begin_epoch(door, error);
    if (failed == 0)
        memcpy(name, door->begun, KEYRING_NAME_SIZE);
    pthread_mutex_unlock(&door->lock);
    if (failed == 0 && !keyring_find(door->keyring, name, key->bytes))
        failed = aq_fail(error, AQ_E_INTERNAL, "the key of epoch %s is gone", name);
    return failed;
}

/* ---- one record ----------------------------------------------------------------------------------------- */

struct sealing {
    struct door *door;
    struct state_txn *txn;
    struct aq_arena *arena;
    struct aq_list *sealed;
    struct aq_wrap *wrap;
    struct seal_row row, before; /* before: of the label's latest version */
    bool has_key, has_before;
    struct aq_label_apply *applied; /* the record, if the command is label_apply */
    char epoch[KEYRING_NAME_SIZE];
};

/* So that `apply` can tell that nothing has changed. */
static void find_before(struct sealing *sealing)
{
    struct aq_label latest;
    struct seal_key epoch_key, key;
    const uint64_t id =
        sealing->applied != NULL ? state_member(sealing->txn, &aq_entity_label, sealing->applied->name, 0) : 0;
    if (sealing->applied != NULL)
        sealing->applied->before = id;
    if (id == 0 || !state_label(sealing->txn, id, &latest, sealing->arena) || latest.sealed.count == 0 ||
        !keyring_find(sealing->door->keyring, latest.wrap.epoch, epoch_key.bytes))
        return;
    sealing->has_before = seal_unwrap(&epoch_key, &latest.wrap, &key);
    if (sealing->has_before)
        seal_begin(&key, &sealing->before);
    seal_wipe(&epoch_key);
    seal_wipe(&key);
}

static int begin_sealing(struct sealing *sealing, struct aq_error *error)
{
    struct seal_key epoch_key, key;
    if (sealing->has_key)
        return 0;
    if (choose_epoch(sealing->door, sealing->txn, sealing->epoch, &epoch_key, error) != 0)
        return -1;
    seal_draw(&key);
    seal_begin(&key, &sealing->row);
    sealing->has_key = true;
    sealing->sealed->items = aq_arena_alloc(sealing->arena, AQ_SECRETS_MAX * sizeof(struct aq_boxed));
    sealing->sealed->count = 0;
    seal_wrap(&epoch_key, sealing->epoch, &key, sealing->wrap, sealing->arena);
    seal_wipe(&epoch_key);
    seal_wipe(&key);
    find_before(sealing);
    return 0;
}

static int add_secret(struct sealing *sealing, const char *name, const char *value, struct aq_error *error)
{
    const size_t length = strlen(value);
    if (begin_sealing(sealing, error) != 0)
        return -1;
    if (sealing->sealed->count == AQ_SECRETS_MAX)
        return aq_fail(error, AQ_E_INVALID, "%s: there are more than %d secrets", name, AQ_SECRETS_MAX);
    if (length > AQ_SECRET_VALUE_MAX)
        return aq_fail(error, AQ_E_INVALID, "%s is a secret of %zu bytes, but may have at most %d", name, length,
                       AQ_SECRET_VALUE_MAX);
    struct aq_boxed *sealed = AQ_ITEM(*sealing->sealed, struct aq_boxed, sealing->sealed->count++);
    seal_value(&sealing->row, name, value, length, sealed, sealing->arena);
    if (sealing->has_before)
        sealed->before = seal_digest(&sealing->before, name, value, length, sealing->arena);
    return 0;
}

/* ---- fields and metadata -------------------------------------------------------------------------------- */

static int fail_mark(const char *name, struct aq_error *error)
{
    return aq_fail(error, AQ_E_INVALID,
                   "%.100s is \"" AQ_SECRET_MARK "\", which stands for a secret that is not shown: give the secret "
                   "itself, or leave it out",
                   name);
}

static int seal_text(void *context, const char *path, const char **text, struct aq_error *error)
{
    struct sealing *sealing = context;
    if (*text == NULL || (*text)[0] == '\0')
        return 0;
    if (strcmp(*text, AQ_SECRET_MARK) == 0)
        return fail_mark(path, error);
    if (add_secret(sealing, path, *text, error) != 0)
        return -1;
    sodium_memzero((char *)(uintptr_t)*text, strlen(*text));
    *text = AQ_SECRET_MARK;
    return 0;
}

static int seal_member(struct sealing *sealing, json_t *json, const char *key, json_t *value, struct aq_error *error)
{
    const char *name = aq_arena_format(sealing->arena, AQ_SECRET_METADATA "%s", key);
    if (!aq_secret_key_is_good(key))
        return aq_fail(error, AQ_E_INVALID,
                       "%.100s is a secret, but its key cannot be the name of a file: use letters, digits, \".\", "
                       "\"_\" and \"-\", at most 64",
                       name);
    if (json_is_string(value) && strcmp(json_string_value(value), AQ_SECRET_MARK) == 0)
        return fail_mark(name, error);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    int failed = text == NULL ? aq_fail(error, AQ_E_INVALID, "%.100s cannot be written as JSON", name)
                              : add_secret(sealing, name, text, error);
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    free(text);
    if (failed == 0)
        json_object_set_new(json, key, json_string(AQ_SECRET_MARK));
    return failed;
}

static int seal_metadata(struct sealing *sealing, const char **metadata, const struct aq_list *secrets,
                         struct aq_error *error)
{
    json_t *value;
    const char *key;
    void *next;
    int failed = 0;
    if (secrets->count == 0 || aq_json_is_empty(*metadata))
        return 0;
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(*metadata, strlen(*metadata), error);
    if (json == NULL)
        return aq_error_context(error, "metadata");
    const uint32_t before = sealing->sealed->count;
    json_object_foreach_safe (json, next, key, value)
        if (failed == 0 && aq_secrets_have(secrets, key))
            failed = seal_member(sealing, json, key, value, error);
    if (failed != 0 || sealing->sealed->count == before)
        return failed;
    sodium_memzero((char *)(uintptr_t)*metadata, strlen(*metadata));
    *metadata = aq_json_compact(json, sealing->arena);
    return 0;
}

/* ---- whose metadata ------------------------------------------------------------------------------------- */

/* The label that an application is created of, as decide will find it. False: decide will refuse. */
static bool find_label(struct sealing *sealing, const struct aq_application_create *command, struct aq_label *label)
{
    const struct aq_field *secrets = aq_record_field(&aq_label_record, "secrets");
    struct state_key key = state_key_number(command->label_id);
    struct state_packed row;
    struct aq_error ignored;
    const char *text = command->label;
    if (command->version != 0 && strchr(text, ':') == NULL)
        text = aq_arena_format(sealing->arena, "%s:%" PRIu64, text, command->version);
    if (command->label_id == 0 && state_refer(sealing->txn, &aq_entity_label, text, &key, &ignored) != 0)
        return false;
    return state_find_packed(sealing->txn, &aq_entity_label, &key, &row) &&
           state_unpack(sealing->txn, &aq_entity_label, &row, AQ_FIELD_BIT(&aq_label_record, secrets), label,
                        sealing->arena);
}

static int seal_record(struct sealing *sealing, const struct aq_command *command, void *record, struct aq_error *error)
{
    struct aq_label label = {.secrets = {0}};
    if (command == &aq_command_application_create) {
        struct aq_application_create *create = record;
        if (!find_label(sealing, create, &label))
            return 0;
        return seal_metadata(sealing, &create->metadata, &label.secrets, error);
    }
    const struct aq_field *metadata = aq_record_field(command->record, "metadata"),
                          *secrets = aq_record_field(command->record, "secrets");
    if (metadata == NULL || secrets == NULL)
        return 0;
    if (command == &aq_command_label_apply)
        sealing->applied = record;
    if (seal_metadata(sealing, AQ_AT(record, metadata), AQ_AT_CONST(record, secrets), error) != 0)
        return -1;
    return aq_sealed_texts(command->record, record, seal_text, sealing, error);
}

/* Most applications give none. */
static bool has_no_metadata(const struct aq_command *command, const void *record)
{
    return command == &aq_command_application_create &&
           aq_json_is_empty(((const struct aq_application_create *)record)->metadata);
}

static int make_key(struct door *door, struct aq_epoch_create *record, bool dry_run, struct aq_arena *arena,
                    struct aq_error *error)
{
    char *name = aq_arena_alloc(arena, KEYRING_NAME_SIZE);
    record->name = name;
    if (!dry_run)
        return next_key(door, name, error);
    unsigned char bytes[KEYRING_NAME_SIZE / 2];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(name, KEYRING_NAME_SIZE, bytes, sizeof bytes);
    return 0;
}

int door_seal(struct door *door, const struct aq_command *command, void *record, bool dry_run, struct aq_arena *arena,
              bool *sealed, struct aq_error *error)
{
    const struct aq_field *list = aq_record_field(command->record, "sealed"),
                          *wrap = aq_record_field(command->record, "wrap");
    if (door == NULL)
        return 0;
    if (command == &aq_command_epoch_create)
        return make_key(door, record, dry_run, arena, error);
    if (list == NULL || wrap == NULL || has_no_metadata(command, record))
        return 0;
    struct sealing sealing = {.door = door, .arena = arena, .sealed = AQ_AT(record, list), .wrap = AQ_AT(record, wrap)};
    if (state_read(door->state, &sealing.txn, error) != 0)
        return -1;
    int failed = seal_record(&sealing, command, record, error);
    if (state_failed(sealing.txn, error))
        failed = -1;
    state_end(sealing.txn);
    *sealed = *sealed || sealing.has_key;
    sodium_memzero(&sealing, sizeof sealing);
    return failed;
}

/* ---- fingerprints --------------------------------------------------------------------------------------- */

uint32_t door_fingerprints(struct door *door, uint64_t plain, uint64_t fingerprints[DOOR_FINGERPRINTS_MAX])
{
    char open[KEYRING_NAME_SIZE] = "", name[KEYRING_NAME_SIZE];
    struct state_txn *txn = NULL;
    struct seal_key key;
    struct aq_error error;
    uint32_t count = 0;
    if (state_read(door->state, &txn, &error) != 0 || choose_epoch(door, txn, open, &key, &error) != 0)
        open[0] = '\0';
    state_end(txn);
    if (open[0] != '\0')
        fingerprints[count++] = seal_fingerprint(&key, plain);
    for (size_t i = 0; count < DOOR_FINGERPRINTS_MAX && keyring_name(door->keyring, i, name); i++)
        if (strcmp(name, open) != 0 && keyring_find(door->keyring, name, key.bytes))
            fingerprints[count++] = seal_fingerprint(&key, plain);
    seal_wipe(&key);
    return count;
}
