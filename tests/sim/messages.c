#include "tests/sim/messages.h"

#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "tests/sim/joins.h"
#include "tests/sim/node_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOSE_SLACK_MS = 5000,
    EARLY_MS = 60,         /* clocks differ a little */
    ANSWERED_IN_MS = 3000, /* an agent asks again after 5 s, and hides that nobody has answered */
};

struct message_node *messages_node(struct messages *messages, const char *name)
{
    for (unsigned i = 0; i < messages->count; i++)
        if (strcmp(messages->all[i].name, name) == 0)
            return &messages->all[i];
    aq_assert(messages->count < JUDGE_NODES_MAX);
    struct message_node *node = &messages->all[messages->count++];
    *node = (struct message_node){0};
    snprintf(node->name, sizeof node->name, "%s", name);
    return node;
}

/* NULL: it is no sealed frame. */
static void *open_message(struct messages *messages, const void *sealed, size_t length, enum aq_message_type *type)
{
    const struct frame *frame = frames_find(sealed, length);
    aq_arena_reset(&messages->arena);
    return frame != NULL ? frames_open(frame, type, &messages->arena) : NULL;
}

static enum aq_frame_kind kind_of(const void *sealed, size_t length)
{
    struct aq_frame frame;
    return aq_frame_read(&frame, sealed, length) ? frame.kind : AQ_FRAME_NONE;
}

/* ---- what agents say ---------------------------------------------------------------------------------- */

/* An end is told when it is one, and after it was stored: the agent may be killed at any moment. */
static void check_told_end(struct messages *messages, unsigned host, uint64_t resource)
{
    const struct node *node = &messages->nodes->all[host];
    if (witness_sees(messages->witness, host, resource))
        sim_broken(messages->sim, "an end is told when it is one", "resource %" PRIu64 " still runs on %s", resource,
                   node->machine.name);
    if (node_files_has(node->directory, node->config.name, resource) &&
        !node_files_has_end(node->directory, node->config.name, resource))
        sim_broken(messages->sim, "an end is stored before it is told", "resource %" PRIu64 " of %s", resource,
                   node->machine.name);
}

static void check_report(struct messages *messages, unsigned host, const struct aq_report *report)
{
    for (uint32_t i = 0; i < report->happenings.count; i++) {
        const struct aq_happening *happening = AQ_ITEM(report->happenings, struct aq_happening, i);
        sim_say(messages->sim, "report: %s says that %" PRIu64 " has %s", messages->nodes->all[host].machine.name,
                happening->resource, aq_happened_words.words[happening->what]);
        if (happening->what != AQ_HAPPENED_STARTED && happening->what != AQ_HAPPENED_RESTARTED &&
            happening->what != AQ_HAPPENED_CHECKED)
            check_told_end(messages, host, happening->resource);
    }
}

static void agent_asked(void *context, unsigned host, uint32_t number, const void *sealed, size_t length)
{
    struct messages *messages = context;
    enum aq_message_type type;
    const enum aq_frame_kind kind = kind_of(sealed, length);
    struct frame *frame = frames_find(sealed, length);
    messages->sim->result->totals.messages++;
    if (kind == AQ_FRAME_ENROL)
        joins_ask(messages->nodes->joins, host, number);
    if (kind == AQ_FRAME_BEGIN || kind == AQ_FRAME_JOIN || kind == AQ_FRAME_ENROL)
        return;
    if (frame == NULL)
        sim_broken(messages->sim, "agents seal what they say", "a message of %zu bytes", length);
    frame->author = messages->nodes->all[host].config.name;
    aq_arena_reset(&messages->arena);
    const void *message = frames_open(frame, &type, &messages->arena);
    if (message == NULL)
        sim_broken(messages->sim, "agents seal what they say", "a message of %zu bytes", length);
    if (type == AQ_MSG_REPORT)
        check_report(messages, host, message);
    if (type == AQ_MSG_POLL)
        messages->polls[host] = number;
}

/* Of work, an agent takes only the first that answers its last POLL. */
static void agent_told(void *context, unsigned host, uint32_t number, const void *sealed, size_t length)
{
    struct messages *messages = context;
    enum aq_message_type type;
    const void *message = open_message(messages, sealed, length, &type);
    if (message == NULL || type != AQ_MSG_WORK || number != messages->polls[host])
        return;
    messages->polls[host] = 0;
    const struct aq_work *work = message;
    for (uint32_t i = 0; i < work->assignments.count; i++) {
        const struct aq_assignment *assignment = AQ_ITEM(work->assignments, struct aq_assignment, i);
        sim_say(messages->sim, "work: %s is told of %" PRIu64 ": %s%s", messages->nodes->all[host].machine.name,
                assignment->resource, aq_want_words.words[assignment->want],
                assignment->started ? ", if it is there" : "");
        if (assignment->want == AQ_WANT_GONE)
            witness_to_end(messages->witness, host, assignment->resource);
    }
}

/* ---- what the hub hears ------------------------------------------------------------------------------- */

static void note_fresh(struct messages *messages, struct message_node *node)
{
    node->fresh_ms = messages->sim->now_ms;
}

static void hear_of_session(struct messages *messages, struct message_seen *seen, const char *name, uint64_t session)
{
    seen->node = messages_node(messages, name);
    seen->session = session;
    seen->old = session != seen->node->session;
    seen->fresh_ms = seen->node->fresh_ms;
    seen->beats = seen->node->beats;
    if (!seen->old && !seen->foreign)
        note_fresh(messages, seen->node);
}

static void hear_hello(struct messages *messages, struct message_seen *seen, unsigned host,
                       const struct aq_hello *hello)
{
    const struct judge_node *row = judge_node(messages->judge, hello->name);
    seen->node = messages_node(messages, hello->name);
    seen->session = hello->session;
    seen->rivals = host != NETWORK_UNKNOWN && row != NULL && !row->lost && strcmp(row->address, hello->address) != 0;
}

static void hear_report(struct messages *messages, struct message_seen *seen, const struct aq_report *report)
{
    hear_of_session(messages, seen, report->name, report->session);
    seen->number = report->number;
    if (seen->old || seen->foreign)
        return;
    messages->noted_before = report->number <= seen->node->noted;
    if (seen->node->waits != 0 && seen->node->waits != report->number)
        return; /* The hub takes one at a time. Only liars send another before the answer. */
    seen->node->waits = report->number;
    seen->node->waits_since_ms = messages->sim->now_ms;
}

static void hear_beat(struct messages *messages, struct message_seen *seen, const struct aq_beat *beat)
{
    hear_of_session(messages, seen, beat->name, beat->session);
    seen->number = beat->number;
    if (!seen->old && !seen->foreign && beat->number > seen->node->beats)
        seen->node->beats = beat->number;
}

static void say_heard(struct messages *messages, const struct network_question *question,
                      const struct message_seen *seen)
{
    bool routine = seen->type == AQ_MSG_BEAT || seen->type == AQ_MSG_POLL;
    (routine ? sim_say_routine : sim_say)(
        messages->sim, "message: hub hears %s %" PRIu64 " of %s on host %u%s%s", aq_message_record(seen->type)->name,
        seen->number, seen->node != NULL ? seen->node->name : "nobody", question->host, seen->old ? ", old" : "",
        seen->repeated  ? ", again"
        : seen->foreign ? ", of another"
                        : "");
}

/* The name of the node that a message is about, "": none. */
static const char *name_in(enum aq_message_type type, const void *message)
{
    const struct aq_field *name = aq_record_field(aq_message_record(type), "name");
    return name != NULL ? aq_field_text(name, message) : "";
}

static bool is_foreign(const struct frame *frame, enum aq_message_type type, const void *message)
{
    const char *name = name_in(type, message);
    return name[0] != '\0' && strcmp(name, frame->author) != 0;
}

static void hub_heard(void *context, const struct network_question *question, const void *sealed, size_t length)
{
    struct messages *messages = context;
    AQ_GROW(messages->seen, messages->n_seen, messages->seen_room);
    struct message_seen *seen = &messages->seen[messages->n_seen++];
    *seen = (struct message_seen){0};
    aq_assert(messages->n_seen == question->id);
    messages->noted_before = false;
    struct frame *frame = frames_find(sealed, length);
    if (kind_of(sealed, length) == AQ_FRAME_ENROL)
        seen->enrols = joins_asked(messages->nodes->joins, question->host, question->number);
    if (frame == NULL)
        return;
    aq_arena_reset(&messages->arena);
    const void *message = frames_open(frame, &seen->type, &messages->arena);
    if (message == NULL)
        return;
    seen->repeated = frame->heard;
    seen->foreign = is_foreign(frame, seen->type, message);
    frame->heard = true;
    if (seen->repeated) {
        say_heard(messages, question, seen);
    } else if (seen->type == AQ_MSG_HELLO) {
        hear_hello(messages, seen, question->host, message);
    } else if (seen->type == AQ_MSG_POLL) {
        const struct aq_poll *poll = message;
        hear_of_session(messages, seen, poll->name, poll->session);
    } else if (seen->type == AQ_MSG_EXEC) {
        const struct aq_exec *exec = message;
        hear_of_session(messages, seen, exec->name, exec->session);
    } else if (seen->type == AQ_MSG_REPORT) {
        hear_report(messages, seen, message);
    } else if (seen->type == AQ_MSG_BEAT) {
        hear_beat(messages, seen, message);
    }
    if (!seen->repeated)
        say_heard(messages, question, seen);
}

/* ---- what the hub answers ----------------------------------------------------------------------------- */

static void begin_session(struct messages *messages, const struct network_question *question,
                          const struct message_seen *seen)
{
    struct message_node *node = seen->node;
    if (seen->rivals)
        sim_broken(messages->sim, "one agent has a node", "%s of host %u is admitted, while another one is not lost",
                   node->name, question->host);
    if (node->session != seen->session)
        node->beats = node->noted = 0;
    node->session = seen->session;
    node->waits = 0; /* what an earlier session has reported gets no answer */
    note_fresh(messages, node);
    sim_say(messages->sim, "hub: %s of host %u is welcome", node->name, question->host);
}

/* The hub has not taken it: nothing was heard of the node. */
static void take_back(const struct message_seen *seen)
{
    if (seen->node == NULL || seen->type == AQ_MSG_HELLO || seen->repeated || seen->old || seen->foreign)
        return;
    seen->node->fresh_ms = seen->fresh_ms;
    seen->node->beats = seen->beats;
}

/* A liar begins a sealed session. */
static void take_begun(struct messages *messages, const void *sealed, size_t length)
{
    for (unsigned i = 0; i < MESSAGES_ENDS; i++)
        if (messages->ends[i].began && test_end_take(&messages->ends[i], sealed, length))
            messages->ends[i].began = false;
}

/* The node was deleted, and its session with it. */
static void take_refusal(const struct message_seen *seen, const struct aq_refused *refused)
{
    if (aq_error_from_name(refused->error) != AQ_E_UNAUTHENTICATED)
        return;
    seen->node->session = 0;
    seen->node->fresh_ms = seen->fresh_ms;
}

static void hub_answered(void *context, const struct network_question *question, const void *sealed, size_t length)
{
    struct messages *messages = context;
    enum aq_message_type type;
    const enum aq_frame_kind kind = kind_of(sealed, length);
    const struct message_seen *seen = &messages->seen[question->id - 1];
    if (kind == AQ_FRAME_BEGUN && question->host == NETWORK_UNKNOWN)
        take_begun(messages, sealed, length);
    if (kind == AQ_FRAME_UNKNOWN)
        take_back(seen);
    if (seen->type == AQ_MSG_REPORT && seen->node != NULL && seen->node->waits == seen->number)
        seen->node->waits = 0;
    if (kind == AQ_FRAME_BEGUN || kind == AQ_FRAME_OLD || kind == AQ_FRAME_UNKNOWN || kind == AQ_FRAME_DENIED ||
        kind == AQ_FRAME_PROOF)
        return;
    const void *message = open_message(messages, sealed, length, &type);
    if (message == NULL)
        sim_broken(messages->sim, "the hub seals what it says", "a message of %zu bytes", length);
    if (seen->repeated)
        sim_broken(messages->sim, "what came before is not answered", "%s by %s", aq_message_record(seen->type)->name,
                   aq_message_record(type)->name);
    if (seen->foreign && type != AQ_MSG_REFUSED)
        sim_broken(messages->sim, "an agent speaks for its own node", "%s is answered by %s",
                   aq_message_record(seen->type)->name, aq_message_record(type)->name);
    if (seen->old && type != AQ_MSG_REFUSED)
        sim_broken(messages->sim, "an old session is refused", "%s of %s is answered by %s",
                   aq_message_record(seen->type)->name, seen->node->name, aq_message_record(type)->name);
    if (type == AQ_MSG_ENROLLED) {
        joins_answered(messages->nodes->joins, seen->enrols, ((const struct aq_enrolled *)message)->name);
    } else if (type == AQ_MSG_WELCOME) {
        begin_session(messages, question, seen);
    } else if (type == AQ_MSG_NOTED && seen->type == AQ_MSG_REPORT) {
        if (seen->session != seen->node->session || seen->number <= seen->node->noted)
            return;
        seen->node->noted = seen->number;
        note_fresh(messages, seen->node); /* it was silent because it waited for the answer */
    } else if (type == AQ_MSG_REFUSED) {
        if (!seen->old && !seen->foreign && seen->session != 0 && seen->type != AQ_MSG_HELLO)
            take_refusal(seen, message);
        sim_say(messages->sim, "hub: %s is refused: %.120s",
                seen->node != NULL ? seen->node->name : "an unknown sender",
                ((const struct aq_refused *)message)->message);
    }
}

/* ---- commands ----------------------------------------------------------------------------------------- */

static void check_lose(struct messages *messages, const struct aq_node_lose *lose)
{
    const struct message_node *node = messages_node(messages, lose->name);
    uint64_t since_ms = node->fresh_ms > messages->listens_since_ms ? node->fresh_ms : messages->listens_since_ms;
    uint64_t silent_ms = messages->sim->now_ms - since_ms;
    if (silent_ms + EARLY_MS < messages->lost_after_ms)
        sim_broken(messages->sim, "an agent that is heard is not lost",
                   "%s counts as lost after %" PRIu64 " ms of silence", lose->name, silent_ms);
}

static bool is_about_resource(const struct aq_command *command)
{
    return command == &aq_command_resource_start || command == &aq_command_resource_fail ||
           command == &aq_command_resource_end || command == &aq_command_resource_lose;
}

void messages_check_command(struct messages *messages, const struct writer_request *request)
{
    if (request->command == &aq_command_node_lose)
        check_lose(messages, request->records[0]);
    if (messages->noted_before && is_about_resource(request->command))
        sim_broken(messages->sim, "a report is taken once", "%s by %s", request->command->name, request->caller.name);
}

/* ---- time --------------------------------------------------------------------------------------------- */

void messages_hub_starts(struct messages *messages, uint64_t lost_after_ms)
{
    messages->lost_after_ms = lost_after_ms;
    messages->listens_since_ms = messages->sim->now_ms;
    for (unsigned i = 0; i < messages->count; i++)
        messages->all[i].session = messages->all[i].waits = 0;
}

void messages_hub_turns(struct messages *messages, bool held_up)
{
    messages->noted_before = false;
    if (held_up)
        messages->listens_since_ms = messages->sim->now_ms;
}

static void check_answered(struct messages *messages, const struct message_node *node)
{
    uint64_t now_ms = messages->sim->now_ms;
    uint64_t since_ms =
        node->waits_since_ms > messages->healthy_since_ms ? node->waits_since_ms : messages->healthy_since_ms;
    if (node->waits != 0 && now_ms > since_ms + ANSWERED_IN_MS)
        sim_broken(messages->sim, "a report is answered soon", "report %" PRIu64 " of %s waits for %" PRIu64 " ms",
                   node->waits, node->name, now_ms - node->waits_since_ms);
}

static void check_nodes(struct messages *messages)
{
    uint64_t now_ms = messages->sim->now_ms;
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++) {
        const struct judge_node *row = &messages->judge->nodes[i];
        if (!row->there || row->lost)
            continue;
        const struct message_node *node = messages_node(messages, row->name);
        check_answered(messages, node);
        uint64_t since_ms = node->fresh_ms > messages->healthy_since_ms ? node->fresh_ms : messages->healthy_since_ms;
        since_ms = row->active_ms > since_ms ? row->active_ms : since_ms;
        if (now_ms > since_ms + messages->lost_after_ms + LOSE_SLACK_MS)
            sim_broken(messages->sim, "a silent node is LOST in time", "%s has been silent for %" PRIu64 " ms",
                       row->name, now_ms - since_ms);
    }
}

void messages_look(struct messages *messages, bool healthy)
{
    if (!healthy)
        messages->healthy_since_ms = messages->sim->now_ms;
    if (messages->listens_since_ms > messages->healthy_since_ms)
        messages->healthy_since_ms = messages->listens_since_ms;
    check_nodes(messages);
}

/* ---- open and free ------------------------------------------------------------------------------------ */

void messages_open(struct messages *messages, struct sim *sim, struct judge *judge, struct witness *witness,
                   struct nodes *nodes)
{
    *messages = (struct messages){.sim = sim, .judge = judge, .witness = witness, .nodes = nodes};
}

void messages_free(struct messages *messages)
{
    free(messages->seen);
    for (unsigned i = 0; i < MESSAGES_ENDS; i++)
        test_end_free(&messages->ends[i]);
    frames_clear();
    aq_arena_free(&messages->arena);
}

struct network_watch messages_watch(struct messages *messages)
{
    return (struct network_watch){
        .asked = agent_asked, .heard = hub_heard, .answered = hub_answered, .told = agent_told, .context = messages};
}
