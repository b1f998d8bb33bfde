/* A log on disk, written entry by entry: a well-formed chain, of which a test may spoil a part. Each event makes a user
 * named u<seq>. */
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
    unsigned char hash[AQ_HASH_SIZE]; /* of the entry before */
};
extern struct log_case logs;

void log_case_open(void);
void log_case_close(void);
int log_case_setup(void **context);
int log_case_teardown(void **context);

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, log_case_setup, log_case_teardown)

struct aq_logged_event log_case_event(uint64_t seq);
/* The bytes of an entry of so many decisions with so many events each, from `first_seq` on, behind `previous`. */
struct aq_buffer log_case_pack(uint64_t first_seq, unsigned decisions, unsigned events,
                               const unsigned char previous[AQ_HASH_SIZE]);
void log_case_append(uint64_t index, uint32_t type, const void *data, size_t size, uint64_t first_seq, uint64_t commit);
/* Appends the next entry of the chain; `commit`: as far as the log then knows itself to be committed. */
void log_case_add(unsigned decisions, unsigned events, uint64_t commit);
/* The configuration of one voter as entry 1, as replica_open() begins an empty log. */
void log_case_begin(void);

#endif
