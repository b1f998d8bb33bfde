/* /errors/last: the text of the last error of each uid. An errno alone cannot say which field was wrong.
 *
 * Kept in memory for the 256 uids with the most recent errors; lost when aq-fs restarts. */
#ifndef AQ_FS_TREE_COMPLAINTS_H
#define AQ_FS_TREE_COMPLAINTS_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <sys/types.h>

struct complaints;

struct complaints *complaints_open(void);
void complaints_close(struct complaints *complaints); /* NULL is fine */

/* Stores `error` for `uid`. `doing` says what failed, such as "writing /applications/new"; it is cut at 127 bytes. */
void complaints_add(struct complaints *complaints, uid_t uid, const char *doing, const struct aq_error *error,
                    uint64_t now_ms);

/* Appends the text, and a line such as "3 s ago, writing /applications/new: Invalid argument". Appends nothing if there
 * was no error. */
void complaints_show(const struct complaints *complaints, uid_t uid, uint64_t now_ms, struct aq_buffer *out);

#endif
