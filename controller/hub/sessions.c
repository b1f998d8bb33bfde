#include "controller/hub/sessions.h"

#include "schema/base/journal.h"
#include "schema/codec/pack.h"
#include "schema/wire/key_file.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHOR_SIZE = HUB_NAME_SIZE + 8 };

/* A HELLO that the writer makes a command of. */
struct hub_join {
    struct hub_item item;
    struct hub_sessions *sessions;
    struct writer_request request;
    struct aq_node_join join;
    const void *records[1];
    struct aq_arena arena;
    char author[AUTHOR_SIZE];
    uint64_t session, form, process, home, number; /* as HELLO says */
    bool dropped;                                  /* the node was deleted meanwhile */
    struct aq_buffer hello;                        /* packed */
    struct hub_question question;
};

/* ---- names --------------------------------------------------------------------------------------------- */

/* An agent can speak only for the node that has its key. */
static bool is_authors(const struct hub_agent *agent, const struct hub_question *question)
{
    return agent != NULL && agent->has_key && memcmp(agent->key, question->author.key, sizeof agent->key) == 0;
}

static void refuse_name(struct hub_sessions *sessions, struct hub_question *question, const char *name)
{
    struct hub_agent *own = agents_find_by_key(&sessions->base->agents, question->author.key);
    struct aq_error error;
    aq_fail(&error, AQ_E_FORBIDDEN, "this agent has the key of node %s, and may not speak for node %s",
            own != NULL ? own->name : "(none)", name);
    if (own != NULL)
        rivals_journal_refusal(sessions->base, own, error.message);
    channel_refuse(question, &error);
}

/* ---- joining ------------------------------------------------------------------------------------------- */

/* The command's fields are those of HELLO, and the agent's key. */
static struct aq_node_join join_from(const struct aq_hello *hello, const char *key)
{
#define COPY_FIELD(tag, field, type, rule, help) .field = hello->field,
    return (struct aq_node_join){
        .name = hello->name, .instance = hello->instance, AQ_NODE_DESCRIPTION(COPY_FIELD, aq_node_join).key = key};
#undef COPY_FIELD
}

static void send_welcome(struct hub_base *base, const struct hub_agent *agent, struct hub_question *question)
{
    struct aq_welcome message = {.beat_ms = base->beat_ms, .patience_ms = base->patience_ms, .form = AQ_WIRE_FORM};
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
    state_end(txn);
    channel_answer(question, AQ_MSG_WELCOME, &message);
}

/* A HELLO of the session that is open may be one that the network held back: its agent may know nothing of this. So the
 * POLL stays open, and the numbers of deliveries go on. */
static void begin_session(struct hub_sessions *sessions, struct hub_agent *agent, struct hub_join *join)
{
    struct hub_base *base = sessions->base;
    if (agent->session != join->session) {
        execs_drop(sessions->execs, agent, "its agent was restarted");
        agent->report = NULL; /* its answer is dropped when it is done */
        agent->poll = (struct hub_poll){0};
        agent->noted = agent->beats = 0;
        aq_journal(AQ_INFO, "agent joined", "node", agent->name, NULL);
    }
    agent->session = join->session;
    agent->form = join->form;
    agent->process = join->process;
    agent->hellos = join->number;
    agent->home = join->home;
    agent->known = agent->active = true;
    agent->refused_ms = 0;
    agent_set_owner(agent, join->join.instance, join->join.address);
    struct aq_buffer old = agent->hello;
    agent->hello = join->hello;
    join->hello = old;
    agent_mark_alive(agent, base->now.steady_ms, writer_time_ms(base->writer, &base->now));
    if (join->question.channel != NULL) {
        agent->channel = join->question.channel;
        agent->peer = join->question.peer;
        pending_reset(&agent->pending);
    }
    agents_tell_all(&base->agents, agent);
}

static void join_free(struct hub_join *join)
{
    aq_buffer_free(&join->hello);
    aq_arena_free(&join->arena);
    free(join);
}

static void join_drop(struct hub_item *item)
{
    join_free((struct hub_join *)item);
}

static void remove_agent(struct hub_sessions *sessions, struct hub_agent *agent)
{
    fetches_drop(sessions->fetches, agent);
    execs_drop(sessions->execs, agent, "its node was deleted");
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
    if (join->request.error.code == AQ_OK && join->dropped) /* whichever was decided first */
        (void)aq_fail(&join->request.error, AQ_E_UNAUTHENTICATED, "node %s was deleted meanwhile: send HELLO again",
                      agent->name);
    if (join->request.error.code == AQ_OK) {
        begin_session(join->sessions, agent, join);
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
    char key[AQ_NOISE_TEXT_SIZE];
    aq_noise_key_to_text(agent->key, key);
    const struct aq_node_join draft = join_from(hello, key);
    aq_record_copy(&aq_node_join_record, &join->join, &draft, &join->arena);
    aq_record_pack(&aq_hello_record, hello, &join->hello);
    join->records[0] = &join->join;
    snprintf(join->author, sizeof join->author, "node:%s", hello->name);
    join->session = hello->session;
    join->form = hello->form;
    join->process = hello->process;
    join->home = hello->home;
    join->number = hello->number;
    if (question != NULL)
        join->question = *question;
    join->sessions = sessions;
    join->item.run = join_done;
    join->item.drop = join_drop;
    join->request = (struct writer_request){.command = &aq_command_node_join,
                                            .records = join->records,
                                            .count = 1,
                                            .caller = aq_caller_internal(join->author)};
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
    switch (rivals_judge(agent, hello)) {
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

/* The network held it back, and its agent has said something newer since: what it offers may be another amount, and its
 * session one that the agent has left. */
static bool is_overtaken(const struct hub_agent *agent, const struct aq_hello *hello)
{
    return hello->process == agent->process && hello->number < agent->hellos;
}

static void refuse_overtaken(struct hub_question *question)
{
    struct aq_error error;
    aq_fail(&error, AQ_E_STATE, "a later HELLO of this agent came first");
    channel_refuse(question, &error);
}

void sessions_hello(struct hub_sessions *sessions, struct hub_question *question, const struct aq_hello *hello)
{
    struct hub_agent *agent = agents_find(&sessions->base->agents, hello->name);
    if (!is_authors(agent, question)) {
        refuse_name(sessions, question, hello->name);
        return;
    }
    if (agent->joining != NULL) {
        repeat_hello(agent->joining, hello, question);
        return;
    }
    if (is_overtaken(agent, hello)) {
        refuse_overtaken(question);
        return;
    }
    join_or_wait(sessions, agent, hello, question);
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

void sessions_note_alive(struct hub_sessions *sessions, struct hub_agent *agent, const struct hub_question *question)
{
    rivals_note_alive(&sessions->rivals, agent);
    agent->channel = question->channel;
    agent->peer = question->peer;
    agent_mark_alive(agent, sessions->base->now.steady_ms,
                     writer_time_ms(sessions->base->writer, &sessions->base->now));
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
    if (!is_authors(agent, question)) {
        refuse_name(sessions, question, name);
        return NULL;
    }
    if (agent->session != session) {
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
    execs_drop(sessions->execs, agent, "its node was deleted, or its key revoked");
    agent->known = agent->active = false;
    agent->session = 0;
    agent->report = NULL;
    aq_buffer_free(&agent->hello);
    pending_reset(&agent->pending);
    if (agent->joining != NULL)
        agent->joining->dropped = true;
    else
        remove_agent(sessions, agent);
}

void sessions_open(struct hub_sessions *sessions, struct hub_base *base, struct hub_fetches *fetches,
                   struct hub_execs *execs)
{
    *sessions = (struct hub_sessions){.base = base, .fetches = fetches, .execs = execs, .rivals = {.base = base}};
}

void sessions_close(struct hub_sessions *sessions)
{
    rivals_close(&sessions->rivals);
}
