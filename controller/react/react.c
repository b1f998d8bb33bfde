#include "controller/react/react.h"

#include "controller/state/indexes.h"
#include "schema/base/journal.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    WISHES_MAX = 256,         /* commands under way at once */
    WAITING_SEEN_MAX = 16384, /* applications looked at in one round */
    LABEL_SHARE_MAX = 32,     /* of one label in one sweep: when the first has no room, most of the others have none */
    SWEEP_EVERY_MS = 10000,   /* looks again even when nothing seems to have changed */
    REST_MS = 1000,           /* after a wish that the writer could not take */
};

struct react;

struct wish {
    struct react *react;
    struct writer_request request;
    union {
        struct aq_application_place place;
        struct aq_resource_expire expire;
    } record;
    const void *records[1];
    bool busy;
};

/* How often each label was tried in this sweep. */
struct shares {
    uint64_t label[64];
    unsigned count[64];
    unsigned n;
};

struct react {
    struct writer *writer;
    struct state *state;
    pthread_t thread;
    int wake; /* eventfd: a commit, or the wish to stop */
    atomic_bool stop;
    pthread_mutex_t lock; /* guards the wishes, and the next two */
    unsigned under_way;
    bool refused; /* the writer could not take a wish: no room, no leader, a full queue */
    struct wish wishes[WISHES_MAX];

    /* Its own thread alone. */
    uint64_t seen_seq;
    bool room; /* something has happened that may have made room: a sweep over all that wait is due */
    /* A sweep that is under way: where the next round goes on. Without it, those in front would starve those behind. */
    struct state_key swept;
    struct shares shares;
    uint64_t next_sweep_ms, rest_until_ms;
    uint64_t next_expiry_ms; /* 0: none */
};

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void ring(int fd)
{
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored; /* full: it is rung already */
}

/* ---- wishes ------------------------------------------------------------------------------------------- */

/* On the writer's thread. */
static void wish_done(struct writer_request *request)
{
    struct wish *wish = request->context;
    struct react *react = wish->react;
    enum aq_error_code code = request->error.code;
    pthread_mutex_lock(&react->lock); /* to the end: once nothing is under way, react_stop() frees everything */
    wish->busy = false;
    react->refused |= code != AQ_OK && code != AQ_E_NOT_FOUND;
    if (--react->under_way == 0)
        ring(react->wake);
    pthread_mutex_unlock(&react->lock);
}

static unsigned count_under_way(struct react *react, bool *refused)
{
    pthread_mutex_lock(&react->lock);
    unsigned count = react->under_way;
    *refused = react->refused;
    react->refused = false;
    pthread_mutex_unlock(&react->lock);
    return count;
}

static struct wish *free_wish(struct react *react)
{
    struct wish *found = NULL;
    pthread_mutex_lock(&react->lock);
    for (size_t i = 0; i < WISHES_MAX && found == NULL; i++)
        if (!react->wishes[i].busy)
            found = &react->wishes[i];
    if (found != NULL) {
        found->busy = true;
        react->under_way++;
    }
    pthread_mutex_unlock(&react->lock);
    return found;
}

/* False: no more at present. */
static bool make_wish(struct react *react, const struct aq_command *command, uint64_t id)
{
    struct wish *wish = free_wish(react);
    struct aq_error error = {0};
    if (wish == NULL)
        return false;
    if (command == &aq_command_application_place)
        wish->record.place = (struct aq_application_place){.id = id};
    else
        wish->record.expire = (struct aq_resource_expire){.id = id};
    wish->react = react;
    wish->records[0] = &wish->record;
    wish->request = (struct writer_request){.command = command,
                                            .records = wish->records,
                                            .count = 1,
                                            .author = "aquarium",
                                            .role = AQ_ROLE_ADMIN,
                                            .done = wish_done,
                                            .context = wish};
    if (writer_submit(react->writer, &wish->request, &error) == 0)
        return true;
    pthread_mutex_lock(&react->lock);
    wish->busy = false;
    react->under_way--;
    react->refused = true;
    pthread_mutex_unlock(&react->lock);
    return false;
}

/* ---- what waits --------------------------------------------------------------------------------------- */

static bool makes_room(void *context, const struct aq_event *event)
{
    struct react *react = context;
    static const struct aq_event_type *const types[] = {
        &aq_event_resource_ended,  &aq_event_node_joined,          &aq_event_node_changed,
        &aq_event_node_status_set, &aq_event_node_maintenance_set, &aq_event_application_moved,
    };
    for (size_t i = 0; i < AQ_LENGTH(types); i++)
        if (event->type == types[i])
            react->room = true;
    /* A sweep that placed something may not have tried all of that label. */
    if (event->type == &aq_event_application_elected && strcmp(event->author, "aquarium") == 0)
        react->room = true;
    return !react->room; /* one is enough */
}

static void read_news(struct react *react)
{
    struct aq_error error = {0};
    uint64_t seq = writer_seq(react->writer);
    if (!react->room &&
        events_scan(writer_events(react->writer), react->seen_seq + 1, seq, makes_room, react, &error) != 0)
        aq_journal(AQ_ERROR, "cannot read events", "error", error.message, NULL);
    react->seen_seq = seq;
}

static bool may_try(struct shares *shares, uint64_t label)
{
    for (unsigned i = 0; i < shares->n; i++)
        if (shares->label[i] == label)
            return shares->count[i]++ < LABEL_SHARE_MAX;
    if (shares->n == AQ_LENGTH(shares->label))
        return true;
    shares->label[shares->n] = label;
    shares->count[shares->n++] = 1;
    return true;
}

struct round {
    struct react *react;
    struct state_txn *txn;
    unsigned seen;
    bool whole; /* came to the end of what waits */
};

static bool place_one(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct round *round = context;
    struct react *react = round->react;
    struct aq_arena arena = {0};
    struct aq_application application;
    (void)value;
    (void)length;
    bool handled = true;
    if (state_application(round->txn, state_key_number_at(key, 0), &application, &arena) &&
        may_try(&react->shares, application.label_id))
        handled = make_wish(react, &aq_command_application_place, application.id);
    aq_arena_free(&arena);
    if (handled)
        react->swept = *key;
    round->whole = handled && ++round->seen < WAITING_SEEN_MAX;
    return round->whole;
}

/* One round of a sweep: as many as may be under way at once, or looked at in one snapshot. */
static void place_waiting(struct react *react, struct state_txn *txn)
{
    struct round round = {.react = react, .txn = txn, .whole = true};
    const struct state_key all = {0};
    if (react->swept.length == 0) {
        react->room = false;
        react->shares.n = 0;
    }
    index_scan_after(txn, INDEX_WAITING, &all, react->swept.length ? &react->swept : NULL, place_one, &round);
    if (round.whole)
        react->swept.length = 0;
    else if (react->swept.length == 0)
        react->room = true; /* not even the first could be wished for */
}

/* ---- what has outlived its lifetime ------------------------------------------------------------------- */

static bool expire_one(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct react *react = context;
    (void)value;
    (void)length;
    uint64_t time_ms = state_key_number_at(key, 0);
    if (time_ms > clock_ms(CLOCK_REALTIME)) {
        react->next_expiry_ms = time_ms;
        return false;
    }
    return make_wish(react, &aq_command_resource_expire, state_key_number_at(key, sizeof(uint64_t)));
}

static void expire_old(struct react *react, struct state_txn *txn)
{
    const struct state_key all = {0};
    react->next_expiry_ms = 0;
    index_scan(txn, INDEX_EXPIRY, &all, expire_one, react);
}

/* ---- the thread --------------------------------------------------------------------------------------- */

static void look(struct react *react)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    read_news(react); /* before the snapshot: whoever waits for what is read here stands in it */
    if (state_read(react->state, &txn, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot read the tables", "error", error.message, NULL);
        react->rest_until_ms = clock_ms(CLOCK_MONOTONIC) + REST_MS;
        return;
    }
    if (react->room || react->swept.length > 0)
        place_waiting(react, txn);
    expire_old(react, txn);
    if (state_failed(txn, &error))
        aq_journal(AQ_ERROR, "cannot read the tables", "error", error.message, NULL);
    state_end(txn);
}

/* Looks when it may, and tells how long to wait for what comes next. */
static int work(struct react *react)
{
    bool refused;
    unsigned under_way = count_under_way(react, &refused);
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    if (refused)
        react->rest_until_ms = now + REST_MS;
    if (now >= react->next_sweep_ms) {
        react->room = true;
        react->next_sweep_ms = now + SWEEP_EVERY_MS;
    }
    if (under_way > 0 || !writer_is_leader(react->writer))
        return (int)(react->next_sweep_ms - now); /* woken before, when that changes */
    if (now < react->rest_until_ms)
        return (int)(react->rest_until_ms - now);
    look(react);
    under_way = count_under_way(react, &refused);
    if (refused)
        react->rest_until_ms = now + REST_MS;
    if (under_way > 0)
        return SWEEP_EVERY_MS; /* woken when all are answered */
    if (refused || react->swept.length > 0 || react->room)
        return refused ? REST_MS : 0;
    uint64_t wait = react->next_sweep_ms - now, real = clock_ms(CLOCK_REALTIME);
    uint64_t left = react->next_expiry_ms > real ? react->next_expiry_ms - real : 0;
    return (int)(react->next_expiry_ms != 0 && left < wait ? left : wait);
}

static void *run(void *argument)
{
    struct react *react = argument;
    struct pollfd fd = {.fd = react->wake, .events = POLLIN};
    uint64_t ignored;
    while (!atomic_load(&react->stop)) {
        if (poll(&fd, 1, work(react)) > 0) {
            ssize_t got = read(react->wake, &ignored, sizeof ignored);
            (void)got;
        }
    }
    return NULL;
}

int react_start(struct react **out, struct writer *writer, struct state *state, struct aq_error *error)
{
    struct react *react = aq_calloc(1, sizeof *react);
    react->writer = writer;
    react->state = state;
    react->seen_seq = writer_seq(writer);
    pthread_mutex_init(&react->lock, NULL);
    react->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = react->wake < 0 ? errno : pthread_create(&react->thread, NULL, run, react);
    if (code != 0) {
        if (react->wake >= 0)
            close(react->wake);
        free(react);
        return aq_fail_errno(error, code, "cannot start react");
    }
    pthread_setname_np(react->thread, "react");
    writer_watch(writer, react->wake);
    *out = react;
    return 0;
}

void react_stop(struct react *react)
{
    bool refused;
    if (react == NULL)
        return;
    atomic_store(&react->stop, true);
    ring(react->wake);
    pthread_join(react->thread, NULL);
    struct timespec pause = {.tv_nsec = 1000000};
    while (count_under_way(react, &refused) > 0) /* the writer answers each within its own bounds */
        nanosleep(&pause, NULL);
    close(react->wake);
    pthread_mutex_destroy(&react->lock);
    free(react);
}
