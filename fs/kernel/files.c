#include "fs/kernel/files.h"

#include "fs/kernel/logs.h"
#include "fs/kernel/openfile.h"
#include "fs/kernel/request.h"
#include "fs/link/eventfeed.h"
#include "fs/tree/content.h"
#include "fs/tree/outputs.h"
#include "fs/tree/paths.h"
#include "fs/tree/permits.h"
#include "schema/model/key.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

/* ---- opening ------------------------------------------------------------------------------------------ */

static int check_open(struct look *look, const struct tree_node *node, int flags, struct aq_error *error)
{
    const int access = flags & O_ACCMODE;
    struct owner owner;
    if (access != O_RDONLY && !tree_node_is_control(node))
        return aq_fail(error, AQ_E_FORBIDDEN, "this file is read-only: no command sets it");
    if ((access != O_WRONLY && permits_read(look, node, error) != 0) ||
        (access != O_RDONLY && permits_write(look, node, error) != 0))
        return -1;
    if (content_is_fetched(node) && !output_owner(look, node, &owner))
        return aq_key_not_found(node->entity, aq_key_name(node->key), error);
    return 0;
}

void operation_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct filesystem *filesystem = filesystem_of(request);
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    if (!request_node(request, number, &node) || !request_look(request, &look))
        return;
    struct open_file *file = open_file_new(&filesystem->files, &filesystem->budget, &node, look.caller.uid);
    bool filled = node.kind != TREE_EVENTS && !content_is_fetched(&node) && (info->flags & O_ACCMODE) != O_WRONLY;
    file->place = eventfile_open(eventfeed_file(filesystem->sources->feed));
    if (check_open(&look, &node, info->flags, &error) != 0 ||
        (filled && content_write(&look, &node, &file->content, &error) != 0) || open_file_charge(file, &error) != 0) {
        request_fail(request, &look, "opening", &node, &error);
        open_file_free(file);
        return;
    }
    char path[110], doing[LOGS_DOING_SIZE];
    tree_path(&look, &node, path, sizeof path);
    snprintf(doing, sizeof doing, "opening %s", path);
    look_end(&look);
    if (content_is_fetched(&node))
        logs_open(request, info, file, doing);
    else
        open_file_reply(request, info, file);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static void read_events(fuse_req_t request, struct open_file *file, size_t size, uint64_t offset)
{
    struct filesystem *filesystem = filesystem_of(request);
    const struct eventfeed *feed = filesystem->sources->feed;
    const char *data = NULL;
    size_t length = 0;
    switch (eventfile_read(eventfeed_file(feed), &file->place, offset, size, &data, &length)) {
    case EVENTFILE_BEHIND:
        fuse_reply_err(request, ESTALE);
        break;
    case EVENTFILE_BROKEN:
        fuse_reply_err(request, filesystem_complain(filesystem, file->uid, "reading /events", eventfeed_damage(feed)));
        break;
    default:
        fuse_reply_buf(request, data, length);
    }
}

/* What grows is read as long as the right lasts, and not as long as the file is open. */
static bool still_permitted(fuse_req_t request, const struct open_file *file)
{
    struct look look;
    struct aq_error error = {0};
    if (!request_look_as(request, file->uid, &look))
        return false;
    if (check_open(&look, &file->node, O_RDONLY, &error) != 0) {
        request_fail(request, &look, "reading", &file->node, &error);
        return false;
    }
    look_end(&look);
    return true;
}

void operation_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct open_file *file = open_file_of(info);
    const char *data = NULL;
    size_t length;
    (void)number;
    if ((file->node.kind == TREE_EVENTS || content_is_fetched(&file->node)) && !still_permitted(request, file))
        return;
    if (file->node.kind == TREE_EVENTS) {
        read_events(request, file, size, (uint64_t)offset);
        return;
    }
    if (content_is_fetched(&file->node)) {
        logs_read(request, file, size, (uint64_t)offset);
        return;
    }
    open_file_read(file, (uint64_t)offset, size, &data, &length);
    fuse_reply_buf(request, data, length);
}

/* ---- polling ------------------------------------------------------------------------------------------ */

void operation_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info, struct fuse_pollhandle *poll)
{
    struct open_file *file = open_file_of(info);
    const struct filesystem *filesystem = filesystem_of(request);
    bool is_events = file->node.kind == TREE_EVENTS, is_output = content_is_fetched(&file->node);
    (void)number;
    unsigned ready = POLLIN | POLLRDNORM;
    if (tree_node_is_control(&file->node))
        ready |= POLLOUT | POLLWRNORM;
    if ((is_events && !eventfile_has_more(eventfeed_file(filesystem->sources->feed), &file->place)) ||
        (is_output && !logs_has_more(filesystem, file)))
        ready = 0;
    if (poll != NULL && (is_events || is_output)) {
        if (file->poll != NULL)
            fuse_pollhandle_destroy(file->poll);
        file->poll = poll;
    } else if (poll != NULL) {
        fuse_pollhandle_destroy(poll); /* always ready: there will be nothing to notify */
    }
    fuse_reply_poll(request, ready);
}

void files_wake(struct filesystem *filesystem)
{
    for (struct open_file *file = filesystem->files; file != NULL; file = file->next)
        if (file->poll != NULL && file->node.kind == TREE_EVENTS) {
            waker_notify(filesystem->waker, file->poll);
            file->poll = NULL;
        }
}

void operation_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    open_file_free(open_file_of(info));
    fuse_reply_err(request, 0);
}
