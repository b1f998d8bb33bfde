/* Two agents of one name: only one of them may have the node. The other is refused for as long as the first counts as
 * alive, even if both have the same instance: then the host was cloned together with the agent's directory.
 *
 * An agent that was restarted must get its node back at once. It looks like the one before: the same address and home,
 * while the connection of the one before is closed. If that is still open, the one before may be alive, or its host may
 * have vanished without closing it. Then the newcomer waits for a moment, as a rival, and the other is asked. */
#ifndef AQ_CONTROLLER_HUB_RIVALS_H
#define AQ_CONTROLLER_HUB_RIVALS_H

#include "controller/hub/base.h"

struct hub_rival {
    struct hub_rival *next;
    struct hub_agent *agent; /* that has the node */
    struct aq_buffer hello;  /* packed HELLO of the newcomer */
    struct hub_question question;
    uint64_t until_ms; /* refused then */
};

/* Zeroed memory, with `base`, is an empty one. */
struct hub_rivals {
    struct hub_base *base;
    struct hub_rival *first;
};

enum rivals_verdict { RIVALS_ADMIT, RIVALS_REFUSE, RIVALS_ASK };

/* May the agent that says HELLO have the node that `agent` stands for? RIVALS_ASK: call rivals_add(). */
enum rivals_verdict rivals_judge(const struct hub_agent *agent, const struct aq_hello *hello);
/* Refuses a HELLO, and says who has the node and how long to wait. */
void rivals_refuse(struct hub_rivals *rivals, struct hub_agent *agent, const struct aq_hello *hello,
                   struct hub_question *question);

/* Lets the newcomer wait, and asks `agent` for a sign of life by answering its POLL. */
void rivals_add(struct hub_rivals *rivals, struct hub_agent *agent, const struct aq_hello *hello,
                const struct hub_question *question);
/* The agent gave a sign of life: its rival, if there is one, is refused. */
void rivals_note_alive(struct hub_rivals *rivals, struct hub_agent *agent);
/* Takes a rival out whose agent has closed its connection, or is gone; free it with rivals_free(). NULL: there is none.
 * Refuses those that have waited too long. */
struct hub_rival *rivals_take(struct hub_rivals *rivals);
/* Refuses the agent's rival, if there is one, for the moment. */
void rivals_drop(struct hub_rivals *rivals, struct hub_agent *agent);
void rivals_free(struct hub_rival *rival);
void rivals_close(struct hub_rivals *rivals); /* frees all of them */

/* Writes a line into the journal, unless there was one about the same node lately. */
void rivals_journal_refusal(const struct hub_base *base, struct hub_agent *agent, const char *message);

#endif
