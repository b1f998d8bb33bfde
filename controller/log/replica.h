/* This controller's part in the consensus: libraft's core, driven by raft_step(), which does no I/O of its own. Belongs
 * to the writer's thread.
 *
 * Each call may leave a job to make something durable (replica_job()); the log thread does it, and replica_persisted()
 * reports it done. Time is an argument: milliseconds that never go back. */
#ifndef AQ_CONTROLLER_LOG_REPLICA_H
#define AQ_CONTROLLER_LOG_REPLICA_H

#include "controller/log/store.h"
#include "controller/log/thread.h"

struct replica;

struct replica_options {
    uint64_t id;          /* above 0; the same at every start */
    const char *address;  /* where other controllers would reach it */
    uint64_t applied;     /* index of the entry that the tables applied last: known to be committed */
    uint64_t reserve_mib; /* with less free disk than this, nothing is submitted */
};

/* Loads the log. Starts an empty one, durably, as a cluster with this one voter. */
int replica_open(struct replica **replica, struct log_store *store, const struct replica_options *options,
                 uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
void replica_close(struct replica *replica); /* NULL is fine */

/* Appends one entry as the leader. Takes ownership of `data`, from raft_malloc(), in every case. */
int replica_submit(struct replica *replica, uint32_t type, void *data, uint32_t size, uint64_t first_seq,
                   uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
/* Entries up to `index` are durable. */
int replica_persisted(struct replica *replica, uint64_t index, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
int replica_timeout(struct replica *replica, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;

/* The job that the last call left. True: `job` is filled, and job->memory belongs to the caller. */
bool replica_job(struct replica *replica, struct log_job *job);

bool replica_leads(const struct replica *replica);
uint64_t replica_term(const struct replica *replica);
uint64_t replica_last(const struct replica *replica);        /* index of the last entry, durable or not */
uint64_t replica_commit(const struct replica *replica);      /* index of the last committed entry */
uint64_t replica_deadline_ms(const struct replica *replica); /* when to call replica_timeout() */
/* Free space of the log's disk, and how much of it must stay free. */
void replica_set_free_mib(struct replica *replica, uint64_t free_mib, uint64_t reserve_mib);

#endif
