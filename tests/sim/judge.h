/* Judges the log, entry by entry, as soon as an entry is durable: a small model of the cluster, made from events alone,
 * that knows nothing of decide and project. Any rule that does not hold ends the life.
 *
 * It also keeps what it has seen: decisions, for the deeds that were answered (deeds.h), and the rows of the model, for
 * clients and agents that draw something to act on. */
#ifndef AQ_TESTS_SIM_JUDGE_H
#define AQ_TESTS_SIM_JUDGE_H

#include "controller/log/store.h"
#include "controller/state/state.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"
#include "tests/sim/sim.h"

enum { JUDGE_NODES_MAX = 16, JUDGE_USERS_MAX = 16, JUDGE_NAME = 65 };

struct judge_application {
    bool there, removed;
    enum aq_application_status status;
    uint64_t label, resource; /* 0: none */
    char user[JUDGE_NAME];
};

struct judge_resource {
    bool there;
    uint64_t application;
    char node[JUDGE_NAME];
    struct aq_amounts amounts;
};

struct judge_label {
    bool there;
    char name[JUDGE_NAME];
    uint64_t version;
    uint32_t definitions;
    struct aq_amounts amounts[AQ_DEFINITIONS_MAX];
};

struct judge_node {
    bool there, lost, maintenance;
    char name[JUDGE_NAME];
    uint64_t instance;
    struct aq_amounts capacity, used;
};

struct judge_user {
    bool there;
    char name[JUDGE_NAME];
    uint64_t most; /* open applications; 0: no limit */
};

struct judge_decision {
    char author[81], key[65], id[65];
    unsigned command;
    uint64_t fingerprint, seq, time_ms; /* seq of its last event, or of the last one before it */
    uint32_t events;
    bool claimed; /* by a deed */
};

struct judge {
    struct sim *sim;
    /* Rows by their numbers, from 1. */
    struct judge_application *applications;
    struct judge_resource *resources;
    struct judge_label *labels;
    size_t n_applications, applications_room, n_resources, resources_room, n_labels, labels_room;
    struct judge_node nodes[JUDGE_NODES_MAX];
    struct judge_user users[JUDGE_USERS_MAX];
    struct judge_decision *decisions;
    size_t n_decisions, decisions_room;

    uint64_t seq, time_ms; /* of the last entry */
    unsigned char hash[32];
    const char *author; /* of the present decision */

    /* For the rate of the log's time. */
    uint64_t life, entry_life;           /* counts starts of the process; that of the last entry */
    uint64_t steady_ms, entry_steady_ms; /* when the append under way was decided, and the last entry */
};

void judge_open(struct judge *judge, struct sim *sim);
void judge_free(struct judge *judge);

/* An entry is durable. `context` is the judge. */
void judge_take(void *context, const struct log_entry *entry);

/* The tables show the same as the events. */
void judge_compare(struct judge *judge, struct state_txn *txn);

struct judge_node *judge_node(struct judge *judge, const char *name); /* NULL: there is none */
struct judge_user *judge_user(struct judge *judge, const char *name);

#endif
