/* What was asked of the controller, and what it answered: kept to the end of the life, and compared with the log.
 *
 * The outcome of a request is known (done, refused) or not: the answer was lost, or the controller died
 * first. Then it may be repeated, with the same key and the same records. */
#ifndef AQ_TESTS_SIM_REQUESTS_H
#define AQ_TESTS_SIM_REQUESTS_H

#include "controller/secrets/door.h"
#include "controller/write/writer.h"
#include "tests/sim/judge.h"

enum { ASKED_ITEMS_MAX = 8, ANSWERS_LOST_PERCENT = 3 };

enum asked_state { ASKED_NEW, ASKED_WAITS, ASKED_DONE, ASKED_REFUSED, ASKED_UNKNOWN };

/* Who asks: a user, the user admin, an agent or the controller. */
struct aq_caller asked_caller(const char *author, uint64_t number);

struct asked {
    uint64_t number; /* from 1 */
    bool inner;      /* the hub asks, or the controller by itself: the request is theirs */
    struct requests *requests;
    enum asked_state state;
    /* What is asked; `request` points here. */
    const struct aq_command *command;
    const void *records[ASKED_ITEMS_MAX];
    uint32_t count;
    char author[40], key[40]; /* no key: empty */
    uint64_t author_number;   /* of the user who logged in; 0: no user */
    uint64_t fingerprint;
    bool dry_run;
    /* With secrets: what the door has made of it, this time, and the fingerprints by which it is known. */
    const void *sealed[ASKED_ITEMS_MAX];
    bool has_secrets;
    char epoch[KEYRING_NAME_SIZE];
    uint64_t fingerprints[DOOR_FINGERPRINTS_MAX];
    uint32_t n_fingerprints;
    struct writer_request request;                /* unless it is an inner one */
    void (*done)(struct writer_request *request); /* of an inner one, with its context */
    void (*told)(struct asked *asked);            /* its client goes on, with its context; NULL: it waits for nothing */
    void *context;
    char ids[ASKED_ITEMS_MAX][65];
    /* The answer, when it is DONE or REFUSED. */
    enum aq_error_code code;
    uint64_t seq;
    bool changed, repeated;
    struct aq_buffer rows; /* as they came with the answer */
    bool claims;           /* a decision in the log is this request's */
};

struct requests {
    struct sim *sim;
    struct judge *judge;
    struct door *door;     /* NULL: the controller does not run */
    struct aq_arena arena; /* requests, their records and texts */
    struct asked **all;
    size_t count, capacity;
    size_t waiting;
    unsigned lose_percent; /* of answers to clients */
    void (*check_inner)(void *context, const struct writer_request *request);
    void *context;
};

/* From now on everything that is given to the writer passes here (writer_submit() is wrapped by the linker), also what
 * the hub and the controller by itself ask for. */
void requests_open(struct requests *requests, struct sim *sim, struct judge *judge);
void requests_free(struct requests *requests);

/* A new one with nothing in it. */
struct asked *requests_new(struct requests *requests);
/* The same request again. */
struct asked *requests_repeat(struct requests *requests, const struct asked *before);

/* A client gives it to the controller. `writer` NULL: there is none at present. */
void asked_submit(struct asked *asked, struct writer *writer);

/* The controller is gone: what waits is answered by nobody. */
void requests_crash(struct requests *requests);

/* At the end: every decision of the log was asked for, once; everything that was acknowledged is there; and one key had
 * one effect and one answer. */
void requests_compare(struct requests *requests);

#endif
