/* The entries of a damaged log, found in its file without LMDB and without the pages that lead to them.
 *
 * An entry is on a leaf page, a large one on pages of its own; other pages say where the leaves are. Neither those
 * pages nor the heads of leaves need to be intact, for each entry carries a checksum over all of it (log_layout.h): any
 * page with rows that pass it is a leaf. Older copies of leaves, on pages that LMDB counts as free, are found as well.
 * An entry never changes, so they are as good. Nothing is written, and pages that the disk cannot return are skipped.
 *
 * Costs two reads of the file, and 32 bytes of memory for each leaf. */
#ifndef AQ_CONTROLLER_LOG_LEAVES_H
#define AQ_CONTROLLER_LOG_LEAVES_H

#include "controller/state/log_layout.h"

struct leaves;

/* `directory` holds the LMDB file; nothing may write to it meanwhile. */
int leaves_open(struct leaves **leaves, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void leaves_close(struct leaves *leaves); /* NULL is fine */

/* Index of the last intact entry; 0: there is none. */
uint64_t leaves_last(const struct leaves *leaves);

/* Calls `visit` for each intact copy of an entry; its arguments are valid during the call only. Sets `why` if there are
 * copies that are not intact. */
typedef void leaves_visit_fn(void *context, const struct log_head *head, const void *payload);
void leaves_find(struct leaves *leaves, uint64_t index, leaves_visit_fn *visit, void *context, struct aq_error *why);

#endif
