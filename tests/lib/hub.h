/* A hub on a test_cluster, and askers, which send it any message. */
#ifndef AQ_TESTS_LIB_HUB_H
#define AQ_TESTS_LIB_HUB_H

#include "schema/wire/messages.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/enrol.h"
#include "tests/lib/services.h"

enum { TEST_ANSWER_MS = 15000, TEST_LOST_SOON = 2, TEST_LOST_LATE = 600 };

struct test_hub {
    struct test_cluster cluster;
    struct test_services services;
    char agents_url[128], local_url[128];
};

/* A client of the hub. It asks one question at a time. */
struct test_asker {
    int socket;
    bool sealing;
    struct test_end end;   /* if it is sealing */
    struct aq_buffer said; /* the last message, as it travelled */
    struct aq_arena arena; /* of the last answer */
    enum aq_message_type type;
    void *message;
};

void test_hub_open(struct test_hub *hub);
/* A cluster with the user admin and the label mac, and a heartbeat each second. `lost_after` is TEST_LOST_SOON only in
 * tests that wait for a lost node: an asker sends no heartbeats by itself, and the machine may be busy. */
void test_hub_new(struct test_hub *hub, unsigned lost_after);
void test_hub_free(struct test_hub *hub);

/* ---- asking -------------------------------------------------------------------------------------------- */

/* Messages are not sealed, as on the local socket. */
void asker_open(struct test_asker *asker, const char *url);
/* Enrols the node, if it has not yet, and begins a sealed session as its agent. */
void asker_open_agent(struct test_asker *asker, struct test_hub *hub, const char *name);
/* The same with any identity. False: the hub begins no session. */
bool asker_open_as(struct test_asker *asker, const char *url, const struct aq_identity *identity);
void asker_close(struct test_asker *asker);
/* Sends these bytes, and receives others, or none within `wait_ms`: returns their length, or -1. They are nanomsg's. */
void asker_send_bytes(struct test_asker *asker, const void *bytes, size_t length);
int asker_receive_bytes(struct test_asker *asker, int wait_ms, void **bytes);
void asker_send(struct test_asker *asker, enum aq_message_type type, const void *message);
/* Returns false when no answer comes within `wait_ms`. */
bool asker_receive_within(struct test_asker *asker, int wait_ms);
void asker_ask(struct test_asker *asker, enum aq_message_type type, const void *message);

/* Asks; fails the test when the answer is not of this type. */
#define asker_expect(asker, question, content, answer)                                                                 \
    do {                                                                                                               \
        asker_ask(asker, question, content);                                                                           \
        if ((asker)->type == AQ_MSG_REFUSED && (answer) != AQ_MSG_REFUSED)                                             \
            fail_msg("refused: %s", ((const struct aq_refused *)(asker)->message)->message);                           \
        assert_int_equal((asker)->type, answer);                                                                       \
    } while (0)

/* The name of the error in the last answer, which must be a refusal. */
const char *asker_refusal(const struct test_asker *asker);
/* Asks; the answer must be a refusal with this error. */
#define asker_expect_refusal(asker, question, content, error)                                                          \
    do {                                                                                                               \
        asker_ask(asker, question, content);                                                                           \
        assert_string_equal(asker_refusal(asker), error);                                                              \
    } while (0)
struct aq_hello test_hello(const char *name, uint64_t instance, uint64_t session);

#endif
