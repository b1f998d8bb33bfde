#include "agent/trash.h"

#include "agent/names.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool find_last(void *context, int directory, const char *name, unsigned char type)
{
    uint64_t *last = context, number;
    (void)directory, (void)type;
    if (number_of_name(name, &number) && number > *last)
        *last = number;
    return true;
}

int trash_open(struct trash *trash, int parent, const char *home, struct aq_error *error)
{
    *trash = (struct trash){.directory = aq_directory_open(parent, "trash", error), .home = home, .sweeping = true};
    return trash->directory >= 0 ? aq_directory_list(trash->directory, find_last, &trash->last, error) : -1;
}

void trash_close(struct trash *trash)
{
    if (trash->directory >= 0)
        close(trash->directory);
    trash->directory = -1;
}

bool trash_put(struct trash *trash, int directory, const char *name)
{
    char counted[NAME_SIZE];
    name_of_number(++trash->last, counted);
    if (renameat(directory, name, trash->directory, counted) == 0) {
        trash->sweeping = true;
        return true;
    }
    if (errno == ENOENT)
        return true;
    aq_journal(AQ_WARN, "a directory cannot be moved to the trash", "directory", trash->home, "name", name, "error",
               strerror(errno), NULL);
    return false;
}

/* ---- sweeping ----------------------------------------------------------------------------------------- */

struct sweep {
    struct trash *trash;
    unsigned budget;
    bool stuck;
};

/* A workload may have removed permissions from the directory, which matters to an agent that is not root. */
static void open_up(int directory, const char *name)
{
    int failed = geteuid() != 0 ? fchmodat(directory, name, 0700, AT_SYMLINK_NOFOLLOW) : 0;
    (void)failed; /* then deleting fails, with a line in the journal */
}

static bool is_directory(int directory, const char *name, unsigned char type)
{
    struct stat status;
    if (type != DT_UNKNOWN)
        return type == DT_DIR;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* Moves a nested directory up into the trash, so that any depth can be deleted. */
static bool sweep_inner(void *context, int directory, const char *name, unsigned char type)
{
    struct sweep *sweep = context;
    if (sweep->budget == 0)
        return false;
    sweep->budget--;
    if (is_directory(directory, name, type)) {
        open_up(directory, name);
        trash_put(sweep->trash, directory, name);
    } else {
        unlinkat(directory, name, 0);
    }
    return true;
}

static bool sweep_outer(void *context, int trash, const char *name, unsigned char type)
{
    struct sweep *sweep = context;
    struct aq_error ignored;
    (void)type;
    if (sweep->budget == 0)
        return false;
    sweep->budget--;
    if (unlinkat(trash, name, 0) == 0)
        return true;
    open_up(trash, name);
    AQ_CLEANUP_FD int directory = openat(trash, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int failed = directory >= 0 ? aq_directory_list(directory, sweep_inner, sweep, &ignored) : 0;
    (void)failed; /* the directory then cannot be removed, which is reported */
    if (sweep->budget > 0 && unlinkat(trash, name, AT_REMOVEDIR) != 0)
        sweep->stuck = true;
    return true;
}

void trash_sweep(struct trash *trash, unsigned budget)
{
    struct sweep sweep = {.trash = trash, .budget = budget};
    struct aq_error error;
    if (!trash->sweeping)
        return;
    uint64_t before = trash->last;
    int failed = aq_directory_list(trash->directory, sweep_outer, &sweep, &error);
    bool stuck = failed != 0 || sweep.stuck;
    if (stuck)
        aq_journal(AQ_WARN, "the trash cannot be emptied", "directory", trash->home, NULL);
    trash->sweeping = !stuck && (sweep.budget == 0 || trash->last != before);
}
