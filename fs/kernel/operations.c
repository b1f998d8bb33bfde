#include "fs/kernel/operations.h"

#include "fs/kernel/files.h"
#include "fs/kernel/names.h"
#include "fs/kernel/opendir.h"
#include "fs/kernel/writes.h"

static void operation_init(void *context, struct fuse_conn_info *connection)
{
    (void)context;
    connection->max_write = 256 << 10; /* so that a write that is too large arrives, and fails, as a whole */
    connection->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
    connection->want |= connection->capable & FUSE_CAP_ATOMIC_O_TRUNC;
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
