/* What the kernel asks for, one function per kind of request. The files behind:
 *   names.c   lookup, stat, links, directories, and what this tree refuses
 *   files.c   open, read, poll, release
 *   writes.c  write: a command goes to the controller, its outcome comes back
 *   waiting.c requests that are answered later
 *   settling.c writes that wait a moment for what they made
 *
 * Attributes and names are not cached by the kernel (time-outs are 0, but for directories that are always there): what
 * is read is true now. Files are opened with direct I/O: each descriptor reads its own content, fixed when it was
 * opened. */
#ifndef AQ_FS_KERNEL_OPERATIONS_H
#define AQ_FS_KERNEL_OPERATIONS_H

#include "fs/fileview.h"
#include "fs/tree/look.h"

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops operations;

/* ---- open files --------------------------------------------------------------------------------------- */

struct open_file {
    struct open_file *next_file, **link; /* in view->files */
    struct tree_node node;
    uid_t uid; /* who opened it: what is written through it is his, whoever holds it now */

    struct fileview *view;
    struct aq_buffer content; /* fixed when it was opened; after a write, the answer to it */
    uint64_t base;            /* the offset at which the content begins for who goes on reading */
    uint64_t next;            /* where he goes on */
    size_t charged;           /* of it, in view->open_bytes */

    /* /events only */
    struct eventfile_place place;
    struct fuse_pollhandle *poll;
};

/* The bytes of `content` to be read at `offset`: behind what was written, or anywhere by seeking. */
void open_file_read(struct open_file *file, uint64_t offset, size_t size, const char **data, size_t *length);
void open_file_answer(struct open_file *file, const struct aq_outcome *outcome, uint64_t end);

struct open_file *open_file_of(const struct fuse_file_info *info);
void open_file_free(struct open_file *file);

/* Answers those who wait for events, or poll. */
void open_files_wake(struct fileview *view);

void open_directory_free(struct open_directory *directory);

/* ---- requests that are answered later ----------------------------------------------------------------- */

struct waiting {
    struct waiting *next, **link; /* in view->waiting */
    struct fileview *view;
    fuse_req_t request; /* NULL: it was interrupted, and has its answer */
    struct open_file *file;
    struct fuse_file_info info; /* of an open */
    uint64_t offset;
    size_t size;
    bool for_events;          /* a read at the end of /events */
    bool owns_file;           /* an open that is not answered: the kernel does not know the file yet */
    bool for_outcome;         /* a write: who interrupts it is told that it may still happen */
    uint64_t settle_until_ms; /* a write that is done: waits for what it made to settle; 0: no */
    char made[65];            /* its key */
    uid_t uid;
    char doing[128]; /* for /errors/last */
};

enum { WAITING_MAX = 8192 };

/* NULL: the request was interrupted already, or too many wait; it has its answer. */
struct waiting *waiting_add(struct fileview *view, fuse_req_t request, struct open_file *file);
void waiting_end(struct waiting *waiting); /* frees it; the request must have its answer */

/* settling.c: a write that is done may wait a moment for what it made to leave a passing state (aq_command). True: it
 * does, and settling_work() answers it. To be called when there is news, and at least each SETTLING_TICK_MS while
 * settling_any(). */
enum { SETTLING_TICK_MS = 20 };
bool settling_begin(struct waiting *waiting, const struct aq_outcome *outcome);
void settling_work(struct fileview *view);
void settling_end(struct waiting *waiting); /* answers it */
bool settling_any(const struct fileview *view);

void waiting_end_all(struct fileview *view); /* answers all with EINTR: the view is closing */

/* ---- shared ------------------------------------------------------------------------------------------- */

struct fileview *view_of(fuse_req_t request);

/* Counts bytes that stay while something is open. AQ_E_LIMIT: there would be too many, of this user or of all. */
int operation_charge(struct fileview *view, uid_t uid, size_t bytes, struct aq_error *error) AQ_MUST_CHECK;

/* Begins a look for the caller of the request. False: it has its answer, EIO. */
bool operation_begin(fuse_req_t request, struct look *look);

/* Answers with the error, and puts it where errors/last shows it. `verb`: "opening". Ends the look. */
void operation_fail(fuse_req_t request, struct look *look, const char *verb, const struct tree_node *node,
                    const struct aq_error *error);

/* May the caller look into this directory, or open this file at all? Who is no user of the cluster sees little. */
int operation_permit(const struct look *look, const struct tree_node *node, struct aq_error *error) AQ_MUST_CHECK;

/* files.c, writes.c */
void operation_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void operation_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info);
void operation_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void operation_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info, struct fuse_pollhandle *poll);
void operation_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *info);

#endif
