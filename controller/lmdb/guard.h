/* The last net under files that LMDB maps into memory. They are looked through when they are opened (pages.h), but may
 * be damaged while they are in use, and a disk may fail to give a page: then the process that reads it ends, by a
 * signal or because LMDB gives up. It ends with one line that names the file and the place, and a mark stays beside the
 * file, so that nobody opens it again before the controller has looked at it. */
#ifndef AQ_CONTROLLER_LMDB_GUARD_H
#define AQ_CONTROLLER_LMDB_GUARD_H

#include "schema/base/error.h"

#include <lmdb.h>

/* What a process said when it ended of the file in the same directory. */
#define GUARD_MARK "damaged"

/* Handles SIGSEGV and SIGBUS from now on; those that have nothing to do with LMDB's files do what they did before.
 * `program` must outlive the process. */
void guard_signals(const char *program);

/* Says where it was, when LMDB finds its own pages impossible. */
void guard_environment(MDB_env *env);

/* Which byte of which file an address in memory is: "<file> is damaged: page 7, byte 28700"; "there is damage" if it is
 * in none. */
enum { GUARD_PLACE_SIZE = 256 };
void guard_place(const void *address, char words[GUARD_PLACE_SIZE]);

/* -1 with AQ_E_CORRUPT: there is a mark in the directory, and this is what it says. */
int guard_check(const char *directory, struct aq_error *error) AQ_MUST_CHECK;
/* The file is new, or was found to be whole. */
void guard_forget(const char *directory);

#endif
