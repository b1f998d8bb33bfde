/* Names the file and the place when a process crashes on an LMDB file.
 *
 * LMDB maps its files into memory and trusts them. They are checked before they are opened (pages.h), but a page may be
 * damaged later, or the disk may fail to return one: then the process that reads it gets a signal, or LMDB gives up.
 * With this guard, the process ends with one line that names the file and the place, and leaves a mark beside the file
 * (marks.h), so that no process opens it again before the controller has checked it. */
#ifndef AQ_CONTROLLER_LMDB_GUARD_H
#define AQ_CONTROLLER_LMDB_GUARD_H

#include <lmdb.h>

/* Handles SIGSEGV and SIGBUS from now on. Those that are not caused by an LMDB file do what they did before. `program`
 * must outlive the process. */
void lmdb_guard_signals(const char *program);

/* Sets what happens when LMDB itself finds its pages inconsistent. */
void lmdb_guard_env(MDB_env *env);

#endif
