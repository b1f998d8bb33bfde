/* How the log lies in its LMDB environment, <data>/log/: written by controller/log, read here too.
 *
 * Table "entries": raft index (8 bytes, big end first) -> struct log_head, then the payload: for RAFT_COMMAND a packed
 * aq_entry (schema/entry.h), for the others what raft made. Table "seqs": seq of an entry's first event -> raft index.
 * Table "meta": "term", "vote", "commit", "id" -> 8 bytes each. */
#ifndef AQ_CONTROLLER_STATE_LOG_LAYOUT_H
#define AQ_CONTROLLER_STATE_LOG_LAYOUT_H

#include <stdint.h>

#define LOG_TABLE_ENTRIES "entries"
#define LOG_TABLE_SEQS    "seqs"
#define LOG_TABLE_META    "meta"

struct log_head {
    uint64_t term;
    uint32_t type; /* enum raft_entry_type: 1 is RAFT_COMMAND */
    uint32_t size; /* bytes of payload */
};

enum { LOG_TYPE_COMMAND = 1, LOG_READERS_MAX = 512 };

#endif
