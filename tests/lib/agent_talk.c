#include "tests/lib/agent_talk.h"

#include "controller/hub/gate.h"
#include "schema/base/journal.h"
#include "schema/codec/preset.h"
#include "schema/wire/uplink_nanomsg.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"
#include "tests/lib/identities.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURNS_MAX = 1500, TURN_MS = 10 };

static void must(int status, const struct aq_error *error)
{
    if (status != 0)
        fail_msg("%s", error->message);
}

void talk_open_channel(struct talk *talk)
{
    struct aq_error error = {0};
    struct hub_carrier *gate;
    must(gate_open(&gate, "127.0.0.1", &talk->port, &error), &error);
    channel_open(&talk->channel, gate, &talk->seals.seals);
}

void talk_start_agent(struct talk *talk)
{
    struct aq_error error = {0};
    char url[96];
    struct host host;
    const struct aq_clocks now = aq_clocks_read();
    snprintf(url, sizeof url, "tcp://%s", talk->controller);
    host_read(&host, &talk->config);
    must(agent_open(&talk->agent, &talk->config, &host, NULL, aq_uplink_nanomsg(&(const char *){url}, 1, 0), &now,
                    &error),
         &error);
}

int talk_setup(void **context)
{
    struct talk *talk = aq_calloc(1, sizeof *talk);
    if (sodium_init() < 0)
        return -1;
    test_make_directory(talk->directory, sizeof talk->directory, "/tmp", "aquarium-test");
    aq_journal_open("test", AQ_ERROR);
    test_seals_open(&talk->seals);
    test_write_identity(talk->directory, "one", talk->seals.identity.key.public);
    talk_open_channel(talk);
    snprintf(talk->controller, sizeof talk->controller, "127.0.0.1:%" PRIu64, talk->port);
    aq_record_init(&aq_config_agent_record, &talk->config, &talk->arena);
    talk->config.name = "one";
    talk->config.controller = talk->controller;
    talk->config.data = talk->directory;
    talk->config.drivers = (struct aq_list){aq_arena_alloc(&talk->arena, sizeof(char *)), 1};
    AQ_TEXT_ITEM(talk->config.drivers, 0) = "test";
    talk_start_agent(talk);
    *context = talk;
    return 0;
}

int talk_teardown(void **context)
{
    struct talk *talk = *context;
    agent_close(talk->agent);
    channel_close(&talk->channel);
    test_seals_close(&talk->seals);
    aq_arena_free(&talk->arena);
    test_remove_tree(talk->directory);
    free(talk);
    return 0;
}

void talk_listen(struct talk *talk)
{
    struct talk_heard heard;
    for (int got;
         (got = channel_receive(&talk->channel, &heard.question, &heard.type, &heard.message, &talk->arena)) > 0;) {
        if (got != 1)
            continue;
        unsigned place = 0;
        while (place < talk->count && talk->heard[place].type != heard.type)
            place++;
        assert_true(place < TALK_QUESTIONS_MAX);
        talk->heard[place] = heard;
        talk->count = place == talk->count ? place + 1 : talk->count;
    }
}

void talk_turn(struct talk *talk)
{
    const struct aq_clocks now = aq_clocks_read();
    uint64_t deadline_ms = agent_turn(talk->agent, &now);
    struct pollfd fds[AGENT_FDS_MAX + 1];
    nfds_t count = agent_fds(talk->agent, fds);
    fds[count++] = (struct pollfd){.fd = channel_fd(&talk->channel), .events = POLLIN};
    poll(fds, count, aq_clocks_left_ms(&now, deadline_ms, TURN_MS));
    talk_listen(talk);
}

bool talk_take(struct talk *talk, enum aq_message_type type, struct talk_heard *out)
{
    for (unsigned i = 0; i < talk->count; i++) {
        if (talk->heard[i].type != type)
            continue;
        *out = talk->heard[i];
        talk->heard[i] = talk->heard[--talk->count];
        return true;
    }
    return false;
}

struct talk_heard talk_hear(struct talk *talk, enum aq_message_type type)
{
    struct talk_heard heard, beat;
    for (int i = 0; i < TURNS_MAX; i++) {
        if (talk_take(talk, type, &heard))
            return heard;
        if (talk_take(talk, AQ_MSG_BEAT, &beat))
            channel_answer(&beat.question, AQ_MSG_NOTED, &(struct aq_noted){0});
        talk_turn(talk);
    }
    fail_msg("the agent does not say %s", aq_message_record(type)->name);
    return heard;
}

void talk_greet(struct talk *talk)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    const struct aq_hello *hello = heard.message;
    assert_string_equal(hello->name, "one");
    assert_int_equal(hello->drivers.count, 1);
    struct aq_welcome welcome = {.number = 1, .beat_ms = 1000, .patience_ms = 10000};
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
}

void talk_deliver(struct talk *talk, uint64_t delivery, bool full, struct aq_assignment *assignments, uint32_t count)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_POLL);
    struct aq_work work = {.delivery = delivery, .full = full, .last = UINT64_MAX, .assignments = {assignments, count}};
    channel_answer(&heard.question, AQ_MSG_WORK, &work);
}

struct aq_assignment talk_wanted(uint64_t resource, const char *options)
{
    return (struct aq_assignment){
        .resource = resource, .driver = "test", .options = options, .network = "", .metadata = "{}"};
}

struct aq_assignment talk_gone(uint64_t resource)
{
    struct aq_assignment assignment = talk_wanted(resource, "{}");
    assignment.want = AQ_WANT_GONE;
    return assignment;
}

const struct aq_happening *talk_only_happening(const struct talk_heard *heard)
{
    const struct aq_report *report = heard->message;
    assert_int_equal(report->happenings.count, 1);
    return report->happenings.items;
}

void talk_note(struct talk_heard *heard)
{
    const struct aq_report *report = heard->message;
    channel_answer(&heard->question, AQ_MSG_NOTED, &(struct aq_noted){.number = report->number});
}

void talk_expect(struct talk *talk, uint64_t resource, enum aq_happened what)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
    const struct aq_happening *happening = talk_only_happening(&heard);
    assert_int_equal(happening->resource, resource);
    assert_int_equal(happening->what, what);
    talk_note(&heard);
}

void talk_restart_agent(struct talk *talk)
{
    agent_close(talk->agent);
    talk->agent = NULL;
    talk_listen(talk);
    talk->count = 0;
    talk_start_agent(talk);
    talk_greet(talk);
}
