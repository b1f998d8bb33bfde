#include "tests/sim/judge.h"

#include "schema/codec/entry.h"
#include "schema/codec/ranges.h"

#include <inttypes.h>
#include <raft.h>
#include <stdio.h>
#include <string.h>

/* ---- rows of the model -------------------------------------------------------------------------------- */

/* Zeroed rows by number. */
#define JUDGE_ROW(judge, rows, number)                                                                                 \
    (make_room((void **)&(judge)->rows, &(judge)->n_##rows, &(judge)->rows##_room, sizeof *(judge)->rows, (number)),   \
     &(judge)->rows[(number)-1])

enum { NUMBER_MAX = 1000000 };

static void make_room(void **rows, size_t *count, size_t *room, size_t size, uint64_t number)
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

struct judge_node *judge_node(struct judge *judge, const char *name)
{
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++)
        if (judge->nodes[i].there && strcmp(judge->nodes[i].name, name) == 0)
            return &judge->nodes[i];
    return NULL;
}

struct judge_user *judge_user(struct judge *judge, const char *name)
{
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        if (judge->users[i].there && strcmp(judge->users[i].name, name) == 0)
            return &judge->users[i];
    return NULL;
}

static void must(struct judge *judge, bool holds, const char *invariant, const char *what, uint64_t number)
{
    if (!holds)
        sim_broken(judge->sim, invariant, "%s %" PRIu64 ", seq %" PRIu64, what, number, judge->seq);
}

static struct judge_application *open_application(struct judge *judge, uint64_t id)
{
    must(judge, id >= 1 && id <= judge->n_applications && judge->applications[id - 1].there, "an event is about a row",
         "application", id);
    return &judge->applications[id - 1];
}

static struct judge_resource *live_resource(struct judge *judge, uint64_t id)
{
    must(judge, id >= 1 && id <= judge->n_resources && judge->resources[id - 1].there,
         "a resource that is gone is gone", "resource", id);
    return &judge->resources[id - 1];
}

static const char *status_word(enum aq_application_status status)
{
    return aq_application_status_words.words[status];
}

static bool is_over(enum aq_application_status status)
{
    return status == AQ_DEALLOCATED || status == AQ_RECALLED || status == AQ_ERRORED;
}

static uint64_t open_of(const struct judge *judge, const char *user)
{
    uint64_t count = 0;
    for (size_t i = 0; i < judge->n_applications; i++) {
        const struct judge_application *row = &judge->applications[i];
        count += row->there && !is_over(row->status) && strcmp(row->user, user) == 0;
    }
    return count;
}

/* ---- applications ------------------------------------------------------------------------------------- */

/* The table of moves, as docs/architecture.md prints it: written again here on purpose. */
static bool may_move(enum aq_application_status from, enum aq_application_status to)
{
    switch (from) {
    case AQ_NEW:
        return to == AQ_ELECTED || to == AQ_RECALLED || to == AQ_ERRORED;
    case AQ_ELECTED:
        return to == AQ_ALLOCATED || to == AQ_NEW || to == AQ_RECALLED || to == AQ_ERRORED;
    case AQ_ALLOCATED:
        return to == AQ_DEALLOCATE || to == AQ_DEALLOCATED || to == AQ_ERRORED || to == AQ_NEW;
    case AQ_DEALLOCATE:
        return to == AQ_DEALLOCATED;
    default:
        return false;
    }
}

static void move(struct judge *judge, struct judge_application *row, uint64_t id, enum aq_application_status to)
{
    if (!may_move(row->status, to))
        sim_broken(judge->sim, "every move is in the table of moves", "application %" PRIu64 " from %s to %s", id,
                   status_word(row->status), status_word(to));
    row->status = to;
}

static void created(struct judge *judge, const void *data)
{
    const struct aq_application_created *event = data;
    must(judge, event->id > judge->n_applications, "a number is never used again", "application", event->id);
    struct judge_application *row = JUDGE_ROW(judge, applications, event->id);
    must(judge, event->label_id >= 1 && event->label_id <= judge->n_labels && judge->labels[event->label_id - 1].there,
         "an application has a label", "application", event->id);
    row->there = true;
    row->label = event->label_id;
    row->status = AQ_NEW;
    snprintf(row->user, sizeof row->user, "%s", judge->author);
    struct judge_user *user = judge_user(judge, row->user);
    must(judge, user != NULL, "an application has a user", "application", event->id);
    must(judge, user->most == 0 || open_of(judge, row->user) <= user->most, "limits of users hold", "application",
         event->id);
}

/* A node may offer less than before: then it has too much of what it has already, and gets no more of that. */
static bool fits(const struct judge_node *node, const struct aq_amounts *more)
{
    return (more->cpu == 0 || node->used.cpu <= node->capacity.cpu) &&
           (more->ram == 0 || node->used.ram <= node->capacity.ram) &&
           (more->disk == 0 || node->used.disk <= node->capacity.disk) &&
           (more->slots == 0 || node->used.slots <= node->capacity.slots);
}

static void elected(struct judge *judge, const void *data)
{
    const struct aq_application_elected *event = data;
    struct judge_application *row = open_application(judge, event->id);
    struct judge_node *node = judge_node(judge, event->node);
    const struct judge_label *label = &judge->labels[row->label - 1];
    must(judge, row->resource == 0, "no workload twice", "application", event->id);
    must(judge, node != NULL && !node->lost && !node->maintenance, "work goes to nodes that take it", "application",
         event->id);
    must(judge, event->definition < label->definitions, "a definition of its label", "application", event->id);
    must(judge, event->resource > judge->n_resources, "a number is never used again", "resource", event->resource);
    move(judge, row, event->id, AQ_ELECTED);
    struct judge_resource *resource = JUDGE_ROW(judge, resources, event->resource);
    *resource = (struct judge_resource){.there = true, .application = event->id};
    resource->amounts = label->amounts[event->definition];
    snprintf(resource->node, sizeof resource->node, "%s", event->node);
    row->resource = event->resource;
    aq_amounts_add(&node->used, &resource->amounts);
    if (!fits(node, &resource->amounts))
        sim_broken(judge->sim, "capacity is never exceeded", "node %s by resource %" PRIu64 ", seq %" PRIu64,
                   node->name, event->resource, judge->seq);
}

static void waits(struct judge *judge, const void *data)
{
    const struct aq_application_waiting *event = data;
    must(judge, open_application(judge, event->id)->status == AQ_NEW, "only what is NEW waits", "application",
         event->id);
}

/* Users act on their own; an entry may hold what admins, agents and the controller do to anybody's. */
static void check_owner(struct judge *judge, const struct judge_application *row, uint64_t id)
{
    if (strncmp(judge->author, "user-", 5) == 0 && strcmp(judge->author, row->user) != 0)
        sim_broken(judge->sim, "users act on their own", "%s on application %" PRIu64 " of %s", judge->author, id,
                   row->user);
}

static void moved(struct judge *judge, const void *data)
{
    const struct aq_application_moved *event = data;
    struct judge_application *row = open_application(judge, event->id);
    check_owner(judge, row, event->id);
    move(judge, row, event->id, event->status);
    bool holds = row->resource != 0;
    must(judge, !holds || (event->status != AQ_NEW && event->status != AQ_DEALLOCATED && event->status != AQ_ERRORED),
         "capacity is held while work may run", "application", event->id);
    must(judge, holds || event->status != AQ_DEALLOCATE, "what is being ended has a resource", "application",
         event->id);
}

static void extended(struct judge *judge, const void *data)
{
    const struct aq_application_extended *event = data;
    check_owner(judge, open_application(judge, event->id), event->id);
    must(judge, !is_over(open_application(judge, event->id)->status), "what is over is not extended", "application",
         event->id);
}

static bool remove_one(void *context, uint64_t id)
{
    struct judge *judge = context;
    struct judge_application *row = open_application(judge, id);
    must(judge, is_over(row->status) && row->resource == 0, "only what is over is removed", "application", id);
    row->there = false;
    row->removed = true;
    return true;
}

static void removed(struct judge *judge, const void *data)
{
    (void)aq_ranges_each(((const struct aq_application_removed *)data)->applications, remove_one, judge);
}

/* ---- resources ---------------------------------------------------------------------------------------- */

/* What an agent says about another node's resource changes nothing. */
static void check_reporter(struct judge *judge, const struct judge_resource *resource)
{
    static const char prefix[] = "node:";
    size_t length = strlen(prefix);
    if (strncmp(judge->author, prefix, length) == 0 && strcmp(judge->author + length, resource->node) != 0)
        sim_broken(judge->sim, "agents report about their own", "%s about a resource on %s, seq %" PRIu64,
                   judge->author, resource->node, judge->seq);
}

static void started(struct judge *judge, const void *data)
{
    check_reporter(judge, live_resource(judge, ((const struct aq_resource_started *)data)->id));
}

static void stopped(struct judge *judge, const void *data)
{
    (void)live_resource(judge, ((const struct aq_resource_stopped *)data)->id);
}

static void ended(struct judge *judge, const void *data)
{
    const struct aq_resource_ended *event = data;
    struct judge_resource *resource = live_resource(judge, event->id);
    struct judge_application *row = open_application(judge, resource->application);
    struct judge_node *node = judge_node(judge, resource->node);
    check_reporter(judge, resource);
    must(judge, node != NULL && row->resource == event->id, "a resource has its application and node", "resource",
         event->id);
    aq_amounts_subtract(&node->used, &resource->amounts);
    resource->there = false;
    row->resource = 0;
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static void joined(struct judge *judge, const void *data)
{
    const struct aq_node_joined *event = data;
    size_t i = 0;
    must(judge, judge_node(judge, event->name) == NULL, "names are unique", "node", event->number);
    while (judge->nodes[i].there)
        aq_assert(++i < JUDGE_NODES_MAX);
    judge->nodes[i] = (struct judge_node){.there = true, .instance = event->instance, .capacity = event->capacity};
    snprintf(judge->nodes[i].name, JUDGE_NAME, "%s", event->name);
}

static struct judge_node *the_node(struct judge *judge, const char *name)
{
    struct judge_node *node = judge_node(judge, name);
    if (node == NULL)
        sim_broken(judge->sim, "an event is about a row", "node %s", name);
    return node;
}

static void changed(struct judge *judge, const void *data)
{
    const struct aq_node_changed *event = data;
    struct judge_node *node = the_node(judge, event->name);
    must(judge, node->instance == event->instance || node->lost, "an agent that is alive keeps its name", "node",
         event->instance);
    node->capacity = event->capacity;
    node->instance = event->instance;
}

static void status_set(struct judge *judge, const void *data)
{
    const struct aq_node_status_set *event = data;
    the_node(judge, event->name)->lost = event->status == AQ_NODE_LOST;
}

static void maintenance_set(struct judge *judge, const void *data)
{
    const struct aq_node_maintenance_set *event = data;
    the_node(judge, event->name)->maintenance = event->maintenance;
}

static void node_deleted(struct judge *judge, const void *data)
{
    const struct aq_node_deleted *event = data;
    struct judge_node *node = the_node(judge, event->name);
    for (size_t i = 0; i < judge->n_resources; i++)
        must(judge, !judge->resources[i].there || strcmp(judge->resources[i].node, event->name) != 0,
             "no resource without its node", "resource", i + 1);
    node->there = false;
}

/* ---- labels and users --------------------------------------------------------------------------------- */

static void label_created(struct judge *judge, const void *data)
{
    const struct aq_label_created *event = data;
    must(judge, event->id > judge->n_labels, "a number is never used again", "label", event->id);
    for (size_t i = 0; i < judge->n_labels; i++)
        must(judge, strcmp(judge->labels[i].name, event->name) != 0 || judge->labels[i].version < event->version,
             "versions of a label are counted", "label", event->id);
    struct judge_label *label = JUDGE_ROW(judge, labels, event->id);
    label->there = true;
    label->version = event->version;
    label->definitions = event->definitions.count;
    snprintf(label->name, sizeof label->name, "%s", event->name);
    for (uint32_t i = 0; i < event->definitions.count; i++)
        label->amounts[i] = aq_needs_amounts(&AQ_ITEM(event->definitions, struct aq_definition, i)->resources);
}

static void label_deleted(struct judge *judge, const void *data)
{
    const struct aq_label_deleted *event = data;
    must(judge, event->id >= 1 && event->id <= judge->n_labels && judge->labels[event->id - 1].there,
         "an event is about a row", "label", event->id);
    judge->labels[event->id - 1].there = false;
}

static struct judge_user *the_user(struct judge *judge, const char *name)
{
    struct judge_user *user = judge_user(judge, name);
    if (user == NULL)
        sim_broken(judge->sim, "an event is about a row", "user %s", name);
    return user;
}

static void user_created(struct judge *judge, const void *data)
{
    const struct aq_user_created *event = data;
    size_t i = 0;
    must(judge, judge_user(judge, event->name) == NULL, "names are unique", "user", 0);
    while (judge->users[i].there)
        aq_assert(++i < JUDGE_USERS_MAX);
    judge->users[i] = (struct judge_user){.there = true, .most = event->max_applications};
    snprintf(judge->users[i].name, JUDGE_NAME, "%s", event->name);
}

static void user_updated(struct judge *judge, const void *data)
{
    const struct aq_user_updated *event = data;
    the_user(judge, event->name)->most = event->max_applications;
}

static void token_changed(struct judge *judge, const void *data)
{
    (void)the_user(judge, ((const struct aq_user_token_changed *)data)->name);
}

static void user_deleted(struct judge *judge, const void *data)
{
    const struct aq_user_deleted *event = data;
    struct judge_user *user = the_user(judge, event->name);
    must(judge, open_of(judge, event->name) == 0, "who has open applications is not deleted", "user", 0);
    user->there = false;
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static const struct {
    const struct aq_event_type *type;
    void (*take)(struct judge *judge, const void *data);
} takers[] = {
    {&aq_event_application_created, created},
    {&aq_event_application_elected, elected},
    {&aq_event_application_waiting, waits},
    {&aq_event_application_moved, moved},
    {&aq_event_application_extended, extended},
    {&aq_event_application_removed, removed},
    {&aq_event_resource_started, started},
    {&aq_event_resource_stopped, stopped},
    {&aq_event_resource_ended, ended},
    {&aq_event_node_joined, joined},
    {&aq_event_node_changed, changed},
    {&aq_event_node_status_set, status_set},
    {&aq_event_node_maintenance_set, maintenance_set},
    {&aq_event_node_deleted, node_deleted},
    {&aq_event_label_created, label_created},
    {&aq_event_label_deleted, label_deleted},
    {&aq_event_user_created, user_created},
    {&aq_event_user_updated, user_updated},
    {&aq_event_user_token_changed, token_changed},
    {&aq_event_user_deleted, user_deleted},
};

static void take_event(struct judge *judge, const struct aq_event *event)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_event_to_json(event, &text);
    sim_say(judge->sim, "event: %.300s", aq_buffer_string(&text));
    judge->sim->result->totals.events++;
    for (size_t i = 0; i < AQ_LENGTH(takers); i++)
        if (takers[i].type == event->type) {
            takers[i].take(judge, event->data);
            return;
        }
    sim_broken(judge->sim, "the judge knows every event", "%s", event->type->record->name);
}

static void keep_decision(struct judge *judge, const struct aq_logged_decision *decision)
{
    AQ_GROW(judge->decisions, judge->n_decisions, judge->decisions_room);
    struct judge_decision *kept = &judge->decisions[judge->n_decisions++];
    *kept = (struct judge_decision){.command = (unsigned)decision->command,
                                    .fingerprint = decision->fingerprint,
                                    .seq = judge->seq,
                                    .time_ms = judge->time_ms,
                                    .events = decision->events.count};
    snprintf(kept->author, sizeof kept->author, "%s", decision->author);
    snprintf(kept->key, sizeof kept->key, "%s", decision->key);
    snprintf(kept->id, sizeof kept->id, "%s", decision->id);
}

static void take_decision(struct judge *judge, const struct aq_logged_decision *decision, struct aq_arena *arena)
{
    struct aq_error error = {0};
    judge->author = decision->author;
    for (uint32_t i = 0; i < decision->events.count; i++) {
        struct aq_event event = {.seq = ++judge->seq,
                                 .time_ms = judge->time_ms,
                                 .author = decision->author,
                                 .command = aq_command_find((unsigned)decision->command)};
        if (aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, i), &event, arena, &error) != 0)
            sim_broken(judge->sim, "what was logged can be read", "%s", error.message);
        take_event(judge, &event);
    }
    must(judge, decision->events.count > 0 || decision->key[0] != '\0', "what changes nothing is not logged", "command",
         decision->command);
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

/* ---- the tables --------------------------------------------------------------------------------------- */

static void compare_application(struct judge *judge, struct state_txn *txn, uint64_t id, struct aq_arena *arena)
{
    const struct judge_application *row = &judge->applications[id - 1];
    struct aq_application shown = {0};
    bool there = state_application(txn, id, &shown, arena);
    if (there != row->there || (there && (shown.status != row->status || shown.resource != row->resource ||
                                          strcmp(shown.user, row->user) != 0)))
        sim_broken(judge->sim, "the tables show what the events say", "application %" PRIu64 " is %s, should be %s", id,
                   there ? status_word(shown.status) : "absent", row->there ? status_word(row->status) : "absent");
}

static void compare_resource(struct judge *judge, struct state_txn *txn, uint64_t id, struct aq_arena *arena)
{
    const struct judge_resource *row = &judge->resources[id - 1];
    struct aq_resource shown = {0};
    bool there = state_resource(txn, id, &shown, arena);
    if (there != row->there || (there && (shown.application != row->application || strcmp(shown.node, row->node) != 0 ||
                                          !aq_amounts_equal(&shown.amounts, &row->amounts))))
        sim_broken(judge->sim, "the tables show what the events say", "resource %" PRIu64, id);
}

static void compare_node(struct judge *judge, struct state_txn *txn, const struct judge_node *row,
                         struct aq_arena *arena)
{
    struct aq_node shown = {0};
    if (!state_node(txn, row->name, &shown, arena) || !aq_amounts_equal(&shown.used, &row->used) ||
        !aq_amounts_equal(&shown.capacity, &row->capacity) || shown.maintenance != row->maintenance ||
        (shown.status == AQ_NODE_LOST) != row->lost)
        sim_broken(judge->sim, "the tables show what the events say", "node %s", row->name);
}

void judge_compare(struct judge *judge, struct state_txn *txn)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    size_t nodes = 0, users = 0;
    if (state_seq(txn) != judge->seq)
        sim_broken(judge->sim, "the tables show what the events say",
                   "they are at seq %" PRIu64 ", the log at %" PRIu64, state_seq(txn), judge->seq);
    for (uint64_t id = 1; id <= judge->n_applications; id++)
        compare_application(judge, txn, id, &arena);
    for (uint64_t id = 1; id <= judge->n_resources; id++)
        compare_resource(judge, txn, id, &arena);
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++)
        if (judge->nodes[i].there) {
            compare_node(judge, txn, &judge->nodes[i], &arena);
            nodes++;
        }
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        users += judge->users[i].there;
    must(judge, state_count(txn, &aq_entity_node) == nodes, "the tables show what the events say", "nodes", nodes);
    must(judge, state_count(txn, &aq_entity_user) == users, "the tables show what the events say", "users", users);
}

/* ---- open and free ------------------------------------------------------------------------------------ */

void judge_open(struct judge *judge, struct sim *sim)
{
    *judge = (struct judge){.sim = sim, .entry_life = UINT64_MAX};
}

void judge_free(struct judge *judge)
{
    free(judge->applications);
    free(judge->resources);
    free(judge->labels);
    free(judge->decisions);
}
