#include "fs/kernel/request.h"

#include "fs/tree/paths.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <errno.h>
#include <stdio.h>

struct filesystem *filesystem_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

int filesystem_complain(struct filesystem *filesystem, uid_t uid, const char *doing, const struct aq_error *error)
{
    complaints_add(filesystem->complaints, uid, doing, error, aq_clock_wall_ms());
    return aq_error_errno(error->code);
}

bool request_node(fuse_req_t request, fuse_ino_t number, struct tree_node *node)
{
    const struct tree_node *found = inodes_find(filesystem_of(request)->inodes, number);
    if (found == NULL) {
        fuse_reply_err(request, ESTALE);
        return false;
    }
    *node = *found;
    return true;
}

bool request_look(fuse_req_t request, struct look *look)
{
    return request_look_as(request, fuse_req_ctx(request)->uid, look);
}

bool request_look_as(fuse_req_t request, uid_t uid, struct look *look)
{
    struct filesystem *filesystem = filesystem_of(request);
    struct aq_error error = {0};
    if (look_begin(look, filesystem->sources, uid, &error) == 0) {
        if (look->caller.known && !outsiders_has(&filesystem->outsiders, fuse_req_ctx(request)->pid, aq_clock_ms()))
            caller_confine(&look->caller);
        return true;
    }
    aq_journal(AQ_WARN, "the tables cannot be read", "error", error.message, NULL);
    fuse_reply_err(request, filesystem_complain(filesystem, uid, "reading the tables", &error));
    return false;
}

void request_fail(fuse_req_t request, struct look *look, const char *verb, const struct tree_node *node,
                  const struct aq_error *error)
{
    char doing[256] = "", path[220];
    tree_path(look, node, path, sizeof path);
    snprintf(doing, sizeof doing, "%s %s", verb, path);
    /* What a workload does is not told to the user whose uid it has. */
    int number = look->caller.confined ? aq_error_errno(error->code)
                                       : filesystem_complain(filesystem_of(request), look->caller.uid, doing, error);
    look_end(look);
    fuse_reply_err(request, number);
}
