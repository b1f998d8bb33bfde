/* Marks beside an LMDB file that say whether it may be opened.
 *
 * "boot": Tables and heartbeats are written without sync. They survive the end of a process, but not that of the
 * machine: then they may hold anything, and LMDB trusts what it reads. So a file beside them, written with sync, names
 * the boot of the machine since which they are in use, or says that they were closed with everything on disk.
 *
 * "damaged": A process that crashes on a damaged page (guard.h) leaves this file, so that no other process crashes on
 * the same page before the controller has checked the data file, at its next start. */
#ifndef AQ_CONTROLLER_LMDB_MARKS_H
#define AQ_CONTROLLER_LMDB_MARKS_H

#include "schema/base/error.h"

enum { LMDB_BOOT_SIZE = 64 };

#define LMDB_MARK_BOOT    "boot"
#define LMDB_MARK_DAMAGED "damaged"

/* Identifies the machine's present boot. */
int lmdb_boot_id(char boot[LMDB_BOOT_SIZE], struct aq_error *error) AQ_MUST_CHECK;

int lmdb_mark_open(const char *directory, const char *boot, struct aq_error *error) AQ_MUST_CHECK;
int lmdb_mark_closed(const char *directory, struct aq_error *error) AQ_MUST_CHECK;
/* Fails with AQ_E_BUSY unless the data file was closed, or has been in use since this boot. */
int lmdb_mark_check_boot(const char *directory, const char *boot, struct aq_error *error) AQ_MUST_CHECK;

/* `words` say where the damage is. Safe in a signal handler; does its best. */
void lmdb_mark_damaged(const char *directory, const char *words);
/* Fails with AQ_E_CORRUPT and the words of the mark if there is one. */
int lmdb_mark_check_damaged(const char *directory, struct aq_error *error) AQ_MUST_CHECK;
/* The data file is new, or was found to be intact. */
void lmdb_mark_clear_damaged(const char *directory);

#endif
