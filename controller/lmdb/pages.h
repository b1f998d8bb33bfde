/* Looks through the pages of an LMDB file before LMDB does, which believes what it reads: a turned bit in a page's head
 * ends the process that comes across it, or leads it astray. What is found is named with file, page and byte.
 *
 * It reads the layout of LMDB 0.9 (data version 1): two meta pages, of which the newer one counts, and from there every
 * page that can be reached, each once. Checked are the heads of pages, the places and sizes of what lies in them, the
 * order of keys, page numbers, and that no page is in use twice or in use and free. What the rows hold is not: the
 * log's entries have a check of their own. Tables are plain ones, as ours are; any other form is damage.
 *
 * Costs one read of each page but those that hold large rows, of which the first head alone is read. */
#ifndef AQ_CONTROLLER_LMDB_PAGES_H
#define AQ_CONTROLLER_LMDB_PAGES_H

#include "schema/base/error.h"

#include <stdint.h>

/* `directory` holds data.mdb, which nobody writes meanwhile (but see store_map_check()). A file that is missing or
 * empty is whole: LMDB makes it. -1: AQ_E_CORRUPT, or the disk's own error. */
int pages_check(const char *directory, uint64_t reads, struct aq_error *error) AQ_MUST_CHECK;

/* For `reads`: most of the pages with rows that are read. Of more, those are that come last in the order of keys: in a
 * log, the newest. So a start takes not much longer, however old the log is: a GiB is read in 0.3 s. */
#define PAGES_ALL      UINT64_MAX
#define PAGES_AT_START (UINT64_C(1) << 18) /* a GiB */

#endif
