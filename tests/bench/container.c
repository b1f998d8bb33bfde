/* Has containers made by the cluster, and the same ones by the OCI runtime alone. See container.sh, which prepares
 * both.
 *
 *     container NEW BORN BUNDLE STATES     NEW: applications/new; BORN: the directory into which each container puts a
 *                                          file when it runs; BUNDLE, STATES: directories for the runtime
 *
 * BENCH_CREATE is the command that asks for %d containers at once. */
#include "tests/lib/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { SINGLE = 15, ROUNDS = 3, MANY = 200, PATIENCE_S = 120 };

static const char *bundle, *states;

/* ---- the runtime alone -------------------------------------------------------------------------------- */

static const char *runtime(void)
{
    return access("/usr/bin/crun", X_OK) == 0 ? "crun" : "runc";
}

static pid_t run(const char *const *words)
{
    const char *arguments[16] = {runtime(), "--root", states};
    size_t count = 3;
    if (strcmp(runtime(), "crun") == 0)
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
    return pid;
}

static void await(pid_t pid)
{
    int status;
    BENCH_MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

static void create_and_start(const char *name)
{
    const char *const create[] = {"create", "--bundle", bundle, name, NULL};
    const char *const start[] = {"start", name, NULL};
    await(run(create));
    await(run(start));
}

static void delete_container(const char *name)
{
    const char *const words[] = {"delete", "--force", name, NULL};
    await(run(words));
}

static double runtime_single(void)
{
    double begun = bench_now();
    create_and_start("single");
    double took = bench_now() - begun;
    delete_container("single");
    return took * 1e3;
}

static double runtime_many(void)
{
    static pid_t pids[MANY];
    char name[16];
    double begun = bench_now();
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many%d", i);
        pids[i] = fork();
        BENCH_MUST(pids[i] >= 0);
        if (pids[i] == 0) {
            create_and_start(name);
            _exit(0);
        }
    }
    for (int i = 0; i < MANY; i++)
        await(pids[i]);
    double took = bench_now() - begun;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many%d", i);
        delete_container(name);
    }
    return MANY / took;
}

/* ---- the cluster -------------------------------------------------------------------------------------- */

static int count_born(const char *directory)
{
    int count = 0;
    DIR *stream = opendir(directory);
    BENCH_MUST(stream != NULL);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static void await_born(const char *directory, int wanted, double begun)
{
    while (count_born(directory) < wanted) {
        if (bench_now() > begun + PATIENCE_S)
            BENCH_DIE("no %d containers within %d s", wanted, PATIENCE_S);
        usleep(200);
    }
}

static void forget_born(const char *directory)
{
    char command[BENCH_PATH_SIZE + 32];
    snprintf(command, sizeof command, "rm -f %s/*", directory);
    BENCH_MUST(system(command) == 0);
}

static double cluster_single(const char *new, const char *born)
{
    static const char line[] = "label=bench\n";
    double begun = bench_now();
    int fd = open(new, O_WRONLY | O_TRUNC | O_CLOEXEC);
    BENCH_MUST(fd >= 0 && write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1);
    close(fd);
    await_born(born, 1, begun);
    double took = bench_now() - begun;
    forget_born(born);
    return took * 1e3;
}

static double cluster_many(const char *born)
{
    char command[512];
    snprintf(command, sizeof command, getenv("BENCH_CREATE"), MANY);
    double begun = bench_now();
    BENCH_MUST(system(command) == 0);
    await_born(born, MANY, begun);
    double took = bench_now() - begun;
    forget_born(born);
    return MANY / took;
}

int main(int argc, char **argv)
{
    struct bench_rounds ours = {0}, alone = {0}, ours_many = {0}, alone_many = {0};
    BENCH_MUST(argc == 5 && getenv("BENCH_CREATE") != NULL);
    bundle = argv[3];
    states = argv[4];
    (void)cluster_single(argv[1], argv[2]); /* warm */
    (void)runtime_single();
    for (int i = 0; i < SINGLE; i++) {
        bench_round(&alone, runtime_single());
        bench_round(&ours, cluster_single(argv[1], argv[2]));
    }
    bench_ratio("request to container running", "ms", &ours, &alone, BENCH_AT_MOST, 1.5);
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&alone_many, runtime_many());
        bench_round(&ours_many, cluster_many(argv[2]));
    }
    bench_ratio("200 containers asked for at once", "containers/s", &ours_many, &alone_many, BENCH_AT_LEAST, 0.8);
    return 0;
}
