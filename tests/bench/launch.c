/* Writes requests into a control file, one after the other, and waits for the workload of each: of the label bench, and
 * of the label open in turn. See launch.sh.
 *
 *     launch NEW BORN DISK COUNT     NEW: applications/new; BORN: the directory into which workloads write the time of
 *                                    their start; DISK: a directory on the log's disk, to measure its sync */
#include "tests/lib/bench.h"

#include <dirent.h>
#include <fcntl.h>

enum { COUNT_MAX = 10000, SYNCS = 100, BORN_S_MAX = 20, LEAST_PAUSE_US = 2000 };

/* The time of a bare append with sync on this disk, in ms. */
static double disk_sync(const char *directory)
{
    static char block[4096];
    double times[SYNCS];
    char path[BENCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s/sync", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    BENCH_MUST(fd >= 0);
    for (int i = 0; i < SYNCS; i++) {
        double begun = bench_now();
        BENCH_MUST(write(fd, block, sizeof block) == (ssize_t)sizeof block && fdatasync(fd) == 0);
        times[i] = (bench_now() - begun) * 1e3;
    }
    close(fd);
    unlink(path);
    return bench_quantile(times, SYNCS, 0.5);
}

/* The time in the only file of the directory, which it removes; 0: there is no file yet. */
static double take_born(const char *directory)
{
    char path[BENCH_PATH_SIZE + 256], text[32] = "";
    double born = 0;
    DIR *stream = opendir(directory);
    BENCH_MUST(stream != NULL);
    for (struct dirent *entry; born == 0 && (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        FILE *file = fopen(path, "re");
        if (file != NULL && fgets(text, sizeof text, file) != NULL && strchr(text, '\n') != NULL)
            born = strtod(text, NULL) / 1e9;
        if (file != NULL)
            fclose(file);
        if (born != 0)
            unlink(path);
    }
    closedir(stream);
    return born;
}

/* Does what `echo label=... > new` does. Returns the time until the workload runs, in ms. */
static double launch(const char *new, const char *born_directory, const char *label)
{
    char line[64];
    int length = snprintf(line, sizeof line, "label=%s\n", label);
    double born, begun = bench_now();
    int fd = open(new, O_WRONLY | O_TRUNC | O_CLOEXEC);
    BENCH_MUST(fd >= 0 && write(fd, line, (size_t)length) == length);
    close(fd);
    while ((born = take_born(born_directory)) == 0) {
        if (bench_now() > begun + BORN_S_MAX)
            BENCH_DIE("no process within %d s", BORN_S_MAX);
        usleep(200);
    }
    return (born - begun) * 1e3;
}

int main(int argc, char **argv)
{
    static double times[COUNT_MAX], open_times[COUNT_MAX];
    BENCH_MUST(argc == 5);
    const size_t count = strtoul(argv[4], NULL, 10);
    BENCH_MUST(count > 0 && count <= COUNT_MAX);
    double sync_before = disk_sync(argv[3]);
    for (size_t i = 0; i < 5; i++)
        (void)launch(argv[1], argv[2], "bench"); /* warm */
    for (size_t i = 0; i < count; i++) {         /* in turn, so that both meet the same disturbances */
        usleep(LEAST_PAUSE_US);
        times[i] = launch(argv[1], argv[2], "bench");
        usleep(LEAST_PAUSE_US);
        open_times[i] = launch(argv[1], argv[2], "open");
    }
    double sync_after = disk_sync(argv[3]);
    bench_say("a sync of the disk took %.2f ms before, %.2f ms afterwards", sync_before, sync_after);
    double shut_in = bench_quantile(times, count, 0.5), open = bench_quantile(open_times, count, 0.5);
    bench_plain("echo label= > new to process running, p50", "ms", shut_in, BENCH_AT_MOST, 8);
    bench_plain("the same without shutting it in, p50", "ms", open, BENCH_AT_MOST, 8);
    bench_plain("what shutting it in adds, p50", "ms", shut_in - open, BENCH_AT_MOST, 1.5);
    bench_plain("echo label= > new to process running, p99", "ms", bench_quantile(times, count, 0.99), BENCH_AT_MOST,
                25);
    return 0;
}
