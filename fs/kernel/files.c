#include "fs/kernel/files.h"

#include "fs/kernel/openfile.h"
#include "fs/kernel/request.h"
#include "fs/link/eventfeed.h"
#include "fs/link/questions.h"
#include "fs/tree/content.h"
#include "fs/tree/paths.h"
#include "fs/tree/views.h"
#include "schema/model/key.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FETCH_BYTES = 1 << 20, FETCH_MS = 6000 };

/* ---- opening ------------------------------------------------------------------------------------------ */

static void reply_open(fuse_req_t request, struct fuse_file_info *info, struct open_file *file)
{
    info->fh = (uintptr_t)file;
    info->direct_io = 1;
    if (fuse_reply_open(request, info) != 0)
        open_file_free(file); /* interrupted: the kernel will not release it */
}

/* An open that waits for its content from the controller. It owns the file, since the kernel does not know it yet. */
struct waiting_open {
    struct waiting waiting;
    struct filesystem *filesystem;
    struct open_file *file;
    struct fuse_file_info info;
    char doing[128]; /* for /errors/last */
};

static void cancel_open(struct waiting *waiting)
{
    open_file_free(((struct waiting_open *)waiting)->file);
    fuse_reply_err(waiting->request, EINTR);
}

static void fetch_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct waiting_open *open = context;
    struct open_file *file = open->file;
    struct aq_error error = *refused;
    const struct aq_fetched *fetched = answer;
    if (open->waiting.request == NULL) { /* cancelled */
        waiting_end(&open->waiting);
        return;
    }
    if (answer != NULL && type != AQ_MSG_FETCHED)
        (void)aq_fail(&error, AQ_E_INTERNAL, "the controller sent an answer of the wrong type");
    else if (answer != NULL && strcmp(fetched->error, aq_error_name(AQ_OK)) != 0)
        (void)aq_fail(&error, aq_error_from_name(fetched->error), "%s", fetched->message);
    if (error.code == AQ_OK)
        aq_buffer_add(&file->content, fetched->data.data, fetched->data.length);
    if (error.code == AQ_OK && open_file_charge(file, &error) == 0) {
        reply_open(open->waiting.request, &open->info, file);
    } else {
        int number = filesystem_complain(open->filesystem, file->uid, open->doing, &error);
        fuse_reply_err(open->waiting.request, number == EROFS ? EIO : number); /* EROFS is for writes */
        open_file_free(file);
    }
    waiting_end(&open->waiting);
}

/* A workload's log: the controller asks its node for it. */
static void open_fetched(fuse_req_t request, struct fuse_file_info *info, struct open_file *file, uint64_t resource,
                         const char *path)
{
    struct filesystem *filesystem = filesystem_of(request);
    struct aq_error error = {0};
    const struct aq_fetch fetch = {.resource = resource, .size = FETCH_BYTES};
    struct waiting_open *open =
        waiting_add(&filesystem->waiting, request, WAITING_FOR_CONTENT, sizeof *open, cancel_open);
    if (open == NULL) {
        open_file_free(file);
        return;
    }
    open->waiting.asked = true;
    open->filesystem = filesystem;
    open->file = file;
    open->info = *info;
    snprintf(open->doing, sizeof open->doing, "opening %s", path);
    if (questions_ask(filesystem->questions, AQ_MSG_FETCH, &fetch, FETCH_MS, fetch_done, open, &error) != 0)
        fetch_done(open, &error, AQ_MSG_NONE, NULL);
}

static int find_output(struct look *look, const struct tree_node *node, uint64_t *resource, struct aq_error *error)
{
    const void *row = look_row(look, node->entity, node->key);
    if (row == NULL)
        return aq_key_not_found(node->entity, aq_key_name(node->key), error);
    *resource = tree_output_resource(node->entity, row, error);
    return *resource != 0 ? 0 : -1;
}

static int check_open(const struct look *look, const struct tree_node *node, int flags, struct aq_error *error)
{
    if (request_permit(look, node, error) != 0)
        return -1;
    if ((flags & O_ACCMODE) != O_RDONLY && !content_is_control(node))
        return aq_fail(error, AQ_E_FORBIDDEN, "this file is read-only: no command sets it");
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
    uint64_t resource = 0;
    file->place = eventfile_open(eventfeed_file(filesystem->sources->feed));
    if (check_open(&look, &node, info->flags, &error) != 0 ||
        (content_is_fetched(&node) && find_output(&look, &node, &resource, &error) != 0) ||
        (filled && content_write(&look, &node, &file->content, &error) != 0) || open_file_charge(file, &error) != 0) {
        request_fail(request, &look, "opening", &node, &error);
        open_file_free(file);
        return;
    }
    char path[200];
    tree_path(&look, &node, path, sizeof path);
    look_end(&look);
    if (content_is_fetched(&node))
        open_fetched(request, info, file, resource, path);
    else
        reply_open(request, info, file);
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

void operation_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct open_file *file = open_file_of(info);
    const char *data = NULL;
    size_t length;
    (void)number;
    if (file->node.kind == TREE_EVENTS) {
        read_events(request, file, size, (uint64_t)offset);
        return;
    }
    open_file_read(file, (uint64_t)offset, size, &data, &length);
    fuse_reply_buf(request, data, length);
}

/* ---- polling ------------------------------------------------------------------------------------------ */

void operation_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info, struct fuse_pollhandle *poll)
{
    struct open_file *file = open_file_of(info);
    bool is_events = file->node.kind == TREE_EVENTS;
    (void)number;
    unsigned ready = POLLIN | POLLRDNORM;
    if (content_is_control(&file->node))
        ready |= POLLOUT | POLLWRNORM;
    if (is_events && !eventfile_has_more(eventfeed_file(filesystem_of(request)->sources->feed), &file->place))
        ready = 0;
    if (poll != NULL && is_events) {
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
        if (file->poll != NULL) {
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
