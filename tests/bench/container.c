/* Has containers made by the cluster, and the same ones by the OCI runtime alone, in turns. Each says by a pipe that it
 * runs. See container.sh, which prepares both.
 *
 *     container NEW BORN BUNDLE STATES     NEW: applications/new; BORN: a pipe into which each container writes a line
 *                                          when it runs; BUNDLE, STATES: directories for the runtime
 *
 * BENCH_CREATE is the command that asks for %d containers at once; BENCH_REMOVE removes all, and waits until they are
 * gone. BENCH_RUNTIME is the runtime's name. The containers of the last round are left to the caller. */
#include "tests/lib/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum { SINGLE = 15, ROUNDS = 3, MANY = 200, EACH = 4 /* at once for a processor, as slots_await_turn() */ };
enum { PATIENCE_MS = 60000 };

static const char *bundle, *states;
static int born;

/* ---- running ------------------------------------------------------------------------------------------ */

static void await_born(int wanted)
{
    struct pollfd pipe = {.fd = born, .events = POLLIN};
    char bytes[4096];
    while (wanted > 0) {
        if (poll(&pipe, 1, PATIENCE_MS) != 1)
            BENCH_DIE("%d containers do not run", wanted);
        ssize_t length = read(born, bytes, sizeof bytes);
        for (ssize_t i = 0; i < length; i++)
            wanted -= bytes[i] == '\n';
    }
    BENCH_MUST(wanted == 0);
}

static void await_end(pid_t pid)
{
    int status;
    BENCH_MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

/* ---- the runtime alone -------------------------------------------------------------------------------- */

static void run(const char *const *words)
{
    const char *arguments[16] = {getenv("BENCH_RUNTIME"), "--root", states};
    size_t count = 3;
    if (strcmp(arguments[0], "crun") == 0)
        arguments[count++] = "--cgroup-manager=disabled";
    for (; *words != NULL; words++)
        arguments[count++] = *words;
    pid_t pid = fork();
    BENCH_MUST(pid >= 0);
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    await_end(pid);
}

static void create_and_start(const char *name)
{
    run((const char *const[]){"create", "--bundle", bundle, name, NULL});
    run((const char *const[]){"start", name, NULL});
}

static void remove_container(const char *name)
{
    run((const char *const[]){"delete", "--force", name, NULL});
}

static double runtime_single(void)
{
    double begun = bench_now();
    create_and_start("single");
    await_born(1);
    double took = bench_now() - begun;
    remove_container("single");
    return took * 1e3;
}

/* Calls it for the names of MANY containers, in as many processes as Aquarium makes containers at once. */
static void for_many(void (*act)(const char *name))
{
    pid_t pids[256];
    const int at_once = EACH * (int)sysconf(_SC_NPROCESSORS_ONLN);
    BENCH_MUST(at_once > 0 && at_once < 256);
    for (int worker = 0; worker < at_once; worker++) {
        pids[worker] = fork();
        BENCH_MUST(pids[worker] >= 0);
        if (pids[worker] > 0)
            continue;
        for (int i = worker; i < MANY; i += at_once) {
            char name[16];
            snprintf(name, sizeof name, "many%d", i);
            act(name);
        }
        _exit(0);
    }
    for (int worker = 0; worker < at_once; worker++)
        await_end(pids[worker]);
}

static double runtime_many(void)
{
    double begun = bench_now();
    for_many(create_and_start);
    await_born(MANY);
    double took = bench_now() - begun;
    for_many(remove_container);
    return MANY / took;
}

/* ---- the cluster -------------------------------------------------------------------------------------- */

static void cluster_remove(void)
{
    BENCH_MUST(system(getenv("BENCH_REMOVE")) == 0);
}

static double cluster_single(const char *new)
{
    static const char line[] = "label=bench\n";
    double begun = bench_now();
    int fd = open(new, O_WRONLY | O_TRUNC | O_CLOEXEC);
    BENCH_MUST(fd >= 0 && write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1);
    close(fd);
    await_born(1);
    double took = bench_now() - begun;
    cluster_remove();
    return took * 1e3;
}

static double cluster_many(void)
{
    char command[512];
    snprintf(command, sizeof command, getenv("BENCH_CREATE"), MANY);
    double begun = bench_now();
    BENCH_MUST(system(command) == 0);
    await_born(MANY);
    return MANY / (bench_now() - begun);
}

int main(int argc, char **argv)
{
    struct bench_rounds ours = {0}, alone = {0}, ours_many = {0}, alone_many = {0};
    BENCH_MUST(argc == 5 && getenv("BENCH_CREATE") != NULL && getenv("BENCH_REMOVE") != NULL);
    BENCH_MUST(getenv("BENCH_RUNTIME") != NULL);
    born = open(argv[2], O_RDWR | O_CLOEXEC); /* so that it never ends */
    BENCH_MUST(born >= 0);
    bundle = argv[3];
    states = argv[4];
    (void)cluster_single(argv[1]); /* warm */
    (void)runtime_single();
    for (int i = 0; i < SINGLE; i++) {
        bench_round(&alone, runtime_single());
        bench_round(&ours, cluster_single(argv[1]));
    }
    bench_ratio("request to container running, against the runtime's create and start", "ms", &ours, &alone,
                BENCH_AT_MOST, 1.5);
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&alone_many, runtime_many());
        bench_round(&ours_many, cluster_many());
        if (i + 1 < ROUNDS)
            cluster_remove();
    }
    bench_ratio("200 containers asked for at once, against the runtime as many at a time", "/s", &ours_many,
                &alone_many, BENCH_AT_LEAST, 0.8);
    return 0;
}
