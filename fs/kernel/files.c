#include "fs/kernel/operations.h"
#include "fs/kernel/waker.h"
#include "fs/tree/content.h"
#include "fs/tree/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FETCH_BYTES = 1 << 20, FETCH_MS = 6000 };

/* ---- open files --------------------------------------------------------------------------------------- */

struct open_file *open_file_of(const struct fuse_file_info *info)
{
    return (struct open_file *)(uintptr_t)info->fh;
}

static struct open_file *open_file_new(struct fileview *view, const struct tree_node *node, uid_t uid)
{
    struct open_file *file = aq_calloc(1, sizeof *file);
    *file = (struct open_file){.next_file = view->files, .link = &view->files, .node = *node, .uid = uid, .view = view};
    if (file->next_file != NULL)
        file->next_file->link = &file->next_file;
    view->files = file;
    file->place = eventfile_open(&view->eventfile);
    return file;
}

void open_file_free(struct open_file *file)
{
    *file->link = file->next_file;
    if (file->next_file != NULL)
        file->next_file->link = file->link;
    if (file->poll != NULL)
        fuse_pollhandle_destroy(file->poll);
    file->view->open_bytes -= file->charged;
    aq_buffer_free(&file->content);
    free(file);
}

/* Counts what the file holds now. */
static int charge(struct open_file *file, struct aq_error *error)
{
    size_t bytes = sizeof *file + file->content.capacity;
    file->view->open_bytes -= file->charged;
    file->charged = 0;
    if (operation_charge(file->view, file->uid, bytes, error) != 0)
        return -1;
    file->charged = bytes;
    return 0;
}

/* Whoever goes on behind what he wrote, or behind what he read, reads on in the answer; whoever seeks means the
 * answer's own offsets. */
void open_file_read(struct open_file *file, uint64_t offset, size_t size, const char **data, size_t *length)
{
    if (offset != file->next && offset < file->base)
        file->base = 0;
    uint64_t at = offset - file->base;
    *length = 0;
    if (at < file->content.length) {
        *data = file->content.data + at;
        *length = file->content.length - at < size ? (size_t)(file->content.length - at) : size;
    }
    file->next = offset + *length;
}

void open_file_answer(struct open_file *file, const struct aq_outcome *outcome, uint64_t end)
{
    aq_buffer_reset(&file->content);
    if (outcome->id[0] != '\0')
        aq_buffer_format(&file->content, "%s\n", outcome->id);
    if (outcome->token[0] != '\0')
        aq_buffer_format(&file->content, "token=%s\n", outcome->token);
    file->base = file->next = end;
}

/* ---- open --------------------------------------------------------------------------------------------- */

static void reply_open(fuse_req_t request, struct fuse_file_info *info, struct open_file *file)
{
    info->fh = (uintptr_t)file;
    info->direct_io = 1;
    if (fuse_reply_open(request, info) != 0)
        open_file_free(file); /* interrupted: the kernel will not release it */
}

static void fetch_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct waiting *waiting = context;
    struct open_file *file = waiting->file;
    struct aq_error error = *refused;
    const struct aq_fetched *fetched = answer;
    if (answer != NULL && type != AQ_MSG_FETCHED)
        (void)aq_fail(&error, AQ_E_INTERNAL, "the controller answered something else");
    else if (answer != NULL && strcmp(fetched->error, aq_error_name(AQ_OK)) != 0)
        (void)aq_fail(&error, aq_error_from_name(fetched->error), "%s", fetched->message);
    if (waiting->request == NULL) { /* interrupted; nobody else knows the file */
        waiting_end(waiting);
        return;
    }
    if (error.code == AQ_OK)
        aq_buffer_add(&file->content, fetched->data.data, fetched->data.length);
    if (error.code == AQ_OK && charge(file, &error) == 0) {
        reply_open(waiting->request, &waiting->info, file);
    } else {
        int number = fileview_complain(waiting->view, waiting->uid, waiting->doing, &error);
        fuse_reply_err(waiting->request, number == EROFS ? EIO : number); /* nobody wanted to write */
        open_file_free(file);
    }
    waiting_end(waiting);
}

/* A workload's log: its node is asked for it. */
static void open_fetched(fuse_req_t request, struct fuse_file_info *info, struct open_file *file, const char *path)
{
    struct fileview *view = view_of(request);
    struct aq_error error = {0};
    const struct aq_fetch fetch = {.resource = strtoull(file->node.key, NULL, 10), .size = FETCH_BYTES};
    struct waiting *waiting = waiting_add(view, request, file);
    if (waiting == NULL) {
        open_file_free(file);
        return;
    }
    waiting->info = *info;
    waiting->owns_file = true;
    snprintf(waiting->doing, sizeof waiting->doing, "opening %s", path);
    if (questions_ask(view->questions, AQ_MSG_FETCH, &fetch, FETCH_MS, fetch_done, waiting, &error) != 0)
        fetch_done(waiting, &error, AQ_MSG_NONE, NULL);
}

static int check_open(const struct look *look, const struct tree_node *node, int flags, struct aq_error *error)
{
    if (operation_permit(look, node, error) != 0)
        return -1;
    if ((flags & O_ACCMODE) != O_RDONLY && !content_is_control(node))
        return aq_fail(error, AQ_E_FORBIDDEN, "it only shows what is: there is no command that sets it");
    return 0;
}

void operation_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct look look;
    struct aq_error error = {0};
    const struct tree_node *node = inodes_find(view_of(request)->inodes, number);
    if (node == NULL) {
        fuse_reply_err(request, ESTALE);
        return;
    }
    if (!operation_begin(request, &look))
        return;
    struct open_file *file = open_file_new(look.view, node, look.caller.uid);
    bool plain = node->kind != TREE_EVENTS && !content_is_fetched(node) && (info->flags & O_ACCMODE) != O_WRONLY;
    if (check_open(&look, &file->node, info->flags, &error) != 0 ||
        (plain && content_write(&look, &file->node, &file->content, &error) != 0) || charge(file, &error) != 0) {
        operation_fail(request, &look, "opening", &file->node, &error);
        open_file_free(file);
        return;
    }
    char path[200];
    tree_path(&look, &file->node, path, sizeof path);
    look_end(&look);
    if (content_is_fetched(&file->node))
        open_fetched(request, info, file, path);
    else
        reply_open(request, info, file);
}

/* ---- read --------------------------------------------------------------------------------------------- */

/* Answers a read of /events. False: it has to wait. */
static bool answer_events(fuse_req_t request, struct open_file *file, uint64_t offset, size_t size)
{
    const char *data = NULL;
    size_t length = 0;
    switch (eventfile_read(&view_of(request)->eventfile, &file->place, offset, size, &data, &length)) {
    case EVENTFILE_WAIT:
        return false;
    case EVENTFILE_BEHIND:
        fuse_reply_err(request, ESTALE);
        return true;
    case EVENTFILE_BROKEN:
        fuse_reply_err(request, fileview_complain(file->view, file->uid, "reading /events", &file->view->event_damage));
        return true;
    default:
        fuse_reply_buf(request, data, length);
        return true;
    }
}

void operation_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct open_file *file = open_file_of(info);
    const char *data = NULL;
    size_t length;
    (void)number;
    if (file->node.kind != TREE_EVENTS) {
        open_file_read(file, (uint64_t)offset, size, &data, &length);
        fuse_reply_buf(request, data, length);
        return;
    }
    if (answer_events(request, file, (uint64_t)offset, size))
        return;
    /* However many wait for events, there is room for writes that wait for their outcome. */
    if (info->flags & O_NONBLOCK || view_of(request)->waiting_count >= WAITING_MAX / 2) {
        fuse_reply_err(request, EAGAIN);
        return;
    }
    struct waiting *waiting = waiting_add(view_of(request), request, file);
    if (waiting != NULL) {
        waiting->for_events = true;
        waiting->offset = (uint64_t)offset;
        waiting->size = size;
    }
}

/* ---- poll --------------------------------------------------------------------------------------------- */

void operation_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info, struct fuse_pollhandle *poll)
{
    struct open_file *file = open_file_of(info);
    (void)number;
    unsigned ready = POLLIN | POLLRDNORM;
    if (content_is_control(&file->node))
        ready |= POLLOUT | POLLWRNORM;
    if (file->node.kind == TREE_EVENTS && !eventfile_has_more(&view_of(request)->eventfile, &file->place))
        ready = 0;
    if (poll != NULL && file->node.kind == TREE_EVENTS) {
        if (file->poll != NULL)
            fuse_pollhandle_destroy(file->poll);
        file->poll = poll;
    } else if (poll != NULL) {
        fuse_pollhandle_destroy(poll); /* always ready: nothing to tell later */
    }
    fuse_reply_poll(request, ready);
}

void open_files_wake(struct fileview *view)
{
    for (struct waiting *waiting = view->waiting, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        if (waiting->for_events && answer_events(waiting->request, waiting->file, waiting->offset, waiting->size))
            waiting_end(waiting);
    }
    for (struct open_file *file = view->files; file != NULL; file = file->next_file)
        if (file->poll != NULL) {
            waker_notify(view->waker, file->poll);
            file->poll = NULL;
        }
}

void operation_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    open_file_free(open_file_of(info));
    fuse_reply_err(request, 0);
}
