#include "fs/kernel/opendir.h"

#include "fs/kernel/request.h"
#include "fs/tree/permits.h"
#include "schema/base/clock.h"

#include <stdlib.h>

struct open_directory {
    struct open_directory *next, **link; /* in filesystem->directories */
    struct filesystem *filesystem;
    struct listing *listing;
    struct budget_charge charge; /* of the whole listing, even if it is shared */
};

static struct open_directory *open_directory_of(const struct fuse_file_info *info)
{
    return (struct open_directory *)(uintptr_t)info->fh;
}

void open_directory_free(struct open_directory *directory)
{
    struct filesystem *filesystem = directory->filesystem;
    *directory->link = directory->next;
    if (directory->next != NULL)
        directory->next->link = directory->link;
    budget_release(&filesystem->budget, &directory->charge);
    listings_give_back(filesystem->listings, directory->listing, aq_clock_ms());
    free(directory);
}

/* NULL: the caller may not list it, or it holds too much. */
static struct open_directory *open_directory_new(struct filesystem *filesystem, struct look *look,
                                                 const struct tree_node *node, fuse_ino_t number,
                                                 struct aq_error *error)
{
    if (permits_read(look, node, error) != 0)
        return NULL;
    struct listing *listing = listings_take(filesystem->listings, look, node, number, error);
    if (listing == NULL)
        return NULL;
    struct open_directory *directory = aq_calloc(1, sizeof *directory);
    *directory = (struct open_directory){.next = filesystem->directories,
                                         .link = &filesystem->directories,
                                         .filesystem = filesystem,
                                         .listing = listing};
    if (directory->next != NULL)
        directory->next->link = &directory->next;
    filesystem->directories = directory;
    if (budget_charge(&filesystem->budget, &directory->charge, look->caller.uid,
                      sizeof *directory + listing_bytes(listing), error) == 0)
        return directory;
    open_directory_free(directory);
    return NULL;
}

void operation_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    if (!request_node(request, number, &node) || !request_look(request, &look))
        return;
    struct open_directory *directory = open_directory_new(filesystem_of(request), &look, &node, number, &error);
    if (directory == NULL) {
        request_fail(request, &look, "listing", &node, &error);
        return;
    }
    look_end(&look);
    info->fh = (uintptr_t)directory;
    if (fuse_reply_open(request, info) != 0)
        open_directory_free(directory); /* interrupted: the kernel will not release it */
}

void operation_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info)
{
    const char *data;
    size_t length;
    (void)number;
    listing_read(open_directory_of(info)->listing, (uint64_t)offset, size, &data, &length);
    fuse_reply_buf(request, data, length);
}

void operation_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    open_directory_free(open_directory_of(info));
    fuse_reply_err(request, 0);
}
