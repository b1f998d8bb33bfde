#include "controller/react/react.h"

#include "controller/react/commands.h"
#include "controller/react/finished.h"
#include "controller/react/lifetimes.h"
#include "controller/react/waiting.h"
#include "controller/write/log_clock.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    SWEEP_EVERY_MS = 10000, /* tries to place what waits even if no event has made room */
    REST_MS = 1000,         /* after a command that the writer could not take */
};

struct react {
    struct writer *writer;
    struct state *state;
    pthread_t thread;
    int bell; /* rung at each commit, when no command is under way any more, and to stop */
    atomic_bool stop;
    struct react_commands commands;

    /* Only for the thread. */
    struct waiting waiting;
    struct lifetimes lifetimes;
    struct finished finished;
    uint64_t next_sweep_ms, rest_until_ms;
};

static void look_at_tables(struct react *react)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    waiting_read_events(&react->waiting);
    if (state_read(react->state, &txn, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot read the tables", "error", error.message, NULL);
        react->rest_until_ms = aq_clock_ms() + REST_MS;
        return;
    }
    if (waiting_is_due(&react->waiting))
        waiting_sweep(&react->waiting, txn);
    lifetimes_end_old(&react->lifetimes, txn);
    finished_remove_old(&react->finished, txn);
    if (state_failed(txn, &error))
        aq_journal(AQ_ERROR, "cannot read the tables", "error", error.message, NULL);
    state_end(txn);
}

/* How long the thread may sleep if nothing happens. */
static int time_left_ms(const struct react *react, uint64_t now)
{
    uint64_t wait = react->next_sweep_ms - now, time = writer_time_ms(react->writer), next = react->lifetimes.next_ms;
    uint64_t left = next > time ? next - time : 0;
    left -= left / LOG_CLOCK_PART; /* the log's time may go faster than ours */
    wait = next != 0 && left < wait ? left : wait;
    left = react->finished.next_ms > now ? react->finished.next_ms - now : 0;
    return (int)(left != 0 && left < wait ? left : wait);
}

/* Does what is due, and returns how long to wait for the bell, in ms. */
static int take_turn(struct react *react)
{
    bool refused;
    unsigned under_way = react_commands_under_way(&react->commands, &refused);
    uint64_t now = aq_clock_ms();
    if (refused)
        react->rest_until_ms = now + REST_MS;
    if (now >= react->next_sweep_ms) {
        react->waiting.room = true;
        react->next_sweep_ms = now + SWEEP_EVERY_MS;
    }
    if (under_way > 0 || !writer_is_leader(react->writer))
        return (int)(react->next_sweep_ms - now); /* the bell rings when that changes */
    if (now < react->rest_until_ms)
        return (int)(react->rest_until_ms - now);
    look_at_tables(react);
    under_way = react_commands_under_way(&react->commands, &refused);
    if (refused)
        react->rest_until_ms = now + REST_MS;
    if (under_way > 0)
        return SWEEP_EVERY_MS; /* the bell rings when all are answered */
    if (refused)
        return REST_MS;
    return waiting_is_due(&react->waiting) ? 0 : time_left_ms(react, now);
}

static void *react_main(void *argument)
{
    struct react *react = argument;
    struct pollfd fd = {.fd = react->bell, .events = POLLIN};
    while (!atomic_load(&react->stop))
        if (poll(&fd, 1, take_turn(react)) > 0)
            aq_bell_clear(react->bell);
    return NULL;
}

/* ---- start and stop ----------------------------------------------------------------------------------- */

int react_start(struct react **out, struct writer *writer, struct state *state,
                const struct aq_config_keep_finished *keep, struct aq_error *error)
{
    int bell = aq_bell_open(error);
    if (bell < 0)
        return -1;
    struct react *react = aq_calloc(1, sizeof *react);
    react->writer = writer;
    react->state = state;
    react->bell = bell;
    react_commands_open(&react->commands, writer, bell);
    react->waiting = (struct waiting){.commands = &react->commands, .seen_seq = writer_seq(writer)};
    react->lifetimes = (struct lifetimes){.commands = &react->commands};
    react->finished = (struct finished){.commands = &react->commands, .keep = keep};
    int code = pthread_create(&react->thread, NULL, react_main, react);
    if (code != 0) {
        react_commands_close(&react->commands);
        close(bell);
        free(react);
        return aq_fail_errno(error, code, "cannot start react");
    }
    pthread_setname_np(react->thread, "react");
    writer_watch(writer, bell);
    *out = react;
    return 0;
}

void react_stop(struct react *react)
{
    if (react == NULL)
        return;
    atomic_store(&react->stop, true);
    aq_bell_ring(react->bell);
    pthread_join(react->thread, NULL);
    react_commands_close(&react->commands);
    close(react->bell);
    free(react);
}
