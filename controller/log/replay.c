#include "controller/log/replay.h"

#include "controller/project/project.h"
#include "controller/state/applied.h"
#include "controller/state/log_layout.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

/* What one write transaction takes: enough to be fast, little enough to stay in memory. */
enum { ROUND_ENTRIES_MAX = 4096, ROUND_BYTES_MAX = 8 << 20 };

/* An entry is projected only after the next entry has confirmed its hash: handlers trust events, and abort on
 * impossible ones. Nothing confirms the last entry of the log. */
struct chain {
    unsigned entries; /* linked so far */
    size_t bytes;
    unsigned char hash[AQ_HASH_SIZE]; /* of the last one */
};

struct round {
    struct project project;
    unsigned entries;
    size_t bytes;
    uint64_t next; /* index to continue with */
};

static int fail_link(const struct log_entry *entry, struct aq_arena *arena, struct aq_error *error)
{
    struct aq_entry whole;
    if (aq_entry_unpack(&whole, entry->data, entry->size, arena, error) != 0)
        return aq_error_context(error, "log entry %" PRIu64, entry->index);
    return log_fail_chain(entry->index, whole.first_seq, error);
}

/* Returns 1 when all entries of a round are linked, the last one by the entry after the round. */
static int check_link(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct chain *chain = context;
    if (entry->type != LOG_TYPE_COMMAND)
        return 0;
    if (chain->entries > 0 && !aq_entry_follows(entry->data, entry->size, chain->hash)) {
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        return fail_link(entry, &arena, error);
    }
    if (chain->entries == ROUND_ENTRIES_MAX || chain->bytes > ROUND_BYTES_MAX)
        return 1;
    chain->entries++;
    chain->bytes += entry->size;
    aq_entry_hash(entry->data, entry->size, chain->hash);
    return 0;
}

/* Returns 1 to end the round. */
static int project_one(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct round *round = context;
    if (round->entries == ROUND_ENTRIES_MAX || round->bytes > ROUND_BYTES_MAX)
        return 1;
    round->entries++;
    round->bytes += entry->size;
    round->next = entry->index + 1;
    if (entry->type != LOG_TYPE_COMMAND)
        return 0;
    int status = project_entry(&round->project, entry->index, entry->data, entry->size, error);
    aq_arena_reset(round->project.arena);
    return status;
}

static int replay_round(struct log_store *store, struct state *state, struct place_index *index, uint64_t first,
                        uint64_t last, uint64_t *next, struct aq_error *error)
{
    struct aq_arena arena = {0};
    struct round round = {.project = {.index = index, .arena = &arena}, .next = last + 1};
    struct chain chain = {0};
    if (log_store_read(store, first, UINT64_MAX, check_link, &chain, error) < 0)
        return -1;
    if (state_write(state, &round.project.txn, error) != 0)
        return -1;
    round.next = first;
    int status = log_store_read(store, first, last, project_one, &round, error);
    aq_arena_free(&arena);
    if (status < 0) {
        state_end(round.project.txn);
        return -1;
    }
    *next = status == 1 ? round.next : last + 1;
    return state_commit(round.project.txn, error);
}

int replay(struct log_store *store, struct state *state, struct place_index *index, uint64_t last,
           struct aq_error *error)
{
    struct state_txn *txn;
    if (state_read(state, &txn, error) != 0)
        return -1;
    uint64_t next = state_applied_get(txn).index + 1;
    state_end(txn);
    int status = 0;
    while (status == 0 && next <= last) {
        status = replay_round(store, state, index, next, last, &next, error);
        if (index != NULL && status == 0)
            place_index_keep(index);
        else if (index != NULL)
            place_index_undo_batch(index);
    }
    return status;
}

static int check_applied_hash(void *context, const struct log_entry *entry, struct aq_error *error)
{
    const struct state_applied *applied = context;
    unsigned char hash[AQ_HASH_SIZE];
    aq_entry_hash(entry->data, entry->size, hash);
    if (entry->index == applied->index && memcmp(hash, applied->hash, sizeof hash) == 0)
        return 1;
    return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is not the one that the tables applied", applied->index);
}

int replay_check_applied(struct log_store *store, struct state *state, struct aq_error *error)
{
    struct state_txn *txn;
    if (state_read(state, &txn, error) != 0)
        return -1;
    struct state_applied applied = state_applied_get(txn);
    state_end(txn);
    if (applied.index == 0)
        return 0;
    int status = log_store_read(store, applied.index, applied.index, check_applied_hash, &applied, error);
    if (status == 0)
        return aq_fail(error, AQ_E_CORRUPT, "the tables applied log entry %" PRIu64 ", which the log does not have",
                       applied.index);
    return status == 1 ? 0 : -1;
}

/* ---- proof -------------------------------------------------------------------------------------------- */

static void add_digest(struct aq_buffer *report, const char *what, const unsigned char digest[32], uint64_t rows)
{
    char text[65];
    sodium_bin2hex(text, sizeof text, digest, 32);
    aq_buffer_format(report, "%s: %" PRIu64 " rows, digest %s\n", what, rows, text);
}

static int digest_fresh(struct log_store *store, struct state *fresh, uint64_t last, unsigned char digest[32],
                        uint64_t *rows, struct aq_error *error)
{
    struct state_txn *txn;
    if (replay(store, fresh, NULL, last, error) != 0 || state_read(fresh, &txn, error) != 0)
        return -1;
    int status = state_digest(txn, digest, rows, error);
    state_end(txn);
    return status;
}

int replay_verify(struct log_store *store, struct state *state, const char *directory, uint64_t map_bytes,
                  struct aq_buffer *report, struct aq_error *error)
{
    struct state_txn *txn;
    struct state *fresh;
    unsigned char in_use[32], replayed[32];
    uint64_t rows_in_use, rows_replayed = 0;
    if (log_store_check_pages(store, error) != 0 || state_check_pages(state, error) != 0 ||
        state_read(state, &txn, error) != 0)
        return -1;
    struct state_applied applied = state_applied_get(txn);
    int status = state_digest(txn, in_use, &rows_in_use, error);
    state_end(txn);
    if (status != 0 || state_open_fresh(&fresh, directory, map_bytes, error) != 0)
        return -1;
    /* The layout counts in the digests, so it is marked in both. */
    status = state_mark_layout(fresh, error);
    if (status == 0)
        status = digest_fresh(store, fresh, applied.index, replayed, &rows_replayed, error);
    state_discard(fresh);
    if (status != 0)
        return -1;
    aq_buffer_format(report, "log: the hash chain is intact up to entry %" PRIu64 ", seq %" PRIu64 "\n", applied.index,
                     applied.seq);
    add_digest(report, "tables in use", in_use, rows_in_use);
    add_digest(report, "replayed", replayed, rows_replayed);
    if (memcmp(in_use, replayed, sizeof in_use) != 0)
        return aq_fail(error, AQ_E_CORRUPT, "the tables in use differ from the replayed log");
    aq_buffer_text(report, "equal\n");
    return 0;
}
