#include "drivers/libvirt/gauge.h"

#include "schema/base/memory.h"
#include "schema/base/turn.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOON_MS = 300,       /* after a start */
    EVERY_MS = 4000,     /* between two readings, */
    TIMES_AS_LONG = 20,  /* or so many times as long as one takes */
    PATIENCE_MS = 30000, /* then the connection is in doubt */
};

struct gauge {
    struct pool *pool;
    struct virt *connection;
    char *node;
    gauge_take_fn *take;
    void *context;
    bool reads, singly;         /* under way; there is no call for all at once */
    uint64_t due_ms, rested_ms; /* not before that one */
};

/* One reading of all. */
struct round {
    struct pool_job job;
    struct gauge *gauge;
    enum virt_kind kind;
    bool singly;
    const char *node;         /* as long as the pool */
    virConnectPtr open, used; /* a reference, and the same without one */
    struct gauge_reading *readings;
    size_t count, capacity;
    uint64_t took_ms;
};

/* ---- on a thread of the pool ---------------------------------------------------------------------------- */

static bool find_number(const virDomainStatsRecord *record, const char *name, uint64_t *number)
{
    unsigned long long found;
    for (int i = 0; i < record->nparams; i++) {
        const virTypedParameter *parameter = &record->params[i];
        if (strcmp(parameter->field, name) != 0)
            continue;
        found = parameter->type == VIR_TYPED_PARAM_ULLONG  ? parameter->value.ul
                : parameter->type == VIR_TYPED_PARAM_UINT  ? parameter->value.ui
                : parameter->type == VIR_TYPED_PARAM_LLONG ? (unsigned long long)parameter->value.l
                                                           : 0;
        *number = found;
        return true;
    }
    return false;
}

/* The sum over all devices, "net.0.rx.bytes" and so on; none if one does not say, or their number is not known. */
static uint64_t sum(const virDomainStatsRecord *record, const char *group, const char *counter)
{
    char name[64];
    uint64_t count, number, all = 0;
    snprintf(name, sizeof name, "%s.count", group);
    if (!find_number(record, name, &count))
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s.%u.%s", group, (unsigned)i, counter);
        if (!find_number(record, name, &number))
            return 0;
        all += number;
    }
    return aq_some(all);
}

/* Connections that know less tell at least this. Of a container, its memory is what it uses now, and so it is on the
 * test connection; of others, what they have been given. */
static void read_info(virDomainPtr domain, enum virt_kind kind, struct aq_sample *used)
{
    virDomainInfo info;
    if (used->cpu_us != 0 || virDomainGetInfo(domain, &info) < 0)
        return;
    used->cpu_us = aq_some(info.cpuTime / 1000);
    if (kind == VIRT_TEST || kind == VIRT_LXC)
        used->memory = aq_some((uint64_t)info.memory << 10);
}

static void read_machine(struct round *round, const virDomainStatsRecord *record)
{
    struct gauge_reading reading = {.resource = virt_resource(virDomainGetName(record->dom), round->node)};
    uint64_t number;
    if (reading.resource == 0 || virDomainGetUUIDString(record->dom, reading.uuid) < 0)
        return;
    struct aq_sample *used = &reading.used;
    used->at_ms = aq_clocks_read().steady_ms;
    if (find_number(record, "cpu.time", &number))
        used->cpu_us = aq_some(number / 1000);
    if (find_number(record, "balloon.rss", &number)) /* what it takes from the host, in KiB */
        used->memory = aq_some(number << 10);
    used->read = sum(record, "block", "rd.bytes");
    used->written = sum(record, "block", "wr.bytes");
    used->received = sum(record, "net", "rx.bytes");
    used->sent = sum(record, "net", "tx.bytes");
    read_info(record->dom, round->kind, used);
    AQ_GROW(round->readings, round->count, round->capacity);
    round->readings[round->count++] = reading;
}

/* Where there is no such call (VMware, containers): one by one. */
static void read_one_by_one(struct round *round)
{
    virDomainPtr *domains = NULL;
    const int count = virConnectListAllDomains(round->open, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    for (int i = 0; i < count; i++) {
        const virDomainStatsRecord record = {.dom = domains[i]};
        read_machine(round, &record);
        virDomainFree(domains[i]);
    }
    free(domains);
}

static void round_run(struct pool_job *job)
{
    enum {
        WANTED =
            VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK,
        /* A machine that is busy with something else says less, and is not waited for. */
        HOW = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    };
    struct round *round = (struct round *)job;
    const uint64_t begun_ms = aq_clocks_read().steady_ms;
    virDomainStatsRecordPtr *records = NULL;
    const int count = round->singly ? -1 : virConnectGetAllDomainStats(round->open, WANTED, &records, HOW);
    const virErrorPtr last = count < 0 && !round->singly ? virGetLastError() : NULL;
    round->singly |= last != NULL && last->code == VIR_ERR_NO_SUPPORT;
    if (count < 0)
        read_one_by_one(round);
    for (int i = 0; i < count; i++)
        read_machine(round, records[i]);
    if (count >= 0)
        virDomainStatsRecordListFree(records);
    virConnectClose(round->open);
    round->took_ms = aq_clocks_read().steady_ms - begun_ms;
}

/* ---- the owner's ---------------------------------------------------------------------------------------- */

static void round_drop(struct pool_job *job)
{
    struct round *round = (struct round *)job;
    free(round->readings);
    free(round);
}

static void round_overdue(struct pool_job *job)
{
    struct round *round = (struct round *)job;
    virt_doubt(round->gauge->connection, round->used, job->deadline_ms);
}

static void round_done(struct pool_job *job)
{
    struct round *round = (struct round *)job;
    struct gauge *gauge = round->gauge;
    const uint64_t rest_ms = round->took_ms * TIMES_AS_LONG;
    gauge->reads = false;
    gauge->singly = round->singly;
    const uint64_t begun_ms = job->deadline_ms - PATIENCE_MS;
    gauge->rested_ms = begun_ms + rest_ms;
    gauge->due_ms = begun_ms + (rest_ms > EVERY_MS ? rest_ms : EVERY_MS);
    gauge->take(gauge->context, round->readings, round->count);
    round_drop(job);
}

struct gauge *gauge_open(struct pool *pool, struct virt *connection, const char *node, gauge_take_fn *take,
                         void *context)
{
    struct gauge *gauge = aq_calloc(1, sizeof *gauge);
    *gauge = (struct gauge){
        .pool = pool, .connection = connection, .node = aq_strdup(node), .take = take, .context = context};
    return gauge;
}

void gauge_free(struct gauge *gauge)
{
    free(gauge->node);
    free(gauge);
}

void gauge_soon(struct gauge *gauge, uint64_t now_ms)
{
    if (gauge == NULL)
        return;
    const uint64_t soon_ms = now_ms + SOON_MS < gauge->rested_ms ? gauge->rested_ms : now_ms + SOON_MS;
    if (gauge->due_ms > soon_ms)
        gauge->due_ms = soon_ms;
}

void gauge_work(struct gauge *gauge, uint64_t now_ms)
{
    if (gauge->reads || now_ms < gauge->due_ms)
        return;
    const virConnectPtr open = virt_take(gauge->connection);
    gauge->due_ms = now_ms + EVERY_MS;
    if (open == NULL)
        return;
    struct round *round = aq_calloc(1, sizeof *round);
    *round = (struct round){.job = {.run = round_run, .overdue = round_overdue, .done = round_done, .drop = round_drop},
                            .gauge = gauge,
                            .kind = virt_kind(gauge->connection),
                            .singly = gauge->singly,
                            .node = gauge->node,
                            .open = open,
                            .used = open};
    gauge->reads = true;
    pool_add(gauge->pool, &round->job, now_ms, PATIENCE_MS);
}

uint64_t gauge_deadline_ms(const struct gauge *gauge)
{
    return gauge->reads ? UINT64_MAX : gauge->due_ms;
}
