#include "controller/usage/usage.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOON_MS = 500,          /* samples of a row that come sooner are left out, */
    STALE_LEAST_MS = 15000, /* and a row is stale no sooner */
    STALE_SAMPLES = 3,
};

struct usage_row {
    struct usage_key key; /* its name is the row's */
    struct aq_sample last;
    struct aq_usage now;
    bool stale;
    uint64_t came_ms, apart_ms; /* steady: when the last sample came, and how long after the one before */
    struct usage_rings rings;
    struct usage_row *next, *before; /* in the list of all */
};

struct usage {
    pthread_mutex_t mutex; /* of all below */
    void *root;            /* a tree (tsearch) of rows */
    struct usage_row *first;
    size_t budget; /* that histories may still take */
    size_t bound;
    struct usage_totals totals;
};

/* ---- rows ---------------------------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const struct usage_row *one = a, *other = b;
    if (one->key.kind != other->key.kind)
        return one->key.kind < other->key.kind ? -1 : 1;
    if (one->key.kind == USAGE_OF_NODE)
        return strcmp(one->key.node, other->key.node);
    return (one->key.resource > other->key.resource) - (one->key.resource < other->key.resource);
}

static struct usage_row *find(const struct usage *usage, const struct usage_key *key)
{
    const struct usage_row wanted = {.key = *key};
    struct usage_row *const *found = tfind(&wanted, &usage->root, compare_rows);
    return found != NULL ? *found : NULL;
}

static struct usage_row *add(struct usage *usage, const struct usage_key *key)
{
    struct usage_row *row = aq_calloc(1, sizeof *row);
    row->key = *key;
    row->key.node = aq_strdup(key->node);
    const void *added = tsearch(row, &usage->root, compare_rows);
    aq_assert(added != NULL);
    row->next = usage->first;
    if (row->next != NULL)
        row->next->before = row;
    usage->first = row;
    usage->totals.rows++;
    return row;
}

static void free_row(struct usage_row *row)
{
    usage_rings_free(&row->rings);
    free((char *)row->key.node);
    free(row);
}

static void nothing(void *row)
{
    (void)row;
}

struct usage *usage_open(void)
{
    struct usage *usage = aq_calloc(1, sizeof *usage);
    pthread_mutex_init(&usage->mutex, NULL);
    return usage;
}

void usage_close(struct usage *usage)
{
    if (usage == NULL)
        return;
    tdestroy(usage->root, nothing);
    while (usage->first != NULL) {
        struct usage_row *row = usage->first;
        usage->first = row->next;
        free_row(row);
    }
    pthread_mutex_destroy(&usage->mutex);
    free(usage);
}

void usage_bound(struct usage *usage, size_t bytes)
{
    pthread_mutex_lock(&usage->mutex);
    usage->bound = bytes;
    usage->budget = bytes > usage->totals.bytes ? bytes - usage->totals.bytes : 0;
    pthread_mutex_unlock(&usage->mutex);
}

bool usage_has(struct usage *usage, const struct usage_key *key)
{
    pthread_mutex_lock(&usage->mutex);
    const struct usage_row *row = find(usage, key);
    const bool has = row != NULL && strcmp(row->key.node, key->node) == 0;
    pthread_mutex_unlock(&usage->mutex);
    return has;
}

void usage_drop(struct usage *usage, const struct usage_key *key)
{
    pthread_mutex_lock(&usage->mutex);
    struct usage_row *row = find(usage, key);
    if (row != NULL) {
        const size_t bytes = usage_rings_bytes(&row->rings);
        tdelete(row, &usage->root, compare_rows);
        *(row->before != NULL ? &row->before->next : &usage->first) = row->next;
        if (row->next != NULL)
            row->next->before = row->before;
        usage->totals.rows--;
        usage->totals.bytes -= bytes;
        usage->budget = usage->bound > usage->totals.bytes ? usage->bound - usage->totals.bytes : 0;
        free_row(row);
    }
    pthread_mutex_unlock(&usage->mutex);
}

/* ---- samples ---------------------------------------------------------------------------------------------- */

/* How much a counter has grown in a second, in parts of `unit`. None without two samples, and when it has gone back: it
 * began anew, or it is a sum over processes of which one has ended. */
static uint64_t rate(uint64_t before, uint64_t after, uint64_t unit, uint64_t ms, uint64_t most)
{
    if (before == 0 || after < before || ms == 0)
        return 0;
    const double a_second = (double)(after - before) * 1000 / (double)ms / (double)unit;
    return aq_some(a_second < (double)most ? (uint64_t)(a_second + 0.5) : most);
}

static void set_rates(struct aq_usage *now, const struct aq_sample *before, const struct aq_sample *after)
{
    const uint64_t ms = after->at_ms > before->at_ms ? after->at_ms - before->at_ms : 0;
    now->cpu = rate(before->cpu_us, after->cpu_us, 1000, ms, AQ_CPU_MAX); /* us in a second to thousandths of a core */
    now->read_rate = rate(before->read, after->read, 1, ms, AQ_USAGE_RATE_MAX);
    now->write_rate = rate(before->written, after->written, 1, ms, AQ_USAGE_RATE_MAX);
    now->receive_rate = rate(before->received, after->received, 1, ms, AQ_USAGE_RATE_MAX);
    now->send_rate = rate(before->sent, after->sent, 1, ms, AQ_USAGE_RATE_MAX);
}

static void set_counters(struct aq_usage *now, const struct aq_sample *sample)
{
    now->memory_bytes = sample->memory;
    now->cpu_ms = sample->cpu_us != 0 ? aq_some((sample->cpu_us - 1) / 1000) : 0;
    now->read_bytes = sample->read;
    now->written_bytes = sample->written;
    now->received_bytes = sample->received;
    now->sent_bytes = sample->sent;
}

static void note(struct usage *usage, struct usage_row *row, uint64_t log_ms)
{
    const struct aq_usage *now = &row->now;
    const struct usage_figures figures = {{[USAGE_CPU] = now->cpu,
                                           [USAGE_MEMORY] = now->memory_bytes,
                                           [USAGE_READ] = now->read_rate,
                                           [USAGE_WRITTEN] = now->write_rate,
                                           [USAGE_RECEIVED] = now->receive_rate,
                                           [USAGE_SENT] = now->send_rate}};
    const size_t budget = usage->budget;
    usage_rings_note(&row->rings, log_ms, &figures, &usage->budget);
    usage->totals.bytes += budget - usage->budget;
}

static enum usage_taken take(struct usage *usage, const struct usage_key *key, const struct aq_sample *sample,
                             uint64_t steady_ms, uint64_t log_ms, struct aq_usage *now)
{
    struct usage_row *row = find(usage, key);
    const bool first = row == NULL;
    if (first)
        row = add(usage, key);
    else if (strcmp(row->key.node, key->node) != 0)
        return USAGE_NOT_OF_NODE;
    else if (steady_ms - row->came_ms < SOON_MS)
        return USAGE_TOO_SOON;
    row->apart_ms = first ? 0 : steady_ms - row->came_ms;
    row->came_ms = steady_ms;
    row->stale = false;
    if (!first && sample->at_ms != 0 && sample->at_ms == row->last.at_ms) {
        *now = row->now; /* the agent has no newer numbers from its driver */
        return USAGE_TAKEN;
    }
    row->now = (struct aq_usage){.sampled_at = log_ms};
    set_counters(&row->now, sample);
    if (!first)
        set_rates(&row->now, &row->last, sample);
    row->last = *sample;
    note(usage, row, log_ms);
    *now = row->now;
    return USAGE_TAKEN;
}

enum usage_taken usage_take(struct usage *usage, const struct usage_key *key, const struct aq_sample *sample,
                            uint64_t steady_ms, uint64_t log_ms, struct aq_usage *now)
{
    pthread_mutex_lock(&usage->mutex);
    const enum usage_taken taken = take(usage, key, sample, steady_ms, log_ms, now);
    pthread_mutex_unlock(&usage->mutex);
    return taken;
}

void usage_find_stale(struct usage *usage, uint64_t steady_ms, usage_stale_fn *stale, void *context)
{
    pthread_mutex_lock(&usage->mutex);
    for (struct usage_row *row = usage->first; row != NULL; row = row->next) {
        const uint64_t patience_ms = row->apart_ms * STALE_SAMPLES;
        if (row->stale || steady_ms - row->came_ms < (patience_ms > STALE_LEAST_MS ? patience_ms : STALE_LEAST_MS))
            continue;
        row->stale = true;
        stale(context, &row->key);
    }
    pthread_mutex_unlock(&usage->mutex);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

bool usage_now(struct usage *usage, const struct usage_key *key, struct aq_usage *now)
{
    pthread_mutex_lock(&usage->mutex);
    const struct usage_row *row = find(usage, key);
    const bool known = row != NULL && !row->stale;
    if (known)
        *now = row->now;
    pthread_mutex_unlock(&usage->mutex);
    return known;
}

static void add_mean(void *context, uint64_t at_ms, const struct usage_figures *figures)
{
    struct aq_list *list = context;
    *AQ_ITEM(*list, struct aq_usage_mean, list->count) =
        (struct aq_usage_mean){.at = at_ms,
                               .cpu = figures->of[USAGE_CPU],
                               .memory_bytes = figures->of[USAGE_MEMORY],
                               .read_rate = figures->of[USAGE_READ],
                               .write_rate = figures->of[USAGE_WRITTEN],
                               .receive_rate = figures->of[USAGE_RECEIVED],
                               .send_rate = figures->of[USAGE_SENT]};
    list->count++;
}

struct aq_list usage_history(struct usage *usage, const struct usage_key *key, size_t step, uint64_t since_ms,
                             struct aq_arena *arena)
{
    struct aq_list list = {.items = aq_arena_alloc(arena, usage_steps[step].length * sizeof(struct aq_usage_mean))};
    pthread_mutex_lock(&usage->mutex);
    const struct usage_row *row = find(usage, key);
    if (row != NULL)
        usage_rings_each(&row->rings, step, since_ms, add_mean, &list);
    pthread_mutex_unlock(&usage->mutex);
    return list;
}

void usage_totals(struct usage *usage, struct usage_totals *totals)
{
    pthread_mutex_lock(&usage->mutex);
    *totals = usage->totals;
    pthread_mutex_unlock(&usage->mutex);
}
