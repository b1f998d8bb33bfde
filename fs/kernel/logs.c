#include "fs/kernel/logs.h"

#include "fs/kernel/openfile.h"
#include "fs/kernel/request.h"
#include "fs/link/questions.h"
#include "fs/tree/content.h"
#include "fs/tree/outputs.h"
#include "schema/base/clock.h"
#include "schema/model/resource.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FETCH_MS = 6000,
    PIECE_BYTES = 256 << 10,
    UNPLACED_BYTES = 1 << 20, /* as much as an answer has, if its place in the output is not known */
    END_AGAIN_MS = 2000,      /* between two questions for the end of an output */
    ENDS_TURN = 16,           /* such questions in one turn */
};

static int ask_for(struct filesystem *filesystem, const struct aq_fetch *fetch, question_done_fn *done, void *context,
                   struct aq_error *error)
{
    return questions_ask(filesystem->questions, AQ_MSG_FETCH, fetch, FETCH_MS, done, context, error);
}

/* Returns the answer, and remembers what it says. NULL: `error` says why there is none. */
static const struct aq_fetched *take_answer(struct filesystem *filesystem, uint64_t resource,
                                            const struct aq_error *refused, enum aq_message_type type,
                                            const void *answer, struct aq_error *error)
{
    const struct aq_fetched *fetched = answer;
    *error = *refused;
    if (answer != NULL && type != AQ_MSG_FETCHED)
        (void)aq_fail(error, AQ_E_INTERNAL, "the controller sent an answer of the wrong type");
    else if (answer != NULL && strcmp(fetched->error, aq_error_name(AQ_OK)) != 0)
        (void)aq_fail(error, aq_error_from_name(fetched->error), "%s", fetched->message);
    if (error->code != AQ_OK)
        return NULL;
    struct aq_extent extent = fetched->extent;
    if (!extent.known) /* at least its size is right while it is open */
        extent = (struct aq_extent){.known = true, .end = fetched->data.length};
    outputs_note(filesystem->sources->outputs, resource, &extent);
    return fetched;
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* It owns the file, since the kernel does not know it yet. */
struct waiting_open {
    struct waiting waiting;
    struct filesystem *filesystem;
    struct open_file *file;
    struct fuse_file_info info;
    char doing[LOGS_DOING_SIZE];
};

static void cancel_open(struct waiting *waiting)
{
    open_file_free(((struct waiting_open *)waiting)->file);
    fuse_reply_err(waiting->request, EINTR);
}

static void begin_reading(struct open_file *file, const struct aq_fetched *fetched)
{
    const struct aq_extent *extent = &fetched->extent;
    aq_buffer_add(&file->content, fetched->data.data, fetched->data.length);
    file->output = (struct open_output){.placed = extent->known, .piece = extent->start, .end = extent->end};
    file->output.begin = file->node.base == OUTPUT_ENDED ? extent->first : file->node.base;
    file->output.most = extent->end;
}

static void open_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct waiting_open *open = context;
    struct open_file *file = open->file;
    struct filesystem *filesystem = open->filesystem;
    struct aq_error error;
    if (open->waiting.request == NULL) { /* cancelled */
        waiting_end(&open->waiting);
        return;
    }
    const struct aq_fetched *fetched = take_answer(filesystem, file->node.resource, refused, type, answer, &error);
    if (fetched != NULL)
        begin_reading(file, fetched);
    if (fetched != NULL && open_file_charge(file, &error) == 0) {
        open_file_reply(open->waiting.request, &open->info, file);
    } else {
        int number = filesystem_complain(filesystem, file->uid, open->doing, &error);
        fuse_reply_err(open->waiting.request, number == EROFS ? EIO : number); /* EROFS is for writes */
        open_file_free(file);
    }
    waiting_end(&open->waiting);
}

void logs_open(fuse_req_t request, const struct fuse_file_info *info, struct open_file *file, const char *doing)
{
    struct filesystem *filesystem = filesystem_of(request);
    struct aq_error error = {0};
    const struct aq_fetch fetch = {.resource = file->node.resource,
                                   .size = UNPLACED_BYTES,
                                   .onward = true,
                                   .after = file->node.base == OUTPUT_ENDED ? 0 : file->node.base};
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
    snprintf(open->doing, sizeof open->doing, "%s", doing);
    if (ask_for(filesystem, &fetch, open_done, open, &error) != 0)
        open_done(open, &error, AQ_MSG_NONE, NULL);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

struct waiting_read {
    struct waiting waiting;
    struct filesystem *filesystem;
    struct open_file *file; /* open as long as the request has no answer */
    uint64_t resource, offset;
    size_t size;
};

static void cancel_read(struct waiting *waiting)
{
    fuse_reply_err(waiting->request, EINTR);
}

/* How many of the bytes that are wanted, up to where the file ends, the file's piece holds from the offset on. */
static size_t held_bytes(const struct open_file *file, size_t wanted, uint64_t offset)
{
    const struct open_output *output = &file->output;
    uint64_t position = output->begin + offset, at = position - output->piece;
    if (position < output->piece || at >= file->content.length)
        return 0;
    return file->content.length - at < wanted ? (size_t)(file->content.length - at) : wanted;
}

static size_t wanted_bytes(const struct open_file *file, size_t size, uint64_t offset)
{
    const struct open_output *output = &file->output;
    uint64_t position = output->begin + offset;
    uint64_t left = output->most > position ? output->most - position : 0;
    return left < size ? (size_t)left : size;
}

/* A descriptor that follows holds nothing while it waits. */
static void drop_piece(struct open_file *file)
{
    struct aq_error never; /* it becomes less */
    aq_buffer_free(&file->content);
    int failed = open_file_charge(file, &never);
    (void)failed;
}

static void answer_from_piece(fuse_req_t request, struct open_file *file, size_t size, uint64_t offset)
{
    size_t length = held_bytes(file, wanted_bytes(file, size, offset), offset);
    const char *data = length > 0 ? file->content.data + (file->output.begin + offset - file->output.piece) : NULL;
    file->output.ended = length == 0;
    file->next_offset = offset + length;
    fuse_reply_buf(request, data, length);
    if (file->output.ended)
        drop_piece(file);
}

/* Bytes were dropped that a descriptor reads on to: it goes on after a line that says so. At the beginning of the file
 * there is nothing to say: it begins with what is kept. */
static void skip_dropped(struct open_file *file, uint64_t offset, uint64_t start)
{
    struct open_output *output = &file->output;
    const uint64_t dropped = start - (output->begin + offset);
    if (offset > 0)
        aq_buffer_format(&file->content, "[aquarium: %" PRIu64 " bytes of output were dropped here]\n", dropped);
    output->piece = start - file->content.length;
    output->most = output->most > start ? output->most : start;
    output->begin = output->piece - offset;
}

static int take_piece(struct open_file *file, const struct aq_fetched *fetched, uint64_t offset, struct aq_error *error)
{
    struct open_output *output = &file->output;
    const struct aq_extent *extent = &fetched->extent;
    if (!extent->known)
        return aq_fail(error, AQ_E_STATE, "the node no longer knows where this is in the output: open it again");
    aq_buffer_reset(&file->content);
    output->end = extent->end > output->end ? extent->end : output->end;
    output->piece = extent->start;
    if (extent->start > output->begin + offset && offset != file->next_offset)
        return aq_fail(error, AQ_E_NOT_FOUND, "these bytes of the output were dropped");
    if (extent->start > output->begin + offset)
        skip_dropped(file, offset, extent->start);
    aq_buffer_add(&file->content, fetched->data.data, fetched->data.length);
    return open_file_charge(file, error);
}

/* What time may mend is EAGAIN, after which `tail -f` goes on: no controller, or no agent, for now. */
static int errno_of(struct filesystem *filesystem, const struct open_file *file, const struct aq_error *error)
{
    bool passes = error->code == AQ_E_BUSY || error->code == AQ_E_NO_LEADER || error->code == AQ_E_UNKNOWN ||
                  error->code == AQ_E_STATE;
    int number = filesystem_complain(filesystem, file->uid, "reading the output of a workload", error);
    return passes ? EAGAIN : number;
}

static void read_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct waiting_read *read = context;
    struct aq_error error;
    const struct aq_fetched *fetched = take_answer(read->filesystem, read->resource, refused, type, answer, &error);
    fuse_req_t request = read->waiting.request;
    if (request == NULL) { /* cancelled: the file may be closed */
        waiting_end(&read->waiting);
        return;
    }
    if (fetched == NULL || take_piece(read->file, fetched, read->offset, &error) != 0)
        fuse_reply_err(request, errno_of(read->filesystem, read->file, &error));
    else
        answer_from_piece(request, read->file, read->size, read->offset);
    waiting_end(&read->waiting);
}

static uint64_t known_end(const struct filesystem *filesystem, const struct open_file *file)
{
    const struct known_output known = outputs_find(filesystem->sources->outputs, file->node.resource);
    return known.placed && known.end > file->output.end ? known.end : file->output.end;
}

static void fetch_piece(fuse_req_t request, struct open_file *file, size_t size, uint64_t offset)
{
    struct filesystem *filesystem = filesystem_of(request);
    struct aq_error error = {0};
    const struct aq_fetch fetch = {.resource = file->node.resource,
                                   .size = size > PIECE_BYTES ? size : PIECE_BYTES,
                                   .onward = true,
                                   .after = file->output.begin + offset};
    struct waiting_read *read =
        waiting_add(&filesystem->waiting, request, WAITING_FOR_CONTENT, sizeof *read, cancel_read);
    if (read == NULL)
        return;
    read->waiting.asked = true;
    read->filesystem = filesystem;
    read->file = file;
    read->resource = file->node.resource;
    read->offset = offset;
    read->size = size;
    if (ask_for(filesystem, &fetch, read_done, read, &error) != 0)
        read_done(read, &error, AQ_MSG_NONE, NULL);
}

void logs_read(fuse_req_t request, struct open_file *file, size_t size, uint64_t offset)
{
    struct open_output *output = &file->output;
    const char *data = NULL;
    size_t length;
    if (!output->placed) {
        open_file_read(file, offset, size, &data, &length);
        fuse_reply_buf(request, data, length);
        return;
    }
    if (output->ended || offset != file->next_offset)
        output->most = known_end(filesystem_of(request), file);
    size = size < UNPLACED_BYTES ? size : UNPLACED_BYTES;
    size_t wanted = wanted_bytes(file, size, offset);
    if (held_bytes(file, wanted, offset) == wanted)
        answer_from_piece(request, file, size, offset);
    else /* programs take a short read for the end of a file */
        fetch_piece(request, file, size, offset);
}

/* ---- waiting for more --------------------------------------------------------------------------------- */

bool logs_has_more(const struct filesystem *filesystem, const struct open_file *file)
{
    const struct known_output known = outputs_find(filesystem->sources->outputs, file->node.resource);
    return !file->output.placed || known.complete ||
           file->output.begin + file->next_offset < known_end(filesystem, file);
}

struct end_question {
    struct filesystem *filesystem;
    uint64_t resource;
};

static void end_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct end_question *question = context;
    struct aq_error ignored;
    (void)take_answer(question->filesystem, question->resource, refused, type, answer, &ignored);
    free(question);
}

/* Heartbeats do not tell the end of an output that has ended. */
static void ask_for_end(struct filesystem *filesystem, struct open_file *file)
{
    struct aq_error ignored;
    const struct aq_fetch fetch = {.resource = file->node.resource, .size = 1};
    struct end_question *question = aq_malloc(sizeof *question);
    *question = (struct end_question){filesystem, file->node.resource};
    file->output.end_asked_ms = aq_clock_ms();
    if (ask_for(filesystem, &fetch, end_done, question, &ignored) != 0)
        free(question);
}

static bool needs_end(const struct filesystem *filesystem, const struct open_file *file, struct state_txn *txn)
{
    const struct open_output *output = &file->output;
    struct state_key key = state_key_number(file->node.resource);
    return output->placed && !outputs_find(filesystem->sources->outputs, file->node.resource).complete &&
           aq_clock_ms() >= output->end_asked_ms + END_AGAIN_MS && !state_exists(txn, &aq_entity_resource, &key);
}

void logs_work(struct filesystem *filesystem)
{
    struct state_txn *txn = NULL;
    struct aq_error ignored;
    unsigned asked = 0;
    for (struct open_file *file = filesystem->files; file != NULL; file = file->next) {
        if (!content_is_fetched(&file->node))
            continue;
        if (file->poll != NULL && logs_has_more(filesystem, file)) {
            waker_notify(filesystem->waker, file->poll);
            file->poll = NULL;
        }
        if (txn == NULL && state_read(filesystem->sources->state, &txn, &ignored) != 0)
            return;
        if (asked < ENDS_TURN && needs_end(filesystem, file, txn)) {
            ask_for_end(filesystem, file);
            asked++;
        }
    }
    state_end(txn);
}
