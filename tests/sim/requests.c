#include "tests/sim/requests.h"

#include "controller/project/answers.h"
#include "controller/secrets/seal.h"
#include "controller/state/kept_rows.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/model/application.h"
#include "schema/model/command.h"
#include "schema/model/epoch.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/role.h"
#include "schema/model/user.h"
#include "tests/sim/recipes.h"
#include "tests/sim/renames.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct requests *present; /* of this life */

int __real_writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error);
int __wrap_writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error);

void requests_open(struct requests *requests, struct sim *sim, struct judge *judge)
{
    present = requests;
    *requests = (struct requests){.sim = sim, .judge = judge, .lose_percent = ANSWERS_LOST_PERCENT};
}

void requests_free(struct requests *requests)
{
    for (size_t i = 0; i < requests->count; i++)
        aq_buffer_free(&requests->all[i]->rows);
    aq_arena_free(&requests->arena);
    free(requests->all);
}

struct asked *requests_new(struct requests *requests)
{
    struct asked *asked = aq_arena_alloc(&requests->arena, sizeof *asked);
    AQ_GROW(requests->all, requests->count, requests->capacity);
    requests->all[requests->count++] = asked;
    asked->number = requests->count;
    asked->requests = requests;
    return asked;
}

struct asked *requests_repeat(struct requests *requests, const struct asked *before)
{
    struct asked *asked = requests_new(requests);
    asked->command = before->command;
    memcpy(asked->records, before->records, sizeof asked->records);
    asked->count = before->count;
    memcpy(asked->author, before->author, sizeof asked->author);
    asked->author_number = before->author_number;
    memcpy(asked->key, before->key, sizeof asked->key);
    asked->fingerprint = before->fingerprint;
    asked->dry_run = before->dry_run;
    return asked;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static void free_answer(struct writer_request *request)
{
    aq_buffer_free(&request->warnings);
    aq_buffer_free(&request->rows);
    aq_buffer_free(&request->events);
}

/* Is a decision with this fingerprint one of this request, or of the same one before? */
static bool is_of(const struct asked *asked, uint64_t fingerprint)
{
    bool same = !asked->has_secrets && asked->fingerprint == fingerprint;
    for (uint32_t i = 0; i < asked->n_fingerprints && !same; i++)
        same = asked->fingerprints[i] == fingerprint;
    return same;
}

/* With secrets, it is known again as long as the key is there under which it was known first. */
static void check_known(const struct asked *asked, uint64_t fingerprint)
{
    const struct requests *requests = asked->requests;
    struct seal_key key;
    for (size_t i = 0; i < requests->count; i++) {
        const struct asked *before = requests->all[i];
        if (before != asked && before->has_secrets && before->n_fingerprints > 0 &&
            before->fingerprints[0] == fingerprint && before->fingerprint == asked->fingerprint &&
            requests->door != NULL && keyring_find(door_keyring(requests->door), before->epoch, key.bytes))
            sim_broken(requests->sim, "a request with secrets is known again", "%" PRIu64 ", as %" PRIu64 " before",
                       asked->number, before->number);
    }
}

/* A key belongs to its user, and is none for a dry run: whoever is refused because of it has used it before. */
static void check_reuse(const struct asked *asked)
{
    const struct judge *judge = asked->requests->judge;
    bool used = false;
    if (asked->dry_run && (asked->repeated || asked->code == AQ_E_KEY_REUSED))
        sim_broken(asked->requests->sim, "a dry run is decided each time", "%" PRIu64 ", key %s", asked->number,
                   asked->key);
    if (asked->code != AQ_E_KEY_REUSED)
        return;
    for (size_t i = 0; i < judge->n_decisions; i++) {
        const struct judge_decision *decision = &judge->decisions[i];
        if (strcmp(decision->key, asked->key) != 0 || strcmp(decision->author, asked->author) != 0 ||
            (!asked->request.caller.internal && decision->author_number != asked->author_number))
            continue;
        used = used || !is_of(asked, decision->fingerprint);
        check_known(asked, decision->fingerprint);
    }
    if (!used)
        sim_broken(asked->requests->sim, "a key belongs to its user", "%" PRIu64 " of %s, key %s", asked->number,
                   asked->author, asked->key);
}

/* A label that was applied without a change is there already, just like that. */
static void check_applied(const struct asked *asked)
{
    if (asked->command != &aq_command_label_apply || asked->code != AQ_OK || asked->changed || asked->repeated)
        return;
    const struct aq_label_apply *applied = asked->records[0];
    const struct judge_label *label = judge_label(asked->requests->judge, applied->name, asked->seq);
    if (label == NULL || label->recipe != recipe_hash_given(&applied->definitions, applied->arguments))
        sim_broken(asked->requests->sim, "what is applied is there", "%" PRIu64 ", label %s", asked->number,
                   applied->name);
}

static void take_answer(struct asked *asked, const struct writer_request *request)
{
    struct sim *sim = asked->requests->sim;
    asked->code = request->error.code;
    asked->seq = request->seq;
    asked->changed = request->changed;
    asked->repeated = request->repeated;
    asked->state = asked->code == AQ_OK ? ASKED_DONE : asked->code == AQ_E_UNKNOWN ? ASKED_UNKNOWN : ASKED_REFUSED;
    sim_say(sim, "answer: %" PRIu64 " %s at seq %" PRIu64 "%s%s%s %s", asked->number,
            asked->code == AQ_OK ? "done" : aq_error_name(asked->code), asked->seq, asked->changed ? ", changed" : "",
            asked->repeated ? ", repeated" : "", asked->dry_run ? ", dry" : "", asked->ids[0]);
    sim->result->totals.answers += asked->state == ASKED_DONE;
    sim->result->totals.refusals += asked->state == ASKED_REFUSED;
    sim->result->totals.unknown += asked->state == ASKED_UNKNOWN;
    sim->result->totals.repeats += asked->repeated;
    /* The judge takes what is durable, and nothing else. */
    if (asked->seq > asked->requests->judge->seq)
        sim_broken(sim, "an answer is about what is durable",
                   "%" PRIu64 " is answered at seq %" PRIu64 ", but only %" PRIu64 " is durable", asked->number,
                   asked->seq, asked->requests->judge->seq);
    check_reuse(asked);
    check_applied(asked);
}

static void answered(struct writer_request *request)
{
    struct asked *asked = request->context;
    struct sim *sim = asked->requests->sim;
    if (asked->state != ASKED_WAITS)
        sim_broken(sim, "a request has one answer", "%" PRIu64, asked->number);
    asked->requests->waiting--;
    if (sim_happens(sim, asked->requests->lose_percent) && asked->told == NULL) {
        asked->state = ASKED_UNKNOWN;
        sim->result->totals.unknown++;
        sim_say(sim, "answer: that of %" PRIu64 " is lost", asked->number);
    } else {
        door_settle(asked->requests->door, request);
        asked->rows = request->rows;
        request->rows = (struct aq_buffer){0};
        take_answer(asked, request);
    }
    free_answer(request);
    if (asked->told != NULL)
        asked->told(asked);
}

/* ---- what the hub asks for, and the controller by itself ---------------------------------------------- */

static void give_back(struct asked *asked, struct writer_request *request)
{
    request->done = asked->done;
    request->context = asked->context;
    if (request->ids == asked->ids)
        request->ids = NULL;
}

static void inner_answered(struct writer_request *request)
{
    struct asked *asked = request->context;
    if (asked->state != ASKED_WAITS)
        sim_broken(asked->requests->sim, "a request has one answer", "%" PRIu64, asked->number);
    asked->requests->waiting--;
    take_answer(asked, request);
    give_back(asked, request);
    request->done(request);
}

static int submit_inner(struct requests *requests, struct writer *writer, struct writer_request *request,
                        struct aq_error *error)
{
    struct asked *asked = requests_new(requests);
    asked->inner = true;
    asked->command = request->command;
    asked->count = request->count;
    snprintf(asked->author, sizeof asked->author, "%s", request->caller.name);
    asked->done = request->done;
    asked->context = request->context;
    sim_say(requests->sim, "asks: %" PRIu64 " %s by %s", asked->number, asked->command->name, asked->author);
    requests->check_inner(requests->context, request);
    requests->sim->result->totals.inner++;
    if (request->ids == NULL)
        request->ids = asked->ids;
    request->done = inner_answered;
    request->context = asked;
    asked->state = ASKED_WAITS;
    requests->waiting++;
    if (__real_writer_submit(writer, request, error) == 0)
        return 0;
    requests->waiting--;
    asked->state = ASKED_REFUSED;
    asked->code = error->code;
    give_back(asked, request);
    sim_say(requests->sim, "answer: %" PRIu64 " is not taken: %s", asked->number, aq_error_name(asked->code));
    return -1;
}

int __wrap_writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error)
{
    return submit_inner(present, writer, request, error);
}

/* ---- clients ------------------------------------------------------------------------------------------ */

struct aq_caller asked_caller(const char *author, uint64_t number)
{
    /* What a member may do, the writer finds out. */
    const char *role = strcmp(author, "admin") == 0 || strncmp(author, "member-", 7) == 0 ? AQ_ROLE_ADMIN
                       : strncmp(author, "user-", 5) == 0                                 ? AQ_ROLE_USER
                                                                                          : NULL;
    if (role == NULL)
        return aq_caller_internal(author);
    const struct aq_user user = {.name = author, .number = number, .role = role};
    const struct aq_rights rights = aq_rights_of(&aq_role_built_in(role)->may);
    return aq_caller_of_user(&user, &rights);
}

/* As REST does it (controller/serve/write.c). */
static int seal_records(struct asked *asked, struct aq_error *error)
{
    struct requests *requests = asked->requests;
    const struct aq_command *command = asked->command;
    const struct aq_field *wrap = aq_record_field(command->record, "wrap");
    const bool makes_key = command == &aq_command_epoch_create;
    for (uint32_t i = 0; i < asked->count; i++) {
        void *record = (void *)(uintptr_t)asked->records[i];
        bool sealed = false;
        asked->sealed[i] = record;
        if (requests->door == NULL || asked->inner || (wrap == NULL && !makes_key))
            continue;
        record = aq_arena_alloc(&requests->arena, command->record->size);
        aq_record_copy(command->record, record, asked->records[i], &requests->arena);
        asked->sealed[i] = record;
        if (door_seal(requests->door, command, record, asked->dry_run, &requests->arena, &sealed, error) != 0)
            return -1;
        asked->has_secrets = asked->has_secrets || sealed;
        if (!sealed)
            continue; /* there is nothing, or decide refuses it */
        sealed_note(&requests->judge->sealed, command, asked->records[i], record);
        snprintf(asked->epoch, sizeof asked->epoch, "%s", ((const struct aq_wrap *)AQ_AT(record, wrap))->epoch);
    }
    return 0;
}

static int seal(struct asked *asked, struct aq_error *error)
{
    renames_begin(RENAMES_CONTROLLER);
    const int failed = seal_records(asked, error);
    if (failed == 0 && asked->has_secrets && asked->key[0] != '\0') {
        asked->n_fingerprints = door_fingerprints(asked->requests->door, asked->fingerprint, asked->fingerprints);
        asked->request.fingerprint = asked->n_fingerprints > 0 ? asked->fingerprints[0] : 0;
        asked->request.earlier = asked->fingerprints;
        asked->request.earlier_count = asked->n_fingerprints;
    }
    renames_end();
    return failed;
}

void asked_submit(struct asked *asked, struct writer *writer)
{
    struct aq_error error = {0};
    struct requests *requests = asked->requests;
    asked->request = (struct writer_request){.command = asked->command,
                                             .records = asked->sealed,
                                             .count = asked->count,
                                             .caller = asked_caller(asked->author, asked->author_number),
                                             .key = asked->key,
                                             .fingerprint = asked->fingerprint,
                                             .dry_run = asked->dry_run,
                                             .wants_rows = asked->number % 2 == 0,
                                             .done = answered,
                                             .context = asked,
                                             .ids = asked->ids};
    sim_say(requests->sim, "asks: %" PRIu64 " %s x%u by %s%s%s%s", asked->number, asked->command->name, asked->count,
            asked->author, asked->key[0] ? " key " : "", asked->key, asked->dry_run ? " dry" : "");
    requests->sim->result->totals.requests++;
    asked->state = ASKED_WAITS;
    requests->waiting++;
    if (writer != NULL && seal(asked, &error) == 0 && __real_writer_submit(writer, &asked->request, &error) == 0)
        return;
    requests->waiting--;
    asked->state = ASKED_REFUSED;
    asked->code = writer == NULL ? AQ_E_NO_LEADER : error.code;
    requests->sim->result->totals.refusals++;
    sim_say(requests->sim, "answer: %" PRIu64 " is not taken: %s", asked->number, aq_error_name(asked->code));
}

void requests_crash(struct requests *requests)
{
    for (size_t i = requests->count; i > 0 && requests->waiting > 0; i--) {
        struct asked *asked = requests->all[i - 1];
        if (asked->state != ASKED_WAITS)
            continue;
        asked->state = ASKED_UNKNOWN;
        requests->waiting--;
        requests->sim->result->totals.unknown++;
        if (!asked->inner)
            free_answer(&asked->request);
    }
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static bool asks_for(const struct asked *asked, const struct judge_decision *decision)
{
    return asked->command->code == decision->command && strcmp(asked->author, decision->author) == 0 &&
           strcmp(asked->key, decision->key) == 0 &&
           (decision->key[0] == '\0' || is_of(asked, decision->fingerprint)) && !asked->dry_run;
}

static bool is_answer_of(const struct asked *asked, const struct judge_decision *decision)
{
    return asks_for(asked, decision) && asked->seq == decision->seq && asked->changed == (decision->events > 0) &&
           strcmp(asked->ids[0], decision->id) == 0;
}

/* Requests that were answered at each seq, and those whose answer is not known, in the order in which they were asked.
 */
struct owners {
    const struct requests *requests;
    uint32_t *at_seq; /* the first one, by its number; 0: none */
    uint32_t *next;   /* by numbers: the next one of the same */
    uint32_t unknown;
};

static void owners_open(struct owners *owners, const struct requests *requests)
{
    *owners = (struct owners){.requests = requests};
    owners->at_seq = aq_calloc((size_t)requests->judge->seq + 1, sizeof *owners->at_seq);
    owners->next = aq_calloc(requests->count + 1, sizeof *owners->next);
    for (size_t i = requests->count; i > 0; i--) {
        const struct asked *asked = requests->all[i - 1];
        uint32_t *first = asked->state == ASKED_UNKNOWN                    ? &owners->unknown
                          : asked->state == ASKED_DONE && !asked->repeated ? &owners->at_seq[asked->seq]
                                                                           : NULL;
        if (first == NULL)
            continue;
        owners->next[i] = *first;
        *first = (uint32_t)i;
    }
}

static void owners_free(struct owners *owners)
{
    free(owners->at_seq);
    free(owners->next);
}

/* One that was answered with just this decision; else, of those whose answer is not known, the first. */
static struct asked *find_owner(const struct owners *owners, const struct judge_decision *decision)
{
    for (uint32_t i = owners->at_seq[decision->seq]; i != 0; i = owners->next[i]) {
        struct asked *asked = owners->requests->all[i - 1];
        if (!asked->claims && is_answer_of(asked, decision))
            return asked;
    }
    for (uint32_t i = owners->unknown; i != 0; i = owners->next[i]) {
        struct asked *asked = owners->requests->all[i - 1];
        if (!asked->claims && asks_for(asked, decision))
            return asked;
    }
    return NULL;
}

static void check_key(const struct requests *requests, size_t i)
{
    const struct judge_decision *decision = &requests->judge->decisions[i];
    for (size_t other = i + 1; other < requests->judge->n_decisions; other++) {
        const struct judge_decision *later = &requests->judge->decisions[other];
        if (strcmp(later->key, decision->key) == 0 && strcmp(later->author, decision->author) == 0 &&
            later->author_number == decision->author_number && later->time_ms < decision->time_ms + ANSWER_KEPT_MS)
            sim_broken(requests->sim, "one key, one effect", "%s of %s at seq %" PRIu64 " and %" PRIu64, decision->key,
                       decision->author, decision->seq, later->seq);
    }
}

/* A repeat gets the keys and the rows that came first, whatever became of them. */
static bool has_same_rows(const struct asked *asked, const struct asked *first)
{
    if (memcmp(asked->ids, first->ids, asked->count * sizeof *asked->ids) != 0)
        return false;
    return asked->rows.length == 0 || first->rows.length == 0 ||
           (asked->rows.length == first->rows.length &&
            memcmp(asked->rows.data, first->rows.data, first->rows.length) == 0);
}

static void check_repeat(const struct requests *requests, const struct asked *asked)
{
    for (size_t i = 0; i < requests->count; i++) {
        const struct asked *first = requests->all[i];
        if (first->state == ASKED_DONE && first->claims && strcmp(first->key, asked->key) == 0 &&
            strcmp(first->author, asked->author) == 0 && first->seq == asked->seq && !has_same_rows(asked, first))
            sim_broken(requests->sim, "one key, one answer", "request %" PRIu64 " has other rows than %" PRIu64,
                       asked->number, first->number);
    }
}

/* One row for each item, which has its key; or none, where the row has left. */
static void check_rows(const struct requests *requests, const struct asked *asked)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_entity *entity = asked->command->entity;
    struct aq_bytes rows = {(unsigned char *)asked->rows.data, asked->rows.length}, row;
    void *object = aq_arena_alloc(&arena, entity->record->size);
    uint32_t count = 0;
    for (; kept_rows_take(&rows, &row); count++) {
        AQ_CLEANUP_BUFFER struct aq_buffer key = {0};
        struct aq_error error;
        if (row.length == 0)
            continue;
        if (count >= asked->count ||
            aq_record_unpack(entity->record, object, row.data, row.length, false, &arena, &error) != 0)
            break;
        aq_field_to_text(aq_entity_key(entity), object, &key);
        if (strcmp(aq_buffer_string(&key), asked->ids[count]) != 0)
            break;
    }
    if (count != asked->count || rows.length > 0)
        sim_broken(requests->sim, "an answer names what was created", "request %" PRIu64 ", row %" PRIu32,
                   asked->number, count + 1);
}

static void check_asked(const struct requests *requests, const struct asked *asked)
{
    bool found = asked->claims;
    bool logged = asked->state == ASKED_DONE && !asked->dry_run && (asked->changed || asked->key[0] != '\0');
    for (size_t i = 0; logged && asked->repeated && !found && i < requests->judge->n_decisions; i++)
        found = is_answer_of(asked, &requests->judge->decisions[i]);
    if (asked->state == ASKED_DONE && asked->repeated)
        check_repeat(requests, asked);
    if (asked->state == ASKED_DONE && asked->rows.length > 0)
        check_rows(requests, asked);
    if (logged && !found)
        sim_broken(requests->sim, asked->repeated ? "one key, one answer" : "what was acknowledged is there, once",
                   "request %" PRIu64 ", answered at seq %" PRIu64, asked->number, asked->seq);
}

/* The numbers that were answered are those of what the decision created. */
static void check_made(const struct requests *requests, const struct asked *asked,
                       const struct judge_decision *decision)
{
    for (uint32_t i = 0; asked->state == ASKED_DONE && i < decision->made; i++)
        if (decision->made != asked->count || strtoull(asked->ids[i], NULL, 10) != decision->first_made + i)
            sim_broken(requests->sim, "an answer names what was created", "request %" PRIu64 ", item %" PRIu32,
                       asked->number, i + 1);
}

void requests_compare(struct requests *requests)
{
    struct judge *judge = requests->judge;
    struct owners owners;
    owners_open(&owners, requests);
    for (size_t i = 0; i < judge->n_decisions; i++) {
        struct judge_decision *decision = &judge->decisions[i];
        struct asked *owner = find_owner(&owners, decision);
        if (owner == NULL)
            sim_broken(requests->sim, "what was refused, or not asked for, changes nothing",
                       "%s of %s at seq %" PRIu64 ", key \"%s\"", aq_command_find(decision->command)->name,
                       decision->author, decision->seq, decision->key);
        owner->claims = true;
        check_made(requests, owner, decision);
        if (decision->key[0] != '\0')
            check_key(requests, i);
    }
    owners_free(&owners);
    for (size_t i = 0; i < requests->count; i++)
        check_asked(requests, requests->all[i]);
}
