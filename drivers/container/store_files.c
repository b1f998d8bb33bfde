/* The part of store.h that knows where things are. */
#include "drivers/container/store.h"
#include "schema/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LOCK_AGAIN_US = 20000 };

int store_path(char path[PATH_MAX], const struct aq_container_settings *settings, const char *name,
               struct aq_error *error)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", settings->images, name);
    if (length < 0 || length >= PATH_MAX)
        return aq_fail(error, AQ_E_INVALID, "the path %.200s... is too long", settings->images);
    return 0;
}

void store_name(const char *digest, char name[AQ_DIGEST_SIZE])
{
    snprintf(name, AQ_DIGEST_SIZE, "%s", digest);
    char *colon = strchr(name, ':');
    if (colon != NULL)
        *colon = '-';
}

int store_lock(const struct aq_container_settings *settings, const char *name, int operation, uint64_t until_ms,
               struct aq_error *error)
{
    char path[PATH_MAX];
    if (store_path(path, settings, name, error) != 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && flock(fd, operation | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || aq_clock_boot_ms() >= until_ms) {
            aq_fail_errno(error, errno, "waited too long for the lock %s", path);
            close(fd);
            return -1;
        }
        usleep(LOCK_AGAIN_US);
    }
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "file %s", path);
}
