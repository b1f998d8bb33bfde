#include "controller/hub/rivals.h"

#include "controller/hub/deliveries.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_BEATS = 2,       /* an agent that is alive sends a heartbeat in this time, */
    WAIT_MS_MAX = 4000,   /* and a newcomer is answered before it loses patience */
    AGAIN_LEAST_MS = 200, /* for the commit that declares the other one lost */
    JOURNAL_MS = 60000,   /* between two journal lines about the same node */
};

/* ---- judging ------------------------------------------------------------------------------------------- */

/* Its directory is where that of the agent before it is. */
static bool is_at_its_home(const struct hub_agent *agent, const struct aq_hello *hello)
{
    return strcmp(agent->address, hello->address) == 0 && agent->home == hello->home;
}

enum rivals_verdict rivals_judge(const struct hub_agent *agent, const struct aq_hello *hello)
{
    if (!agent->known || !agent->active)
        return RIVALS_ADMIT;
    if (agent->instance != hello->instance)
        return RIVALS_REFUSE;
    if (agent->session == 0) /* since this controller started: only the tables know it */
        return strcmp(agent->address, hello->address) == 0 ? RIVALS_ADMIT : RIVALS_REFUSE;
    if (agent->process == hello->process)
        return RIVALS_ADMIT;
    if (!is_at_its_home(agent, hello))
        return RIVALS_REFUSE;
    return channel_has(agent->channel, agent->peer) ? RIVALS_ASK : RIVALS_ADMIT;
}

/* ---- refusing ------------------------------------------------------------------------------------------ */

void rivals_journal_refusal(const struct hub_base *base, struct hub_agent *agent, const char *message)
{
    if (agent->refused_ms != 0 && base->now.steady_ms - agent->refused_ms < JOURNAL_MS)
        return;
    agent->refused_ms = base->now.steady_ms;
    aq_journal(AQ_WARN, "agent refused", "node", agent->name, "error", message, NULL);
}

void rivals_refuse(struct hub_rivals *rivals, struct hub_agent *agent, const struct aq_hello *hello,
                   struct hub_question *question)
{
    const struct hub_base *base = rivals->base;
    bool copy = agent->instance == hello->instance;
    uint64_t silent_ms = base->now.steady_ms - agent->seen_ms, lost_ms = base->config->hub.lost_after * 1000;
    uint64_t wait_ms = silent_ms < lost_ms ? lost_ms - silent_ms : 0;
    struct aq_error error;
    aq_fail(&error, AQ_E_EXISTS,
            "node %s is alive at %s, heard from %" PRIu64 ".%" PRIu64 " s ago, and the agent at %s %s: it is "
            "admitted only when the other has been silent for %" PRIu64 " s, or under another name%s",
            agent->name, agent->address, silent_ms / 1000, silent_ms % 1000 / 100, hello->address,
            copy ? "has a copy of its directory" : "is another one", base->config->hub.lost_after,
            copy ? " and with an empty directory" : "");
    rivals_journal_refusal(base, agent, error.message);
    struct aq_refused refused = {.error = aq_error_name(error.code),
                                 .message = error.message,
                                 .wait_ms = wait_ms > AGAIN_LEAST_MS ? wait_ms : AGAIN_LEAST_MS};
    channel_answer(question, AQ_MSG_REFUSED, &refused);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

void rivals_free(struct hub_rival *rival)
{
    aq_buffer_free(&rival->hello);
    free(rival);
}

static struct hub_rival *remove_rival(struct hub_rivals *rivals, struct hub_rival *rival)
{
    struct hub_rival **link = &rivals->first;
    while (*link != rival)
        link = &(*link)->next;
    *link = rival->next;
    rival->next = NULL;
    rival->agent->rival = NULL;
    return rival;
}

/* An earlier rival gets no answer, and asks again. */
void rivals_add(struct hub_rivals *rivals, struct hub_agent *agent, const struct aq_hello *hello,
                const struct hub_question *question)
{
    uint64_t wait_ms = rivals->base->beat_ms * WAIT_BEATS;
    if (agent->rival != NULL)
        rivals_free(remove_rival(rivals, agent->rival));
    struct hub_rival *rival = aq_calloc(1, sizeof *rival);
    rival->agent = agent;
    rival->question = *question;
    rival->until_ms = rivals->base->now.steady_ms + (wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX);
    aq_record_pack(&aq_hello_record, hello, &rival->hello);
    rival->next = rivals->first;
    rivals->first = agent->rival = rival;
    deliveries_expire_poll(agent, UINT64_MAX);
}

static void refuse_rival(struct hub_rivals *rivals, struct hub_rival *rival)
{
    struct aq_hello hello;
    struct aq_error error;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    int failed =
        aq_record_unpack(&aq_hello_record, &hello, rival->hello.data, rival->hello.length, false, &arena, &error);
    aq_assert(failed == 0);
    rivals_refuse(rivals, rival->agent, &hello, &rival->question);
    rivals_free(remove_rival(rivals, rival));
}

void rivals_note_alive(struct hub_rivals *rivals, struct hub_agent *agent)
{
    if (agent->rival != NULL)
        refuse_rival(rivals, agent->rival);
}

struct hub_rival *rivals_take(struct hub_rivals *rivals)
{
    for (struct hub_rival *rival = rivals->first, *next; rival != NULL; rival = next) {
        const struct hub_agent *agent = rival->agent;
        next = rival->next;
        if (agent->joining != NULL)
            continue;
        if (!agent->active || agent->session == 0 || !channel_has(agent->channel, agent->peer))
            return remove_rival(rivals, rival);
        if (rivals->base->now.steady_ms >= rival->until_ms)
            refuse_rival(rivals, rival);
    }
    return NULL;
}

void rivals_drop(struct hub_rivals *rivals, struct hub_agent *agent)
{
    struct aq_error error;
    if (agent->rival == NULL)
        return;
    aq_fail(&error, AQ_E_BUSY, "node %s is changing: ask again", agent->name);
    channel_refuse(&agent->rival->question, &error);
    rivals_free(remove_rival(rivals, agent->rival));
}

void rivals_close(struct hub_rivals *rivals)
{
    while (rivals->first != NULL)
        rivals_free(remove_rival(rivals, rivals->first));
}
