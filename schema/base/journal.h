/* Structured messages of a program about itself, one line each on standard error:
 *
 *   2026-11-20T22:57:13.123Z info controller: listening address=127.0.0.1 port=8001
 *
 * Not to be confused with the cluster's log, which holds decisions. Values with blanks or quotes are quoted. Any thread
 * may call it: each line is written in one call. Nothing waits for standard error: when it takes no more, messages are
 * dropped and counted, and the next one that is taken comes after a line with their number. */
#ifndef AQ_SCHEMA_BASE_JOURNAL_H
#define AQ_SCHEMA_BASE_JOURNAL_H

#include "schema/base/compiler.h"

#include <stdint.h>

enum aq_journal_level { AQ_DEBUG, AQ_INFO, AQ_WARN, AQ_ERROR };

/* `program` must outlive the process. Messages below `least` are left out. Before there are other threads. */
void aq_journal_open(const char *program, enum aq_journal_level least);
void aq_journal_set_level(enum aq_journal_level least); /* any thread */

/* Where the time of messages comes from, in milliseconds since 1970-01-01 UTC: the wall clock, unless the simulator
 * sets its own. Before there are other threads. */
void aq_journal_set_clock(uint64_t (*wall_ms)(void));

uint64_t aq_journal_dropped(void); /* messages that standard error did not take */

/* `words` is a fixed phrase. Pairs of names and values follow, all of them texts, ended by NULL:
 *   aq_journal(AQ_WARN, "agent lost", "node", name, "silent_ms", "5000", NULL); */
void aq_journal(enum aq_journal_level level, const char *words, ...) __attribute__((sentinel));

/* What strangers can make happen as often as they like must not fill the journal. This counts it; zeroed memory: it has
 * not happened. */
struct aq_journal_count {
    uint64_t told_ms; /* when there was a line; 0: never */
    uint64_t untold;  /* times since then */
};

/* It happens. Returns how often it has since the last line, this time included, if `every_ms` have passed since, and
 * the caller writes a line; else 0. The caller serializes calls for one count. */
uint64_t aq_journal_due(struct aq_journal_count *count, uint64_t now_ms, uint64_t every_ms);

#endif
