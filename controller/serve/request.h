/* A request: what it asks for, who sends it, and its answer.
 *
 * A request is handled in steps, which exchange.h runs on the serving thread. A step either makes the answer
 * (answer.h), or rests until another thread (the writer, the credentials, the hub) has done its part. That thread calls
 * request_wake(), exactly once for each rest; then the step in `request->step` runs.
 *
 * What a request needs is in its arena and its buffers, which later requests use again. They stay as they are while the
 * request rests, whatever the client does. */
#ifndef AQ_CONTROLLER_SERVE_REQUEST_H
#define AQ_CONTROLLER_SERVE_REQUEST_H

#include "controller/serve/backend.h"
#include "controller/serve/query.h"

#include <microhttpd.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    SEGMENTS_MAX = 24,      /* of a path */
    HEADER_VALUE_MAX = 1024 /* bytes of a header that is read */
};

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_DELETE, METHOD_OTHER };

enum access {
    ACCESS_OPEN,     /* anybody */
    ACCESS_LOOPBACK, /* anybody on this host, and users from elsewhere */
    ACCESS_USER,     /* users of the cluster */
    ACCESS_ADMIN     /* users with the role admin */
};

/* How a step ends. */
enum outcome {
    ANSWERED, /* the answer is made */
    RESTING   /* request_wake() will be called */
};

struct request;
typedef enum outcome request_step(struct request *request);

/* An answer whose bytes are made while it is sent. */
enum { SOURCE_END = -1 };
struct request_source {
    const char *type; /* of the contents */
    /* Writes up to `max` bytes and returns how many. 0: there are none now, and the source resumes the request when
     * there are. SOURCE_END: there are no more. */
    ssize_t (*read)(void *context, char *out, size_t max);
    void (*end)(void *context); /* the request is over */
    void *context;
};

struct request {
    const struct backend *backend;
    struct MHD_Connection *connection;
    struct request *next_woken;
    request_step *step; /* to run next */

    /* What is asked for. */
    enum method method;
    const char *path; /* as sent, without the query */
    const char *segments[SEGMENTS_MAX];
    unsigned segment_count;
    struct query query;
    struct aq_buffer body;
    struct aq_error error; /* why it fails, if it does */
    const char *allow;     /* with AQ_E_METHOD: the methods that the route takes */

    /* What it is routed to; filled by route_find(). */
    request_step *handler;
    enum access access;
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_field *field;
    const char *key; /* of the entity, as typed */

    /* Who sends it. */
    struct aq_user user;
    bool known;             /* user is filled */
    unsigned verifications; /* of its token, so far */

    /* The answer. */
    uint64_t seq; /* what it is made from, a refusal too, was read or decided at this seq */
    bool has_seq; /* seq is filled */
    struct aq_buffer out;
    bool minimal; /* the caller wants only the keys of rows that were written */
    unsigned status;
    struct MHD_Response *response; /* NULL before there is one, and if there is a source */
    struct request_source source;  /* read is NULL: there is none */

    struct aq_arena arena;
    void *work; /* for the steps; in the arena */
    void (*drop)(
        struct request *request); /* frees what `work` holds outside of it; NULL: nothing. Called at the end
                                     of the request, which may come before its last step if the client leaves */
};

/* GET or HEAD: it asks for what is there. libmicrohttpd leaves the body out of answers to HEAD. */
static inline bool request_reads(const struct request *request)
{
    return request->method == METHOD_GET || request->method == METHOD_HEAD;
}

/* Lets a request that rests run its next step. Any thread. */
void request_wake(struct request *request);

/* Opens a snapshot of the tables, for the caller to end: what the answer says is true at its seq, and the caller is the
 * user as of then. Fails if the user has been deleted or has a new token since the request came. */
int request_read(struct request *request, struct state_txn **txn) AQ_MUST_CHECK;
/* The answer is true at `seq`. */
void request_set_seq(struct request *request, uint64_t seq);

/* The value of a header, or NULL. A value that is too long counts as none and leaves an error in the request. */
const char *request_header(struct request *request, const char *name);
bool request_is_admin(const struct request *request);
/* May the caller see the row? Users see their own rows and rows that have no owner; admins see all. */
bool request_may_see(const struct request *request, const struct aq_entity *entity, const void *row);
/* The fields that request_may_see() reads, as bits (AQ_FIELD_BIT()); 0: the caller may see every row. */
uint64_t request_visibility_fields(const struct request *request, const struct aq_entity *entity);
const struct sockaddr *request_peer(const struct request *request);
/* The caller's address as text: "127.0.0.1", "fe80::1"; IPv4 never in its IPv6 form. */
void request_address(const struct request *request, char *out, size_t size);
bool request_is_loopback(const struct request *request);

/* ---- woken requests ------------------------------------------------------------------------- */

/* Requests that were woken, for the serving thread to take. */
struct wakes {
    pthread_mutex_t mutex;
    struct request *first; /* guarded by mutex */
    int bell;              /* rung when there are any */
};

int wakes_init(struct wakes *wakes, struct aq_error *error) AQ_MUST_CHECK;
void wakes_free(struct wakes *wakes);            /* also after a failed wakes_init() */
struct request *wakes_take(struct wakes *wakes); /* all of them, linked by next_woken; NULL: none */

#endif
