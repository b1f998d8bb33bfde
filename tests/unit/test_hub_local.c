/* The hub as the file view sees it: orders, waiting for commits, logs; and hub_fetch() as REST uses it. */
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "tests/lib/hub.h"

#include <semaphore.h>
#include <unistd.h>

static int setup(void **context)
{
    struct test_hub *hub = aq_calloc(1, sizeof *hub);
    test_hub_new(hub, TEST_LOST_LATE);
    test_make_user(&hub->cluster, "bob", AQ_ROLE_USER);
    *context = hub;
    return 0;
}

static int teardown(void **context)
{
    test_hub_free(*context);
    free(*context);
    return 0;
}

static const struct aq_outcome *order(struct test_asker *asker, const char *author, const struct aq_command *command,
                                      const void *record)
{
    struct aq_buffer packed = {0};
    aq_record_pack(command->record, record, &packed);
    struct aq_order message = {
        .author = author, .command = command->code, .record = {(const unsigned char *)packed.data, packed.length}};
    asker_ask(asker, AQ_MSG_ORDER, &message);
    aq_buffer_free(&packed);
    assert_int_equal(asker->type, AQ_MSG_OUTCOME);
    return asker->message;
}

static void an_order_is_decided_and_durable(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    asker_open(&asker, hub->local_url);
    const struct aq_outcome *outcome = order(&asker, "bob", &aq_command_application_create, &record);
    assert_string_equal(outcome->error, "ok");
    assert_string_equal(outcome->id, "1");
    assert_int_equal(outcome->seq, writer_seq(hub->cluster.writer));
    record.label = "nothing";
    outcome = order(&asker, "bob", &aq_command_application_create, &record);
    assert_string_equal(outcome->error, "not_found");
    assert_true(strstr(outcome->message, "nothing") != NULL);
    assert_int_equal(outcome->seq, writer_seq(hub->cluster.writer));
    asker_close(&asker);
}

static void an_order_must_be_allowed(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_application_create application = {.project = "", .label = "mac", .metadata = "{}"};
    struct aq_user_delete user = {.name = "bob"};
    struct aq_node_lose lose = {.name = "one"};
    asker_open(&asker, hub->local_url);
    const struct aq_outcome *outcome = order(&asker, "eve", &aq_command_application_create, &application);
    assert_string_equal(outcome->error, "forbidden");
    assert_string_equal(outcome->message, "eve is not a user of this cluster");
    assert_int_equal(outcome->seq, writer_seq(hub->cluster.writer)); /* a refusal, too, is true at a seq */
    outcome = order(&asker, "bob", &aq_command_user_delete, &user);
    assert_string_equal(outcome->error, "forbidden");
    outcome = order(&asker, "admin", &aq_command_node_lose, &lose);
    assert_string_equal(outcome->error, "forbidden");
    asker_close(&asker);
}

static void an_order_must_be_well_formed(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_user_create user = {.name = "carl", .role = "", .hash = "chosen by a client", .project = ""};
    struct aq_order nonsense = {.author = "admin", .command = 4711, .record = {(const unsigned char *)"\x90", 1}};
    asker_open(&asker, hub->local_url);
    const struct aq_outcome *outcome = order(&asker, "admin", &aq_command_user_create, &user);
    assert_string_equal(outcome->error, "invalid");
    assert_true(strstr(outcome->message, "hash") != NULL);
    asker_expect(&asker, AQ_MSG_ORDER, &nonsense, AQ_MSG_OUTCOME);
    assert_string_equal(((const struct aq_outcome *)asker.message)->error, "invalid");
    nonsense.command = aq_command_user_create.code;
    nonsense.record.data = (const unsigned char *)"\xc1";
    asker_expect(&asker, AQ_MSG_ORDER, &nonsense, AQ_MSG_OUTCOME);
    assert_string_equal(((const struct aq_outcome *)asker.message)->error, "invalid");
    asker_close(&asker);
}

static void a_new_user_gets_a_token(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_user_create user = {.name = "carl", .role = "", .project = ""};
    asker_open(&asker, hub->local_url);
    const struct aq_outcome *outcome = order(&asker, "admin", &aq_command_user_create, &user);
    assert_string_equal(outcome->error, "ok");
    assert_true(strncmp(outcome->token, "aq_", 3) == 0);
    outcome = order(&asker, "admin", &aq_command_user_create, &user);
    assert_string_equal(outcome->error, "exists");
    assert_string_equal(outcome->token, "");
    asker_close(&asker);
}

static void a_watch_waits_for_the_next_commit(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    asker_open(&asker, hub->local_url);
    struct aq_watch watch = {.seq = 0};
    asker_expect(&asker, AQ_MSG_WATCH, &watch, AQ_MSG_NOW);
    const struct aq_now *now = asker.message;
    assert_true(now->seq > 0 && now->leader);
    watch.seq = now->seq;
    asker_send(&asker, AQ_MSG_WATCH, &watch);
    assert_false(asker_receive_within(&asker, 300));
    test_make_user(&hub->cluster, "dora", AQ_ROLE_USER);
    assert_true(asker_receive_within(&asker, TEST_ANSWER_MS));
    now = asker.message;
    assert_true(now->seq > watch.seq);
    watch.seq = now->seq + 1000;
    asker_expect(&asker, AQ_MSG_WATCH, &watch, AQ_MSG_NOW); /* answered when the watch expires */
    asker_close(&asker);
}

/* ---- logs ---------------------------------------------------------------------------------------------- */

/* Makes node "one" with one resource; returns the number of the resource. */
static uint64_t make_resource(struct test_hub *hub, struct test_asker *agent)
{
    struct aq_error error;
    struct aq_hello hello = test_hello("one", 1, 11);
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    asker_open_agent(agent, hub, "one");
    asker_expect(agent, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    assert_true(test_ask(&hub->cluster, &aq_command_application_create, &record, "admin", NULL, &error) > 0);
    return 1;
}

/* Polls until a delivery brings a question; returns it. */
static struct aq_ask take_ask(struct test_asker *agent, uint64_t seen)
{
    struct aq_poll poll = {"one", 11, seen};
    const struct aq_work *work;
    do {
        asker_expect(agent, AQ_MSG_POLL, &poll, AQ_MSG_WORK);
        work = agent->message;
        poll.seen = work->delivery;
    } while (work->asks.count == 0);
    return *AQ_ITEM(work->asks, struct aq_ask, 0);
}

static void a_log_is_fetched_from_its_agent(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, asker;
    uint64_t resource = make_resource(hub, &agent);
    struct aq_fetch fetch = {.resource = resource, .size = 1000};
    asker_open(&asker, hub->local_url);
    asker_send(&asker, AQ_MSG_FETCH, &fetch);
    struct aq_ask ask = take_ask(&agent, 0);
    assert_int_equal(ask.resource, resource);
    assert_int_equal(ask.size, 1000);
    struct aq_told told = {.number = ask.number, .data = {(const unsigned char *)"hello\n", 6}};
    struct aq_report report = {.name = "one", .session = 11, .number = 1, .told = {&told, 1}};
    asker_expect(&agent, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_true(asker_receive_within(&asker, TEST_ANSWER_MS));
    assert_int_equal(asker.type, AQ_MSG_FETCHED);
    const struct aq_fetched *fetched = asker.message;
    assert_string_equal(fetched->error, "ok");
    assert_int_equal(fetched->data.length, 6);
    assert_memory_equal(fetched->data.data, "hello\n", 6);
    asker_close(&asker);
    asker_close(&agent);
}

static void ask_for_log(struct test_hub *hub, struct test_asker *agent, struct test_asker *asker, struct aq_ask *ask)
{
    struct aq_fetch fetch = {.resource = 1, .size = 1000, .onward = true, .after = 500};
    asker_open(asker, hub->local_url);
    asker_send(asker, AQ_MSG_FETCH, &fetch);
    *ask = take_ask(agent, 0);
    assert_int_equal(ask->resource, 1);
    assert_int_equal(ask->size, 1000);
}

/* Answers the question, and returns what the file view gets. */
static const struct aq_fetched *tell_log(struct test_asker *agent, struct test_asker *asker, struct aq_told *told)
{
    struct aq_report report = {.name = "one", .session = 11, .number = told->number, .told = {told, 1}};
    asker_expect(agent, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_true(asker_receive_within(asker, TEST_ANSWER_MS));
    assert_int_equal(asker->type, AQ_MSG_FETCHED);
    return asker->message;
}

static void a_log_is_fetched_by_position(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, asker;
    struct aq_ask ask;
    make_resource(hub, &agent);
    ask_for_log(hub, &agent, &asker, &ask);
    assert_true(ask.onward);
    assert_int_equal(ask.after, 500);
    struct aq_told told = {.number = ask.number, .error = "", .data = {(const unsigned char *)"hello\n", 6}};
    told.extent = (struct aq_extent){.known = true, .start = 700, .first = 700, .end = 800, .complete = true};
    const struct aq_fetched *fetched = tell_log(&agent, &asker, &told);
    assert_string_equal(fetched->error, "ok");
    assert_memory_equal(&fetched->extent, &told.extent, sizeof told.extent);
    asker_close(&asker);
    asker_close(&agent);
}

/* A question may overtake the work itself: the agent knows of no such log, but that is not so for good. */
static void what_has_not_started_has_no_output_yet(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, asker;
    struct aq_ask ask;
    make_resource(hub, &agent);
    ask_for_log(hub, &agent, &asker, &ask);
    struct aq_told told = {.number = ask.number, .error = "there is no log of resource 1"};
    const struct aq_fetched *fetched = tell_log(&agent, &asker, &told);
    assert_string_equal(fetched->error, "ok");
    assert_int_equal(fetched->data.length, 0);
    assert_true(fetched->extent.known && !fetched->extent.complete && fetched->extent.end == 0);
    asker_close(&asker);
    asker_close(&agent);
}

/* The row of the resource is gone, but not its log. */
static void the_log_of_a_resource_that_has_ended_is_found(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, asker;
    struct aq_ask ask;
    make_resource(hub, &agent);
    struct aq_happening end = {.resource = 1,
                               .what = AQ_HAPPENED_ENDED,
                               .identifier = "",
                               .ip_addr = "",
                               .hw_addr = "",
                               .exit_status = 1,
                               .reason = "exit status 1",
                               .log_bytes = 77};
    struct aq_report report = {.name = "one", .session = 11, .number = 1, .happenings = {&end, 1}};
    asker_expect(&agent, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    struct state_txn *txn;
    struct aq_error error;
    struct aq_arena arena = {0};
    struct aq_ended ended;
    test_must(state_read(hub->cluster.state, &txn, &error), &error);
    assert_true(state_ended(txn, 1, &ended, &arena));
    state_end(txn);
    assert_string_equal(ended.node, "one");
    assert_string_equal(ended.user, "admin");
    assert_int_equal(ended.application, 1);
    assert_int_equal(ended.log_bytes, 77);
    aq_arena_free(&arena);
    ask_for_log(hub, &agent, &asker, &ask);
    asker_close(&asker);
    asker_close(&agent);
}

/* Waits until the heartbeats say that so much of the log of resource 1 is kept; 0: they say nothing. */
static bool log_becomes(struct test_hub *hub, uint64_t first, uint64_t end)
{
    for (int i = 0; i < TEST_ANSWER_MS / 10; i++) {
        struct aq_kept kept = {0};
        bool told = live_log(hub->services.live, 1, &kept);
        if (told == (end != 0) && kept.first == first && kept.end == end)
            return true;
        usleep(10000);
    }
    return false;
}

static void heartbeats_tell_the_size_of_a_log(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent;
    make_resource(hub, &agent);
    struct aq_kept kept[] = {{1, 10, 300}, {1, 20, 400}};
    struct aq_beat beat = {.name = "one", .session = 11, .number = 1, .logs = {&kept[0], 1}};
    asker_expect(&agent, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
    assert_true(log_becomes(hub, 10, 300));
    beat.number = 2;
    beat.logs.items = &kept[1];
    asker_expect(&agent, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
    assert_true(log_becomes(hub, 20, 400));
    struct aq_happening end = {.resource = 1,
                               .what = AQ_HAPPENED_ENDED,
                               .identifier = "",
                               .ip_addr = "",
                               .hw_addr = "",
                               .reason = "exit status 0"};
    struct aq_report report = {.name = "one", .session = 11, .number = 1, .happenings = {&end, 1}};
    asker_expect(&agent, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_true(log_becomes(hub, 0, 0));
    asker_close(&agent);
}

static void a_fetch_ends_when_the_agent_does_not_answer(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, asker;
    struct aq_fetch fetch = {.resource = make_resource(hub, &agent), .size = 1000};
    asker_open(&asker, hub->local_url);
    asker_expect(&asker, AQ_MSG_FETCH, &fetch, AQ_MSG_FETCHED);
    assert_string_equal(((const struct aq_fetched *)asker.message)->error, "unknown");
    fetch.resource = 99;
    asker_expect(&asker, AQ_MSG_FETCH, &fetch, AQ_MSG_FETCHED);
    assert_string_equal(((const struct aq_fetched *)asker.message)->error, "not_found");
    asker_close(&asker);
    asker_close(&agent);
}

/* They are not left for the next node of that name. */
static void questions_end_with_their_node(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, asker;
    struct aq_error error;
    struct aq_node_lose lose = {.name = "one"};
    struct aq_node_delete delete = {.name = "one"};
    struct aq_fetch fetch = {.resource = make_resource(hub, &agent), .size = 1000};
    asker_open(&asker, hub->local_url);
    asker_send(&asker, AQ_MSG_FETCH, &fetch);
    struct aq_ask ask = take_ask(&agent, 0);
    assert_int_equal(ask.resource, fetch.resource);
    assert_true(test_ask(&hub->cluster, &aq_command_node_lose, &lose, "admin", NULL, &error) > 0);
    assert_true(test_ask(&hub->cluster, &aq_command_node_delete, &delete, "admin", NULL, &error) > 0);
    assert_true(asker_receive_within(&asker, TEST_ANSWER_MS));
    assert_string_equal(((const struct aq_fetched *)asker.message)->error, "not_found");
    /* Nor is the log of a resource that was there: there is no one to wait for. */
    asker_expect(&asker, AQ_MSG_FETCH, &fetch, AQ_MSG_FETCHED);
    assert_string_equal(((const struct aq_fetched *)asker.message)->error, "not_found");
    assert_true(strstr(((const struct aq_fetched *)asker.message)->message, "node one, where it is, was deleted"));
    asker_close(&asker);
    asker_close(&agent);
}

struct fetching {
    sem_t done;
    struct aq_error error;
};

static void fetch_done(void *context, const struct aq_error *error, const struct aq_told *told)
{
    struct fetching *fetching = context;
    assert_null(told);
    fetching->error = *error;
    sem_post(&fetching->done);
}

static void an_open_fetch_ends_when_the_hub_stops(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent;
    struct fetching fetching = {0};
    struct aq_error error;
    uint64_t resource = make_resource(hub, &agent);
    sem_init(&fetching.done, 0, 0);
    struct aq_ask want = {.resource = resource};
    assert_int_equal(hub_fetch(hub->services.hub, &want, fetch_done, &fetching, &error), -1);
    assert_int_equal(error.code, AQ_E_INVALID);
    want.size = 10;
    want.wait_ms = AQ_ASK_WAIT_MAX_MS;
    assert_int_equal(hub_fetch(hub->services.hub, &want, fetch_done, &fetching, &error), 0);
    hub_loop_stop(hub->services.hub_loop);
    hub->services.hub_loop = NULL;
    assert_int_equal(sem_trywait(&fetching.done), 0);
    assert_int_equal(fetching.error.code, AQ_E_BUSY);
    sem_destroy(&fetching.done);
    asker_close(&agent);
}

/* The hub runs on: REST waits for its fetches before the hub is stopped. */
static void no_fetch_waits_for_an_agent_at_the_end(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent;
    struct fetching fetching = {0};
    struct aq_error error;
    struct aq_ask want = {.resource = make_resource(hub, &agent), .size = 10, .wait_ms = AQ_ASK_WAIT_MAX_MS};
    sem_init(&fetching.done, 0, 0);
    assert_int_equal(hub_fetch(hub->services.hub, &want, fetch_done, &fetching, &error), 0);
    take_ask(&agent, 0); /* it is open: the agent has the question */
    hub_end_fetches(hub->services.hub);
    sem_wait(&fetching.done);
    assert_int_equal(fetching.error.code, AQ_E_BUSY);
    assert_string_equal(fetching.error.message, "the controller is stopping; try again when it is back");
    hub_end_fetches(hub->services.hub);
    assert_int_equal(hub_fetch(hub->services.hub, &want, fetch_done, &fetching, &error), 0);
    sem_wait(&fetching.done);
    assert_int_equal(fetching.error.code, AQ_E_BUSY);
    sem_destroy(&fetching.done);
    asker_close(&agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_order_is_decided_and_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(an_order_must_be_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_order_must_be_well_formed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_user_gets_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_watch_waits_for_the_next_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_is_fetched_from_its_agent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_is_fetched_by_position, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_not_started_has_no_output_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeats_tell_the_size_of_a_log, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_of_a_resource_that_has_ended_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fetch_ends_when_the_agent_does_not_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(questions_end_with_their_node, setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_fetch_ends_when_the_hub_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(no_fetch_waits_for_an_agent_at_the_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
