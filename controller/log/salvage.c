#include "controller/log/salvage.h"

#include "controller/lmdb/file.h"
#include "controller/lmdb/pages.h"
#include "controller/log/leaves.h"
#include "controller/log/store.h"
#include "schema/codec/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one append, which is synced. */
enum { BATCH_ENTRIES = 4096, BATCH_BYTES = 8 << 20, PATH_SIZE = 1200 };

/* The last event of an entry. */
struct reach {
    uint64_t seq, time_ms; /* 0: none */
};

struct salvage {
    struct leaves *leaves;
    struct log_store *store;
    uint64_t index; /* of the entry to find next */
    uint64_t term;  /* of the one before it */
    unsigned char hash[AQ_HASH_SIZE];
    bool proved; /* the decisions before it have a checksum: no later entry is needed to confirm their hash */
    struct candidate {
        struct log_entry entry;
        bool has_check;
        unsigned char hash[AQ_HASH_SIZE];
        bool confirmed; /* by an entry that follows it */
    } found[2];         /* two that differ: one was refused because the disk was full, and its pages were not reused */
    unsigned found_count;
    struct log_entry batch[BATCH_ENTRIES];
    unsigned count;
    size_t bytes;
    struct aq_arena arena; /* what the batch points to */
    struct reach reach;
    struct aq_error why; /* the next entry was not found */
};

/* ---- finding the next entry ----------------------------------------------------------------------------- */

/* Keeps a copy of an entry that may come next, unless an equal one was kept. */
static void keep_candidate(void *context, const struct log_head *head, const void *payload)
{
    struct salvage *salvage = context;
    struct candidate *last = &salvage->found[salvage->found_count];
    if (head->type == LOG_TYPE_COMMAND && !aq_entry_follows(payload, head->size, salvage->hash)) {
        (void)log_fail_chain(salvage->index, head->first_seq, &salvage->why);
        return;
    }
    if (head->term < salvage->term || salvage->found_count == AQ_LENGTH(salvage->found))
        return;
    *last = (struct candidate){.has_check = head->check != 0};
    aq_entry_hash(payload, head->size, last->hash);
    if (salvage->found_count > 0 && memcmp(last->hash, salvage->found[0].hash, AQ_HASH_SIZE) == 0)
        return;
    void *data = aq_arena_alloc(&salvage->arena, head->size + 1u);
    memcpy(data, payload, head->size);
    last->entry = (struct log_entry){salvage->index, head->term, head->type, data, head->size, head->first_seq};
    salvage->found_count++;
}

static void note_confirmed(void *context, const struct log_head *head, const void *payload)
{
    struct candidate *candidate = context;
    candidate->confirmed |= head->type == LOG_TYPE_COMMAND && aq_entry_follows(payload, head->size, candidate->hash);
}

/* Of two candidates that differ, returns the one that the entry after them confirms. NULL: there is none. */
static const struct candidate *find_next(struct salvage *salvage)
{
    struct aq_error ignored = {0};
    salvage->found_count = 0;
    salvage->why = (struct aq_error){0};
    leaves_find(salvage->leaves, salvage->index, keep_candidate, salvage, &salvage->why);
    if (salvage->found_count > 1)
        leaves_find(salvage->leaves, salvage->index + 1, note_confirmed, &salvage->found[1], &ignored);
    return salvage->found_count == 0 ? NULL : &salvage->found[salvage->found_count > 1 && salvage->found[1].confirmed];
}

static void read_reach(const struct log_entry *entry, struct reach *reach)
{
    struct aq_entry whole;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error ignored = {0};
    if (entry->type == LOG_TYPE_COMMAND && aq_entry_unpack(&whole, entry->data, entry->size, &arena, &ignored) == 0) {
        *reach = (struct reach){whole.first_seq - 1, whole.time};
        for (uint32_t i = 0; i < whole.decisions.count; i++)
            reach->seq += AQ_ITEM(whole.decisions, struct aq_logged_decision, i)->events.count;
    }
}

/* Everything counts as committed: a single voter has committed what is on its disk. It never voted for another one, so
 * the term of the last entry is all that raft needs to know. */
static int append_batch(struct salvage *salvage, struct aq_error *error)
{
    if (salvage->count == 0)
        return 0;
    const struct log_entry *last = &salvage->batch[salvage->count - 1];
    struct log_vote vote = {.term = last->term};
    unsigned events = salvage->count;
    while (events > 0 && salvage->batch[events - 1].type != LOG_TYPE_COMMAND)
        events--;
    if (events > 0)
        read_reach(&salvage->batch[events - 1], &salvage->reach);
    int status = log_store_append(salvage->store, salvage->batch, salvage->count, last->index, &vote, error);
    salvage->count = 0;
    salvage->bytes = 0;
    aq_arena_reset(&salvage->arena);
    return status;
}

/* Returns 1 if there is no next entry: `why` is set, unless the log ends there. */
static int copy_next(struct salvage *salvage, struct aq_error *error)
{
    if ((salvage->count == BATCH_ENTRIES || salvage->bytes > BATCH_BYTES) && append_batch(salvage, error) != 0)
        return -1;
    const struct candidate *next = find_next(salvage);
    if (next == NULL)
        return 1;
    if (next->entry.type == LOG_TYPE_COMMAND) {
        memcpy(salvage->hash, next->hash, sizeof salvage->hash);
        salvage->proved = next->has_check;
    }
    salvage->term = next->entry.term;
    salvage->batch[salvage->count++] = next->entry;
    salvage->bytes += next->entry.size;
    salvage->index++;
    return 0;
}

static int copy_all(struct salvage *salvage, struct aq_error *error)
{
    int status;
    while ((status = copy_next(salvage, error)) == 0)
        ;
    if (status < 0)
        return -1;
    bool more = salvage->why.message[0] != '\0' || leaves_last(salvage->leaves) >= salvage->index;
    if (more && salvage->why.message[0] == '\0')
        (void)aq_fail(&salvage->why, AQ_E_CORRUPT, "log entry %" PRIu64 " is missing", salvage->index);
    /* Entries of older versions have no checksum, so the last ones may be what is damaged. They are still in the batch.
     */
    for (; more && !salvage->proved && salvage->count > 0; salvage->index--)
        salvage->proved = salvage->batch[--salvage->count].type == LOG_TYPE_COMMAND;
    if (append_batch(salvage, error) != 0)
        return -1;
    if (salvage->index > 1)
        return 0;
    return aq_fail(error, AQ_E_CORRUPT, "nothing can be copied: %s",
                   more ? salvage->why.message : "there are no log entries");
}

/* ---- the report ----------------------------------------------------------------------------------------- */

static void report_range(struct aq_buffer *report, uint64_t first, uint64_t last, uint64_t first_seq,
                         const struct reach *reach)
{
    char time[AQ_TIME_TEXT_SIZE];
    aq_buffer_format(report, first == last ? "entry %" PRIu64 : "entries %" PRIu64 " to %" PRIu64, first, last);
    if (reach->seq < first_seq)
        return;
    aq_time_to_text(reach->time_ms, time);
    aq_buffer_format(report, " (seq %" PRIu64 " to %" PRIu64 ", until %s)", first_seq, reach->seq, time);
}

static void note_reach(void *context, const struct log_head *head, const void *payload)
{
    struct log_entry entry = {.type = head->type, .data = payload, .size = head->size};
    read_reach(&entry, context);
}

static void report_lost(struct salvage *salvage, struct aq_buffer *report)
{
    struct reach reach = {0};
    struct aq_error ignored = {0};
    uint64_t last = leaves_last(salvage->leaves);
    for (uint64_t index = last; index >= salvage->index && reach.seq == 0; index--)
        leaves_find(salvage->leaves, index, note_reach, &reach, &ignored);
    aq_buffer_format(report, "lost: %s\nlost in total: ", salvage->why.message);
    report_range(report, salvage->index, last > salvage->index ? last : salvage->index, salvage->reach.seq + 1, &reach);
    aq_buffer_text(report, last > salvage->index ? "; no entry can follow a lost one\n" : "\n");
}

static void write_report(struct salvage *salvage, const char *source, const char *target, struct aq_buffer *report)
{
    struct aq_error pages = {0};
    aq_buffer_text(report, "intact and copied: ");
    report_range(report, 1, salvage->index - 1, 1, &salvage->reach);
    aq_buffer_format(report, "\nto %s\n", target);
    if (salvage->why.message[0] != '\0')
        report_lost(salvage, report);
    else
        aq_buffer_text(report, "lost: nothing that can be detected\n");
    if (lmdb_pages_check(source, LMDB_PAGES_ALL, &pages) != 0)
        aq_buffer_format(report, "%s\n", pages.message);
}

/* ---- directories ---------------------------------------------------------------------------------------- */

/* The log is written in a directory beside the target, so that a part of it is never taken for the whole. */
static int make_directory(const char *target, const char *part, struct aq_error *error)
{
    struct stat status;
    if (lstat(target, &status) == 0)
        return aq_fail(error, AQ_E_EXISTS, "%s already exists: name a directory that does not", target);
    if (mkdir(part, 0700) == 0)
        return 0;
    if (errno == EEXIST)
        return aq_fail(error, AQ_E_EXISTS, "%s was left by an interrupted run: remove it", part);
    return aq_fail_errno(error, errno, "cannot make directory %s", part);
}

static void remove_log(const char *log)
{
    static const char *const names[] = {LMDB_DATA_FILE, LMDB_LOCK_FILE};
    char path[PATH_SIZE + 16];
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/%s", log, names[i]);
        unlink(path);
    }
    rmdir(log);
}

static int copy_log(struct salvage *salvage, const char *source, const char *part, uint64_t map_bytes,
                    struct aq_error *error)
{
    int status = -1;
    if (leaves_open(&salvage->leaves, source, error) == 0 &&
        log_store_open(&salvage->store, part, map_bytes, error) == 0)
        status = copy_all(salvage, error);
    log_store_close(salvage->store);
    return status;
}

int salvage(const char *directory, const char *target, uint64_t map_bytes, struct aq_buffer *report,
            struct aq_error *error)
{
    char source[PATH_SIZE], part[PATH_SIZE], log[PATH_SIZE];
    if (strlen(target) > PATH_SIZE - 64)
        return aq_fail(error, AQ_E_INVALID, "the name of the directory has %zu bytes; the limit is %d", strlen(target),
                       PATH_SIZE - 64);
    snprintf(source, sizeof source, "%s/log", directory);
    snprintf(part, sizeof part, "%s.part", target);
    snprintf(log, sizeof log, "%s/log", part);
    if (make_directory(target, part, error) != 0)
        return -1;
    struct salvage *all = aq_calloc(1, sizeof *all);
    all->index = 1;
    all->proved = true;
    int status = copy_log(all, source, part, map_bytes, error);
    if (status == 0 && rename(log, target) != 0)
        status = aq_fail_errno(error, errno, "cannot move %s to %s", log, target);
    if (status == 0)
        write_report(all, source, target, report);
    else
        remove_log(log);
    rmdir(part);
    leaves_close(all->leaves);
    aq_arena_free(&all->arena);
    free(all);
    return status;
}
