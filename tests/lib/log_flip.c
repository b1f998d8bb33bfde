#include "tests/lib/log_flip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_case_path(char path[96])
{
    snprintf(path, 96, "%s/log/data.mdb", logs.directory);
}

void each_match(const char *path, const char *text, void (*visit)(void *context, off_t place), void *context)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &status), 0);
    char *bytes = aq_malloc((size_t)status.st_size);
    assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
    close(fd);
    for (off_t i = 0; i + (off_t)strlen(text) <= status.st_size; i++)
        if (memcmp(bytes + i, text, strlen(text)) == 0)
            visit(context, i);
    free(bytes);
}

static void note_match(void *context, off_t place)
{
    *(off_t *)context = place;
}

off_t find_last_match(const char *path, const char *text)
{
    off_t found = -1;
    each_match(path, text, note_match, &found);
    return found;
}

void flip_match(void *context, off_t place)
{
    flip_bit(context, place, 0);
}
