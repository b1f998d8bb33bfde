/* The disk of the data directory, present or future. */
#include "tools/aq/doctor_judge.h"

#include "schema/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { SYNCS = 21, BLOCK = 4096, SYNC_SECONDS_MAX = 3 };

void doctor_file_system(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct statfs about;
    (void)which;
    if (statfs(doctor->there, &about) != 0)
        doctor_bad(finding, "check the disk", "", "%s cannot be checked: %s", doctor->there, strerror(errno));
    else
        doctor_judge_file_system((unsigned long)about.f_type, doctor->there, finding);
}

void doctor_space(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct statfs about;
    (void)which;
    if (statfs(doctor->there, &about) != 0)
        doctor_bad(finding, "check the disk", "", "%s cannot be checked: %s", doctor->there, strerror(errno));
    else
        doctor_judge_space((uint64_t)about.f_bavail * (uint64_t)about.f_bsize >> 20, doctor->there, finding);
}

/* An unnamed file that disappears when it is closed. */
static int open_nameless(const char *directory)
{
    char path[DOCTOR_PATH_SIZE + 32];
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    snprintf(path, sizeof path, "%s/.aquarium-doctor-XXXXXX", directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

void doctor_sync(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    static const char block[BLOCK];
    uint64_t took_us[SYNCS], begun = aq_clock_us();
    unsigned count = 0;
    (void)which;
    int fd = open_nameless(doctor->there);
    if (fd < 0) {
        doctor_warn(finding, geteuid() == 0 ? "make it writable" : "run as root", "",
                    "cannot be measured: no file can be created in %s: %s", doctor->there, strerror(errno));
        return;
    }
    while (count < SYNCS && aq_clock_us() - begun < (uint64_t)SYNC_SECONDS_MAX * 1000000) {
        uint64_t before = aq_clock_us();
        if (pwrite(fd, block, sizeof block, (off_t)count * BLOCK) != BLOCK || fdatasync(fd) != 0) {
            doctor_bad(finding, "check the disk and its free space", "", "writing in %s fails: %s", doctor->there,
                       strerror(errno));
            close(fd);
            return;
        }
        took_us[count++] = aq_clock_us() - before;
    }
    close(fd);
    doctor_judge_sync(doctor_median(took_us, count), doctor->there, finding);
}
