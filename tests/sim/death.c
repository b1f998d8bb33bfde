#include "tests/sim/death.h"

#include "agent/home.h"

enum { HERE_PERCENT = 30 };

static struct {
    struct sim *sim;
    bool doomed, dead;
} present; /* turn */

void death_begin_turn(struct sim *sim, bool doomed)
{
    present.sim = sim;
    present.doomed = doomed;
    present.dead = false;
}

bool death_has_come(void)
{
    return present.dead;
}

void death_may_come(void)
{
    if (!present.doomed || present.dead || !sim_happens(present.sim, HERE_PERCENT))
        return;
    present.dead = true;
    sim_say(present.sim, "fault: it dies in its turn");
}

bool death_end_turn(void)
{
    bool last = present.dead;
    present.doomed = present.dead = false;
    return last;
}

/* ---- what an agent writes ----------------------------------------------------------------------------- */

int __real_home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error);
int __wrap_home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error);
int __wrap_home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error)
{
    if (death_has_come())
        return 0;
    int status = __real_home_add(home, assignment, error);
    death_may_come();
    return status;
}

int __real_home_end(struct home *home, const struct aq_happening *end, struct aq_error *error);
int __wrap_home_end(struct home *home, const struct aq_happening *end, struct aq_error *error);
int __wrap_home_end(struct home *home, const struct aq_happening *end, struct aq_error *error)
{
    if (death_has_come())
        return 0;
    int status = __real_home_end(home, end, error);
    death_may_come();
    return status;
}

void __real_home_remove(struct home *home, uint64_t resource);
void __wrap_home_remove(struct home *home, uint64_t resource);
void __wrap_home_remove(struct home *home, uint64_t resource)
{
    if (death_has_come())
        return;
    __real_home_remove(home, resource);
    death_may_come();
}

void __real_home_note_over(struct home *home, uint64_t resource);
void __wrap_home_note_over(struct home *home, uint64_t resource);
void __wrap_home_note_over(struct home *home, uint64_t resource)
{
    if (!death_has_come())
        __real_home_note_over(home, resource);
}

void __real_home_prune(struct home *home);
void __wrap_home_prune(struct home *home);
void __wrap_home_prune(struct home *home)
{
    if (!death_has_come())
        __real_home_prune(home);
}

void __real_home_sweep(struct home *home, unsigned budget);
void __wrap_home_sweep(struct home *home, unsigned budget);
void __wrap_home_sweep(struct home *home, unsigned budget)
{
    if (!death_has_come())
        __real_home_sweep(home, budget);
}
