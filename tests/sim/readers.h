/* Who reads: random users read rows, lists, views and streams of events through the steps of controller/serve, and
 * compare each answer with what must be seen at its seq (mirror.h). */
#ifndef AQ_TESTS_SIM_READERS_H
#define AQ_TESTS_SIM_READERS_H

#include "tests/sim/controller.h"
#include "tests/sim/followers.h"
#include "tests/sim/front.h"

enum { READERS_LOGINS = 7, READERS_USERS = 5 /* the admin among them; the others are members */ };

struct readers_login {
    char name[16];
    bool known; /* its token was verified */
    struct front_caller caller;
    struct aq_arena arena;
};

struct readers {
    struct sim *sim;
    struct judge *judge;
    struct controller *controller;
    struct front front;
    uint64_t life; /* of the process that `front` belongs to */
    struct readers_login logins[READERS_LOGINS];
    struct followers followers;
    uint64_t next_ms;  /* when one reads next, in true time */
    unsigned hurrying; /* so many more follow at once: a process has just begun to serve */
};

void readers_open(struct readers *readers, struct controller *controller);
void readers_free(struct readers *readers);

/* When one reads next, in true time. */
uint64_t readers_due_ms(const struct readers *readers);
void readers_act(struct readers *readers);
/* At the end: whoever follows the events has seen all of them. */
void readers_finish(struct readers *readers);

#endif
