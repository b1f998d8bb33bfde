#include "controller/log/replica.h"

#include "schema/base/journal.h"

#include <inttypes.h>
#include <raft.h>
#include <stdio.h>
#include <string.h>

enum { CAPACITY_MAX = 65535 }; /* raft has 16 bits for it. We count in MiB, and more than this counts as this */

struct replica {
    struct raft raft;
    struct log_store *store;
    uint64_t last;
    unsigned short capacity;
    uint64_t first_seq; /* of the entry being submitted */
    bool has_job;
    struct log_job job;
};

static int fail_raft(struct replica *replica, int code, const char *what, struct aq_error *error)
{
    enum aq_error_code kind = code == RAFT_NOSPACE     ? AQ_E_NO_SPACE
                              : code == RAFT_NOTLEADER ? AQ_E_NO_LEADER
                                                       : AQ_E_INTERNAL;
    return aq_fail(error, kind, "%s: %s: %s", what, raft_strerror(code), raft_errmsg(&replica->raft));
}

/* Notes what must become durable. A cluster with one voter sends no messages. */
static void note_update(struct replica *replica, const struct raft_update *update)
{
    struct log_job *job = &replica->job;
    aq_assert(!(update->flags & (RAFT_UPDATE_MESSAGES)) || update->messages.n == 0);
    if (update->flags & ((RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR))) {
        replica->has_job = job->has_vote = true;
        job->vote = (struct log_vote){raft_current_term(&replica->raft), raft_voted_for(&replica->raft)};
    }
    if (update->flags & (RAFT_UPDATE_ENTRIES)) {
        aq_assert(update->entries.n <= LOG_JOB_ENTRIES_MAX && job->count == 0);
        replica->has_job = true;
        job->count = update->entries.n;
        for (unsigned i = 0; i < update->entries.n; i++) {
            const struct raft_entry *entry = &update->entries.batch[i];
            job->entries[i] = (struct log_entry){
                .index = update->entries.index + i,
                .term = entry->term,
                .type = entry->type,
                .data = entry->buf.base,
                .size = (uint32_t)entry->buf.len,
                .first_seq = entry->type == RAFT_COMMAND ? replica->first_seq : 0,
            };
            replica->last = job->entries[i].index;
        }
        aq_assert(job->count <= 1 || job->entries[0].data == NULL);
        job->memory = (void *)job->entries[job->count - 1].data;
    }
    job->commit = raft_commit_index(&replica->raft);
}

static int step_raft(struct replica *replica, struct raft_event *event, uint64_t now_ms, const char *what,
                     struct aq_error *error)
{
    struct raft_update update = {0};
    event->time = now_ms;
    event->capacity = replica->capacity;
    int code = raft_step(&replica->raft, event, &update);
    if (code != 0)
        return fail_raft(replica, code, what, error);
    note_update(replica, &update);
    return 0;
}

/* ---- start -------------------------------------------------------------------------------------------- */

/* The first entry of a new log: the members of the cluster. */
static int append_configuration(struct log_store *store, const struct replica_options *options, struct aq_error *error)
{
    struct raft_configuration configuration;
    struct raft_buffer buffer;
    raft_configuration_init(&configuration);
    if (raft_configuration_add(&configuration, options->id, options->address, RAFT_VOTER) != 0 ||
        raft_configuration_encode(&configuration, &buffer) != 0)
        aq_broken(__FILE__, __LINE__, "out of memory");
    raft_configuration_close(&configuration);
    struct log_entry entry = {
        .index = 1, .term = 1, .type = RAFT_CHANGE, .data = buffer.base, .size = (uint32_t)buffer.len};
    struct log_vote vote = {.term = 1};
    int status = log_store_append(store, &entry, 1, 1, &vote, error);
    raft_free(buffer.base);
    return status;
}

/* The entries after those that count as raft's snapshot. */
struct loading {
    struct raft_entry *entries;
    unsigned count;
};

static int load_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct loading *loading = context;
    (void)error;
    struct raft_entry *out = &loading->entries[loading->count++];
    *out = (struct raft_entry){.term = entry->term, .type = (enum raft_entry_type)entry->type};
    if (entry->type == RAFT_CHANGE) { /* of other types, the core needs only the term */
        out->buf.len = entry->size;
        out->buf.base = raft_malloc(entry->size);
        aq_assert(out->buf.base != NULL);
        memcpy(out->buf.base, entry->data, entry->size);
        out->batch = out->buf.base;
    }
    return 0;
}

static int load_snapshot(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct raft_snapshot_metadata *metadata = context;
    (void)error;
    metadata->index = entry->index;
    metadata->term = entry->term;
    return 0;
}

static int load_configuration(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct raft_snapshot_metadata *metadata = context;
    struct raft_buffer buffer = {(void *)entry->data, entry->size};
    raft_configuration_init(&metadata->configuration);
    metadata->configuration_index = entry->index;
    int code = raft_configuration_decode(&buffer, &metadata->configuration);
    if (code != 0)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is not a configuration: %s", entry->index,
                       raft_strerror(code));
    return 0;
}

/* Entries up to `base` are known to be committed, so they count as a snapshot: raft need not hold their terms. */
static int start_raft(struct replica *replica, const struct log_extent *extent, uint64_t base, uint64_t now_ms,
                      struct aq_error *error)
{
    struct raft_snapshot_metadata metadata = {0};
    struct loading loading = {0};
    struct raft_event event = {.type = RAFT_START};
    if (log_store_read(replica->store, base, base, load_snapshot, &metadata, error) != 0 ||
        log_store_read(replica->store, extent->configuration, extent->configuration, load_configuration, &metadata,
                       error) != 0)
        return -1;
    uint64_t count = extent->last - base;
    loading.entries = count ? raft_calloc(count, sizeof *loading.entries) : NULL;
    aq_assert(count == 0 || loading.entries != NULL);
    if (log_store_read(replica->store, base + 1, extent->last, load_entry, &loading, error) != 0)
        return -1;
    event.start.term = extent->vote.term;
    event.start.voted_for = extent->vote.voted_for;
    event.start.metadata = &metadata; /* raft takes ownership of the configuration in it */
    event.start.start_index = base + 1;
    event.start.entries = loading.entries;
    event.start.n_entries = loading.count;
    replica->last = extent->last;
    int status = step_raft(replica, &event, now_ms, "starting raft", error);
    for (unsigned i = 0; i < loading.count; i++)
        raft_free(loading.entries[i].batch);
    raft_free(loading.entries);
    return status;
}

int replica_open(struct replica **out, struct log_store *store, const struct replica_options *options, uint64_t now_ms,
                 struct aq_error *error)
{
    struct log_extent extent;
    if (log_store_extent(store, &extent, error) != 0)
        return -1;
    if (extent.last == 0 &&
        (append_configuration(store, options, error) != 0 || log_store_extent(store, &extent, error) != 0))
        return -1;
    uint64_t base = options->applied > extent.commit ? options->applied : extent.commit;
    if (base > extent.last || extent.configuration == 0 || extent.configuration > base)
        return aq_fail(error, AQ_E_CORRUPT,
                       "the log ends at entry %" PRIu64 " with its configuration at %" PRIu64 ", but entry %" PRIu64
                       " was committed",
                       extent.last, extent.configuration, base);
    struct replica *replica = aq_calloc(1, sizeof *replica);
    replica->store = store;
    int code = raft_init(&replica->raft, NULL, NULL, options->id, options->address);
    if (code != 0) {
        free(replica);
        return aq_fail(error, AQ_E_INTERNAL, "cannot start raft: %s", raft_strerror(code));
    }
    raft_seed(&replica->raft, (unsigned)(options->id * 2654435761u + now_ms));
    raft_set_pre_vote(&replica->raft, true);
    replica_set_free_mib(replica, log_store_free_mib(store), options->reserve_mib);
    if (start_raft(replica, &extent, base, now_ms, error) != 0) {
        replica_close(replica);
        return -1;
    }
    *out = replica;
    return 0;
}

void replica_close(struct replica *replica)
{
    if (replica == NULL)
        return;
    raft_close(&replica->raft, NULL);
    if (replica->has_job)
        raft_free(replica->job.memory);
    free(replica);
}

/* ---- running ------------------------------------------------------------------------------------------ */

int replica_submit(struct replica *replica, uint32_t type, void *data, uint32_t size, uint64_t first_seq,
                   uint64_t now_ms, struct aq_error *error)
{
    struct raft_entry entry = {.term = raft_current_term(&replica->raft), .type = (enum raft_entry_type)type};
    struct raft_event event = {.type = RAFT_SUBMIT};
    entry.buf.base = data;
    entry.buf.len = size;
    event.submit.entries = &entry;
    event.submit.n = 1;
    replica->first_seq = first_seq;
    if (step_raft(replica, &event, now_ms, "appending to the log", error) == 0)
        return 0;
    raft_free(data);
    return -1;
}

int replica_persisted(struct replica *replica, uint64_t index, uint64_t now_ms, struct aq_error *error)
{
    struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES};
    event.persisted_entries.index = index;
    return step_raft(replica, &event, now_ms, "after an append", error);
}

int replica_timeout(struct replica *replica, uint64_t now_ms, struct aq_error *error)
{
    struct raft_event event = {.type = RAFT_TIMEOUT};
    return step_raft(replica, &event, now_ms, "at a timeout", error);
}

bool replica_job(struct replica *replica, struct log_job *job)
{
    if (!replica->has_job)
        return false;
    *job = replica->job;
    replica->job = (struct log_job){0};
    replica->has_job = false;
    return true;
}

bool replica_leads(const struct replica *replica)
{
    return raft_state((struct raft *)&replica->raft) == RAFT_LEADER;
}

uint64_t replica_term(const struct replica *replica)
{
    return raft_current_term(&replica->raft);
}

uint64_t replica_last(const struct replica *replica)
{
    return replica->last;
}

uint64_t replica_commit(const struct replica *replica)
{
    return raft_commit_index(&replica->raft);
}

uint64_t replica_deadline_ms(const struct replica *replica)
{
    return raft_timeout(&replica->raft);
}

static unsigned short capacity_of(uint64_t mib)
{
    return (unsigned short)(mib > CAPACITY_MAX ? CAPACITY_MAX : mib);
}

void replica_set_free_mib(struct replica *replica, uint64_t free_mib, uint64_t reserve_mib)
{
    replica->capacity = capacity_of(free_mib);
    raft_set_capacity_threshold(&replica->raft, capacity_of(reserve_mib));
}
