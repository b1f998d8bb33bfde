/* The part of cgroup.h that tells which disk a directory is on. */
#include "drivers/cgroup/cgroup.h"

#include "schema/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MOUNTINFO_SIZE_MAX = 16 << 20 };

/* The device that is mounted where the directory is, from the line of its mount; for file systems whose own device
 * number is none of a disk, such as btrfs. */
static bool source_of(dev_t device, dev_t *disk)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    struct stat about;
    char line[1024], source[256], number[32];
    snprintf(number, sizeof number, " %u:%u ", major(device), minor(device));
    if (aq_file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_SIZE_MAX, &text, &ignored) != 0)
        return false;
    for (const char *at = aq_buffer_string(&text); *at != '\0';) {
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", length < sizeof line ? (int)length : 0, at);
        at += length + (at[length] == '\n');
        const char *rest = strstr(line, " - ");
        if (rest == NULL || strstr(line, number) == NULL || sscanf(rest, " - %*s %255s", source) != 1 ||
            source[0] != '/' || stat(source, &about) != 0 || !S_ISBLK(about.st_mode))
            continue;
        *disk = about.st_rdev;
        return true;
    }
    return false;
}

bool cgroup_disk_of(int directory, char disk[24])
{
    struct stat about;
    char path[96], text[32];
    if (fstat(directory, &about) != 0)
        return false;
    dev_t device = about.st_dev;
    if (major(device) == 0 && !source_of(device, &device))
        return false;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/partition", major(device), minor(device));
    const bool is_partition = access(path, F_OK) == 0;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(device), minor(device),
             is_partition ? "../dev" : "dev");
    if (aq_file_read_text(AT_FDCWD, path, text, sizeof text) <= 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    if (strlen(text) >= 24)
        return false;
    memcpy(disk, text, strlen(text) + 1);
    return true;
}
