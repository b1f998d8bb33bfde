#include "tests/lib/hub_post.h"

#include "schema/wire/body.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static struct hub_post *post_of(struct hub_carrier *carrier)
{
    return (struct hub_post *)carrier;
}

static void post_close(struct hub_carrier *carrier)
{
    struct hub_post *post = post_of(carrier);
    for (unsigned i = 0; i < POST_FRAMES_MAX; i++) {
        aq_buffer_free(&post->questions[i].sealed);
        aq_buffer_free(&post->answers[i].sealed);
        aq_buffer_free(&post->answers[i].body);
    }
    test_end_free(&post->end);
}

static int post_receive(struct hub_carrier *carrier, struct hub_frame *frame)
{
    struct hub_post *post = post_of(carrier);
    if (post->taken == post->came)
        return 0;
    const struct post_frame *question = &post->questions[post->taken++ % POST_FRAMES_MAX];
    frame->peer = question->peer;
    memcpy(frame->header, &question->number, sizeof question->number);
    frame->header_length = sizeof question->number;
    frame->sealed = question->sealed.data;
    frame->length = question->sealed.length;
    return 1;
}

static void post_judge(struct hub_carrier *carrier, bool ours)
{
    post_of(carrier)->refused = !ours;
}

/* At once, since an answer opens only once. */
static void open_answer(struct hub_post *post, struct post_frame *answer)
{
    struct aq_frame frame;
    const uint64_t counter = post->questions[(answer->number - 1) % POST_FRAMES_MAX].counter;
    aq_buffer_reset(&answer->body);
    if (aq_frame_read(&frame, answer->sealed.data, answer->sealed.length) && frame.kind == AQ_FRAME_SEALED &&
        frame.session == post->end.session.number)
        assert_int_equal(aq_sealed_open(&post->end.session, &frame, &counter, &answer->body), AQ_OPENED);
}

static void post_answer(struct hub_carrier *carrier, uint64_t peer, const void *header, size_t header_length,
                        const void *sealed, size_t length)
{
    struct hub_post *post = post_of(carrier);
    struct post_frame *answer = &post->answers[post->answered++ % POST_FRAMES_MAX];
    assert_int_equal(header_length, sizeof answer->number);
    answer->peer = peer;
    memcpy(&answer->number, header, sizeof answer->number);
    aq_buffer_reset(&answer->sealed);
    aq_buffer_add(&answer->sealed, sealed, length);
    open_answer(post, answer);
}

static void post_vouch(struct hub_carrier *carrier, uint64_t peer)
{
    post_of(carrier)->vouched = peer;
}

static void post_admit(struct hub_carrier *carrier, uint64_t peer)
{
    post_of(carrier)->admitted = peer;
}

static bool post_has(const struct hub_carrier *carrier, uint64_t peer)
{
    (void)carrier;
    return peer == POST_PEER;
}

static void post_tick(struct hub_carrier *carrier, uint64_t now_ms)
{
    post_of(carrier)->ticked_ms = now_ms;
}

static int post_fd(const struct hub_carrier *carrier)
{
    (void)carrier;
    return -1;
}

void post_open(struct hub_post *post)
{
    static const struct hub_carrier_kind kind = {.close = post_close,
                                                 .receive = post_receive,
                                                 .judge = post_judge,
                                                 .answer = post_answer,
                                                 .vouch = post_vouch,
                                                 .admit = post_admit,
                                                 .has = post_has,
                                                 .tick = post_tick,
                                                 .fd = post_fd};
    *post = (struct hub_post){.carrier = {&kind}};
}

static struct post_frame *add_question(struct hub_post *post)
{
    struct post_frame *question = &post->questions[post->came % POST_FRAMES_MAX];
    assert_true(post->came - post->taken < POST_FRAMES_MAX);
    question->peer = POST_PEER;
    question->number = ++post->came;
    aq_buffer_reset(&question->sealed);
    return question;
}

uint32_t post_put_bytes(struct hub_post *post, const void *bytes, size_t length)
{
    struct post_frame *question = add_question(post);
    aq_buffer_add(&question->sealed, bytes, length);
    return question->number;
}

uint32_t post_put(struct hub_post *post, enum aq_message_type type, const void *message)
{
    struct post_frame *question = add_question(post);
    test_end_seal(&post->end, type, message, &question->sealed);
    question->counter = post->end.asked;
    return question->number;
}

uint32_t post_begin(struct hub_post *post, const struct aq_identity *identity)
{
    struct post_frame *question = add_question(post);
    post->end.identity = *identity;
    test_end_begin(&post->end, &question->sealed);
    return question->number;
}

static const struct post_frame *find_answer(const struct hub_post *post, uint32_t number)
{
    for (unsigned i = post->answered; i > 0 && post->answered - i < POST_FRAMES_MAX; i--)
        if (post->answers[(i - 1) % POST_FRAMES_MAX].number == number)
            return &post->answers[(i - 1) % POST_FRAMES_MAX];
    return NULL;
}

enum aq_frame_kind post_kind(const struct hub_post *post, uint32_t number)
{
    const struct post_frame *answer = find_answer(post, number);
    struct aq_frame frame;
    return answer != NULL && aq_frame_read(&frame, answer->sealed.data, answer->sealed.length) ? frame.kind
                                                                                               : AQ_FRAME_NONE;
}

bool post_take_session(struct hub_post *post, uint32_t number)
{
    const struct post_frame *answer = find_answer(post, number);
    return answer != NULL && test_end_take(&post->end, answer->sealed.data, answer->sealed.length);
}

const void *post_find(const struct hub_post *post, uint32_t number, enum aq_message_type type, struct aq_arena *arena)
{
    const struct post_frame *answer = find_answer(post, number);
    enum aq_message_type got;
    struct aq_error error;
    void *message;
    if (answer == NULL)
        return NULL;
    assert_int_equal(answer->peer, POST_PEER);
    if (aq_body_unpack(answer->body.data, answer->body.length, &got, &message, arena, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(got, type);
    return message;
}
