/* This controller's part in the consensus: libraft's core, driven by raft_step(), which does no I/O of its own. Belongs
 * to the writer's thread.
 *
 * Each call below may ask for something to be made durable (replica_job()); the log thread does it, and its completion
 * comes back through replica_persisted(). The clock is an argument: milliseconds that never go back. */
#ifndef AQ_CONTROLLER_LOG_REPLICA_H
#define AQ_CONTROLLER_LOG_REPLICA_H

#include "controller/log/store.h"
#include "controller/log/thread.h"

struct replica;

struct replica_options {
    uint64_t id;          /* above 0; the same at every start */
    const char *address;  /* where other controllers would reach it */
    uint64_t applied;     /* index of the entry that the tables were made from last: known to be committed */
    uint64_t reserve_mib; /* with less disk free than this, nothing is submitted */
};

/* Takes over what the log holds. An empty log is begun, durably, as a cluster of this one voter. */
int replica_open(struct replica **replica, struct log_store *store, const struct replica_options *options,
                 uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
void replica_close(struct replica *replica); /* NULL is fine */

/* Appends one entry as leader. Takes over `data` (from raft_malloc) in every case. */
int replica_submit(struct replica *replica, uint32_t type, void *data, uint32_t size, uint64_t first_seq,
                   uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
int replica_persisted(struct replica *replica, uint64_t index, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
int replica_timeout(struct replica *replica, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;

/* What the last call asks to make durable. True: `job` is filled, but for its memory's owner: job->memory is the
 * writer's to free. */
bool replica_job(struct replica *replica, struct log_job *job);

bool replica_leads(const struct replica *replica);
uint64_t replica_term(const struct replica *replica);
uint64_t replica_last(const struct replica *replica);        /* index of the last entry, durable or not */
uint64_t replica_commit(const struct replica *replica);      /* index of the last committed entry */
uint64_t replica_deadline_ms(const struct replica *replica); /* when replica_timeout() is to be called */
void replica_set_free_mib(struct replica *replica, uint64_t free_mib);

#endif
