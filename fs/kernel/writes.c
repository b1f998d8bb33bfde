#include "fs/kernel/operations.h"
#include "fs/tree/control.h"
#include "fs/tree/paths.h"

#include <stdio.h>
#include <string.h>

static void outcome_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct waiting *waiting = context;
    struct aq_error error = *refused;
    const struct aq_outcome *outcome = answer;
    if (answer != NULL && type != AQ_MSG_OUTCOME)
        (void)aq_fail(&error, AQ_E_INTERNAL, "the controller answered something else");
    else if (answer != NULL && strcmp(outcome->error, aq_error_name(AQ_OK)) != 0)
        (void)aq_fail(&error, aq_error_from_name(outcome->error), "%s", outcome->message);
    if (waiting->request == NULL) {
        waiting_end(waiting); /* whoever interrupted it has been told */
        return;
    }
    if (error.code == AQ_OK) {
        open_file_answer(waiting->file, outcome, waiting->offset + waiting->size);
        if (settling_begin(waiting, outcome))
            return;
        fuse_reply_write(waiting->request, waiting->size);
    } else {
        fuse_reply_err(waiting->request, fileview_complain(waiting->view, waiting->uid, waiting->doing, &error));
    }
    waiting_end(waiting);
}

/* Hands the packed command to the controller. The request is answered when its outcome is known. */
static void send_order(fuse_req_t request, struct open_file *file, const char *author, const struct aq_buffer *packed,
                       const char *doing, uint64_t offset, size_t size)
{
    struct fileview *view = view_of(request);
    struct aq_error error = {0};
    const struct aq_order order = {.author = author,
                                   .command = file->node.command->code,
                                   .record = {(const unsigned char *)packed->data, packed->length}};
    struct waiting *waiting = waiting_add(view, request, file);
    if (waiting == NULL)
        return;
    waiting->for_outcome = true;
    waiting->offset = offset;
    waiting->size = size;
    snprintf(waiting->doing, sizeof waiting->doing, "%s", doing);
    if (questions_ask(view->questions, AQ_MSG_ORDER, &order, (unsigned)view->config->answer_after * 1000, outcome_done,
                      waiting, &error) != 0)
        outcome_done(waiting, &error, AQ_MSG_NONE, NULL);
}

void operation_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *info)
{
    struct open_file *file = open_file_of(info);
    struct fileview *view = view_of(request);
    struct look look;
    struct aq_error error = {0};
    struct aq_buffer packed = {0};
    char path[110], doing[128], author[CALLER_NAME_SIZE];
    (void)number;
    aq_assert(file->node.command != NULL); /* or it would not have been opened for writing */
    if (look_begin(&look, view, file->uid, &error) != 0) {
        fuse_reply_err(request, fileview_complain(view, file->uid, "writing", &error));
        return;
    }
    tree_path(&look, &file->node, path, sizeof path);
    snprintf(doing, sizeof doing, "writing %s", path);
    snprintf(author, sizeof author, "%s", look.caller.name);
    bool known = look.caller.known;
    look_end(&look);
    if (!known)
        (void)aq_fail(&error, AQ_E_FORBIDDEN, "uid %u is no user of this cluster", (unsigned)file->uid);
    else if (control_read(file->node.command, file->node.key, data, size, &packed, &error) == 0)
        send_order(request, file, author, &packed, doing, (uint64_t)offset, size);
    if (error.code != AQ_OK)
        fuse_reply_err(request, fileview_complain(view, file->uid, doing, &error));
    aq_buffer_free(&packed);
}
