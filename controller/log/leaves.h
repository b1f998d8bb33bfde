/* The log's entries, found in its file without LMDB and without the pages that lead to them: for a log that is damaged.
 *
 * An entry lies on a leaf, and large ones on pages of their own; where the leaves are, other pages say. Those, and the
 * heads of the leaves, need not be believed, for each entry carries a check over all of it (log_layout.h): whatever
 * page holds rows that pass it is a leaf. Older copies of a leaf, on pages that LMDB counts as free, are found as well:
 * an entry never changes, so they are as good. Nothing is written, and a page that the disk cannot give is left out.
 *
 * Costs two reads of the file, and 32 bytes of memory a leaf. */
#ifndef AQ_CONTROLLER_LOG_LEAVES_H
#define AQ_CONTROLLER_LOG_LEAVES_H

#include "controller/state/log_layout.h"

struct leaves;

/* `directory` holds data.mdb, which nobody writes meanwhile. */
int leaves_open(struct leaves **leaves, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void leaves_close(struct leaves *leaves); /* NULL is fine */

/* Index of the last entry that is whole; 0: there is none. */
uint64_t leaves_last(const struct leaves *leaves);

/* Calls `visit` for each whole copy of an entry; what it is given holds only during the call. `why` is filled when
 * there are others that are not whole. */
typedef void leaves_visit_fn(void *context, const struct log_head *head, const void *payload);
void leaves_find(struct leaves *leaves, uint64_t index, leaves_visit_fn *visit, void *context, struct aq_error *why);

#endif
