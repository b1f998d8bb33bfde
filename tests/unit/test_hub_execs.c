/* Commands in workloads, as the hub passes them on between a client of REST and an agent: positions, windows, repeats,
 * and how sessions end. */
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "tests/lib/agent_stub.h"

#include <semaphore.h>

/* ---- the client's side ------------------------------------------------------------------------------------ */

struct client {
    struct test_hub *hub;
    struct aq_caller caller;
    uint64_t resource, session;
    sem_t done;
    struct aq_error error;      /* of the last answer, */
    struct aq_exec_output last; /* and what it said */
    struct aq_arena arena;
};

static void answered(void *context, const struct aq_error *error, uint64_t session, const struct aq_exec_output *output)
{
    struct client *client = context;
    client->error = *error;
    client->session = session != 0 ? session : client->session;
    aq_record_copy(&aq_exec_output_record, &client->last, output, &client->arena);
    sem_post(&client->done);
}

static void begin_call(struct client *client, struct hub_exec_call call)
{
    call.resource = client->resource;
    call.session = client->session;
    call.caller = &client->caller;
    hub_exec(client->hub->services.hub, &call, answered, client);
}

static void end_call(struct client *client)
{
    sem_wait(&client->done);
}

static enum aq_error_code do_call(struct client *client, struct hub_exec_call call)
{
    begin_call(client, call);
    end_call(client);
    return client->error.code;
}

static enum aq_error_code receive(struct client *client, uint64_t after)
{
    return do_call(client, (struct hub_exec_call){.kind = HUB_EXEC_RECEIVE, .after = after});
}

static enum aq_error_code send_text(struct client *client, uint64_t position, const char *text, size_t length)
{
    const struct aq_exec_input input = {.position = position, .data = {(const unsigned char *)text, length}};
    return do_call(client, (struct hub_exec_call){.kind = HUB_EXEC_SEND, .input = &input});
}

static const char *words[] = {"make", "test"};

static enum aq_error_code open_session(struct client *client)
{
    const struct aq_resource_exec command = {
        .id = client->resource, .arguments = {words, 2}, .term = "", .columns = 80, .rows = 24};
    return do_call(client, (struct hub_exec_call){.kind = HUB_EXEC_OPEN, .command = &command});
}

static struct aq_caller find_caller(struct test_hub *hub, const char *name)
{
    static struct aq_arena arena;
    struct state_txn *txn = NULL;
    struct aq_error error;
    struct aq_user user;
    assert_int_equal(state_read(hub->cluster.state, &txn, &error), 0);
    assert_true(state_user(txn, name, &user, &arena));
    const struct aq_caller caller = {.name = name, .number = user.number, .role = "admin", .limit = aq_rights_whole()};
    state_end(txn);
    return caller;
}

static void client_close(struct client *client)
{
    sem_destroy(&client->done);
    aq_arena_free(&client->arena);
}

/* ---- the scene -------------------------------------------------------------------------------------------- */

/* A node whose workload runs, and a client of its session, which has begun. */
static void scene_open(struct test_hub *hub, struct agent_stub *stub, struct client *client, uint64_t form)
{
    struct aq_hello hello = test_hello("one", 1, 11);
    hello.form = form;
    stub_open_as(stub, hub, &hello);
    make_application(hub);
    const struct aq_work *work = stub_poll(stub);
    while (work->assignments.count == 0)
        work = stub_poll(stub);
    struct aq_happening started = {.resource = AQ_ITEM(work->assignments, struct aq_assignment, 0)->resource,
                                   .what = AQ_HAPPENED_STARTED,
                                   .identifier = "pid 1",
                                   .ip_addr = "",
                                   .hw_addr = ""};
    stub_report(stub, started);
    *client = (struct client){.hub = hub, .resource = started.resource, .caller = find_caller(hub, "admin")};
    sem_init(&client->done, 0, 0);
}

static void scene_start(struct test_hub *hub, struct agent_stub *stub, struct client *client)
{
    scene_open(hub, stub, client, AQ_WIRE_FORM);
    assert_int_equal(open_session(client), AQ_OK);
    assert_int_equal(do_call(client, (struct hub_exec_call){.kind = HUB_EXEC_START}), AQ_OK);
}

/* The next order for a session. */
static struct aq_exec_order take_order(struct agent_stub *stub)
{
    const struct aq_work *work;
    do
        work = stub_poll(stub);
    while (work->execs.count == 0);
    assert_int_equal(work->execs.count, 1);
    return *AQ_ITEM(work->execs, struct aq_exec_order, 0);
}

static const struct aq_executed *tell(struct agent_stub *stub, uint64_t session, struct aq_exec_output output)
{
    output.reason = output.reason != NULL ? output.reason : "";
    struct aq_exec_told told = {.session = session, .output = output};
    const struct aq_exec message = {.name = stub->name, .session = stub->session, .told = {&told, 1}};
    asker_expect(&stub->talk, AQ_MSG_EXEC, &message, AQ_MSG_EXECUTED);
    return stub->talk.message;
}

static struct aq_bytes bytes_of(const char *text)
{
    return (struct aq_bytes){(const unsigned char *)text, strlen(text)};
}

static void assert_received(const struct client *client, uint64_t position, const char *text)
{
    assert_int_equal(client->error.code, AQ_OK);
    assert_int_equal(client->last.position, position);
    assert_int_equal(client->last.data.length, strlen(text));
    assert_memory_equal(client->last.data.data, text, strlen(text));
}

/* ---- streams ----------------------------------------------------------------------------------------------- */

static void a_command_is_passed_on(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_start(hub, &stub, &client);
    struct aq_exec_order order = take_order(&stub);
    assert_int_equal(order.session, client.session);
    assert_int_equal(order.resource, client.resource);
    assert_true(order.start);
    assert_int_equal(order.arguments.count, 2);
    assert_string_equal(AQ_TEXT_ITEM(order.arguments, 1), "test");
    assert_int_equal(order.allowed, AQ_EXEC_WINDOW);
    assert_int_equal(order.input.columns, 80);

    /* Input. */
    assert_int_equal(send_text(&client, 0, "hello", 5), AQ_OK);
    assert_int_equal(client.last.taken, 5);
    order = take_order(&stub);
    assert_false(order.start);
    assert_int_equal(order.input.position, 0);
    assert_memory_equal(order.input.data.data, "hello", 5);
    assert_int_equal(send_text(&client, 3, "lo, world", 9), AQ_OK); /* some of it has come before */
    assert_int_equal(client.last.taken, 12);
    order = take_order(&stub);
    assert_int_equal(order.input.position, 5);
    assert_int_equal(order.input.data.length, 7);
    assert_int_equal(send_text(&client, 13, "x", 1), AQ_E_INVALID);
    assert_string_equal(client.error.message, "position is 13, but only 12 bytes of input have come");

    /* Output: what was not acknowledged comes again. */
    assert_int_equal(
        tell(&stub, client.session, (struct aq_exec_output){.data = bytes_of("abc"), .taken = 12})->unknown.count, 0);
    receive(&client, 0);
    assert_received(&client, 0, "abc");
    receive(&client, 0);
    assert_received(&client, 0, "abc");
    tell(&stub, client.session, (struct aq_exec_output){.position = 1, .data = bytes_of("bcdef"), .taken = 12});
    receive(&client, 2);
    assert_received(&client, 2, "cdef");
    assert_int_equal(receive(&client, 1), AQ_E_INVALID);
    assert_int_equal(receive(&client, 7), AQ_E_INVALID);
    assert_string_equal(client.error.message, "after is 7; must be 2 to 6");

    /* The end. */
    tell(&stub, client.session,
         (struct aq_exec_output){.position = 6, .data = bytes_of("."), .taken = 12, .over = true, .exit_status = 3});
    receive(&client, 6);
    assert_received(&client, 6, ".");
    assert_true(client.last.over);
    assert_int_equal(client.last.exit_status, 3);
    assert_int_equal(tell(&stub, client.session, (struct aq_exec_output){.position = 7})->unknown.count, 1);
    assert_int_equal(send_text(&client, 12, "x", 1), AQ_OK);
    assert_true(client.last.over);
    client_close(&client);
    stub_close(&stub);
}

static void what_a_lost_delivery_said_is_said_again(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_start(hub, &stub, &client);
    assert_int_equal(send_text(&client, 0, "hello", 5), AQ_OK);
    const uint64_t seen = stub.seen;
    struct aq_exec_order order = take_order(&stub);
    assert_true(order.start);
    stub.seen = seen; /* it got lost */
    order = take_order(&stub);
    assert_true(order.start);
    assert_int_equal(order.input.position, 0);
    assert_int_equal(order.input.data.length, 5);
    assert_int_equal(order.input.rows, 24);
    client_close(&client);
    stub_close(&stub);
}

static void no_more_is_under_way_than_a_window(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    char *much = aq_calloc(1, AQ_EXEC_DATA_MAX);
    scene_start(hub, &stub, &client);
    take_order(&stub);
    for (unsigned i = 0; i < AQ_EXEC_WINDOW / AQ_EXEC_DATA_MAX; i++)
        assert_int_equal(send_text(&client, i * (uint64_t)AQ_EXEC_DATA_MAX, much, AQ_EXEC_DATA_MAX), AQ_OK);
    assert_int_equal(client.last.taken, AQ_EXEC_WINDOW);
    /* The next byte waits until the agent has taken some. */
    const struct aq_exec_input more = {.position = AQ_EXEC_WINDOW, .data = bytes_of("x")};
    begin_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_SEND, .input = &more});
    uint64_t got = 0;
    while (got < 1000) {
        const struct aq_exec_order order = take_order(&stub);
        assert_true(order.input.position <= got);
        got = order.input.position + order.input.data.length;
    }
    assert_int_equal(sem_trywait(&client.done), -1);
    tell(&stub, client.session, (struct aq_exec_output){.taken = 1000});
    end_call(&client);
    assert_int_equal(client.last.taken, AQ_EXEC_WINDOW + 1);

    /* An agent that sends more than it may is not served. */
    for (unsigned i = 0; i < AQ_EXEC_WINDOW / AQ_EXEC_DATA_MAX; i++)
        tell(&stub, client.session,
             (struct aq_exec_output){.position = i * (uint64_t)AQ_EXEC_DATA_MAX,
                                     .data = {(const unsigned char *)much, AQ_EXEC_DATA_MAX},
                                     .taken = 1000});
    receive(&client, 0);
    assert_int_equal(client.last.data.length, AQ_EXEC_DATA_MAX);
    receive(&client, AQ_EXEC_DATA_MAX); /* room for half a window */
    struct aq_exec_order order;
    do
        order = take_order(&stub);
    while (order.allowed < AQ_EXEC_WINDOW + AQ_EXEC_DATA_MAX);
    tell(&stub, client.session,
         (struct aq_exec_output){.position = AQ_EXEC_WINDOW + AQ_EXEC_DATA_MAX, .data = bytes_of("x"), .taken = 1000});
    do
        order = take_order(&stub);
    while (!order.end);
    free(much);
    client_close(&client);
    stub_close(&stub);
}

/* ---- whose it is ------------------------------------------------------------------------------------------- */

static void a_session_belongs_to_its_user(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_start(hub, &stub, &client);
    client.caller.number++;
    assert_int_equal(receive(&client, 0), AQ_E_NOT_FOUND);
    assert_int_equal(send_text(&client, 0, "x", 1), AQ_E_NOT_FOUND);
    assert_int_equal(do_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_END}), AQ_E_NOT_FOUND);
    client.caller.number--;
    client.session++;
    assert_int_equal(receive(&client, 0), AQ_E_NOT_FOUND);
    client.session--;
    client.resource++;
    assert_int_equal(receive(&client, 0), AQ_E_NOT_FOUND);
    client.resource--;
    assert_int_equal(do_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_END}), AQ_OK);
    struct aq_exec_order order;
    do
        order = take_order(&stub);
    while (!order.end);
    client_close(&client);
    stub_close(&stub);
}

static void an_older_agent_is_not_asked(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_open(hub, &stub, &client, AQ_FORM_ARGUMENTS);
    assert_int_equal(open_session(&client), AQ_E_STATE);
    assert_string_equal(client.error.message, "the agent of node one is of an earlier build, which runs no commands in "
                                              "workloads: update it");
    client.resource = 99;
    assert_int_equal(open_session(&client), AQ_E_NOT_FOUND);
    client_close(&client);
    stub_close(&stub);
}

static void sessions_are_bounded(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_start(hub, &stub, &client);
    for (unsigned i = 1; i < 16; i++)
        assert_int_equal(open_session(&client), AQ_OK);
    assert_int_equal(open_session(&client), AQ_E_LIMIT);
    assert_string_equal(client.error.message,
                        "user admin runs 16 commands in workloads; the limit is 16 (hub.exec.per_user)");
    assert_int_equal(do_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_END}), AQ_OK);
    assert_int_equal(open_session(&client), AQ_OK);
    client_close(&client);
    stub_close(&stub);
}

/* Output of a command that has ended takes memory as long as its client does not take it. */
static void output_that_nobody_takes_counts(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_start(hub, &stub, &client);
    for (unsigned i = 0; i < 16; i++) {
        if (i > 0) {
            assert_int_equal(open_session(&client), AQ_OK);
            assert_int_equal(do_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_START}), AQ_OK);
        }
        assert_int_equal(take_order(&stub).session, client.session);
        tell(&stub, client.session, (struct aq_exec_output){.data = bytes_of("much"), .over = true});
    }
    assert_int_equal(open_session(&client), AQ_E_LIMIT);
    assert_int_equal(receive(&client, 0), AQ_OK);
    assert_int_equal(receive(&client, 4), AQ_OK);
    assert_int_equal(open_session(&client), AQ_OK);
    client_close(&client);
    stub_close(&stub);
}

/* ---- ends -------------------------------------------------------------------------------------------------- */

static void a_session_ends_with_that_of_its_agent(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub, again;
    struct client client;
    scene_start(hub, &stub, &client);
    take_order(&stub);
    begin_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_RECEIVE});
    stub_close(&stub);
    struct aq_hello hello = test_hello("one", 1, 12);
    hello.form = AQ_WIRE_FORM;
    stub_open_as(&again, hub, &hello);
    end_call(&client);
    assert_true(client.last.over);
    assert_string_equal(client.last.reason, "its agent was restarted");
    assert_int_equal(tell(&again, client.session, (struct aq_exec_output){.data = bytes_of("x")})->unknown.count, 1);
    client_close(&client);
    stub_close(&again);
}

/* Its agent may only have been out of reach, and then goes on in its session, with the command. */
static void what_was_given_up_is_ended_when_its_node_is_back(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    struct aq_error error;
    const struct aq_node_lose lose = {.name = "one"};
    scene_start(hub, &stub, &client);
    assert_true(take_order(&stub).start);
    assert_true(test_ask(&hub->cluster, &aq_command_node_lose, &lose, "aquarium", NULL, &error) > 0);
    assert_int_equal(receive(&client, 0), AQ_OK);
    assert_true(client.last.over);
    assert_string_equal(client.last.reason, "its node was lost");
    stub_beat(&stub);
    for (int i = 0; i < 2; i++) { /* and again, if that delivery does not arrive */
        const struct aq_exec_order order = take_order(&stub);
        assert_int_equal(order.session, client.session);
        assert_true(order.end && !order.start);
        stub.seen--;
    }
    assert_int_equal(tell(&stub, client.session, (struct aq_exec_output){.over = true})->unknown.count, 1);
    client_close(&client);
    stub_close(&stub);
}

static void a_session_ends_with_the_hub(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    scene_start(hub, &stub, &client);
    begin_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_RECEIVE});
    hub_end_fetches(hub->services.hub);
    end_call(&client);
    assert_int_equal(client.error.code, AQ_E_BUSY);
    assert_string_equal(client.error.message, "the controller is stopping, which ends commands in workloads");
    assert_int_equal(receive(&client, 0), AQ_E_BUSY);
    client_close(&client);
    stub_close(&stub);
}

static void a_session_ends_with_the_right(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct client client;
    struct aq_error error;
    scene_open(hub, &stub, &client, AQ_WIRE_FORM);
    const struct aq_user_create create = {.name = "ann", .role = "admin", .hash = "x", .project = ""};
    assert_true(test_ask(&hub->cluster, &aq_command_user_create, &create, "admin", NULL, &error) > 0);
    client.caller = find_caller(hub, "ann");
    assert_int_equal(open_session(&client), AQ_OK);
    assert_int_equal(do_call(&client, (struct hub_exec_call){.kind = HUB_EXEC_START}), AQ_OK);
    assert_true(take_order(&stub).start);
    const struct aq_user_update update = {.name = "ann", .role = "viewer"};
    assert_true(test_ask(&hub->cluster, &aq_command_user_update, &update, "admin", NULL, &error) > 0);
    struct aq_exec_order order;
    do
        order = take_order(&stub);
    while (!order.end);
    client_close(&client);
    stub_close(&stub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_setup, stub_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_is_passed_on),
        TEST(what_a_lost_delivery_said_is_said_again),
        TEST(no_more_is_under_way_than_a_window),
        TEST(a_session_belongs_to_its_user),
        TEST(an_older_agent_is_not_asked),
        TEST(sessions_are_bounded),
        TEST(output_that_nobody_takes_counts),
        TEST(a_session_ends_with_that_of_its_agent),
        TEST(what_was_given_up_is_ended_when_its_node_is_back),
        TEST(a_session_ends_with_the_hub),
        TEST(a_session_ends_with_the_right),
    };
    return cmocka_run_group_tests_name("hub: commands in workloads", tests, NULL, NULL);
}
