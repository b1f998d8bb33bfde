#include "tests/sim/disk.h"

#include <inttypes.h>
#include <raft.h>
#include <stdlib.h>
#include <string.h>

enum { FREE_MIB = 100000 };

static struct disk *disk_of(const struct log_store *store)
{
    return (struct disk *)store; /* whose first member it is */
}

/* ---- a write ------------------------------------------------------------------------------------------ */

static void *copy_of(const void *data, size_t size)
{
    void *copy = aq_malloc(size + 1);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static void write_take(struct disk_write *write, const struct log_entry *entries, unsigned count, uint64_t commit,
                       const struct log_vote *vote)
{
    *write = (struct disk_write){.count = count, .commit = commit, .has_vote = vote != NULL};
    aq_assert(count <= LOG_JOB_ENTRIES_MAX);
    for (unsigned i = 0; i < count; i++) {
        write->entries[i] = (struct disk_entry){entries[i], commit};
        write->entries[i].entry.data = copy_of(entries[i].data, entries[i].size);
    }
    if (vote != NULL)
        write->vote = *vote;
}

static void write_free(struct disk_write *write)
{
    for (unsigned i = 0; i < write->count; i++)
        free((void *)write->entries[i].entry.data);
    *write = (struct disk_write){0};
}

/* What the disk has from now on. There is one voter, so an entry that is durable is committed, and is never replaced.
 */
static void write_apply(struct disk *disk, struct disk_write *write)
{
    for (unsigned i = 0; i < write->count; i++) {
        struct disk_entry *entry = &write->entries[i];
        if (entry->entry.index != disk->count + 1)
            sim_broken(disk->sim, "a durable entry stays", "entry %" PRIu64 " is appended to a log that ends at %zu",
                       entry->entry.index, disk->count);
        AQ_GROW(disk->entries, disk->count, disk->capacity);
        disk->entries[disk->count++] = *entry;
        if (entry->entry.type == RAFT_CHANGE)
            disk->configuration = entry->entry.index;
        disk->durable(disk->context, &entry->entry);
    }
    if (write->count == 0)
        disk->commit = write->commit;
    if (write->has_vote)
        disk->vote = write->vote;
    *write = (struct disk_write){0};
}

/* ---- jobs --------------------------------------------------------------------------------------------- */

void disk_start(struct disk *disk, struct log_job *job)
{
    aq_assert(disk->job == NULL);
    disk->job = job;
    write_take(&disk->write, job->entries, job->count, job->commit, job->has_vote ? &job->vote : NULL);
    disk->done_ms = disk->sim->now_ms + sim_wait(disk->sim, disk->latency_ms);
    sim_say(disk->sim, "disk: append of %u entries from %" PRIu64 ", until %" PRIu64, job->count,
            job->count > 0 ? job->entries[0].index : 0, disk->done_ms);
}

static void check_memory(const struct disk *disk)
{
    for (unsigned i = 0; i < disk->job->count; i++) {
        const struct log_entry *given = &disk->job->entries[i], *taken = &disk->write.entries[i].entry;
        if (given->size != taken->size || (taken->size > 0 && memcmp(given->data, taken->data, taken->size) != 0))
            sim_broken(disk->sim, "memory stays until an append is done", "entry %" PRIu64 " has changed",
                       taken->index);
    }
}

static int fail_full(const struct disk *disk, struct aq_error *error)
{
    return aq_fail(error, AQ_E_NO_SPACE, "appending to the log: %s", disk->full ? "no space" : "the map is full");
}

struct log_job *disk_finish(struct disk *disk)
{
    struct log_job *job = disk->job;
    check_memory(disk);
    disk->job = NULL;
    job->status = 0;
    if (disk->full || disk->map_full) {
        job->status = fail_full(disk, &job->error);
        write_free(&disk->write);
    } else if (disk->fails_once) {
        disk->fails_once = false;
        job->status = aq_fail(&job->error, AQ_E_IO, "appending to the log: an input/output error");
        disk->job = job;
        disk_drop(disk, sim_happens(disk->sim, 50));
    } else {
        write_apply(disk, &disk->write);
    }
    sim_say(disk->sim, "disk: append has ended: %s", job->status == 0 ? "durable" : job->error.message);
    return job;
}

void disk_drop(struct disk *disk, bool reaches)
{
    if (disk->job == NULL)
        return;
    sim_say(disk->sim, "disk: an append was under way, and %s", reaches ? "is there" : "is lost");
    if (reaches)
        write_apply(disk, &disk->write);
    else
        write_free(&disk->write);
    disk->job = NULL;
}

/* ---- the store ---------------------------------------------------------------------------------------- */

static void store_close(struct log_store *store)
{
    (void)store; /* the disk outlives every process */
}

static int store_extent(struct log_store *store, struct log_extent *extent, struct aq_error *error)
{
    const struct disk *disk = disk_of(store);
    (void)error;
    *extent = (struct log_extent){.commit = disk->commit, .configuration = disk->configuration, .vote = disk->vote};
    if (disk->count == 0)
        return 0;
    const struct disk_entry *last = &disk->entries[disk->count - 1];
    extent->first = 1;
    extent->last = last->entry.index;
    extent->last_term = last->entry.term;
    if (last->commit > extent->commit)
        extent->commit = last->commit;
    return 0;
}

static int store_append(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                        const struct log_vote *vote, struct aq_error *error)
{
    struct disk *disk = disk_of(store);
    struct disk_write write;
    if (disk->full || disk->map_full)
        return fail_full(disk, error);
    write_take(&write, entries, count, commit, vote);
    write_apply(disk, &write);
    return 0;
}

static int store_read(struct log_store *store, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                      struct aq_error *error)
{
    const struct disk *disk = disk_of(store);
    int status = 0;
    for (uint64_t index = first > 0 ? first : 1; status == 0 && index <= last && index <= disk->count; index++)
        status = visit(context, &disk->entries[index - 1].entry, error);
    return status;
}

static int store_check_pages(struct log_store *store, struct aq_error *error)
{
    (void)store;
    (void)error;
    return 0;
}

static struct events *store_events(struct log_store *store)
{
    (void)store;
    return NULL;
}

static uint64_t store_free_mib(const struct log_store *store)
{
    return disk_of(store)->full ? 0 : FREE_MIB;
}

void disk_open(struct disk *disk, struct sim *sim, disk_durable_fn *durable, void *context)
{
    static const struct log_store_kind kind = {store_close,       store_extent, store_append,  store_read,
                                               store_check_pages, store_events, store_free_mib};
    *disk = (struct disk){.store = {&kind}, .sim = sim, .durable = durable, .context = context, .latency_ms = 3};
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        free((void *)disk->entries[i].entry.data);
    free(disk->entries);
}
