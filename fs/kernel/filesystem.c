#include "fs/kernel/filesystem.h"

#include "fs/kernel/opendir.h"
#include "fs/kernel/openfile.h"

#include <stdlib.h>

static bool is_exempt(void *context, uid_t uid)
{
    struct filesystem *filesystem = context;
    struct look look;
    struct aq_error ignored;
    if (look_begin(&look, filesystem->sources, uid, &ignored) != 0)
        return false;
    const bool exempt =
        look.caller.known && aq_rights_scope(&look.caller.as.rights, filesystem->exceed) != AQ_SCOPE_NONE;
    look_end(&look);
    return exempt;
}

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
                                      .waker = waker_open(),
                                      .exceed = aq_permission_named("cluster.exceed")};
    aq_assert(filesystem->exceed != NULL);
    filesystem->throttle = throttle_new(is_exempt, filesystem);
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
    throttle_free(filesystem->throttle);
    listings_close(filesystem->listings);
    inodes_close(filesystem->inodes);
    free(filesystem);
}
