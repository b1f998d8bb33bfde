#include "controller/hub/core.h"

#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AUTHOR_SIZE = HUB_NAME_SIZE + 8 };

/* A HELLO on its way to become a committed command. */
struct hub_join {
    struct hub_item item;
    struct writer_request request;
    struct aq_node_join join;
    const void *records[1];
    struct aq_arena arena;
    char author[AUTHOR_SIZE];
    uint64_t session;
    bool offered;
    struct aq_buffer hello; /* packed */
    struct hub_question question;
};

struct hub_lose {
    struct hub_item item;
    struct writer_request request;
    struct aq_node_lose lose;
    const void *records[1];
    char name[HUB_NAME_SIZE];
};

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void mark_alive(struct hub *hub, struct hub_agent *agent)
{
    agent->seen_ms = hub->now_ms;
    agent->live.seen_at = wall_ms();
    agent->beaten = true;
}

/* ---- numbers of sessions ------------------------------------------------------------------------------- */

static void offer_session(struct hub *hub, struct hub_question *question)
{
    struct aq_session offer;
    randombytes_buf(&offer.session, sizeof offer.session);
    offer.session = (offer.session | 1ull << 63) / HUB_OFFERS * HUB_OFFERS + ++hub->last_offer % HUB_OFFERS;
    hub->offers[offer.session % HUB_OFFERS] = offer.session;
    channel_answer(question, AQ_MSG_SESSION, &offer);
}

/* Once: whoever says hello with it does so now, and not some time ago. */
static bool take_offer(struct hub *hub, uint64_t session)
{
    uint64_t *offer = &hub->offers[session % HUB_OFFERS];
    if (*offer != session)
        return false;
    *offer = 0;
    return true;
}

/* ---- joining ------------------------------------------------------------------------------------------- */

/* What a node's agent says of itself is what the command says of it. */
static struct aq_node_join join_of(const struct aq_hello *hello)
{
#define COPY_FIELD(tag, field, type, rule, help) .field = hello->field,
    return (struct aq_node_join){aq_node_join_fields(COPY_FIELD, aq_node_join)};
#undef COPY_FIELD
}

static void welcome(struct hub *hub, const char *name, struct hub_question *question)
{
    struct aq_welcome message = {.beat_ms = hub->beat_ms, .patience_ms = hub->patience_ms};
    struct state_txn *txn = NULL;
    struct aq_node node;
    struct aq_error error;
    if (question->channel == NULL)
        return;
    aq_arena_reset(&hub->arena);
    if (state_read(hub->options.state, &txn, &error) != 0) {
        channel_refuse(question, &error);
        return;
    }
    if (state_node(txn, name, &node, &hub->arena))
        message.number = node.number;
    state_end(txn);
    channel_answer(question, AQ_MSG_WELCOME, &message);
}

/* A new session is told everything; a POLL of the last one gets no answer. */
static void forget_deliveries(struct hub_agent *agent)
{
    agent->poll = (struct hub_poll){0};
    pending_reset(&agent->pending);
}

static void session_begin(struct hub *hub, struct hub_agent *agent, struct hub_join *join)
{
    if (agent->session != join->session) {
        agent->report = NULL; /* it answers to nobody then */
        agent->noted = agent->beats = 0;
        aq_journal(AQ_INFO, "agent joined", "node", agent->name, NULL);
    }
    agent->session = join->session;
    agent->offered = join->offered;
    agent->known = agent->active = true;
    struct aq_buffer old = agent->hello;
    agent->hello = join->hello;
    join->hello = old;
    mark_alive(hub, agent);
    if (join->question.channel != NULL)
        forget_deliveries(agent);
    agents_tell_all(&hub->agents, agent);
}

static void join_free(struct hub_join *join)
{
    aq_buffer_free(&join->hello);
    aq_arena_free(&join->arena);
    free(join);
}

static void join_done(struct hub *hub, struct hub_item *item)
{
    struct hub_join *join = (struct hub_join *)item;
    struct hub_agent *agent = agents_find(&hub->agents, join->join.name);
    hub->in_flight--;
    aq_assert(agent != NULL && agent->joining == join);
    agent->joining = NULL;
    if (join->request.error.code == AQ_OK) {
        session_begin(hub, agent, join);
        welcome(hub, agent->name, &join->question);
    } else {
        aq_journal(AQ_WARN, "agent refused", "node", agent->name, "error", join->request.error.message, NULL);
        channel_refuse(&join->question, &join->request.error);
        if (!agent->known && agent->session == 0)
            hub_agent_remove(hub, agent);
    }
    join_free(join);
}

/* Asks the writer to take the node in, as `hello` describes it. `question`, when not NULL, is answered then. */
static void join_start(struct hub *hub, struct hub_agent *agent, const struct aq_hello *hello,
                       const struct hub_question *question)
{
    struct aq_error error;
    struct hub_join *join = aq_calloc(1, sizeof *join);
    const struct aq_node_join draft = join_of(hello);
    aq_record_copy(&aq_node_join_record, &join->join, &draft, &join->arena);
    aq_record_pack(&aq_hello_record, hello, &join->hello);
    join->records[0] = &join->join;
    snprintf(join->author, sizeof join->author, "node:%s", hello->name);
    join->session = hello->session;
    join->offered = hello->asks_session;
    if (question != NULL)
        join->question = *question;
    join->item.run = join_done;
    join->request = (struct writer_request){.command = &aq_command_node_join,
                                            .records = join->records,
                                            .count = 1,
                                            .author = join->author,
                                            .role = AQ_ROLE_ADMIN};
    if (hub_submit(hub, &join->request, &join->item, &error) == 0) {
        agent->joining = join;
        return;
    }
    channel_refuse(&join->question, &error);
    join_free(join);
    if (!agent->known && agent->session == 0)
        hub_agent_remove(hub, agent);
}

/* Asked again before the answer: the same words get the answer; others are to be said once more. */
static void said_again(struct hub_join *join, const struct aq_hello *hello, const struct hub_question *question)
{
    struct aq_buffer packed = {0};
    aq_record_pack(&aq_hello_record, hello, &packed);
    if (join->hello.length == packed.length && memcmp(join->hello.data, packed.data, packed.length) == 0)
        join->question = *question;
    aq_buffer_free(&packed);
}

void hub_hello(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_hello *hello = message;
    struct hub_agent *agent = agents_find(&hub->agents, hello->name);
    if (agent != NULL && agent->joining != NULL) {
        said_again(agent->joining, hello, question);
        return;
    }
    if (hello->asks_session && !take_offer(hub, hello->session)) {
        offer_session(hub, question);
        return;
    }
    channel_admit(question);
    agent = agents_add(&hub->agents, hello->name);
    if (agent != NULL) {
        join_start(hub, agent, hello, question);
        return;
    }
    struct aq_error error;
    aq_fail(&error, AQ_E_LIMIT, "the hub has %d agents, and takes no more", HUB_AGENTS_MAX);
    channel_refuse(question, &error);
}

/* A node that counts as lost, but whose agent speaks: it joins again with the words it had. */
static void join_again(struct hub *hub, struct hub_agent *agent)
{
    struct aq_hello hello;
    struct aq_error error;
    struct aq_arena arena = {0};
    int failed =
        aq_record_unpack(&aq_hello_record, &hello, agent->hello.data, agent->hello.length, false, &arena, &error);
    aq_assert(failed == 0);
    join_start(hub, agent, &hello, NULL);
    aq_arena_free(&arena);
}

/* ---- being there --------------------------------------------------------------------------------------- */

struct hub_agent *hub_known(struct hub *hub, struct hub_question *question, const char *name, uint64_t session)
{
    struct hub_agent *agent = agents_find(&hub->agents, name);
    if (agent == NULL || agent->session != session) {
        struct aq_error error;
        aq_fail(&error, AQ_E_UNAUTHENTICATED, "no session of node %s is known here: say hello first", name);
        channel_refuse(question, &error);
        return NULL;
    }
    return agent;
}

void hub_heard(struct hub *hub, struct hub_agent *agent, const struct hub_question *question, bool fresh)
{
    if (agent->offered && !fresh)
        return;
    channel_admit(question);
    mark_alive(hub, agent);
    if (!agent->active && agent->joining == NULL)
        join_again(hub, agent);
}

void hub_beat(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_beat *beat = message;
    struct hub_agent *agent = hub_known(hub, question, beat->name, beat->session);
    if (agent == NULL)
        return;
    bool fresh = !agent->offered || beat->number > agent->beats;
    hub->beats++;
    hub_heard(hub, agent, question, fresh);
    channel_answer(question, AQ_MSG_NOTED, &(struct aq_noted){.number = 0});
    if (!fresh)
        return;
    agent->beats = beat->number;
    agent->live.load_milli = beat->load_milli;
    agent->live.memory_available = beat->memory_available;
    agent->live.workloads = beat->workloads;
}

void hub_session_end(struct hub *hub, struct hub_agent *agent)
{
    (void)hub;
    agent->session = 0;
    agent->report = NULL;
    aq_buffer_free(&agent->hello);
    forget_deliveries(agent);
}

/* ---- once per second ----------------------------------------------------------------------------------- */

static void lose_done(struct hub *hub, struct hub_item *item)
{
    struct hub_lose *lose = (struct hub_lose *)item;
    struct hub_agent *agent = agents_find(&hub->agents, lose->name);
    hub->in_flight--;
    if (agent != NULL)
        agent->losing = false;
    if (lose->request.error.code == AQ_OK)
        aq_journal(AQ_WARN, "agent lost", "node", lose->name, NULL);
    free(lose);
}

static void lose_start(struct hub *hub, struct hub_agent *agent)
{
    struct aq_error error;
    struct hub_lose *lose = aq_calloc(1, sizeof *lose);
    memcpy(lose->name, agent->name, sizeof lose->name);
    lose->lose.name = lose->name;
    lose->records[0] = &lose->lose;
    lose->item.run = lose_done;
    lose->request = (struct writer_request){.command = &aq_command_node_lose,
                                            .records = lose->records,
                                            .count = 1,
                                            .author = "aquarium",
                                            .role = AQ_ROLE_ADMIN};
    agent->losing = hub_submit(hub, &lose->request, &lose->item, &error) == 0;
    if (!agent->losing)
        free(lose); /* the next second tries again */
}

/* When, if it says nothing more. One whose report is with the writer waits for our answer, and says nothing meanwhile.
 */
static uint64_t lost_at(const struct hub *hub, const struct hub_agent *agent)
{
    uint64_t since = agent->seen_ms > hub->listens_since_ms ? agent->seen_ms : hub->listens_since_ms;
    return agent->report != NULL ? UINT64_MAX : since + hub->lost_after_ms + 1;
}

static bool is_silent(const struct hub *hub, const struct hub_agent *agent)
{
    return hub->now_ms >= lost_at(hub, agent);
}

/* Told once, and once when it works again: a full disk may stay so for days. */
static void note_stored(struct hub *hub, bool stored, const struct aq_error *error)
{
    char times[24];
    if (!stored && hub->unstored++ == 0)
        aq_journal(AQ_WARN, "heartbeats cannot be stored", "error", error->message, NULL);
    if (!stored || hub->unstored == 0)
        return;
    snprintf(times, sizeof times, "%" PRIu64, hub->unstored);
    aq_journal(AQ_INFO, "heartbeats are stored again", "failed", times, NULL);
    hub->unstored = 0;
}

void hub_sessions_scan(struct hub *hub)
{
    struct aq_error error;
    uint64_t alive = 0, next_ms = hub->now_ms + HUB_SCAN_MS;
    size_t beaten = 0;
    const char **names = aq_arena_alloc(&hub->arena, hub->agents.count * sizeof *names);
    struct aq_node_live *rows = aq_arena_alloc(&hub->arena, hub->agents.count * sizeof *rows);
    for (uint32_t i = 0; i < hub->agents.count; i++) {
        struct hub_agent *agent = hub->agents.all[i];
        bool silent = is_silent(hub, agent);
        alive += agent->session != 0 && !silent;
        if (hub->leads && agent->known && agent->active && silent && !agent->losing && agent->joining == NULL)
            lose_start(hub, agent);
        else if (!silent && lost_at(hub, agent) < next_ms)
            next_ms = lost_at(hub, agent);
        hub_work_expire(hub, agent);
        if (agent->beaten) {
            names[beaten] = agent->name;
            rows[beaten++] = agent->live;
            agent->beaten = false;
        }
    }
    atomic_store(&hub->alive, alive);
    hub->next_scan_ms = next_ms > hub->now_ms + HUB_SCAN_LEAST_MS ? next_ms : hub->now_ms + HUB_SCAN_LEAST_MS;
    if (beaten > 0)
        note_stored(hub, live_put(hub->options.live, names, rows, beaten, &error) == 0, &error);
}
