/* A whole agent, one turn at a time, and a hub that the test controls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/home.h"
#include "controller/hub/channel.h"
#include "schema/base/journal.h"
#include "schema/codec/preset.h"
#include "schema/wire/seal.h"
#include "tests/lib/directory.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TURNS_MAX = 1500, TURN_MS = 10, QUESTIONS_MAX = 8 };

/* A message that the hub got, and what its answer needs. */
struct heard {
    enum aq_message_type type;
    void *message;
    struct hub_question question;
};

struct scene {
    char directory[64], key_file[96], controller[64];
    struct aq_wire_key key;
    struct hub_channel channel;
    uint64_t port;
    struct aq_arena arena; /* of all messages */
    struct heard heard[QUESTIONS_MAX];
    unsigned count;
    struct agent *agent;
    struct aq_config_agent config;
};

static void must(int status, const struct aq_error *error)
{
    if (status != 0)
        fail_msg("%s", error->message);
}

static void open_channel(struct scene *scene)
{
    struct aq_error error = {0};
    must(channel_open_tcp(&scene->channel, "127.0.0.1", &scene->port, &scene->key, &error), &error);
}

static void start_agent(struct scene *scene)
{
    struct aq_error error = {0};
    must(agent_open(&scene->agent, &scene->config, &error), &error);
}

static int setup(void **context)
{
    struct scene *scene = aq_calloc(1, sizeof *scene);
    struct aq_error error = {0};
    if (sodium_init() < 0)
        return -1;
    test_make_directory(scene->directory, sizeof scene->directory, "/tmp", "aquarium-test");
    aq_journal_open("test", AQ_ERROR);
    snprintf(scene->key_file, sizeof scene->key_file, "%s/key", scene->directory);
    must(aq_wire_key_make(&scene->key, scene->key_file, &error), &error);
    open_channel(scene);
    snprintf(scene->controller, sizeof scene->controller, "127.0.0.1:%" PRIu64, scene->port);
    aq_record_init(&aq_config_agent_record, &scene->config, &scene->arena);
    scene->config.name = "one";
    scene->config.controller = scene->controller;
    scene->config.key_file = scene->key_file;
    scene->config.data = scene->directory;
    scene->config.drivers = (struct aq_list){aq_arena_alloc(&scene->arena, sizeof(char *)), 1};
    AQ_TEXT_ITEM(scene->config.drivers, 0) = "test";
    start_agent(scene);
    *context = scene;
    return 0;
}

static int teardown(void **context)
{
    struct scene *scene = *context;
    agent_close(scene->agent);
    channel_close(&scene->channel);
    aq_arena_free(&scene->arena);
    test_remove_tree(scene->directory);
    free(scene);
    return 0;
}

/* Takes the messages that have come; a newer message replaces an older one of the same type. */
static void listen(struct scene *scene)
{
    struct heard heard;
    while (channel_receive(&scene->channel, &heard.question, &heard.type, &heard.message, &scene->arena) == 1) {
        unsigned place = 0;
        while (place < scene->count && scene->heard[place].type != heard.type)
            place++;
        assert_true(place < QUESTIONS_MAX);
        scene->heard[place] = heard;
        scene->count = place == scene->count ? place + 1 : scene->count;
    }
}

/* One turn of the agent. */
static void turn(struct scene *scene)
{
    agent_turn(scene->agent, scene->channel.fd, TURN_MS);
    listen(scene);
}

static bool take(struct scene *scene, enum aq_message_type type, struct heard *out)
{
    for (unsigned i = 0; i < scene->count; i++) {
        if (scene->heard[i].type != type)
            continue;
        *out = scene->heard[i];
        scene->heard[i] = scene->heard[--scene->count];
        return true;
    }
    return false;
}

/* Turns until the agent has sent this. Heartbeats are answered meanwhile. */
static struct heard hear(struct scene *scene, enum aq_message_type type)
{
    struct heard heard, beat;
    for (int i = 0; i < TURNS_MAX; i++) {
        if (take(scene, type, &heard))
            return heard;
        if (take(scene, AQ_MSG_BEAT, &beat))
            channel_answer(&beat.question, AQ_MSG_NOTED, &(struct aq_noted){0});
        turn(scene);
    }
    fail_msg("the agent does not say %s", aq_message_record(type)->name);
    return heard;
}

static void greet(struct scene *scene)
{
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    const struct aq_hello *hello = heard.message;
    assert_string_equal(hello->name, "one");
    assert_int_equal(hello->drivers.count, 1);
    struct aq_welcome welcome = {.number = 1, .beat_ms = 1000, .patience_ms = 10000};
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
}

/* Answers the next POLL. */
static void deliver(struct scene *scene, uint64_t delivery, bool full, struct aq_assignment *assignments,
                    uint32_t count)
{
    struct heard heard = hear(scene, AQ_MSG_POLL);
    struct aq_work work = {.delivery = delivery, .full = full, .last = UINT64_MAX, .assignments = {assignments, count}};
    channel_answer(&heard.question, AQ_MSG_WORK, &work);
}

static struct aq_assignment wanted(uint64_t resource, const char *options)
{
    return (struct aq_assignment){
        .resource = resource, .driver = "test", .options = options, .network = "", .metadata = "{}"};
}

static struct aq_assignment gone(uint64_t resource)
{
    struct aq_assignment assignment = wanted(resource, "{}");
    assignment.want = AQ_WANT_GONE;
    return assignment;
}

static const struct aq_happening *only_happening(const struct heard *heard)
{
    const struct aq_report *report = heard->message;
    assert_int_equal(report->happenings.count, 1);
    return report->happenings.items;
}

static void note(struct heard *heard)
{
    const struct aq_report *report = heard->message;
    channel_answer(&heard->question, AQ_MSG_NOTED, &(struct aq_noted){.number = report->number});
}

/* The next report has exactly this, and is noted. */
static void expect(struct scene *scene, uint64_t resource, enum aq_happened what)
{
    struct heard heard = hear(scene, AQ_MSG_REPORT);
    const struct aq_happening *happening = only_happening(&heard);
    assert_int_equal(happening->resource, resource);
    assert_int_equal(happening->what, what);
    note(&heard);
}

/* Two workloads, and what was reported of them so far. */
struct pair {
    uint64_t resources[2];
    bool started[2], ended[2];
};

/* Takes one more report, and notes it. What happens to both workloads may be in one report or in two. */
static void hear_of(struct scene *scene, struct pair *pair)
{
    struct heard heard = hear(scene, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    for (uint32_t i = 0; i < report->happenings.count; i++) {
        const struct aq_happening *happening = AQ_ITEM(report->happenings, struct aq_happening, i);
        int which = happening->resource == pair->resources[1];
        assert_int_equal(happening->resource, pair->resources[which]);
        assert_true(happening->what == AQ_HAPPENED_STARTED || happening->what == AQ_HAPPENED_ENDED);
        *(happening->what == AQ_HAPPENED_ENDED ? &pair->ended[which] : &pair->started[which]) = true;
        if (happening->what == AQ_HAPPENED_ENDED)
            assert_int_equal(happening->exit_status, 3);
    }
    note(&heard);
}

static void restart_agent(struct scene *scene)
{
    agent_close(scene->agent);
    scene->agent = NULL;
    listen(scene);
    scene->count = 0;
    start_agent(scene);
    greet(scene);
}

/* ---- workloads ------------------------------------------------------------------------------------------- */

static void a_workload_starts_and_stops(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{\"ip_addr\":\"10.0.0.5\"}");
    greet(scene);
    deliver(scene, 1, true, &assignment, 1);
    struct heard heard = hear(scene, AQ_MSG_REPORT);
    const struct aq_happening *started = only_happening(&heard);
    assert_int_equal(started->what, AQ_HAPPENED_STARTED);
    assert_string_equal(started->identifier, "test 5");
    assert_string_equal(started->ip_addr, "10.0.0.5");
    note(&heard);
    deliver(scene, 2, false, &assignment, 1); /* the agent has that already */
    assignment = gone(5);
    deliver(scene, 3, false, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_ENDED);
    deliver(scene, 4, false, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_ENDED); /* the agent does not have it */
}

static void a_bad_start_is_told(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignments[] = {wanted(1, "{\"fail\":\"always\",\"fail_reason\":\"no luck\"}"),
                                          wanted(2, "{\"nonsense\":1}"), wanted(3, "{}")};
    assignments[2].driver = "magic";
    greet(scene);
    deliver(scene, 1, true, assignments, 3);
    for (unsigned told = 0; told < 3;) {
        struct heard heard = hear(scene, AQ_MSG_REPORT);
        const struct aq_report *report = heard.message;
        for (uint32_t i = 0; i < report->happenings.count; i++, told++) {
            const struct aq_happening *happening = AQ_ITEM(report->happenings, struct aq_happening, i);
            static const char *const words[] = {"no luck", "nonsense", "magic"};
            assert_int_equal(happening->what, AQ_HAPPENED_FAILED);
            assert_non_null(strstr(happening->reason, words[happening->resource - 1]));
        }
        note(&heard);
    }
}

static void a_report_is_repeated_until_it_is_noted(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{}");
    greet(scene);
    deliver(scene, 1, true, &assignment, 1);
    struct heard first = hear(scene, AQ_MSG_REPORT);
    struct heard again = hear(scene, AQ_MSG_REPORT); /* sent again without an answer */
    const struct aq_report *a = first.message, *b = again.message;
    assert_int_equal(a->number, b->number);
    assert_int_equal(only_happening(&again)->what, AQ_HAPPENED_STARTED);
    note(&again);
}

static void what_is_not_named_is_ended(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignments[] = {wanted(5, "{}"), wanted(9, "{}")};
    greet(scene);
    deliver(scene, 1, true, assignments, 2);
    struct pair pair = {.resources = {5, 9}};
    while (!pair.started[0] || !pair.started[1])
        hear_of(scene, &pair);
    struct heard poll = hear(scene, AQ_MSG_POLL);
    struct aq_work work = {
        .delivery = 2, .full = true, .first = 0, .last = 7}; /* 9 is out of the range of the delivery */
    channel_answer(&poll.question, AQ_MSG_WORK, &work);
    expect(scene, 5, AQ_HAPPENED_ENDED);
    poll = hear(scene, AQ_MSG_POLL);
    work = (struct aq_work){.delivery = 3, .full = true, .first = 8, .last = UINT64_MAX};
    channel_answer(&poll.question, AQ_MSG_WORK, &work);
    expect(scene, 9, AQ_HAPPENED_ENDED);
}

/* What may have run is lost if there is no record of it; what has ended here, has ended. */
static void what_has_run_is_not_started_again(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignments[] = {wanted(5, "{}"), wanted(6, "{}")};
    greet(scene);
    assignments[0].started = true;
    deliver(scene, 1, true, assignments, 1);
    struct heard heard = hear(scene, AQ_MSG_REPORT);
    assert_int_equal(only_happening(&heard)->what, AQ_HAPPENED_LOST);
    assert_int_equal(only_happening(&heard)->resource, 5);
    assert_string_equal(only_happening(&heard)->reason, "its node has lost its state");
    note(&heard);
    deliver(scene, 2, false, assignments + 1, 1); /* not known to have started: that is for the agent to know */
    expect(scene, 6, AQ_HAPPENED_STARTED);
    assignments[1].started = true;
    deliver(scene, 3, false, assignments + 1, 1); /* it has a record of it */
    struct aq_assignment end = gone(6);
    deliver(scene, 4, false, &end, 1);
    expect(scene, 6, AQ_HAPPENED_ENDED);
    deliver(scene, 5, false, assignments + 1, 1);
    expect(scene, 6, AQ_HAPPENED_ENDED);
}

/* ---- restarts -------------------------------------------------------------------------------------------- */

static void a_restarted_agent_finds_its_workloads(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignments[] = {wanted(5, "{}"), wanted(6, "{\"run_ms\":300,\"exit_status\":3}")};
    struct pair pair = {.resources = {5, 6}};
    greet(scene);
    deliver(scene, 1, true, assignments, 2);
    while (!pair.started[0] || !pair.started[1])
        hear_of(scene, &pair);
    turn(scene); /* the note arrives */
    agent_close(scene->agent);
    scene->agent = NULL;
    usleep(400000); /* one of them ends meanwhile, if not before */
    listen(scene);
    scene->count = 0;
    start_agent(scene);
    greet(scene);
    pair.started[0] = false;
    while (!pair.started[0] || !pair.ended[1])
        hear_of(scene, &pair);
    assert_false(pair.ended[0]);
}

static void an_end_that_was_not_noted_survives(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{}");
    greet(scene);
    deliver(scene, 1, true, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_STARTED);
    assignment = gone(5);
    deliver(scene, 2, false, &assignment, 1);
    hear(scene, AQ_MSG_REPORT); /* the answer is lost */
    restart_agent(scene);
    expect(scene, 5, AQ_HAPPENED_ENDED);
    /* A late delivery from before its end does not start it again. */
    assignment = wanted(5, "{}");
    deliver(scene, 1, true, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_ENDED);
}

static void the_hub_may_restart(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{}");
    greet(scene);
    deliver(scene, 7, true, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_STARTED);
    struct heard heard = hear(scene, AQ_MSG_POLL);
    assert_int_equal(((const struct aq_poll *)heard.message)->seen, 7);
    channel_close(&scene->channel);
    scene->count = 0;
    open_channel(scene);
    heard = hear(scene, AQ_MSG_POLL); /* sent again on the new connection */
    struct aq_refused refused = {"unauthenticated", "say hello first"};
    channel_answer(&heard.question, AQ_MSG_REFUSED, &refused);
    greet(scene);
    do
        heard = hear(scene, AQ_MSG_POLL);
    while (((const struct aq_poll *)heard.message)->seen != 0);
}

static uint64_t refuse_hello(struct scene *scene, const char *error, const char *message, uint64_t wait_ms)
{
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    struct aq_refused refused = {error, message, wait_ms};
    channel_answer(&heard.question, AQ_MSG_REFUSED, &refused);
    return ((const struct aq_hello *)heard.message)->process;
}

/* No refusal is for good. It is told once for each kind, not each time. */
static void a_refused_newcomer_asks_again(void **context)
{
    struct scene *scene = *context;
    FILE *journal = tmpfile();
    char line[512];
    int told = 0;
    assert_non_null(journal);
    int before = dup(STDERR_FILENO);
    dup2(fileno(journal), STDERR_FILENO);
    aq_journal_open("test", AQ_WARN);
    uint64_t process = refuse_hello(scene, "exists", "node one is alive", 20);
    assert_int_equal(refuse_hello(scene, "exists", "node one is alive still", 20), process);
    assert_int_equal(refuse_hello(scene, "invalid", "node one is odd", 20), process);
    assert_int_equal(refuse_hello(scene, "forbidden", "node one is banned", 20), process);
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    assert_string_equal(agent_refusal(scene->agent), "node one is banned");
    assert_false(agent_is_welcome(scene->agent));
    struct aq_welcome welcome = {.number = 1, .beat_ms = 1000, .patience_ms = 10000};
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    hear(scene, AQ_MSG_POLL);
    assert_string_equal(agent_refusal(scene->agent), "");
    assert_true(agent_is_welcome(scene->agent));
    aq_journal_open("test", AQ_ERROR);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(journal);
    while (fgets(line, sizeof line, journal) != NULL)
        told += strstr(line, "not admitted by the controller") != NULL;
    assert_int_equal(told, 3);
    fclose(journal);
}

/* An agent of the same directory is another process, and says so. */
static void a_restart_is_another_process_at_the_same_home(void **context)
{
    struct scene *scene = *context;
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    struct aq_hello first = *(const struct aq_hello *)heard.message;
    agent_close(scene->agent);
    scene->agent = NULL;
    listen(scene);
    scene->count = 0;
    start_agent(scene);
    heard = hear(scene, AQ_MSG_HELLO);
    const struct aq_hello *second = heard.message;
    assert_int_equal(first.form, AQ_WIRE_FORM);
    assert_int_equal(second->instance, first.instance);
    assert_true(first.home != 0 && second->home == first.home);
    assert_true(first.process != 0 && second->process != first.process);
}

static void other_settings_are_told(void **context)
{
    struct scene *scene = *context;
    greet(scene);
    hear(scene, AQ_MSG_POLL);
    struct aq_config_agent config = scene->config;
    config.capacity.slots = 3;
    agent_reconfigure(scene->agent, &config);
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    assert_int_equal(((const struct aq_hello *)heard.message)->capacity.slots, 3);
}

static void the_hub_numbers_the_session(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{}");
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    assert_true(((const struct aq_hello *)heard.message)->asks_session);
    channel_answer(&heard.question, AQ_MSG_SESSION, &(struct aq_session){77});
    heard = hear(scene, AQ_MSG_HELLO);
    assert_int_equal(((const struct aq_hello *)heard.message)->session, 77);
    struct aq_welcome welcome = {.number = 1, .beat_ms = 100, .patience_ms = 10000};
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    deliver(scene, 1, true, &assignment, 1);
    struct heard report = hear(scene, AQ_MSG_REPORT);
    assert_int_equal(((const struct aq_report *)report.message)->session, 77);
    /* The next session repeats the report that is not noted yet. */
    struct aq_refused refused = {"unauthenticated", "say hello first"};
    channel_answer(&report.question, AQ_MSG_REFUSED, &refused);
    heard = hear(scene, AQ_MSG_HELLO);
    channel_answer(&heard.question, AQ_MSG_SESSION, &(struct aq_session){78});
    heard = hear(scene, AQ_MSG_HELLO);
    assert_int_equal(((const struct aq_hello *)heard.message)->session, 78);
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    report = hear(scene, AQ_MSG_REPORT);
    assert_int_equal(((const struct aq_report *)report.message)->session, 78);
    assert_int_equal(only_happening(&report)->what, AQ_HAPPENED_STARTED);
    note(&report);
    uint64_t last = 0;
    for (int i = 0; i < 3; i++) { /* heartbeats are numbered, on a new connection too */
        struct heard beat = {0};
        while (!take(scene, AQ_MSG_BEAT, &beat))
            turn(scene);
        assert_true(((const struct aq_beat *)beat.message)->number > last);
        last = ((const struct aq_beat *)beat.message)->number;
        channel_answer(&beat.question, AQ_MSG_NOTED, &(struct aq_noted){0});
    }
}

static void work_from_before_is_not_taken_again(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{}");
    greet(scene);
    deliver(scene, 1, true, NULL, 0);
    deliver(scene, 2, true, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_STARTED);
    deliver(scene, 1, true, NULL, 0); /* would end it */
    struct heard heard = hear(scene, AQ_MSG_POLL);
    assert_int_equal(((const struct aq_poll *)heard.message)->seen, 2);
}

/* ---- logs ------------------------------------------------------------------------------------------------ */

static void questions_are_answered(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment assignment = wanted(5, "{}");
    struct aq_ask asks[] = {{.number = 1, .resource = 5, .size = 100}, {.number = 2, .resource = 99, .size = 100}};
    greet(scene);
    deliver(scene, 1, true, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_STARTED);
    struct heard heard = hear(scene, AQ_MSG_POLL);
    struct aq_work work = {.delivery = 2, .asks = {asks, 2}};
    channel_answer(&heard.question, AQ_MSG_WORK, &work);
    heard = hear(scene, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    assert_int_equal(report->told.count, 2);
    assert_string_equal(AQ_ITEM(report->told, struct aq_told, 0)->error, "");
    assert_non_null(strstr(AQ_ITEM(report->told, struct aq_told, 1)->error, "99"));
    note(&heard);
    hear(scene, AQ_MSG_POLL);
}

/* The output of workload 5 is this from now on; it begins at position 100. */
static void put_output(const struct scene *scene, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/one/workloads/5/driver/output.100", scene->directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin_with_output(struct scene *scene, uint64_t hub_form, const char *text)
{
    struct aq_assignment assignment = wanted(5, "{}");
    struct heard heard = hear(scene, AQ_MSG_HELLO);
    struct aq_welcome welcome = {.number = 1, .beat_ms = 20, .patience_ms = 10000, .form = hub_form};
    assert_int_equal(((const struct aq_hello *)heard.message)->form, AQ_WIRE_FORM);
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    deliver(scene, 1, true, &assignment, 1);
    expect(scene, 5, AQ_HAPPENED_STARTED);
    put_output(scene, text);
}

static void send_ask(struct scene *scene, uint64_t delivery, struct aq_ask ask)
{
    struct heard heard = hear(scene, AQ_MSG_POLL);
    ask.number = delivery;
    ask.resource = 5;
    struct aq_work work = {.delivery = delivery, .asks = {&ask, 1}};
    channel_answer(&heard.question, AQ_MSG_WORK, &work);
}

static struct aq_told take_told(struct scene *scene)
{
    struct heard heard = hear(scene, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    assert_int_equal(report->told.count, 1);
    note(&heard);
    return *AQ_ITEM(report->told, struct aq_told, 0);
}

static void expect_told(struct scene *scene, const char *text, uint64_t start, uint64_t end, bool complete)
{
    struct aq_told told = take_told(scene);
    assert_string_equal(told.error, "");
    assert_int_equal(told.data.length, strlen(text));
    assert_memory_equal(told.data.data, text, strlen(text));
    assert_true(told.extent.known);
    assert_int_equal(told.extent.start, start);
    assert_int_equal(told.extent.first, 100);
    assert_int_equal(told.extent.end, end);
    assert_int_equal(told.extent.complete, complete);
}

static void a_log_is_sent_by_position(void **context)
{
    struct scene *scene = *context;
    struct aq_assignment no_longer = gone(5);
    begin_with_output(scene, AQ_WIRE_FORM, "hello\nworld\n");
    send_ask(scene, 2, (struct aq_ask){.size = 100, .extent = true, .onward = true, .after = 106});
    expect_told(scene, "world\n", 106, 112, false);
    send_ask(scene, 3, (struct aq_ask){.size = 2, .extent = true, .onward = true, .after = 7});
    expect_told(scene, "he", 100, 112, false); /* what was before is not kept */
    send_ask(scene, 4, (struct aq_ask){.size = 3, .extent = true});
    expect_told(scene, "ld\n", 109, 112, false);    /* the newest */
    send_ask(scene, 5, (struct aq_ask){.size = 3}); /* from an older hub */
    struct aq_told told = take_told(scene);
    assert_memory_equal(told.data.data, "ld\n", 3);
    assert_false(told.extent.known);
    deliver(scene, 6, false, &no_longer, 1);
    struct heard heard = hear(scene, AQ_MSG_REPORT);
    assert_int_equal(only_happening(&heard)->log_bytes, 12);
    note(&heard);
    for (uint64_t delivery = 7; delivery < 9; delivery++) { /* the workload is over; the agent has restarted */
        send_ask(scene, delivery, (struct aq_ask){.size = 100, .extent = true, .onward = true, .after = 106});
        expect_told(scene, "world\n", 106, 112, true);
        if (delivery == 7) {
            turn(scene); /* the note arrives */
            restart_agent(scene);
        }
    }
}

static void a_question_may_wait_for_output(void **context)
{
    struct scene *scene = *context;
    const struct aq_ask ask = {
        .size = 100, .extent = true, .onward = true, .after = 106, .wait_ms = AQ_ASK_WAIT_MAX_MS};
    struct aq_ask soon = ask;
    struct heard heard;
    begin_with_output(scene, AQ_WIRE_FORM, "hello\n");
    send_ask(scene, 2, ask);
    for (int i = 0; i < 50; i++)
        turn(scene);
    assert_false(take(scene, AQ_MSG_REPORT, &heard));
    put_output(scene, "hello\nworld\n");
    expect_told(scene, "world\n", 106, 112, false);
    soon.after = 112;
    soon.wait_ms = 1;
    send_ask(scene, 3, soon);
    expect_told(scene, "", 112, 112, false); /* its time is over */
    soon.wait_ms = AQ_ASK_WAIT_MAX_MS;
    send_ask(scene, 4, soon);
    struct aq_assignment no_longer = gone(5);
    deliver(scene, 5, false, &no_longer, 1);
    heard = hear(scene, AQ_MSG_REPORT); /* with the end of the workload, the wait is over, too */
    const struct aq_report *report = heard.message;
    bool together = report->told.count == 1;
    note(&heard);
    if (!together)
        expect_told(scene, "", 112, 112, true);
}

static struct heard hear_beat(struct scene *scene)
{
    struct heard heard;
    while (!take(scene, AQ_MSG_BEAT, &heard))
        turn(scene);
    channel_answer(&heard.question, AQ_MSG_NOTED, &(struct aq_noted){0});
    return heard;
}

static void heartbeats_tell_the_size_of_logs(void **context)
{
    struct scene *scene = *context;
    struct heard heard;
    begin_with_output(scene, AQ_WIRE_FORM, "hello\n");
    do
        heard = hear_beat(scene);
    while (((const struct aq_beat *)heard.message)->logs.count == 0);
    const struct aq_kept *kept = ((const struct aq_beat *)heard.message)->logs.items;
    assert_int_equal(kept->resource, 5);
    assert_int_equal(kept->first, 100);
    assert_int_equal(kept->end, 106);
    heard = hear_beat(scene);
    assert_int_equal(((const struct aq_beat *)heard.message)->logs.count, 0); /* it has not changed */
    put_output(scene, "hello\nworld\n");
    do
        heard = hear_beat(scene);
    while (((const struct aq_beat *)heard.message)->logs.count == 0);
    assert_int_equal(((const struct aq_kept *)((const struct aq_beat *)heard.message)->logs.items)->end, 112);
}

static void an_older_hub_gets_no_sizes(void **context)
{
    struct scene *scene = *context;
    begin_with_output(scene, 0, "hello\n");
    for (int i = 0; i < 3; i++) {
        struct heard heard = hear_beat(scene);
        assert_int_equal(((const struct aq_beat *)heard.message)->logs.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_workload_starts_and_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_start_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_report_is_repeated_until_it_is_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_named_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restarted_agent_finds_its_workloads, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_that_was_not_noted_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hub_may_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_run_is_not_started_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_newcomer_asks_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_is_another_process_at_the_same_home, setup, teardown),
        cmocka_unit_test_setup_teardown(other_settings_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hub_numbers_the_session, setup, teardown),
        cmocka_unit_test_setup_teardown(work_from_before_is_not_taken_again, setup, teardown),
        cmocka_unit_test_setup_teardown(questions_are_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_is_sent_by_position, setup, teardown),
        cmocka_unit_test_setup_teardown(a_question_may_wait_for_output, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeats_tell_the_size_of_logs, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_hub_gets_no_sizes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
