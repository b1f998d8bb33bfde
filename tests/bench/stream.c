/* The event stream: 100 readers, while a client causes 20,000 events per second. Readers keep up when they have read as
 * many by the end; a dropped reader has not. */
#include "tests/lib/agents.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { READERS = 100, NODES = 20, PRODUCERS = 2, BATCH = 200, RATE = 20000, EVENTS_EACH = 2, SECONDS = 8, TAIL = 4096 };

struct reader {
    int fd;
    uint64_t last; /* id of the last complete event */
    char tail[TAIL];
    size_t tail_length;
};

/* ---- the producer, in its own process -------------------------------------------------------------- */

static void produce(struct controller *cluster, double seconds)
{
    struct load load;
    struct aq_buffer request = {0};
    double begun = bench_now();
    load_open(&load, cluster->api_port, cluster->login, PRODUCERS);
    cluster_fill_batch(&load, BATCH, &request);
    for (uint64_t sent = 0; bench_now() < begun + seconds; sent += PRODUCERS * BATCH * EVENTS_EACH) {
        double ahead = (double)sent / (RATE * 1.02) - (bench_now() - begun);
        if (ahead > 0)
            usleep((useconds_t)(ahead * 1e6));
        load_run(&load, 60, PRODUCERS, load_fill_same, &request);
        BENCH_MUST(load.refused == 0);
    }
    aq_buffer_free(&request);
    load_close(&load);
}

/* ---- readers ------------------------------------------------------------------------------------- */

static void reader_open(struct reader *reader, const struct controller *cluster, uint64_t since)
{
    struct load load;
    char ask[512];
    load_open(&load, cluster->api_port, cluster->login, 1); /* for its connection and Authorization header */
    int length = snprintf(ask, sizeof ask, "GET /api/v1/events?since=%llu HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                          (unsigned long long)since, load.authorization);
    *reader = (struct reader){.fd = dup(load.connections[0].fd), .last = since};
    BENCH_MUST(reader->fd >= 0 && send(reader->fd, ask, (size_t)length, 0) == length);
    load_close(&load);
}

/* Events are shorter than the tail, which therefore contains the id of the last complete one. */
static void reader_look(struct reader *reader)
{
    static const char word[] = "\nid: ";
    for (size_t at = reader->tail_length; at-- > sizeof word;) {
        const char *found = reader->tail + at - sizeof word + 1;
        if (memcmp(found, word, sizeof word - 1) != 0)
            continue;
        const char *number = found + sizeof word - 1;
        if (memchr(number, '\n', (size_t)(reader->tail + reader->tail_length - number)) == NULL)
            continue;
        uint64_t id = strtoull(number, NULL, 10);
        if (id > reader->last) /* a number at the end of an HTTP chunk may be cut */
            reader->last = id;
        return;
    }
}

static void reader_take(struct reader *reader, char *scratch, size_t size)
{
    ssize_t got = recv(reader->fd, scratch, size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        BENCH_DIE("a reader was dropped at event %llu", (unsigned long long)reader->last);
    size_t length = (size_t)got, kept = length < TAIL ? TAIL - length : 0;
    if (kept < reader->tail_length) {
        memmove(reader->tail, reader->tail + reader->tail_length - kept, kept);
        reader->tail_length = kept;
    }
    size_t taken = length < TAIL ? length : TAIL;
    memcpy(reader->tail + reader->tail_length, scratch + length - taken, taken);
    reader->tail_length += taken;
    reader_look(reader);
}

static void read_all(struct reader *readers, int epoll, double seconds)
{
    static char scratch[LOAD_READ_SIZE];
    struct epoll_event events[READERS];
    for (double until = bench_now() + seconds; bench_now() < until;) {
        int ready = epoll_wait(epoll, events, READERS, 10);
        for (int i = 0; i < ready; i++)
            reader_take(&readers[events[i].data.u32], scratch, sizeof scratch);
    }
}

static uint64_t slowest(const struct reader *readers)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < READERS; i++)
        least = readers[i].last < least ? readers[i].last : least;
    return least;
}

/* The events per second of the slowest reader, from a second after the beginning to the end. */
static double measure(struct controller *cluster)
{
    static struct reader readers[READERS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t since = cluster_seq(cluster);
    for (unsigned i = 0; i < READERS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        reader_open(&readers[i], cluster, since);
        BENCH_MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i].fd, &event) == 0);
    }
    pid_t parent = getpid(), child = fork();
    BENCH_MUST(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            produce(cluster, SECONDS + 1);
        _exit(0);
    }
    read_all(readers, epoll, 1);
    uint64_t first = slowest(readers);
    double begun = bench_now();
    read_all(readers, epoll, SECONDS);
    double rate = (double)(slowest(readers) - first) / (bench_now() - begun);
    uint64_t behind = cluster_seq(cluster) - slowest(readers);
    bench_say("the slowest reader got %.0f events/s, and is %llu events behind", rate, (unsigned long long)behind);
    waitpid(child, NULL, 0);
    for (int i = 0; i < READERS; i++)
        close(readers[i].fd);
    close(epoll);
    return rate;
}

int main(void)
{
    struct controller cluster;
    struct agents_fleet fleet;
    struct bench_rounds rounds = {.count = 0};
    const struct aq_amounts capacity = {.cpu = 65536000, .ram = 1 << 26, .disk = 1 << 20, .slots = 100000};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, NODES, &capacity);
    agents_join(&fleet);
    for (int i = 0; i < 3; i++)
        bench_round(&rounds, measure(&cluster));
    bench_plain("event stream: what each of 100 readers gets", "events/s", bench_median(&rounds), BENCH_AT_LEAST, RATE);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
