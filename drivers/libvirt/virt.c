#include "drivers/libvirt/virt.h"

#include "schema/base/bell.h"
#include "schema/base/journal.h"
#include "schema/base/memory.h"

#include <inttypes.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_LEAST_MS = 200,
    RETRY_MOST_MS = 5000,
    OPENINGS_MOST = 4, /* under way: the others hang */
    PING_MS = 15000,
    FAULT_SIZE = 400,
};

#define NAME_BEGIN "aquarium-"

void virt_name(char name[VIRT_NAME_SIZE], const char *node, uint64_t resource)
{
    snprintf(name, VIRT_NAME_SIZE, NAME_BEGIN "%s-%" PRIu64, node, resource);
}

uint64_t virt_resource(const char *name, const char *node)
{
    char begin[VIRT_NAME_SIZE], *end;
    const size_t length = (size_t)snprintf(begin, sizeof begin, NAME_BEGIN "%s-", node);
    if (name == NULL || length >= sizeof begin || strncmp(name, begin, length) != 0 || name[length] < '1' ||
        name[length] > '9')
        return 0;
    const uint64_t resource = strtoull(name + length, &end, 10);
    return *end == '\0' ? resource : 0;
}

bool virt_disk_has_failed(int state, int reason)
{
    return state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR;
}

/* "internal error: qemu unexpectedly closed the monitor: 2026-11-28T08:27:52Z qemu-system-x86_64: -blockdev {...}:
 * Failed to get shared "write" lock" */
const char *virt_plain(const char *words)
{
    static const char begin[] = "qemu-system-", argument[] = "}: ";
    const char *said = strstr(words, begin), *end = said != NULL ? strstr(said, ": ") : NULL;
    if (end == NULL)
        return words;
    said = end + 2;
    for (const char *next = said; said[0] != '\0' && (next = strstr(next, argument)) != NULL; next += 1)
        said = next + strlen(argument);
    return said[0] != '\0' ? said : words;
}

int virt_fail(struct aq_error *error, const char *what)
{
    const virErrorPtr last = virGetLastError();
    const char *words = last != NULL && last->message != NULL ? virt_plain(last->message) : "libvirt does not say why";
    return aq_fail(error, AQ_E_IO, "%s: %.*s", what, (int)strcspn(words, "\n"), words);
}

/* ---- events ------------------------------------------------------------------------------------------- */

/* What libvirt's thread and the owner share. It outlives the connection as long as libvirt holds a callback. */
struct inbox {
    pthread_mutex_t lock;
    unsigned users;
    int bell;                  /* -1: the owner has gone */
    char node[VIRT_NAME_SIZE]; /* whose machines these are */
    struct virt_event *events;
    size_t count, capacity;
    virConnectPtr lost; /* this connection has gone; not a reference */
};

static void inbox_release(void *context)
{
    struct inbox *inbox = context;
    pthread_mutex_lock(&inbox->lock);
    bool last = --inbox->users == 0;
    pthread_mutex_unlock(&inbox->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&inbox->lock);
    free(inbox->events);
    free(inbox);
}

static struct inbox *inbox_use(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->users++;
    pthread_mutex_unlock(&inbox->lock);
    return inbox;
}

static void inbox_add(struct inbox *inbox, virDomainPtr domain, struct virt_event event)
{
    event.resource = virt_resource(virDomainGetName(domain), inbox->node);
    if (event.resource == 0 || virDomainGetUUIDString(domain, event.uuid) < 0)
        return;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->bell >= 0) {
        AQ_GROW(inbox->events, inbox->count, inbox->capacity);
        inbox->events[inbox->count++] = event;
        aq_bell_ring(inbox->bell);
    }
    pthread_mutex_unlock(&inbox->lock);
}

static int take_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *context)
{
    (void)connection;
    inbox_add(context, domain, (struct virt_event){.event = event, .detail = detail});
    return 0;
}

static void take_io_error(virConnectPtr connection, virDomainPtr domain, const char *path, const char *alias,
                          int action, const char *reason, void *context)
{
    struct virt_event event = {.event = -1};
    (void)connection, (void)path, (void)alias;
    if (action != VIR_DOMAIN_EVENT_IO_ERROR_PAUSE)
        return;
    snprintf(event.io_reason, sizeof event.io_reason, "%s", reason != NULL && reason[0] != '\0' ? reason : "unknown");
    inbox_add(context, domain, event);
}

static void take_close(virConnectPtr connection, int reason, void *context)
{
    struct inbox *inbox = context;
    (void)reason;
    pthread_mutex_lock(&inbox->lock);
    inbox->lost = connection;
    if (inbox->bell >= 0)
        aq_bell_ring(inbox->bell);
    pthread_mutex_unlock(&inbox->lock);
}

/* libvirt's loop, once for the process: it cannot be ended. */
static void *events_main(void *unused)
{
    (void)unused;
    for (;;)
        if (virEventRunDefaultImpl() < 0)
            virResetLastError();
    return NULL;
}

/* libvirt would write every error to standard error. */
static void ignore_error(void *context, virErrorPtr error)
{
    (void)context, (void)error;
}

static void wake_loop(int timer, void *unused)
{
    (void)timer, (void)unused;
}

static void events_start(void)
{
    enum { WAKE_MS = 3600 * 1000 };
    virInitialize();
    virSetErrorFunc(NULL, ignore_error);
    virEventRegisterDefaultImpl();
    virEventAddTimeout(WAKE_MS, wake_loop, NULL, NULL); /* without any, the loop may not see the first one */
    bool started = pool_start_thread(events_main, NULL);
    aq_assert(started);
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* With the numbers of its callbacks; -1: none. While libvirt holds one, it does not close the connection. */
struct opened {
    virConnectPtr open; /* NULL: there is none */
    int lifecycle, io_error;
    bool told_close;
};

/* May wait for the daemon. */
static void opened_close(struct opened *opened)
{
    if (opened->open == NULL)
        return;
    if (opened->lifecycle >= 0)
        virConnectDomainEventDeregisterAny(opened->open, opened->lifecycle);
    if (opened->io_error >= 0)
        virConnectDomainEventDeregisterAny(opened->open, opened->io_error);
    if (opened->told_close)
        virConnectUnregisterCloseCallback(opened->open, take_close);
    virConnectClose(opened->open);
    opened->open = NULL;
}

struct virt {
    struct pool *pool;
    struct virt_watcher watcher;
    struct inbox *inbox;
    char *uri; /* NULL: not configured */
    uint64_t patience_ms, retry_ms, wait_ms;
    uint64_t ping_ms; /* when the next one is due */
    struct opened now;
    unsigned openings;
    char fault[FAULT_SIZE];
};

/* Opens a connection and asks for the machines. */
struct opening {
    struct pool_job job;
    struct virt *connection;
    char *uri;
    struct inbox *inbox;
    struct opened opened;
    struct virt_machine *machines;
    size_t count, capacity;
    struct aq_error error;
};

static void add_machine(struct opening *opening, virDomainPtr domain)
{
    struct virt_machine machine = {.resource = virt_resource(virDomainGetName(domain), opening->inbox->node)};
    if (machine.resource == 0 || virDomainGetUUIDString(domain, machine.uuid) < 0 ||
        virDomainGetState(domain, &machine.state, &machine.reason, 0) < 0)
        return;
    AQ_GROW(opening->machines, opening->count, opening->capacity);
    opening->machines[opening->count++] = machine;
}

static int list_machines(struct opening *opening)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(opening->opened.open, &domains, 0);
    if (count < 0)
        return virt_fail(&opening->error, "its machines cannot be listed");
    for (int i = 0; i < count; i++) {
        add_machine(opening, domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
    return 0;
}

static int watch(struct opening *opening, int event, virConnectDomainEventGenericCallback callback)
{
    int number = virConnectDomainEventRegisterAny(opening->opened.open, NULL, event, callback,
                                                  inbox_use(opening->inbox), inbox_release);
    if (number < 0)
        inbox_release(opening->inbox); /* VMware: machines are looked at from time to time */
    return number;
}

/* Without virConnectSetKeepAlive(): when that closes a connection while several threads wait for answers, libvirt 9.0
 * may crash. Pings and overdue calls tell as much. */
static void watch_events(struct opening *opening)
{
    struct opened *opened = &opening->opened;
    /* No use of the inbox for this one: connections that know no such callback would keep it. The owner keeps it until
     * all are closed. */
    opened->told_close = virConnectRegisterCloseCallback(opened->open, take_close, opening->inbox, NULL) == 0;
    opened->lifecycle = watch(opening, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(take_lifecycle));
    opened->io_error = watch(opening, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(take_io_error));
}

/* Logins for VMware come from libvirt's own auth.conf: nobody can be asked. */
static int no_answer(virConnectCredentialPtr credentials, unsigned count, void *context)
{
    (void)credentials, (void)count, (void)context;
    return -1;
}

static void opening_run(struct pool_job *job)
{
    static int kinds[] = {VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE};
    static virConnectAuth logins = {kinds, AQ_LENGTH(kinds), no_answer, NULL};
    struct opening *opening = (struct opening *)job;
    opening->opened.open = virConnectOpenAuth(opening->uri, &logins, 0);
    if (opening->opened.open == NULL) {
        virt_fail(&opening->error, opening->uri);
        return;
    }
    watch_events(opening);
    if (list_machines(opening) != 0 || virConnectIsAlive(opening->opened.open) == 0)
        opened_close(&opening->opened);
}

static void opening_drop(struct pool_job *job)
{
    struct opening *opening = (struct opening *)job;
    opened_close(&opening->opened);
    inbox_release(opening->inbox);
    free(opening->machines);
    free(opening->uri);
    free(opening);
}

static void set_fault(struct virt *connection, const char *words)
{
    if (strcmp(connection->fault, words) == 0)
        return;
    snprintf(connection->fault, sizeof connection->fault, "%s", words);
    if (words[0] != '\0')
        aq_journal(AQ_WARN, "no connection to libvirt: trying again", "error", words, NULL);
    else
        aq_journal(AQ_INFO, "connected to libvirt", "uri", connection->uri, NULL);
}

static void retry_later(struct virt *connection, uint64_t now_ms)
{
    connection->wait_ms = connection->wait_ms < RETRY_LEAST_MS      ? RETRY_LEAST_MS
                          : connection->wait_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS
                                                                    : connection->wait_ms * 2;
    connection->retry_ms = now_ms + connection->wait_ms;
}

static void opening_overdue(struct pool_job *job)
{
    struct opening *opening = (struct opening *)job;
    struct virt *connection = opening->connection;
    char words[FAULT_SIZE];
    snprintf(words, sizeof words, "%.200s: libvirt does not answer", opening->uri);
    set_fault(connection, words);
    retry_later(connection, job->deadline_ms);
}

static void opening_done(struct pool_job *job)
{
    struct opening *opening = (struct opening *)job;
    struct virt *connection = opening->connection;
    connection->openings--;
    if (strcmp(opening->uri, connection->uri) != 0) {
        if (connection->now.open == NULL)
            retry_later(connection, 0);
        opening_drop(job);
        return;
    }
    if (opening->opened.open == NULL && connection->now.open == NULL) {
        set_fault(connection, opening->error.message);
        if (!job->is_overdue)
            retry_later(connection, job->deadline_ms - connection->patience_ms);
    } else if (connection->now.open == NULL) {
        connection->now = opening->opened;
        opening->opened.open = NULL;
        connection->retry_ms = UINT64_MAX;
        connection->ping_ms = job->deadline_ms + PING_MS;
        connection->wait_ms = 0;
        set_fault(connection, "");
        connection->watcher.connected(connection->watcher.context, opening->machines, opening->count);
    }
    opening_drop(job);
}

static void begin_opening(struct virt *connection, uint64_t now_ms)
{
    if (connection->openings >= OPENINGS_MOST) {
        retry_later(connection, now_ms);
        return;
    }
    connection->retry_ms = UINT64_MAX;
    struct opening *opening = aq_calloc(1, sizeof *opening);
    opening->job =
        (struct pool_job){.run = opening_run, .overdue = opening_overdue, .done = opening_done, .drop = opening_drop};
    opening->connection = connection;
    opening->uri = aq_strdup(connection->uri);
    opening->inbox = inbox_use(connection->inbox);
    connection->openings++;
    pool_add(connection->pool, &opening->job, now_ms, connection->patience_ms);
}

/* ---- the owner's --------------------------------------------------------------------------------------- */

struct virt *virt_open(struct pool *pool, int bell, const char *node, struct virt_watcher watcher)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, events_start);
    struct virt *connection = aq_calloc(1, sizeof *connection);
    struct inbox *inbox = aq_calloc(1, sizeof *inbox);
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->users = 1;
    inbox->bell = bell;
    snprintf(inbox->node, sizeof inbox->node, "%s", node);
    connection->pool = pool;
    connection->watcher = watcher;
    connection->inbox = inbox;
    connection->retry_ms = UINT64_MAX;
    snprintf(connection->fault, sizeof connection->fault, "not connected yet");
    return connection;
}

enum virt_kind virt_kind(const struct virt *connection)
{
    const char *uri = connection->uri != NULL ? connection->uri : "";
    return strncmp(uri, "test", 4) == 0     ? VIRT_TEST
           : strncmp(uri, "lxc", 3) == 0    ? VIRT_LXC
           : strncmp(uri, "esx", 3) == 0    ? VIRT_ESX
           : strncmp(uri, "vpx", 3) == 0    ? VIRT_ESX
           : strncmp(uri, "vmware", 6) == 0 ? VIRT_VMWARE
                                            : VIRT_QEMU;
}

virConnectPtr virt_take(struct virt *connection)
{
    if (connection->now.open != NULL)
        virConnectRef(connection->now.open);
    return connection->now.open;
}

const char *virt_fault(const struct virt *connection)
{
    return connection->now.open != NULL ? "" : connection->fault;
}

bool virt_is_undecided(const struct virt *connection)
{
    return connection->uri != NULL && connection->now.open == NULL && connection->wait_ms == 0;
}

/* Closing may wait for the daemon: on a thread of the pool. */
struct closing {
    struct pool_job job;
    struct opened opened;
};

static void closing_run(struct pool_job *job)
{
    opened_close(&((struct closing *)job)->opened);
}

static void closing_overdue(struct pool_job *job)
{
    (void)job;
}

static void closing_free(struct pool_job *job)
{
    free((struct closing *)job); /* if no thread was free to close it, it ends with the process */
}

static void begin_closing(struct virt *connection, uint64_t now_ms)
{
    struct closing *closing = aq_calloc(1, sizeof *closing);
    closing->job = (struct pool_job){
        .run = closing_run, .overdue = closing_overdue, .done = closing_free, .drop = closing_free, .at_close = true};
    closing->opened = connection->now;
    connection->now.open = NULL;
    pool_add(connection->pool, &closing->job, now_ms, connection->patience_ms);
}

void virt_configure(struct virt *connection, const char *uri, uint64_t patience_ms, uint64_t now_ms)
{
    connection->patience_ms = patience_ms;
    if (connection->uri != NULL && strcmp(connection->uri, uri) == 0)
        return;
    free(connection->uri);
    connection->uri = aq_strdup(uri);
    if (connection->now.open != NULL)
        begin_closing(connection, now_ms);
    begin_opening(connection, now_ms);
}

static void lose(struct virt *connection, const char *words, uint64_t now_ms)
{
    begin_closing(connection, now_ms);
    set_fault(connection, words);
    retry_later(connection, now_ms);
}

void virt_is_dead(struct virt *connection, virConnectPtr open, uint64_t now_ms)
{
    if (open != NULL && connection->now.open == open)
        lose(connection, "the connection to libvirt has ended", now_ms);
}

void virt_doubt(struct virt *connection, virConnectPtr open, uint64_t now_ms)
{
    if (open != NULL && connection->now.open == open)
        lose(connection, "libvirt does not answer", now_ms);
}

/* ---- pings ---------------------------------------------------------------------------------------------- */

struct ping {
    struct pool_job job;
    struct virt *connection;
    virConnectPtr open, used; /* a reference, and the same without one */
    bool is_dead;
};

static void ping_run(struct pool_job *job)
{
    struct ping *ping = (struct ping *)job;
    unsigned long version;
    ping->is_dead = virConnectGetLibVersion(ping->open, &version) < 0 && virConnectIsAlive(ping->open) == 0;
    virConnectClose(ping->open);
}

static void ping_overdue(struct pool_job *job)
{
    struct ping *ping = (struct ping *)job;
    virt_doubt(ping->connection, ping->used, job->deadline_ms);
}

static void ping_done(struct pool_job *job)
{
    struct ping *ping = (struct ping *)job;
    if (ping->is_dead)
        virt_is_dead(ping->connection, ping->used, job->deadline_ms);
    free(ping);
}

static void ping_drop(struct pool_job *job)
{
    free((struct ping *)job);
}

static void begin_ping(struct virt *connection, uint64_t now_ms)
{
    struct ping *ping = aq_calloc(1, sizeof *ping);
    ping->job = (struct pool_job){.run = ping_run, .overdue = ping_overdue, .done = ping_done, .drop = ping_drop};
    ping->connection = connection;
    ping->open = ping->used = virt_take(connection);
    connection->ping_ms = now_ms + PING_MS + connection->patience_ms;
    pool_add(connection->pool, &ping->job, now_ms, connection->patience_ms);
}

void virt_work(struct virt *connection, uint64_t now_ms)
{
    struct inbox *inbox = connection->inbox;
    pthread_mutex_lock(&inbox->lock);
    struct virt_event *events = inbox->events;
    size_t count = inbox->count;
    bool lost = inbox->lost != NULL && inbox->lost == connection->now.open;
    inbox->events = NULL;
    inbox->count = inbox->capacity = 0;
    inbox->lost = NULL;
    pthread_mutex_unlock(&inbox->lock);
    for (size_t i = 0; i < count; i++)
        connection->watcher.happened(connection->watcher.context, &events[i]);
    free(events);
    if (lost)
        lose(connection, "the connection to libvirt has ended", now_ms);
    if (connection->now.open == NULL && connection->retry_ms <= now_ms)
        begin_opening(connection, now_ms);
    if (connection->now.open != NULL && connection->ping_ms <= now_ms)
        begin_ping(connection, now_ms);
}

uint64_t virt_deadline_ms(const struct virt *connection)
{
    return connection->now.open == NULL ? connection->retry_ms : connection->ping_ms;
}

void virt_close(struct virt *connection)
{
    struct inbox *inbox = connection->inbox;
    pthread_mutex_lock(&inbox->lock);
    inbox->bell = -1;
    pthread_mutex_unlock(&inbox->lock);
    if (connection->now.open != NULL)
        begin_closing(connection, 0);
}

void virt_free(struct virt *connection)
{
    inbox_release(connection->inbox);
    free(connection->uri);
    free(connection);
}
