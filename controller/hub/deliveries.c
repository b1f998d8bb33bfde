#include "controller/hub/deliveries.h"

#include "controller/hub/exec_orders.h"
#include "controller/secrets/opener.h"
#include "controller/state/indexes.h"
#include "schema/base/journal.h"
#include "schema/codec/preset.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"

#include <string.h>

/* Bounds of one delivery; the last assignment may exceed BYTES_MAX. The gate drops answers beyond GATE_UNREAD_MAX, so a
 * delivery must be far smaller than that. */
enum { ASSIGNMENTS_MAX = 256, BYTES_MAX = 64 << 10 };

/* A delivery in the making. */
struct draft {
    struct hub_agent *agent;
    struct state_txn *txn;
    struct aq_arena *arena;
    struct aq_node node; /* number 0: it was deleted */
    struct aq_work work;
    size_t bytes;
    struct door *door;
    bool secrets; /* there are some in the arena */
};

/* ---- contents of a delivery ---------------------------------------------------------------------------- */

/* What an agent learns of a resource besides its definition. */
struct extras {
    struct aq_list arguments; /* the command that its application gives */
    struct aq_list secrets;
    const char *lost; /* why its secrets cannot be read; "": they can, or it has none */
};

/* The password is there already. */
static void add_login(const struct draft *draft, const struct aq_definition *definition, struct aq_list *secrets)
{
    const char *username = definition->registry.username;
    if (username[0] == '\0')
        return;
    struct aq_secret *items = aq_arena_alloc(draft->arena, (secrets->count + 1) * sizeof *items);
    if (secrets->count > 0)
        memcpy(items, secrets->items, secrets->count * sizeof *items);
    items[secrets->count] = (struct aq_secret){"registry.username", username};
    *secrets = (struct aq_list){items, secrets->count + 1};
}

static void open_secrets(struct draft *draft, const struct aq_resource *resource, const struct aq_label *label,
                         const struct aq_application *application, struct extras *extras)
{
    struct aq_error error;
    struct door *door = draft->door;
    if (label->sealed.count + application->sealed.count == 0)
        return;
    if (door == NULL)
        extras->lost = "this controller has no keyring";
    else if (secrets_open(door_keyring(door), label, resource->definition, application, &extras->secrets, draft->arena,
                          &error) != 0)
        extras->lost = aq_arena_text(draft->arena, error.message, strlen(error.message));
    else if (resource->definition < label->definitions.count)
        add_login(draft, AQ_ITEM(label->definitions, struct aq_definition, resource->definition), &extras->secrets);
    draft->secrets = true;
}

/* The definition that the resource was made from. It exists: labels in use cannot be deleted. */
static struct aq_definition definition_of(struct draft *draft, const struct aq_resource *resource,
                                          struct extras *extras)
{
    struct aq_label label;
    struct aq_application application = {.sealed = {0}};
    if (!state_label(draft->txn, resource->label_id, &label, draft->arena) ||
        resource->definition >= label.definitions.count) {
        aq_journal(AQ_ERROR, "the label of a resource is missing in the tables", "node", resource->node, NULL);
        return (struct aq_definition){.options = "{}", .resources.network = "", .health.http = ""};
    }
    if (label.arguments || label.secrets.count > 0)
        (void)state_application(draft->txn, resource->application, &application, draft->arena);
    if (label.arguments)
        extras->arguments = application.arguments;
    open_secrets(draft, resource, &label, &application, extras);
    return *AQ_ITEM(label.definitions, struct aq_definition, resource->definition);
}

/* What is not known to have started may have started on an agent of another instance, before that lost its directory.
 */
static bool may_have_run(const struct draft *draft, const struct aq_resource *resource)
{
    return resource->status != AQ_RESOURCE_ASSIGNED || resource->instance != draft->node.instance;
}

/* An older agent runs it without: its end is then the end of the resource. */
static void add_upkeep(struct aq_assignment *assignment, const struct aq_definition *definition)
{
    assignment->restart = definition->restart;
    assignment->restart_limit = definition->restart_limit;
    assignment->restart_wait = definition->restart_wait;
    assignment->restart_wait_most = definition->restart_wait_most;
    assignment->health = definition->health;
}

/* An agent that was replaced by an older one would run something else, or for longer than it may. It is told later, by
 * a newer one. */
static bool is_beyond(const struct draft *draft, const struct aq_resource *resource, const struct extras *extras)
{
    const uint64_t form = draft->agent->form;
    const bool has_secrets = extras->secrets.count > 0 || extras->lost[0] != '\0';
    const bool beyond = (extras->arguments.count > 0 && form < AQ_FORM_ARGUMENTS) ||
                        (has_secrets && form < AQ_FORM_SECRETS) || (resource->lease != 0 && form < AQ_FORM_LIFE);
    return beyond && !may_have_run(draft, resource);
}

static size_t bytes_of(const struct extras *extras)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < extras->arguments.count; i++)
        bytes += strlen(AQ_TEXT_ITEM(extras->arguments, i));
    for (uint32_t i = 0; i < extras->secrets.count; i++)
        bytes += strlen(AQ_ITEM(extras->secrets, struct aq_secret, i)->value);
    return bytes;
}

/* The tasks of a resource that are under way. */
struct task_orders {
    struct draft *draft;
    uint64_t resource;
    struct aq_list *orders;
};

static bool add_task(void *context, const struct state_key *key, const void *value, size_t length)
{
    const struct task_orders *found = context;
    struct draft *draft = found->draft;
    struct aq_task task;
    (void)value, (void)length;
    if (found->orders->count == AQ_TASKS_OPEN_MAX ||
        !state_task(draft->txn, state_key_number_at(key, sizeof(uint64_t)), &task, draft->arena) ||
        task.status != AQ_TASK_RUNNING || task.resource != found->resource)
        return true;
    if (found->orders->items == NULL)
        found->orders->items = aq_arena_alloc(draft->arena, AQ_TASKS_OPEN_MAX * sizeof(struct aq_task_order));
    *AQ_ITEM(*found->orders, struct aq_task_order, found->orders->count++) =
        (struct aq_task_order){task.id, task.kind, task.name};
    draft->bytes += sizeof task;
    return true;
}

static void add_tasks(struct draft *draft, const struct aq_resource *resource, struct aq_list *orders)
{
    const struct state_key prefix = state_key_number(resource->application);
    struct task_orders found = {draft, resource->id, orders};
    if (draft->agent->form < AQ_FORM_TASKS || resource->status != AQ_RESOURCE_RUNNING)
        return;
    index_scan(draft->txn, INDEX_TASK_OPEN, &prefix, add_task, &found);
}

static void add_assignment(struct draft *draft, uint64_t number)
{
    struct aq_resource resource;
    struct extras extras = {.lost = ""};
    struct aq_assignment *assignment =
        AQ_ITEM(draft->work.assignments, struct aq_assignment, draft->work.assignments.count);
    draft->work.assignments.count++;
    bool found =
        state_resource(draft->txn, number, &resource, draft->arena) && strcmp(resource.node, draft->agent->name) == 0;
    aq_record_init(&aq_assignment_record, assignment, draft->arena);
    assignment->resource = number;
    assignment->want = AQ_WANT_GONE;
    draft->bytes += sizeof *assignment;
    if (!found || resource.status == AQ_RESOURCE_STOPPING)
        return;
    struct aq_definition definition = definition_of(draft, &resource, &extras);
    if (is_beyond(draft, &resource, &extras)) {
        draft->work.assignments.count--;
        return;
    }
    assignment->want = AQ_WANT_RUNNING;
    assignment->driver = resource.driver;
    assignment->options = definition.options;
    assignment->network = definition.resources.network;
    assignment->amounts = resource.amounts;
    assignment->metadata = resource.metadata;
    assignment->started = may_have_run(draft, &resource);
    if (draft->agent->form >= AQ_FORM_ARGUMENTS)
        assignment->arguments = extras.arguments;
    if (draft->agent->form >= AQ_FORM_SECRETS) {
        assignment->secrets = extras.secrets;
        assignment->lost = extras.lost;
    }
    draft->bytes += strlen(definition.options) + strlen(resource.metadata) + bytes_of(&extras);
    if (draft->agent->form >= AQ_FORM_LIFE)
        assignment->lease = resource.lease;
    if (draft->agent->form >= AQ_FORM_UPKEEP)
        add_upkeep(assignment, &definition);
    add_tasks(draft, &resource, &assignment->tasks);
}

static bool is_filled(const struct draft *draft)
{
    return draft->work.assignments.count == ASSIGNMENTS_MAX || draft->bytes >= BYTES_MAX;
}

static bool add_row(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct draft *draft = context;
    (void)value, (void)length;
    if (is_filled(draft))
        return false; /* the next delivery continues after `last` */
    uint64_t number = state_key_number_at(key, key->length - sizeof number);
    add_assignment(draft, number);
    draft->work.last = number;
    return true;
}

static void add_all(struct draft *draft)
{
    const struct pending *pending = &draft->agent->pending;
    struct state_key prefix = {0}, after;
    draft->work.full = true;
    draft->work.first = pending->all_from;
    if (draft->node.number != 0) {
        state_key_add_number(&prefix, draft->node.number);
        after = prefix;
        state_key_add_number(&after, pending->all_from > 0 ? pending->all_from - 1 : 0);
        index_scan_after(draft->txn, INDEX_NODE_RESOURCE, &prefix, &after, add_row, draft);
    }
    bool done = !is_filled(draft);
    if (done)
        draft->work.last = UINT64_MAX;
    pending_sent_all(&draft->agent->pending, done ? 0 : draft->work.last + 1);
}

static void add_changed(struct draft *draft)
{
    const struct numbers *changed = &draft->agent->pending.changed;
    uint32_t count = 0;
    for (; count < changed->count && !is_filled(draft); count++)
        add_assignment(draft, changed->items[count]);
    pending_sent_changed(&draft->agent->pending, count);
}

/* While it is so, each delivery says it. */
static void add_shutdown(struct draft *draft)
{
    const bool going = draft->node.shutdown_status == AQ_SHUTDOWN_GOING;
    if (draft->agent->form < AQ_FORM_LIFE || (!going && draft->node.shutdown_status != AQ_SHUTDOWN_TOLD))
        return;
    draft->work.shutdown = draft->node.shutdown_order;
    draft->work.shutdown_confirmed = going;
}

static bool is_due(const struct hub_deliveries *deliveries, const struct hub_agent *agent)
{
    return !pending_is_empty(&agent->pending) || fetches_are_due(deliveries->fetches, agent) ||
           execs_are_due(deliveries->execs, agent);
}

static void deliver(struct hub_deliveries *deliveries, struct hub_agent *agent, struct state_txn *txn)
{
    struct aq_arena *arena = &deliveries->base->arena;
    struct draft draft = {.agent = agent, .txn = txn, .arena = arena, .door = deliveries->base->door};
    aq_arena_reset(arena);
    draft.work.assignments.items = aq_arena_alloc(arena, ASSIGNMENTS_MAX * sizeof(struct aq_assignment));
    draft.work.delivery = ++agent->pending.delivery;
    if (!state_node(txn, agent->name, &draft.node, arena))
        draft.node = (struct aq_node){0};
    if (agent->pending.all)
        add_all(&draft);
    else
        add_changed(&draft);
    add_shutdown(&draft);
    fetches_add_due(deliveries->fetches, agent, &draft.work);
    execs_add_due(deliveries->execs, agent, &draft.work);
    channel_answer(&agent->poll.question, AQ_MSG_WORK, &draft.work);
    if (draft.secrets)
        aq_arena_wipe(arena);
}

void deliveries_send(struct hub_deliveries *deliveries)
{
    struct hub_base *base = deliveries->base;
    struct state_txn *txn = NULL;
    struct aq_error error;
    struct hub_agent *agent;
    while ((agent = agents_take_ready(&base->agents)) != NULL) {
        if (agent->poll.question.channel == NULL || !is_due(deliveries, agent))
            continue;
        if (txn == NULL && state_read(base->state, &txn, &error) != 0) {
            aq_journal(AQ_ERROR, "the tables cannot be read", "error", error.message, NULL);
            return; /* the POLLs expire, and the agents ask again */
        }
        deliver(deliveries, agent, txn);
    }
    state_end(txn);
}

/* ---- POLL ---------------------------------------------------------------------------------------------- */

void deliveries_poll(struct hub_deliveries *deliveries, struct hub_agent *agent, const struct hub_question *question,
                     const struct aq_poll *message)
{
    struct hub_base *base = deliveries->base;
    pending_seen(&agent->pending, message->seen);
    fetches_seen(deliveries->fetches, agent, message->seen);
    execs_seen(deliveries->execs, agent, message->seen);
    /* If two are open, one may be a recording. The older one is answered, in case it is the agent's own. */
    channel_answer(&agent->poll.question, AQ_MSG_WORK, &(struct aq_work){.delivery = agent->poll.seen});
    agent->poll = (struct hub_poll){
        .question = *question, .seen = message->seen, .until_ms = base->now.steady_ms + base->patience_ms};
    agents_mark_ready(&base->agents, agent);
}

void deliveries_expire_poll(struct hub_agent *agent, uint64_t now_ms)
{
    if (agent->poll.question.channel == NULL || now_ms < agent->poll.until_ms)
        return;
    channel_answer(&agent->poll.question, AQ_MSG_WORK, &(struct aq_work){.delivery = agent->pending.delivery});
}
