#include "tests/sim/readers.h"

#include "controller/state/rights.h"
#include "schema/model/token.h"
#include "schema/model/user.h"
#include "tests/sim/read.h"
#include "tests/sim/reads.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_MS = 150, ADMIN = 0, HURRYING = 4, HURRY_MS = 5 };

/* ---- the process that they read from -------------------------------------------------------------------- */

static void leave(struct readers *readers)
{
    followers_lose(&readers->followers);
    front_close(&readers->front);
}

/* False: there is no process that serves. */
static bool meet(struct readers *readers)
{
    struct controller *controller = readers->controller;
    if (controller->writer == NULL || readers->life != readers->judge->life)
        leave(readers);
    if (controller->writer != NULL)
        readers->life = readers->judge->life;
    if (controller->writer == NULL || controller->stops)
        return false;
    if (!front_is_open(&readers->front)) {
        front_open(&readers->front, controller->writer, controller->state, controller->live, controller->hub);
        for (unsigned i = 0; i < READERS_LOGINS; i++)
            readers->logins[i].known = false; /* it has verified no token yet */
        readers->hurrying = HURRYING;         /* clients that waited for it come at once, before it leads */
    }
    return true;
}

/* ---- logins --------------------------------------------------------------------------------------------- */

/* As the credentials do it: they verify the token against the row that the tables have now. */
static void log_in(struct readers *readers, struct readers_login *login)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    if (state_read(readers->controller->state, &txn, &error) != 0)
        sim_broken(readers->sim, "tables can be read", "%s", error.message);
    aq_arena_reset(&login->arena);
    struct aq_user user;
    struct aq_token token;
    login->known =
        state_user(txn, login->name, &user, &login->arena) && state_token(txn, user.first_token, &token, &login->arena);
    if (login->known)
        login->caller.as = rights_caller_with(txn, &user, &token, &login->arena);
    login->caller.seq = state_seq(txn);
    state_end(txn);
}

/* ---- acting --------------------------------------------------------------------------------------------- */

static void act(struct readers *readers)
{
    struct aq_clocks now = machine_clocks(&readers->controller->machine);
    struct readers_login *login = &readers->logins[sim_draw(readers->sim, READERS_LOGINS)];
    front_turn(&readers->front, &now);
    if (!login->known || sim_happens(readers->sim, 30))
        log_in(readers, login);
    if (login->known)
        reads_act(readers, login, &now);
    if (sim_happens(readers->sim, 10))
        read_metadata(readers, &now);
    login = &readers->logins[ADMIN];
    if (login->known && (readers->hurrying > 0 || sim_happens(readers->sim, 30)))
        followers_act(&readers->followers, &readers->front, &login->caller, &now);
}

void readers_act(struct readers *readers)
{
    bool happens = sim_begin_step(readers->sim, SIM_READ);
    readers->next_ms = readers->sim->now_ms + sim_wait(readers->sim, EVERY_MS);
    if (meet(readers) && happens)
        act(readers);
    if (readers->hurrying > 0 && readers->hurrying-- > 0)
        readers->next_ms = readers->sim->now_ms + sim_draw(readers->sim, HURRY_MS);
    sim_end_step(readers->sim);
}

uint64_t readers_due_ms(const struct readers *readers)
{
    bool new_process = readers->controller->writer != NULL && readers->life != readers->judge->life;
    return new_process && readers->next_ms != NEVER ? readers->sim->now_ms : readers->next_ms;
}

void readers_finish(struct readers *readers)
{
    struct aq_clocks now = machine_clocks(&readers->controller->machine);
    struct readers_login *admin = &readers->logins[ADMIN];
    readers->next_ms = NEVER;
    if (!meet(readers))
        sim_broken(readers->sim, "a controller leads when nothing is wrong", "nothing serves");
    front_turn(&readers->front, &now);
    log_in(readers, admin);
    if (admin->known)
        followers_finish(&readers->followers, &readers->front, &admin->caller, &now);
    leave(readers);
}

void readers_open(struct readers *readers, struct controller *controller)
{
    *readers = (struct readers){.sim = controller->sim, .judge = controller->judge, .controller = controller};
    followers_open(&readers->followers, readers->judge, &controller->disk);
    snprintf(readers->logins[ADMIN].name, sizeof readers->logins[ADMIN].name, "admin");
    for (unsigned i = 1; i < READERS_LOGINS; i++)
        snprintf(readers->logins[i].name, sizeof readers->logins[i].name, i < READERS_USERS ? "user-%u" : "member-%u",
                 i < READERS_USERS ? i - 1 : i - READERS_USERS);
}

void readers_free(struct readers *readers)
{
    leave(readers);
    followers_free(&readers->followers);
    for (unsigned i = 0; i < READERS_LOGINS; i++)
        aq_arena_free(&readers->logins[i].arena);
}
