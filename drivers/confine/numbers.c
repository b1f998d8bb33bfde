#include "drivers/confine/numbers.h"

#include "schema/base/files.h"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

/* Only root can create anything in /run, which is empty after each start of the host. */
static const char numbers_path[] = "/run/aquarium.numbers";

enum { TRIES = 256 };

int confine_numbers_open(void)
{
    return open(numbers_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Marks those of the range that processes have, counted from `begin` on. */
static int processes_look(const struct confine_range *range, uint64_t begin, bool taken[TRIES], struct aq_error *error)
{
    struct stat about;
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return aq_fail_errno(error, errno, "directory /proc");
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
            fstatat(dirfd(processes), entry->d_name, &about, 0) != 0 || about.st_uid < range->first ||
            about.st_uid - range->first >= range->count)
            continue;
        uint64_t place = (about.st_uid - range->first + range->count - begin) % range->count;
        if (place < TRIES)
            taken[place] = true;
    }
    closedir(processes);
    return 0;
}

static bool lock(int numbers, uid_t number)
{
    struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = number, .l_len = 1};
    return numbers < 0 || fcntl(numbers, F_OFD_SETLK, &byte) == 0;
}

int confine_numbers_draw(int numbers, const struct confine_range *range, uint64_t seed, uid_t *number,
                         struct aq_error *error)
{
    bool taken[TRIES] = {false};
    const uint64_t begin = seed % range->count;
    if ((range->shared || numbers < 0) && processes_look(range, begin, taken, error) != 0)
        return -1;
    for (unsigned i = 0; i < TRIES && i < range->count; i++) {
        *number = (uid_t)(range->first + (begin + i) % range->count);
        if (taken[i] || (range->shared && (getpwuid(*number) != NULL || getgrgid(*number) != NULL)))
            continue;
        if (lock(numbers, *number))
            return 0;
    }
    return aq_fail(error, AQ_E_STATE, "no number of the range allow.user of the agent is free for this workload");
}
