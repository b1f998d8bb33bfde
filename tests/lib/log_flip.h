/* Bits of the file of a log turn. */
#ifndef AQ_TESTS_LIB_LOG_FLIP_H
#define AQ_TESTS_LIB_LOG_FLIP_H

#include "tests/lib/log_case.h"
#include "tests/lib/turned_bits.h"

#include <sys/stat.h>

static inline void log_case_path(char path[96])
{
    snprintf(path, 96, "%s/log/data.mdb", logs.directory);
}

/* Calls for each place in the file where the text stands: older copies of a page are among them. */
static inline void each_match(const char *path, const char *text, void (*visit)(void *context, off_t place),
                              void *context)
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

static inline void note_match(void *context, off_t place)
{
    *(off_t *)context = place;
}

static inline off_t find_last_match(const char *path, const char *text)
{
    off_t found = -1;
    each_match(path, text, note_match, &found);
    return found;
}

#endif
