#include "tests/sim/runners.h"

#include "tests/sim/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LATE_MS = AQ_EXEC_WAIT_MS + 5000, /* a call is answered by then, */
    SLACK_MS = 40000,                 /* unless the controller is held up */
    NAME_SIZE = 24,
    OUTPUT_MOST = 1 << 20
};

enum program { SAY, WAIT, COPY, PROGRAMS };
static const char *const words[PROGRAMS] = {"say", "wait", "copy"};

/* What becomes of a runner. */
enum manner {
    STAYS,   /* to the end of its command */
    ENDS,    /* ends the session after some answers */
    VANISHES /* asks no more */
};

struct runner {
    struct runners *runners;
    uint64_t number, life; /* `life` of the controller's process */
    bool over;             /* it asks no more */
    enum manner manner;
    unsigned patience; /* answers after which it ends the session, or is gone */

    enum program program;
    uint64_t resource, session, author_number;
    char author[JUDGE_NAME], name[NAME_SIZE], status[8];
    const char *arguments[4];
    struct aq_caller caller;
    struct aq_resource_exec command;

    /* What it sends is a byte for each position, by byte_at(). */
    uint64_t size, sent;
    bool receives, sends; /* such a call is under way */
    uint64_t after, output;
    struct aq_exec_reader reader;

    /* What drivers have seen. */
    unsigned starts;
    int host; /* where it runs; -1: nowhere */
};

/* A call of the hub, until it is answered. */
struct call {
    struct runner *runner;
    enum hub_exec_kind kind;
    uint64_t late_ms;
    struct aq_exec_input input;
    unsigned char *data;
};

/* ---- input and output ------------------------------------------------------------------------------- */

static unsigned char byte_at(const struct runner *runner, uint64_t position)
{
    return (unsigned char)('a' + (runner->number * 7 + position + position / 26) % 26);
}

static void must(const struct runner *runner, bool holds, const char *invariant, const char *what)
{
    if (!holds)
        sim_broken(runner->runners->sim, invariant, "%s, session %" PRIu64 ": %s", runner->name, runner->session, what);
}

static uint64_t output_size(const struct runner *runner)
{
    return runner->program == COPY ? runner->size : strlen(runner->name);
}

/* Compares the next bytes of its output with what it must write. */
static int check_output(void *context, enum aq_exec_piece piece, const void *data, size_t length)
{
    struct runner *runner = context;
    const unsigned char *bytes = data;
    static const char invariant[] = "the output of a command comes whole and in order";
    must(runner, piece == AQ_EXEC_OUTPUT && runner->program != WAIT, invariant, "it wrote nothing there");
    for (size_t i = 0; i < length; i++, runner->output++) {
        const bool is_known = runner->output < output_size(runner);
        const unsigned char wanted =
            runner->program == COPY ? byte_at(runner, runner->output) : (unsigned char)runner->name[runner->output];
        must(runner, is_known && bytes[i] == wanted, invariant, "it wrote something else");
    }
    return 0;
}

/* ---- calls --------------------------------------------------------------------------------------------------- */

static void ask(struct runner *runner, enum hub_exec_kind kind);

static void take_output(struct runner *runner, const struct aq_exec_output *output)
{
    struct aq_error error;
    const struct judge_session *logged = judge_session(runner->runners->judge, runner->session);
    must(runner, output->position == runner->after, "the output of a command comes whole and in order",
         "it begins elsewhere");
    must(runner,
         aq_exec_read(&runner->reader, output->data.data, output->data.length, check_output, runner, &error) == 0,
         "the output of a command comes whole and in order", "it is no piece");
    runner->after += output->data.length;
    if (!output->over)
        return;
    runner->over = true;
    sim_say(runner->runners->sim, "exec: %s has ended with %" PRIu64 " %s", runner->name, output->exit_status,
            output->reason);
    must(runner, logged == NULL || !logged->ended || logged->exit_status == output->exit_status,
         "a client is told what the log says", "with another status");
    if (output->reason[0] != '\0')
        return; /* it did not end by itself */
    must(runner, runner->starts > 0, "what has ended has begun", "no driver has begun it");
    must(runner, runner->program != WAIT, "no command is said to have ended before its end", "it waits for ever");
    must(runner, output->exit_status == (uint64_t)strtoul(runner->status, NULL, 10),
         "a client is told how its command has ended", "with another status");
    must(runner, runner->output == output_size(runner), "the output of a command comes whole and in order",
         "its end is missing");
}

/* Sends input and asks for output, unless it is to end now. */
static void go_on(struct runner *runner)
{
    if (runner->over || runner->session == 0)
        return;
    if (runner->manner != STAYS && runner->patience-- == 0) {
        sim_say(runner->runners->sim, "exec: %s %s", runner->name,
                runner->manner == ENDS ? "is to end" : "has no client");
        if (runner->manner == ENDS)
            ask(runner, HUB_EXEC_END);
        runner->over = true;
        return;
    }
    if (!runner->receives)
        ask(runner, HUB_EXEC_RECEIVE);
    if (!runner->sends && runner->program == COPY && runner->sent < runner->size)
        ask(runner, HUB_EXEC_SEND);
}

static void written(struct asked *asked)
{
    struct runner *runner = asked->context;
    if (asked->state == ASKED_DONE)
        ask(runner, HUB_EXEC_START);
    else
        ask(runner, HUB_EXEC_END);
}

static void write_start(struct runner *runner)
{
    struct runners *runners = runner->runners;
    struct asked *asked = requests_new(runners->requests);
    asked->command = &aq_command_resource_exec;
    runner->command.session = runner->session;
    asked->records[0] = aq_arena_alloc(&runners->requests->arena, sizeof runner->command);
    memcpy((void *)(uintptr_t)asked->records[0], &runner->command, sizeof runner->command);
    asked->count = 1;
    snprintf(asked->author, sizeof asked->author, "%s", runner->author);
    asked->author_number = runner->author_number;
    asked->told = written;
    asked->context = runner;
    asked_submit(asked, runners->controller->writer);
    if (asked->state == ASKED_REFUSED)
        written(asked);
}

static void answered(void *context, const struct aq_error *error, uint64_t session, const struct aq_exec_output *output)
{
    struct call *call = context;
    struct runner *runner = call->runner;
    struct runners *runners = runner->runners;
    const bool is_late = runners->sim->now_ms > call->late_ms;
    const enum hub_exec_kind kind = call->kind;
    runners->waiting--;
    runner->receives &= kind != HUB_EXEC_RECEIVE;
    runner->sends &= kind != HUB_EXEC_SEND;
    free(call->data);
    free(call);
    must(runner, !is_late, "who runs a command is answered in time", "too late");
    if (error->code != AQ_OK) {
        sim_say(runners->sim, "exec: %s is refused: %s", runner->name, aq_error_name(error->code));
        runner->over = true;
        return;
    }
    if (kind == HUB_EXEC_OPEN) {
        runner->session = session;
        write_start(runner);
    } else if (kind == HUB_EXEC_RECEIVE) {
        take_output(runner, output);
    } else if (kind == HUB_EXEC_SEND) {
        must(runner, output->over || (output->taken >= runner->sent && output->taken <= runner->size),
             "input is taken once, and in order", "not what was sent");
        runner->sent = output->over ? runner->sent : output->taken;
    }
    if (kind == HUB_EXEC_END)
        runner->over = true;
    else if (kind != HUB_EXEC_OPEN)
        go_on(runner);
}

/* What was not taken before, and perhaps a part of what was. */
static void fill_input(struct runner *runner, struct call *call)
{
    struct sim *sim = runner->runners->sim;
    const uint64_t known = runner->sent > 0 && sim_happens(sim, 20) ? 1 + sim_draw(sim, runner->sent > 9 ? 9 : 1) : 0;
    const uint64_t from = runner->sent - known, left = runner->size - from;
    const size_t length = (size_t)(left < AQ_EXEC_DATA_MAX ? 1 + sim_draw(sim, left) : AQ_EXEC_DATA_MAX);
    call->data = aq_malloc(length);
    for (size_t i = 0; i < length; i++)
        call->data[i] = byte_at(runner, from + i);
    call->input = (struct aq_exec_input){.position = from, .data = {call->data, length}, .over = length == left};
}

static void ask(struct runner *runner, enum hub_exec_kind kind)
{
    struct runners *runners = runner->runners;
    const struct controller *controller = runners->controller;
    if (controller->hub == NULL || controller->stops || runners->judge->life != runner->life) {
        runner->over = true;
        return;
    }
    struct call *call = aq_calloc(1, sizeof *call);
    call->runner = runner;
    call->kind = kind;
    call->late_ms = runners->sim->now_ms + LATE_MS + SLACK_MS;
    if (kind == HUB_EXEC_SEND)
        fill_input(runner, call);
    runner->receives |= kind == HUB_EXEC_RECEIVE;
    runner->sends |= kind == HUB_EXEC_SEND;
    runners->waiting++;
    const struct hub_exec_call wanted = {.kind = kind,
                                         .resource = runner->resource,
                                         .session = runner->session,
                                         .caller = &runner->caller,
                                         .command = &runner->command,
                                         .input = &call->input,
                                         .after = runner->after};
    hub_exec(controller->hub, &wanted, answered, call);
}

/* ---- begin --------------------------------------------------------------------------------------------------- */

/* A resource, mostly one that runs, and mostly its owner. */
static bool draw_target(struct runners *runners, struct runner *runner)
{
    struct sim *sim = runners->sim;
    const struct mirror_table *table = mirror_table(&runners->judge->mirror, &aq_entity_resource);
    if (table->count == 0)
        return false;
    const size_t first = (size_t)sim_draw(sim, table->count);
    const struct aq_resource *row = table->rows[first];
    for (size_t i = 0; i < table->count && row->status != AQ_RESOURCE_RUNNING; i++)
        row = table->rows[(first + i) % table->count];
    runner->resource = row->id;
    const bool is_other = sim_happens(sim, 10);
    snprintf(runner->author, sizeof runner->author, "%s", is_other ? "user-1" : row->user);
    const struct judge_user *user = judge_user(runners->judge, runner->author);
    runner->author_number = is_other ? (user != NULL ? user->number : 0) : row->user_number;
    return runner->author_number != 0;
}

static void draw_program(struct sim *sim, struct runner *runner)
{
    runner->program = (enum program)sim_draw(sim, PROGRAMS);
    runner->manner = runner->program == WAIT || sim_happens(sim, 20) ? (sim_happens(sim, 60) ? ENDS : VANISHES) : STAYS;
    runner->patience = (unsigned)sim_draw(sim, 4);
    if (runner->program == COPY)
        runner->size = sim_happens(sim, 5) ? sim_between(sim, 1, OUTPUT_MOST) : sim_between(sim, 1, 3000);
    snprintf(runner->name, sizeof runner->name, "exec-%" PRIu64, runner->number);
    snprintf(runner->status, sizeof runner->status, "%" PRIu64, sim_draw(sim, 4));
    runner->arguments[0] = words[runner->program];
    runner->arguments[1] = runner->name;
    runner->arguments[2] = runner->status;
    runner->command.id = runner->resource;
    runner->command.term = "";
    runner->command.arguments = (struct aq_list){(void *)runner->arguments, 3};
}

void runners_begin(struct runners *runners)
{
    struct runner *runner = aq_calloc(1, sizeof *runner);
    *runner = (struct runner){.runners = runners, .life = runners->judge->life, .host = -1};
    if (runners->controller->hub == NULL || runners->controller->stops || !draw_target(runners, runner)) {
        free(runner);
        return;
    }
    AQ_GROW(runners->all, runners->count, runners->room);
    runners->all[runners->count++] = runner;
    runner->number = runners->count;
    runner->caller = asked_caller(runner->author, runner->author_number);
    draw_program(runners->sim, runner);
    sim_say(runners->sim, "exec: %s wants to run %s in resource %" PRIu64 ", as %s", runner->author,
            words[runner->program], runner->resource, runner->name);
    ask(runner, HUB_EXEC_OPEN);
}

/* ---- what drivers do ----------------------------------------------------------------------------------------- */

static struct runner *runner_of(const struct runners *runners, const char *name)
{
    uint64_t number = 0;
    if (sscanf(name, "exec-%" SCNu64, &number) != 1)
        return NULL;
    aq_assert(number >= 1 && number <= runners->count);
    return runners->all[number - 1];
}

void runners_command_starts(struct runners *runners, unsigned host, uint64_t resource, const char *name)
{
    struct runner *runner = runner_of(runners, name);
    if (runner == NULL)
        return;
    sim_say(runners->sim, "driver: %s runs %s in resource %" PRIu64, runners->witness->hosts[host].name, name,
            resource);
    const struct judge_session *logged = judge_session(runners->judge, runner->session);
    runners->run++;
    must(runner, logged != NULL && logged->resource == resource, "a command runs when the log says so", "it does not");
    must(runner, ++runner->starts == 1, "a command is run once", "twice");
    must(runner, resource == runner->resource && witness_sees(runners->witness, host, resource),
         "a command runs in its workload", "elsewhere");
    runner->host = (int)host;
}

void runners_command_ends(struct runners *runners, unsigned host, const char *name)
{
    struct runner *runner = runner_of(runners, name);
    (void)host;
    if (runner != NULL)
        runner->host = -1;
}

void runners_host_vanishes(struct runners *runners, unsigned host)
{
    for (size_t i = 0; i < runners->count; i++)
        if (runners->all[i]->host == (int)host)
            runners->all[i]->host = -1;
}

uint64_t runners_unsettled(const struct runners *runners)
{
    for (size_t i = 0; i < runners->count; i++)
        if (runners->all[i]->host >= 0 || runners->all[i]->receives || runners->all[i]->sends)
            return i + 1;
    return 0;
}

/* ---- open and free ------------------------------------------------------------------------------------------- */

void runners_open(struct runners *runners, struct controller *controller, struct requests *requests,
                  struct witness *witness)
{
    *runners = (struct runners){.sim = controller->sim,
                                .judge = controller->judge,
                                .requests = requests,
                                .controller = controller,
                                .witness = witness};
    witness->runners = runners;
}

void runners_free(struct runners *runners)
{
    for (size_t i = 0; i < runners->count; i++)
        free(runners->all[i]);
    free(runners->all);
}
