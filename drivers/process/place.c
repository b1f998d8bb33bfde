#include "drivers/process/place.h"

#include "schema/base/files.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

int process_place_open(const struct process_place *place, struct aq_error *error)
{
    const char *rest = place->path + strlen(place->inside);
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    AQ_CLEANUP_FD int inside = open(place->inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (inside < 0)
        return aq_fail_errno(error, errno, "directory \"%.256s\"", place->inside);
    rest += strspn(rest, "/");
    int directory = (int)syscall(SYS_openat2, inside, rest[0] != '\0' ? rest : ".", &how, sizeof how);
    if (directory < 0 && errno == EXDEV)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "refused by the node: directory \"%.128s\" leads out of %.128s (allow.directories of its agent)",
                       place->path, place->inside);
    return directory >= 0 ? directory : aq_fail_errno(error, errno, "directory \"%.256s\"", place->path);
}
