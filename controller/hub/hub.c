/* The hub's thread: its loop, and which part answers which message. The parts, each of which calls only those
 * above it:
 *
 *   numbers, pending   what one agent must be told
 *   mailbox            items from other threads
 *   gate, channel      messages in and out
 *   endpoints          opens the two channels
 *   agents             the table of agents
 *   base               what all parts use
 *   fetches            FETCH: logs of workloads
 *   deliveries         POLL: what agents must do
 *   rivals             two agents of one name
 *   sessions           HELLO: agents join
 *   presence           BEAT: which agents are alive
 *   reports            REPORT: what happened to resources
 *   changes            new events
 *   orders, watches    ORDER and WATCH: file views */
#include "controller/hub/hub.h"

#include "controller/hub/changes.h"
#include "controller/hub/deliveries.h"
#include "controller/hub/endpoints.h"
#include "controller/hub/orders.h"
#include "controller/hub/presence.h"
#include "controller/hub/reports.h"
#include "controller/hub/watches.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TICK_MS = 200,           /* how often time-outs are checked */
    HELD_UP_MS = 1000,       /* if a turn took longer, agents were not heard meanwhile */
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
    struct hub_deliveries deliveries;
    struct hub_sessions sessions;
    struct hub_presence presence;
    struct hub_changes changes;
    struct hub_orders orders;
    struct hub_watches watches;

    struct hub_channel agents_channel, local_channel;
    int commits; /* a bell that the writer rings at each commit */
    pthread_t thread;
    atomic_bool stopping;

    uint64_t next_tick_ms;
    uint64_t retry_ms;        /* when events that could not be read are tried again */
    uint64_t committed_ms;    /* when new events came last */
    uint64_t gather_until_ms; /* until then, agents' messages are not read */
    bool many_beats;
    bool agents_wait; /* messages of agents were left for this turn */

    atomic_uint_least64_t messages, unopened; /* any thread */
    uint64_t unopened_logged, unopened_logged_ms;
};

/* ---- events -------------------------------------------------------------------------------------------- */

/* True: there are more. */
static bool read_events(struct hub *hub)
{
    uint64_t seen = hub->changes.seen_seq;
    bool more = changes_read(&hub->changes);
    if (hub->changes.seen_seq != seen) {
        hub->committed_ms = hub->base.now_ms;
        hub->gather_until_ms = 0;
    }
    return more;
}

/* Called before a message or an item is handled: a caller must find here what it knows to be committed. */
static void catch_up(struct hub *hub)
{
    uint64_t last = writer_seq(hub->base.writer);
    if (last <= hub->changes.seen_seq || hub->base.now_ms < hub->retry_ms)
        return;
    if (!read_events(hub) && hub->changes.seen_seq < last) /* they cannot be read: not tried for each message */
        hub->retry_ms = hub->base.now_ms + TICK_MS;
}

static void run_items(struct hub *hub)
{
    struct hub_item *items = mailbox_take(&hub->base.mailbox);
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
    presence_heard(&hub->presence, agent, question, false);
    deliveries_poll(&hub->deliveries, agent, question, poll);
}

static void answer_report(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_report *report = message;
    struct hub_agent *agent = sessions_find(&hub->sessions, question, report->name, report->session);
    if (agent == NULL)
        return;
    presence_heard(&hub->presence, agent, question, report->number > agent->noted);
    fetches_take_answers(&hub->fetches, agent, &report->told);
    reports_take(&hub->base, agent, question, report);
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
    orders_take(&hub->orders, question, message);
}

static void answer_watch(struct hub *hub, struct hub_question *question, const void *message)
{
    watches_take(&hub->watches, question, message);
}

static void answer_fetch(struct hub *hub, struct hub_question *question, const void *message)
{
    fetches_begin_for_view(&hub->fetches, question, message);
}

static answer_fn *const agent_answers[aq_message_type_count] = {
    [AQ_MSG_HELLO] = answer_hello,
    [AQ_MSG_POLL] = answer_poll,
    [AQ_MSG_REPORT] = answer_report,
    [AQ_MSG_BEAT] = answer_beat,
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
    if (got <= 0)
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
    return count == MESSAGES_TURN;
}

/* When thousands of agents send mostly heartbeats, each one would wake this thread. So their messages are left to
 * gather for a moment, except shortly after a commit, when agents react to it and must not wait. */
static void take_from_agents(struct hub *hub)
{
    bool quiet = hub->base.now_ms - hub->committed_ms >= QUIET_MS;
    hub->agents_wait = take_messages(hub, &hub->agents_channel, agent_answers);
    if (hub->many_beats && quiet && !hub->agents_wait)
        hub->gather_until_ms = hub->base.now_ms + GATHER_MS;
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static void log_unopened(struct hub *hub)
{
    uint64_t count = atomic_load(&hub->unopened);
    bool lately = hub->unopened_logged_ms != 0 && hub->base.now_ms - hub->unopened_logged_ms < UNOPENED_LOG_MS;
    if (count == hub->unopened_logged || lately)
        return;
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, count - hub->unopened_logged);
    aq_journal(AQ_WARN, "messages dropped that were not sealed with our keys", "count", number, NULL);
    hub->unopened_logged = count;
    hub->unopened_logged_ms = hub->base.now_ms;
}

static void tick(struct hub *hub)
{
    hub->next_tick_ms = hub->base.now_ms + TICK_MS;
    hub->many_beats = presence_take_beats(&hub->presence) * 1000 / TICK_MS >= GATHER_BEATS_MIN;
    watches_answer(&hub->watches, false);
    presence_store_logs(&hub->presence);
    fetches_expire(&hub->fetches, false);
    channel_tick(&hub->agents_channel);
    log_unopened(hub);
}

static void check_time_outs(struct hub *hub)
{
    uint64_t now_ms = hub->base.now_ms;
    if (now_ms < hub->next_tick_ms && now_ms < hub->presence.next_scan_ms)
        return;
    aq_arena_reset(&hub->base.arena);
    if (now_ms >= hub->next_tick_ms)
        tick(hub);
    if (now_ms >= hub->presence.next_scan_ms)
        presence_scan(&hub->presence);
}

/* How long this turn may wait for messages. */
static int time_left_ms(const struct hub *hub, bool more)
{
    uint64_t now_ms = hub->base.now_ms, scan_ms = hub->presence.next_scan_ms;
    uint64_t until = now_ms < hub->gather_until_ms ? hub->gather_until_ms : now_ms + TICK_MS;
    if (more || hub->agents_wait || scan_ms <= now_ms)
        return 0;
    return (int)((scan_ms < until ? scan_ms : until) - now_ms);
}

/* After a turn that took very long (the machine was suspended, the process was stopped, a disk hung), messages of
 * agents have not been read yet, or agents must connect again. They must not count as silent. */
static void read_clock(struct hub *hub)
{
    uint64_t before_ms = hub->base.now_ms;
    hub->base.now_ms = aq_clock_ms();
    if (hub->base.now_ms - before_ms > HELD_UP_MS)
        hub->presence.listens_since_ms = hub->base.now_ms;
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

/* True: there are more events. */
static bool take_commits(struct hub *hub)
{
    aq_bell_clear(hub->commits);
    bool changed = presence_set_leader(&hub->presence, writer_is_leader(hub->base.writer));
    bool more = read_events(hub);
    watches_answer(&hub->watches, changed);
    return more;
}

static void take_turn(struct hub *hub, bool *more)
{
    bool gather = hub->base.now_ms < hub->gather_until_ms;
    struct pollfd fds[] = {{.fd = gather ? -1 : hub->agents_channel.fd, .events = POLLIN},
                           {.fd = hub->local_channel.fd, .events = POLLIN},
                           {.fd = hub->commits, .events = POLLIN},
                           {.fd = hub->base.mailbox.bell, .events = POLLIN}};
    int ready = poll(fds, AQ_LENGTH(fds), time_left_ms(hub, *more));
    read_clock(hub);
    if (*more || (ready > 0 && fds[2].revents != 0))
        *more = take_commits(hub);
    if (ready > 0 && fds[3].revents != 0)
        run_items(hub);
    if (hub->agents_wait || (ready > 0 && fds[0].revents != 0))
        take_from_agents(hub);
    if (ready > 0 && fds[1].revents != 0)
        take_messages(hub, &hub->local_channel, local_answers);
    check_time_outs(hub);
    sessions_admit_rivals(&hub->sessions);
    deliveries_send(&hub->deliveries);
}

static void *hub_main(void *context)
{
    struct hub *hub = context;
    bool more = true; /* the tables are not read yet */
    while (!atomic_load(&hub->stopping))
        take_turn(hub, &more);
    /* Other threads still hold items of ours. */
    while (hub->base.mailbox.expected > 0) {
        struct pollfd fd = {.fd = hub->base.mailbox.bell, .events = POLLIN};
        poll(&fd, 1, TICK_MS);
        run_items(hub);
    }
    run_items(hub);
    fetches_expire(&hub->fetches, true);
    return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

int hub_check(const struct aq_config_controller *config, struct aq_error *error)
{
    return gate_check(config->hub.address, error);
}

static void connect_parts(struct hub *hub, const struct hub_options *options)
{
    struct hub_base *base = &hub->base;
    const struct aq_config_hub *config = &options->config->hub;
    uint64_t beat_ms = config->beat * 1000, patience_ms = beat_ms * PATIENCE_BEATS;
    base->config = options->config;
    base->writer = options->writer;
    base->state = options->state;
    base->beat_ms = beat_ms;
    base->patience_ms = patience_ms < PATIENCE_MS_MAX ? patience_ms : PATIENCE_MS_MAX;
    base->now_ms = aq_clock_ms();
    fetches_open(&hub->fetches, base);
    hub->deliveries = (struct hub_deliveries){.base = base, .fetches = &hub->fetches};
    sessions_open(&hub->sessions, base, &hub->fetches);
    hub->presence = (struct hub_presence){
        .base = base, .sessions = &hub->sessions, .live = options->live, .listens_since_ms = base->now_ms};
    hub->changes = (struct hub_changes){.base = base, .sessions = &hub->sessions, .presence = &hub->presence};
    hub->orders = (struct hub_orders){.base = base, .credentials = options->credentials};
    watches_open(&hub->watches, base);
}

/* The bell `commits` stays open: the writer rings it until it ends. */
static void hub_free(struct hub *hub)
{
    channel_close(&hub->agents_channel);
    channel_close(&hub->local_channel);
    mailbox_close(&hub->base.mailbox);
    watches_close(&hub->watches);
    presence_close(&hub->presence);
    sessions_close(&hub->sessions);
    fetches_close(&hub->fetches);
    agents_free(&hub->base.agents);
    aq_arena_free(&hub->base.arena);
    free(hub);
}

static int hub_open(struct hub *hub, struct aq_error *error)
{
    const struct aq_config_controller *config = hub->base.config;
    hub->commits = aq_bell_open(error);
    if (hub->commits < 0 || endpoints_make_directory(config, error) != 0 ||
        endpoints_open_local(&hub->local_channel, config, error) != 0 ||
        endpoints_open_agents(&hub->agents_channel, config, error) != 0)
        return -1;
    writer_watch(hub->base.writer, hub->commits);
    int failed = pthread_create(&hub->thread, NULL, hub_main, hub);
    return failed == 0 ? 0 : aq_fail_errno(error, failed, "cannot start the hub's thread");
}

int hub_start(struct hub **out, const struct hub_options *options, struct aq_error *error)
{
    struct hub *hub = aq_calloc(1, sizeof *hub);
    hub->agents_channel.socket = hub->local_channel.socket = hub->commits = -1;
    if (mailbox_open(&hub->base.mailbox, error) != 0) {
        free(hub);
        return -1;
    }
    connect_parts(hub, options);
    if (hub_open(hub, error) != 0) {
        hub_free(hub);
        return -1;
    }
    *out = hub;
    return 0;
}

void hub_stop(struct hub *hub)
{
    if (hub == NULL)
        return;
    atomic_store(&hub->stopping, true);
    mailbox_wake(&hub->base.mailbox);
    pthread_join(hub->thread, NULL);
    hub_free(hub);
}

/* ---- any thread ---------------------------------------------------------------------------------------- */

int hub_fetch(struct hub *hub, const struct aq_ask *want, hub_fetch_fn *done, void *context, struct aq_error *error)
{
    return fetches_begin(&hub->fetches, want, done, context, error);
}

void hub_figures(struct hub *hub, struct hub_figures *figures)
{
    *figures = (struct hub_figures){.agents = atomic_load(&hub->presence.alive),
                                    .messages = atomic_load(&hub->messages),
                                    .unopened = atomic_load(&hub->unopened)};
}
