/* Judges the log, entry by entry, as soon as an entry is durable: a small model of the cluster, made from events alone,
 * that knows nothing of decide and project. Any rule that does not hold ends the life.
 *
 * It also keeps what it has seen: decisions, for the requests that were answered (requests.h), and the rows of the
 * model, for clients and agents that draw something to act on. */
#ifndef AQ_TESTS_SIM_JUDGE_H
#define AQ_TESTS_SIM_JUDGE_H

#include "controller/log/store.h"
#include "controller/state/state.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "schema/model/token.h"
#include "schema/model/user.h"
#include "tests/sim/enrolments.h"
#include "tests/sim/mirror.h"
#include "tests/sim/sealed.h"
#include "tests/sim/sim.h"

enum { JUDGE_NODES_MAX = 16, JUDGE_USERS_MAX = 16, JUDGE_NAME = 65, JUDGE_QUARANTINES = 64 };

/* A node and a definition that did not work. */
struct judge_try {
    char node[JUDGE_NAME];
    uint32_t definition;
};

struct judge_application {
    bool there, removed;
    enum aq_application_status status;
    uint64_t label, resource; /* 0: none */
    char user[JUDGE_NAME];
    uint64_t user_number;
    struct judge_try tries[AQ_TRIES_MAX];
    uint32_t n_tries;
    uint32_t definition; /* of its last resource, */
    bool failed;         /* whether that could not be started, */
    bool well;           /* or ended by itself as it should */
    char command[48];    /* what it says to run; "": it leaves that to its label */
    /* As prompt.c sees it, in true time; 0: it is not so. */
    uint64_t room_since_ms; /* it waits, though it could be placed */
    uint64_t over_since_ms; /* it runs, though its lifetime is over */
};

struct judge_resource {
    bool there;
    bool node_deleted; /* it ended by that */
    uint64_t application;
    uint32_t definition;
    char node[JUDGE_NAME];
    struct aq_amounts amounts;
    uint64_t restarts;
};

struct judge_task {
    uint64_t application, resource;
    enum aq_task_status status;
    enum aq_task_when when;
    uint64_t timeout_s, begun_ms;
    char node[JUDGE_NAME];
};

struct judge_label {
    bool there;
    uint64_t id;
    char name[JUDGE_NAME];
    uint64_t version;
    uint32_t definitions;
    struct aq_amounts amounts[AQ_DEFINITIONS_MAX];
    bool restart_lost[AQ_DEFINITIONS_MAX];
    bool gives_back[AQ_DEFINITIONS_MAX]; /* when its node drains */
    uint64_t lease[AQ_DEFINITIONS_MAX];  /* in seconds; 0: none */
    enum aq_restart restart[AQ_DEFINITIONS_MAX];
    uint64_t restart_limit[AQ_DEFINITIONS_MAX]; /* 0: none */
    bool health[AQ_DEFINITIONS_MAX];            /* it is checked */
    bool arguments;                             /* applications say what it runs */
    const struct mirror_definition *kept;       /* of each definition */
    uint64_t recipe;                            /* its hash */
    uint64_t made_seq, gone_seq;                /* when it was created and deleted; 0: it was not */
};

struct judge_node {
    bool there, lost, maintenance;
    struct {
        uint64_t label, until; /* label 0: all; until 0: it is cleared by hand */
        bool active;
        uint64_t over_since_ms; /* as prompt.c sees it */
    } quarantines[JUDGE_QUARANTINES];
    enum aq_drain_status drain;
    bool drain_force;
    uint64_t drain_ends_at;
    enum aq_shutdown_status shutdown;
    uint64_t shutdown_order;
    char name[JUDGE_NAME], address[JUDGE_NAME];
    uint64_t instance;
    struct aq_amounts capacity, used;
    uint64_t active_ms;      /* true time since when it is ACTIVE */
    uint64_t lost_at;        /* in the log's time */
    uint64_t empty_since_ms; /* as prompt.c sees it: it drains, and nothing is there any more */
};

struct judge_user {
    bool there;
    char name[JUDGE_NAME];
    uint64_t most; /* open applications; 0: no limit */
    uint64_t uid;  /* 0: none */
    uint64_t number;
};

/* Of tokens that were made by themselves; the first one of a user is not among them. */
struct judge_token {
    bool there;
    char name[JUDGE_NAME];
    uint64_t user_number;
    uint64_t expires_at;    /* 0: never */
    uint64_t over_since_ms; /* as prompt.c sees it: it has expired, and is still there */
};

/* A command that runs in a workload. */
struct judge_session {
    uint64_t session, resource;
    char name[32]; /* its second argument */
    bool ended;    /* the log says so, and how */
    uint64_t exit_status;
};

struct judge_decision {
    char author[81], key[65], id[65];
    uint64_t author_number; /* of the user who was called so then; 0: it was no user */
    unsigned command;
    uint64_t fingerprint, seq, time_ms; /* seq of its last event, or of the last one before it */
    uint32_t events;
    uint64_t first_made; /* applications or labels that were created, */
    uint32_t made;       /* and how many */
};

struct judge {
    struct sim *sim;
    const struct witness *witness; /* of what really runs */
    /* Rows by their numbers, from 1. */
    struct judge_application *applications;
    struct judge_resource *resources;
    struct judge_task *tasks;
    size_t n_tasks, tasks_room;
    struct judge_label *labels;
    struct judge_token *tokens;
    struct judge_session *sessions;
    size_t n_sessions, sessions_room;
    size_t n_tokens, tokens_room;
    size_t n_applications, applications_room, n_resources, resources_room, n_labels, labels_room;
    struct judge_node nodes[JUDGE_NODES_MAX];
    struct judge_user users[JUDGE_USERS_MAX];
    uint64_t users_made;
    char join_hash[JUDGE_NAME]; /* of the operator's last join token; "": there is none */
    struct enrolments enrolments;
    struct joins *joins;
    struct judge_decision *decisions;
    size_t n_decisions, decisions_room;
    struct mirror mirror; /* for readers */
    struct sealed sealed;

    uint64_t seq, time_ms; /* of the last entry */
    unsigned char hash[32];
    const char *author; /* of the present decision */
    uint64_t author_number;
    const struct aq_command *command;
    uint64_t first_made;
    uint32_t made, ended; /* in it: rows that were created, resources that ended */

    /* For the rate of the log's time. */
    uint64_t life, entry_life;           /* counts starts of the process; that of the last entry */
    uint64_t steady_ms, entry_steady_ms; /* when the append under way was decided, and the last entry */
};

/* The texts, with blanks between them. */
void judge_command_text(const struct aq_list *arguments, char *out, size_t size);

struct judge_session *judge_session(const struct judge *judge, uint64_t session); /* NULL: there is none */

void judge_open(struct judge *judge, struct sim *sim);
void judge_free(struct judge *judge);

/* An entry is durable. `context` is the judge. */
void judge_take(void *context, const struct log_entry *entry);

/* The tables show the same as the events. */
void judge_compare(struct judge *judge, struct state_txn *txn);

struct judge_node *judge_node(struct judge *judge, const char *name); /* NULL: there is none */
struct judge_user *judge_user(struct judge *judge, const char *name);
/* The definition that the resource is of says when its workload is started again in its place. */
enum aq_restart judge_restart(const struct judge *judge, const struct judge_resource *resource, uint64_t *limit);
/* It takes no new work of the label. */
bool judge_has_quarantine(const struct judge_node *node, uint64_t label);
bool judge_is_empty(const struct judge *judge, const struct judge_node *node);           /* no resource is there */
bool judge_is_checked(const struct judge *judge, const struct judge_resource *resource); /* and its health */
/* The newest version that is there at `seq`; NULL: none is. */
const struct judge_label *judge_label(const struct judge *judge, const char *name, uint64_t seq);

#endif
