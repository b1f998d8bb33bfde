#include "tests/sim/deeds.h"

#include "controller/project/answers.h"
#include "schema/model/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void deeds_open(struct deeds *deeds, struct sim *sim, struct judge *judge)
{
    *deeds = (struct deeds){.sim = sim, .judge = judge, .lose_percent = DEEDS_LOST_PERCENT};
}

void deeds_free(struct deeds *deeds)
{
    for (size_t i = 0; i < deeds->count; i++)
        aq_buffer_free(&deeds->all[i]->rows);
    aq_arena_free(&deeds->arena);
    free(deeds->all);
}

struct deed *deeds_new(struct deeds *deeds)
{
    struct deed *deed = aq_arena_alloc(&deeds->arena, sizeof *deed);
    AQ_GROW(deeds->all, deeds->count, deeds->capacity);
    deeds->all[deeds->count++] = deed;
    deed->number = deeds->count;
    deed->deeds = deeds;
    return deed;
}

struct deed *deeds_repeat(struct deeds *deeds, const struct deed *before)
{
    struct deed *deed = deeds_new(deeds);
    deed->command = before->command;
    memcpy(deed->records, before->records, sizeof deed->records);
    deed->count = before->count;
    memcpy(deed->author, before->author, sizeof deed->author);
    memcpy(deed->key, before->key, sizeof deed->key);
    deed->fingerprint = before->fingerprint;
    deed->dry_run = before->dry_run;
    return deed;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static void free_answer(struct writer_request *request)
{
    aq_buffer_free(&request->warnings);
    aq_buffer_free(&request->rows);
    aq_buffer_free(&request->events);
}

static void take_answer(struct deed *deed)
{
    struct sim *sim = deed->deeds->sim;
    struct writer_request *request = &deed->request;
    deed->rows = request->rows;
    request->rows = (struct aq_buffer){0};
    deed->code = request->error.code;
    deed->seq = request->seq;
    deed->changed = request->changed;
    deed->repeated = request->repeated;
    deed->state = deed->code == AQ_OK ? DEED_DONE : deed->code == AQ_E_UNKNOWN ? DEED_UNKNOWN : DEED_REFUSED;
    sim_say(sim, "answer: %" PRIu64 " %s at seq %" PRIu64 "%s%s%s %s", deed->number,
            deed->code == AQ_OK ? "done" : aq_error_name(deed->code), deed->seq, deed->changed ? ", changed" : "",
            deed->repeated ? ", repeated" : "", deed->dry_run ? ", dry" : "", deed->ids[0]);
    sim->result->totals.answers += deed->state == DEED_DONE;
    sim->result->totals.refusals += deed->state == DEED_REFUSED;
    sim->result->totals.unknown += deed->state == DEED_UNKNOWN;
    sim->result->totals.repeats += deed->repeated;
    /* The judge takes what is durable, and nothing else. */
    if (deed->seq > deed->deeds->judge->seq)
        sim_broken(sim, "an answer is about what is durable",
                   "%" PRIu64 " is answered at seq %" PRIu64 ", but only %" PRIu64 " is durable", deed->number,
                   deed->seq, deed->deeds->judge->seq);
}

static void answered(struct writer_request *request)
{
    struct deed *deed = request->context;
    struct sim *sim = deed->deeds->sim;
    if (deed->state != DEED_WAITS)
        sim_broken(sim, "a request has one answer", "%" PRIu64, deed->number);
    deed->deeds->waiting--;
    if (sim_happens(sim, deed->deeds->lose_percent)) {
        deed->state = DEED_UNKNOWN;
        sim->result->totals.unknown++;
        sim_say(sim, "answer: that of %" PRIu64 " is lost", deed->number);
    } else {
        take_answer(deed);
    }
    free_answer(request);
}

void deed_submit(struct deed *deed, struct turns *turns, bool *wake)
{
    struct aq_error error = {0};
    struct deeds *deeds = deed->deeds;
    bool is_user = strncmp(deed->author, "user-", 5) == 0;
    deed->request = (struct writer_request){.command = deed->command,
                                            .records = deed->records,
                                            .count = deed->count,
                                            .author = deed->author,
                                            .role = is_user ? AQ_ROLE_USER : AQ_ROLE_ADMIN,
                                            .key = deed->key,
                                            .fingerprint = deed->fingerprint,
                                            .dry_run = deed->dry_run,
                                            .wants_rows = deed->number % 2 == 0,
                                            .done = answered,
                                            .context = deed,
                                            .ids = deed->ids};
    sim_say(deeds->sim, "asks: %" PRIu64 " %s x%u by %s%s%s%s", deed->number, deed->command->name, deed->count,
            deed->author, deed->key[0] ? " key " : "", deed->key, deed->dry_run ? " dry" : "");
    deeds->sim->result->totals.requests++;
    deed->state = DEED_WAITS;
    deeds->waiting++;
    if (turns != NULL && turns_submit(turns, &deed->request, wake, &error) == 0)
        return;
    deeds->waiting--;
    deed->state = DEED_REFUSED;
    deed->code = turns == NULL ? AQ_E_NO_LEADER : error.code;
    deeds->sim->result->totals.refusals++;
    sim_say(deeds->sim, "answer: %" PRIu64 " is not taken: %s", deed->number, aq_error_name(deed->code));
}

void deeds_crash(struct deeds *deeds)
{
    for (size_t i = deeds->count; i > 0 && deeds->waiting > 0; i--) {
        struct deed *deed = deeds->all[i - 1];
        if (deed->state != DEED_WAITS)
            continue;
        deed->state = DEED_UNKNOWN;
        deeds->waiting--;
        deeds->sim->result->totals.unknown++;
        free_answer(&deed->request);
    }
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static bool asks_for(const struct deed *deed, const struct judge_decision *decision)
{
    return deed->command->code == decision->command && strcmp(deed->author, decision->author) == 0 &&
           strcmp(deed->key, decision->key) == 0 && deed->fingerprint == decision->fingerprint && !deed->dry_run;
}

static bool is_answer_of(const struct deed *deed, const struct judge_decision *decision)
{
    return asks_for(deed, decision) && deed->seq == decision->seq && deed->changed == (decision->events > 0) &&
           strcmp(deed->ids[0], decision->id) == 0;
}

/* A deed that was answered with just this decision; else, of those whose answer is not known, the first. */
static struct deed *find_owner(const struct deeds *deeds, const struct judge_decision *decision)
{
    struct deed *unknown = NULL;
    for (size_t i = 0; i < deeds->count; i++) {
        struct deed *deed = deeds->all[i];
        if (deed->claims || !asks_for(deed, decision))
            continue;
        if (deed->state == DEED_DONE && !deed->repeated && is_answer_of(deed, decision))
            return deed;
        if (deed->state == DEED_UNKNOWN && unknown == NULL)
            unknown = deed;
    }
    return unknown;
}

static void check_key(const struct deeds *deeds, size_t i)
{
    const struct judge_decision *decision = &deeds->judge->decisions[i];
    for (size_t other = i + 1; other < deeds->judge->n_decisions; other++) {
        const struct judge_decision *later = &deeds->judge->decisions[other];
        if (strcmp(later->key, decision->key) == 0 && strcmp(later->author, decision->author) == 0 &&
            later->time_ms < decision->time_ms + ANSWER_KEPT_MS)
            sim_broken(deeds->sim, "one key, one effect", "%s of %s at seq %" PRIu64 " and %" PRIu64, decision->key,
                       decision->author, decision->seq, later->seq);
    }
}

/* A repeat gets the keys and the rows that came first, whatever became of them. */
static bool has_same_rows(const struct deed *deed, const struct deed *first)
{
    if (memcmp(deed->ids, first->ids, deed->count * sizeof *deed->ids) != 0)
        return false;
    return deed->rows.length == 0 || first->rows.length == 0 ||
           (deed->rows.length == first->rows.length &&
            memcmp(deed->rows.data, first->rows.data, first->rows.length) == 0);
}

static void check_repeat(const struct deeds *deeds, const struct deed *deed)
{
    for (size_t i = 0; i < deeds->count; i++) {
        const struct deed *first = deeds->all[i];
        if (first->state == DEED_DONE && first->claims && strcmp(first->key, deed->key) == 0 &&
            strcmp(first->author, deed->author) == 0 && first->seq == deed->seq && !has_same_rows(deed, first))
            sim_broken(deeds->sim, "one key, one answer", "request %" PRIu64 " has other rows than %" PRIu64,
                       deed->number, first->number);
    }
}

static void check_deed(const struct deeds *deeds, const struct deed *deed)
{
    bool found = deed->claims;
    bool logged = deed->state == DEED_DONE && !deed->dry_run && (deed->changed || deed->key[0] != '\0');
    for (size_t i = 0; logged && deed->repeated && !found && i < deeds->judge->n_decisions; i++)
        found = is_answer_of(deed, &deeds->judge->decisions[i]);
    if (deed->state == DEED_DONE && deed->repeated)
        check_repeat(deeds, deed);
    if (logged && !found)
        sim_broken(deeds->sim, deed->repeated ? "one key, one answer" : "what was acknowledged is there, once",
                   "request %" PRIu64 ", answered at seq %" PRIu64, deed->number, deed->seq);
}

void deeds_compare(struct deeds *deeds)
{
    struct judge *judge = deeds->judge;
    for (size_t i = 0; i < judge->n_decisions; i++) {
        struct judge_decision *decision = &judge->decisions[i];
        struct deed *owner = find_owner(deeds, decision);
        if (owner == NULL)
            sim_broken(deeds->sim, "what was refused, or not asked for, changes nothing",
                       "%s of %s at seq %" PRIu64 ", key \"%s\"", aq_command_find(decision->command)->name,
                       decision->author, decision->seq, decision->key);
        owner->claims = true;
        if (decision->key[0] != '\0')
            check_key(deeds, i);
    }
    for (size_t i = 0; i < deeds->count; i++)
        check_deed(deeds, deeds->all[i]);
}
