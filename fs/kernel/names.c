#include "fs/kernel/operations.h"
#include "fs/tree/content.h"
#include "fs/tree/paths.h"
#include "fs/tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPEN_BYTES_MAX = 512 << 20, /* of all that is open */
    USER_BYTES_MAX = 192 << 20, /* of what one user has open: nobody takes it from all others */
};

/* ---- shared ------------------------------------------------------------------------------------------- */

struct fileview *view_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

bool operation_begin(fuse_req_t request, struct look *look)
{
    struct aq_error error = {0};
    if (look_begin(look, view_of(request), fuse_req_ctx(request)->uid, &error) == 0)
        return true;
    aq_journal(AQ_WARN, "the tables cannot be read", "error", error.message, NULL);
    fuse_reply_err(request,
                   fileview_complain(view_of(request), fuse_req_ctx(request)->uid, "reading the tables", &error));
    return false;
}

void operation_fail(fuse_req_t request, struct look *look, const char *verb, const struct tree_node *node,
                    const struct aq_error *error)
{
    char doing[256] = "", path[220];
    tree_path(look, node, path, sizeof path);
    snprintf(doing, sizeof doing, "%s %s", verb, path);
    int number = fileview_complain(look->view, look->caller.uid, doing, error);
    look_end(look);
    fuse_reply_err(request, number);
}

int operation_permit(const struct look *look, const struct tree_node *node, struct aq_error *error)
{
    if (node->kind == TREE_EVENTS && !look->caller.admin)
        return aq_fail(error, AQ_E_FORBIDDEN, "events are for users with the role admin");
    if (look->caller.known || node->kind == TREE_ROOT || node->kind == TREE_README || node->kind == TREE_ERRORS ||
        node->kind == TREE_LAST_ERROR)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "uid %u (%s) is no user of this cluster", (unsigned)look->caller.uid,
                   look->caller.name[0] ? look->caller.name : "without a name");
}

/* The node, copied: the table of inodes may change under a pointer. False: the request has its answer. */
static bool node_of(fuse_req_t request, fuse_ino_t number, struct tree_node *node)
{
    const struct tree_node *found = inodes_find(view_of(request)->inodes, number);
    if (found == NULL) {
        fuse_reply_err(request, ESTALE);
        return false;
    }
    *node = *found;
    return true;
}

/* ---- names and attributes ----------------------------------------------------------------------------- */

static void operation_init(void *context, struct fuse_conn_info *connection)
{
    (void)context;
    connection->max_write = 256 << 10; /* a write that is too large arrives whole, and is refused whole */
    connection->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
    connection->want |= connection->capable & FUSE_CAP_ATOMIC_O_TRUNC;
}

/* For how long the kernel may take a name and its attributes as known: directories that are always there, and look the
 * same to everybody, are on the way to everything else. */
static double keep_s(const struct tree_node *node)
{
    switch (node->kind) {
    case TREE_ROOT:
    case TREE_ERRORS:
    case TREE_CLUSTER:
    case TREE_TABLE:
        return 1.0;
    default:
        return 0.0;
    }
}

static void operation_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct look look;
    struct tree_node node, child;
    struct aq_error error = {0};
    struct fuse_entry_param entry = {0};
    if (!node_of(request, parent, &node) || !operation_begin(request, &look))
        return;
    if (operation_permit(&look, &node, &error) != 0) {
        operation_fail(request, &look, "looking into", &node, &error);
        return;
    }
    bool found = tree_find(&look, &node, name, &child) && content_stat(&look, &child, &entry.attr);
    look_end(&look);
    if (!found) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    struct inodes *inodes = view_of(request)->inodes;
    entry.entry_timeout = entry.attr_timeout = keep_s(&child);
    entry.ino = entry.attr.st_ino = inodes_hold(inodes, &child);
    if (fuse_reply_entry(request, &entry) != 0)
        inodes_forget(inodes, entry.ino, 1); /* interrupted: the kernel does not hold it */
}

static void operation_forget(fuse_req_t request, fuse_ino_t number, uint64_t count)
{
    inodes_forget(view_of(request)->inodes, number, count);
    fuse_reply_none(request);
}

static void operation_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        inodes_forget(view_of(request)->inodes, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(request);
}

static void reply_attributes(fuse_req_t request, fuse_ino_t number, const struct tree_node *node, struct look *look)
{
    struct stat stat;
    bool found = content_stat(look, node, &stat);
    look_end(look);
    stat.st_ino = number;
    if (found)
        fuse_reply_attr(request, &stat, keep_s(node));
    else
        fuse_reply_err(request, ENOENT);
}

static void operation_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct look look;
    struct tree_node node;
    (void)info;
    if (node_of(request, number, &node) && operation_begin(request, &look))
        reply_attributes(request, number, &node, &look);
}

/* Truncating and touching a control file mean nothing: shells do the first, cp the second. */
static void operation_setattr(fuse_req_t request, fuse_ino_t number, struct stat *wanted, int what,
                              struct fuse_file_info *info)
{
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    (void)wanted;
    (void)info;
    if (!node_of(request, number, &node) || !operation_begin(request, &look))
        return;
    if (content_is_control(&node) && !(what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))) {
        reply_attributes(request, number, &node, &look);
        return;
    }
    (void)aq_fail(&error, AQ_E_FORBIDDEN, "owner, mode, size and times follow from the cluster's state");
    operation_fail(request, &look, "changing", &node, &error);
}

static void operation_readlink(fuse_req_t request, fuse_ino_t number)
{
    struct look look;
    struct tree_node node;
    struct aq_buffer target = {0};
    if (!node_of(request, number, &node) || !operation_begin(request, &look))
        return;
    bool found = tree_link(&look, &node, &target);
    look_end(&look);
    if (found)
        fuse_reply_readlink(request, aq_buffer_string(&target));
    else
        fuse_reply_err(request, ENOENT);
    aq_buffer_free(&target);
}

/* ---- directories -------------------------------------------------------------------------------------- */

struct open_directory {
    struct open_directory *next, **link; /* in view->directories */
    struct fileview *view;
    struct listing *listing; /* what it held when it was opened */
    uid_t uid;               /* whose it is */
    size_t charged;          /* in view->open_bytes: as if the listing were not shared */
};

static size_t held_by(const struct fileview *view, uid_t uid)
{
    size_t bytes = 0;
    for (const struct open_file *file = view->files; file != NULL; file = file->next_file)
        bytes += file->uid == uid ? file->charged : 0;
    for (const struct open_directory *directory = view->directories; directory != NULL; directory = directory->next)
        bytes += directory->uid == uid ? directory->charged : 0;
    return bytes;
}

/* What each user has is only counted when there is much. */
int operation_charge(struct fileview *view, uid_t uid, size_t bytes, struct aq_error *error)
{
    if (view->open_bytes + bytes > OPEN_BYTES_MAX)
        return aq_fail(error, AQ_E_LIMIT, "open files hold %zu MiB: close some", view->open_bytes >> 20);
    if (view->open_bytes + bytes > USER_BYTES_MAX && held_by(view, uid) + bytes > USER_BYTES_MAX)
        return aq_fail(error, AQ_E_LIMIT, "your open files hold %d MiB: close some", USER_BYTES_MAX >> 20);
    view->open_bytes += bytes;
    view->open_peak = view->open_peak > view->open_bytes ? view->open_peak : view->open_bytes;
    return 0;
}

void open_directory_free(struct open_directory *directory)
{
    *directory->link = directory->next;
    if (directory->next != NULL)
        directory->next->link = directory->link;
    directory->view->open_bytes -= directory->charged;
    listings_give_back(directory->view->listings, directory->listing, fileview_now_ms());
    free(directory);
}

/* NULL: it may not be listed, or there would be too much. */
static struct open_directory *open_directory_new(struct look *look, const struct tree_node *node, fuse_ino_t number,
                                                 struct aq_error *error)
{
    struct fileview *view = look->view;
    if (operation_permit(look, node, error) != 0)
        return NULL;
    struct listing *listing = listings_take(view->listings, look, node, number, error);
    if (listing == NULL)
        return NULL;
    size_t bytes = sizeof(struct open_directory) + listing_bytes(listing);
    if (operation_charge(view, look->caller.uid, bytes, error) != 0) {
        listings_give_back(view->listings, listing, fileview_now_ms());
        return NULL;
    }
    struct open_directory *directory = aq_calloc(1, sizeof *directory);
    *directory = (struct open_directory){.next = view->directories,
                                         .link = &view->directories,
                                         .view = view,
                                         .listing = listing,
                                         .uid = look->caller.uid,
                                         .charged = bytes};
    if (directory->next != NULL)
        directory->next->link = &directory->next;
    view->directories = directory;
    return directory;
}

static void operation_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    if (!node_of(request, number, &node) || !operation_begin(request, &look))
        return;
    struct open_directory *directory = open_directory_new(&look, &node, number, &error);
    if (directory == NULL) {
        operation_fail(request, &look, "listing", &node, &error);
        return;
    }
    look_end(&look);
    info->fh = (uintptr_t)directory;
    if (fuse_reply_open(request, info) != 0)
        open_directory_free(directory);
}

static void operation_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
                              struct fuse_file_info *info)
{
    const struct open_directory *directory = (const struct open_directory *)(uintptr_t)info->fh;
    const char *data;
    size_t length;
    (void)number;
    listing_read(directory->listing, (uint64_t)offset, size, &data, &length);
    fuse_reply_buf(request, data, length);
}

static void operation_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    open_directory_free((struct open_directory *)(uintptr_t)info->fh);
    fuse_reply_err(request, 0);
}

/* ---- what this tree refuses --------------------------------------------------------------------------- */

static void refuse(fuse_req_t request, fuse_ino_t parent, const char *verb, enum aq_error_code code, const char *why)
{
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    if (!node_of(request, parent, &node) || !operation_begin(request, &look))
        return;
    (void)aq_fail(&error, code, "%s", why);
    operation_fail(request, &look, verb, &node, &error);
}

#define BY_COMMAND "the tree follows from the cluster's state: things come and go by writing into new and delete"

/* As in /proc: a name that is not there cannot be made, so it is not there. */
static void operation_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                             struct fuse_file_info *info)
{
    (void)name;
    (void)mode;
    (void)info;
    refuse(request, parent, "making a file in", AQ_E_NOT_FOUND, "there is no file of this name, and none can be made");
}

static void operation_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    (void)name;
    (void)mode;
    (void)device;
    refuse(request, parent, "making a file in", AQ_E_FORBIDDEN, BY_COMMAND);
}

static void operation_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)name;
    (void)mode;
    refuse(request, parent, "making a directory in", AQ_E_FORBIDDEN, BY_COMMAND);
}

static void operation_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    (void)name;
    refuse(request, parent, "removing from", AQ_E_FORBIDDEN, BY_COMMAND);
}

static void operation_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    (void)name;
    refuse(request, parent, "making a link in", AQ_E_FORBIDDEN, BY_COMMAND);
}

static void operation_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    (void)number;
    (void)name;
    refuse(request, parent, "making a link in", AQ_E_FORBIDDEN, BY_COMMAND);
}

static void operation_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t other,
                             const char *other_name, unsigned flags)
{
    (void)name;
    (void)other;
    (void)other_name;
    (void)flags;
    refuse(request, parent, "renaming in", AQ_E_FORBIDDEN, BY_COMMAND);
}

const struct fuse_lowlevel_ops operations = {
    .init = operation_init,
    .lookup = operation_lookup,
    .forget = operation_forget,
    .forget_multi = operation_forget_multi,
    .getattr = operation_getattr,
    .setattr = operation_setattr,
    .readlink = operation_readlink,
    .opendir = operation_opendir,
    .readdir = operation_readdir,
    .releasedir = operation_releasedir,
    .open = operation_open,
    .read = operation_read,
    .write = operation_write,
    .poll = operation_poll,
    .release = operation_release,
    .create = operation_create,
    .mknod = operation_mknod,
    .mkdir = operation_mkdir,
    .unlink = operation_unlink,
    .rmdir = operation_unlink,
    .symlink = operation_symlink,
    .link = operation_link,
    .rename = operation_rename,
};
