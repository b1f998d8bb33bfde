#include "controller/lmdb/marks.h"

#include "controller/lmdb/address.h"
#include "controller/lmdb/file.h"
#include "schema/base/files.h"

#include <string.h>

enum { PATH_SIZE = 1300, WORDS_SIZE = 400 };

static const char closed[] = "closed";

/* ---- boot --------------------------------------------------------------------------------------------- */

/* Reads the first line of a file; an empty one if there is none. */
static void read_line(const char *path, char line[LMDB_BOOT_SIZE])
{
    (void)aq_file_read_text(AT_FDCWD, path, line, LMDB_BOOT_SIZE);
    line[strcspn(line, "\n")] = '\0';
}

int lmdb_boot_id(char boot[LMDB_BOOT_SIZE], struct aq_error *error)
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    read_line(path, boot);
    return boot[0] != '\0' ? 0 : aq_fail(error, AQ_E_IO, "cannot read %s", path);
}

int lmdb_mark_open(const char *directory, const char *boot, struct aq_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" LMDB_MARK_BOOT, directory);
    return aq_file_replace(AT_FDCWD, path, 0600, boot, strlen(boot), error);
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
    if (aq_file_read_text(AT_FDCWD, path, words, sizeof words) < 0)
        return 0;
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
