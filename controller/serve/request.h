/* One request, from its first byte to the last byte of its answer.
 *
 * A request belongs to the serving thread. It is READING until its body is there, then RUNNING its step; a step
 * answers, or rests until somebody else (the writer, the pool of credentials, the hub, a timer) has done its part.
 * While it rests the connection is suspended, so that its memory holds whatever the client does; request_wake(), from
 * any thread and exactly once for each rest, lets it run its next step. Everything that the request needs lives in its
 * arena and its buffers, which are used again by later requests. */
#ifndef AQ_CONTROLLER_SERVE_REQUEST_H
#define AQ_CONTROLLER_SERVE_REQUEST_H

#include "controller/serve/query.h"
#include "controller/serve/serve.h"

#include <microhttpd.h>
#include <sys/socket.h>

enum {
    SEGMENTS_MAX = 24,       /* of a path */
    HEADER_VALUE_MAX = 1024, /* bytes of a header that we read */
    BODY_DRAIN_MAX = 1 << 20 /* so much of a body that is not wanted is read and dropped, for the answer to arrive */
};

enum phase {
    PHASE_HEADERS, /* who asks for what is being found out */
    PHASE_BODY,    /* the body is arriving */
    PHASE_RUNNING, /* the step runs */
    PHASE_RESTING, /* suspended: somebody will wake it */
    PHASE_ANSWERED /* the answer is queued; nothing but its end follows */
};

enum method { METHOD_GET, METHOD_POST, METHOD_DELETE, METHOD_OTHER };
enum outcome {
    ANSWERED, /* the answer is queued */
    RESTING,  /* request_wake() will be called */
    READY     /* only while the head is looked at: go on with the body */
};

enum access {
    ACCESS_OPEN,     /* anybody */
    ACCESS_LOOPBACK, /* anybody on this host; others as users */
    ACCESS_USER,     /* users of the cluster */
    ACCESS_ADMIN     /* of role admin */
};

struct request;
struct stream;
typedef enum outcome request_step(struct request *request);

struct request {
    struct serve *serve;
    struct MHD_Connection *connection;
    struct request *next; /* in one list: of free, woken, or waiting ones */
    enum phase phase;
    bool lost;          /* the library did not take the answer: the connection is to be closed */
    bool complete;      /* all of it has arrived */
    request_step *step; /* what runs next */

    /* What was asked. */
    enum method method;
    const char *path; /* as it was sent, without the query */
    const char *segments[SEGMENTS_MAX];
    unsigned segment_count;
    struct query query;
    struct aq_buffer body;
    uint64_t body_length;  /* of what arrived, kept or not */
    struct aq_error error; /* why it is refused, once that is known */
    const char *allow;     /* with AQ_E_METHOD: what the route takes */

    /* What it comes to: filled by route_find(). */
    request_step *handler;
    enum access access;
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_field *field;
    const char *key; /* of the entity, as typed */

    /* Who asks. */
    struct aq_user user;
    bool known;      /* user is filled */
    unsigned proofs; /* how often the token was sent to be verified */
    bool minimal;    /* of rows that were written, the key is enough for him */

    /* For a rest with an end. */
    uint64_t wait_seq, deadline_ms;

    struct aq_arena arena;
    struct aq_buffer out;
    struct stream *stream; /* when the answer is one */
    void *work;            /* the step's own, in the arena or freed by it */
};

/* Any thread. */
void request_wake(struct request *request);
/* Rests until the writer has reached `seq`, at most until `deadline_ms` (monotonic). Serving thread. */
enum outcome request_wait_seq(struct request *request, uint64_t seq, uint64_t deadline_ms);

/* The header's value, or NULL. A value that is too long is as good as none and leaves an error in the request. */
const char *request_header(struct request *request, const char *name);
bool request_is_admin(const struct request *request);
/* May the caller see the row? Everything of one's own, and what nobody owns; admins see all. */
bool request_may_see(const struct request *request, const struct aq_entity *entity, const void *row);
/* The fields that this looks at, as bits (AQ_FIELD_BIT()); 0: the caller may see every row. */
uint64_t request_looks_at(const struct request *request, const struct aq_entity *entity);
const struct sockaddr *request_peer(const struct request *request);
/* The caller's address as text: "127.0.0.1", "fe80::1"; IPv4 never in its IPv6 form. */
void request_address(const struct request *request, char *out, size_t size);
bool request_is_loopback(const struct request *request);

uint64_t serve_now_ms(void); /* monotonic */

#endif
