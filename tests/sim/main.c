/* The simulator: many short lives of a cluster on virtual time (docs/simulation.md).
 *
 *   sim --seeds N [--first N] [--jobs N] [--hashes]    lives of the seeds from --first (1) on; --most N: until so many
 *                                                      have broken something
 *   sim --seed N [--trace]                             one life, with every step
 *   sim --kept FILE                                    the seeds of a file: a number at the beginning of each line
 *
 *
 * With --shrink, the first life in which something is wrong is shortened. Exits with 1 if something was found. */
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "tests/sim/life.h"
#include "tests/sim/shrink.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, FOUND_MAX = 20 /* more than that tell nothing new */ };

struct run {
    bool trace, hashes, shrinks;
    unsigned jobs, running;
    struct life lives[JOBS_MAX];
    struct sim_totals totals;
    unsigned begun, found, most;
    uint64_t first_found; /* a seed */
};

static volatile sig_atomic_t stopped; /* by a signal: no more lives begin */

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* ---- one life ----------------------------------------------------------------------------------------- */

static void begin_life(struct run *run, uint64_t seed)
{
    struct life *life = run->lives;
    while (life->pid != 0)
        life++;
    life->seed = seed;
    life->trace = run->trace;
    life->hash = run->hashes;
    life_begin(life);
    run->running++;
    run->begun++;
}

static void add_totals(struct sim_totals *sum, const struct sim_totals *more)
{
    uint64_t *into = (uint64_t *)sum;
    for (size_t i = 0; i < sizeof *sum / sizeof *into; i++)
        into[i] += ((const uint64_t *)more)[i];
}

static void await_life(struct run *run)
{
    int status;
    pid_t pid = wait(&status);
    struct life *life = run->lives;
    if (pid < 0)
        return; /* a signal */
    while (life->pid != pid)
        life++;
    bool broken = life_end(life, status);
    run->running--;
    add_totals(&run->totals, &life->result->totals);
    if (broken && run->found++ == 0)
        run->first_found = life->seed;
}

static void run_seed(struct run *run, uint64_t seed)
{
    while (run->running == run->jobs)
        await_life(run);
    if (run->found < run->most && !stopped)
        begin_life(run, seed);
}

/* ---- all ---------------------------------------------------------------------------------------------- */

static void run_kept(struct run *run, const char *path)
{
    char line[400];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof line, file) != NULL)
        if (line[0] >= '0' && line[0] <= '9')
            run_seed(run, strtoull(line, NULL, 10));
    fclose(file);
}

static void show_totals(const struct run *run, uint64_t took_ms)
{
    const struct sim_totals *t = &run->totals;
    printf("%" PRIu64 " lives in %.1f s, %.0f a minute; each %.0f s of virtual time with %.0f requests\n", t->lives,
           (double)took_ms / 1000, (double)t->lives * 60000 / (double)(took_ms + 1),
           (double)t->virtual_ms / 1000 / (double)(t->lives + !t->lives),
           (double)t->requests / (double)(t->lives + !t->lives));
    printf("requests: %" PRIu64 " done, %" PRIu64 " refused, %" PRIu64 " with an unknown outcome; %" PRIu64
           " repeats; %" PRIu64 " by hub and react; %" PRIu64 " entries, %" PRIu64 " events\n",
           t->answers, t->refusals, t->unknown, t->repeats, t->inner, t->entries, t->events);
    printf("agents: %" PRIu64 " workloads started, %" PRIu64 " of them again, %" PRIu64 " questions, %" PRIu64
           " kills, %" PRIu64 " lost directories, %" PRIu64 " copies of hosts, %" PRIu64 " cuts of the network\n",
           t->starts, t->restarts, t->messages, t->agent_kills, t->lost_directories, t->copies, t->cuts);
    printf("reads: %" PRIu64 " of rows, lists and views, of which %" PRIu64 " were compared; %" PRIu64
           " events followed; %" PRIu64 " nodes drained, %" PRIu64 " hosts shut down, %" PRIu64 " quarantines\n",
           t->reads, t->compared, t->followed, t->drained, t->shutdowns, t->quarantines);
    printf("faults: %" PRIu64 " kills, %" PRIu64 " power cuts, %" PRIu64 " stops, %" PRIu64 " failed appends, %" PRIu64
           " full disks, %" PRIu64 " turned bits, of which %" PRIu64 " were refused, %" PRIu64
           " jumps of the clock, %" PRIu64 " pauses; %" PRIu64 " proofs of the tables\n",
           t->kills, t->power_cuts, t->stops, t->failures, t->full_disks, t->turned, t->restored, t->jumps, t->pauses,
           t->verified);
    printf("secrets: %" PRIu64 " rows sealed, %" PRIu64 " secrets given to workloads, %" PRIu64
           " data keys wrapped anew, %" PRIu64 " epochs ended, %" PRIu64 " keyrings lost; %" PRIu64
           " workloads ended by their leases, %" PRIu64 " counted as ended by them\n",
           t->sealed, t->opened, t->rewrapped, t->epochs, t->lost_keyrings, t->leases_over, t->leases_ended);
    printf("%u of %u lives broke something\n", run->found, run->begun);
}

static void open_run(struct run *run)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct sigaction stops = {.sa_handler = stop};
    run->jobs = processors < 1 ? 1 : processors > JOBS_MAX ? JOBS_MAX : (unsigned)processors;
    run->most = FOUND_MAX;
    if (sodium_init() < 0)
        abort();
    for (size_t i = 0; i < JOBS_MAX; i++)
        life_make(&run->lives[i]);
    sigaction(SIGINT, &stops, NULL);
    sigaction(SIGTERM, &stops, NULL);
    aq_journal_open("sim", AQ_ERROR);
}

int main(int argc, char **argv)
{
    static struct run run;
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"jobs", required_argument, NULL, 'j'},
        {"kept", required_argument, NULL, 'k'},  {"most", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 't'},       {"hashes", no_argument, NULL, 'h'},
        {"shrink", no_argument, NULL, 'r'},      {0},
    };
    uint64_t first = 1, count = 0, begun_ms = aq_clock_ms();
    const char *kept = NULL;
    int option;
    open_run(&run);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'n':
            count = strtoull(optarg, NULL, 10);
            break;
        case 's':
            count = 1;
            first = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            first = strtoull(optarg, NULL, 10);
            break;
        case 'j':
            run.jobs = (unsigned)strtoul(optarg, NULL, 10);
            run.jobs = run.jobs < 1 ? 1 : run.jobs > JOBS_MAX ? JOBS_MAX : run.jobs;
            break;
        case 'm':
            run.most = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            kept = optarg;
            break;
        case 't':
            run.trace = true;
            break;
        case 'h':
            run.hashes = true;
            break;
        case 'r':
            run.shrinks = true;
            break;
        default:
            return 2;
        }
    if (kept != NULL)
        run_kept(&run, kept);
    for (uint64_t i = 0; i < count; i++)
        run_seed(&run, first + i);
    while (run.running > 0)
        await_life(&run);
    show_totals(&run, aq_clock_ms() - begun_ms);
    if (run.found > 0 && run.shrinks && !stopped)
        shrink(run.first_found);
    return run.found > 0 || stopped;
}
