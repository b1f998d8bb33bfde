#include "fs/kernel/filesystem.h"

#include "fs/kernel/opendir.h"
#include "fs/kernel/openfile.h"

#include <stdlib.h>

struct filesystem *filesystem_open(const struct aq_config_fs *config, struct look_sources *sources,
                                   struct complaints *complaints, struct questions *questions)
{
    struct filesystem *filesystem = aq_calloc(1, sizeof *filesystem);
    *filesystem = (struct filesystem){.config = config,
                                      .sources = sources,
                                      .complaints = complaints,
                                      .questions = questions,
                                      .inodes = inodes_open(),
                                      .listings = listings_open(),
                                      .waker = waker_open()};
    return filesystem;
}

void filesystem_end_requests(struct filesystem *filesystem)
{
    waiting_cancel_all(&filesystem->waiting);
    waker_close(filesystem->waker);
    filesystem->waker = NULL;
}

/* After a lazy unmount, files and directories are still open. */
void filesystem_close(struct filesystem *filesystem)
{
    if (filesystem == NULL)
        return;
    filesystem_end_requests(filesystem);
    while (filesystem->files != NULL)
        open_file_free(filesystem->files);
    while (filesystem->directories != NULL)
        open_directory_free(filesystem->directories);
    listings_close(filesystem->listings);
    inodes_close(filesystem->inodes);
    free(filesystem);
}
