#include "tests/torture/loststore.h"

#include "controller/log/store.h"
#include "schema/base/compiler.h"
#include "schema/base/memory.h"
#include "tests/lib/chance.h"
#include "tests/lib/directory.h"
#include "tests/torture/lostdisk.h"

#include <errno.h>
#include <inttypes.h>
#include <raft.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STEPS = 40,
    LARGE_STEP = STEPS - 2, /* its entry is replaced in the last one */
    LARGE_BYTES = 12 << 20, /* then the map of 16 MiB grows */
    ENTRIES_MAX = 400,
    AT_ONCE_MAX = 6,
    PAGES_MAX = 7,   /* with so many pages at stake, each set of them is tried */
    DRAWS = 24,      /* so many are drawn besides, */
    DRAWS_MANY = 80, /* or so many of more pages, */
    DRAWS_LARGE = 8, /* or so many of megabytes */
    CALLS_PER_CHILD = 24,
    PATH_SIZE = 200,
    SAID_MAX = 64,
};
#define MAP_BYTES (UINT64_C(64) << 20)

/* ---- a history ---------------------------------------------------------------------------------------- */

/* What an append brings. */
struct step {
    struct log_entry entries[AT_ONCE_MAX];
    unsigned count;
    uint64_t commit;
    bool has_vote;
    struct log_vote vote;
};

/* What the log has after it. */
struct content {
    struct log_extent extent;
    struct log_entry entries[ENTRIES_MAX]; /* from index 1 on */
};

struct history {
    struct step steps[STEPS + 1];
    struct content *after; /* steps[i - 1]; after[0]: an empty log */
    unsigned count;
    uint64_t seed;
};

static void take_step(struct content *content, const struct step *step)
{
    struct log_extent *extent = &content->extent;
    for (unsigned i = 0; i < step->count; i++) {
        aq_assert(step->entries[i].index < ENTRIES_MAX);
        content->entries[step->entries[i].index - 1] = step->entries[i];
        extent->last = step->entries[i].index;
    }
    extent->configuration = 0;
    for (uint64_t i = 0; i < extent->last; i++)
        if (content->entries[i].type == RAFT_CHANGE)
            extent->configuration = i + 1;
    extent->first = extent->last > 0;
    extent->last_term = extent->last > 0 ? content->entries[extent->last - 1].term : 0;
    extent->commit = step->commit;
    if (step->has_vote)
        extent->vote = step->vote;
}

static void fill(struct log_entry *entry, size_t size)
{
    unsigned char *bytes = aq_malloc(size + sizeof(uint64_t));
    struct chance chance = {draw(UINT64_MAX)};
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = chance_next(&chance);
        memcpy(bytes + i, &word, sizeof word);
    }
    entry->data = bytes;
    entry->size = (uint32_t)size;
}

static size_t draw_size(void)
{
    return draw(6) == 0 ? 2000 + draw(30000) : draw(8) == 0 ? 0 : 40 + draw(700);
}

/* From index `first` on. The commit index never goes back, nor beyond the end. */
static void draw_entries(struct step *step, const struct log_extent *before, uint64_t first)
{
    step->count = draw(3) > 0 ? 1 : 1 + (unsigned)draw(AT_ONCE_MAX);
    for (unsigned i = 0; i < step->count; i++) {
        struct log_entry *entry = &step->entries[i];
        *entry = (struct log_entry){.index = first + i, .term = before->vote.term, .type = RAFT_COMMAND};
        if (first == 1 || draw(6) == 0)
            entry->type = RAFT_CHANGE;
        else
            entry->first_seq = 1 + draw(1000000);
        fill(entry, draw_size());
    }
    step->commit = before->commit + draw(first + step->count - before->commit);
}

static void draw_large(struct step *step, const struct log_extent *before)
{
    step->count = 1;
    step->entries[0] = (struct log_entry){.index = before->last + 1, .term = before->vote.term, .type = RAFT_COMMAND};
    fill(&step->entries[0], LARGE_BYTES);
}

static void draw_step(struct step *step, const struct log_extent *before, unsigned number)
{
    uint64_t unsure = before->last - before->commit; /* entries that may be replaced */
    *step = (struct step){.commit = before->commit};
    if (number == LARGE_STEP)
        draw_large(step, before);
    else if (number == LARGE_STEP + 1)
        draw_entries(step, before, before->last);
    else if (before->last > 0 && draw(10) == 0)
        step->commit += draw(unsure + 1);
    else
        draw_entries(step, before, draw(6) == 0 ? before->commit + 1 + draw(unsure + 1) : before->last + 1);
    step->has_vote = before->last == 0 || draw(8) == 0;
    step->vote = (struct log_vote){before->vote.term + 1, draw(4)};
}

static struct history *draw_history(uint64_t seed)
{
    struct history *history = aq_calloc(1, sizeof *history);
    history->seed = seed;
    history->count = STEPS;
    history->after = aq_calloc(history->count + 1, sizeof *history->after);
    draw_from(seed);
    for (unsigned i = 0; i < history->count; i++) {
        draw_step(&history->steps[i], &history->after[i].extent, i);
        history->after[i + 1] = history->after[i];
        take_step(&history->after[i + 1], &history->steps[i]);
    }
    return history;
}

static void history_free(struct history *history)
{
    for (unsigned i = 0; i < history->count; i++)
        for (unsigned k = 0; k < history->steps[i].count; k++)
            free((void *)history->steps[i].entries[k].data);
    free(history->after);
    free(history);
}

static struct record record_history(const struct history *history, const char *directory)
{
    struct log_store *store;
    struct aq_error error = {0};
    record_begin(directory);
    if (log_store_open(&store, directory, MAP_BYTES, &error) != 0)
        aq_broken(__FILE__, __LINE__, error.message);
    for (unsigned i = 0; i < history->count; i++) {
        const struct step *step = &history->steps[i];
        if (log_store_append(store, step->entries, step->count, step->commit, step->has_vote ? &step->vote : NULL,
                             &error) != 0)
            aq_broken(__FILE__, __LINE__, error.message);
        record_mark(i + 1);
    }
    struct record record = record_end();
    log_store_close(store);
    return record;
}

/* ---- judging an image --------------------------------------------------------------------------------- */

/* Shared with the children, so that their last words count. */
struct shared {
    uint64_t images, broken;
};

struct cut {
    const struct history *history;
    const struct lostdisk *disk;
    const struct lostdisk_choice *choice;
    char directory[PATH_SIZE];
    size_t call;
    struct shared *shared;
};

static void broken(const struct cut *cut, const char *what, const char *format, ...) AQ_PRINTF(3, 4);
static void broken(const struct cut *cut, const char *what, const char *format, ...)
{
    va_list args;
    if (cut->shared->broken++ > 0)
        return; /* the first says enough */
    printf("seed %" PRIu64 " breaks \"%s\": cut in call %zu, with %" PRIu64 " appends done: ", cut->history->seed, what,
           cut->call, cut->disk->mark);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("; of %zu sectors, what arrived of the first: ", cut->disk->part_count);
    for (size_t i = 0; cut->choice->parts != NULL && i < cut->disk->part_count && i < SAID_MAX; i++)
        printf("%c", cut->choice->parts[i] ? '1' : '0');
    printf("\n");
    fflush(stdout);
}

static bool same_extent(const struct log_extent *a, const struct log_extent *b)
{
    return a->first == b->first && a->last == b->last && a->last_term == b->last_term && a->commit == b->commit &&
           a->configuration == b->configuration && a->vote.term == b->vote.term &&
           a->vote.voted_for == b->vote.voted_for;
}

struct reading {
    const struct content *content;
    uint64_t count;
};

static int compare_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct reading *reading = context;
    const struct log_entry *wanted = &reading->content->entries[reading->count++];
    if (entry->index == wanted->index && entry->term == wanted->term && entry->type == wanted->type &&
        entry->first_seq == wanted->first_seq && entry->size == wanted->size &&
        (entry->size == 0 || memcmp(entry->data, wanted->data, entry->size) == 0))
        return 0;
    return aq_fail(error, AQ_E_CORRUPT, "entry %" PRIu64 " is not what was appended", entry->index);
}

/* Its entries are compared byte by byte, so nothing has to be said of the hashes in them. */
static int compare(struct log_store *store, const struct content *content, struct aq_error *error)
{
    struct reading reading = {content, 0};
    struct log_extent found;
    if (log_store_extent(store, &found, error) != 0 ||
        log_store_read(store, 1, UINT64_MAX, compare_entry, &reading, error) != 0)
        return -1;
    if (same_extent(&found, &content->extent) && reading.count == content->extent.last)
        return log_store_check_pages(store, error);
    return aq_fail(error, AQ_E_CORRUPT,
                   "%" PRIu64 " entries, last %" PRIu64 ", commit %" PRIu64 ", configuration %" PRIu64 ", vote %" PRIu64
                   " in term %" PRIu64,
                   reading.count, found.last, found.commit, found.configuration, found.vote.voted_for, found.vote.term);
}

/* What was done after a start must be there too. */
static int go_on(struct log_store *store, const struct content *before, struct aq_error *error)
{
    static const char data[] = "after the power was cut";
    struct content *after = aq_malloc(sizeof *after);
    struct step step = {.entries = {{.index = before->extent.last + 1,
                                     .term = before->extent.vote.term + 1,
                                     .type = RAFT_COMMAND,
                                     .data = data,
                                     .size = sizeof data,
                                     .first_seq = 7}},
                        .count = 1,
                        .commit = before->extent.commit,
                        .has_vote = true,
                        .vote = {before->extent.vote.term + 1, 1}};
    *after = *before;
    take_step(after, &step);
    int status = log_store_append(store, step.entries, step.count, step.commit, &step.vote, error);
    if (status == 0)
        status = compare(store, after, error);
    free(after);
    return status;
}

static void judge(const struct cut *cut)
{
    struct log_store *store;
    struct aq_error error = {0}, other = {0};
    const struct content *done = &cut->history->after[cut->disk->mark], *present = done;
    if (log_store_open(&store, cut->directory, MAP_BYTES, &error) != 0) {
        broken(cut, "a log opens after a power cut", "%s", error.message);
        return;
    }
    if (cut->disk->mark < cut->history->count && compare(store, done + 1, &other) == 0)
        present = done + 1;
    else if (compare(store, done, &error) != 0)
        broken(cut, "what was acknowledged is there after a power cut", "%s; as if the append under way were there: %s",
               error.message, other.message);
    if (cut->shared->broken == 0 && go_on(store, present, &error) != 0)
        broken(cut, "a log goes on after a power cut", "%s", error.message);
    log_store_close(store);
}

static void try_choice(struct cut *cut, const struct lostdisk_choice *choice)
{
    cut->choice = choice;
    cut->shared->images++;
    lostdisk_make(cut->disk, choice, cut->directory);
    judge(cut);
    test_remove_tree(cut->directory);
}

/* ---- every cut ---------------------------------------------------------------------------------------- */

static bool has_part_of(const struct cut *cut, const struct lostdisk_choice *choice, const struct record_call *call)
{
    for (size_t i = 0; i < cut->disk->part_count; i++)
        if (choice->parts[i] && cut->disk->parts[i].write == call)
            return true;
    return false;
}

static size_t size_of(const struct lostdisk *disk)
{
    size_t size = 0;
    for (unsigned i = 0; i < disk->file_count; i++)
        size += disk->files[i].size;
    for (size_t i = 0; i < disk->part_count; i++)
        size += disk->parts[i].length;
    return size;
}

/* Everything that may arrive: each set of pages, if they are few, and some that are drawn, of single sectors too. Of
 * images that take long to make, there are only some. `call`: a write that has begun. Sets without a part of it were
 * tried before. */
static void try_choices(struct cut *cut, const struct record_call *call)
{
    struct lostdisk_choice choice = lostdisk_choose(cut->disk);
    bool certain = cut->disk->part_count + cut->disk->change_count == 0, large = size_of(cut->disk) > LARGE_BYTES;
    bool few = certain || (!large && lostdisk_pages(cut->disk) <= PAGES_MAX);
    unsigned draws = certain ? 0 : large ? DRAWS_LARGE : few ? DRAWS : DRAWS_MANY;
    for (uint64_t set = 0; few && set < UINT64_C(1) << lostdisk_pages(cut->disk); set++) {
        lostdisk_choose_pages(cut->disk, &choice, set);
        if (call == NULL || has_part_of(cut, &choice, call))
            try_choice(cut, &choice);
    }
    for (unsigned i = 0; i < draws; i++) {
        lostdisk_draw(cut->disk, &choice);
        try_choice(cut, &choice);
    }
    lostdisk_choice_free(&choice);
}

/* A sync that has begun adds nothing to what may arrive; one that has ended takes from it. */
static void cut_at(struct cut *cut, struct lostdisk *disk, const struct record_call *call)
{
    bool syncs = call->kind == RECORD_SYNC || call->kind == RECORD_NAMES, marks = call->kind == RECORD_MARK;
    lostdisk_begin(disk, call);
    if (!syncs && !marks)
        try_choices(cut, call->kind == RECORD_WRITE ? call : NULL);
    lostdisk_end(disk, call);
    if (syncs || marks || call->durable)
        try_choices(cut, NULL);
}

/* Cuts in some calls, in a child, for LMDB may crash on what it finds. */
static void cut_some(struct cut *cut, struct lostdisk *disk, const struct record *record, size_t first, size_t last)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    aq_assert(pid >= 0);
    if (pid == 0) {
        alarm(300);
        for (cut->call = first; cut->call < last && cut->shared->broken == 0; cut->call++)
            cut_at(cut, disk, &record->calls[cut->call]);
        fflush(stdout);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    cut->call = first;
    cut->choice = &(struct lostdisk_choice){0};
    broken(cut, "a log opens after a power cut", "a process ended with status %#x", status);
    test_remove_tree(cut->directory);
}

void loststore_live(uint64_t seed, const char *directory, struct loststore_totals *totals)
{
    char root[PATH_SIZE];
    struct lostdisk disk;
    struct history *history = draw_history(seed);
    struct cut cut = {.history = history, .disk = &disk};
    snprintf(root, sizeof root, "%s/recorded", directory);
    snprintf(cut.directory, sizeof cut.directory, "%s/found", directory);
    aq_assert(mkdir(root, 0700) == 0);
    cut.shared = mmap(NULL, sizeof *cut.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    aq_assert(cut.shared != MAP_FAILED);
    struct record record = record_history(history, root);
    lostdisk_open(&disk, record.files);
    for (size_t i = 0; i < record.count && cut.shared->broken == 0; i++) {
        if (i % CALLS_PER_CHILD == 0)
            cut_some(&cut, &disk, &record, i, i + CALLS_PER_CHILD < record.count ? i + CALLS_PER_CHILD : record.count);
        lostdisk_begin(&disk, &record.calls[i]);
        lostdisk_end(&disk, &record.calls[i]);
    }
    aq_assert(cut.shared->broken > 0 || lostdisk_equals(&disk, root));
    totals->calls += record.count;
    totals->images += cut.shared->images;
    totals->broken += cut.shared->broken > 0;
    munmap(cut.shared, sizeof *cut.shared);
    lostdisk_close(&disk);
    record_free(&record);
    history_free(history);
    test_remove_tree(root);
}
