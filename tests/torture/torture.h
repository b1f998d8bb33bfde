/* Torture: kills processes of a private cluster at random moments under load, and checks after every few kills that
 * nothing was lost, nothing was executed twice and nothing was left behind.
 *
 * All random choices come from one seed, so that a failed round can be repeated, as far as timing allows.
 *
 *   torture.c   rounds: what is killed, and when
 *   cluster.c   the processes: start, kill, stop, clean up
 *   victims.c   the processes of workloads, found in their control groups
 *   rest.c      one HTTP request and its answer
 *   load.c      clients, and the ledger of their requests and answers
 *   check.c     compares the ledger, the tables and the processes
 *
 * The main thread kills and checks. Each client has a thread, which is paused during checks. */
#ifndef AQ_TESTS_TORTURE_TORTURE_H
#define AQ_TESTS_TORTURE_TORTURE_H

#include "schema/base/memory.h"
#include "tests/lib/chance.h"
#include "tests/lib/controller.h"
#include "tests/lib/http_client.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    AGENTS = 3,
    AGENT_SLOTS = 16,
    AGENT_RAM_MIB = 1024,
    PATH_MOST = 256,
    REST_CLIENTS = 3,
    BATCH_ITEMS = 3,
    KILLED_MAX = 4096,
};

/* ---- the cluster (cluster.c) ---------------------------------------------------------------------------- */

struct cluster {
    char work[64], mount[PATH_MOST];
    char marks[PATH_MOST], starts[PATH_MOST]; /* a file to which each main process adds a line, and its directory */
    char names[AGENTS][32];
    struct controller controller;
    pid_t agents[AGENTS], fs; /* 0: not running */
};

double now_s(void);
void pause_ms(unsigned ms);
void cluster_make(struct cluster *cluster);       /* makes the directory */
bool cluster_begin(struct cluster *cluster);      /* starts all processes */
bool cluster_controller(struct cluster *cluster); /* starts it and waits until it is ready */
void cluster_agent(struct cluster *cluster, int i);
bool cluster_fs(struct cluster *cluster);
void cluster_kill(pid_t *pid);                                /* sends SIGKILL and waits */
bool cluster_end(struct cluster *cluster);                    /* sends SIGTERM; false: one failed */
bool cluster_logs_are_clean(const struct cluster *cluster);   /* false: has printed what is wrong */
bool cluster_agents_are_empty(const struct cluster *cluster); /* no agent has a workload's directory */
void cluster_clean(struct cluster *cluster, bool keep);       /* kills and removes everything */

/* ---- workloads (victims.c) ------------------------------------------------------------------------------- */

struct found_process {
    unsigned agent;
    uint64_t resource;
    pid_t pid;
};

/* All processes in control groups of the cluster's agents, which the caller frees. `groups`: number of workloads. */
struct found_process *victims_list(const struct cluster *cluster, size_t *count, size_t *groups);
/* Kills the main process, or its keeper. Returns false when it is gone already. */
bool victims_kill(const struct found_process *victim, bool keeper);

/* ---- REST (rest.c) -------------------------------------------------------------------------------------- */

struct rest {
    void *curl;
    const struct cluster *cluster;
};

void rest_open(struct rest *rest, const struct cluster *cluster);
void rest_close(struct rest *rest);
/* `key`, `body` may be NULL. */
void rest_ask(struct rest *rest, struct http_reply *reply, const char *method, const char *path, const char *key,
              const char *body);
/* All rows of a list after the key `after`, read page by page. NULL: the list cannot be read. */
json_t *rest_list(struct rest *rest, const char *path, uint64_t after);

/* ---- load and its ledger (load.c) ------------------------------------------------------------------------ */

enum op_kind { OP_CREATE, OP_LABEL, OP_DEALLOCATE, OP_FILE };

/* One request of a client. What it creates carries its number: in the metadata for OP_CREATE and OP_FILE. */
struct op {
    enum op_kind kind;
    unsigned number, items;
    const char *label; /* OP_CREATE, OP_FILE */
    char key[32], path[64];
    char *body;
    bool answered, done; /* done: it succeeded */
    uint64_t ids[BATCH_ITEMS];
    bool deallocated; /* the deallocation of the application was acknowledged */
    bool checked;
};

struct load {
    const struct cluster *cluster;
    uint64_t seed;
    pthread_mutex_t lock; /* guards the fields below */
    pthread_cond_t changed;
    bool paused, ends;
    unsigned waiting;
    struct op **ops;
    unsigned count, capacity;
    uint64_t seq; /* the highest acknowledged */
    unsigned asked, unanswered, repeated;
    char fault[512]; /* the first wrong answer */
    pthread_t threads[REST_CLIENTS + 1];
};

void load_start(struct load *load, const struct cluster *cluster, uint64_t seed);
void load_pause(struct load *load); /* returns when all clients are paused */
void load_resume(struct load *load);
void load_stop(struct load *load);
/* Repeats requests without an answer, with the same keys, until they have one. The clients are paused. */
bool load_settle(struct load *load, struct rest *rest);
/* Deallocates all open applications but the newest `keep`. */
bool load_deallocate(struct load *load, struct rest *rest, json_t *applications, size_t keep);

/* ---- checks (check.c) -------------------------------------------------------------------------------------- */

struct check {
    struct cluster *cluster;
    struct load *load;
    struct rest rest;
    uint64_t killed[KILLED_MAX]; /* resources whose processes this test killed */
    unsigned killed_count;
    uint64_t floor; /* applications below it had ended and were correct at the last check */
    unsigned failed_tries;
    char fault[1024]; /* the first thing found wrong */
};

void check_note_killed(struct check *check, uint64_t resource);
bool check_settled(struct check *check, bool empty); /* waits until nothing changes; empty: until nothing runs */
bool check_all(struct check *check, bool whole);     /* false: check->fault says what is wrong */

#endif
