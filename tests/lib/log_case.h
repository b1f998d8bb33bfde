/* A log on disk that a test writes entry by entry, and may then damage. Its entries form a valid chain. Each event
 * creates a user named u<seq>. */
#ifndef AQ_TESTS_LIB_LOG_CASE_H
#define AQ_TESTS_LIB_LOG_CASE_H

#include "controller/log/store.h"
#include "schema/base/memory.h"
#include "schema/codec/entry.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"

enum { LOG_CASE_MAP_BYTES = 64 << 20, LOG_CASE_TERM = 1 };

struct log_case {
    char directory[64];
    struct log_store *store;
    struct aq_arena arena;
    uint64_t next_index, next_seq;
    unsigned char hash[AQ_HASH_SIZE]; /* of the last entry */
};
extern struct log_case logs;

void log_case_open(void);
void log_case_close(void);
int log_case_setup(void **context);
int log_case_teardown(void **context);

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, log_case_setup, log_case_teardown)

struct aq_logged_event log_case_event(uint64_t seq);
/* The bytes of an entry with so many decisions of so many events each. Its first event is `first_seq`; `previous` is
 * the hash of the entry before it. */
struct aq_buffer log_case_pack(uint64_t first_seq, unsigned decisions, unsigned events,
                               const unsigned char previous[AQ_HASH_SIZE]);
void log_case_append(uint64_t index, uint32_t type, const void *data, size_t size, uint64_t first_seq, uint64_t commit);
/* Appends the next entry of the chain. `commit`: the last entry that the log then records as committed. */
void log_case_add(unsigned decisions, unsigned events, uint64_t commit);
/* Appends entry 1, the configuration with one voter, as replica_open() does in an empty log. */
void log_case_begin(void);

#endif
