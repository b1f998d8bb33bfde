/* The hub's end of sealed sessions: handshakes that lead to nothing, sessions that end, agents that join, and what
 * strangers may cost. */
#include "controller/hub/seals.h"
#include "schema/wire/body.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/identities.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hub_identity own;
static struct hub_seals seals;
static struct seals_holder holder;
static bool enrolled; /* the agent's key is a node's */
static struct test_end agent;
static struct aq_buffer frame, body, reply;
static struct seals_author author;

static struct seals_holder *find(void *context, const unsigned char key[AQ_NOISE_KEY_SIZE])
{
    (void)context;
    return enrolled && memcmp(key, agent.identity.own.public, AQ_NOISE_KEY_SIZE) == 0 ? &holder : NULL;
}

static const struct hub_source here = {{[10] = 0xFF, [11] = 0xFF, [12] = 127}};

static int set_up(void **state)
{
    (void)state;
    aq_noise_pair_make(&own.key);
    seals_open(&seals, &own, find, NULL, 1000);
    holder = (struct seals_holder){0};
    enrolled = true;
    agent = (struct test_end){.identity.knows_hub = true};
    test_node_pair(&agent.identity.own, "one");
    memcpy(agent.identity.hub, own.key.public, sizeof agent.identity.hub);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    seals_close(&seals);
    test_end_free(&agent);
    aq_buffer_free(&frame);
    aq_buffer_free(&body);
    aq_buffer_free(&reply);
    return 0;
}

static enum seals_result give(const struct aq_buffer *bytes, const struct hub_source *source)
{
    return seals_take(&seals, bytes->data, bytes->length, source, &author, &body, &reply);
}

static enum aq_frame_kind kind_of(const struct aq_buffer *bytes)
{
    struct aq_frame read;
    return aq_frame_read(&read, bytes->data, bytes->length) ? read.kind : AQ_FRAME_NONE;
}

static void begin(void)
{
    test_end_begin(&agent, &frame);
    assert_int_equal(give(&frame, &here), SEALS_OPENS);
    assert_true(test_end_take(&agent, reply.data, reply.length));
}

static void say_beat(void)
{
    struct aq_beat beat = {.name = "one", .session = 1};
    test_end_seal(&agent, AQ_MSG_BEAT, &beat, &frame);
}

static void a_session_is_used_from_its_first_message_on(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holder.used[0], 0); /* the handshake alone may be a recording */
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
    assert_int_equal(holder.used[0], agent.session.number);
    assert_memory_equal(author.key, agent.identity.own.public, sizeof author.key);
    assert_int_equal(author.counter, 0);
    assert_int_equal(give(&frame, &here), SEALS_DROPPED);
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
    assert_int_equal(author.counter, 1);
}

static void keep_frame(struct aq_buffer *out)
{
    aq_buffer_reset(out);
    aq_buffer_add(out, frame.data, frame.length);
}

/* However often it is sent again. */
static void a_recorded_handshake_is_not_done_again(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer recorded = {0};
    (void)state;
    begin();
    keep_frame(&recorded);
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(give(&recorded, &here), SEALS_REPLIED);
        assert_int_equal(kind_of(&reply), AQ_FRAME_OLD);
    }
    assert_int_equal(seals.count, 1);
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
}

/* Recordings from before the hub was started, which it does not know. */
static void a_recorded_handshake_takes_no_place_from_the_agent(void **state)
{
    enum { RECORDED = 3 * SEALS_WAITING_MAX };
    struct aq_buffer recorded[RECORDED] = {0};
    (void)state;
    for (int i = 0; i < RECORDED; i++) {
        test_end_begin(&agent, &frame);
        keep_frame(&recorded[i]);
    }
    for (int i = 0; i < RECORDED / 2; i++) /* in their order, they may be what they look like */
        assert_int_equal(give(&recorded[i], &here), SEALS_OPENS);
    assert_in_range(seals.count, 1, SEALS_WAITING_MAX + 1); /* and take each other's places */
    begin();
    for (int i = 0; i < RECORDED; i++) {
        assert_int_equal(give(&recorded[i], &here), SEALS_REPLIED);
        assert_int_equal(kind_of(&reply), AQ_FRAME_OLD);
        aq_buffer_free(&recorded[i]);
    }
    say_beat(); /* of the session that waited meanwhile */
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
}

/* The key of a node is no secret; the tag shows who has made a handshake, and every byte of it counts. */
static void only_the_holder_of_a_key_begins_its_sessions(void **state)
{
    struct test_end other = {.identity = agent.identity};
    (void)state;
    test_node_pair(&other.identity.own, "two");
    memcpy(other.identity.own.public, agent.identity.own.public, sizeof other.identity.own.public);
    test_end_begin(&other, &frame);
    assert_int_equal(give(&frame, &here), SEALS_DENIED);
    assert_int_equal(seals.count, 0);
    test_end_begin(&agent, &frame);
    for (size_t i = 1; i < frame.length; i++) {
        frame.data[i] ^= 1;
        assert_int_equal(give(&frame, &here), SEALS_DENIED);
        frame.data[i] ^= 1;
    }
    assert_int_equal(seals.count, 0);
    assert_int_equal(give(&frame, &here), SEALS_OPENS);
    test_end_free(&other);
}

static void few_sessions_of_a_key_are_in_use(void **state)
{
    struct aq_sealed first;
    (void)state;
    begin();
    first = agent.session;
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
    for (int i = 0; i < SEALS_USED_MAX; i++) {
        begin();
        say_beat();
        assert_int_equal(give(&frame, &here), SEALS_OPENED);
    }
    agent.session = first; /* it was not heard for longest */
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
    assert_int_equal(kind_of(&reply), AQ_FRAME_UNKNOWN);
}

static void a_session_ends_when_it_is_old_or_its_key_is_nobodys(void **state)
{
    (void)state;
    begin();
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
    const struct seals_author asked = author;
    aq_buffer_reset(&body);
    aq_body_pack(AQ_MSG_NOTED, &(struct aq_noted){0}, &body);
    assert_true(seals_seal(&seals, &asked, &body, &reply));
    enrolled = false; /* it was revoked */
    assert_false(seals_seal(&seals, &asked, &body, &reply));
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
    assert_int_equal(kind_of(&reply), AQ_FRAME_UNKNOWN);
    enrolled = true;
    begin();
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_OPENED);
    seals_tick(&seals, 1000 + SEALS_OLD_MS + 1);
    assert_int_equal(seals.free_count, seals.count); /* and its keys are gone from memory */
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
    assert_int_equal(kind_of(&reply), AQ_FRAME_UNKNOWN);
}

static void a_session_that_is_not_used_does_not_wait_for_ever(void **state)
{
    (void)state;
    begin();
    seals_tick(&seals, 1000 + SEALS_WAIT_MS + 1);
    say_beat();
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
    assert_int_equal(kind_of(&reply), AQ_FRAME_UNKNOWN);
}

/* Whoever holds a key may begin so many sessions with it. */
static void each_key_has_a_budget(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SEALS_AT_ONCE; i++)
        begin();
    test_end_begin(&agent, &frame);
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
    assert_int_equal(kind_of(&reply), AQ_FRAME_DENIED);
    seals_tick(&seals, 2000);
    for (unsigned i = 0; i < SEALS_PER_S; i++)
        begin();
    test_end_begin(&agent, &frame);
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
}

/* ---- joining ------------------------------------------------------------------------------------------ */

static struct aq_noise joining;

static void send_join(void)
{
    aq_buffer_reset(&frame);
    aq_join_begin(&joining, &agent.identity.own, &frame);
    assert_int_equal(give(&frame, &here), SEALS_REPLIED);
    assert_int_equal(kind_of(&reply), AQ_FRAME_PROOF);
}

/* Sends the same JOIN so often, and returns how many were answered. */
static unsigned flood(unsigned count, const struct hub_source *source)
{
    unsigned done = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(give(&frame, source), SEALS_REPLIED);
        done += kind_of(&reply) == AQ_FRAME_PROOF;
    }
    return done;
}

/* A flood from one address costs so much and no more, and hinders neither agents nor other addresses. */
static void strangers_have_a_budget(void **state)
{
    static const struct hub_source there = {{[10] = 0xFF, [11] = 0xFF, [12] = 10}};
    (void)state;
    send_join();
    assert_int_equal(flood(2 * BUDGET_AT_ONCE, &there), BUDGET_AT_ONCE);
    assert_int_equal(kind_of(&reply), AQ_FRAME_DENIED);
    assert_int_equal(flood(1, &here), 1);
    seals_tick(&seals, 2000);
    assert_int_equal(flood(2 * BUDGET_PER_S, &there), BUDGET_PER_S);
    begin();
    say_beat();
    assert_int_equal(give(&frame, &there), SEALS_OPENED);
}

static void say_secret(struct aq_sealed *session)
{
    const struct aq_enrol enrol = {.name = "one", .instance = 1, .secret = "the secret"};
    AQ_CLEANUP_BUFFER struct aq_buffer proof = {0};
    struct aq_frame read;
    assert_true(aq_frame_read(&read, reply.data, reply.length));
    assert_true(aq_noise_read(&joining, read.data, read.length, &proof));
    assert_memory_equal(joining.remote, own.key.public, sizeof joining.remote);
    aq_buffer_reset(&frame);
    assert_true(aq_join_enrol(&joining, read.session, &enrol, session, &frame));
}

static void an_agent_that_joins_says_one_thing_and_is_answered_once(void **state)
{
    struct aq_sealed session;
    struct aq_frame read;
    const uint64_t question = 0;
    (void)state;
    enrolled = false;
    send_join();
    say_secret(&session);
    assert_null(memmem(frame.data, frame.length, "the secret", 10));
    assert_int_equal(give(&frame, &here), SEALS_ENROLS);
    assert_true(author.joins);
    assert_memory_equal(author.key, agent.identity.own.public, sizeof author.key);
    const struct seals_author asked = author;
    assert_int_equal(give(&frame, &here), SEALS_REPLIED); /* not twice */
    assert_int_equal(kind_of(&reply), AQ_FRAME_UNKNOWN);
    aq_buffer_reset(&body);
    aq_body_pack(AQ_MSG_ENROLLED, &(struct aq_enrolled){.name = "one"}, &body);
    assert_true(seals_seal(&seals, &asked, &body, &reply));
    assert_true(aq_frame_read(&read, reply.data, reply.length));
    assert_int_equal(aq_sealed_open(&session, &read, &question, &body), AQ_OPENED);
    aq_sealed_seal(&session, NULL, "\1\7", 2, &frame); /* such a session carries no questions */
    assert_int_equal(give(&frame, &here), SEALS_FOREIGN);
}

static void few_agents_join_at_a_time(void **state)
{
    struct aq_sealed session;
    struct aq_noise first;
    struct aq_buffer proof = {0};
    (void)state;
    send_join();
    first = joining;
    aq_buffer_add(&proof, reply.data, reply.length);
    for (int i = 0; i < SEALS_JOINS_MAX; i++)
        send_join();
    assert_in_range(seals.count - seals.free_count, 1, SEALS_JOINS_MAX);
    joining = first;
    aq_buffer_reset(&reply);
    aq_buffer_add(&reply, proof.data, proof.length);
    say_secret(&session);
    assert_int_equal(give(&frame, &here), SEALS_REPLIED); /* the first one gave way */
    assert_int_equal(kind_of(&reply), AQ_FRAME_UNKNOWN);
    aq_buffer_free(&proof);
}

/* The writer may take a while, and others join meanwhile. */
static void an_agent_that_has_said_the_secret_gives_way_to_none(void **state)
{
    struct aq_sealed session;
    (void)state;
    send_join();
    say_secret(&session);
    assert_int_equal(give(&frame, &here), SEALS_ENROLS);
    const struct seals_author asked = author;
    for (int i = 0; i < 2 * SEALS_JOINS_MAX; i++)
        send_join();
    aq_buffer_reset(&body);
    aq_body_pack(AQ_MSG_ENROLLED, &(struct aq_enrolled){.name = "one"}, &body);
    assert_true(seals_seal(&seals, &asked, &body, &reply));
}

static void a_changed_secret_is_not_taken(void **state)
{
    struct aq_sealed session;
    (void)state;
    send_join();
    say_secret(&session);
    frame.data[frame.length - 1] ^= 1;
    assert_int_equal(give(&frame, &here), SEALS_FOREIGN);
}

/* ---- agents beside strangers -------------------------------------------------------------------------- */

enum { CROWD = 2000 };

static struct {
    struct aq_noise_pair pair;
    struct seals_holder holder;
} crowd[CROWD];

static struct seals_holder *find_in_crowd(void *context, const unsigned char key[AQ_NOISE_KEY_SIZE])
{
    (void)context;
    for (unsigned i = 0; i < CROWD; i++)
        if (memcmp(crowd[i].pair.public, key, AQ_NOISE_KEY_SIZE) == 0)
            return &crowd[i].holder;
    return NULL;
}

/* The hub was restarted, all agents come at once, and strangers of many addresses have used up all that they may. They
 * know the agents' keys, too. */
static void strangers_take_nothing_from_agents(void **state)
{
    struct hub_source source = here;
    unsigned proofs = 0;
    (void)state;
    for (unsigned i = 0; i < CROWD; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i);
        test_node_pair(&crowd[i].pair, name);
        crowd[i].holder = (struct seals_holder){0};
    }
    seals.find = find_in_crowd;
    send_join();
    for (unsigned i = 0; i < 2 * BUDGET_ALL_AT_ONCE / BUDGET_AT_ONCE; i++) {
        source.bytes[15]++;
        proofs += flood(BUDGET_AT_ONCE, &source);
    }
    assert_in_range(proofs, BUDGET_ALL_AT_ONCE / 2, BUDGET_ALL_AT_ONCE); /* some share a place in the table */
    while (flood(1, &source) == 1)
        source.bytes[14]++;
    for (unsigned i = 0; i < CROWD; i++) {
        agent.identity.own = crowd[i].pair;
        test_end_begin(&agent, &frame);
        frame.data[frame.length - 1] ^= 1;
        assert_int_equal(give(&frame, &source), SEALS_DENIED);
        begin();
        say_beat();
        assert_int_equal(give(&frame, &source), SEALS_OPENED); /* even of the same address */
    }
}

static int set_up_all(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
#define SEALS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SEALS_TEST(a_session_is_used_from_its_first_message_on),
        SEALS_TEST(a_recorded_handshake_is_not_done_again),
        SEALS_TEST(a_recorded_handshake_takes_no_place_from_the_agent),
        SEALS_TEST(only_the_holder_of_a_key_begins_its_sessions),
        SEALS_TEST(few_sessions_of_a_key_are_in_use),
        SEALS_TEST(a_session_ends_when_it_is_old_or_its_key_is_nobodys),
        SEALS_TEST(a_session_that_is_not_used_does_not_wait_for_ever),
        SEALS_TEST(each_key_has_a_budget),
        SEALS_TEST(strangers_have_a_budget),
        SEALS_TEST(strangers_take_nothing_from_agents),
        SEALS_TEST(an_agent_that_joins_says_one_thing_and_is_answered_once),
        SEALS_TEST(few_agents_join_at_a_time),
        SEALS_TEST(an_agent_that_has_said_the_secret_gives_way_to_none),
        SEALS_TEST(a_changed_secret_is_not_taken),
    };
    return cmocka_run_group_tests_name("hub: seals", tests, set_up_all, NULL);
}
