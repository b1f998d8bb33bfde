#include "agent/session.h"

#include "agent/address.h"
#include "agent/asks.h"
#include "agent/capacity.h"
#include "schema/base/journal.h"
#include "schema/base/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    ANSWER_MS = 5000,      /* until an answer is late; a POLL has longer, as the hub says */
    AGAIN_MS = 1000,       /* after a refusal, */
    AGAIN_MOST_MS = 10000, /* and after many of them, or one that does not lift by itself */
    REFUSAL_SIZE = 512,
    SILENCE_MS = 30000,   /* between two journal lines about a hub that does not answer */
    RETRY_MOST_MS = 2000, /* between two attempts to connect, at most */
};

struct session {
    struct session_agent agent;
    struct aq_asker *asker; /* NULL: not open */
    struct aq_question talk, poll;
    uint64_t number;  /* the hub sets it; before that a random one */
    uint64_t process; /* drawn for this session; see HELLO */
    char address[ADDRESS_OWN_SIZE];
    uint64_t hub_form; /* AQ_WIRE_FORM of the hub */
    bool welcome;
    char refusal[REFUSAL_SIZE]; /* of the last HELLO */
    enum aq_error_code refused; /* AQ_OK: it was not */
    uint64_t pause_ms;          /* before HELLO is sent again */
    bool offer_changed;         /* since the last HELLO */
    uint64_t beat_ms, patience_ms;
    uint64_t seen; /* number of the last delivery */
    uint64_t talk_at_ms, poll_at_ms, beat_at_ms;
    uint64_t silence_told_ms;
    uint64_t last_beat;
    struct report report;
    struct asks asks;
    struct aq_arena scratch; /* of one message */
};

/* ---- open and close ----------------------------------------------------------------------------------- */

static int connect_session(struct session *session, const struct aq_wire_key *key, struct aq_error *error)
{
    struct address controller;
    char url[ADDRESS_URL_SIZE];
    bool good = address_parse(&controller, session->agent.config->controller);
    aq_assert(good);
    address_url(&controller, url);
    if (getrandom(&session->number, sizeof session->number, 0) != sizeof session->number ||
        getrandom(&session->process, sizeof session->process, 0) != sizeof session->process)
        return aq_fail(error, AQ_E_IO, "cannot get a random number");
    session->number |= 1; /* 0 means none */
    session->process |= 1;
    if (aq_asker_open(&session->asker, url, RETRY_MOST_MS, key, error) != 0)
        return -1;
    address_own(&controller, session->address);
    return 0;
}

int session_open(struct session **out, const struct session_agent *agent, const struct aq_wire_key *key,
                 struct aq_error *error)
{
    struct session *session = aq_calloc(1, sizeof *session);
    session->agent = *agent;
    if (connect_session(session, key, error) != 0) {
        session_close(session);
        return -1;
    }
    *out = session;
    return 0;
}

void session_close(struct session *session)
{
    if (session == NULL)
        return;
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
    return session->refusal;
}

void session_offer_again(struct session *session)
{
    session->offer_changed = true;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static void say_hello(struct session *session, uint64_t now_ms)
{
    const struct session_agent *agent = &session->agent;
    const struct drivers *drivers = &agent->workloads->drivers;
    const char *names[DRIVERS_MAX];
    for (uint32_t i = 0; i < drivers->count; i++)
        names[i] = drivers->opened[i].type->declared->name;
    aq_arena_reset(&session->scratch);
    struct aq_hello hello = {
        .name = agent->config->name,
        .instance = agent->instance,
        .session = session->number,
        .address = session->address,
        .agent_version = AQ_VERSION,
        .drivers = {names, drivers->count},
        .identifiers = capacity_identifiers(agent->config->name, &agent->config->identifiers, &session->scratch),
        .capacity = capacity_offer(&agent->detected, &agent->config->capacity),
        .asks_session = true,
        .form = AQ_WIRE_FORM,
        .process = session->process,
        .home = agent->home,
    };
    session->offer_changed = false;
    aq_asker_ask(session->asker, &session->talk, AQ_MSG_HELLO, &hello, now_ms + ANSWER_MS);
}

static void say_beat(struct session *session, uint64_t now_ms)
{
    struct aq_beat beat = {.name = session->agent.config->name,
                           .session = session->number,
                           .load_milli = capacity_load_milli(),
                           .memory_available = capacity_memory_available(),
                           .workloads = session->agent.workloads->roster.count,
                           .number = ++session->last_beat};
    aq_arena_reset(&session->scratch);
    if (session->hub_form >= AQ_FORM_LOGS)
        workloads_list_logs(session->agent.workloads, &beat.logs, &session->scratch);
    session->beat_at_ms = now_ms + session->beat_ms;
    aq_asker_ask(session->asker, &session->talk, AQ_MSG_BEAT, &beat, now_ms + ANSWER_MS);
}

static void say_report(struct session *session, uint64_t now_ms)
{
    const struct aq_report *report =
        report_compose(&session->report, session->agent.workloads, session->agent.config->name, session->number);
    aq_asker_ask(session->asker, &session->talk, AQ_MSG_REPORT, report, now_ms + ANSWER_MS);
}

static void ask_for_work(struct session *session, uint64_t now_ms)
{
    struct aq_poll poll = {.name = session->agent.config->name, .session = session->number, .seen = session->seen};
    aq_asker_ask(session->asker, &session->poll, AQ_MSG_POLL, &poll, now_ms + session->patience_ms + ANSWER_MS);
}

void session_ask(struct session *session, uint64_t now_ms)
{
    asks_turn(&session->asks, &session->report, session->agent.workloads, now_ms);
    if (!session->talk.open && now_ms >= session->talk_at_ms) {
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
    aq_asker_flush(session->asker);
    if (aq_asker_has_new_connection(session->asker))
        session->beat_at_ms = now_ms; /* the hub soon drops a new connection that has sent nothing */
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* The hub chooses the number of the session, so that a recorded HELLO cannot open one. */
static void take_session(struct session *session, const struct aq_session *offer)
{
    session->number = offer->session;
    report_set_session(&session->report, offer->session);
    session->welcome = false; /* HELLO must be sent with the new number */
}

static void take_welcome(struct session *session, const struct aq_welcome *welcome, uint64_t now_ms)
{
    if (!session->welcome)
        aq_journal(AQ_INFO, "welcomed by the controller", "controller", session->agent.config->controller, NULL);
    session->welcome = true;
    session->refused = AQ_OK;
    session->refusal[0] = '\0';
    session->pause_ms = 0;
    session->beat_ms = welcome->beat_ms;
    session->patience_ms = welcome->patience_ms;
    session->beat_at_ms = now_ms;
    session->poll_at_ms = now_ms;
    session->seen = 0; /* the hub starts over, with a full delivery */
    session->hub_form = welcome->form;
    asks_clear(&session->asks);
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
    for (uint32_t i = 0; i < work->asks.count; i++)
        asks_take(&session->asks, &session->report, session->agent.workloads, AQ_ITEM(work->asks, struct aq_ask, i),
                  now_ms);
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
        session->welcome = false;
    } else if (asked == AQ_MSG_HELLO) {
        wait_for_admission(session, code, refused, now_ms);
    } else {
        aq_journal(AQ_WARN, "refused by the controller", "question", aq_message_record(asked)->name, "error",
                   refused->error, "message", refused->message, NULL);
        *(asked == AQ_MSG_POLL ? &session->poll_at_ms : &session->talk_at_ms) =
            now_ms + (lasting ? AGAIN_MOST_MS : AGAIN_MS);
    }
}

static void take_answer(struct session *session, enum aq_message_type asked, enum aq_message_type type,
                        const void *message, uint64_t now_ms)
{
    if (type == AQ_MSG_REFUSED)
        take_refused(session, asked, message, now_ms);
    else if (asked == AQ_MSG_HELLO && type == AQ_MSG_SESSION)
        take_session(session, message);
    else if (asked == AQ_MSG_HELLO && type == AQ_MSG_WELCOME)
        take_welcome(session, message, now_ms);
    else if (asked == AQ_MSG_POLL && type == AQ_MSG_WORK)
        take_work(session, message, now_ms);
    else if ((asked == AQ_MSG_REPORT || asked == AQ_MSG_BEAT) && type == AQ_MSG_NOTED)
        report_noted(&session->report, session->agent.workloads, ((const struct aq_noted *)message)->number);
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
    aq_journal(AQ_WARN, "no answer from the controller: does it run, and is key_file a copy of its agent.key?",
               "controller", config->controller, "key_file", config->key_file, NULL);
}

static void reconnect_if_late(struct session *session, uint64_t now_ms)
{
    struct aq_error error;
    bool late = false;
    while (aq_asker_take_failed(session->asker, now_ms) != NULL)
        late = true;
    if (!late)
        return;
    journal_silence(session, now_ms);
    if (aq_asker_reconnect(session->asker, &error) != 0) {
        aq_journal(AQ_WARN, "cannot connect", "error", error.message, NULL);
        session->talk_at_ms = session->poll_at_ms = now_ms + AGAIN_MS;
    }
}

/* At most two answers can have come, as no question is sent meanwhile. */
void session_take(struct session *session, uint64_t now_ms)
{
    const struct aq_question *question;
    enum aq_message_type type;
    void *message;
    aq_arena_reset(&session->scratch);
    while ((question = aq_asker_take(session->asker, &type, &message, &session->scratch)) != NULL) {
        take_answer(session, question->asked, type, message, now_ms);
        aq_arena_reset(&session->scratch);
    }
    reconnect_if_late(session, now_ms);
}

/* ---- waiting ------------------------------------------------------------------------------------------ */

void session_fds(const struct session *session, struct pollfd fds[SESSION_FDS])
{
    bool waits = aq_asker_has_unsent(session->asker);
    fds[0] = (struct pollfd){.fd = aq_asker_fd(session->asker), .events = POLLIN};
    fds[1] = (struct pollfd){.fd = waits ? aq_asker_send_fd(session->asker) : -1, .events = POLLIN};
}

static int wait_until(uint64_t at_ms, uint64_t now_ms, int wait_ms)
{
    if (at_ms <= now_ms)
        return 0;
    return at_ms - now_ms < (uint64_t)wait_ms ? (int)(at_ms - now_ms) : wait_ms;
}

int session_pause_ms(const struct session *session, uint64_t now_ms, int wait_ms)
{
    if (session->asks.count > 0)
        wait_ms = wait_until(now_ms + ASKS_TURN_MS, now_ms, wait_ms);
    if (session->talk.open)
        wait_ms = wait_until(session->talk.late_ms, now_ms, wait_ms);
    else if (session->talk_at_ms > now_ms)
        wait_ms = wait_until(session->talk_at_ms, now_ms, wait_ms);
    else
        wait_ms = wait_until(session->beat_at_ms, now_ms, wait_ms);
    if (session->poll.open)
        wait_ms = wait_until(session->poll.late_ms, now_ms, wait_ms);
    else if (session->welcome)
        wait_ms = wait_until(session->poll_at_ms, now_ms, wait_ms);
    return wait_ms;
}
