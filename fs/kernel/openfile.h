/* An open file: its content, fixed when it was opened, and the position of its reader. */
#ifndef AQ_FS_KERNEL_OPENFILE_H
#define AQ_FS_KERNEL_OPENFILE_H

#include "fs/kernel/budget.h"
#include "fs/link/eventfile.h"
#include "fs/tree/node.h"
#include "schema/wire/messages.h"

#include <fuse_lowlevel.h>

/* Where a descriptor of the output of a workload is. The content of its file is a piece of the output. */
struct open_output {
    bool placed;           /* the positions are known; else the content is all there is */
    uint64_t begin;        /* position of the file's first byte */
    uint64_t piece;        /* position of the content's first byte */
    uint64_t end;          /* of the output, as far as this descriptor knows */
    uint64_t most;         /* where it gets end of file */
    bool ended;            /* it got that */
    uint64_t end_asked_ms; /* when the end was asked for */
};

struct open_file {
    struct open_file *next, **link; /* in the list that it was added to */
    struct budget *budget;
    struct budget_charge charge;
    struct tree_node node;
    uid_t uid; /* of the process that opened it: its user is the author of writes from any process */

    struct aq_buffer content; /* after a write: the answer to it */
    uint64_t base;            /* the offset at which the content begins, for a reader that does not seek */
    uint64_t next_offset;     /* where such a reader goes on */
    bool acted;               /* a command was written, and carried out */
    struct aq_error in_part;  /* why a part of a text was refused, whose rest may follow; AQ_OK: none was */

    struct fuse_pollhandle *poll; /* of a process that polls it, if it can grow; NULL: none */
    struct eventfile_place place; /* of /events only */
    struct open_output output;    /* of outputs only */
};

/* Adds an open file, without content, to `list`. */
struct open_file *open_file_new(struct open_file **list, struct budget *budget, const struct tree_node *node,
                                uid_t uid);
void open_file_free(struct open_file *file);

/* Answers the request that opened the file. */
void open_file_reply(fuse_req_t request, struct fuse_file_info *info, struct open_file *file);

/* Charges the budget for what the file holds now; fails as budget_charge() does. */
int open_file_charge(struct open_file *file, struct aq_error *error) AQ_MUST_CHECK;

/* Finds the bytes at `offset`: a reader goes on after what it wrote or read, or seeks. */
void open_file_read(struct open_file *file, uint64_t offset, size_t size, const char **data, size_t *length);

/* The outcome of a write that ended at the offset `end` becomes the content. */
void open_file_answer(struct open_file *file, const struct aq_outcome *outcome, uint64_t end);

struct open_file *open_file_of(const struct fuse_file_info *info);

#endif
