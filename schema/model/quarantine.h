/* Quarantine: a node takes no new work, or none of one label, because starts there have failed again and again, or
 * because somebody says so.
 *
 * An automatic one ends by itself after a while. The next start then decides: when it fails, the quarantine begins
 * again and lasts twice as long; when it succeeds, all that was counted is dropped. Failures of applications that give
 * a command of their own do not count: else any user could put a label into quarantine. */
#ifndef AQ_SCHEMA_MODEL_QUARANTINE_H
#define AQ_SCHEMA_MODEL_QUARANTINE_H

#include "schema/model/record.h"

enum {
    AQ_QUARANTINES_MAX = 64,          /* labels that are remembered for one node */
    AQ_QUARANTINE_LABEL_FAILURES = 3, /* starts of a label in a row that fail on a node, */
    AQ_QUARANTINE_NODE_FAILURES = 6, /* and of any labels; one label counts no more than AQ_QUARANTINE_LABEL_FAILURES */
    AQ_QUARANTINE_WAIT_MS = 60000,   /* how long the first one lasts, doubled for each next one, */
    AQ_QUARANTINE_WAIT_MOST_MS = 3600000, /* up to this */
};

/* clang-format off */
#define aq_quarantine_fields(F, T)                                                                                     \
    F(T, label_id, U64(0, UINT64_MAX), 0,        "number of the label; 0: the whole node")                             \
    F(T, label,    TEXT(0, 96),        0,        "what the label is called: mac:2")                                    \
    F(T, active,   BOOL,               0,        "no new work of it is taken; false: only failures are counted")       \
    F(T, by_hand,  BOOL,               0,        "somebody says so: no success ends it")                               \
    F(T, until,    TIME,               0,        "when it ends; never: when it is cleared")                            \
    F(T, failures, U64(0, UINT64_MAX), 0,        "starts in a row that have failed")                                   \
    F(T, count,    U64(0, UINT64_MAX), 0,        "how often it was in quarantine since a start succeeded")             \
    F(T, reason,   TEXT(0, 1024),      AQ_LINES, "why")
AQ_DECLARE(aq_quarantine)
/* clang-format on */

/* That of a label, or of the whole node (0), in a list of aq_quarantine. NULL: there is none. */
struct aq_quarantine *aq_quarantine_find(const struct aq_list *quarantines, uint64_t label_id);
bool aq_quarantine_is_active(const struct aq_list *quarantines, uint64_t label_id);

/* The oldest label of which failures are only counted: it makes room for another one. NULL: there is none. */
struct aq_quarantine *aq_quarantine_oldest_count(const struct aq_list *quarantines);

/* Does one more failure of a start put the label, or the whole node, into quarantine? */
bool aq_quarantine_is_due(const struct aq_list *quarantines, uint64_t label_id);
/* Whether a failure of the label counts for the whole node. */
bool aq_quarantine_counts_for_node(const struct aq_list *quarantines, uint64_t label_id);
/* How long the next one lasts, after `count` of them. */
uint64_t aq_quarantine_wait_ms(uint64_t count);

#endif
