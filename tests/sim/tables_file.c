#include "tests/sim/tables_file.h"

#include "schema/base/files.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE = 4096 };

static int open_file(struct stat *status)
{
    int fd = open(TABLES_DIRECTORY "/data.mdb", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, status) != 0)
        abort();
    return fd;
}

void tables_file_note(struct tables_file *file)
{
    struct stat status;
    AQ_CLEANUP_FD int fd = open_file(&status);
    if (fd < 0)
        return;
    aq_buffer_reset(&file->old);
    aq_buffer_room(&file->old, (size_t)status.st_size);
    file->old.length = (size_t)status.st_size;
    if (pread(fd, file->old.data, file->old.length, 0) != (ssize_t)status.st_size)
        abort();
}

static void tear_page(const struct tables_file *file, int fd, off_t at, bool old)
{
    char page[PAGE_SIZE] = {0};
    if (old)
        memcpy(page, file->old.data + at, PAGE_SIZE);
    if (pwrite(fd, page, PAGE_SIZE, at) != PAGE_SIZE)
        abort();
}

/* Does the page differ from its old form? */
static bool has_old_form(const struct tables_file *file, int fd, off_t at)
{
    char page[PAGE_SIZE];
    return (size_t)at + PAGE_SIZE <= file->old.length && pread(fd, page, PAGE_SIZE, at) == PAGE_SIZE &&
           memcmp(page, file->old.data + at, PAGE_SIZE) != 0;
}

/* Mostly a few pages have their old form: that is the least easy to see. */
void tables_file_tear(struct tables_file *file)
{
    struct sim *sim = file->sim;
    struct stat status;
    AQ_CLEANUP_FD int fd = open_file(&status);
    if (fd < 0)
        return;
    bool few = sim_happens(sim, 70);
    unsigned torn = (unsigned)sim_between(sim, 1, 50), lost = few ? 0 : (unsigned)sim_draw(sim, 20);
    for (off_t at = 0; at < status.st_size; at += PAGE_SIZE) {
        bool old = has_old_form(file, fd, at);
        if ((old || !few) && sim_happens(sim, torn))
            tear_page(file, fd, at, old && !sim_happens(sim, lost));
    }
}

void tables_file_free(struct tables_file *file)
{
    aq_buffer_free(&file->old);
}
