#include "schema/drivers/mount.h"

#include <stdio.h>
#include <string.h>

static int refuse(const char *text, const char *why, struct aq_error *error)
{
    return aq_fail(
        error, AQ_E_INVALID,
        "option \"mounts\" has \"%.128s\", but must have texts such as /srv/data:/data or /srv/data:/data:rw: "
        "%s",
        text, why);
}

static bool has_dots(const char *path)
{
    for (const char *at = path; (at = strchr(at, '/')) != NULL;) {
        at++;
        size_t length = strcspn(at, "/");
        if ((length == 1 && at[0] == '.') || (length == 2 && strncmp(at, "..", 2) == 0))
            return true;
    }
    return false;
}

static bool take_path(char path[AQ_MOUNT_PATH_SIZE], const char *text, size_t length)
{
    if (length >= AQ_MOUNT_PATH_SIZE || text[0] != '/')
        return false;
    snprintf(path, AQ_MOUNT_PATH_SIZE, "%.*s", (int)length, text);
    return strspn(path, "/") < strlen(path) && !has_dots(path);
}

int aq_mount_parse(struct aq_mount *mount, const char *text, struct aq_error *error)
{
    size_t source = strcspn(text, ":");
    const char *target = text[source] == ':' ? text + source + 1 : "";
    size_t length = strcspn(target, ":");
    const char *mode = target[length] == ':' ? target + length + 1 : "ro";
    *mount = (struct aq_mount){.writable = strcmp(mode, "rw") == 0};
    if (!take_path(mount->source, text, source))
        return refuse(text, "its source is no absolute path below /", error);
    if (!take_path(mount->target, target, length))
        return refuse(text, "its target is no absolute path below /", error);
    if (!mount->writable && strcmp(mode, "ro") != 0)
        return refuse(text, "what follows the target is not ro or rw", error);
    return 0;
}
