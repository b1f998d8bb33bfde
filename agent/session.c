#include "agent/session.h"

#include "agent/asks.h"
#include "agent/capacity.h"
#include "agent/exec_sessions.h"
#include "agent/samples.h"
#include "agent/workload_leases.h"
#include "agent/workload_logs.h"
#include "schema/base/journal.h"
#include "schema/base/version.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ANSWER_MS = 5000,      /* until an answer is late; a POLL has longer, as the hub says */
    AGAIN_MS = 1000,       /* after a refusal, */
    AGAIN_MOST_MS = 10000, /* and after many of them, or one that does not lift by itself */
    REFUSAL_SIZE = 512,
    CONNECTION_MS = 1000, /* between two looks whether there is another connection */
    SILENCE_MS = 30000,   /* between two journal lines about a hub that does not answer */
};

struct session {
    struct session_agent agent;
    struct aq_asker *asker; /* NULL: not open */
    struct aq_question talk, poll, exec;
    uint64_t number;   /* drawn, as `process` is, and again when the hub does not know it any more */
    uint64_t process;  /* drawn for this session; see HELLO */
    uint64_t hub_form; /* AQ_WIRE_FORM of the hub */
    bool welcome;
    char refusal[REFUSAL_SIZE]; /* of the last HELLO */
    enum aq_error_code refused; /* AQ_OK: it was not */
    uint64_t pause_ms;          /* before HELLO is sent again */
    enum aq_error_code put_off; /* why a report was, with a line in the journal; AQ_OK: none since one was noted */
    bool offer_changed;         /* since the last HELLO that was welcome, */
    bool offer_told;            /* and the HELLO under way says so */
    uint64_t beat_ms, patience_ms;
    uint64_t seen; /* number of the last delivery */
    uint64_t talk_at_ms, poll_at_ms, beat_at_ms, exec_at_ms;
    uint64_t entry_late_ms; /* 0: the agent is let in, or it is known why not */
    uint64_t silence_told_ms;
    uint64_t last_hello, last_beat;
    uint64_t offers_said, offers_told; /* changes of the drivers, plus 1, in the last beat, and in one that was noted */
    uint64_t talk_sent_ms;             /* when HELLO, BEAT or REPORT was asked last */
    struct report report;
    struct asks asks;
    struct samples samples;
    struct exec_sessions execs;
    struct aq_arena scratch; /* of one message */
};

/* ---- open and close ----------------------------------------------------------------------------------- */

/* Not 0, which means none. */
static uint64_t draw_number(void)
{
    uint64_t number;
    randombytes_buf(&number, sizeof number);
    return number | 1;
}

int session_open(struct session **out, const struct session_agent *agent, struct aq_uplink *uplink,
                 struct aq_error *error)
{
    struct session *session = aq_calloc(1, sizeof *session);
    session->agent = *agent;
    session->number = draw_number();
    session->process = draw_number();
    exec_sessions_open(&session->execs, agent->workloads);
    if (aq_asker_open(&session->asker, uplink, &agent->entry->identity.seals, error) != 0) {
        session_close(session);
        return -1;
    }
    entry_begin(agent->entry, session->asker);
    *out = session;
    return 0;
}

void session_close(struct session *session)
{
    if (session == NULL)
        return;
    exec_sessions_close(&session->execs);
    aq_asker_close(session->asker);
    report_free(&session->report);
    aq_arena_free(&session->scratch);
    free(session);
}

bool session_is_welcome(const struct session *session)
{
    return session->welcome;
}

const char *session_refusal(const struct session *session)
{
    const char *entry = entry_refusal(session->agent.entry);
    return entry[0] != '\0' ? entry : session->refusal;
}

void session_offer_again(struct session *session)
{
    session->offer_changed = true;
    session->offer_told = false;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static void say_hello(struct session *session, uint64_t now_ms)
{
    const struct session_agent *agent = &session->agent;
    const struct drivers *drivers = &agent->workloads->drivers;
    const char *names[DRIVERS_MAX];
    const uint32_t count = drivers_names(drivers, names);
    aq_arena_reset(&session->scratch);
    struct aq_hello hello = {
        .name = agent->config->name,
        .instance = agent->instance,
        .session = session->number,
        .address = agent->host->address,
        .agent_version = AQ_VERSION,
        .drivers = {names, count},
        .identifiers = capacity_identifiers(agent->config, agent->host, drivers, &session->scratch),
        .capacity = capacity_offer(&agent->host->capacity, &agent->config->capacity),
        .form = AQ_WIRE_FORM,
        .process = session->process,
        .home = agent->home,
        .number = ++session->last_hello,
    };
    session->offer_told = true;
    session->talk_sent_ms = now_ms;
    aq_asker_ask(session->asker, &session->talk, AQ_MSG_HELLO, &hello, now_ms + ANSWER_MS);
}

static void say_beat(struct session *session, uint64_t now_ms)
{
    const struct host_load load = session->agent.host->load();
    struct aq_beat beat = {.name = session->agent.config->name,
                           .session = session->number,
                           .load_milli = load.load_milli,
                           .memory_available = load.memory_available,
                           .workloads = session->agent.workloads->roster.count,
                           .number = ++session->last_beat};
    aq_arena_reset(&session->scratch);
    workloads_list_logs(session->agent.workloads, &beat.logs, &session->scratch);
    if (session->hub_form >= AQ_FORM_SAMPLES)
        samples_take(&session->samples, session->agent.host, session->agent.workloads,
                     session->agent.config->usage.interval * 1000, now_ms, &beat.samples, &session->scratch);
    session->offers_said = (uint64_t)drivers_changes(&session->agent.workloads->drivers) + 1;
    if (session->hub_form >= AQ_FORM_OPTIONS && session->offers_said != session->offers_told) {
        beat.offers = true;
        beat.driver_options =
            drivers_describe(&session->agent.workloads->drivers, AQ_NODE_OPTIONS_MAX, &session->scratch);
    }
    session->beat_at_ms = now_ms + session->beat_ms;
    session->talk_sent_ms = now_ms;
    aq_asker_ask(session->asker, &session->talk, AQ_MSG_BEAT, &beat, now_ms + ANSWER_MS);
}

static void say_report(struct session *session, uint64_t now_ms)
{
    const struct aq_report *report = report_compose(&session->report, session->agent.workloads,
                                                    session->agent.config->name, session->number, session->hub_form);
    session->talk_sent_ms = now_ms;
    aq_asker_ask(session->asker, &session->talk, AQ_MSG_REPORT, report, now_ms + ANSWER_MS);
}

static void ask_for_work(struct session *session, uint64_t now_ms)
{
    struct aq_poll poll = {.name = session->agent.config->name, .session = session->number, .seen = session->seen};
    exec_sessions_forget_gone(&session->execs);
    aq_asker_ask(session->asker, &session->poll, AQ_MSG_POLL, &poll, now_ms + session->patience_ms + ANSWER_MS);
}

static void say_exec(struct session *session, uint64_t now_ms)
{
    aq_arena_reset(&session->scratch);
    const struct aq_exec message =
        exec_sessions_compose(&session->execs, session->agent.config->name, session->number, &session->scratch);
    aq_asker_ask(session->asker, &session->exec, AQ_MSG_EXEC, &message, now_ms + ANSWER_MS);
}

void session_ask(struct session *session, const struct aq_clocks *now)
{
    const uint64_t now_ms = now->steady_ms;
    exec_sessions_turn(&session->execs);
    aq_asker_set_time(session->asker, now);
    asks_turn(&session->asks, &session->report, session->agent.workloads, now_ms);
    shutdown_turn(&session->report.shutdown, &session->agent.config->shutdown.command,
                  session->agent.workloads->roster.count, now_ms);
    if (aq_asker_has_session(session->asker) && !session->talk.open && now_ms >= session->talk_at_ms) {
        if (!session->welcome || session->offer_changed)
            say_hello(session, now_ms);
        else if (report_is_due(&session->report, session->agent.workloads))
            say_report(session, now_ms);
        else if (now_ms >= session->beat_at_ms)
            say_beat(session, now_ms);
    }
    if (session->welcome && !session->poll.open && now_ms >= session->poll_at_ms &&
        !delivery_is_busy(session->agent.delivery))
        ask_for_work(session, now_ms);
    if (session->welcome && !session->exec.open && now_ms >= session->exec_at_ms &&
        exec_sessions_are_due(&session->execs))
        say_exec(session, now_ms);
    aq_asker_flush(session->asker);
    if (aq_asker_has_new_connection(session->asker))
        session->beat_at_ms = now_ms; /* the hub soon drops a new connection that has sent nothing */
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* The hub does not know the session: it was restarted, or the node was deleted. */
static void begin_again(struct session *session)
{
    session->number = draw_number();
    report_set_session(&session->report, session->number);
    aq_asker_drop(session->asker, &session->exec);
    exec_sessions_clear(&session->execs);
    session->welcome = false;
}

static void take_welcome(struct session *session, const struct aq_welcome *welcome, uint64_t now_ms)
{
    if (!session->welcome)
        aq_journal(AQ_INFO, "welcomed by the controller", "controller", session->agent.config->controller, NULL);
    session->welcome = true;
    session->offer_changed = session->offer_changed && !session->offer_told;
    session->refused = AQ_OK;
    session->refusal[0] = '\0';
    session->pause_ms = 0;
    session->beat_ms = welcome->beat_ms;
    session->patience_ms = welcome->patience_ms;
    session->beat_at_ms = now_ms;
    session->poll_at_ms = now_ms;
    session->seen = 0; /* the hub starts over, with a full delivery */
    session->hub_form = welcome->form;
    session->samples = (struct samples){0};
    session->offers_told = 0;
    if (welcome->form >= AQ_FORM_LIFE)
        workloads_touch(session->agent.workloads, session->talk_sent_ms);
    asks_clear(&session->asks);
    exec_sessions_welcome(&session->execs);
    workloads_list_all_logs(session->agent.workloads);
    aq_asker_drop(session->asker, &session->poll);
}

static void take_work(struct session *session, const struct aq_work *work, uint64_t now_ms)
{
    bool repeated = work->delivery <= session->seen; /* a recording of an earlier delivery */
    if (repeated || session->agent.delivery->open)
        return;
    session->seen = work->delivery;
    delivery_take(session->agent.delivery, work);
    shutdown_take(&session->report.shutdown, work, session->agent.host, &session->agent.config->shutdown.command,
                  session->agent.workloads->roster.count, now_ms);
    for (uint32_t i = 0; i < work->asks.count; i++)
        asks_take(&session->asks, &session->report, session->agent.workloads, AQ_ITEM(work->asks, struct aq_ask, i),
                  now_ms);
    for (uint32_t i = 0; i < work->execs.count; i++)
        exec_sessions_take(&session->execs, AQ_ITEM(work->execs, struct aq_exec_order, i));
}

/* The hub does not admit the agent. Most often another agent has its name, and will be lost, or was before this one got
 * a new directory. It asks again when the hub says so, else less and less often. Says why once, not each time. */
static void wait_for_admission(struct session *session, enum aq_error_code code, const struct aq_refused *refused,
                               uint64_t now_ms)
{
    bool told = session->refused == code;
    uint64_t pause_ms = session->pause_ms > 0 ? session->pause_ms * 2 : AGAIN_MS;
    session->pause_ms = pause_ms < AGAIN_MOST_MS ? pause_ms : AGAIN_MOST_MS;
    pause_ms = refused->wait_ms > 0 && refused->wait_ms < AGAIN_MOST_MS ? refused->wait_ms : session->pause_ms;
    session->talk_at_ms = now_ms + pause_ms;
    session->refused = code;
    snprintf(session->refusal, sizeof session->refusal, "%s", refused->message);
    if (!told)
        aq_journal(AQ_WARN, "not admitted by the controller: asking again until it does", "controller",
                   session->agent.config->controller, "error", refused->error, "message", refused->message, NULL);
}

static void take_refused(struct session *session, enum aq_message_type asked, const struct aq_refused *refused,
                         uint64_t now_ms)
{
    enum aq_error_code code = aq_error_from_name(refused->error);
    bool lasting = code == AQ_E_EXISTS || code == AQ_E_INVALID || code == AQ_E_FORBIDDEN;
    if (code == AQ_E_UNAUTHENTICATED) {
        begin_again(session);
    } else if (asked == AQ_MSG_HELLO) {
        wait_for_admission(session, code, refused, now_ms);
    } else {
        if (session->put_off != code)
            aq_journal(AQ_WARN, "refused by the controller", "question", aq_message_record(asked)->name, "error",
                       refused->error, "message", refused->message, NULL);
        session->put_off = code;
        if (asked == AQ_MSG_EXEC) {
            exec_sessions_not_arrived(&session->execs);
            session->exec_at_ms = now_ms + AGAIN_MS;
            return;
        }
        *(asked == AQ_MSG_POLL ? &session->poll_at_ms : &session->talk_at_ms) =
            now_ms + (lasting ? AGAIN_MOST_MS : AGAIN_MS);
    }
}

static void take_noted(struct session *session, enum aq_message_type asked, const struct aq_noted *noted)
{
    if (asked == AQ_MSG_BEAT)
        session->offers_told = session->offers_said;
    if (noted->lease)
        workloads_touch(session->agent.workloads, session->talk_sent_ms);
    if (report_noted(&session->report, session->agent.workloads, noted->number))
        session->put_off = AQ_OK;
}

static void take_answer(struct session *session, enum aq_message_type asked, enum aq_message_type type,
                        const void *message, uint64_t now_ms)
{
    if (type == AQ_MSG_REFUSED)
        take_refused(session, asked, message, now_ms);
    else if (asked == AQ_MSG_HELLO && type == AQ_MSG_WELCOME)
        take_welcome(session, message, now_ms);
    else if (asked == AQ_MSG_POLL && type == AQ_MSG_WORK)
        take_work(session, message, now_ms);
    else if ((asked == AQ_MSG_REPORT || asked == AQ_MSG_BEAT) && type == AQ_MSG_NOTED)
        take_noted(session, asked, message);
    else if (asked == AQ_MSG_EXEC && type == AQ_MSG_EXECUTED)
        exec_sessions_arrived(&session->execs, message);
    else
        aq_journal(AQ_WARN, "the answer does not match the question", "question", aq_message_record(asked)->name,
                   "answer", aq_message_record(type)->name, NULL);
}

static void journal_silence(struct session *session, uint64_t now_ms)
{
    const struct aq_config_agent *config = session->agent.config;
    if (session->silence_told_ms != 0 && now_ms - session->silence_told_ms < SILENCE_MS)
        return;
    session->silence_told_ms = now_ms;
    aq_journal(AQ_WARN, "no answer from the controller: does it run, and is this its address?", "controller",
               config->controller, NULL);
}

/* A handshake has no answer, and nothing says why. */
static bool entry_is_late(struct session *session, uint64_t now_ms)
{
    if (aq_asker_has_session(session->asker) || entry_refusal(session->agent.entry)[0] != '\0')
        session->entry_late_ms = 0;
    else if (session->entry_late_ms == 0)
        session->entry_late_ms = now_ms + ANSWER_MS;
    const bool late = session->entry_late_ms != 0 && now_ms >= session->entry_late_ms;
    if (late)
        session->entry_late_ms = now_ms + ANSWER_MS;
    return late;
}

static void reconnect_if_late(struct session *session, uint64_t now_ms)
{
    struct aq_error error;
    bool late = entry_is_late(session, now_ms);
    for (const struct aq_question *failed; (failed = aq_asker_take_failed(session->asker, now_ms)) != NULL;) {
        late = true;
        if (failed == &session->exec)
            exec_sessions_not_arrived(&session->execs);
    }
    if (!late)
        return;
    journal_silence(session, now_ms);
    if (aq_asker_reconnect(session->asker, &error) != 0) {
        aq_journal(AQ_WARN, "cannot connect", "error", error.message, NULL);
        session->talk_at_ms = session->poll_at_ms = now_ms + AGAIN_MS;
    }
}

/* At most three answers can have come, as no question is sent meanwhile. */
void session_take(struct session *session, const struct aq_clocks *now)
{
    const uint64_t now_ms = now->steady_ms;
    const struct aq_question *question;
    enum aq_message_type type;
    void *message;
    aq_arena_reset(&session->scratch);
    aq_asker_set_time(session->asker, now);
    while ((question = aq_asker_take(session->asker, &type, &message, &session->scratch)) != NULL) {
        take_answer(session, question->asked, type, message, now_ms);
        aq_arena_reset(&session->scratch);
    }
    entry_turn(session->agent.entry, session->asker);
    reconnect_if_late(session, now_ms);
}

/* ---- waiting ------------------------------------------------------------------------------------------ */

void session_fds(const struct session *session, struct pollfd fds[SESSION_FDS])
{
    bool waits = aq_asker_has_unsent(session->asker);
    fds[0] = (struct pollfd){.fd = aq_asker_fd(session->asker), .events = POLLIN};
    fds[1] = (struct pollfd){.fd = waits ? aq_asker_send_fd(session->asker) : -1, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = exec_sessions_fd(&session->execs), .events = POLLIN};
}

static void bring_forward(uint64_t *deadline_ms, uint64_t at_ms)
{
    *deadline_ms = at_ms < *deadline_ms ? at_ms : *deadline_ms;
}

uint64_t session_deadline_ms(const struct session *session, uint64_t now_ms)
{
    uint64_t deadline_ms = now_ms + CONNECTION_MS;
    bring_forward(&deadline_ms, aq_asker_deadline_ms(session->asker));
    if (session->asks.count > 0)
        bring_forward(&deadline_ms, now_ms + ASKS_TURN_MS);
    if (session->entry_late_ms != 0)
        bring_forward(&deadline_ms, session->entry_late_ms);
    if (!aq_asker_has_session(session->asker))
        return deadline_ms;
    if (session->talk.open)
        bring_forward(&deadline_ms, session->talk.late_ms);
    else if (session->talk_at_ms > now_ms)
        bring_forward(&deadline_ms, session->talk_at_ms);
    else
        bring_forward(&deadline_ms, session->beat_at_ms);
    if (session->poll.open)
        bring_forward(&deadline_ms, session->poll.late_ms);
    else if (session->welcome)
        bring_forward(&deadline_ms, session->poll_at_ms);
    if (session->exec.open)
        bring_forward(&deadline_ms, session->exec.late_ms);
    return deadline_ms;
}
