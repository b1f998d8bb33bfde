/* Torture: a private cluster of real processes under load, in which processes are killed at random moments, again and
 * again; and the proof after each few kills that nothing was lost, nothing happened twice, nothing was left behind.
 *
 * Everything random comes from one seed, so a round that fails can be had again with its seed, as far as timing allows.
 *
 *   torture.c   rounds: when who is killed
 *   cluster.c   the processes: starting, killing, ending, cleaning up
 *   victims.c   workloads as the kernel sees them: processes in control groups
 *   rest.c      one HTTP request and its answer
 *   load.c      clients, and the ledger of what they were told
 *   check.c     ledger, tables and processes, compared
 *
 * Threads: the main one kills and checks; each client is a thread of its own, and rests while checks are made. */
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
    char work[64], mount[PATH_MOST], starts[PATH_MOST]; /* starts: a line for each main process */
    char names[AGENTS][32];
    struct controller controller;
    pid_t agents[AGENTS], fs; /* 0: not running */
};

double now_s(void);
void pause_ms(unsigned ms);
void cluster_make(struct cluster *cluster);       /* the directory */
bool cluster_begin(struct cluster *cluster);      /* all processes */
bool cluster_controller(struct cluster *cluster); /* starts it and waits until it is ready */
void cluster_agent(struct cluster *cluster, int i);
bool cluster_fs(struct cluster *cluster);
void cluster_kill(pid_t *pid);                             /* SIGKILL, and waits */
bool cluster_end(struct cluster *cluster);                 /* politely. False: one did not end well */
bool cluster_logs_are_good(const struct cluster *cluster); /* false: what is wrong was printed */
bool cluster_is_swept(const struct cluster *cluster);      /* agents keep nothing of any workload */
void cluster_clean(struct cluster *cluster, bool keep);    /* nothing stays, however the test went */

/* ---- workloads (victims.c) ------------------------------------------------------------------------------- */

struct found_process {
    unsigned agent;
    uint64_t resource;
    pid_t pid;
};

/* All processes in control groups of the cluster's agents; to be freed. `groups`: how many groups of workloads. */
struct found_process *victims_list(const struct cluster *cluster, size_t *count, size_t *groups);
/* Kills the main process, or its keeper. False: it was gone already. */
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
/* All rows of a list behind the key `after`, page by page. NULL: it could not be read. */
json_t *rest_list(struct rest *rest, const char *path, uint64_t after);

/* ---- load and its ledger (load.c) ------------------------------------------------------------------------ */

enum op_kind { OP_CREATE, OP_LABEL, OP_DEALLOCATE, OP_FILE };

/* One thing that a client asked for. Its number stands in what it made: for OP_CREATE and OP_FILE in the metadata. */
struct op {
    enum op_kind kind;
    unsigned number, items;
    const char *label; /* OP_CREATE, OP_FILE */
    char key[32], path[64];
    char *body;
    bool answered, done; /* done: with success */
    uint64_t ids[BATCH_ITEMS];
    bool given_back; /* it was acknowledged that the application is to end */
    bool checked;
};

struct load {
    const struct cluster *cluster;
    uint64_t seed;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool rests, ends;
    unsigned resting;
    struct op **ops;
    unsigned count, capacity;
    uint64_t seq; /* the highest that was acknowledged */
    unsigned asked, unanswered, repeated;
    char fault[512]; /* what a client saw that must not be */
    pthread_t threads[REST_CLIENTS + 1];
};

void load_start(struct load *load, const struct cluster *cluster, uint64_t seed);
void load_rest(struct load *load); /* returns when all clients rest */
void load_go(struct load *load);
void load_stop(struct load *load);
/* Repeats what got no answer, with the same keys, until it has one. The clients rest. */
bool load_settle(struct load *load, struct rest *rest);
/* All that is not over is to end, but for the newest `keep`. */
bool load_give_back(struct load *load, struct rest *rest, json_t *applications, size_t keep);

/* ---- proof (check.c) -------------------------------------------------------------------------------------- */

struct check {
    struct cluster *cluster;
    struct load *load;
    struct rest rest;
    uint64_t killed[KILLED_MAX]; /* resources whose processes were killed here */
    unsigned killed_count;
    uint64_t floor; /* applications below it were over, and good, when last looked at */
    unsigned failed_tries;
    char fault[1024]; /* the first thing that is wrong */
};

void check_note_killed(struct check *check, uint64_t resource);
bool check_calm(struct check *check, bool empty); /* waits until nothing moves; empty: until nothing is there */
bool check_all(struct check *check, bool whole);  /* false: check->fault says what is wrong */

#endif
