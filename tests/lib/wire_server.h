/* A server for questions that are not sealed, driven by the test: it takes a question, and answers it when the test
 * says so, with what the test says. */
#ifndef AQ_TESTS_LIB_WIRE_SERVER_H

#define AQ_TESTS_LIB_WIRE_SERVER_H

#include "schema/wire/messages.h"

#include <stddef.h>
#include <stdint.h>

/* A question as the server gets it: the header that its answer needs, and its message. */
struct wire_question {
    unsigned char header[256];
    size_t header_length;
    enum aq_message_type type;
    uint64_t seq; /* in a WATCH */
};

/* Listens at the url. Returns nanomsg's socket, which the caller closes with nn_close(). */
int wire_serve(const char *url);
/* Waits up to 10 seconds for a question. */
void wire_take(int server, struct wire_question *question);
void wire_answer_bytes(int server, struct wire_question *question, const void *bytes, size_t length);
void wire_answer(int server, struct wire_question *question, enum aq_message_type type, const void *message);

#endif
