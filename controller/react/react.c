#include "controller/react/react.h"

#include "controller/react/commands.h"
#include "controller/react/epochs.h"
#include "controller/react/finished.h"
#include "controller/react/leases.h"
#include "controller/react/lifetimes.h"
#include "controller/react/tended.h"
#include "controller/react/waiting.h"
#include "controller/write/log_clock.h"
#include "schema/base/journal.h"

enum {
    SWEEP_EVERY_MS = 10000, /* tries to place what waits even if no event has made room */
    REST_MS = 1000,         /* after a command that the writer could not take */
};

/* What the tables are looked through for. What waits comes last: it may need more commands in each turn than the writer
 * takes. */
enum look { LOOK_LIFETIMES, LOOK_LEASES, LOOK_TENDED, LOOK_FINISHED, LOOK_EPOCHS, LOOK_WAITING, LOOKS };

struct react {
    struct react_options options;
    struct react_commands commands;

    /* Only for the caller of react_turn(). */
    struct aq_clocks now; /* of this turn */
    struct waiting waiting;
    struct lifetimes lifetimes;
    struct finished finished;
    struct epochs epochs;
    struct tended tended;
    struct leases leases;
    uint64_t next_sweep_ms, rest_until_ms; /* steady */
    enum look first;                       /* the next turn begins with it */
};

static void rest(struct react *react)
{
    react->rest_until_ms = react->now.steady_ms + REST_MS;
}

static void look_for(struct react *react, enum look look, struct state_txn *txn, uint64_t time_ms)
{
    const uint64_t steady_ms = react->now.steady_ms;
    switch (look) {
    case LOOK_LIFETIMES:
        lifetimes_end_old(&react->lifetimes, txn, time_ms);
        break;
    case LOOK_LEASES:
        leases_look(&react->leases, txn, steady_ms);
        break;
    case LOOK_TENDED:
        tended_look(&react->tended, txn, steady_ms);
        break;
    case LOOK_FINISHED:
        finished_remove_old(&react->finished, txn, steady_ms, time_ms);
        break;
    case LOOK_EPOCHS:
        epochs_look(&react->epochs, txn, time_ms);
        break;
    case LOOK_WAITING:
        if (waiting_is_due(&react->waiting))
            waiting_sweep(&react->waiting, txn);
        break;
    case LOOKS:
        break;
    }
}

/* The writer may take no more than what came first. Then the next turn begins with the next one of those of which it
 * did not take all: `left` has their bits. */
static enum look next_first(enum look first, unsigned left)
{
    for (unsigned i = 1; i <= LOOKS; i++)
        if (left & 1u << (first + i) % LOOKS)
            return (first + i) % LOOKS;
    return LOOK_LIFETIMES;
}

/* Does what the tables show to be due. `time_ms` is the log's time. */
static void look_at_tables(struct react *react, uint64_t time_ms)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    unsigned left = 0;
    waiting_read_events(&react->waiting);
    if (state_read(react->options.state, &txn, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot read the tables", "error", error.message, NULL);
        rest(react);
        return;
    }
    for (unsigned i = 0; i < LOOKS; i++) {
        const enum look look = (react->first + i) % LOOKS;
        const unsigned before = react->commands.not_taken;
        look_for(react, look, txn, time_ms);
        left |= react->commands.not_taken != before ? 1u << look : 0;
    }
    react->first = next_first(react->first, left);
    if (state_failed(txn, &error))
        aq_journal(AQ_ERROR, "cannot read the tables", "error", error.message, NULL);
    state_end(txn);
}

/* How many commands are under way. When one was refused, what remains has to wait. */
static unsigned count_commands(struct react *react)
{
    bool refused;
    unsigned under_way = react_commands_under_way(&react->commands, &refused);
    if (refused)
        rest(react);
    return under_way;
}

/* When the next turn is due if nothing happens. */
static uint64_t next_deadline_ms(const struct react *react, uint64_t time_ms)
{
    const uint64_t now_ms = react->now.steady_ms;
    const uint64_t of_log[] = {react->lifetimes.next_ms, react->epochs.next_ms};
    const uint64_t steady[] = {react->leases.next_ms, react->tended.next_ms, react->finished.next_ms};
    uint64_t deadline_ms = react->next_sweep_ms;
    if (waiting_is_due(&react->waiting))
        return now_ms;
    for (size_t i = 0; i < AQ_LENGTH(of_log); i++) {
        if (of_log[i] <= time_ms)
            continue;
        uint64_t left_ms = of_log[i] - time_ms;
        left_ms -= left_ms / LOG_CLOCK_PART; /* the log's time may go faster than ours */
        deadline_ms = now_ms + left_ms < deadline_ms ? now_ms + left_ms : deadline_ms;
    }
    for (size_t i = 0; i < AQ_LENGTH(steady); i++)
        if (steady[i] > now_ms && steady[i] < deadline_ms)
            deadline_ms = steady[i];
    return deadline_ms;
}

uint64_t react_turn(struct react *react, const struct aq_clocks *now)
{
    react->now = *now;
    unsigned under_way = count_commands(react);
    if (now->steady_ms >= react->next_sweep_ms) {
        react->waiting.room = true;
        react->next_sweep_ms = now->steady_ms + SWEEP_EVERY_MS;
    }
    if (under_way > 0 || !writer_is_leader(react->options.writer))
        return react->next_sweep_ms; /* another turn comes when that changes */
    if (now->steady_ms < react->rest_until_ms)
        return react->rest_until_ms;
    uint64_t time_ms = writer_time_ms(react->options.writer, now);
    look_at_tables(react, time_ms);
    if (count_commands(react) > 0)
        return react->next_sweep_ms; /* another turn comes when all are answered */
    if (now->steady_ms < react->rest_until_ms)
        return react->rest_until_ms;
    return next_deadline_ms(react, time_ms);
}

bool react_is_idle(struct react *react)
{
    return react_commands_are_answered(&react->commands);
}

struct react *react_open(const struct react_options *options)
{
    struct react *react = aq_calloc(1, sizeof *react);
    react->options = *options;
    react_commands_open(&react->commands, options->writer, options->wake, options->context);
    react->waiting = (struct waiting){.commands = &react->commands, .seen_seq = writer_seq(options->writer)};
    react->lifetimes = (struct lifetimes){.commands = &react->commands};
    react->leases = (struct leases){.commands = &react->commands};
    react->tended = (struct tended){.commands = &react->commands};
    react->finished = (struct finished){.commands = &react->commands, .keep = options->keep};
    react->epochs = (struct epochs){.commands = &react->commands, .door = options->door, .settings = options->secrets};
    return react;
}

void react_close(struct react *react)
{
    if (react == NULL)
        return;
    react_commands_close(&react->commands);
    leases_close(&react->leases);
    free(react);
}
