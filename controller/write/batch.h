/* A batch: requests that are decided and projected one after another into one write transaction, and become one log
 * entry. It belongs to the writer's thread, and does no I/O except for the tables. */
#ifndef AQ_CONTROLLER_WRITE_BATCH_H
#define AQ_CONTROLLER_WRITE_BATCH_H

#include "controller/place/index.h"
#include "controller/state/applied.h"
#include "controller/write/request.h"
#include "schema/codec/entry.h"

struct batch {
    struct state *state;
    struct place_index *index;
    struct state_txn *txn;      /* open between batch_begin() and batch_commit() or batch_abort() */
    struct state_applied place; /* what was applied before the batch */
    uint64_t time_ms;
    uint64_t next_seq;
    struct aq_arena arena; /* for the events, until the batch ends */
    struct aq_arena scratch;
    struct aq_arena rights; /* of `caller` */
    struct aq_logged_decision *decisions;
    uint32_t count, capacity;
    size_t bytes;                         /* of all decisions */
    bool careful;                         /* requests of several commands get nested transactions */
    struct aq_caller caller;              /* of the request that is decided, as of now */
    uint32_t commands;                    /* in all requests, including those that were refused */
    struct writer_request *first, **last; /* all requests */
};

int batch_begin(struct batch *batch, struct state *state, struct place_index *index, uint64_t now_ms,
                struct aq_error *error) AQ_MUST_CHECK;

/* Decides one request and fills in its answer. The caller answers it when the batch ends. After a failure the batch is
 * over, and nobody answers its requests. */
int batch_add(struct batch *batch, struct writer_request *request, struct aq_error *error) AQ_MUST_CHECK;

/* Has the store failed? The batch must be aborted then. */
bool batch_failed(const struct batch *batch, struct aq_error *error);

/* Packs the batch as an entry with the raft index `index`, and notes in the transaction that it is applied. */
void batch_pack(struct batch *batch, uint64_t index, struct aq_buffer *out);

/* End the batch; return its requests for the caller to answer. If the commit fails, everything is undone, and the entry
 * must be projected from the log. */
struct writer_request *batch_commit(struct batch *batch, struct aq_error *error);
struct writer_request *batch_abort(struct batch *batch);

#endif
