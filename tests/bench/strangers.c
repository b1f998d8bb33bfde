/* Wrong tokens: 10,000 a second while a good user reads. The user's p99 is compared with that while as many good
 * requests come, in turns. Both come from the same address, which is the worst case: failures slow down their address.
 */
#include "schema/base/memory.h"
#include "tests/lib/agents.h"
#include "tests/lib/http_client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUNDS = 9, STRANGERS = 16, STRANGERS_RATE = 10000, USER_RATE = 1000 };

static const double round_s = 1.5, before_s = 0.3;

/* Requests at a steady rate: each is sent when it is due, or as soon as a connection is free. */
struct pace {
    const char *path;
    double rate, begun;
    uint64_t sent;
};

static void fill_paced(struct load *load, void *context, struct aq_buffer *out)
{
    struct pace *pace = context;
    if (pace->sent == 0)
        pace->begun = bench_now();
    double wait_s = pace->begun + (double)pace->sent++ / pace->rate - bench_now();
    const struct timespec pause = {.tv_nsec = (long)(wait_s * 1e9)};
    if (wait_s > 0 && wait_s < 1)
        nanosleep(&pause, NULL);
    load_get(load, pace->path, out);
}

/* Runs in a process of its own, and writes its rate. */
static _Noreturn void send_requests(unsigned port, const char *login, bool good, int result)
{
    struct load load;
    struct pace pace = {.path = "/api/v1/application/1", .rate = STRANGERS_RATE};
    load_open(&load, port, login, STRANGERS);
    load_run(&load, round_s + before_s, 0, fill_paced, &pace);
    double rate = (double)load.answers / load.seconds;
    bool as_wanted = good ? load.refused == 0 : load.refused == load.answers;
    if (!as_wanted)
        bench_say("%llu of %llu were refused", (unsigned long long)load.refused, (unsigned long long)load.answers);
    _exit(as_wanted && write(result, &rate, sizeof rate) == sizeof rate ? 0 : 1);
}

/* The p99 of the good user, in milliseconds, while requests with the login `other` come. */
static double measure(const struct controller *cluster, const char *other, bool good)
{
    int ends[2], status;
    double rate = 0;
    BENCH_MUST(pipe2(ends, O_CLOEXEC) == 0);
    pid_t parent = getpid(), pid = fork();
    BENCH_MUST(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        send_requests(cluster->api_port, other, good, ends[1]);
    }
    close(ends[1]);
    usleep((useconds_t)(before_s * 1e6));
    struct load load;
    struct pace pace = {.path = "/api/v1/application/1", .rate = USER_RATE};
    load_open(&load, cluster->api_port, cluster->login, 1);
    load_run(&load, round_s - 0.1, 0, fill_paced, &pace);
    if (load.refused > 0)
        BENCH_DIE("%llu reads of the good user were refused", (unsigned long long)load.refused);
    double p99_ms = bench_quantile(load.times, load.time_count, 0.99) * 1e3;
    bench_say("beside %s requests: %llu reads, p50 %.3f ms, p99 %.3f ms", good ? "good" : "wrong",
              (unsigned long long)load.answers, bench_quantile(load.times, load.time_count, 0.5) * 1e3, p99_ms);
    load_close(&load);
    BENCH_MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    BENCH_MUST(read(ends[0], &rate, sizeof rate) == sizeof rate);
    close(ends[0]);
    if (rate < STRANGERS_RATE * 0.95)
        bench_say("only %.0f requests/s came, of %d: the machine has other work", rate, STRANGERS_RATE);
    BENCH_MUST(rate > STRANGERS_RATE * 0.5);
    return p99_ms;
}

/* The login of admin with a token that is well made, but not admin's. */
static void make_stranger(struct controller *cluster, char *login, size_t size)
{
    struct http_client client = {.port = cluster->api_port, .login = cluster->login};
    struct http_reply reply = {.status = 0};
    http_ask(&client, &reply, "POST", "{\"name\": \"other\", \"role\": \"user\"}", "/api/v1/user/");
    const char *token = json_text(json_object_get(reply.json, "data"), "token");
    if (token[0] == '\0')
        BENCH_DIE("no user was made: %s", aq_buffer_string(&reply.body));
    snprintf(login, size, "admin:%s", token);
    http_reply_free(&reply);
}

int main(void)
{
    struct controller cluster;
    char stranger[128];
    struct bench_rounds wrong = {.count = 0}, good = {.count = 0};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    cluster_make_applications(&cluster, 0, 1);
    make_stranger(&cluster, stranger, sizeof stranger);
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&wrong, measure(&cluster, stranger, false));
        bench_round(&good, measure(&cluster, cluster.login, true));
    }
    bench_ratio("p99 of a reader beside 10,000 wrong tokens a second (against as many good requests)", "ms", &wrong,
                &good, BENCH_AT_MOST, 1.5);
    cluster_free(&cluster);
    return 0;
}
