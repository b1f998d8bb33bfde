/* A request: what it asks for, who sends it, and its answer. It knows nothing of the connection that it came on.
 *
 * A request is handled in steps, which exchange.h runs on the serving thread; the simulator runs them as well. A step
 * either makes the answer (answer.h), or rests until another thread (the writer, the credentials, the hub) has done its
 * part. That thread calls request_wake(), exactly once for each rest; then the step in `request->step` runs.
 *
 * What a request needs is in its arena and its buffers, which later requests use again. They stay as they are while the
 * request rests, whatever the client does. */
#ifndef AQ_CONTROLLER_SERVE_REQUEST_H
#define AQ_CONTROLLER_SERVE_REQUEST_H

#include "controller/serve/backend.h"
#include "controller/serve/query.h"
#include "controller/state/visible.h"
#include "schema/model/access.h"

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
    ACCESS_USER      /* users of the cluster */
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

/* What brings requests in: libmicrohttpd (exchange.c), or the simulator (tests/sim/readers.c). */
struct request_origin {
    const char *(*header)(const struct request *request, const char *name); /* NULL: it was not sent */
    const struct sockaddr *(*peer)(const struct request *request);
};

struct request {
    const struct backend *backend;
    const struct request_origin *origin;
    struct request *next_woken;
    request_step *step;   /* to run next */
    struct aq_clocks now; /* of the step that runs */

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
    const struct aq_permission *permission; /* that reading it takes; NULL: none, or its step asks for rights itself */
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_field *field;
    const char *key; /* of the entity, as typed */
    bool is_self;    /* the row is the caller's own account, which everybody sees */

    /* Where it came in. */
    bool metadata_only; /* on the metadata service's own listener */
    bool is_local;      /* on the local socket (local.h) */
    uid_t uid;          /* of the client there */

    /* Who sends it. */
    struct aq_caller caller; /* a user, by a token; its texts are in `arena` */
    bool known;              /* caller is filled */
    unsigned verifications;  /* of its token, so far */

    /* The answer. */
    uint64_t seq; /* what it is made from, a refusal too, was read or decided at this seq */
    bool has_seq; /* seq is filled */
    struct aq_buffer out;
    bool minimal;                 /* the caller wants only the keys of rows that were written */
    unsigned status;              /* of HTTP */
    const char *type;             /* of the contents of `out` */
    struct request_source source; /* instead of `out`; read is NULL: there is none */

    /* While it waits for a seq (waits.h). */
    struct request *next_waiting;
    uint64_t wait_seq, wait_until_ms;

    struct aq_arena arena;
    void *work; /* for the steps; in the arena */
    void (*drop)(
        struct request *request); /* frees what `work` holds outside of it; NULL: nothing. Called at the end
                                     of the request, which may come before its last step if the client leaves */
};

/* GET or HEAD: it asks for what is there. The body is left out of answers to HEAD when they are sent. */
static inline bool request_reads(const struct request *request)
{
    return request->method == METHOD_GET || request->method == METHOD_HEAD;
}

/* Lets a request that rests run its next step. Any thread. */
void request_wake(struct request *request);

/* Opens a snapshot of the tables, for the caller to end: what the answer says is true at its seq, and the caller is the
 * user as of then. Fails if the user or the token has been deleted since the request came. */
int request_read(struct request *request, struct state_txn **txn) AQ_MUST_CHECK;
/* Brings what the caller may do up to `txn`, with its grants in `arena`. Fails with AQ_E_UNAUTHENTICATED when the
 * user or the token is gone, or the uid is not the user's any more. */
int request_refresh(const struct request *request, struct state_txn *txn, struct aq_caller *caller,
                    struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;
/* Fails with AQ_E_FORBIDDEN when reading what the route names takes a permission that the caller has for no row. */
int request_check_permission(struct request *request) AQ_MUST_CHECK;
/* The answer is true at `seq`. */
void request_set_seq(struct request *request, uint64_t seq);

/* The value of a header, or NULL. A value that is too long counts as none and leaves an error in the request. */
const char *request_header(struct request *request, const char *name);
/* Which rows of the entity a known caller may see in the answer. `txn` is for scanning; it may be NULL. */
struct visible request_visible(const struct request *request, struct state_txn *txn, const struct aq_entity *entity);
/* May the caller see every row of it? */
bool request_sees_all(const struct request *request, const struct aq_entity *entity);
/* May the caller see the row? */
bool request_may_see(const struct request *request, const struct aq_entity *entity, const void *row);
/* The fields that request_may_see() reads, as bits (AQ_FIELD_BIT()). */
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

/* The log's time, for what is compared with times in the tables. */
uint64_t request_time_ms(const struct request *request);

#endif
