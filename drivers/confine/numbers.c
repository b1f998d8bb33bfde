#include "drivers/confine/numbers.h"

#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

/* Only root can create anything in /run, which is empty after each start of the host. */
static const char numbers_path[] = "/run/aquarium.numbers";

/* Numbers that are tried: first those that follow one another, since workloads that start at the same time have seeds
 * that do; then, as some hundreds that follow one another may be taken, far apart. STRIDE is a prime number. */
enum { TRIES = 16384, NEAR = 64, STRIDE = 1031 };

int confine_numbers_open(void)
{
    return open(numbers_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Numbers of the range that processes have. */
struct taken {
    uid_t *numbers;
    size_t count, capacity;
};

static int processes_look(const struct confine_range *range, struct taken *taken, struct aq_error *error)
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
        AQ_GROW(taken->numbers, taken->count, taken->capacity);
        taken->numbers[taken->count++] = about.st_uid;
    }
    closedir(processes);
    return 0;
}

static bool is_taken(const struct taken *taken, uid_t number)
{
    for (size_t i = 0; i < taken->count; i++)
        if (taken->numbers[i] == number)
            return true;
    return false;
}

static bool lock(int numbers, uid_t number)
{
    struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = number, .l_len = 1};
    return numbers < 0 || fcntl(numbers, F_OFD_SETLK, &byte) == 0;
}

/* The place of the i-th number that is tried, in the range. Of a small range, all are. */
static uint64_t place_of(const struct confine_range *range, uint64_t seed, unsigned i)
{
    const bool small = range->count <= TRIES;
    return (seed % range->count + (small || i < NEAR ? i : (uint64_t)i * STRIDE)) % range->count;
}

int confine_numbers_draw(int numbers, const struct confine_range *range, uint64_t seed, uid_t *number,
                         struct aq_error *error)
{
    struct taken taken = {0};
    bool found = false;
    int failed = range->shared || numbers < 0 ? processes_look(range, &taken, error) : 0;
    for (unsigned i = 0; failed == 0 && !found && i < TRIES && i < range->count; i++) {
        *number = (uid_t)(range->first + place_of(range, seed, i));
        found = !is_taken(&taken, *number) &&
                (!range->shared || (getpwuid(*number) == NULL && getgrgid(*number) == NULL)) && lock(numbers, *number);
    }
    free(taken.numbers);
    if (failed != 0 || found)
        return failed;
    return aq_fail(error, AQ_E_STATE, "no number of the range allow.user of the agent is free for this workload");
}
