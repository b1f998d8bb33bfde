/* Structured messages about a program's own running, one line each on standard error:
 *
 *   2026-11-20T22:57:13.123Z info controller: listening address=127.0.0.1 port=8001
 *
 * Not to be confused with the cluster's log, which holds decisions. Values with spaces or quotes are quoted.
 * Safe from any thread: a line is written in one call. */
#ifndef AQ_SCHEMA_BASE_JOURNAL_H
#define AQ_SCHEMA_BASE_JOURNAL_H

#include "schema/base/compiler.h"

enum aq_journal_level { AQ_DEBUG, AQ_INFO, AQ_WARN, AQ_ERROR };

/* `program` must outlive the process. Lines below `least` are dropped. */
void aq_journal_open(const char *program, enum aq_journal_level least);

/* `words` is a fixed phrase; then come name, value pairs of texts, ended by NULL:
 *   aq_journal(AQ_WARN, "agent lost", "node", name, "silent_ms", "5000", NULL); */
void aq_journal(enum aq_journal_level level, const char *words, ...) __attribute__((sentinel));

#endif
