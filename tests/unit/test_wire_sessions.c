/* The client of the hub on sealed sessions: when it begins one and another, what it does about answers from somebody
 * else, and how it joins. The test is the network; the hub's end of sessions is real (controller/hub/seals.h). */
#include "schema/wire/ask.h"
#include "schema/wire/body.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/identities.h"
#include "tests/lib/test_seals.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 64, LATE_MS = 1000000 };

struct parcel {
    uint32_t number;
    struct aq_buffer frame;
};

/* An uplink whose other end is the test; it is always connected. */
struct wire {
    struct aq_uplink uplink; /* first: both have the same address */
    struct parcel sent[FRAMES_MAX], come[FRAMES_MAX];
    unsigned sent_count, come_count, come_taken;
};

static struct wire wire;
static struct test_seals hub;
static struct aq_asker *asker;
static struct aq_arena arena;
static uint64_t now_ms, wall_ms; /* wall_ms: ahead of the other clock */

static void close_wire(struct aq_uplink *uplink)
{
    (void)uplink;
    for (unsigned i = 0; i < FRAMES_MAX; i++) {
        aq_buffer_free(&wire.sent[i].frame);
        aq_buffer_free(&wire.come[i].frame);
    }
}

static int connect_wire(struct aq_uplink *uplink, struct aq_error *error)
{
    (void)uplink, (void)error;
    return 0;
}

static struct aq_uplink_state state_of_wire(const struct aq_uplink *uplink)
{
    (void)uplink;
    return (struct aq_uplink_state){.made = 1, .connected = true};
}

static void put(struct parcel *parcels, unsigned *count, uint32_t number, const void *bytes, size_t length)
{
    assert_true(*count < FRAMES_MAX);
    parcels[*count].number = number;
    aq_buffer_reset(&parcels[*count].frame);
    aq_buffer_add(&parcels[(*count)++].frame, bytes, length);
}

static int send_on_wire(struct aq_uplink *uplink, uint32_t number, const void *bytes, size_t length)
{
    (void)uplink;
    put(wire.sent, &wire.sent_count, number, bytes, length);
    return 0;
}

static bool receive_from_wire(struct aq_uplink *uplink, uint32_t *number, const void **bytes, size_t *length)
{
    (void)uplink;
    if (wire.come_taken == wire.come_count)
        return false;
    const struct parcel *parcel = &wire.come[wire.come_taken++];
    *number = parcel->number;
    *bytes = parcel->frame.data;
    *length = parcel->frame.length;
    return true;
}

static const char *name_of_wire(const struct aq_uplink *uplink)
{
    (void)uplink;
    return "the test";
}

static int no_descriptor(const struct aq_uplink *uplink)
{
    (void)uplink;
    return -1;
}

static const struct aq_uplink_kind kind = {.close = close_wire,
                                           .connect = connect_wire,
                                           .state = state_of_wire,
                                           .send = send_on_wire,
                                           .receive = receive_from_wire,
                                           .name = name_of_wire,
                                           .fd = no_descriptor,
                                           .send_fd = no_descriptor};

static void set_time(void)
{
    aq_asker_set_time(asker, &(struct aq_clocks){now_ms, now_ms + wall_ms});
}

static void open_asker(bool knows_hub)
{
    struct aq_error error = {0};
    struct aq_identity identity = {.knows_hub = knows_hub};
    test_node_pair(&identity.own, "one");
    memcpy(identity.hub, hub.identity.key.public, sizeof identity.hub);
    wire = (struct wire){.uplink.kind = &kind};
    assert_int_equal(aq_asker_open(&asker, &wire.uplink, &identity, &error), 0);
    set_time();
}

static int set_up(void **state)
{
    (void)state;
    now_ms = 1000;
    wall_ms = 1000000;
    test_seals_open(&hub);
    open_asker(true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    aq_asker_close(asker);
    test_seals_close(&hub);
    aq_arena_free(&arena);
    return 0;
}

/* ---- steps -------------------------------------------------------------------------------------------- */

static void pass(uint64_t ms)
{
    now_ms += ms;
    seals_tick(&hub.seals, now_ms);
    set_time();
    aq_asker_flush(asker);
}

/* What the agent sent last; it must be of this kind. */
static struct parcel *last_sent(enum aq_frame_kind wanted)
{
    struct aq_frame frame;
    assert_true(wire.sent_count > 0);
    struct parcel *parcel = &wire.sent[wire.sent_count - 1];
    assert_true(aq_frame_read(&frame, parcel->frame.data, parcel->frame.length));
    assert_int_equal(frame.kind, wanted);
    return parcel;
}

/* The hub gets it; its reply is in `reply`. */
static enum seals_result give(const struct parcel *parcel, struct seals_author *author, struct aq_buffer *reply)
{
    static const struct hub_source here;
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    return seals_take(&hub.seals, parcel->frame.data, parcel->frame.length, &here, author, &body, reply);
}

static void come(uint32_t number, const struct aq_buffer *frame)
{
    put(wire.come, &wire.come_count, number, frame->data, frame->length);
}

static struct aq_question *take(void)
{
    enum aq_message_type type;
    void *message;
    struct aq_question *question = aq_asker_take(asker, &type, &message, &arena);
    aq_asker_flush(asker);
    return question;
}

/* The hub answers the handshake. */
static void answer_begin(void)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0};
    struct seals_author author;
    const struct parcel *begin = last_sent(AQ_FRAME_BEGIN);
    assert_int_equal(give(begin, &author, &reply), SEALS_OPENS);
    come(begin->number, &reply);
    assert_null(take());
}

static void ask(struct aq_question *question)
{
    aq_asker_ask(asker, question, AQ_MSG_POLL, &(struct aq_poll){.name = "one", .session = 1}, LATE_MS);
}

static void seal_answer(const struct seals_author *author, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    aq_body_pack(AQ_MSG_NOTED, &(struct aq_noted){.number = 1}, &body);
    assert_true(seals_seal(&hub.seals, author, &body, out));
}

/* The hub hears the last question, and answers it. */
static void answer_question(struct aq_question *question)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0};
    struct seals_author author;
    const struct parcel *asked = last_sent(AQ_FRAME_SEALED);
    assert_int_equal(give(asked, &author, &reply), SEALS_OPENED);
    seal_answer(&author, &reply);
    come(asked->number, &reply);
    assert_ptr_equal(take(), question);
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

static void a_question_waits_for_a_session(void **state)
{
    struct aq_question question = {0};
    (void)state;
    ask(&question);
    assert_false(aq_asker_has_session(asker));
    assert_int_equal(wire.sent_count, 1);
    answer_begin();
    assert_true(aq_asker_has_session(asker));
    answer_question(&question);
}

static void a_handshake_without_an_answer_is_done_again(void **state)
{
    struct aq_question question = {0};
    (void)state;
    ask(&question);
    last_sent(AQ_FRAME_BEGIN);
    pass(AQ_SEALER_LATE_MS - 1);
    assert_int_equal(wire.sent_count, 1);
    assert_int_equal(aq_asker_deadline_ms(asker), now_ms + 1);
    pass(1);
    assert_int_equal(wire.sent_count, 2);
    answer_begin();
    answer_question(&question);
}

/* Anybody can say that a session is unknown: that costs a handshake now and then, and nothing else. */
static void an_unknown_session_is_used_until_there_is_another(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer unknown = {0};
    struct aq_question question = {0};
    (void)state;
    ask(&question);
    answer_begin();
    pass(AQ_SEALER_PAUSE_MS);
    struct aq_frame frame;
    struct parcel asked = *last_sent(AQ_FRAME_SEALED);
    assert_true(aq_frame_read(&frame, asked.frame.data, asked.frame.length));
    aq_frame_unknown(frame.session, &unknown);
    for (int i = 0; i < 20; i++) {
        come(asked.number, &unknown);
        assert_null(take());
    }
    assert_int_equal(wire.sent_count, 3); /* one handshake */
    last_sent(AQ_FRAME_BEGIN);
    struct seals_author author;
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0};
    assert_int_equal(give(&asked, &author, &reply), SEALS_OPENED);
    seal_answer(&author, &reply);
    come(asked.number, &reply);
    assert_ptr_equal(take(), &question);
    answer_begin();
    pass(AQ_SEALER_PAUSE_MS);
    const unsigned before = wire.sent_count;
    come(asked.number, &unknown); /* of the session before: nothing happens */
    assert_null(take());
    assert_int_equal(wire.sent_count, before);
}

static void open_questions_are_sealed_anew_in_the_next_session(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0}, late = {0};
    struct aq_question question = {0};
    struct seals_author author;
    (void)state;
    ask(&question);
    answer_begin();
    pass(AQ_SEALER_PAUSE_MS);
    const struct parcel *asked = last_sent(AQ_FRAME_SEALED);
    assert_int_equal(give(asked, &author, &reply), SEALS_OPENED);
    seal_answer(&author, &late); /* under way while the hub is restarted */
    const uint32_t number = asked->number;
    test_seals_reopen(&hub, now_ms);
    assert_int_equal(give(asked, &author, &reply), SEALS_REPLIED);
    come(number, &reply);
    assert_null(take());
    answer_begin();
    come(number, &late); /* of the session before */
    assert_null(take());
    assert_true(question.open);
    assert_int_equal(last_sent(AQ_FRAME_SEALED)->number, number);
    answer_question(&question);
}

static void a_session_is_renewed(void **state)
{
    struct aq_question question = {0};
    (void)state;
    ask(&question);
    answer_begin();
    answer_question(&question);
    const unsigned before = wire.sent_count;
    pass(AQ_SEALER_RENEW_MS / 2 - 1);
    assert_int_equal(wire.sent_count, before);
    pass(AQ_SEALER_RENEW_MS + 1);
    assert_int_equal(wire.sent_count, before + 1);
    answer_begin();
    ask(&question);
    answer_question(&question);
}

/* Gives the hub what was sent last, and takes its answer, which is of this kind. */
static void give_and_take(enum aq_frame_kind answer)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0};
    struct seals_author author;
    struct aq_frame frame;
    const struct parcel *begin = last_sent(AQ_FRAME_BEGIN);
    (void)give(begin, &author, &reply);
    assert_true(aq_frame_read(&frame, reply.data, reply.length));
    assert_int_equal(frame.kind, answer);
    come(begin->number, &reply);
    assert_null(take());
}

/* As after a restart of the agent on a host whose clock was put back: what it sends looks like a recording. */
static void a_clock_that_was_put_back_costs_one_question_more(void **state)
{
    struct aq_question question = {0};
    (void)state;
    pass(0);
    give_and_take(AQ_FRAME_BEGUN);
    aq_asker_close(asker);
    wall_ms -= 500000;
    open_asker(true);
    ask(&question);
    give_and_take(AQ_FRAME_OLD);
    assert_false(aq_asker_has_session(asker));
    assert_int_equal(wire.sent_count, 2); /* it has begun again, at once */
    give_and_take(AQ_FRAME_BEGUN);
    answer_question(&question);
}

/* Whoever has a copy of the key can use up the stamps. That costs the agent its sessions, as the copy does anyway, but
 * it does not ask again and again without a pause. */
static void stamps_that_are_used_up_cause_no_flood(void **state)
{
    struct aq_question question = {0};
    (void)state;
    hub.holder.stamp = UINT64_MAX;
    ask(&question);
    give_and_take(AQ_FRAME_OLD);
    assert_int_equal(wire.sent_count, 2);
    give_and_take(AQ_FRAME_OLD);
    assert_int_equal(wire.sent_count, 2);
    pass(AQ_SEALER_LATE_MS);
    assert_int_equal(wire.sent_count, 3);
    test_seals_reopen(&hub, 0); /* the hub was restarted */
    give_and_take(AQ_FRAME_BEGUN);
    answer_question(&question);
}

/* Nobody can tell an agent that its stamps are old but its hub, and only about this one. */
static void old_is_said_by_the_hub_alone(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer before = {0}, forged = {0};
    struct seals_author author;
    (void)state;
    pass(0);
    struct parcel *first = last_sent(AQ_FRAME_BEGIN);
    assert_int_equal(give(first, &author, &before), SEALS_OPENS);
    assert_int_equal(give(first, &author, &before), SEALS_REPLIED); /* what the hub says to a recording of it */
    come(first->number, &before);
    assert_null(take());
    assert_int_equal(wire.sent_count, 1); /* its own stamp: the answer is under way */
    pass(AQ_SEALER_LATE_MS);
    aq_buffer_add(&forged, before.data, before.length);
    memset(forged.data + 1, 0x7F, 8); /* the stamp */
    for (const struct aq_buffer *false_one = &before; false_one != NULL;
         false_one = false_one == &before ? &forged : NULL) {
        come(last_sent(AQ_FRAME_BEGIN)->number, false_one);
        assert_null(take());
        assert_int_equal(wire.sent_count, 2);
    }
    give_and_take(AQ_FRAME_BEGUN);
    assert_true(aq_asker_has_session(asker));
}

static void a_denial_makes_a_pause(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer denied = {0};
    struct aq_question question = {0};
    (void)state;
    ask(&question);
    aq_frame_denied(AQ_DENIED_STRANGER, &denied);
    come(last_sent(AQ_FRAME_BEGIN)->number, &denied);
    assert_null(take());
    assert_int_equal(aq_asker_denial(asker), AQ_DENIED_STRANGER);
    pass(AQ_SEALER_STRANGER_MS - 1);
    assert_int_equal(wire.sent_count, 1);
    pass(1);
    answer_begin();
    assert_int_equal(aq_asker_denial(asker), 0);
    answer_question(&question);
}

/* Answers whose numbers somebody has exchanged, repeated, or taken from elsewhere. */
static void an_answer_is_taken_for_its_question_only(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0}, first = {0}, second = {0};
    struct aq_question one = {0}, two = {0};
    struct seals_author author;
    (void)state;
    ask(&one);
    answer_begin();
    assert_int_equal(give(last_sent(AQ_FRAME_SEALED), &author, &reply), SEALS_OPENED);
    seal_answer(&author, &first);
    ask(&two);
    assert_int_equal(give(last_sent(AQ_FRAME_SEALED), &author, &reply), SEALS_OPENED);
    seal_answer(&author, &second);
    come(one.number, &second);
    come(two.number, &first);
    assert_null(take());
    assert_true(one.open && two.open);
    come(two.number, &second);
    assert_ptr_equal(take(), &two);
    come(one.number, &second);
    assert_null(take());
    come(one.number, &first);
    assert_ptr_equal(take(), &one);
}

/* ---- joining ------------------------------------------------------------------------------------------ */

/* Of an authority whose signature nobody has. */
static void join(const char *secret)
{
    struct aq_join how = {.name = "one", .instance = 1};
    aq_fingerprint_make("another", 7, how.fingerprint);
    snprintf(how.secret, sizeof how.secret, "%s", secret);
    aq_asker_join(asker, &how);
    aq_asker_flush(asker);
}

static void the_secret_is_not_said_to_another_cluster(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reply = {0};
    struct aq_question question = {0};
    struct seals_author author;
    unsigned char key[AQ_NOISE_KEY_SIZE];
    (void)state;
    aq_asker_close(asker);
    open_asker(false);
    ask(&question);
    assert_int_equal(wire.sent_count, 0); /* there is nobody whom it could trust */
    join("the secret");
    const struct parcel *sent = last_sent(AQ_FRAME_JOIN);
    assert_int_equal(give(sent, &author, &reply), SEALS_REPLIED);
    come(sent->number, &reply);
    assert_null(take());
    assert_int_equal(wire.sent_count, 1); /* it says nothing more, */
    assert_int_equal(aq_asker_join_refusal(asker)->code, AQ_E_UNAUTHENTICATED);
    pass(AQ_JOINER_REFUSED_MS - 1);
    assert_int_equal(wire.sent_count, 1);
    pass(1);
    last_sent(AQ_FRAME_JOIN); /* and tries again later */
    assert_false(aq_asker_take_hub(asker, key));
    assert_true(aq_asker_joins(asker));
    aq_asker_drop(asker, &question);
}

static int set_up_all(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

/* Without a session there are no keys; zeros are what everybody knows. */
static void nothing_opens_without_a_session(void **state)
{
    (void)state;
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0}, frame = {0};
    struct aq_sealed none = {0};
    struct aq_question question = {0};
    const uint64_t counter = 0;
    ask(&question); /* it waits for a session */
    aq_body_pack(AQ_MSG_NOTED, &(struct aq_noted){.number = 1}, &body);
    aq_sealed_seal(&none, &counter, body.data, body.length, &frame);
    come(question.number, &frame);
    assert_null(take());
    assert_true(question.open);
    aq_asker_drop(asker, &question);
}

int main(void)
{
#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SESSION_TEST(a_question_waits_for_a_session),
        SESSION_TEST(a_handshake_without_an_answer_is_done_again),
        SESSION_TEST(an_unknown_session_is_used_until_there_is_another),
        SESSION_TEST(open_questions_are_sealed_anew_in_the_next_session),
        SESSION_TEST(a_session_is_renewed),
        SESSION_TEST(a_clock_that_was_put_back_costs_one_question_more),
        SESSION_TEST(stamps_that_are_used_up_cause_no_flood),
        SESSION_TEST(old_is_said_by_the_hub_alone),
        SESSION_TEST(a_denial_makes_a_pause),
        SESSION_TEST(an_answer_is_taken_for_its_question_only),
        SESSION_TEST(nothing_opens_without_a_session),
        SESSION_TEST(the_secret_is_not_said_to_another_cluster),
    };
    return cmocka_run_group_tests_name("wire: sessions", tests, set_up_all, NULL);
}
