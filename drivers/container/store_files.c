/* The part of store.h that knows where things are. */
#include "drivers/container/store.h"

#include "drivers/container/locks.h"

#include <stdio.h>
#include <string.h>

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
    return lock_open(path, operation, until_ms, error);
}
