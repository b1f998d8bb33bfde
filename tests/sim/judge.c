#include "tests/sim/judge_rules.h"

#include "schema/codec/entry.h"
#include "tests/sim/judge_rights.h"
#include "tests/sim/judge_secrets.h"

#include <inttypes.h>
#include <raft.h>
#include <stdio.h>
#include <string.h>

/* ---- rows of the model -------------------------------------------------------------------------------- */

enum { NUMBER_MAX = 1000000 };

void judge_make_room(void **rows, size_t *count, size_t *room, size_t size, uint64_t number)
{
    aq_assert(number >= 1 && number < NUMBER_MAX);
    if (number > *room) {
        size_t wanted = (size_t)number * 2 + 64;
        *rows = aq_realloc(*rows, wanted * size);
        memset((char *)*rows + *room * size, 0, (wanted - *room) * size);
        *room = wanted;
    }
    if (number > *count)
        *count = (size_t)number;
}

void judge_must(struct judge *judge, bool holds, const char *invariant, const char *what, uint64_t number)
{
    if (!holds)
        sim_broken(judge->sim, invariant, "%s %" PRIu64 ", seq %" PRIu64, what, number, judge->seq);
}

struct judge_application *judge_open_application(struct judge *judge, uint64_t id)
{
    judge_must(judge, id >= 1 && id <= judge->n_applications && judge->applications[id - 1].there,
               "an event is about a row", "application", id);
    return &judge->applications[id - 1];
}

struct judge_resource *judge_live_resource(struct judge *judge, uint64_t id)
{
    judge_must(judge, id >= 1 && id <= judge->n_resources && judge->resources[id - 1].there,
               "a resource that is gone is gone", "resource", id);
    return &judge->resources[id - 1];
}

bool judge_is_over(enum aq_application_status status)
{
    return status == AQ_DEALLOCATED || status == AQ_RECALLED || status == AQ_ERRORED;
}

uint64_t judge_open_of(const struct judge *judge, const struct judge_user *user)
{
    uint64_t count = 0;
    for (size_t i = 0; i < judge->n_applications; i++) {
        const struct judge_application *row = &judge->applications[i];
        count += row->there && !judge_is_over(row->status) && row->user_number == user->number;
    }
    return count;
}

void judge_note_made(struct judge *judge, uint64_t id)
{
    if (judge->made++ == 0)
        judge->first_made = id;
    judge_must(judge, id == judge->first_made + judge->made - 1, "what is created together has numbers in a row",
               "number", id);
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static const struct judge_taker *const takers[] = {judge_work,  judge_nodes,   judge_accounts,
                                                   judge_execs, judge_secrets, judge_tasks};

static void take_event(struct judge *judge, const struct aq_event *event)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_event_to_json(event, &text);
    sim_say(judge->sim, "event: %.300s", aq_buffer_string(&text));
    sealed_search(judge->sim, text.data, text.length, event->type->record->name);
    judge_rights(judge, event);
    judge_secrets_see(judge, event);
    mirror_take(&judge->mirror, event, aq_buffer_string(&text));
    judge->sim->result->totals.events++;
    for (size_t i = 0; i < AQ_LENGTH(takers); i++)
        for (const struct judge_taker *taker = takers[i]; taker->type != NULL; taker++)
            if (taker->type == event->type) {
                taker->take(judge, event->data);
                return;
            }
    sim_broken(judge->sim, "the judge knows every event", "%s", event->type->record->name);
}

static void keep_decision(struct judge *judge, const struct aq_logged_decision *decision)
{
    AQ_GROW(judge->decisions, judge->n_decisions, judge->decisions_room);
    struct judge_decision *kept = &judge->decisions[judge->n_decisions++];
    *kept = (struct judge_decision){.command = (unsigned)decision->command,
                                    .author_number = judge->author_number,
                                    .fingerprint = decision->fingerprint,
                                    .seq = judge->seq,
                                    .time_ms = judge->time_ms,
                                    .events = decision->events.count,
                                    .first_made = judge->first_made,
                                    .made = judge->made};
    snprintf(kept->author, sizeof kept->author, "%s", decision->author);
    snprintf(kept->key, sizeof kept->key, "%s", decision->key);
    snprintf(kept->id, sizeof kept->id, "%s", decision->id);
}

/* Whose resource has ended is no longer said to have one. */
static void check_holders(struct judge *judge)
{
    for (size_t i = 0; i < judge->n_applications; i++) {
        const struct judge_application *row = &judge->applications[i];
        judge_must(judge,
                   !row->there || row->resource != 0 ||
                       (row->status != AQ_ELECTED && row->status != AQ_ALLOCATED && row->status != AQ_DEALLOCATE),
                   "what has a node has a resource", "application", i + 1);
    }
}

static void take_decision(struct judge *judge, const struct aq_logged_decision *decision, struct aq_arena *arena)
{
    struct aq_error error = {0};
    judge->author = decision->author;
    judge->command = aq_command_find((unsigned)decision->command);
    judge->made = judge->ended = 0;
    const struct judge_user *user = judge_user(judge, decision->author);
    judge->author_number = user != NULL ? user->number : 0;
    for (uint32_t i = 0; i < decision->events.count; i++) {
        struct aq_event event = {
            .seq = ++judge->seq, .time_ms = judge->time_ms, .author = decision->author, .command = judge->command};
        if (aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, i), &event, arena, &error) != 0)
            sim_broken(judge->sim, "what was logged can be read", "%s", error.message);
        take_event(judge, &event);
    }
    judge_must(judge, decision->events.count > 0 || decision->key[0] != '\0', "what changes nothing is not logged",
               "command", decision->command);
    if (judge->ended > 0)
        check_holders(judge);
    judge_check_tasks(judge);
    keep_decision(judge, decision);
}

/* While a process lives, the log's time goes on as the steady clock does, a tenth faster or slower, whatever the wall
 * clock does. At its start it may take the wall clock's time, but never goes back. */
static void check_time(struct judge *judge, uint64_t time_ms)
{
    enum { SLACK_MS = 250 };
    if (time_ms < judge->time_ms)
        sim_broken(judge->sim, "the time of events never goes back", "%" PRIu64 " after %" PRIu64, time_ms,
                   judge->time_ms);
    uint64_t log_ms = time_ms - judge->time_ms, steady_ms = judge->steady_ms - judge->entry_steady_ms;
    if (judge->entry_life == judge->life &&
        (log_ms > steady_ms + steady_ms / 10 + SLACK_MS || log_ms + SLACK_MS < steady_ms - steady_ms / 10))
        sim_broken(judge->sim, "the time of events goes on steadily", "by %" PRIu64 " ms in %" PRIu64 " ms", log_ms,
                   steady_ms);
    judge->time_ms = time_ms;
    judge->entry_life = judge->life;
    judge->entry_steady_ms = judge->steady_ms;
}

void judge_take(void *context, const struct log_entry *logged)
{
    struct judge *judge = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_entry entry;
    if (logged->type != RAFT_COMMAND)
        return;
    judge->sim->result->totals.entries++;
    if (aq_entry_unpack(&entry, logged->data, logged->size, &arena, &error) != 0)
        sim_broken(judge->sim, "what was logged can be read", "%s", error.message);
    if (memcmp(entry.previous.data, judge->hash, sizeof judge->hash) != 0)
        sim_broken(judge->sim, "the log is a chain", "entry %" PRIu64, logged->index);
    if (entry.first_seq != judge->seq + 1 || logged->first_seq != entry.first_seq)
        sim_broken(judge->sim, "seq has no gap", "%" PRIu64 " after %" PRIu64, entry.first_seq, judge->seq);
    check_time(judge, entry.time);
    for (uint32_t i = 0; i < entry.decisions.count; i++)
        take_decision(judge, AQ_ITEM(entry.decisions, struct aq_logged_decision, i), &arena);
    aq_entry_hash(logged->data, logged->size, judge->hash);
}

/* ---- open and free ------------------------------------------------------------------------------------ */

void judge_open(struct judge *judge, struct sim *sim)
{
    *judge = (struct judge){.sim = sim, .entry_life = UINT64_MAX};
    mirror_open(&judge->mirror);
    sealed_open(&judge->sealed, sim);
}

void judge_free(struct judge *judge)
{
    free(judge->applications);
    free(judge->resources);
    free(judge->tasks);
    free(judge->labels);
    free(judge->tokens);
    free(judge->sessions);
    free(judge->decisions);
    enrolments_free(&judge->enrolments);
    mirror_free(&judge->mirror);
    sealed_free(&judge->sealed);
}
