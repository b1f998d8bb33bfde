#include "tests/lib/agent_stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int stub_setup_for(void **context, unsigned lost_after)
{
    struct test_hub *hub = aq_calloc(1, sizeof *hub);
    test_hub_new(hub, lost_after);
    *context = hub;
    return 0;
}

int stub_setup(void **context)
{
    return stub_setup_for(context, TEST_LOST_LATE);
}

int stub_setup_lost_soon(void **context)
{
    return stub_setup_for(context, TEST_LOST_SOON);
}

int stub_teardown(void **context)
{
    test_hub_free(*context);
    free(*context);
    return 0;
}

void stub_open(struct agent_stub *stub, struct test_hub *hub, const char *name, uint64_t instance, uint64_t session)
{
    struct aq_hello hello = test_hello(name, instance, session);
    stub_open_as(stub, hub, &hello);
}

void stub_open_as(struct agent_stub *stub, struct test_hub *hub, const struct aq_hello *hello)
{
    *stub = (struct agent_stub){.name = hello->name, .session = hello->session};
    asker_open_agent(&stub->poll, hub, hello->name);
    asker_open_agent(&stub->talk, hub, hello->name);
    asker_expect(&stub->talk, AQ_MSG_HELLO, hello, AQ_MSG_WELCOME);
}

void stub_close(struct agent_stub *stub)
{
    asker_close(&stub->poll);
    asker_close(&stub->talk);
}

void stub_send_poll(struct agent_stub *stub)
{
    struct aq_poll poll = {stub->name, stub->session, stub->seen};
    asker_send(&stub->poll, AQ_MSG_POLL, &poll);
}

const struct aq_work *stub_take_work(struct agent_stub *stub)
{
    assert_true(asker_receive_within(&stub->poll, TEST_ANSWER_MS));
    assert_int_equal(stub->poll.type, AQ_MSG_WORK);
    const struct aq_work *work = stub->poll.message;
    stub->seen = work->delivery;
    return work;
}

const struct aq_work *stub_poll(struct agent_stub *stub)
{
    stub_send_poll(stub);
    return stub_take_work(stub);
}

void stub_report(struct agent_stub *stub, struct aq_happening happening)
{
    struct aq_report report = {
        .name = stub->name, .session = stub->session, .number = ++stub->reports, .happenings = {&happening, 1}};
    asker_expect(&stub->talk, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_int_equal(((const struct aq_noted *)stub->talk.message)->number, stub->reports);
}

void stub_beat(struct agent_stub *stub)
{
    struct aq_beat beat = {.name = stub->name, .session = stub->session, .load_milli = 42, .workloads = 3};
    asker_expect(&stub->talk, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
}

uint64_t make_application(struct test_hub *hub)
{
    struct aq_error error;
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{\"a\":1}"};
    char id[65];
    assert_true(test_ask(&hub->cluster, &aq_command_application_create, &record, "admin", id, &error) > 0);
    return strtoull(id, NULL, 10);
}

void deallocate_application(struct test_hub *hub, uint64_t id)
{
    struct aq_error error;
    struct aq_application_deallocate record = {.id = id};
    assert_true(test_ask(&hub->cluster, &aq_command_application_deallocate, &record, "admin", NULL, &error) > 0);
}

static enum aq_application_status find_application(struct test_hub *hub, uint64_t id, char node[65])
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    struct state_txn *txn;
    struct aq_application application = {0};
    test_must(state_read(hub->cluster.state, &txn, &error), &error);
    assert_true(state_application(txn, id, &application, &arena));
    state_end(txn);
    snprintf(node, 65, "%s", application.node);
    aq_arena_free(&arena);
    return application.status;
}

enum aq_application_status application_status(struct test_hub *hub, uint64_t id)
{
    char node[65];
    return find_application(hub, id, node);
}

void application_node(struct test_hub *hub, uint64_t id, char node[65])
{
    find_application(hub, id, node);
}

enum aq_node_status node_status(struct test_hub *hub, const char *name)
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    struct state_txn *txn;
    struct aq_node node = {0};
    test_must(state_read(hub->cluster.state, &txn, &error), &error);
    assert_true(state_node(txn, name, &node, &arena));
    state_end(txn);
    aq_arena_free(&arena);
    return node.status;
}

void lose_node(struct test_hub *hub, const char *name)
{
    struct aq_error error;
    struct aq_node_lose record = {.name = name};
    assert_true(test_ask(&hub->cluster, &aq_command_node_lose, &record, "aquarium", NULL, &error) > 0);
}

bool node_becomes(struct test_hub *hub, const char *name, enum aq_node_status status)
{
    for (int i = 0; i < 1000 && node_status(hub, name) != status; i++)
        usleep(10000);
    return node_status(hub, name) == status;
}
