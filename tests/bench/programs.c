/* What it costs that a driver is a program: the driver `test`, built in and served as a program, starts the same
 * workloads in turns. Measured from start() to the report, as the agent sees it. This driver starts nothing, so that
 * what is added is not lost in what a process costs. */
#include "drivers/driver.h"
#include "drivers/program/program.h"
#include "schema/codec/preset.h"
#include "schema/drivers/options.h"
#include "schema/drivers/test.h"
#include "tests/lib/bench.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

enum { ROUNDS = 9, STARTS = 200, PATIENCE_S = 60 };

static const char options_text[] = "{}";

/* One of the two. */
struct side {
    const struct driver_type *type;
    struct driver *driver;
    bool started, over;
    double figures[STARTS];
};

static struct aq_clocks now;
static char directory[BENCH_PATH_SIZE];

static void take_report(void *context, const struct driver_report *report)
{
    struct side *side = context;
    side->started = side->started || report->kind == DRIVER_STARTED;
    if (report->kind == DRIVER_FAILED)
        BENCH_DIE("a start failed: %s", report->reason);
    side->over = report->kind == DRIVER_ENDED;
}

static void await(struct side *side, const bool *done)
{
    const double until = bench_now() + PATIENCE_S;
    while (!*done) {
        struct pollfd fd = {.fd = side->type->wake_fd(side->driver), .events = POLLIN};
        now = aq_clocks_read();
        poll(&fd, 1, aq_clocks_left_ms(&now, side->type->deadline_ms(side->driver), 1000));
        now = aq_clocks_read();
        side->type->work(side->driver);
        BENCH_MUST(bench_now() < until);
    }
}

static void settle(struct side *side)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_allow allow;
    aq_record_init(&aq_allow_record, &allow, &arena);
    const struct aq_allowance allowance = aq_allowance_make(&allow, "", &arena);
    if (side->type->allow != NULL)
        side->type->allow(side->driver, &allowance);
    const double until = bench_now() + PATIENCE_S;
    while (side->type->life != NULL && !side->type->life->is_settled(side->driver)) {
        BENCH_MUST(bench_now() < until);
        now = aq_clocks_read();
        side->type->work(side->driver);
        usleep(1000);
    }
    BENCH_MUST(side->type->life == NULL || side->type->life->refusal(side->driver) == NULL);
}

static void run(struct side *side, uint64_t resource, double *seconds)
{
    char path[BENCH_PATH_SIZE + 24];
    struct aq_error error = {0};
    struct driver_spec spec = {
        .resource = resource, .metadata_json = "{}", .options_json = options_text, .directory = path};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    json_t *options = json_loads(options_text, 0, NULL);
    snprintf(path, sizeof path, "%s/r%u", directory, (unsigned)resource);
    BENCH_MUST(mkdir(path, 0755) == 0);
    BENCH_MUST(aq_options_read(&aq_driver_test, options, &spec.options, &arena, &error) == 0);
    side->started = side->over = false;
    now = aq_clocks_read();
    const double from = bench_now();
    if (side->type->start(side->driver, &spec, &error) != 0)
        BENCH_DIE("%s", error.message);
    await(side, &side->started);
    *seconds = bench_now() - from;
    side->type->stop(side->driver, resource);
    await(side, &side->over);
    json_decref(options);
}

int main(void)
{
    char node[32], program[BENCH_PATH_SIZE];
    struct side sides[2] = {0};
    struct bench_rounds built_in = {0}, served = {0};
    double differences[ROUNDS];
    uint64_t resource = 0;
    const char *build = getenv("BUILD");
    signal(SIGPIPE, SIG_IGN);
    bench_make_directory(directory);
    BENCH_MUST(chmod(directory, 0755) == 0);
    snprintf(node, sizeof node, "bench-%d", getpid());
    snprintf(program, sizeof program, "%s/tests/aq-driver-served", build != NULL ? build : "build/release");
    now = aq_clocks_read();
    sides[0].type = driver_find("test");
    sides[0].driver = sides[0].type->open(node, &now, take_report, &sides[0]);
    char *absolute = realpath(program, NULL);
    BENCH_MUST(absolute != NULL);
    sides[1].driver = program_driver_open("test", absolute, "", node, &now, take_report, &sides[1]);
    sides[1].type = program_driver_type(sides[1].driver);
    settle(&sides[0]);
    settle(&sides[1]);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STARTS; i++)
            for (int k = 0; k < 2; k++)
                run(&sides[k], ++resource, &sides[k].figures[i]);
        const double one = bench_quantile(sides[0].figures, STARTS, 0.5),
                     other = bench_quantile(sides[1].figures, STARTS, 0.5);
        bench_round(&built_in, one * 1e3);
        bench_round(&served, other * 1e3);
        differences[round] = (other - one) * 1e3;
    }
    bench_say("a start takes %.3f ms, and %.3f ms if the driver is a program", bench_median(&built_in),
              bench_median(&served));
    bench_plain("a driver as a program: added to a start", "ms", bench_quantile(differences, ROUNDS, 0.5),
                BENCH_AT_MOST, 2);
    for (int k = 0; k < 2; k++)
        sides[k].type->close(sides[k].driver);
    free(absolute);
    return 0;
}
