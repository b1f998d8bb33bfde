/* torture: kills the processes of a private cluster at random moments under load, and checks that nothing is lost.
 *
 *   torture [--rounds N] [--seed S] [--keep]
 *
 * Prints "ok" and "not ok" lines, and exits with status 1 when anything was wrong. */
#include "tests/torture/torture.h"

#include <curl/curl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { KILLS_MAX = 3, MOMENT_MAX_MS = 400, DOWN_MAX_MS = 300, CHECK_EVERY = 4, KEPT_MAX = 24, WORDS_SIZE = 256 };

static volatile sig_atomic_t interrupted;

struct torture {
    struct cluster cluster;
    struct load load;
    struct check check;
    struct chance chance;
    uint64_t seed;
    unsigned rounds;
    bool keep;
    unsigned kills[5]; /* by victim */
};

enum victim { CONTROLLER, AGENT, VIEW, WORKLOAD, KEEPER };
static const char *const victim_names[] = {"controller", "agent", "aq-fs", "workload", "keeper"};

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool fail(struct torture *torture, const char *what)
{
    if (torture->check.fault[0] == '\0')
        snprintf(torture->check.fault, sizeof torture->check.fault, "%s", what);
    return false;
}

/* ---- labels ----------------------------------------------------------------------------------- */

static bool make_label(struct torture *torture, const char *name, const char *driver, const char *command,
                       const char *resources)
{
    struct http_reply reply = {0};
    struct aq_buffer body = {0};
    aq_buffer_format(&body, "{\"name\":\"%s\",\"definitions\":[{\"driver\":\"%s\",\"options\":{", name, driver);
    if (strcmp(driver, "process") == 0)
        aq_buffer_format(&body,
                         "\"stop_grace\":1,\"mounts\":[\"%s:%s:rw\"],\"command\":\"echo $AQUARIUM_RESOURCE $$ "
                         "$AQUARIUM_METADATA >>%s; %s\"",
                         torture->cluster.marks, torture->cluster.marks, torture->cluster.starts, command);
    else
        aq_buffer_text(&body, command);
    aq_buffer_format(&body, "},\"resources\":{\"slots\":1%s}}]}", resources);
    rest_ask(&torture->check.rest, &reply, "POST", "label/", NULL, body.data);
    bool good = reply.status == 200 || reply.status == 201;
    if (!good)
        fail(torture, json_text(reply.json, "message"));
    http_reply_free(&reply);
    aq_buffer_free(&body);
    return good;
}

static bool make_labels(struct torture *torture)
{
    return make_label(torture, "brief0", "process", "sleep 0.2; exit 0", "") &&
           make_label(torture, "brief7", "process", "sleep 0.1; exit 7", "") &&
           make_label(torture, "sim3", "test", "\"run_ms\":300,\"exit_status\":3", "") &&
           make_label(torture, "stay", "process", "exec sleep 10000", "") &&
           make_label(torture, "limited", "process", "exec sleep 10000", ",\"cpu\":0.25,\"ram\":\"16MiB\"") &&
           make_label(torture, "simstay", "test", "", ",\"ram\":\"32MiB\"");
}

/* ---- one kill -------------------------------------------------------------------------------------------------- */

static bool kill_workload(struct torture *torture, bool keeper, char *words)
{
    size_t count, groups;
    struct found_process *found = victims_list(&torture->cluster, &count, &groups);
    bool killed = false;
    if (count > 0) {
        const struct found_process *victim = &found[chance_below(&torture->chance, (unsigned)count)];
        check_note_killed(&torture->check, victim->resource); /* first, because its end may be reported at once */
        killed = victims_kill(victim, keeper);
        snprintf(words, WORDS_SIZE, "%s of resource %" PRIu64, keeper ? "keeper" : "process", victim->resource);
    }
    free(found);
    return killed;
}

static enum victim draw_victim(struct torture *torture)
{
    unsigned number = chance_below(&torture->chance, 100);
    return number < 30 ? CONTROLLER : number < 55 ? AGENT : number < 65 ? VIEW : number < 83 ? WORKLOAD : KEEPER;
}

static bool kill_one(struct torture *torture, char *words)
{
    struct cluster *cluster = &torture->cluster;
    enum victim victim = draw_victim(torture);
    unsigned down_ms = chance_below(&torture->chance, DOWN_MAX_MS), agent = chance_below(&torture->chance, AGENTS);
    bool good = true;
    torture->kills[victim]++;
    snprintf(words, WORDS_SIZE, "%s", victim_names[victim]);
    switch (victim) {
    case CONTROLLER:
        cluster_kill(&cluster->controller.pid);
        pause_ms(down_ms);
        good = cluster_controller(cluster) || fail(torture, "the controller does not start again");
        break;
    case AGENT:
        cluster_kill(&cluster->agents[agent]);
        pause_ms(down_ms);
        cluster_agent(cluster, (int)agent);
        snprintf(words, WORDS_SIZE, "agent %u", agent + 1);
        break;
    case VIEW:
        cluster_kill(&cluster->fs);
        pause_ms(down_ms);
        good = cluster_fs(cluster) || fail(torture, "aq-fs does not start again");
        break;
    case WORKLOAD:
    case KEEPER:
        kill_workload(torture, victim == KEEPER, words);
    }
    return good;
}

/* Applications whose clients never got an answer would otherwise fill the nodes. */
static bool deallocate_open(struct torture *torture, size_t keep)
{
    json_t *rows = rest_list(&torture->check.rest, "application/", torture->check.floor);
    bool good = rows != NULL && load_deallocate(&torture->load, &torture->check.rest, rows, keep);
    json_decref(rows);
    return good || fail(torture, "not everything can be deallocated");
}

/* ---- rounds ----------------------------------------------------------------------------------------------------- */

static bool play_round(struct torture *torture, unsigned round, char *words, size_t size)
{
    unsigned kills = 1 + chance_below(&torture->chance, KILLS_MAX);
    bool good = true;
    words[0] = '\0';
    load_resume(&torture->load);
    for (unsigned i = 0; good && i < kills; i++) {
        char victim[WORDS_SIZE];
        pause_ms((unsigned)chance_below(&torture->chance, MOMENT_MAX_MS));
        good = kill_one(torture, victim);
        size_t length = strlen(words);
        snprintf(words + length, size - length, "%s%s", i > 0 ? ", " : "", victim);
    }
    pause_ms((unsigned)chance_below(&torture->chance, MOMENT_MAX_MS));
    load_pause(&torture->load);
    good = good && (load_settle(&torture->load, &torture->check.rest) || fail(torture, "a request gets no answer"));
    bool proof = round % CHECK_EVERY == CHECK_EVERY - 1 || round + 1 == torture->rounds;
    return good && (!proof || (deallocate_open(torture, KEPT_MAX) && check_settled(&torture->check, false) &&
                               check_all(&torture->check, false)));
}

/* Deallocates everything, and checks that nothing is left: no resource, process, control group or agent's directory. */
static bool end_all(struct torture *torture)
{
    struct check *check = &torture->check;
    size_t count, groups = 1;
    if (!deallocate_open(torture, 0))
        return false;
    if (!check_settled(check, true) || !check_all(check, true))
        return false;
    for (int i = 0; groups > 0 && i < 200; i++, pause_ms(50)) /* agents remove them shortly after the end is reported */
        free(victims_list(&torture->cluster, &count, &groups));
    return (groups == 0 || fail(torture, "control groups of workloads are left over")) &&
           (cluster_agents_are_empty(&torture->cluster) ||
            fail(torture, "agents keep files of workloads that have ended"));
}

static bool play(struct torture *torture)
{
    double begun = now_s();
    bool good = true;
    for (unsigned round = 0; good && round < torture->rounds && !interrupted; round++) {
        char words[KILLS_MAX * (WORDS_SIZE + 2)];
        double at = now_s();
        good = play_round(torture, round, words, sizeof words);
        printf("%s round %u: kill %s (%.1f s)\n", good ? "ok" : "not ok", round + 1, words, now_s() - at);
        fflush(stdout);
    }
    if (good && !interrupted) {
        good = end_all(torture);
        printf("%s everything is deallocated, and nothing is left over\n", good ? "ok" : "not ok");
    }
    load_stop(&torture->load);
    if (good && !interrupted) {
        good = cluster_end(&torture->cluster) || fail(torture, "a process did not exit with status 0");
        printf("%s all processes exit with status 0\n", good ? "ok" : "not ok");
    }
    if (!cluster_logs_are_clean(&torture->cluster)) {
        good = fail(torture, "a log contains a sanitizer's report or a failed assertion");
        printf("not ok logs of all processes\n");
    }
    for (size_t i = 0; i < AQ_LENGTH(victim_names); i++)
        printf("# killed %s: %u times\n", victim_names[i], torture->kills[i]);
    printf("# %u requests, %u without an answer, %u repeats recognized by their key; %u attempts to start failed; "
           "%.0f s\n",
           torture->load.asked, torture->load.unanswered, torture->load.repeated, torture->check.failed_tries,
           now_s() - begun);
    return good && !interrupted;
}

/* ---- options ------------------------------------------------------------------------------------------------- */

static bool read_options(struct torture *torture, int argc, char **argv)
{
    static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"keep", no_argument, NULL, 'k'},
                                            {NULL, 0, NULL, 0}};
    int option;
    torture->rounds = 300;
    if (getrandom(&torture->seed, sizeof torture->seed, 0) != sizeof torture->seed)
        return false;
    torture->seed &= 0xFFFFFFFF; /* easier to type */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'r':
            torture->rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            torture->seed = strtoull(optarg, NULL, 10);
            break;
        case 'k':
            torture->keep = true;
            break;
        default:
            return false;
        }
    torture->chance.state = torture->seed;
    return optind == argc;
}

int main(int argc, char **argv)
{
    static struct torture torture;
    if (!read_options(&torture, argc, argv)) {
        fprintf(stderr, "usage: torture [--rounds N] [--seed S] [--keep]\n");
        return 2;
    }
    struct sigaction note = {.sa_handler = note_signal};
    sigaction(SIGINT, &note, NULL);
    sigaction(SIGTERM, &note, NULL);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    printf("# seed %" PRIu64 ": repeat it with SEED=%" PRIu64 " ROUNDS=%u\n", torture.seed, torture.seed,
           torture.rounds);
    cluster_make(&torture.cluster);
    torture.check.cluster = &torture.cluster;
    torture.check.load = &torture.load;
    rest_open(&torture.check.rest, &torture.cluster);
    bool good = cluster_begin(&torture.cluster) && check_settled(&torture.check, true) && make_labels(&torture);
    printf("%s the cluster starts\n", good ? "ok" : "not ok");
    if (good) {
        load_start(&torture.load, &torture.cluster, torture.seed);
        good = play(&torture);
    }
    if (!good)
        printf("# %s\n", torture.check.fault);
    rest_close(&torture.check.rest);
    cluster_clean(&torture.cluster, torture.keep || (!good && getenv("KEEP") != NULL));
    return good ? 0 : 1;
}
