/* The hub as agents see it: hello, work, reports, heartbeats; and what becomes of strangers and of the silent. */
#include "tests/unit/test_hub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int setup_for(void **context, unsigned lost_after)
{
    struct test_hub *hub = aq_calloc(1, sizeof *hub);
    test_hub_new(hub, lost_after);
    *context = hub;
    return 0;
}

static int setup(void **context)
{
    return setup_for(context, TEST_LOST_LATE);
}

static int setup_of_the_silent(void **context)
{
    return setup_for(context, TEST_LOST_SOON);
}

static int teardown(void **context)
{
    test_hub_free(*context);
    free(*context);
    return 0;
}

/* An agent in session: one asker for the poll, one for the rest. */
struct agent_stub {
    struct test_asker poll, talk;
    const char *name;
    uint64_t session, seen, reports;
};

static void stub_open(struct agent_stub *stub, struct test_hub *hub, const char *name, uint64_t instance,
                      uint64_t session)
{
    *stub = (struct agent_stub){.name = name, .session = session};
    struct aq_hello hello = test_hello(name, instance, session);
    asker_open(&stub->poll, hub->agents_url, &hub->agent_key);
    asker_open(&stub->talk, hub->agents_url, &hub->agent_key);
    asker_expect(&stub->talk, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
}

static void stub_close(struct agent_stub *stub)
{
    asker_close(&stub->poll);
    asker_close(&stub->talk);
}

static void stub_send_poll(struct agent_stub *stub)
{
    struct aq_poll poll = {stub->name, stub->session, stub->seen};
    asker_send(&stub->poll, AQ_MSG_POLL, &poll);
}

/* The delivery, which counts as seen from now on. */
static const struct aq_work *stub_take_work(struct agent_stub *stub)
{
    assert_true(asker_receive_within(&stub->poll, TEST_ANSWER_MS));
    assert_int_equal(stub->poll.type, AQ_MSG_WORK);
    const struct aq_work *work = stub->poll.message;
    stub->seen = work->delivery;
    return work;
}

static const struct aq_work *stub_poll(struct agent_stub *stub)
{
    stub_send_poll(stub);
    return stub_take_work(stub);
}

static void stub_report(struct agent_stub *stub, struct aq_happening happening)
{
    struct aq_report report = {
        .name = stub->name, .session = stub->session, .number = ++stub->reports, .happenings = {&happening, 1}};
    asker_expect(&stub->talk, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_int_equal(((const struct aq_noted *)stub->talk.message)->number, stub->reports);
}

static void stub_beat(struct agent_stub *stub)
{
    struct aq_beat beat = {.name = stub->name, .session = stub->session, .load_milli = 42, .workloads = 3};
    asker_expect(&stub->talk, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
}

static uint64_t apply(struct test_hub *hub)
{
    struct aq_error error;
    struct aq_application_create record = {.label = "mac", .metadata = "{\"a\":1}"};
    char id[65];
    assert_true(test_ask(&hub->cluster, &aq_command_application_create, &record, "admin", id, &error) > 0);
    return strtoull(id, NULL, 10);
}

static void deallocate(struct test_hub *hub, uint64_t id)
{
    struct aq_error error;
    struct aq_application_deallocate record = {.id = id};
    assert_true(test_ask(&hub->cluster, &aq_command_application_deallocate, &record, "admin", NULL, &error) > 0);
}

static enum aq_application_status look_up(struct test_hub *hub, uint64_t id, char node[65])
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

static enum aq_application_status status_of(struct test_hub *hub, uint64_t id)
{
    char node[65];
    return look_up(hub, id, node);
}

static void node_of(struct test_hub *hub, uint64_t id, char node[65])
{
    look_up(hub, id, node);
}

static enum aq_node_status node_status(struct test_hub *hub, const char *name)
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

static bool becomes(struct test_hub *hub, const char *name, enum aq_node_status status)
{
    for (int i = 0; i < 1000 && node_status(hub, name) != status; i++)
        usleep(10000);
    return node_status(hub, name) == status;
}

/* ---- work ---------------------------------------------------------------------------------------------- */

static void start_and_end(struct test_hub *hub)
{
    struct agent_stub stub;
    stub_open(&stub, hub, "one", 1, 11);
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full && work->first == 0 && work->last == UINT64_MAX);
    assert_int_equal(work->assignments.count, 0);

    stub_send_poll(&stub); /* held until there is something */
    uint64_t id = apply(hub);
    work = stub_take_work(&stub);
    assert_false(work->full);
    assert_int_equal(work->assignments.count, 1);
    const struct aq_assignment *assignment = AQ_ITEM(work->assignments, struct aq_assignment, 0);
    assert_int_equal(assignment->want, AQ_WANT_RUNNING);
    assert_string_equal(assignment->driver, "test");
    assert_string_equal(assignment->metadata, "{\"a\":1,\"from\":\"label\"}");
    assert_int_equal(assignment->amounts.cpu, 1000);
    uint64_t resource = assignment->resource;

    struct aq_happening started = {
        .resource = resource, .what = AQ_HAPPENED_STARTED, .identifier = "pid 1", .ip_addr = "", .hw_addr = ""};
    stub_report(&stub, started);
    assert_int_equal(status_of(hub, id), AQ_ALLOCATED);

    stub_send_poll(&stub);
    deallocate(hub, id);
    work = stub_take_work(&stub);
    assert_int_equal(work->assignments.count, 1);
    assert_int_equal(AQ_ITEM(work->assignments, struct aq_assignment, 0)->want, AQ_WANT_GONE);
    struct aq_happening ended = {.resource = resource, .what = AQ_HAPPENED_ENDED, .reason = "stopped"};
    stub_report(&stub, ended);
    assert_int_equal(status_of(hub, id), AQ_DEALLOCATED);
    stub_report(&stub, ended); /* once more does no harm: it is refused, and noted */
    stub_close(&stub);
}

static void a_resource_starts_and_ends(void **context)
{
    start_and_end(*context);
}

struct crowd {
    struct test_hub *hub;
    atomic_bool enough;
    atomic_uint beats;
};

static void *beat_and_beat(void *context)
{
    struct crowd *crowd = context;
    struct agent_stub stub;
    stub_open(&stub, crowd->hub, "one", 1, 11);
    while (!atomic_load(&crowd->enough)) {
        stub_beat(&stub);
        atomic_fetch_add(&crowd->beats, 1);
    }
    stub_close(&stub);
    return NULL;
}

/* So many heartbeats that they gather: nothing else is lost among them, and all are answered. */
static void heartbeats_that_pour_in_stop_nothing(void **context)
{
    struct crowd crowd = {.hub = *context};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, beat_and_beat, &crowd), 0);
    while (atomic_load(&crowd.beats) < 5000)
        usleep(1000);
    start_and_end(*context);
    atomic_store(&crowd.enough, true);
    pthread_join(thread, NULL);
}

static void a_failed_start_is_tried_elsewhere(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stubs[2];
    stub_open(&stubs[0], hub, "one", 1, 11);
    stub_open(&stubs[1], hub, "two", 2, 22);
    stub_poll(&stubs[0]);
    stub_poll(&stubs[1]);
    uint64_t id = apply(hub);
    char node[65];
    node_of(hub, id, node);
    struct agent_stub *first = strcmp(node, "one") == 0 ? &stubs[0] : &stubs[1];
    struct agent_stub *second = first == &stubs[0] ? &stubs[1] : &stubs[0];
    uint64_t resource = AQ_ITEM(stub_poll(first)->assignments, struct aq_assignment, 0)->resource;
    struct aq_happening failed = {.resource = resource, .what = AQ_HAPPENED_FAILED, .reason = "no\nsuch disk"};
    stub_send_poll(second);
    stub_report(first, failed);
    const struct aq_work *work = stub_take_work(second);
    assert_int_equal(work->assignments.count, 1);
    assert_true(AQ_ITEM(work->assignments, struct aq_assignment, 0)->resource > resource);
    assert_int_equal(status_of(hub, id), AQ_ELECTED);
    stub_close(&stubs[0]);
    stub_close(&stubs[1]);
}

static void a_delivery_is_repeated_until_it_is_seen(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    stub_open(&stub, hub, "one", 1, 11);
    stub_poll(&stub);
    apply(hub);
    uint64_t seen = stub.seen;
    const struct aq_work *work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 1);
    stub.seen = seen; /* as if it had been lost */
    apply(hub);
    work = stub_poll(&stub);
    assert_false(work->full);
    assert_int_equal(work->assignments.count, 2);
    stub.seen = 0; /* even the first one, which was full */
    work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 2);
    stub_close(&stub);
}

static void everything_is_told_to_a_new_session(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub, again;
    stub_open(&stub, hub, "one", 1, 11);
    for (int i = 0; i < 5; i++)
        apply(hub);
    stub_open(&again, hub, "one", 1, 12); /* the agent has restarted */
    const struct aq_work *work = stub_poll(&again);
    assert_true(work->full);
    assert_int_equal(work->assignments.count, 5);
    struct aq_poll poll = {"one", 11, 0};
    asker_ask(&stub.poll, AQ_MSG_POLL, &poll); /* its old session is over */
    assert_string_equal(asker_refusal(&stub.poll), "unauthenticated");
    stub_close(&stub);
    stub_close(&again);
}

static void apply_many(struct test_hub *hub, uint32_t count)
{
    struct aq_application_create record = {.label = "mac", .metadata = "{}"};
    const void **records = aq_calloc(count, sizeof *records);
    for (uint32_t i = 0; i < count; i++)
        records[i] = &record;
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = count,
                                     .author = "admin",
                                     .role = AQ_ROLE_ADMIN};
    test_ask_request(&hub->cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
    free(records);
}

/* More than the hub keeps in mind one by one, and more than goes into one message; and some of it is lost on the way.
 */
static void many_resources_are_told_in_parts(void **context)
{
    enum { COUNT = 5000 };
    struct test_hub *hub = *context;
    struct agent_stub stub = {.name = "one", .session = 11};
    struct aq_hello hello = test_hello("one", 1, 11);
    hello.capacity = (struct aq_amounts){.cpu = COUNT * 1000, .slots = COUNT};
    asker_open(&stub.poll, hub->agents_url, &hub->agent_key);
    asker_open(&stub.talk, hub->agents_url, &hub->agent_key);
    asker_expect(&stub.talk, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    stub_poll(&stub);
    apply_many(hub, COUNT / 2);
    apply_many(hub, COUNT / 2);
    uint64_t next = 0, told = 0, deliveries = 0;
    do {
        uint64_t seen = stub.seen;
        const struct aq_work *work = stub_poll(&stub);
        assert_true(work->full);
        assert_true(work->first <= next);
        if (++deliveries % 3 == 0) {
            stub.seen = seen; /* this one is lost */
            continue;
        }
        assert_true(work->first == next);
        for (uint32_t i = 0; i < work->assignments.count; i++)
            assert_int_equal(AQ_ITEM(work->assignments, struct aq_assignment, i)->resource, ++told);
        next = work->last + 1;
    } while (next != 0 && deliveries < 100);
    assert_int_equal(told, COUNT);
    stub_close(&stub);
}

/* ---- who is who ---------------------------------------------------------------------------------------- */

static void a_living_name_is_refused_to_another(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello hello = test_hello("one", 2, 21);
    stub_open(&stub, hub, "one", 1, 11);
    asker_open(&other, hub->agents_url, &hub->agent_key);
    asker_ask(&other, AQ_MSG_HELLO, &hello);
    assert_string_equal(asker_refusal(&other), "exists");
    stub_beat(&stub); /* the first one is none the worse */
    asker_close(&other);
    stub_close(&stub);
}

static void nothing_goes_without_hello(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_poll poll = {"nobody", 5, 0};
    struct aq_beat beat = {.name = "nobody", .session = 5};
    struct aq_report report = {.name = "nobody", .session = 5, .number = 1};
    struct aq_watch watch = {0};
    asker_open(&asker, hub->agents_url, &hub->agent_key);
    asker_ask(&asker, AQ_MSG_POLL, &poll);
    assert_string_equal(asker_refusal(&asker), "unauthenticated");
    asker_ask(&asker, AQ_MSG_BEAT, &beat);
    assert_string_equal(asker_refusal(&asker), "unauthenticated");
    asker_ask(&asker, AQ_MSG_REPORT, &report);
    assert_string_equal(asker_refusal(&asker), "unauthenticated");
    asker_ask(&asker, AQ_MSG_WATCH, &watch); /* that is for the file view */
    assert_string_equal(asker_refusal(&asker), "invalid");
    asker_close(&asker);
}

static int connect_raw(const struct test_hub *hub)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    place.sin_port = htons((uint16_t)strtoul(strrchr(hub->agents_url, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&place, sizeof place), 0);
    return fd;
}

/* Frames as nanomsg has them, with nothing good inside. */
static void send_frames(int fd)
{
    unsigned char frame[8 + 64] = {[7] = 64}, endless[8] = {1}, empty[8] = {0},
                            chain[8 + 4000] = {[6] = 4000 >> 8, 4000 & 255};
    frame[12] = 0x80;
    chain[8 + 3996] = 0x80;
    assert_true(send(fd, "\0SP\0\0\x30\0\0", 8, MSG_NOSIGNAL) == 8);
    (void)!send(fd, frame, sizeof frame, MSG_NOSIGNAL); /* from here on the hub may close at any time */
    (void)!send(fd, empty, sizeof empty, MSG_NOSIGNAL);
    (void)!send(fd, chain, sizeof chain, MSG_NOSIGNAL);
    (void)!send(fd, endless, sizeof endless, MSG_NOSIGNAL);
}

static uint64_t strangers(const struct test_hub *hub)
{
    struct hub_figures figures;
    hub_figures(hub->hub, &figures);
    return figures.strangers;
}

static void await_strangers(const struct test_hub *hub, uint64_t count)
{
    for (int i = 0; i < TEST_ANSWER_MS / 10 && strangers(hub) < count; i++)
        usleep(10000);
    assert_true(strangers(hub) >= count);
}

/* Says hello with a key that opens nothing here. */
static void come_as_stranger(struct test_hub *hub, const struct aq_wire_key *key)
{
    struct test_asker other;
    uint64_t before = strangers(hub);
    struct aq_hello hello = test_hello("one", 2, 21);
    asker_open(&other, hub->agents_url, key);
    asker_send(&other, AQ_MSG_HELLO, &hello);
    await_strangers(hub, before + 1);
    assert_false(asker_receive_within(&other, 100)); /* it was heard, and is not answered */
    asker_close(&other);
}

static void strangers_are_counted_and_dropped(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_wire_key other_key = {{1, 2, 3}};
    struct hub_figures figures;
    stub_open(&stub, hub, "two", 1, 11);
    come_as_stranger(hub, &other_key);
    come_as_stranger(hub, &hub->local_key); /* the file view's key opens nothing here either */
    uint64_t before = strangers(hub);
    int noise = connect_raw(hub), frames = connect_raw(hub), silent = connect_raw(hub);
    assert_true(write(noise, "GET / HTTP/1.0\r\n\r\n", 18) == 18);
    send_frames(frames);
    await_strangers(hub, before + 2);
    stub_beat(&stub);
    hub_figures(hub->hub, &figures);
    assert_true(figures.messages >= 2);
    close(noise);
    close(frames);
    close(silent);
    stub_close(&stub);
}

static void the_directory_is_closed_to_others(void **context)
{
    struct test_hub *hub = *context;
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s/run", hub->cluster.directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

/* ---- recordings ---------------------------------------------------------------------------------------- */

/* An agent of today: the hub says which session it is to be. */
static void stub_open_offered(struct agent_stub *stub, struct test_hub *hub, uint64_t slots)
{
    struct aq_hello hello = test_hello("one", 1, 5);
    hello.asks_session = true;
    hello.capacity.slots = slots;
    *stub = (struct agent_stub){.name = "one"};
    asker_open(&stub->poll, hub->agents_url, &hub->agent_key);
    asker_open(&stub->talk, hub->agents_url, &hub->agent_key);
    asker_expect(&stub->talk, AQ_MSG_HELLO, &hello, AQ_MSG_SESSION);
    stub->session = hello.session = ((const struct aq_session *)stub->talk.message)->session;
    asker_expect(&stub->talk, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
}

static void beat_in(struct test_asker *asker, uint64_t session, uint64_t number)
{
    struct aq_beat beat = {.name = "one", .session = session, .number = number};
    asker_expect(asker, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
}

/* Everything is said word for word as it was, by someone who has no key. */
static void a_recorded_session_begins_no_other(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub first, stub;
    struct test_asker other;
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_open_offered(&first, hub, 3);
    beat_in(&first.talk, first.session, 1);
    stub_open_offered(&stub, hub, 8);
    assert_true(stub.session != first.session);
    beat_in(&stub.talk, stub.session, 1);
    uint64_t seq = writer_seq(hub->cluster.writer);

    struct aq_hello hello = test_hello("one", 1, 5);
    hello.asks_session = true;
    hello.capacity.slots = 3;
    uint64_t said[] = {5, first.session, stub.session};
    for (size_t i = 0; i < AQ_LENGTH(said); i++) {
        hello.session = said[i];
        asker_expect(&other, AQ_MSG_HELLO, &hello, AQ_MSG_SESSION);
    }
    struct aq_beat beat = {.name = "one", .session = first.session, .number = 1};
    struct aq_poll poll = {"one", first.session, 0};
    struct aq_report report = {.name = "one", .session = first.session, .number = 1};
    asker_ask(&other, AQ_MSG_BEAT, &beat);
    assert_string_equal(asker_refusal(&other), "unauthenticated");
    asker_ask(&other, AQ_MSG_POLL, &poll);
    assert_string_equal(asker_refusal(&other), "unauthenticated");
    asker_ask(&other, AQ_MSG_REPORT, &report);
    assert_string_equal(asker_refusal(&other), "unauthenticated");
    beat_in(&stub.talk, stub.session, 2); /* and nothing has changed for the agent */
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    asker_close(&other);
    stub_close(&first);
    stub_close(&stub);
}

static void a_recorded_poll_takes_no_work_away(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_open_offered(&stub, hub, 8);
    stub_poll(&stub);
    stub_send_poll(&stub);
    struct aq_poll poll = {"one", stub.session, 0};
    asker_send(&other, AQ_MSG_POLL, &poll);
    uint64_t seen = stub.seen;
    const struct aq_work *work = stub_take_work(&stub); /* the agent is answered, and asks again */
    assert_int_equal(work->delivery, seen);
    assert_int_equal(work->assignments.count, 0);
    apply(hub);
    assert_int_equal(stub_poll(&stub)->assignments.count, 1);
    asker_close(&other);
    stub_close(&stub);
}

static void recorded_messages_keep_no_node_alive(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    stub_open_offered(&stub, hub, 8);
    beat_in(&stub.talk, stub.session, 7);
    struct test_asker other, *polls[] = {&stub.poll, &other};
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_poll(&stub);
    stub_send_poll(&stub);
    for (int i = 0; i < 500 && node_status(hub, "one") != AQ_NODE_LOST; i++) {
        struct aq_poll poll = {"one", stub.session, stub.seen};
        beat_in(&stub.talk, stub.session, 7);
        asker_send(polls[(i + 1) % 2], AQ_MSG_POLL, &poll);
        assert_true(asker_receive_within(polls[i % 2], TEST_ANSWER_MS));
        usleep(10000);
    }
    asker_close(&other);
    assert_int_equal(node_status(hub, "one"), AQ_NODE_LOST);
    beat_in(&stub.talk, stub.session, 8);
    assert_true(becomes(hub, "one", AQ_NODE_ACTIVE));
    stub_close(&stub);
}

/* ---- lost and found ------------------------------------------------------------------------------------ */

static void the_silent_are_lost_and_found(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_node_live live;
    stub_open(&stub, hub, "one", 1, 11);
    stub_poll(&stub);
    stub_beat(&stub);
    for (int i = 0; i < 500 && (!live_node(hub->live, "one", &live) || live.load_milli != 42); i++)
        usleep(10000);
    assert_true(live_node(hub->live, "one", &live));
    assert_int_equal(live.load_milli, 42);
    assert_true(live.seen_at > 0);
    assert_true(becomes(hub, "one", AQ_NODE_LOST));
    stub_beat(&stub); /* its session is still known */
    assert_true(becomes(hub, "one", AQ_NODE_ACTIVE));
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full);
    stub_close(&stub);
}

static void hold_up(void *context, const struct aq_error *error, const void *data, size_t length)
{
    (void)context, (void)error, (void)data, (void)length;
    sleep(3); /* on the hub's thread; its agents count as lost after two */
}

/* More agents than it hears in one turn have spoken while the hub was held up: that is no silence of theirs. */
static void a_hub_that_was_held_up_loses_nobody(void **context)
{
    enum { COUNT = 400 };
    struct test_hub *hub = *context;
    struct test_asker *askers = aq_calloc(COUNT, sizeof *askers);
    struct aq_beat beats[COUNT];
    char names[COUNT][16];
    struct aq_error error;
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "node-%d", i);
        beats[i] = (struct aq_beat){.name = names[i], .session = 11};
        struct aq_hello hello = test_hello(names[i], 1, 11);
        asker_open(&askers[i], hub->agents_url, &hub->agent_key);
        asker_expect(&askers[i], AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    }
    for (int i = 0; i < COUNT; i++)
        asker_expect(&askers[i], AQ_MSG_BEAT, &beats[i], AQ_MSG_NOTED);
    uint64_t seq = writer_seq(hub->cluster.writer);
    assert_int_equal(hub_fetch(hub->hub, 1, 1, hold_up, NULL, &error), 0);
    for (int i = 0; i < COUNT; i++)
        asker_send(&askers[i], AQ_MSG_BEAT, &beats[i]);
    for (int i = 0; i < COUNT; i++)
        assert_true(asker_receive_within(&askers[i], TEST_ANSWER_MS));
    usleep(300000); /* whoever is to be lost is looked for now */
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    for (int i = 0; i < COUNT; i++)
        asker_close(&askers[i]);
    free(askers);
}

/* All places of readers are taken: what was committed cannot be looked at. That is told, but not for each message. */
static void tables_that_cannot_be_read_are_told_now_and_then(void **context)
{
    enum { READERS = 2000, BEATS = 300 };
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error = {0};
    struct state_txn **txns = aq_calloc(READERS, sizeof *txns);
    char line[512];
    int count = 0, told = 0;
    stub_open(&stub, hub, "one", 1, 11);
    stub_beat(&stub);
    while (count < READERS && state_read(hub->cluster.state, &txns[count], &error) == 0)
        count++;
    assert_true(count < READERS);
    FILE *journal = tmpfile();
    assert_non_null(journal);
    int before = dup(STDERR_FILENO);
    dup2(fileno(journal), STDERR_FILENO);
    test_make_user(&hub->cluster, "late", AQ_ROLE_USER);
    for (int i = 0; i < BEATS; i++)
        stub_beat(&stub);
    dup2(before, STDERR_FILENO);
    close(before);
    for (int i = 0; i < count; i++)
        state_end(txns[i]);
    rewind(journal);
    while (fgets(line, sizeof line, journal) != NULL)
        told += strstr(line, "cannot be read") != NULL;
    assert_in_range(told, 1, BEATS / 3);
    fclose(journal);
    free(txns);
    uint64_t id = apply(hub); /* and all goes on */
    const struct aq_work *work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 1);
    assert_int_equal(status_of(hub, id), AQ_ELECTED);
    stub_close(&stub);
}

static void a_restarted_hub_gives_time_then_knows_nobody(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    stub_open(&stub, hub, "one", 1, 11);
    apply(hub);
    hub_stop(hub->hub);
    credentials_close(hub->credentials);
    test_cluster_close(&hub->cluster);
    live_close(hub->live);
    test_cluster_open(&hub->cluster, false);
    test_hub_open(hub);
    assert_int_equal(node_status(hub, "one"), AQ_NODE_ACTIVE);
    stub_close(&stub);
    stub_open(&stub, hub, "one", 1, 11);
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full);
    assert_int_equal(work->assignments.count, 1);
    stub_close(&stub);
    assert_true(becomes(hub, "one", AQ_NODE_LOST));
}

static void a_forgotten_node_must_say_hello(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error;
    struct aq_node_delete record = {.name = "one"};
    struct aq_beat beat = {.name = "one", .session = 11};
    stub_open(&stub, hub, "one", 1, 11);
    assert_true(becomes(hub, "one", AQ_NODE_LOST));
    assert_true(test_ask(&hub->cluster, &aq_command_node_delete, &record, "admin", NULL, &error) > 0);
    asker_ask(&stub.talk, AQ_MSG_BEAT, &beat); /* at once: what was answered, the hub knows */
    assert_string_equal(asker_refusal(&stub.talk), "unauthenticated");
    stub_close(&stub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_resource_starts_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeats_that_pour_in_stop_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_start_is_tried_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_delivery_is_repeated_until_it_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_is_told_to_a_new_session, setup, teardown),
        cmocka_unit_test_setup_teardown(many_resources_are_told_in_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_living_name_is_refused_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_goes_without_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_are_counted_and_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_directory_is_closed_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_recorded_session_begins_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_recorded_poll_takes_no_work_away, setup, teardown),
        cmocka_unit_test_setup_teardown(recorded_messages_keep_no_node_alive, setup_of_the_silent, teardown),
        cmocka_unit_test_setup_teardown(the_silent_are_lost_and_found, setup_of_the_silent, teardown),
        cmocka_unit_test_setup_teardown(a_hub_that_was_held_up_loses_nobody, setup_of_the_silent, teardown),
        cmocka_unit_test_setup_teardown(tables_that_cannot_be_read_are_told_now_and_then, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restarted_hub_gives_time_then_knows_nobody, setup_of_the_silent, teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_node_must_say_hello, setup_of_the_silent, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
