/* Files that are written without sync are whole after the end of a process, but not after the end of the machine: then
 * they may hold anything, and LMDB believes what it reads. So a directory of such files has a mark beside them, written
 * with sync: since which start of the machine they are in use, or that they were closed in order. It is looked at
 * before they are opened. */
#ifndef AQ_CONTROLLER_LMDB_BOOT_H
#define AQ_CONTROLLER_LMDB_BOOT_H

#include "schema/base/error.h"

#include <stdbool.h>

enum { BOOT_SIZE = 64 };

#define BOOT_CLOSED "closed" /* everything is on disk */
#define BOOT_FILE   "boot"

/* Identifies the machine's present start. */
int boot_read(char boot[BOOT_SIZE], struct aq_error *error) AQ_MUST_CHECK;

int boot_mark(const char *directory, const char *mark, struct aq_error *error) AQ_MUST_CHECK;

/* Were the files in the directory closed, or are they in use since this boot? Not if there is no mark. */
bool boot_is_whole(const char *directory, const char *boot);

#endif
