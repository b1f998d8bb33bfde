/* The hub's own view of itself: what its parts share. Everything belongs to the hub's thread, but for the mailbox and
 * what is marked as any thread's.
 *
 *   hub.c      start, stop, the loop, who answers which message
 *   session.c  HELLO and BEAT; nodes join, are lost, return
 *   work.c     POLL: deliveries of what is wanted of a node
 *   report.c   REPORT: what happened there becomes commands
 *   changes.c  new events: which node is to hear of them
 *   local.c    the file view: ORDER, WATCH
 *   fetch.c    logs of workloads
 *   channel, gate, mailbox, agents, numbers: what these stand on */
#ifndef AQ_CONTROLLER_HUB_CORE_H
#define AQ_CONTROLLER_HUB_CORE_H

#include "controller/hub/agents.h"
#include "controller/hub/channel.h"
#include "controller/hub/hub.h"
#include "controller/hub/mailbox.h"

#include <stdatomic.h>

enum {
    HUB_TICK_MS = 200,           /* how often time-outs are looked at */
    HUB_SCAN_MS = 1000,          /* how often all agents are, at least, */
    HUB_SCAN_LEAST_MS = 20,      /* and at most: one may be lost in between */
    HUB_HELD_UP_MS = 1000,       /* a turn that took longer: nobody was heard meanwhile */
    HUB_WATCHES_MAX = 1024,      /* open at once; more are answered at once */
    HUB_FETCHES_MAX = 1000,      /* open at once; more are refused */
    HUB_TRACES = 4096,           /* ended resources whose node is remembered */
    HUB_OFFERS = 1 << 15,        /* numbers of sessions that are remembered until they begin */
    HUB_EVENTS_TURN = 10000,     /* events read in one turn of the loop */
    HUB_EVENTS_BEHIND = 1000000, /* further behind than this, everything is read anew instead */
};

struct hub_watch {
    struct hub_question question;
    uint64_t seq;
    uint64_t until_ms;
};

/* Where an ended resource ran: its log may still be there. */
struct hub_trace {
    uint64_t resource;
    char node[HUB_NAME_SIZE];
};

struct hub_ask;

struct hub {
    struct hub_options options;
    uint64_t beat_ms, patience_ms, lost_after_ms;
    struct hub_channel agents_channel, local_channel;
    struct mailbox mailbox;
    int commits; /* eventfd that the writer signals */
    pthread_t thread;
    atomic_bool stopping;

    uint64_t now_ms; /* monotonic, of this turn */
    uint64_t next_tick_ms, next_scan_ms;
    uint64_t beats; /* since the last tick */
    bool many_beats;
    uint64_t stirred_ms;      /* when something was committed */
    uint64_t gather_until_ms; /* agents' messages */
    bool agents_wait;         /* some were left for the next turn */
    struct aq_arena arena;    /* of this message */
    uint64_t in_flight;       /* requests that others still hold */

    struct agents agents;
    bool leads;
    uint64_t listens_since_ms; /* silence before then was ours: we did not lead, or were held up */

    bool loaded;            /* the tables were read; from then on, events tell */
    uint64_t seen_seq;      /* all events up to here have been looked at */
    uint64_t look_again_ms; /* at those that could not be read */
    struct hub_trace *traces;
    uint64_t *offers; /* by their lowest bits; 0: none, or taken */
    uint64_t last_offer;

    struct hub_watch *watches;
    uint32_t watch_count;
    struct hub_ask *asks; /* open ones, oldest first */
    struct hub_ask **asks_end;
    uint64_t last_ask;
    atomic_uint fetches; /* any thread */
    uint64_t unstored;   /* scans whose heartbeats could not be stored, since they last could */

    atomic_uint_least64_t alive, messages, strangers; /* figures: any thread */
    uint64_t strangers_told, strangers_told_ms;
};

/* A message with the question it came as; it holds during the call. */
typedef void hub_answer_fn(struct hub *hub, struct hub_question *question, const void *message);

/* session.c */
hub_answer_fn hub_hello, hub_beat;
/* The agent of this session; NULL: there is none, and the question was refused. */
struct hub_agent *hub_known(struct hub *hub, struct hub_question *question, const char *name, uint64_t session);
/* It has asked this. `fresh`: no recording would have, so it is alive. */
void hub_heard(struct hub *hub, struct hub_agent *agent, const struct hub_question *question, bool fresh);
void hub_session_end(struct hub *hub, struct hub_agent *agent);
void hub_sessions_scan(struct hub *hub); /* who is lost; stores heartbeats; says when the next one is due */

/* work.c */
hub_answer_fn hub_poll;
void hub_work_deliver(struct hub *hub);                          /* answers those that are ready and wait */
void hub_work_expire(struct hub *hub, struct hub_agent *agent);  /* its POLL has waited long enough */
void hub_agent_remove(struct hub *hub, struct hub_agent *agent); /* out of every list, and freed */

/* report.c */
hub_answer_fn hub_report;

/* changes.c */
bool hub_changes_read(struct hub *hub); /* looks at new events; true: there are more */

/* local.c */
hub_answer_fn hub_order, hub_watch;
void hub_watches_answer(struct hub *hub, bool all); /* those that have something to hear, or have waited enough */

/* fetch.c */
hub_answer_fn hub_fetch_local;
void hub_asks_seen(struct hub *hub, const struct hub_agent *agent, uint64_t seen); /* later deliveries were lost */
bool hub_asks_wait(const struct hub *hub, const struct hub_agent *agent);          /* are there any to be sent? */
void hub_asks_add(struct hub *hub, const struct hub_agent *agent,
                  struct aq_work *work); /* to a delivery, in hub->arena */
void hub_asks_told(struct hub *hub, const struct hub_agent *agent, const struct aq_list *told);
void hub_asks_expire(struct hub *hub, bool all);
void hub_asks_drop(struct hub *hub, const struct hub_agent *agent); /* who will never tell */

/* Hands a request to the writer: `item` comes back through the mailbox; request->context must be it. */
int hub_submit(struct hub *hub, struct writer_request *request, struct hub_item *item,
               struct aq_error *error) AQ_MUST_CHECK;
/* May the same command succeed a little later? */
bool hub_error_passes(enum aq_error_code code);

#endif
