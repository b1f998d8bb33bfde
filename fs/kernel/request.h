/* What the handlers of requests share: finding the node, looking at the tables, permissions, and failing. */
#ifndef AQ_FS_KERNEL_REQUEST_H
#define AQ_FS_KERNEL_REQUEST_H

#include "fs/kernel/filesystem.h"

struct filesystem *filesystem_of(fuse_req_t request);

/* Copies the node: the table of inodes may change during the request. False: the request is answered with ESTALE. */
bool request_node(fuse_req_t request, fuse_ino_t number, struct tree_node *node);

/* Begins a look for the caller of the request, who acts as nobody if it is a workload of this host. False: the tables
 * cannot be read, and the request is answered. */
bool request_look(fuse_req_t request, struct look *look);
bool request_look_as(fuse_req_t request, uid_t uid, struct look *look); /* for another uid */

/* Answers with the error, shows it in /errors/last, and ends the look. `verb` says what failed: "opening". */
void request_fail(fuse_req_t request, struct look *look, const char *verb, const struct tree_node *node,
                  const struct aq_error *error);

/* Shows `error` in /errors/last of `uid`. Returns its errno. */
int filesystem_complain(struct filesystem *filesystem, uid_t uid, const char *doing, const struct aq_error *error);

#endif
