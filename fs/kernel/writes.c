#include "fs/kernel/writes.h"

#include "fs/kernel/openfile.h"
#include "fs/kernel/request.h"
#include "fs/kernel/settling.h"
#include "fs/link/questions.h"
#include "fs/tree/control.h"
#include "fs/tree/paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct waiting_write {
    struct waiting waiting;
    struct filesystem *filesystem;
    struct open_file *file; /* open as long as the request has no answer */
    uid_t uid;
    uint64_t offset;
    size_t size;
    char doing[128]; /* for /errors/last */
    struct settling settling;
};

/* ---- settling ----------------------------------------------------------------------------------------- */

static void reply_written(struct waiting *waiting)
{
    const struct waiting_write *write = (const struct waiting_write *)waiting;
    fuse_reply_write(waiting->request, write->size);
}

void writes_work(struct filesystem *filesystem)
{
    if (!writes_are_settling(filesystem))
        return;
    for (struct waiting *waiting = filesystem->waiting.first, *next; waiting != NULL; waiting = next) {
        const struct waiting_write *write = (const struct waiting_write *)waiting;
        next = waiting->next;
        if (waiting->kind == WAITING_TO_SETTLE && settling_is_over(&write->settling, filesystem->sources->state)) {
            reply_written(waiting);
            waiting_end(waiting);
        }
    }
}

bool writes_are_settling(const struct filesystem *filesystem)
{
    return filesystem->waiting.counts[WAITING_TO_SETTLE] > 0;
}

/* ---- the controller's answer -------------------------------------------------------------------------- */

/* Most writers do not read the answer: what they should know is in errors/last, too. */
static void note_warnings(const struct waiting_write *write, const char *warnings)
{
    struct aq_error note = {.code = AQ_OK};
    size_t length = strlen(warnings);
    if (length == 0)
        return;
    snprintf(note.message, sizeof note.message, "%.*s", (int)(length - 1), warnings); /* without the last line break */
    filesystem_complain(write->filesystem, write->uid, write->doing, &note);
}

/* Answers the request, or lets it wait for what it made to settle. */
static void finish_write(struct waiting_write *write, const struct aq_outcome *outcome)
{
    struct filesystem *filesystem = write->filesystem;
    note_warnings(write, outcome->warnings);
    open_file_answer(write->file, outcome, write->offset + write->size);
    if (settling_begin(&write->settling, filesystem->sources->state, write->file->node.command, outcome->id,
                       filesystem->config->settle_ms)) {
        waiting_change(&write->waiting, WAITING_TO_SETTLE, reply_written); /* if it is cancelled, it is done anyway */
        return;
    }
    reply_written(&write->waiting);
    waiting_end(&write->waiting);
}

/* Complains of the error, and returns its errno. bash's own printf writes two lines by two writes, and whoever typed
 * them may have meant one command. */
static int refuse_write(struct filesystem *filesystem, const struct open_file *file, const char *doing,
                        const struct aq_error *error)
{
    struct aq_error told = *error;
    if (file->acted)
        (void)aq_fail(&told, error->code,
                      "%s (what was written before it was a command by itself, and was carried out)", error->message);
    return filesystem_complain(filesystem, file->uid, doing, &told);
}

static void outcome_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct waiting_write *write = context;
    struct aq_error error = *refused;
    const struct aq_outcome *outcome = answer;
    write->waiting.asked = false;
    if (write->waiting.request == NULL) { /* cancelled */
        waiting_end(&write->waiting);
        return;
    }
    if (answer != NULL && type != AQ_MSG_OUTCOME)
        (void)aq_fail(&error, AQ_E_INTERNAL, "the controller sent an answer of the wrong type");
    else if (answer != NULL && strcmp(outcome->error, aq_error_name(AQ_OK)) != 0)
        (void)aq_fail(&error, aq_error_from_name(outcome->error), "%s", outcome->message);
    if (error.code == AQ_OK) {
        finish_write(write, outcome);
        return;
    }
    fuse_reply_err(write->waiting.request, refuse_write(write->filesystem, write->file, write->doing, &error));
    waiting_end(&write->waiting);
}

static void cancel_write(struct waiting *waiting)
{
    const struct waiting_write *write = (const struct waiting_write *)waiting;
    struct aq_error error = {0};
    (void)aq_fail(&error, AQ_E_UNKNOWN,
                  "interrupted before the controller answered: the command may still be carried out");
    filesystem_complain(write->filesystem, write->uid, write->doing, &error);
    fuse_reply_err(waiting->request, EINTR);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* Sends the packed command to the controller. The request is answered when the outcome is known. */
static void send_command(fuse_req_t request, struct open_file *file, const char *author, const struct aq_buffer *packed,
                         const char *doing, uint64_t offset, size_t size)
{
    struct filesystem *filesystem = filesystem_of(request);
    struct aq_error error = {0};
    const struct aq_order order = {.author = author,
                                   .command = file->node.command->code,
                                   .record = {(const unsigned char *)packed->data, packed->length}};
    struct waiting_write *write =
        waiting_add(&filesystem->waiting, request, WAITING_FOR_OUTCOME, sizeof *write, cancel_write);
    if (write == NULL)
        return;
    write->filesystem = filesystem;
    write->file = file;
    write->uid = file->uid;
    write->offset = offset;
    write->size = size;
    snprintf(write->doing, sizeof write->doing, "%s", doing);
    write->waiting.asked = true;
    if (questions_ask(filesystem->questions, AQ_MSG_ORDER, &order, (unsigned)filesystem->config->answer_after * 1000,
                      outcome_done, write, &error) != 0)
        outcome_done(write, &error, AQ_MSG_NONE, NULL);
}

/* A text that comes in pieces or line by line is refused from the first of them to the last, with the first reason: the
 * rest of it may hold what would be a command by itself. */
static int read_write(struct open_file *file, const char *project, const char *data, size_t size,
                      struct aq_buffer *packed, struct aq_error *error)
{
    if (file->in_part.code != AQ_OK)
        return aq_fail(error, file->in_part.code, "%s; nothing more is taken before the file is opened again",
                       file->in_part.message);
    int status = control_read(file->node.command, file->node.key, project, data, size, packed, error);
    if (status != 0 && control_is_part(data, size))
        file->in_part = *error;
    return status;
}

void operation_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *info)
{
    struct open_file *file = open_file_of(info);
    struct filesystem *filesystem = filesystem_of(request);
    struct look look;
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    char path[110], doing[128], author[AQ_NAME_MAX + 1];
    (void)number;
    aq_assert(file->node.command != NULL); /* otherwise it could not have been opened for writing */
    if (!request_look_as(request, file->uid, &look))
        return;
    int status = caller_check_known(&look.caller, &error);
    tree_path(&look, &file->node, path, sizeof path);
    snprintf(doing, sizeof doing, "writing %s", path);
    snprintf(author, sizeof author, "%s", look.caller.as.name);
    look_end(&look);
    if (status == 0)
        status = read_write(file, filesystem->sources->project, data, size, &packed, &error);
    if (status == 0)
        send_command(request, file, author, &packed, doing, (uint64_t)offset, size);
    else
        fuse_reply_err(request, refuse_write(filesystem, file, doing, &error));
}
