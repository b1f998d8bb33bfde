/* The file view against a trivial FUSE file system: reading a field, stat, ls of 10,000 entries, by one client and by
 * four. See fileview.sh.
 *
 *     fileview OURS PLAIN     two directories with the entries 1 to 10000, each with a file "status" */
#include "tests/lib/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { ENTRIES = 10000, ROUNDS = 9, CLIENTS_MAX = 4 };

typedef void act_fn(const char *directory, unsigned entry);

static void read_field(const char *directory, unsigned entry)
{
    char path[BENCH_PATH_SIZE + 32], text[128];
    snprintf(path, sizeof path, "%s/%u/status", directory, entry);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    BENCH_MUST(fd >= 0 && read(fd, text, sizeof text) > 0);
    close(fd);
}

static void stat_field(const char *directory, unsigned entry)
{
    char path[BENCH_PATH_SIZE + 32];
    struct stat status;
    snprintf(path, sizeof path, "%s/%u/status", directory, entry);
    BENCH_MUST(stat(path, &status) == 0);
}

static void list_all(const char *directory, unsigned entry)
{
    unsigned count = 0;
    (void)entry;
    DIR *stream = opendir(directory);
    BENCH_MUST(stream != NULL);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    BENCH_MUST(count >= ENTRIES);
}

/* One client, in its own process, which writes its rate per second into *rate. */
static pid_t start_client(act_fn *act, const char *directory, unsigned which, double seconds, double *rate)
{
    pid_t parent = getpid(), child = fork();
    BENCH_MUST(child >= 0);
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    uint64_t count = 0;
    double begun = bench_now();
    for (unsigned entry = which * 2477; bench_now() < begun + seconds; count++) {
        entry = (entry + 7919) % ENTRIES;
        act(directory, entry + 1);
    }
    *rate = (double)count / (bench_now() - begun);
    _exit(0);
}

/* The rate of all clients together, per second. */
static double measure(act_fn *act, const char *directory, unsigned clients)
{
    double *rates = mmap(NULL, sizeof *rates * CLIENTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double sum = 0;
    pid_t pids[CLIENTS_MAX];
    BENCH_MUST(rates != MAP_FAILED);
    for (unsigned i = 0; i < clients; i++)
        pids[i] = start_client(act, directory, i, 0.4, &rates[i]);
    for (unsigned i = 0; i < clients; i++) {
        int status;
        BENCH_MUST(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        sum += rates[i];
    }
    munmap(rates, sizeof *rates * CLIENTS_MAX);
    return sum;
}

static void compare(const char *what, act_fn *act, char **directories, unsigned clients)
{
    char text[96];
    struct bench_rounds ours = {.count = 0}, plain = {.count = 0};
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&ours, measure(act, directories[0], clients));
        bench_round(&plain, measure(act, directories[1], clients));
    }
    snprintf(text, sizeof text, "file view, %u client%s: %s", clients, clients > 1 ? "s" : "", what);
    bench_ratio(text, "/s", &ours, &plain, BENCH_AT_LEAST, 0.7);
}

int main(int argc, char **argv)
{
    BENCH_MUST(argc == 3);
    for (unsigned clients = 1; clients <= CLIENTS_MAX; clients += 3) {
        compare("open, read, close of a field", read_field, argv + 1, clients);
        compare("stat of a field", stat_field, argv + 1, clients);
        compare("ls of 10,000 entries", list_all, argv + 1, clients);
    }
    return 0;
}
