/* A carrier of a hub whose other end is the test: it puts questions in and finds answers. For one peer. */
#ifndef AQ_TESTS_LIB_HUB_POST_H
#define AQ_TESTS_LIB_HUB_POST_H

#include "controller/hub/carrier.h"
#include "schema/wire/messages.h"
#include "tests/lib/identities.h"

enum { POST_PEER = 7, POST_FRAMES_MAX = 1024 };

struct post_frame {
    uint64_t peer;
    uint32_t number;         /* of the question: it is the header */
    uint64_t counter;        /* with which the question was sealed */
    struct aq_buffer sealed; /* as it travels */
    struct aq_buffer body;   /* of an answer that opened */
};

/* Frames that come, and answers that went. */
struct hub_post {
    struct hub_carrier carrier; /* first: both have the same address */
    struct test_end end;        /* the agent's */
    struct post_frame questions[POST_FRAMES_MAX], answers[POST_FRAMES_MAX];
    unsigned came, taken, answered;
    uint64_t vouched, admitted, ticked_ms;
    bool refused; /* the last frame was no agent's */
};

/* The hub that gets it closes it. */
void post_open(struct hub_post *post);
/* The agent has this identity from now on, and begins a session: returns the number of the question that does. */
uint32_t post_begin(struct hub_post *post, const struct aq_identity *identity);
/* Takes its answer. False: there is none. */
bool post_take_session(struct hub_post *post, uint32_t number);
/* Puts any bytes. */
uint32_t post_put_bytes(struct hub_post *post, const void *bytes, size_t length);
/* A question of the agent comes; returns its number. */
uint32_t post_put(struct hub_post *post, enum aq_message_type type, const void *message);
/* What kind of frame the answer is; AQ_FRAME_NONE: there is no answer. */
enum aq_frame_kind post_kind(const struct hub_post *post, uint32_t number);
/* The answer to the question, which must be of this type, in `arena`; NULL: there is none. */
const void *post_find(const struct hub_post *post, uint32_t number, enum aq_message_type type, struct aq_arena *arena);

#endif
