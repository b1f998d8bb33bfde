#include "tests/sim/disk.h"

#include "tests/sim/sealed.h"

#include <inttypes.h>
#include <raft.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FREE_MIB = 100000, RUN_MAX = 16 };

enum { TERM, VOTE, COMMIT, CONFIGURATION };
static const char *const number_names[DISK_NUMBERS] = {LOG_TERM, LOG_VOTE, LOG_COMMIT, LOG_CONFIGURATION};

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

static size_t row_size(const struct disk_entry *entry)
{
    return sizeof(struct log_head) + entry->entry.size;
}

static void write_row(struct disk_entry *entry)
{
    const struct log_entry *given = &entry->entry;
    const struct log_head head = {.term = given->term,
                                  .type = given->type,
                                  .size = given->size,
                                  .first_seq = given->first_seq,
                                  .commit = entry->commit};
    if (entry->row == NULL)
        entry->row = aq_malloc(row_size(entry));
    log_row_write(entry->row, given->index, &head, given->data);
}

/* What is written anew is as it should be. */
static void write_number(struct disk *disk, unsigned i, uint64_t number)
{
    disk->numbers[i] = disk->intact[i] = log_number_make(number_names[i], number);
    if (strstr(disk->damage, number_names[i]) != NULL)
        disk->damage[0] = '\0';
}

static void write_take(struct disk_write *write, const struct log_entry *entries, unsigned count, uint64_t commit,
                       const struct log_vote *vote)
{
    *write = (struct disk_write){.count = count, .commit = commit, .has_vote = vote != NULL};
    aq_assert(count <= LOG_JOB_ENTRIES_MAX);
    for (unsigned i = 0; i < count; i++) {
        write->entries[i] = (struct disk_entry){entries[i], commit, NULL};
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

/* ---- turned bits -------------------------------------------------------------------------------------- */

static void turn(struct sim *sim, unsigned char *bytes, size_t size)
{
    size_t at = sim_draw(sim, size), length = 1 + sim_draw(sim, RUN_MAX);
    if (sim_happens(sim, 60)) {
        bytes[at] ^= (unsigned char)(1u << sim_draw(sim, 8));
        return;
    }
    for (size_t i = at; i < size && i < at + length; i++)
        bytes[i] ^= (unsigned char)(1 + sim_draw(sim, 255));
}

static void has_turned(struct disk *disk)
{
    disk->sim->result->totals.turned++;
    sim_say(disk->sim, "fault: bits turn in %s", disk->damage);
}

static void turn_bits_of_entry(struct disk *disk, size_t i)
{
    turn(disk->sim, disk->entries[i].row, row_size(&disk->entries[i]));
    disk->damaged_index = disk->entries[i].entry.index;
    disk->turns_next = false;
    snprintf(disk->damage, sizeof disk->damage, "log entry %" PRIu64 " ", disk->damaged_index);
    has_turned(disk);
}

static void turn_bits_of_number(struct disk *disk)
{
    uint64_t i = sim_draw(disk->sim, DISK_NUMBERS);
    turn(disk->sim, (unsigned char *)&disk->numbers[i], sizeof disk->numbers[i]);
    snprintf(disk->damage, sizeof disk->damage, "the log's %s is not what was written", number_names[i]);
    has_turned(disk);
}

/* The newest entries are read most. */
void disk_turn_bits(struct disk *disk)
{
    enum { OF_NEXT, OF_NEWEST, OF_ANY, OF_NUMBER, PLACES } place = (unsigned)sim_draw(disk->sim, PLACES);
    if (disk->count == 0 || disk->damage[0] != '\0')
        return;
    disk->turns_next = place == OF_NEXT;
    if (place == OF_NEWEST)
        turn_bits_of_entry(disk, disk->count - 1);
    else if (place == OF_ANY)
        turn_bits_of_entry(disk, sim_draw(disk->sim, disk->count));
    else if (place == OF_NUMBER)
        turn_bits_of_number(disk);
}

void disk_restore(struct disk *disk)
{
    if (disk->damaged_index != 0)
        write_row(&disk->entries[disk->damaged_index - 1]);
    memcpy(disk->numbers, disk->intact, sizeof disk->numbers);
    disk->damage[0] = '\0';
    disk->damaged_index = 0;
}

/* An entry is named by its seq too, where that is said. If it has turned itself, it cannot be known. */
static bool seq_is_right(const struct disk *disk, const char *message)
{
    struct log_head head;
    char seq[DISK_PLACE_SIZE];
    if (disk->damaged_index == 0 || strstr(message, "(seq ") == NULL)
        return true;
    memcpy(&head, disk->entries[disk->damaged_index - 1].row, sizeof head);
    snprintf(seq, sizeof seq, "(seq %" PRIu64 ")", head.first_seq);
    return strstr(message, seq) != NULL;
}

bool disk_is_named(const struct disk *disk, const struct aq_error *error)
{
    return disk->damage[0] != '\0' && error->code == AQ_E_CORRUPT && strstr(error->message, disk->damage) != NULL &&
           seq_is_right(disk, error->message);
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
        write_row(entry);
        disk->entries[disk->count++] = *entry;
        if (entry->entry.type == RAFT_CHANGE)
            write_number(disk, CONFIGURATION, entry->entry.index);
        disk->durable(disk->context, &entry->entry);
    }
    if (disk->turns_next && write->count > 0 && disk->damage[0] == '\0')
        turn_bits_of_entry(disk, disk->count - 1);
    if (write->count == 0)
        write_number(disk, COMMIT, write->commit);
    if (write->has_vote) {
        write_number(disk, TERM, write->vote.term);
        write_number(disk, VOTE, write->vote.voted_for);
    }
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

/* ---- the end of the process --------------------------------------------------------------------------- */

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

/* Reads an entry as the disk has it. Whatever is not refused must be what was appended. */
static int read_row(const struct disk *disk, const struct disk_entry *entry, struct log_entry *out, uint64_t *commit,
                    struct aq_error *error)
{
    const struct log_entry *given = &entry->entry;
    struct log_head head;
    *out = (struct log_entry){.index = given->index};
    if (log_row_read(given->index, entry->row, row_size(entry), &head, &out->data, error) != 0)
        return -1;
    out->term = head.term;
    out->type = head.type;
    out->size = head.size;
    out->first_seq = head.first_seq;
    *commit = head.commit;
    if (head.term != given->term || head.type != given->type || head.size != given->size ||
        head.first_seq != given->first_seq || head.commit != entry->commit ||
        (head.size > 0 && memcmp(out->data, given->data, head.size) != 0))
        sim_broken(disk->sim, "nothing is read that was not written", "entry %" PRIu64, given->index);
    return 0;
}

static int store_extent(struct log_store *store, struct log_extent *extent, struct aq_error *error)
{
    const struct disk *disk = disk_of(store);
    struct log_numbers numbers = {0};
    struct log_entry first = {0}, last = {0};
    uint64_t commit = 0;
    if (disk->count > 0 && (read_row(disk, &disk->entries[0], &first, &commit, error) != 0 ||
                            read_row(disk, &disk->entries[disk->count - 1], &last, &commit, error) != 0))
        return -1;
    for (unsigned i = 0; i < DISK_NUMBERS; i++)
        if (log_number_take(&numbers, number_names[i], strlen(number_names[i]), &disk->numbers[i],
                            sizeof disk->numbers[i], error) != 0)
            return -1;
    if (disk->damage[0] != '\0' && disk->damaged_index == 0)
        sim_broken(disk->sim, "nothing is read that was not written", "%s", disk->damage);
    *extent = (struct log_extent){.first = first.index,
                                  .last = last.index,
                                  .last_term = last.term,
                                  .commit = commit > numbers.commit ? commit : numbers.commit,
                                  .configuration = numbers.configuration,
                                  .vote = {numbers.term, numbers.vote}};
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
    struct log_entry entry;
    uint64_t commit;
    int status = 0;
    for (uint64_t index = first > 0 ? first : 1; status == 0 && index <= last && index <= disk->count; index++) {
        status = read_row(disk, &disk->entries[index - 1], &entry, &commit, error);
        if (status == 0)
            status = visit(context, &entry, error);
    }
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
    return &disk_of(store)->events;
}

static uint64_t store_free_mib(const struct log_store *store)
{
    return disk_of(store)->full ? 0 : FREE_MIB;
}

/* ---- events ------------------------------------------------------------------------------------------- */

static struct disk *disk_of_events(struct events *events)
{
    return (struct disk *)((char *)events - offsetof(struct disk, events));
}

static void events_close_none(struct events *events)
{
    (void)events; /* they are the disk's */
}

/* The last entry of decisions that does not begin after `seq`, or else the first one; NULL: there is none. */
static const struct disk_entry *find_seq(const struct disk *disk, uint64_t seq)
{
    const struct disk_entry *found = NULL;
    for (size_t i = 0; i < disk->count; i++) {
        const struct disk_entry *entry = &disk->entries[i];
        if (entry->entry.type != RAFT_COMMAND)
            continue;
        if (found != NULL && entry->entry.first_seq > seq)
            break;
        found = entry;
    }
    return found;
}

static int events_read(struct events *events, uint64_t seq, events_entry_fn *visit, void *context,
                       struct aq_error *error)
{
    const struct disk *disk = disk_of_events(events);
    struct log_entry entry;
    uint64_t commit;
    int more = 1;
    for (const struct disk_entry *at = find_seq(disk, seq); more == 1 && at != NULL && at < disk->entries + disk->count;
         at++) {
        if (read_row(disk, at, &entry, &commit, error) != 0)
            return -1;
        if (entry.type == RAFT_COMMAND)
            more = visit(context, entry.index, entry.data, entry.size, error);
    }
    return more < 0 ? -1 : 0;
}

static uint64_t events_after(struct events *events, uint64_t seq)
{
    const struct disk *disk = disk_of_events(events);
    for (const struct disk_entry *at = find_seq(disk, seq); at != NULL && at < disk->entries + disk->count; at++)
        if (at->entry.type == RAFT_COMMAND && at->entry.index != disk->damaged_index && at->entry.first_seq > seq)
            return at->entry.first_seq;
    return 0;
}

static uint64_t events_oldest(struct events *events)
{
    (void)events;
    return 1;
}

static const struct events_kind events_kind = {events_close_none, events_read, events_after, events_oldest};

void disk_open(struct disk *disk, struct sim *sim, disk_durable_fn *durable, void *context)
{
    static const struct log_store_kind kind = {store_close,       store_extent, store_append,  store_read,
                                               store_check_pages, store_events, store_free_mib};
    *disk = (struct disk){.store = {&kind},
                          .events = {&events_kind},
                          .sim = sim,
                          .durable = durable,
                          .context = context,
                          .latency_ms = 3};
    for (unsigned i = 0; i < DISK_NUMBERS; i++)
        write_number(disk, i, 0);
}

void disk_search(const struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        sealed_search(disk->sim, disk->entries[i].entry.data, disk->entries[i].entry.size, "an entry of the log");
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        free((void *)disk->entries[i].entry.data);
        free(disk->entries[i].row);
    }
    free(disk->entries);
}
