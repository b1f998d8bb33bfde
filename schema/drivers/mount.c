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

unsigned aq_path_depth(const char *path)
{
    unsigned depth = 0;
    for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
        path += strcspn(path, "/");
        depth++;
    }
    return depth;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

/* What follows `directory` in the path, which may have further slashes; NULL: the path is elsewhere. */
static const char *path_within(const char *path, const char *directory)
{
    for (directory += strspn(directory, "/"); *directory != '\0'; directory += strspn(directory, "/")) {
        const size_t length = strcspn(directory, "/");
        path += strspn(path, "/");
        if (strcspn(path, "/") != length || strncmp(path, directory, length) != 0)
            return NULL;
        path += length;
        directory += length;
    }
    return path + strspn(path, "/");
}

static int check_target(const char *text, const char *target, const char *own, struct aq_error *error)
{
    const char *const taken[] = {"/proc", "/sys", "/dev", "/run/aquarium", own};
    const char *rest = path_within(target, "/dev/shm");
    for (size_t i = 0; i < AQ_LENGTH(taken) && (rest == NULL || rest[0] != '\0'); i++)
        if (taken[i] != NULL && path_within(target, taken[i]) != NULL)
            return aq_fail(
                error, AQ_E_INVALID,
                "option \"mounts\" has \"%.128s\", but a workload has files of its own in %s: choose another "
                "target",
                text, taken[i]);
    return 0;
}

int aq_mounts_check(const struct aq_list *mounts, const char *own, struct aq_error *error)
{
    struct aq_mount mount, before;
    for (uint32_t i = 0; i < mounts->count; i++) {
        if (aq_mount_parse(&mount, AQ_TEXT_ITEM(*mounts, i), error) != 0 ||
            check_target(AQ_TEXT_ITEM(*mounts, i), mount.target, own, error) != 0)
            return -1;
        for (uint32_t k = 0; k < i; k++) {
            if (aq_mount_parse(&before, AQ_TEXT_ITEM(*mounts, k), error) != 0)
                return -1;
            const char *rest = path_within(mount.target, before.target);
            if (rest != NULL && rest[0] == '\0')
                return aq_fail(error, AQ_E_INVALID,
                               "option \"mounts\" has \"%.128s\" and \"%.128s\", but only one directory can be there",
                               AQ_TEXT_ITEM(*mounts, k), AQ_TEXT_ITEM(*mounts, i));
        }
    }
    return 0;
}
