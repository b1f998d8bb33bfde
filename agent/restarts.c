#include "agent/restarts.h"

#include <stdlib.h>

void restarts_init(struct restarts *restarts, const struct aq_assignment *assignment)
{
    const uint64_t wait_s = assignment->restart_wait != 0 ? assignment->restart_wait : AQ_RESTART_WAIT_S;
    const uint64_t most_s = assignment->restart_wait_most > wait_s ? assignment->restart_wait_most : wait_s;
    *restarts = (struct restarts){.policy = assignment->restart,
                                  .limit = assignment->restart_limit,
                                  .wait_ms = wait_s * 1000,
                                  .wait_most_ms = most_s * 1000,
                                  .next_wait_ms = wait_s * 1000};
}

void restarts_free(struct restarts *restarts)
{
    free(restarts->failed_because);
    restarts->failed_because = NULL;
}

void restarts_begin(struct restarts *restarts, uint64_t now_ms)
{
    restarts->ran = true;
    restarts->since_ms = now_ms;
}

static bool is_wanted(const struct restarts *restarts, bool well)
{
    return restarts->policy == AQ_RESTART_ALWAYS || (restarts->policy == AQ_RESTART_ON_FAILURE && !well);
}

static bool is_limited(const struct restarts *restarts)
{
    return restarts->limit != 0 && restarts->count >= restarts->limit;
}

bool restarts_is_used_up(const struct restarts *restarts, bool well)
{
    return is_wanted(restarts, well) && is_limited(restarts);
}

static uint64_t wait_after(const struct restarts *restarts, uint64_t wait_ms)
{
    return wait_ms * 2 < restarts->wait_most_ms ? wait_ms * 2 : restarts->wait_most_ms;
}

void restarts_adopt(struct restarts *restarts, uint64_t count, uint64_t waited_ms)
{
    restarts->ran = true;
    restarts->count = count;
    restarts->waited_ms = waited_ms;
    restarts->next_wait_ms = wait_after(restarts, waited_ms);
}

bool restarts_end(struct restarts *restarts, bool well, uint64_t now_ms, uint64_t *wait_ms)
{
    const bool long_run = restarts->since_ms != 0 && now_ms - restarts->since_ms >= restarts->wait_most_ms;
    restarts->since_ms = 0;
    if (!is_wanted(restarts, well) || is_limited(restarts))
        return false;
    *wait_ms = long_run ? restarts->wait_ms : restarts->next_wait_ms;
    restarts->next_wait_ms = wait_after(restarts, *wait_ms);
    restarts->count++;
    restarts->phase = RESTART_STORES;
    return true;
}
