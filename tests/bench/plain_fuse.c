/* A trivial file system, the baseline for the file view: a directory "applications" with 10,000 directories, each with
 * a file "status" of constant content. It uses the low-level interface, one thread, and the same caching as aq-fs: the
 * kernel keeps permanent entries for a second, asks for all others each time, and does not cache the contents of files.
 *
 *     plain_fuse MOUNT      until SIGTERM */
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 10000, TABLE = 2, ROWS = 10, FILES = ROWS + ENTRIES, ANSWER_MAX = 1 << 16 };

static const char content[] = "ALLOCATED\n";

static void fill(fuse_ino_t number, struct stat *stat)
{
    *stat = (struct stat){.st_ino = number, .st_mode = S_IFDIR | 0555, .st_nlink = 2};
    if (number >= FILES)
        *stat =
            (struct stat){.st_ino = number, .st_mode = S_IFREG | 0444, .st_nlink = 1, .st_size = sizeof content - 1};
}

static double keep_s(fuse_ino_t number)
{
    return number < ROWS ? 1.0 : 0.0;
}

static void take_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry = {0};
    unsigned long row = strtoul(name, NULL, 10);
    if (parent == FUSE_ROOT_ID && strcmp(name, "applications") == 0)
        entry.ino = TABLE;
    else if (parent == TABLE && row >= 1 && row <= ENTRIES)
        entry.ino = ROWS + row - 1;
    else if (parent >= ROWS && parent < FILES && strcmp(name, "status") == 0)
        entry.ino = parent + ENTRIES;
    if (entry.ino == 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    fill(entry.ino, &entry.attr);
    entry.entry_timeout = entry.attr_timeout = keep_s(entry.ino);
    fuse_reply_entry(request, &entry);
}

static void take_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct stat stat;
    (void)info;
    fill(number, &stat);
    fuse_reply_attr(request, &stat, keep_s(number));
}

static void take_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    info->direct_io = 1;
    fuse_reply_open(request, info);
}

static void take_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info)
{
    size_t length = sizeof content - 1, at = (size_t)offset < length ? (size_t)offset : length;
    (void)number, (void)info;
    fuse_reply_buf(request, content + at, length - at < size ? length - at : size);
}

static void take_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info)
{
    static char answer[ANSWER_MAX];
    size_t room = size < ANSWER_MAX ? size : ANSWER_MAX, used = 0;
    (void)info;
    for (size_t i = (size_t)offset; number == TABLE && i < ENTRIES; i++) {
        char name[16];
        struct stat stat = {.st_ino = ROWS + i, .st_mode = S_IFDIR};
        snprintf(name, sizeof name, "%zu", i + 1);
        size_t need = fuse_add_direntry(request, answer + used, room - used, name, &stat, (off_t)(i + 1));
        if (need > room - used)
            break;
        used += need;
    }
    fuse_reply_buf(request, answer, used);
}

static const struct fuse_lowlevel_ops operations = {
    .lookup = take_lookup,
    .getattr = take_getattr,
    .open = take_open,
    .read = take_read,
    .readdir = take_readdir,
};

int main(int argc, char **argv)
{
    char *words[] = {argv[0], "-o", "default_permissions", "-o", "allow_other", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(5, words);
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (argc != 2 || session == NULL || fuse_set_signal_handlers(session) != 0 || fuse_session_mount(session, argv[1]))
        return 1;
    int status = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return status < 0;
}
