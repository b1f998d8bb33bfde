/* Aquarium beside etcd: single writes per second, each durable before its answer, for 1, 64 and 1,000 clients that wait
 * for their answers.
 *
 * Both sync each commit, batch requests that wait, and keep their data in the same directory. A request to Aquarium
 * creates an application by REST: it checks a token, decides, chooses among 100 nodes and writes two events. A request
 * to etcd puts a value of 200 bytes, which is less work. etcd is measured in three ways, in turns with Aquarium:
 *
 *   JSON      its gateway, HTTP/1.1, by the same load generator as Aquarium, a new key for each put
 *   gRPC      its native protocol, by h2load, one connection for each client, always the same key
 *   streams   the same with all clients on one connection, as its Go client does: the fastest way
 *
 * The key's version tells whether the puts by gRPC were executed, because HTTP answers 200 to refusals, too. */
#include "tests/lib/agents.h"
#include "tests/lib/directory.h"
#include "tests/lib/program.h"
#include "tests/lib/socket.h"

#include <math.h>
#include <signal.h>
#include <sodium.h>
#include <sys/wait.h>

enum { NODES = 100, ROUNDS = 5, VALUE_SIZE = 200, START_S = 20, H2LOAD_S = 20, TEXT_SIZE = 512 };

static const unsigned client_counts[] = {1, 64, 1000};
static const double warm_s = 0.5, measured_s = 2;

struct etcd {
    char directory[BENCH_PATH_SIZE];
    char request[BENCH_PATH_SIZE + 16]; /* a file with a put in gRPC's format */
    unsigned port;
    uint64_t keys;
    int pid;
};

/* ---- etcd ---------------------------------------------------------------------------------------------- */

static unsigned free_port(void)
{
    unsigned port;
    int fd = test_listen(&port, 1);
    BENCH_MUST(fd >= 0);
    close(fd);
    return port;
}

static bool etcd_listens(const struct etcd *etcd)
{
    int fd = test_connect(1, etcd->port, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* PutRequest {key = 1, value = 2}, after gRPC's five bytes: not compressed, length. */
static void etcd_write_request(struct etcd *etcd)
{
    static const char key[] = "bench/0000000000";
    unsigned char bytes[5 + 2 + sizeof key + 3 + VALUE_SIZE] = {0}, *next = bytes + 5;
    *next++ = 1 << 3 | 2;
    *next++ = sizeof key - 1;
    next = (unsigned char *)mempcpy(next, key, sizeof key - 1);
    *next++ = 2 << 3 | 2;
    *next++ = (VALUE_SIZE & 127) | 128;
    *next++ = VALUE_SIZE >> 7;
    memset(next, 'v', VALUE_SIZE);
    next += VALUE_SIZE;
    bytes[4] = (unsigned char)(next - bytes - 5);
    snprintf(etcd->request, sizeof etcd->request, "%s/put.grpc", etcd->directory);
    FILE *file = fopen(etcd->request, "we");
    BENCH_MUST(file != NULL && fwrite(bytes, (size_t)(next - bytes), 1, file) == 1 && fclose(file) == 0);
}

static void etcd_start(struct etcd *etcd)
{
    char log[BENCH_PATH_SIZE + 16];
    struct program_line line = {0};
    *etcd = (struct etcd){.port = free_port()};
    const unsigned peer_port = free_port();
    bench_make_directory(etcd->directory);
    etcd_write_request(etcd);
    snprintf(log, sizeof log, "%s/log.txt", etcd->directory);
    program_add(&line, "/usr/bin/env");
    program_add(&line, "etcd");
    program_add(&line, "--data-dir=%s/data", etcd->directory);
    program_add(&line, "--listen-client-urls=http://127.0.0.1:%u", etcd->port);
    program_add(&line, "--advertise-client-urls=http://127.0.0.1:%u", etcd->port);
    program_add(&line, "--listen-peer-urls=http://127.0.0.1:%u", peer_port);
    program_add(&line, "--initial-advertise-peer-urls=http://127.0.0.1:%u", peer_port);
    program_add(&line, "--initial-cluster=default=http://127.0.0.1:%u", peer_port);
    program_add(&line, "--log-level=error");
    etcd->pid = program_start(&line, log);
    BENCH_MUST(etcd->pid > 0);
    for (double until = bench_now() + START_S; !etcd_listens(etcd); usleep(20000))
        if (waitpid(etcd->pid, NULL, WNOHANG) != 0 || bench_now() > until)
            BENCH_DIE("etcd does not get ready: see %s", log);
    sleep(1); /* it listens before it has elected a leader */
}

static void etcd_stop(struct etcd *etcd)
{
    kill(etcd->pid, SIGKILL);
    waitpid(etcd->pid, NULL, 0);
    test_remove_tree(etcd->directory);
}

/* How often the key was put. */
static uint64_t etcd_version(const struct etcd *etcd)
{
    struct aq_buffer body = {0};
    load_ask(etcd->port, NULL, "/v3/kv/range", "{\"key\":\"YmVuY2gvMDAwMDAwMDAwMA==\"}", &body);
    const char *found = strstr(aq_buffer_string(&body), "\"version\":\"");
    uint64_t version = found == NULL ? 0 : strtoull(found + 11, NULL, 10);
    aq_buffer_free(&body);
    return version;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void fill_put(struct load *load, void *context, struct aq_buffer *out)
{
    struct etcd *etcd = context;
    char key[32], key_text[64], value[VALUE_SIZE], value_text[VALUE_SIZE * 2], body[TEXT_SIZE];
    memset(value, 'v', sizeof value);
    int length = snprintf(key, sizeof key, "json/%011llu", (unsigned long long)etcd->keys++);
    sodium_bin2base64(key_text, sizeof key_text, (const unsigned char *)key, (size_t)length,
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(value_text, sizeof value_text, (const unsigned char *)value, sizeof value,
                      sodium_base64_VARIANT_ORIGINAL);
    length = snprintf(body, sizeof body, "{\"key\":\"%s\",\"value\":\"%s\"}", key_text, value_text);
    load_post(load, "/v3/kv/put", body, (size_t)length, out);
}

static double ask_by_json(unsigned port, const char *login, unsigned clients, load_fill_fn *fill, void *context)
{
    struct load load;
    load_open(&load, port, login, clients);
    load_run(&load, warm_s, 0, fill, context);
    load_run(&load, measured_s, 0, fill, context);
    if (load.refused > 0)
        BENCH_DIE("%llu requests were refused", (unsigned long long)load.refused);
    double rate = load_rate(&load);
    load_close(&load);
    return rate;
}

/* `connections` times `streams` clients. h2load takes whole seconds only. */
static double ask_by_grpc(struct etcd *etcd, unsigned connections, unsigned streams)
{
    char command[TEXT_SIZE + BENCH_PATH_SIZE], line[TEXT_SIZE];
    double rate = 0;
    unsigned long long done = 0, failed = 0;
    uint64_t before = etcd_version(etcd);
    snprintf(
        command, sizeof command,
        "timeout -k 5 %d h2load -t 1 -c %u -m %u --warm-up-time=1 -D %.0f -d %s -H 'content-type: application/grpc' "
        "-H 'te: trailers' http://127.0.0.1:%u/etcdserverpb.KV/Put 2>&1",
        H2LOAD_S, connections, streams, measured_s, etcd->request, etcd->port);
    FILE *said = popen(command, "re");
    BENCH_MUST(said != NULL);
    while (fgets(line, sizeof line, said) != NULL) {
        (void)sscanf(line, "finished in %*[^,], %lf req/s", &rate);
        (void)sscanf(line, "requests: %*u total, %*u started, %llu done, %*u succeeded, %llu failed", &done, &failed);
    }
    BENCH_MUST(pclose(said) == 0 && rate > 0 && done > 0 && failed == 0);
    if (etcd_version(etcd) < before + done)
        BENCH_DIE("etcd answered %llu puts, but did not execute them all", done);
    return rate;
}

/* ---- in turns ------------------------------------------------------------------------------------------ */

static void report(unsigned clients, const char *how, const struct bench_rounds *ours,
                   const struct bench_rounds *theirs)
{
    char what[128];
    snprintf(what, sizeof what, "durable single writes, %u client%s: etcd by %s", clients, clients == 1 ? "" : "s",
             how);
    bench_ratio(what, "/s", ours, theirs, BENCH_AT_LEAST, 1);
}

static void compare(struct controller *cluster, struct etcd *etcd, unsigned clients)
{
    struct bench_rounds ours = {.count = 0}, json = {.count = 0}, grpc = {.count = 0}, streams = {.count = 0};
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&ours, ask_by_json(cluster->api_port, cluster->login, clients, cluster_fill_one, NULL));
        bench_round(&json, ask_by_json(etcd->port, NULL, clients, fill_put, etcd));
        bench_round(&grpc, ask_by_grpc(etcd, clients, 1));
        if (clients > 1)
            bench_round(&streams, ask_by_grpc(etcd, 1, clients));
        bench_say("%u clients: Aquarium %.0f/s, etcd by JSON %.0f/s, by gRPC %.0f/s, by streams %.0f/s", clients,
                  ours.figures[i], json.figures[i], grpc.figures[i], clients > 1 ? streams.figures[i] : NAN);
    }
    report(clients, "JSON", &ours, &json);
    report(clients, "gRPC", &ours, &grpc);
    if (clients > 1)
        report(clients, "gRPC, all on one connection", &ours, &streams);
}

int main(void)
{
    struct controller cluster;
    struct agents_fleet fleet;
    struct etcd etcd;
    const struct aq_amounts capacity = {.cpu = 6400000, .ram = 1 << 26, .disk = 1 << 20, .slots = 20000};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, NODES, &capacity);
    agents_join(&fleet);
    etcd_start(&etcd);
    for (size_t i = 0; i < AQ_LENGTH(client_counts); i++)
        compare(&cluster, &etcd, client_counts[i]);
    etcd_stop(&etcd);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
