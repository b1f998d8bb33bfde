/* What was asked of the controller, and what it answered: kept to the end of the life, and compared with the log.
 *
 * A deed is one request. Its outcome is known (done, refused) or not: the answer was lost, or the controller died
 * first. Then it may be repeated, with the same key and the same records. */
#ifndef AQ_TESTS_SIM_DEEDS_H
#define AQ_TESTS_SIM_DEEDS_H

#include "controller/write/turns.h"
#include "tests/sim/judge.h"

enum { DEED_ITEMS_MAX = 8, DEEDS_LOST_PERCENT = 3 };

enum deed_state { DEED_NEW, DEED_WAITS, DEED_DONE, DEED_REFUSED, DEED_UNKNOWN };

struct deed {
    uint64_t number; /* from 1 */
    struct deeds *deeds;
    enum deed_state state;
    /* What is asked; `request` points here. */
    const struct aq_command *command;
    const void *records[DEED_ITEMS_MAX];
    uint32_t count;
    char author[40], key[40]; /* no key: empty */
    uint64_t fingerprint;
    bool dry_run;
    struct writer_request request;
    char ids[DEED_ITEMS_MAX][65];
    /* The answer, when it is DONE or REFUSED. */
    enum aq_error_code code;
    uint64_t seq;
    bool changed, repeated;
    struct aq_buffer rows; /* as they came with the answer */
    bool claims;           /* a decision in the log is this deed's */
};

struct deeds {
    struct sim *sim;
    struct judge *judge;
    struct aq_arena arena; /* deeds, their records and texts */
    struct deed **all;
    size_t count, capacity;
    size_t waiting;
    unsigned lose_percent; /* of answers */
};

void deeds_open(struct deeds *deeds, struct sim *sim, struct judge *judge);
void deeds_free(struct deeds *deeds);

/* A new deed with nothing in it. */
struct deed *deeds_new(struct deeds *deeds);
/* The same request again. */
struct deed *deeds_repeat(struct deeds *deeds, const struct deed *before);

/* Gives it to the controller. `turns` NULL: there is none at present. `wake`: a turn is due. */
void deed_submit(struct deed *deed, struct turns *turns, bool *wake);

/* The controller is gone: what waits is answered by nobody. */
void deeds_crash(struct deeds *deeds);

/* At the end: every decision of the log was asked for, once; everything that was acknowledged is there; and one key had
 * one effect and one answer. */
void deeds_compare(struct deeds *deeds);

#endif
