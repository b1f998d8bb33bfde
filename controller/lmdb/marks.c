#include "controller/lmdb/marks.h"

#include "controller/lmdb/address.h"
#include "controller/lmdb/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 1300, WORDS_SIZE = 400 };

static const char closed[] = "closed";

/* ---- boot --------------------------------------------------------------------------------------------- */

/* The first line of a file; empty if there is none. */
static void read_line(const char *path, char line[LMDB_BOOT_SIZE])
{
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(line, 1, LMDB_BOOT_SIZE - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

int lmdb_boot_id(char boot[LMDB_BOOT_SIZE], struct aq_error *error)
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    read_line(path, boot);
    return boot[0] != '\0' ? 0 : aq_fail(error, AQ_E_IO, "cannot read %s", path);
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : fsync(fd), number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return failed;
}

int lmdb_mark_open(const char *directory, const char *boot, struct aq_error *error)
{
    char path[PATH_SIZE], next[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" LMDB_MARK_BOOT, directory);
    snprintf(next, sizeof next, "%s/" LMDB_MARK_BOOT ".next", directory);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot make %s", next);
    ssize_t length = (ssize_t)strlen(boot);
    errno = ENOSPC;
    bool written = write(fd, boot, (size_t)length) == length && fsync(fd) == 0;
    int number = errno;
    close(fd);
    errno = number;
    if (!written || rename(next, path) != 0 || sync_directory(directory) != 0)
        return aq_fail_errno(error, errno, "cannot write %s", path);
    return 0;
}

int lmdb_mark_closed(const char *directory, struct aq_error *error)
{
    return lmdb_mark_open(directory, closed, error);
}

int lmdb_mark_check_boot(const char *directory, const char *boot, struct aq_error *error)
{
    char path[PATH_SIZE], mark[LMDB_BOOT_SIZE];
    snprintf(path, sizeof path, "%s/" LMDB_MARK_BOOT, directory);
    read_line(path, mark);
    if (strcmp(mark, closed) == 0 || strcmp(mark, boot) == 0)
        return 0;
    return aq_fail(error, AQ_E_BUSY,
                   "%s/" LMDB_DATA_FILE " may be damaged: the machine stopped while it was open, and the controller "
                   "has not checked it since",
                   directory);
}

/* ---- damaged ------------------------------------------------------------------------------------------ */

void lmdb_mark_damaged(const char *directory, const char *words)
{
    struct lmdb_text path = {.length = 0};
    lmdb_text_add(&path, directory);
    lmdb_text_add(&path, "/" LMDB_MARK_DAMAGED);
    int fd = open(path.bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, words, strlen(words));
    (void)ignored;
    (void)fsync(fd);
    close(fd);
}

int lmdb_mark_check_damaged(const char *directory, struct aq_error *error)
{
    char path[PATH_SIZE], words[WORDS_SIZE];
    snprintf(path, sizeof path, "%s/" LMDB_MARK_DAMAGED, directory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t length = fread(words, 1, sizeof words - 1, file);
    fclose(file);
    words[length] = '\0';
    return aq_fail(error, AQ_E_CORRUPT,
                   "%s/" LMDB_DATA_FILE
                   " is damaged: a process crashed on it (%s); the controller will check it at its next start",
                   directory, words);
}

void lmdb_mark_clear_damaged(const char *directory)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" LMDB_MARK_DAMAGED, directory);
    unlink(path);
}
