#include "controller/hub/core.h"

#include "schema/base/journal.h"
#include "schema/wire/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    PATH_SIZE = 1200,
    MESSAGES_TURN = 256,     /* taken from one channel before the other has its turn */
    PATIENCE_BEATS = 10,     /* a POLL stays open for so many beats, */
    PATIENCE_MS_MAX = 30000, /* but no longer than this */
    STRANGERS_MS = 10000,    /* between two lines about strangers */
    GATHER_MS = 2,           /* heartbeats gather for so long, */
    GATHER_LEAST = 1000,     /* where there are so many in a second, */
    STIR_MS = 100,           /* and nothing has happened in the cluster for so long */
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what was committed -------------------------------------------------------------------------------- */

/* True: there is more to look at. */
static bool look_at_events(struct hub *hub)
{
    uint64_t seen = hub->seen_seq;
    bool more = hub_changes_read(hub);
    if (hub->seen_seq != seen) {
        hub->stirred_ms = hub->now_ms;
        hub->gather_until_ms = 0;
    }
    return more;
}

/* Before anything is taken up: whoever asks may know what was answered a moment ago, before we are told of it. */
static void be_up_to_date(struct hub *hub)
{
    uint64_t last = writer_seq(hub->options.writer);
    if (last <= hub->seen_seq || hub->now_ms < hub->look_again_ms)
        return;
    if (!look_at_events(hub) && hub->seen_seq < last) /* it cannot be read: that is told, but not for each message */
        hub->look_again_ms = hub->now_ms + HUB_TICK_MS;
}

/* ---- what others finish for us ------------------------------------------------------------------------- */

static void request_done(struct writer_request *request)
{
    mailbox_post(request->context);
}

int hub_submit(struct hub *hub, struct writer_request *request, struct hub_item *item, struct aq_error *error)
{
    item->home = &hub->mailbox;
    request->context = item;
    request->done = request_done;
    if (writer_submit(hub->options.writer, request, error) != 0)
        return -1;
    hub->in_flight++;
    return 0;
}

bool hub_error_passes(enum aq_error_code code)
{
    return code == AQ_E_BUSY || code == AQ_E_NO_LEADER || code == AQ_E_UNKNOWN || code == AQ_E_NO_SPACE ||
           code == AQ_E_IO || code == AQ_E_INTERNAL || code == AQ_E_CORRUPT;
}

static void items_run(struct hub *hub)
{
    struct hub_item *item = mailbox_take(&hub->mailbox);
    be_up_to_date(hub);
    while (item != NULL) {
        struct hub_item *next = item->next;
        item->run(hub, item);
        item = next;
    }
}

/* ---- messages ------------------------------------------------------------------------------------------ */

static hub_answer_fn *const agent_answers[aq_message_type_count] = {
    [AQ_MSG_HELLO] = hub_hello,
    [AQ_MSG_POLL] = hub_poll,
    [AQ_MSG_REPORT] = hub_report,
    [AQ_MSG_BEAT] = hub_beat,
};

static hub_answer_fn *const local_answers[aq_message_type_count] = {
    [AQ_MSG_ORDER] = hub_order,
    [AQ_MSG_WATCH] = hub_watch,
    [AQ_MSG_FETCH] = hub_fetch_local,
};

/* False: nothing waits in the channel. */
static bool take_message(struct hub *hub, struct hub_channel *channel, hub_answer_fn *const answers[])
{
    struct hub_question question;
    enum aq_message_type type;
    void *message;
    aq_arena_reset(&hub->arena);
    int got = channel_receive(channel, &question, &type, &message, &hub->arena);
    if (got < 0)
        atomic_fetch_add(&hub->strangers, 1);
    if (got <= 0)
        return got != 0;
    atomic_fetch_add(&hub->messages, 1);
    be_up_to_date(hub);
    if (answers[type] != NULL) {
        answers[type](hub, &question, message);
        return true;
    }
    struct aq_error error;
    aq_fail(&error, AQ_E_INVALID, "a message of type %s is no question to be asked here",
            aq_message_record(type)->name);
    channel_refuse(&question, &error);
    return true;
}

/* True: it is not known to be empty. */
static bool take_messages(struct hub *hub, struct hub_channel *channel, hub_answer_fn *const answers[])
{
    int count = 0;
    while (count < MESSAGES_TURN && take_message(hub, channel, answers))
        count++;
    return count == MESSAGES_TURN;
}

static void tell_of_strangers(struct hub *hub)
{
    uint64_t count = atomic_load(&hub->strangers);
    bool lately = hub->strangers_told_ms != 0 && hub->now_ms - hub->strangers_told_ms < STRANGERS_MS;
    if (count == hub->strangers_told || lately)
        return;
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, count - hub->strangers_told);
    aq_journal(AQ_WARN, "messages dropped that were not sealed with our keys", "count", number, NULL);
    hub->strangers_told = count;
    hub->strangers_told_ms = hub->now_ms;
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static void tick(struct hub *hub)
{
    hub->next_tick_ms = hub->now_ms + HUB_TICK_MS;
    hub->many_beats = hub->beats * 1000 / HUB_TICK_MS >= GATHER_LEAST;
    hub->beats = 0;
    hub_watches_answer(hub, false);
    hub_asks_expire(hub, false);
    channel_tick(&hub->agents_channel);
    tell_of_strangers(hub);
}

static void look_at_time(struct hub *hub)
{
    if (hub->now_ms < hub->next_tick_ms && hub->now_ms < hub->next_scan_ms)
        return;
    aq_arena_reset(&hub->arena);
    if (hub->now_ms >= hub->next_tick_ms)
        tick(hub);
    if (hub->now_ms >= hub->next_scan_ms)
        hub_sessions_scan(hub);
}

/* How long to wait for messages, at most. */
static int time_left_ms(const struct hub *hub, bool more)
{
    uint64_t until = hub->now_ms < hub->gather_until_ms ? hub->gather_until_ms : hub->now_ms + HUB_TICK_MS;
    if (more || hub->agents_wait || hub->next_scan_ms <= hub->now_ms)
        return 0;
    return (int)((hub->next_scan_ms < until ? hub->next_scan_ms : until) - hub->now_ms);
}

/* True: there is more to look at. */
static bool look_at_commits(struct hub *hub)
{
    uint64_t count;
    ssize_t got = read(hub->commits, &count, sizeof count);
    (void)got;
    bool leads = writer_is_leader(hub->options.writer);
    if (leads && !hub->leads)
        hub->listens_since_ms = hub->now_ms;
    bool turned = leads != hub->leads;
    hub->leads = leads;
    bool more = look_at_events(hub);
    hub_watches_answer(hub, turned);
    return more;
}

/* After a turn that took long (the machine slept, the process was stopped, a disk hung) agents' messages still wait
 * to be read, or go where connections have to be made anew. That is no silence of theirs. */
static void look_at_clock(struct hub *hub)
{
    uint64_t before_ms = hub->now_ms;
    hub->now_ms = clock_ms();
    if (hub->now_ms - before_ms > HUB_HELD_UP_MS)
        hub->listens_since_ms = hub->now_ms;
}

/* Where thousands of agents send little else than heartbeats, each would wake this thread for itself: their messages
 * gather a moment. When something was committed just now, reports about it are under way, and nothing waits. */
static void take_from_agents(struct hub *hub)
{
    bool calm = hub->now_ms - hub->stirred_ms >= STIR_MS;
    hub->agents_wait = take_messages(hub, &hub->agents_channel, agent_answers);
    if (hub->many_beats && calm && !hub->agents_wait)
        hub->gather_until_ms = hub->now_ms + GATHER_MS;
}

static void *hub_main(void *context)
{
    struct hub *hub = context;
    bool more = true; /* the tables as they are at the start */
    while (!atomic_load(&hub->stopping)) {
        bool gather = hub->now_ms < hub->gather_until_ms;
        struct pollfd fds[] = {{.fd = gather ? -1 : hub->agents_channel.fd, .events = POLLIN},
                               {.fd = hub->local_channel.fd, .events = POLLIN},
                               {.fd = hub->commits, .events = POLLIN},
                               {.fd = hub->mailbox.fd, .events = POLLIN}};
        int ready = poll(fds, AQ_LENGTH(fds), time_left_ms(hub, more));
        look_at_clock(hub);
        if (more || (ready > 0 && fds[2].revents != 0))
            more = look_at_commits(hub);
        if (ready > 0 && fds[3].revents != 0)
            items_run(hub);
        if (hub->agents_wait || (ready > 0 && fds[0].revents != 0))
            take_from_agents(hub);
        if (ready > 0 && fds[1].revents != 0)
            take_messages(hub, &hub->local_channel, local_answers);
        look_at_time(hub);
        hub_work_deliver(hub);
    }
    /* What others still hold of ours comes back before we go. */
    while (hub->in_flight > 0) {
        struct pollfd fd = {.fd = hub->mailbox.fd, .events = POLLIN};
        poll(&fd, 1, HUB_TICK_MS);
        items_run(hub);
    }
    items_run(hub);
    hub_asks_expire(hub, true);
    return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

static int write_port(const char *directory, uint64_t port, struct aq_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" AQ_FILE_HUB_PORT, directory);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return aq_fail_errno(error, errno, "cannot write %s", path);
    bool written = fprintf(file, "%" PRIu64 "\n", port) > 0;
    if (fclose(file) != 0 || !written)
        return aq_fail_errno(error, errno, "cannot write %s", path);
    return 0;
}

static int make_run_directory(const char *directory, struct aq_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/run", directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", path);
    if (chmod(path, 0700) != 0)
        return aq_fail_errno(error, errno, "cannot set the mode of directory %s", path);
    return 0;
}

int hub_check(const struct aq_config_controller *config, struct aq_error *error)
{
    return gate_check(config->hub.address, error);
}

static int open_local(struct hub *hub, const char *directory, struct aq_error *error)
{
    char path[PATH_SIZE], url[PATH_SIZE + 8];
    const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    struct aq_wire_key key;
    snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_KEY, directory);
    if (aq_wire_key_make(&key, path, error) != 0)
        return -1;
    int length = snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_SOCKET, directory);
    if (length < 0 || (size_t)length > most)
        return aq_fail(error, AQ_E_INVALID, "data is %zu bytes long; for the socket in it, it may have at most %zu",
                       strlen(directory), most - strlen("/" AQ_FILE_LOCAL_SOCKET));
    if (unlink(path) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "cannot remove the old socket %s", path);
    snprintf(url, sizeof url, "ipc://%s", path);
    return channel_open(&hub->local_channel, url, &key, error);
}

static int open_agents(struct hub *hub, const char *directory, struct aq_error *error)
{
    char path[PATH_SIZE], number[24];
    struct aq_wire_key key;
    uint64_t port = hub->options.config->hub.port;
    snprintf(path, sizeof path, "%s/" AQ_FILE_AGENT_KEY, directory);
    if (aq_wire_key_make(&key, path, error) != 0 ||
        channel_open_tcp(&hub->agents_channel, hub->options.config->hub.address, &port, &key, error) != 0 ||
        write_port(directory, port, error) != 0)
        return -1;
    snprintf(number, sizeof number, "%" PRIu64, port);
    aq_journal(AQ_INFO, "listening for agents", "address", hub->options.config->hub.address, "port", number, NULL);
    return 0;
}

static int hub_open(struct hub *hub, struct aq_error *error)
{
    const char *directory = hub->options.config->data;
    hub->commits = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hub->commits < 0)
        return aq_fail_errno(error, errno, "cannot make an eventfd");
    if (make_run_directory(directory, error) != 0 || open_local(hub, directory, error) != 0 ||
        open_agents(hub, directory, error) != 0)
        return -1;
    writer_watch(hub->options.writer, hub->commits);
    int failed = pthread_create(&hub->thread, NULL, hub_main, hub);
    return failed == 0 ? 0 : aq_fail_errno(error, failed, "cannot start the hub's thread");
}

/* The eventfd stays open: the writer signals it to its own end. */
static void hub_free(struct hub *hub)
{
    channel_close(&hub->agents_channel);
    channel_close(&hub->local_channel);
    mailbox_close(&hub->mailbox);
    agents_free(&hub->agents);
    aq_arena_free(&hub->arena);
    free(hub->watches);
    free(hub->traces);
    free(hub->offers);
    free(hub);
}

int hub_start(struct hub **out, const struct hub_options *options, struct aq_error *error)
{
    struct hub *hub = aq_calloc(1, sizeof *hub);
    const struct aq_config_hub *config = &options->config->hub;
    hub->options = *options;
    hub->agents_channel.socket = hub->local_channel.socket = hub->commits = -1;
    hub->beat_ms = config->beat * 1000;
    hub->lost_after_ms = config->lost_after * 1000;
    hub->patience_ms =
        hub->beat_ms * PATIENCE_BEATS < PATIENCE_MS_MAX ? hub->beat_ms * PATIENCE_BEATS : PATIENCE_MS_MAX;
    hub->now_ms = hub->listens_since_ms = clock_ms();
    hub->watches = aq_calloc(HUB_WATCHES_MAX, sizeof *hub->watches);
    hub->traces = aq_calloc(HUB_TRACES, sizeof *hub->traces);
    hub->offers = aq_calloc(HUB_OFFERS, sizeof *hub->offers);
    hub->asks_end = &hub->asks;
    if (mailbox_open(&hub->mailbox, error) != 0) {
        free(hub->watches);
        free(hub->traces);
        free(hub->offers);
        free(hub);
        return -1;
    }
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
    mailbox_wake(&hub->mailbox);
    pthread_join(hub->thread, NULL);
    hub_free(hub);
}

void hub_figures(struct hub *hub, struct hub_figures *figures)
{
    *figures = (struct hub_figures){.agents = atomic_load(&hub->alive),
                                    .messages = atomic_load(&hub->messages),
                                    .strangers = atomic_load(&hub->strangers)};
}
