#include "controller/hub/sessions.h"

#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUTHOR_SIZE = HUB_NAME_SIZE + 8,
    OFFERS = 1 << 15, /* session numbers that are offered at the same time */
};

/* A HELLO that the writer makes a command of. */
struct hub_join {
    struct hub_item item;
    struct hub_sessions *sessions;
    struct writer_request request;
    struct aq_node_join join;
    const void *records[1];
    struct aq_arena arena;
    char author[AUTHOR_SIZE];
    uint64_t session, form, process, home; /* as HELLO says */
    bool offered;
    struct aq_buffer hello; /* packed */
    struct hub_question question;
};

/* ---- session numbers ----------------------------------------------------------------------------------- */

static void offer_session(struct hub_sessions *sessions, struct hub_question *question)
{
    struct aq_session offer;
    randombytes_buf(&offer.session, sizeof offer.session);
    offer.session = (offer.session | 1ull << 63) / OFFERS * OFFERS + ++sessions->last_offer % OFFERS;
    sessions->offers[offer.session % OFFERS] = offer.session;
    channel_answer(question, AQ_MSG_SESSION, &offer);
}

/* True once for each offer: a HELLO with its number is not a recording. */
static bool take_offer(struct hub_sessions *sessions, uint64_t session)
{
    uint64_t *offer = &sessions->offers[session % OFFERS];
    if (*offer != session)
        return false;
    *offer = 0;
    return true;
}

/* ---- joining ------------------------------------------------------------------------------------------- */

/* The command's fields are those of HELLO. */
static struct aq_node_join join_from(const struct aq_hello *hello)
{
#define COPY_FIELD(tag, field, type, rule, help) .field = hello->field,
    return (struct aq_node_join){aq_node_join_fields(COPY_FIELD, aq_node_join)};
#undef COPY_FIELD
}

static void send_welcome(struct hub_base *base, const struct hub_agent *agent, struct hub_question *question)
{
    struct aq_welcome message = {.beat_ms = base->beat_ms, .patience_ms = base->patience_ms};
    struct state_txn *txn = NULL;
    struct aq_node node;
    struct aq_error error;
    if (question->channel == NULL)
        return;
    aq_arena_reset(&base->arena);
    if (state_read(base->state, &txn, &error) != 0) {
        channel_refuse(question, &error);
        return;
    }
    if (state_node(txn, agent->name, &node, &base->arena))
        message.number = node.number;
    if (agent->form >= AQ_FORM_LOGS)
        message.form = AQ_WIRE_FORM;
    state_end(txn);
    channel_answer(question, AQ_MSG_WELCOME, &message);
}

/* In a new session, everything must be told again. The POLL of the last session gets no answer. */
static void reset_deliveries(struct hub_agent *agent)
{
    agent->poll = (struct hub_poll){0};
    pending_reset(&agent->pending);
}

static void begin_session(struct hub_base *base, struct hub_agent *agent, struct hub_join *join)
{
    if (agent->session != join->session) {
        agent->report = NULL; /* its answer is dropped when it is done */
        agent->noted = agent->beats = 0;
        aq_journal(AQ_INFO, "agent joined", "node", agent->name, NULL);
    }
    agent->session = join->session;
    agent->offered = join->offered;
    agent->form = join->form;
    agent->process = join->process;
    agent->home = join->home;
    agent->known = agent->active = true;
    agent->refused_ms = 0;
    agent_set_owner(agent, join->join.instance, join->join.address);
    struct aq_buffer old = agent->hello;
    agent->hello = join->hello;
    join->hello = old;
    agent_mark_alive(agent, base->now_ms, writer_time_ms(base->writer));
    if (join->question.channel != NULL) {
        agent->channel = join->question.channel;
        agent->peer = join->question.peer;
        reset_deliveries(agent);
    }
    agents_tell_all(&base->agents, agent);
}

static void join_free(struct hub_join *join)
{
    aq_buffer_free(&join->hello);
    aq_arena_free(&join->arena);
    free(join);
}

static void remove_agent(struct hub_sessions *sessions, struct hub_agent *agent)
{
    fetches_drop(sessions->fetches, agent);
    rivals_drop(&sessions->rivals, agent);
    agents_remove(&sessions->base->agents, agent);
}

static void join_done(struct hub_item *item)
{
    struct hub_join *join = (struct hub_join *)item;
    struct hub_base *base = join->sessions->base;
    struct hub_agent *agent = agents_find(&base->agents, join->join.name);
    aq_assert(agent != NULL && agent->joining == join);
    agent->joining = NULL;
    if (join->request.error.code == AQ_OK) {
        begin_session(base, agent, join);
        send_welcome(base, agent, &join->question);
    } else {
        aq_journal(AQ_WARN, "agent refused", "node", agent->name, "error", join->request.error.message, NULL);
        channel_refuse(&join->question, &join->request.error);
        if (!agent->known && agent->session == 0)
            remove_agent(join->sessions, agent);
    }
    join_free(join);
}

/* Submits the command that joins the node as `hello` describes it. `question`, if not NULL, is answered when that is
 * done. */
static void submit_join(struct hub_sessions *sessions, struct hub_agent *agent, const struct aq_hello *hello,
                        const struct hub_question *question)
{
    struct aq_error error;
    struct hub_join *join = aq_calloc(1, sizeof *join);
    const struct aq_node_join draft = join_from(hello);
    aq_record_copy(&aq_node_join_record, &join->join, &draft, &join->arena);
    aq_record_pack(&aq_hello_record, hello, &join->hello);
    join->records[0] = &join->join;
    snprintf(join->author, sizeof join->author, "node:%s", hello->name);
    join->session = hello->session;
    join->form = hello->form;
    join->process = hello->process;
    join->home = hello->home;
    join->offered = hello->asks_session;
    if (question != NULL)
        join->question = *question;
    join->sessions = sessions;
    join->item.run = join_done;
    join->request = (struct writer_request){.command = &aq_command_node_join,
                                            .records = join->records,
                                            .count = 1,
                                            .author = join->author,
                                            .role = AQ_ROLE_ADMIN};
    if (hub_submit(sessions->base, &join->request, &join->item, &error) == 0) {
        agent->joining = join;
        return;
    }
    channel_refuse(&join->question, &error);
    join_free(join);
    if (!agent->known && agent->session == 0)
        remove_agent(sessions, agent);
}

/* HELLO came again before it was answered. The same HELLO gets the answer; a different one is ignored, and the agent
 * sends it again. */
static void repeat_hello(struct hub_join *join, const struct aq_hello *hello, const struct hub_question *question)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    aq_record_pack(&aq_hello_record, hello, &packed);
    if (join->hello.length == packed.length && memcmp(join->hello.data, packed.data, packed.length) == 0)
        join->question = *question;
}

static void join_or_wait(struct hub_sessions *sessions, struct hub_agent *agent, const struct aq_hello *hello,
                         struct hub_question *question)
{
    switch (rivals_judge(agent, question, hello)) {
    case RIVALS_ADMIT:
        submit_join(sessions, agent, hello, question);
        break;
    case RIVALS_REFUSE:
        rivals_refuse(&sessions->rivals, agent, hello, question);
        break;
    case RIVALS_ASK:
        rivals_add(&sessions->rivals, agent, hello, question);
    }
}

void sessions_hello(struct hub_sessions *sessions, struct hub_question *question, const struct aq_hello *hello)
{
    struct agents *agents = &sessions->base->agents;
    struct hub_agent *agent = agents_find(agents, hello->name);
    if (agent != NULL && agent->joining != NULL) {
        repeat_hello(agent->joining, hello, question);
        return;
    }
    if (hello->asks_session && !take_offer(sessions, hello->session)) {
        offer_session(sessions, question);
        return;
    }
    channel_admit(question);
    agent = agents_add(agents, hello->name);
    if (agent != NULL) {
        join_or_wait(sessions, agent, hello, question);
        return;
    }
    struct aq_error error;
    aq_fail(&error, AQ_E_LIMIT, "the hub has %d agents, which is its limit", HUB_AGENTS_MAX);
    channel_refuse(question, &error);
}

static void join_packed(struct hub_sessions *sessions, struct hub_agent *agent, const struct aq_buffer *packed,
                        const struct hub_question *question)
{
    struct aq_hello hello;
    struct aq_error error;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    int failed = aq_record_unpack(&aq_hello_record, &hello, packed->data, packed->length, false, &arena, &error);
    aq_assert(failed == 0);
    submit_join(sessions, agent, &hello, question);
}

void sessions_rejoin(struct hub_sessions *sessions, struct hub_agent *agent)
{
    join_packed(sessions, agent, &agent->hello, NULL);
}

void sessions_note_alive(struct hub_sessions *sessions, struct hub_agent *agent, const struct hub_question *question,
                         bool fresh)
{
    bool its_own = question->channel == agent->channel && question->peer == agent->peer;
    if (fresh || its_own)
        rivals_note_alive(&sessions->rivals, agent);
    if (!fresh)
        return;
    agent->channel = question->channel;
    agent->peer = question->peer;
    channel_admit(question);
    agent_mark_alive(agent, sessions->base->now_ms, writer_time_ms(sessions->base->writer));
}

void sessions_admit_rivals(struct hub_sessions *sessions)
{
    struct hub_rival *rival;
    while ((rival = rivals_take(&sessions->rivals)) != NULL) {
        join_packed(sessions, rival->agent, &rival->hello, &rival->question);
        rivals_free(rival);
    }
}

/* ---- finding and ending -------------------------------------------------------------------------------- */

struct hub_agent *sessions_find(struct hub_sessions *sessions, struct hub_question *question, const char *name,
                                uint64_t session)
{
    struct hub_agent *agent = agents_find(&sessions->base->agents, name);
    if (agent == NULL || agent->session != session) {
        struct aq_error error;
        aq_fail(&error, AQ_E_UNAUTHENTICATED, "there is no session of node %s: send HELLO first", name);
        channel_refuse(question, &error);
        return NULL;
    }
    return agent;
}

void sessions_drop_node(struct hub_sessions *sessions, struct hub_agent *agent)
{
    rivals_drop(&sessions->rivals, agent);
    agent->known = agent->active = false;
    agent->session = 0;
    agent->report = NULL;
    aq_buffer_free(&agent->hello);
    reset_deliveries(agent);
    if (agent->joining == NULL)
        remove_agent(sessions, agent);
}

void sessions_open(struct hub_sessions *sessions, struct hub_base *base, struct hub_fetches *fetches)
{
    *sessions = (struct hub_sessions){.base = base,
                                      .fetches = fetches,
                                      .rivals = {.base = base},
                                      .offers = aq_calloc(OFFERS, sizeof *sessions->offers)};
}

void sessions_close(struct hub_sessions *sessions)
{
    rivals_close(&sessions->rivals);
    free(sessions->offers);
}
