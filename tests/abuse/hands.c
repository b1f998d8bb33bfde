/* Does to a mount what a shell cannot do. Used by mount.sh.
 *
 *   hands hold PATH COUNT         opens the file COUNT times, prints "holds N", and waits for the end of its input
 *   hands wait PATH COUNT         COUNT processes read the file to its end and poll for more; kills them and prints how
 *                                 many ms passed until all were gone
 *   hands write PATH SIZE TEXT    writes the text, padded with blanks, in one write; prints the name of the error, or
 *                                 how many bytes were not written
 *   hands rate PATH SECONDS       opens, reads and closes the file repeatedly; prints how often per second
 *   hands storm PATH COUNT        tries to create, rename and remove entries; prints how many attempts succeeded */
#include "schema/base/memory.h"
#include "tests/lib/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { READERS_MAX = 1000, SETTLE_US = 300000, GONE_S = 10 };

static int hold(const char *path, size_t count)
{
    char nothing[64];
    size_t held = 0;
    struct rlimit limit;
    BENCH_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    BENCH_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (size_t i = 0; i < count; i++)
        held += open(path, O_RDONLY | O_CLOEXEC) >= 0;
    printf("holds %zu\n", held);
    fflush(stdout);
    while (read(0, nothing, sizeof nothing) > 0)
        ;
    return 0;
}

/* Ends only when it is killed. */
static void read_on(const char *path)
{
    char chunk[65536];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd fd = {.fd = open(path, O_RDONLY | O_CLOEXEC), .events = POLLIN};
    for (ssize_t got = 1; fd.fd >= 0 && got >= 0;) {
        got = read(fd.fd, chunk, sizeof chunk);
        if (got == 0 && poll(&fd, 1, -1) < 0)
            break;
    }
    _exit(1);
}

static int wait_in_poll(const char *path, size_t count)
{
    static pid_t pids[READERS_MAX];
    size_t gone = 0;
    BENCH_MUST(count <= READERS_MAX);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        BENCH_MUST(pids[i] >= 0);
        if (pids[i] == 0)
            read_on(path);
    }
    usleep(SETTLE_US);
    double begun = bench_now();
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        pid_t got;
        while ((got = waitpid(pids[i], &status, WNOHANG)) == 0 && bench_now() < begun + GONE_S)
            usleep(1000);
        gone += got == pids[i] && WIFSIGNALED(status);
    }
    if (gone < count)
        BENCH_DIE("%zu of %zu readers were killed while they waited", gone, count);
    printf("%.0f\n", (bench_now() - begun) * 1e3);
    return 0;
}

static int write_once(const char *path, size_t size, const char *text)
{
    char *bytes = aq_malloc(size);
    size_t length = strlen(text);
    memset(bytes, ' ', size);
    memcpy(bytes, text, length < size ? length : size);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    BENCH_MUST(fd >= 0);
    ssize_t wrote = write(fd, bytes, size);
    if (wrote < 0)
        puts(strerrorname_np(errno));
    else
        printf("%zu\n", size - (size_t)wrote);
    free(bytes);
    close(fd);
    return 0;
}

static int rate(const char *path, double seconds)
{
    char chunk[65536];
    double begun = bench_now();
    size_t count = 0;
    for (; bench_now() < begun + seconds; count++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        BENCH_MUST(fd >= 0 && read(fd, chunk, sizeof chunk) > 0);
        close(fd);
    }
    printf("%.0f\n", (double)count / seconds);
    return 0;
}

static int storm(const char *path, size_t count)
{
    char name[BENCH_PATH_SIZE], other[BENCH_PATH_SIZE];
    size_t allowed = 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/storm-%zu", path, i);
        snprintf(other, sizeof other, "%s/other-%zu", path, i);
        allowed += mkdir(name, 0700) == 0;
        allowed += rename(name, other) == 0;
        allowed += symlink("x", name) == 0;
        allowed += link(path, name) == 0;
        allowed += unlink(name) == 0;
        allowed += rmdir(name) == 0;
        allowed += mknod(name, S_IFREG | 0600, 0) == 0;
        snprintf(name, sizeof name, "%s/1", path); /* existing entries */
        snprintf(other, sizeof other, "%s/new", path);
        allowed += rename(name, other) == 0;
        allowed += rmdir(name) == 0;
        allowed += unlink(other) == 0;
    }
    printf("%zu\n", allowed);
    return 0;
}

int main(int count, char **words)
{
    const char *verb = count > 3 ? words[1] : "";
    double number = count > 3 ? strtod(words[3], NULL) : 0;
    if (strcmp(verb, "hold") == 0)
        return hold(words[2], (size_t)number);
    if (strcmp(verb, "wait") == 0)
        return wait_in_poll(words[2], (size_t)number);
    if (strcmp(verb, "write") == 0 && count == 5)
        return write_once(words[2], (size_t)number, words[4]);
    if (strcmp(verb, "rate") == 0)
        return rate(words[2], number);
    if (strcmp(verb, "storm") == 0)
        return storm(words[2], (size_t)number);
    fputs("hands hold|wait|write|rate|storm PATH NUMBER [TEXT]\n", stderr);
    return 2;
}
