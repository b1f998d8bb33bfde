#include "fs/kernel/names.h"

#include "fs/kernel/request.h"
#include "fs/tree/content.h"
#include "fs/tree/paths.h"
#include "fs/tree/permits.h"
#include "fs/tree/tree.h"

#include <errno.h>

/* ---- names and attributes ----------------------------------------------------------------------------- */

/* How long the kernel may cache a name and its attributes. Only directories that always exist and look the same to
 * every caller are cached: every path goes through them. */
static double cache_seconds(const struct tree_node *node)
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

void operation_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct look look;
    struct tree_node node, child;
    struct aq_error error = {0};
    struct fuse_entry_param entry = {0};
    if (!request_node(request, parent, &node) || !request_look(request, &look))
        return;
    if (permits_pass(&look, &node, &error) != 0) {
        request_fail(request, &look, "looking into", &node, &error);
        return;
    }
    bool found = tree_find(&look, &node, name, &child) && content_stat(&look, &child, &entry.attr);
    look_end(&look);
    if (!found) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    struct inodes *inodes = filesystem_of(request)->inodes;
    entry.entry_timeout = entry.attr_timeout = cache_seconds(&child);
    entry.ino = entry.attr.st_ino = inodes_hold(inodes, &child);
    if (fuse_reply_entry(request, &entry) != 0)
        inodes_forget(inodes, entry.ino, 1); /* interrupted: the kernel does not hold it */
}

void operation_forget(fuse_req_t request, fuse_ino_t number, uint64_t count)
{
    inodes_forget(filesystem_of(request)->inodes, number, count);
    fuse_reply_none(request);
}

void operation_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        inodes_forget(filesystem_of(request)->inodes, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(request);
}

static void reply_attributes(fuse_req_t request, fuse_ino_t number, const struct tree_node *node, struct look *look)
{
    struct stat stat;
    bool found = content_stat(look, node, &stat);
    look_end(look);
    stat.st_ino = number;
    if (found)
        fuse_reply_attr(request, &stat, cache_seconds(node));
    else
        fuse_reply_err(request, ENOENT);
}

void operation_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct look look;
    struct tree_node node;
    (void)info;
    if (request_node(request, number, &node) && request_look(request, &look))
        reply_attributes(request, number, &node, &look);
}

/* Shells truncate control files and cp sets their times: both succeed without an effect. */
void operation_setattr(fuse_req_t request, fuse_ino_t number, struct stat *wanted, int what,
                       struct fuse_file_info *info)
{
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    (void)wanted;
    (void)info;
    if (!request_node(request, number, &node) || !request_look(request, &look))
        return;
    if (tree_node_is_control(&node) && !(what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))) {
        reply_attributes(request, number, &node, &look);
        return;
    }
    (void)aq_fail(&error, AQ_E_FORBIDDEN, "owner, mode, size and times cannot be set: they follow from the cluster");
    request_fail(request, &look, "changing", &node, &error);
}

void operation_readlink(fuse_req_t request, fuse_ino_t number)
{
    struct look look;
    struct tree_node node;
    AQ_CLEANUP_BUFFER struct aq_buffer target = {0};
    if (!request_node(request, number, &node) || !request_look(request, &look))
        return;
    bool found = tree_link(&look, &node, &target);
    look_end(&look);
    if (found)
        fuse_reply_readlink(request, aq_buffer_string(&target));
    else
        fuse_reply_err(request, ENOENT);
}

/* ---- operations that always fail ---------------------------------------------------------------------- */

static void refuse_change(fuse_req_t request, fuse_ino_t parent, const char *verb, enum aq_error_code code,
                          const char *why)
{
    struct look look;
    struct tree_node node;
    struct aq_error error = {0};
    if (!request_node(request, parent, &node) || !request_look(request, &look))
        return;
    (void)aq_fail(&error, code, "%s", why);
    request_fail(request, &look, verb, &node, &error);
}

#define BY_COMMAND "names follow from the cluster: write to a file new or delete instead"

/* Fails with ENOENT, as in /proc: the name does not exist and cannot be created. */
void operation_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *info)
{
    (void)name;
    (void)mode;
    (void)info;
    refuse_change(request, parent, "creating a file in", AQ_E_NOT_FOUND,
                  "there is no file of this name, and none can be created");
}

void operation_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    (void)name;
    (void)mode;
    (void)device;
    refuse_change(request, parent, "creating a file in", AQ_E_FORBIDDEN, BY_COMMAND);
}

void operation_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)name;
    (void)mode;
    refuse_change(request, parent, "creating a directory in", AQ_E_FORBIDDEN, BY_COMMAND);
}

void operation_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    (void)name;
    refuse_change(request, parent, "removing from", AQ_E_FORBIDDEN, BY_COMMAND);
}

void operation_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    (void)name;
    refuse_change(request, parent, "creating a link in", AQ_E_FORBIDDEN, BY_COMMAND);
}

void operation_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    (void)number;
    (void)name;
    refuse_change(request, parent, "creating a link in", AQ_E_FORBIDDEN, BY_COMMAND);
}

void operation_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t other, const char *other_name,
                      unsigned flags)
{
    (void)name;
    (void)other;
    (void)other_name;
    (void)flags;
    refuse_change(request, parent, "renaming in", AQ_E_FORBIDDEN, BY_COMMAND);
}
