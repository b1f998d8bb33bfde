/* A workload that writes the time of its start, in nanoseconds of the monotonic clock, into a file in the given
 * directory, and ends. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec now;
    char path[512], text[32];
    const char *resource = getenv("AQUARIUM_RESOURCE");
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc != 2 || resource == NULL)
        return 2;
    snprintf(path, sizeof path, "%s/%s", argv[1], resource);
    int length = snprintf(text, sizeof text, "%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        return 1;
    return close(fd) == 0 ? 0 : 1;
}
