/* Identities of test agents: the key of a node follows from its name, so that tests need not keep them. */
#ifndef AQ_TESTS_LIB_IDENTITIES_H
#define AQ_TESTS_LIB_IDENTITIES_H

#include "schema/wire/messages.h"
#include "schema/wire/sealed.h"

/* The key of the node of this name. */
void test_node_pair(struct aq_noise_pair *pair, const char *name);

/* Stores what an agent in <data>/<name> has learned by joining, so that it need not join; and its key. */
void test_write_identity(const char *data, const char *name, const unsigned char hub[AQ_NOISE_KEY_SIZE]);
/* The same in a cluster whose authority has this fingerprint. */
void test_write_identity_in(const char *data, const char *name, const char *fingerprint,
                            const unsigned char hub[AQ_NOISE_KEY_SIZE]);

/* An agent's end of a session, message by message. */
struct test_end {
    struct aq_identity identity;
    struct aq_noise noise;
    struct aq_opening opening;
    struct aq_sealed session;
    uint64_t asked; /* counter of the last question */
    bool began;     /* for the caller */
    struct aq_buffer body;
};

/* Replaces the contents of `out` by the frame that begins a session. */
void test_end_begin(struct test_end *end, struct aq_buffer *out);
/* Takes the frame that answers it. */
bool test_end_take(struct test_end *end, const void *frame, size_t length);
/* Seals a question. Replaces the contents of `out`. */
void test_end_seal(struct test_end *end, enum aq_message_type type, const void *message, struct aq_buffer *out);
/* Opens the answer to the question with the counter `asked`. False: it is none. */
bool test_end_open(struct test_end *end, uint64_t asked, const void *frame, size_t length, enum aq_message_type *type,
                   void **message, struct aq_arena *arena);
void test_end_free(struct test_end *end);

#endif
