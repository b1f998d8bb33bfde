/* Checks the pages of an LMDB file before LMDB reads them. LMDB trusts what it reads: one flipped bit in the head of a
 * page crashes the process or leads it astray. Damage is reported with file, page and byte.
 *
 * It reads the layout of LMDB 0.9 (data version 1): two meta pages, of which the newer one counts, and every page that
 * is reachable from there, each once. It checks the heads of pages, the offsets and sizes of their nodes, the order of
 * keys, page numbers, and that no page is in use twice or both in use and free. It does not check the contents of rows:
 * entries of the log have a check of their own. Tables are plain ones, as ours are; any other form counts as damage.
 *
 * Costs one read of each page; of the pages of large rows, only the first head is read. */
#ifndef AQ_CONTROLLER_LMDB_PAGES_H
#define AQ_CONTROLLER_LMDB_PAGES_H

#include "schema/base/error.h"

#include <stdint.h>

/* `directory` holds the file; nothing may write to it meanwhile (but see lmdb_file_check()). A missing or empty file is
 * intact: LMDB creates it. Reads at most `reads` pages with rows: of more, the last ones in the order of keys, which
 * are the newest of a log. Fails with AQ_E_CORRUPT, or with the disk's own error. */
int lmdb_pages_check(const char *directory, uint64_t reads, struct aq_error *error) AQ_MUST_CHECK;

/* For `reads`. A GiB is read in 0.3 s, so a start does not take much longer however old the log is. */
#define LMDB_PAGES_ALL      UINT64_MAX
#define LMDB_PAGES_AT_START (UINT64_C(1) << 18) /* a GiB */

#endif
