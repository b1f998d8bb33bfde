/* The hub's turns, and which part answers which message. The parts, each of which calls only those above it:
 *
 *   numbers, pending   what one agent must be told
 *   mailbox            items from other parts and threads
 *   budget, seals      sealed sessions, and what strangers may cost
 *   channel            messages in and out, over carriers
 *   agents             the table of agents
 *   base               what all parts use
 *   fetches            FETCH: logs of workloads
 *   execs              EXEC: commands that callers run in workloads
 *   deliveries         POLL: what agents must do
 *   enrolments         ENROL: agents get a key known
 *   rivals             two agents of one name
 *   sessions           HELLO: agents join
 *   usages             what nodes and workloads use
 *   presence           BEAT: which agents are alive
 *   reports            REPORT: what happened to resources
 *   changes            new events
 *   orders, watches    ORDER and WATCH: file views
 *
 * Beside them, `gate` is the kind of carrier that the daemon has, `endpoints` opens one for each channel, and `loop`
 * gives the turns. */
#include "controller/hub/hub.h"

#include "controller/hub/changes.h"
#include "controller/hub/deliveries.h"
#include "controller/hub/enrolments.h"
#include "controller/hub/orders.h"
#include "controller/hub/presence.h"
#include "controller/hub/reports.h"
#include "controller/hub/watches.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TICK_MS = 200,           /* how often time-outs are checked */
    HELD_UP_MS = 1000,       /* if a turn comes this late, agents were not heard meanwhile */
    MESSAGES_TURN = 256,     /* taken from one channel in one turn */
    PATIENCE_BEATS = 10,     /* a POLL stays open for this many heartbeats, */
    PATIENCE_MS_MAX = 30000, /* but not longer than this */
    UNOPENED_LOG_MS = 10000, /* between two journal lines about messages that did not open */
    GATHER_MS = 2,           /* agents' messages are left to gather for this long, */
    GATHER_BEATS_MIN = 1000, /* if there are this many heartbeats in a second */
    QUIET_MS = 100,          /* and nothing has been committed for this long */
};

struct hub {
    struct hub_base base;
    struct hub_fetches fetches;
    struct hub_execs execs;
    struct hub_deliveries deliveries;
    struct hub_sessions sessions;
    struct hub_usages usages;
    struct hub_presence presence;
    struct hub_changes changes;
    struct hub_watches watches;

    struct hub_seals seals; /* of the agents' channel */
    struct hub_channel agents_channel, local_channel;
    bool stopped;

    uint64_t ticked_ms, next_tick_ms;
    uint64_t retry_ms;        /* when events that could not be read are tried again */
    uint64_t told_seq;        /* watches were told of the commits up to here */
    uint64_t committed_ms;    /* when new events came last */
    uint64_t gather_until_ms; /* until then, agents' messages are not read */
    bool many_beats;
    bool more; /* events or messages were left for the next turn, which is due at once */

    atomic_uint_least64_t messages, unopened, open_sessions; /* any thread */
    uint64_t unopened_logged, unopened_logged_ms;
};

/* ---- events -------------------------------------------------------------------------------------------- */

/* Called at the begin of a turn, and before a message or an item is handled: a caller must find here what it knows to
 * be committed. */
static void catch_up(struct hub *hub)
{
    uint64_t last = writer_seq(hub->base.writer), seen = hub->changes.seen_seq;
    if ((hub->changes.loaded && last <= seen) || hub->base.now.steady_ms < hub->retry_ms)
        return;
    if (changes_read(&hub->changes))
        hub->more = true;
    else if (!hub->changes.loaded || hub->changes.seen_seq < last) /* they cannot be read: not tried for each message */
        hub->retry_ms = hub->base.now.steady_ms + TICK_MS;
    if (hub->changes.seen_seq != seen) {
        hub->committed_ms = hub->base.now.steady_ms;
        hub->gather_until_ms = 0;
    }
}

static void take_commits(struct hub *hub)
{
    uint64_t last = writer_seq(hub->base.writer);
    bool changed = presence_set_leader(&hub->presence, writer_is_leader(hub->base.writer));
    catch_up(hub);
    if (changed || last != hub->told_seq)
        watches_answer(&hub->watches, changed);
    hub->told_seq = last;
}

static void run_items(struct hub *hub)
{
    struct hub_item *items = mailbox_take(&hub->base.mailbox);
    if (items == NULL)
        return;
    catch_up(hub);
    mailbox_run(&hub->base.mailbox, items);
}

/* ---- messages ------------------------------------------------------------------------------------------ */

/* `message` is valid during the call. */
typedef void answer_fn(struct hub *hub, struct hub_question *question, const void *message);

static void answer_hello(struct hub *hub, struct hub_question *question, const void *message)
{
    sessions_hello(&hub->sessions, question, message);
}

static void answer_poll(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_poll *poll = message;
    struct hub_agent *agent = sessions_find(&hub->sessions, question, poll->name, poll->session);
    if (agent == NULL)
        return;
    presence_heard(&hub->presence, agent, question);
    deliveries_poll(&hub->deliveries, agent, question, poll);
}

static void answer_report(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_report *report = message;
    struct hub_agent *agent = sessions_find(&hub->sessions, question, report->name, report->session);
    if (agent == NULL)
        return;
    presence_heard(&hub->presence, agent, question);
    fetches_take_answers(&hub->fetches, agent, &report->told);
    reports_take(&hub->base, agent, question, report);
}

static void answer_exec(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_exec *exec = message;
    struct hub_agent *agent = sessions_find(&hub->sessions, question, exec->name, exec->session);
    if (agent == NULL)
        return;
    presence_heard(&hub->presence, agent, question);
    execs_take(&hub->execs, agent, question, exec);
}

static void answer_beat(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_beat *beat = message;
    struct hub_agent *agent = sessions_find(&hub->sessions, question, beat->name, beat->session);
    if (agent != NULL)
        presence_beat(&hub->presence, agent, question, beat);
}

static void answer_order(struct hub *hub, struct hub_question *question, const void *message)
{
    orders_take(&hub->base, question, message);
}

static void answer_watch(struct hub *hub, struct hub_question *question, const void *message)
{
    watches_take(&hub->watches, question, message);
}

static void answer_fetch(struct hub *hub, struct hub_question *question, const void *message)
{
    fetches_begin_for_view(&hub->fetches, question, message);
}

static void answer_enrol(struct hub *hub, struct hub_question *question, const void *message)
{
    enrolments_take(&hub->base, question, message);
}

static answer_fn *const agent_answers[aq_message_type_count] = {
    [AQ_MSG_ENROL] = answer_enrol,   [AQ_MSG_HELLO] = answer_hello, [AQ_MSG_POLL] = answer_poll,
    [AQ_MSG_REPORT] = answer_report, [AQ_MSG_BEAT] = answer_beat,   [AQ_MSG_EXEC] = answer_exec,
};

static answer_fn *const local_answers[aq_message_type_count] = {
    [AQ_MSG_ORDER] = answer_order,
    [AQ_MSG_WATCH] = answer_watch,
    [AQ_MSG_FETCH] = answer_fetch,
};

/* False: no message waits in the channel. */
static bool take_message(struct hub *hub, struct hub_channel *channel, answer_fn *const answers[])
{
    struct hub_question question;
    enum aq_message_type type;
    void *message;
    aq_arena_reset(&hub->base.arena);
    int got = channel_receive(channel, &question, &type, &message, &hub->base.arena);
    if (got < 0)
        atomic_fetch_add(&hub->unopened, 1);
    if (got != 1)
        return got != 0;
    atomic_fetch_add(&hub->messages, 1);
    catch_up(hub);
    if (answers[type] != NULL) {
        answers[type](hub, &question, message);
        return true;
    }
    struct aq_error error;
    aq_fail(&error, AQ_E_INVALID, "messages of type %s are not accepted here", aq_message_record(type)->name);
    channel_refuse(&question, &error);
    return true;
}

/* True: there may be more messages in the channel. */
static bool take_messages(struct hub *hub, struct hub_channel *channel, answer_fn *const answers[])
{
    int count = 0;
    while (count < MESSAGES_TURN && take_message(hub, channel, answers))
        count++;
    if (count == MESSAGES_TURN)
        hub->more = true;
    return count == MESSAGES_TURN;
}

bool hub_gathers(const struct hub *hub)
{
    return hub->base.now.steady_ms < hub->gather_until_ms;
}

/* When thousands of agents send mostly heartbeats, a turn for each one would cost much. So their messages are left to
 * gather for a moment, except shortly after a commit, when agents react to it and must not wait. */
static void take_from_agents(struct hub *hub)
{
    bool quiet = hub->base.now.steady_ms - hub->committed_ms >= QUIET_MS;
    if (!hub_gathers(hub) && !take_messages(hub, &hub->agents_channel, agent_answers) && hub->many_beats && quiet)
        hub->gather_until_ms = hub->base.now.steady_ms + GATHER_MS;
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static void log_unopened(struct hub *hub)
{
    uint64_t count = atomic_load(&hub->unopened);
    bool lately = hub->unopened_logged_ms != 0 && hub->base.now.steady_ms - hub->unopened_logged_ms < UNOPENED_LOG_MS;
    if (count == hub->unopened_logged || lately)
        return;
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, count - hub->unopened_logged);
    aq_journal(AQ_WARN, "messages dropped that no agent had sealed, or that came before", "count", number, NULL);
    hub->unopened_logged = count;
    hub->unopened_logged_ms = hub->base.now.steady_ms;
}

static void tick(struct hub *hub)
{
    uint64_t now_ms = hub->base.now.steady_ms, passed_ms = now_ms - hub->ticked_ms;
    uint64_t beats = presence_take_beats(&hub->presence);
    hub->ticked_ms = now_ms;
    hub->next_tick_ms = now_ms + TICK_MS;
    hub->many_beats = beats * 1000 > GATHER_BEATS_MIN * passed_ms;
    watches_answer(&hub->watches, false);
    presence_store_logs(&hub->presence);
    usages_store(&hub->usages);
    fetches_expire(&hub->fetches);
    execs_tick(&hub->execs);
    atomic_store(&hub->open_sessions, hub->execs.count);
    channel_tick(&hub->agents_channel, now_ms);
    channel_tick(&hub->local_channel, now_ms);
    log_unopened(hub);
}

static void check_time_outs(struct hub *hub)
{
    uint64_t now_ms = hub->base.now.steady_ms;
    if (now_ms < hub->next_tick_ms && now_ms < hub->presence.next_scan_ms)
        return;
    aq_arena_reset(&hub->base.arena);
    if (now_ms >= hub->next_tick_ms)
        tick(hub);
    if (now_ms >= hub->presence.next_scan_ms)
        presence_scan(&hub->presence);
}

/* After a turn that comes very late (the machine was suspended, the process was stopped, a disk hung), messages of
 * agents have not been read yet, or agents must connect again. They must not count as silent. */
static void note_time(struct hub *hub, const struct aq_clocks *now)
{
    if (now->steady_ms - hub->base.now.steady_ms > HELD_UP_MS)
        hub->presence.listens_since_ms = now->steady_ms;
    hub->base.now = *now;
}

/* ---- turns --------------------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t one_ms, uint64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

static uint64_t deadline_ms(const struct hub *hub)
{
    uint64_t due_ms = earlier(hub->next_tick_ms, hub->presence.next_scan_ms);
    if (hub->more)
        return hub->base.now.steady_ms;
    return hub_gathers(hub) ? earlier(due_ms, hub->gather_until_ms) : due_ms;
}

uint64_t hub_turn(struct hub *hub, const struct aq_clocks *now)
{
    note_time(hub, now);
    hub->more = false;
    if (hub->stopped) {
        run_items(hub);
        fetches_end(&hub->fetches);
        execs_end(&hub->execs);
        return UINT64_MAX;
    }
    take_commits(hub);
    run_items(hub);
    take_from_agents(hub);
    take_messages(hub, &hub->local_channel, local_answers);
    check_time_outs(hub);
    sessions_admit_rivals(&hub->sessions);
    deliveries_send(&hub->deliveries);
    return deadline_ms(hub);
}

void hub_stop(struct hub *hub)
{
    hub->stopped = true;
}

bool hub_is_idle(struct hub *hub)
{
    return mailbox_is_idle(&hub->base.mailbox);
}

/* ---- open and close ------------------------------------------------------------------------------------ */

static void open_base(struct hub_base *base, const struct hub_options *options, const struct aq_clocks *now)
{
    uint64_t beat_ms = options->config->hub.beat * 1000, patience_ms = beat_ms * PATIENCE_BEATS;
    base->config = options->config;
    base->writer = options->writer;
    base->state = options->state;
    base->issuer = options->issuer;
    base->door = options->door;
    base->beat_ms = beat_ms;
    base->patience_ms = earlier(patience_ms, PATIENCE_MS_MAX);
    base->now = *now;
    mailbox_open(&base->mailbox, options->wake, options->context);
}

static struct seals_holder *find_holder(void *context, const unsigned char key[AQ_NOISE_KEY_SIZE])
{
    const struct hub *hub = context;
    struct hub_agent *agent = agents_find_by_key(&hub->base.agents, key);
    return agent != NULL ? &agent->seals : NULL;
}

struct hub *hub_open(const struct hub_options *options, const struct aq_clocks *now)
{
    struct hub *hub = aq_calloc(1, sizeof *hub);
    struct hub_base *base = &hub->base;
    open_base(base, options, now);
    hub->ticked_ms = now->steady_ms;
    fetches_open(&hub->fetches, base);
    execs_open(&hub->execs, base);
    hub->deliveries = (struct hub_deliveries){.base = base, .fetches = &hub->fetches, .execs = &hub->execs};
    sessions_open(&hub->sessions, base, &hub->fetches, &hub->execs);
    hub->usages = (struct hub_usages){.base = base, .live = options->live, .usage = options->usage};
    hub->presence = (struct hub_presence){.base = base,
                                          .sessions = &hub->sessions,
                                          .usages = &hub->usages,
                                          .live = options->live,
                                          .listens_since_ms = now->steady_ms};
    hub->changes = (struct hub_changes){
        .base = base, .sessions = &hub->sessions, .presence = &hub->presence, .usages = &hub->usages};
    watches_open(&hub->watches, base);
    seals_open(&hub->seals, &options->identity, find_holder, hub, now->steady_ms);
    channel_open(&hub->agents_channel, options->agents, &hub->seals);
    channel_open(&hub->local_channel, options->local, NULL);
    return hub;
}

void hub_close(struct hub *hub)
{
    if (hub == NULL)
        return;
    channel_close(&hub->agents_channel);
    channel_close(&hub->local_channel);
    mailbox_close(&hub->base.mailbox);
    fetches_end(&hub->fetches);
    execs_close(&hub->execs);
    watches_close(&hub->watches);
    presence_close(&hub->presence);
    usages_close(&hub->usages);
    sessions_close(&hub->sessions);
    seals_close(&hub->seals);
    agents_free(&hub->base.agents);
    aq_arena_free(&hub->base.arena);
    free(hub);
}

/* ---- any thread ---------------------------------------------------------------------------------------- */

int hub_fetch(struct hub *hub, const struct aq_ask *want, hub_fetch_fn *done, void *context, struct aq_error *error)
{
    return fetches_begin(&hub->fetches, want, done, context, error);
}

void hub_exec(struct hub *hub, const struct hub_exec_call *call, hub_exec_fn *done, void *context)
{
    execs_call(&hub->execs, call, done, context);
}

void hub_end_fetches(struct hub *hub)
{
    fetches_end_soon(&hub->fetches);
    execs_end_soon(&hub->execs);
}

void hub_figures(struct hub *hub, struct hub_figures *figures)
{
    *figures = (struct hub_figures){.agents = atomic_load(&hub->presence.alive),
                                    .messages = atomic_load(&hub->messages),
                                    .unopened = atomic_load(&hub->unopened),
                                    .sessions = atomic_load(&hub->open_sessions)};
}
