#include "agent/agent.h"

#include "agent/capacity.h"
#include "agent/workloads.h"
#include "schema/base/journal.h"
#include "schema/base/version.h"
#include "schema/codec/check.h"
#include "schema/wire/ask.h"

#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_MS = 5000,         /* for all but a POLL, whose patience is the hub's */
    AGAIN_MS = 1000,          /* after a refusal */
    AGAIN_LATER_MS = 10000,   /* after one that only somebody else can change */
    CONNECT_MOST_MS = 2000,   /* between two tries to connect */
    SILENCE_MS = 30000,       /* between two lines about a hub that does not answer */
    HAPPENINGS_MAX = 2000,    /* in one report: far below AQ_WIRE_MESSAGE_MAX even if all texts are as long as may be */
    TOLD_MAX = 64,            /* answers that wait */
    TOLD_BYTES_MAX = 1 << 20, /* and one more */
    SWEEP_FILES = 256,
    SWEEP_MS = 5,
    DISK_MS = 100, /* for the disk at once, before others have their turn */
    URL_SIZE = 160,
    HOST_SIZE = 128,
    ADDRESS_SIZE = 64,
};

/* What is being told, until it is noted: repeated word for word. */
struct report {
    struct aq_report message; /* number 0: none */
    struct aq_arena arena;
};

struct agent {
    struct aq_config_agent config;
    struct aq_arena arena; /* of config */
    struct aq_amounts detected;
    struct home *home;
    struct workloads workloads;
    char url[URL_SIZE], address[ADDRESS_SIZE];

    uint64_t session; /* the hub says which; before that any number */
    struct aq_asker *asker;
    struct aq_question talk, poll; /* a POLL waits for long while others come and go */
    bool welcome, was_welcome;
    bool changed; /* the hub is to be told what we offer */
    uint64_t beat_ms, patience_ms;
    uint64_t seen; /* number of the last delivery */
    uint64_t talk_at_ms, poll_at_ms, beat_at_ms;
    uint64_t silence_told_ms;

    struct report report;
    uint64_t last_report, last_beat;
    struct aq_told told[TOLD_MAX]; /* data is ours */
    uint32_t told_count;
    size_t told_bytes;

    bool busy; /* with what waits for the disk */
    bool sweeping;
    struct aq_arena scratch; /* of one message */
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- settings ------------------------------------------------------------------------------------------ */

/* "ADDRESS:PORT", where an IPv6 address may stand in brackets. */
static bool split_controller(const char *controller, char host[HOST_SIZE], char port[8])
{
    const char *colon = strrchr(controller, ':');
    size_t length = colon != NULL ? (size_t)(colon - controller) : 0;
    if (length == 0 || length >= HOST_SIZE || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    long number = strtol(colon + 1, NULL, 10);
    if (number < 1 || number > 65535)
        return false;
    bool bracketed = controller[0] == '[' && colon[-1] == ']' && length > 2;
    snprintf(host, HOST_SIZE, "%.*s", (int)(bracketed ? length - 2 : length), controller + (bracketed ? 1 : 0));
    snprintf(port, 8, "%s", colon + 1);
    return strspn(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:") == strlen(host);
}

int agent_check(struct aq_config_agent *config, struct aq_arena *arena, struct aq_error *error)
{
    char host[HOST_SIZE], port[8];
    if (config->name[0] == '\0') {
        if (gethostname(host, sizeof host) != 0)
            snprintf(host, sizeof host, "localhost");
        host[sizeof host - 1] = '\0';
        config->name = aq_arena_text(arena, host, strlen(host));
        const struct aq_field *field = aq_record_field(&aq_config_agent_record, "name");
        if (aq_field_check(field, config, field->name, error) != 0)
            return aq_error_context(error, "the host's name is no good as the node's, so set one");
    }
    if (!split_controller(config->controller, host, port))
        return aq_fail(error, AQ_E_INVALID,
                       "controller is \"%.100s\", but must be ADDRESS:PORT, with a port from 1 to 65535",
                       config->controller);
    return workloads_check_drivers(&config->drivers, error);
}

/* This machine's address on the way to the controller; empty when there is no way yet. Sends nothing. */
static void find_address(const char *host, const char *port, char address[ADDRESS_SIZE])
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *places = NULL;
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    address[0] = '\0';
    if (getaddrinfo(host, port, &hints, &places) != 0)
        return;
    int fd = socket(places->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, places->ai_addr, places->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
        getnameinfo((struct sockaddr *)&own, length, address, ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        address[0] = '\0';
    if (fd >= 0)
        close(fd);
    freeaddrinfo(places);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void say_hello(struct agent *agent, uint64_t now_ms)
{
    const char *names[DRIVERS_MAX];
    struct aq_list drivers = {names, agent->workloads.driver_count};
    for (uint32_t i = 0; i < drivers.count; i++)
        names[i] = agent->workloads.drivers[i].type->name;
    aq_arena_reset(&agent->scratch);
    struct aq_hello hello = {
        .name = agent->config.name,
        .instance = home_instance(agent->home),
        .session = agent->session,
        .address = agent->address,
        .agent_version = AQ_VERSION,
        .drivers = drivers,
        .identifiers = capacity_identifiers(agent->config.name, &agent->config.identifiers, &agent->scratch),
        .capacity = capacity_offer(&agent->detected, &agent->config.capacity),
        .asks_session = true,
    };
    agent->changed = false;
    aq_asker_ask(agent->asker, &agent->talk, AQ_MSG_HELLO, &hello, now_ms + ANSWER_MS);
}

static void say_beat(struct agent *agent, uint64_t now_ms)
{
    struct aq_beat beat = {.name = agent->config.name,
                           .session = agent->session,
                           .load_milli = capacity_load_milli(),
                           .memory_available = capacity_memory_available(),
                           .workloads = agent->workloads.roster.count,
                           .number = ++agent->last_beat};
    agent->beat_at_ms = now_ms + agent->beat_ms;
    aq_asker_ask(agent->asker, &agent->talk, AQ_MSG_BEAT, &beat, now_ms + ANSWER_MS);
}

/* Puts together what there is to tell. */
static void compose_report(struct agent *agent)
{
    struct report *report = &agent->report;
    aq_arena_reset(&report->arena);
    report->message =
        (struct aq_report){.name = aq_arena_text(&report->arena, agent->config.name, strlen(agent->config.name)),
                           .session = agent->session,
                           .number = ++agent->last_report};
    workloads_tell(&agent->workloads, report->message.number, HAPPENINGS_MAX, &report->message.happenings,
                   &report->arena);
    report->message.told = (struct aq_list){aq_arena_alloc(&report->arena, sizeof agent->told), agent->told_count};
    memcpy(report->message.told.items, agent->told, agent->told_count * sizeof *agent->told);
}

static void say_report(struct agent *agent, uint64_t now_ms)
{
    if (agent->report.message.number == 0)
        compose_report(agent);
    aq_asker_ask(agent->asker, &agent->talk, AQ_MSG_REPORT, &agent->report.message, now_ms + ANSWER_MS);
}

static void ask_what_is_due(struct agent *agent, uint64_t now_ms)
{
    bool told = agent->report.message.number != 0 || agent->workloads.waiting > 0 || agent->told_count > 0;
    if (!agent->talk.open && now_ms >= agent->talk_at_ms) {
        if (!agent->welcome || agent->changed)
            say_hello(agent, now_ms);
        else if (told)
            say_report(agent, now_ms);
        else if (now_ms >= agent->beat_at_ms)
            say_beat(agent, now_ms);
    }
    if (agent->welcome && !agent->poll.open && now_ms >= agent->poll_at_ms && !agent->busy) {
        struct aq_poll poll = {.name = agent->config.name, .session = agent->session, .seen = agent->seen};
        aq_asker_ask(agent->asker, &agent->poll, AQ_MSG_POLL, &poll, now_ms + agent->patience_ms + ANSWER_MS);
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The number of the session is the hub's to choose, so that recorded messages begin none. */
static void take_session(struct agent *agent, const struct aq_session *offer)
{
    agent->session = offer->session;
    if (agent->report.message.number != 0)
        agent->report.message.session = offer->session;
    agent->welcome = false; /* hello is to be said with it */
}

static void take_welcome(struct agent *agent, const struct aq_welcome *welcome, uint64_t now_ms)
{
    if (!agent->welcome)
        aq_journal(AQ_INFO, "welcomed by the controller", "controller", agent->config.controller, NULL);
    agent->welcome = agent->was_welcome = true;
    agent->beat_ms = welcome->beat_ms;
    agent->patience_ms = welcome->patience_ms;
    agent->beat_at_ms = now_ms;
    agent->poll_at_ms = now_ms;
    agent->seen = 0; /* the hub begins anew, with everything */
    aq_asker_drop(agent->asker, &agent->poll);
}

static void answer_ask(struct agent *agent, const struct aq_ask *ask)
{
    struct aq_error error;
    struct aq_buffer log = {0};
    if (agent->told_count == TOLD_MAX || agent->told_bytes >= TOLD_BYTES_MAX)
        return; /* who asked will hear that there was no answer */
    struct aq_told *told = &agent->told[agent->told_count++];
    *told = (struct aq_told){.number = ask->number, .error = ""};
    if (workloads_log(&agent->workloads, ask->resource, ask->size, &log, &error) != 0) {
        told->error = aq_strdup(workloads_tidy(error.message, AQ_ERROR_MESSAGE_SIZE - 1, &agent->scratch));
        aq_buffer_free(&log);
        return;
    }
    size_t skipped = log.length > ask->size ? log.length - ask->size : 0;
    if (skipped > 0)
        memmove(log.data, log.data + skipped, log.length - skipped);
    told->error = aq_strdup("");
    told->data = (struct aq_bytes){(unsigned char *)log.data, log.length - skipped};
    agent->told_bytes += told->data.length;
}

static void take_work(struct agent *agent, const struct aq_work *work)
{
    bool news = work->delivery > agent->seen; /* one before that is a recording */
    if (!news || workloads_is_working(&agent->workloads))
        return;
    agent->seen = work->delivery;
    workloads_want(&agent->workloads, work);
    for (uint32_t i = 0; i < work->asks.count; i++)
        answer_ask(agent, AQ_ITEM(work->asks, struct aq_ask, i));
}

static void take_noted(struct agent *agent, const struct aq_noted *noted)
{
    struct aq_report *report = &agent->report.message;
    if (noted->number == 0 || noted->number != report->number)
        return;
    workloads_noted(&agent->workloads, report->number, &report->happenings);
    uint32_t told = report->told.count;
    for (uint32_t i = 0; i < told; i++) {
        agent->told_bytes -= agent->told[i].data.length;
        free((void *)(uintptr_t)agent->told[i].data.data);
        free((void *)(uintptr_t)agent->told[i].error);
    }
    agent->told_count -= told;
    memmove(agent->told, agent->told + told, agent->told_count * sizeof *agent->told);
    *report = (struct aq_report){0};
    agent->sweeping = true;
}

/* -1: there is no use in going on. */
static int take_refused(struct agent *agent, enum aq_message_type asked, const struct aq_refused *refused,
                        uint64_t now_ms, struct aq_error *error)
{
    enum aq_error_code code = aq_error_from_name(refused->error);
    uint64_t *again_at_ms = asked == AQ_MSG_POLL ? &agent->poll_at_ms : &agent->talk_at_ms;
    bool fault = code == AQ_E_EXISTS || code == AQ_E_INVALID || code == AQ_E_FORBIDDEN;
    if (asked == AQ_MSG_HELLO && !agent->was_welcome && fault)
        return aq_fail(error, code, "%s", refused->message);
    if (code == AQ_E_UNAUTHENTICATED) {
        agent->welcome = false;
        return 0;
    }
    aq_journal(AQ_WARN, "refused by the controller", "question", aq_message_record(asked)->name, "error",
               refused->error, "message", refused->message, NULL);
    *again_at_ms = now_ms + (fault ? AGAIN_LATER_MS : AGAIN_MS);
    return 0;
}

/* Takes the answers that are there: two at most, as nothing is asked meanwhile. */
static int take_answers(struct agent *agent, uint64_t now_ms, struct aq_error *error)
{
    enum aq_message_type type;
    void *message;
    for (;;) {
        aq_arena_reset(&agent->scratch);
        const struct aq_question *question = aq_asker_take(agent->asker, &type, &message, &agent->scratch);
        if (question == NULL)
            return 0;
        const enum aq_message_type asked = question->asked;
        if (type == AQ_MSG_REFUSED) {
            if (take_refused(agent, asked, message, now_ms, error) != 0)
                return -1;
        } else if (asked == AQ_MSG_HELLO && type == AQ_MSG_SESSION) {
            take_session(agent, message);
        } else if (asked == AQ_MSG_HELLO && type == AQ_MSG_WELCOME) {
            take_welcome(agent, message, now_ms);
        } else if (asked == AQ_MSG_POLL && type == AQ_MSG_WORK) {
            take_work(agent, message);
        } else if ((asked == AQ_MSG_REPORT || asked == AQ_MSG_BEAT) && type == AQ_MSG_NOTED) {
            take_noted(agent, message);
        } else {
            aq_journal(AQ_WARN, "the answer does not fit the question", "question", aq_message_record(asked)->name,
                       "answer", aq_message_record(type)->name, NULL);
        }
    }
}

/* ---- silence ------------------------------------------------------------------------------------------- */

static void tell_of_silence(struct agent *agent, uint64_t now_ms)
{
    if (agent->silence_told_ms != 0 && now_ms - agent->silence_told_ms < SILENCE_MS)
        return;
    agent->silence_told_ms = now_ms;
    aq_journal(AQ_WARN, "no answer from the controller: does it run, and is key_file a copy of its agent.key?",
               "controller", agent->config.controller, "key_file", agent->config.key_file, NULL);
}

/* A connection on which an answer is late may be dead. */
static void renew_if_late(struct agent *agent, uint64_t now_ms)
{
    struct aq_error error;
    bool late = false;
    while (aq_asker_take_failed(agent->asker, now_ms) != NULL)
        late = true;
    if (!late)
        return;
    tell_of_silence(agent, now_ms);
    if (aq_asker_reconnect(agent->asker, &error) != 0) {
        aq_journal(AQ_WARN, "cannot connect", "error", error.message, NULL);
        agent->talk_at_ms = agent->poll_at_ms = now_ms + AGAIN_MS;
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static int until(uint64_t at_ms, uint64_t now_ms, int wait_ms)
{
    if (at_ms <= now_ms)
        return 0;
    return at_ms - now_ms < (uint64_t)wait_ms ? (int)(at_ms - now_ms) : wait_ms;
}

/* How long nothing will be due. */
static int pause_ms(struct agent *agent, uint64_t now_ms, int wait_ms)
{
    int drivers = workloads_timeout_ms(&agent->workloads);
    if (agent->busy)
        return 0;
    if (agent->sweeping && wait_ms > SWEEP_MS)
        wait_ms = SWEEP_MS;
    if (drivers >= 0 && drivers < wait_ms)
        wait_ms = drivers;
    if (agent->talk.open)
        wait_ms = until(agent->talk.late_ms, now_ms, wait_ms);
    else if (agent->talk_at_ms > now_ms)
        wait_ms = until(agent->talk_at_ms, now_ms, wait_ms);
    else
        wait_ms = until(agent->beat_at_ms, now_ms, wait_ms);
    if (agent->poll.open)
        wait_ms = until(agent->poll.late_ms, now_ms, wait_ms);
    else if (agent->welcome)
        wait_ms = until(agent->poll_at_ms, now_ms, wait_ms);
    return wait_ms;
}

int agent_turn(struct agent *agent, int fd, int wait_ms, struct aq_error *error)
{
    struct pollfd fds[3 + DRIVERS_MAX];
    nfds_t count = 0;
    uint64_t now_ms = clock_ms();
    ask_what_is_due(agent, now_ms);
    aq_asker_flush(agent->asker);
    if (aq_asker_has_new_connection(agent->asker))
        agent->beat_at_ms = now_ms; /* the hub listens to us on it for long only after something new */
    bool full = aq_asker_has_unsent(agent->asker);
    fds[count++] = (struct pollfd){.fd = aq_asker_fd(agent->asker), .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = full ? aq_asker_send_fd(agent->asker) : -1, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    for (uint32_t i = 0; i < agent->workloads.driver_count; i++) {
        const struct opened_driver *opened = &agent->workloads.drivers[i];
        fds[count++] = (struct pollfd){.fd = opened->type->wake_fd(opened->driver), .events = POLLIN};
    }
    int ready = poll(fds, count, pause_ms(agent, now_ms, wait_ms));
    (void)ready; /* what is there is found below, whatever it was that woke us */

    now_ms = clock_ms();
    workloads_work(&agent->workloads);
    if (take_answers(agent, now_ms, error) != 0)
        return -1;
    renew_if_late(agent, now_ms);
    agent->busy = workloads_turn(&agent->workloads, DISK_MS);
    if (agent->sweeping)
        agent->sweeping = home_sweep(agent->home, SWEEP_FILES);
    return 0;
}

bool agent_is_welcome(const struct agent *agent)
{
    return agent->welcome;
}

/* ---- start and end ------------------------------------------------------------------------------------- */

static void set_config(struct agent *agent, const struct aq_config_agent *config)
{
    struct aq_arena arena = {0};
    aq_record_copy(&aq_config_agent_record, &agent->config, config, &arena);
    aq_arena_free(&agent->arena);
    agent->arena = arena;
}

void agent_reconfigure(struct agent *agent, const struct aq_config_agent *config)
{
    struct aq_config_agent next = agent->config;
    next.capacity = config->capacity;
    next.identifiers = config->identifiers;
    set_config(agent, &next);
    agent->changed = true;
}

static int open_all(struct agent *agent, struct aq_error *error)
{
    char host[HOST_SIZE], port[8];
    struct aq_wire_key key;
    const struct aq_config_agent *config = &agent->config;
    bool good = split_controller(config->controller, host, port);
    aq_assert(good);
    snprintf(agent->url, sizeof agent->url, strchr(host, ':') != NULL ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    if (getrandom(&agent->session, sizeof agent->session, 0) != sizeof agent->session)
        return aq_fail(error, AQ_E_IO, "cannot draw a number");
    agent->session |= 1; /* 0 means none */
    if (aq_wire_key_load(&key, config->key_file, error) != 0 ||
        home_open(&agent->home, config->data, config->name, error) != 0 ||
        workloads_open(&agent->workloads, agent->home, config->name, &config->drivers, error) != 0 ||
        workloads_adopt(&agent->workloads, error) != 0 ||
        aq_asker_open(&agent->asker, agent->url, CONNECT_MOST_MS, &key, error) != 0)
        return -1;
    agent->detected = capacity_detect(home_directory(agent->home));
    find_address(host, port, agent->address);
    agent->sweeping = true;
    return 0;
}

int agent_open(struct agent **out, const struct aq_config_agent *config, struct aq_error *error)
{
    struct agent *agent = aq_calloc(1, sizeof *agent);
    set_config(agent, config);
    if (open_all(agent, error) != 0) {
        agent_close(agent);
        return -1;
    }
    *out = agent;
    return 0;
}

void agent_close(struct agent *agent)
{
    if (agent == NULL)
        return;
    aq_asker_close(agent->asker);
    workloads_close(&agent->workloads);
    home_close(agent->home);
    for (uint32_t i = 0; i < agent->told_count; i++) {
        free((void *)(uintptr_t)agent->told[i].data.data);
        free((void *)(uintptr_t)agent->told[i].error);
    }
    aq_arena_free(&agent->report.arena);
    aq_arena_free(&agent->scratch);
    aq_arena_free(&agent->arena);
    free(agent);
}
