/* Lists of what is open, or changed lately, among finished applications.
 *
 * Two controllers have a hundred open applications each, and one has a thousand finished ones, the other a million.
 * They get the same lists in turns. The cost is the controller's processor time for each. The argument is a smaller
 * number than a million. */
#include "schema/base/clock.h"
#include "tests/lib/bench_cluster.h"
#include "tests/lib/program.h"

enum { FEW = 1000, MANY = 1000000, OPEN = 100, ROUNDS = 7, CONNECTIONS = 16, LISTS = 1000 };

static const char *const lists[] = {
    "/api/v1/application/?status=NEW,ELECTED,ALLOCATED,DEALLOCATE",
    "/api/v1/application/?status=NEW&reverse=true",
    "/api/v1/application/?created_since=",
    "/api/v1/application/?changed_since=",
};
enum { LIST_COUNT = sizeof lists / sizeof *lists };

struct side {
    struct controller cluster;
    char since[32]; /* between the finished ones and the open ones */
    struct bench_rounds cost[LIST_COUNT];
};

/* ---- filling -------------------------------------------------------------------------------------------------- */

static void fill_deallocate(struct load *load, void *context, struct aq_buffer *out)
{
    uint64_t *next = context;
    char path[64];
    snprintf(path, sizeof path, "/api/v1/application/%llu/deallocate", (unsigned long long)(*next)++);
    load_post(load, path, "", 0, out);
}

/* There are no nodes: what is created waits, and what is deallocated is over at once. */
static void side_open(struct side *side, uint64_t finished)
{
    struct load load;
    uint64_t next = 1;
    cluster_new(&side->cluster, NULL);
    cluster_make_label(&side->cluster);
    double begun = bench_now();
    cluster_make_applications(&side->cluster, 0, finished);
    load_open(&load, side->cluster.api_port, side->cluster.login, 64);
    load_run(&load, 3600, finished, fill_deallocate, &next);
    BENCH_MUST(load.refused == 0);
    load_close(&load);
    bench_say("%llu finished applications made in %.0f s", (unsigned long long)finished, bench_now() - begun);
    usleep(100000);
    snprintf(side->since, sizeof side->since, "%llu", (unsigned long long)aq_clock_wall_ms());
    usleep(100000);
    cluster_make_applications(&side->cluster, 0, OPEN);
}

/* ---- measuring ------------------------------------------------------------------------------------------------ */

static void list_path(const struct side *side, int list, char *out, size_t size)
{
    bool since = lists[list][strlen(lists[list]) - 1] == '=' && strstr(lists[list], "_since") != NULL;
    snprintf(out, size, "%s%s", lists[list], since ? side->since : "");
}

static void check_list(struct side *side, const char *path)
{
    struct aq_buffer body = {0};
    size_t rows = 0;
    load_ask(side->cluster.api_port, side->cluster.login, path, NULL, &body);
    for (const char *at = aq_buffer_string(&body); (at = strstr(at, "\"round\":")) != NULL; at++)
        rows++;
    if (rows != OPEN)
        BENCH_DIE("%s has %zu rows", path, rows);
    aq_buffer_free(&body);
}

static void measure(struct side *side, int list)
{
    struct load load;
    struct aq_buffer request = {0};
    char path[128];
    list_path(side, list, path, sizeof path);
    load_open(&load, side->cluster.api_port, side->cluster.login, CONNECTIONS);
    load_get(&load, path, &request);
    load_run(&load, 10, CONNECTIONS, load_fill_same, &request); /* a connection's first request costs more */
    double before = program_cpu_s(side->cluster.pid);
    load_run(&load, 60, LISTS, load_fill_same, &request);
    double used = program_cpu_s(side->cluster.pid) - before;
    BENCH_MUST(load.refused == 0);
    bench_round(&side->cost[list], used * 1e6 / (double)load.answers);
    aq_buffer_free(&request);
    load_close(&load);
}

int main(int argc, char **argv)
{
    static struct side few, many;
    static const char *const names[LIST_COUNT] = {"list of what is open", "list of what waits, newest first",
                                                  "list of what was created since", "list of what changed since"};
    const uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : MANY;
    BENCH_MUST(total >= FEW && total <= MANY);
    side_open(&few, FEW);
    side_open(&many, total);
    for (int list = 0; list < LIST_COUNT; list++) {
        char path[128], what[128];
        list_path(&few, list, path, sizeof path);
        check_list(&few, path);
        list_path(&many, list, path, sizeof path);
        check_list(&many, path);
        for (int i = 0; i < ROUNDS; i++) {
            measure(&few, list);
            measure(&many, list);
        }
        snprintf(what, sizeof what, "%s, a million finished against a thousand", names[list]);
        bench_ratio(what, "us", &many.cost[list], &few.cost[list], BENCH_AT_MOST, 1.5);
    }
    cluster_free(&few.cluster);
    cluster_free(&many.cluster);
    return 0;
}
