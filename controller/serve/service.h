/* The serving thread's own state: see serve.h for what it does. Everything here is touched by that thread alone, but
 * for `ready` and what stands behind `mutex`. */
#ifndef AQ_CONTROLLER_SERVE_SERVICE_H
#define AQ_CONTROLLER_SERVE_SERVICE_H

#include "controller/serve/door.h"
#include "controller/serve/network.h"
#include "controller/serve/request.h"
#include "controller/serve/route.h"
#include "controller/serve/stream.h"
#include "controller/serve/verify.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    STATUS_MAX = 600,             /* HTTP statuses that are counted */
    SPARE_REQUESTS_MAX = 64,      /* kept for later requests, with what BUFFER_KEPT_MAX says */
    WAIT_SEQ_MS = 5000,           /* longest wait for a seq */
    CONNECTION_MEMORY_MAX = 36864 /* bytes of a request's head; above 32 KiB the library maps it, and gives it back */
};

struct serve_figures {
    uint64_t requests;
    uint64_t answers[STATUS_MAX]; /* by HTTP status */
    unsigned requests_open, resting, spare;
};

struct serve {
    struct serve_options options;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd;
    int wake_fd;  /* requests were woken, or it is time to stop */
    int watch_fd; /* the writer committed, or leadership changed */
    pthread_t thread;
    bool started;
    atomic_bool ready; /* any thread */

    pthread_mutex_t mutex;
    struct request *woken; /* behind mutex */
    bool stopping;         /* behind mutex */

    bool draining;     /* the thread has seen that it is to stop */
    uint64_t seen_seq; /* that waiters and streams were told of */
    uint64_t due_ms;   /* monotonic; when the next of them has waited long enough. Lowered by serve_due() */
    struct request *spare;
    struct request *waiting; /* for a seq */
    struct streams streams;
    struct door door;
    struct network networks[NETWORKS_MAX]; /* of the metadata service */
    unsigned network_count;
    struct routes routes;
    struct aq_buffer openapi; /* made once */
    struct verify *verify;    /* under way; NULL: none */
    struct serve_figures figures;
};

/* ---- serve.c -------------------------------------------------------------------------------------------- */

/* Resumes a request whose rest is over. */
void serve_resume(struct serve *serve, struct request *request);
/* Somebody begins to wait until `when_ms`. */
void serve_due(struct serve *serve, uint64_t when_ms);
unsigned serve_connections(struct serve *serve);

/* ---- request.c ------------------------------------------------------------------------------------------ */

/* What libmicrohttpd calls. */
void *request_begin(void *serve, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_take(void *serve, struct MHD_Connection *connection, const char *url, const char *method,
                             const char *version, const char *upload, size_t *upload_length, void **context);
void request_end(void *serve, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode how);

/* Ends the waits that are over; all of them with `seq` UINT64_MAX. Returns when the next one is due, UINT64_MAX: none.
 */
uint64_t request_check_waits(struct serve *serve, uint64_t seq, uint64_t now_ms);
void request_free(struct request *request);

/* ---- auth.c --------------------------------------------------------------------------------------------- */

/* Finds out who asks. READY: request->user is known, or request->error says why not. */
request_step auth_step;

#endif
