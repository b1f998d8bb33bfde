#include "tests/sim/life.h"

#include "tests/lib/directory.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_FILE "errors" /* in the life's directory: what it writes to standard error */

enum { PATIENCE_S = 120 };

/* What the journal says of faults that are made on purpose: of a healthy life it is not shown. */
static const char *const expected[] = {
    "the key of an epoch is not in the keyring: the secrets of these cannot be read",
    "no new epoch of secrets can begin", /* the writer's queue is full */
};

void life_make(struct life *life)
{
    *life = (struct life){0};
    life->result = mmap(NULL, sizeof *life->result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (life->result == MAP_FAILED)
        abort();
}

_Noreturn static void live(const struct life *life)
{
    static struct sim sim;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(life->directory) != 0 || (!life->trace && freopen(ERRORS_FILE, "w", stderr) == NULL))
        abort();
    alarm(PATIENCE_S);
    signal(SIGPIPE, SIG_IGN); /* as in the daemons */
    sim_open(&sim, life->seed, life->result);
    sim.print = life->trace;
    sim.brief = life->brief;
    sim.quiet = life->quiet;
    sim.skips = life->skips;
    world_live(&sim);
    if (life->hash || life->trace)
        printf("seed %" PRIu64 ": the trace has %" PRIu64 " lines, hash %016" PRIx64 "\n", sim.seed, sim.n_lines,
               sim.hash);
    fflush(stdout);
    _Exit(0);
}

void life_begin(struct life *life)
{
    /* In memory, if there is such a file system. */
    const char *parent = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    test_make_directory(life->directory, sizeof life->directory, parent, "aquarium-sim");
    memset(life->result, 0, sizeof *life->result);
    fflush(stdout);
    life->pid = fork();
    if (life->pid < 0)
        abort();
    if (life->pid == 0)
        live(life);
}

static bool is_expected(const char *line)
{
    for (size_t i = 0; i < AQ_LENGTH(expected); i++)
        if (strstr(line, expected[i]) != NULL)
            return true;
    return false;
}

static void show_errors(const struct life *life, bool all)
{
    char path[sizeof life->directory + sizeof ERRORS_FILE], *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/" ERRORS_FILE, life->directory);
    FILE *file = fopen(path, "re");
    while (file != NULL && getline(&line, &size, file) > 0)
        if (all || !is_expected(line))
            fputs(line, stderr);
    free(line);
    if (file != NULL)
        fclose(file);
}

bool life_end(struct life *life, int status)
{
    char *broken = life->result->broken;
    const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    life->pid = 0;
    if (!life->quiet)
        show_errors(life, !well);
    test_remove_tree(life->directory);
    if (well)
        return false;
    if (broken[0] != '\0')
        return true;
    bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    snprintf(broken, SIM_NAME_SIZE, "%s", hung ? "a life does not hang" : "a controller does not crash");
    if (!life->quiet)
        printf("seed %" PRIu64 " breaks \"%s\": %s %d\n    again, step by step: make sim SEED=%" PRIu64 " TRACE=1\n",
               life->seed, broken, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), life->seed);
    return true;
}
