#include "tests/lib/log_case.h"
#include "schema/codec/pack.h"
#include "schema/model/role.h"
#include "schema/model/user.h"
#include "tests/lib/cluster.h"

#include <inttypes.h>
#include <raft.h>
#include <sodium.h>

struct log_case logs;

void log_case_open(void)
{
    struct aq_error error = {0};
    test_must(log_store_open(&logs.store, logs.directory, LOG_CASE_MAP_BYTES, &error), &error);
}

void log_case_close(void)
{
    log_store_close(logs.store);
    logs.store = NULL;
}

int log_case_setup(void **context)
{
    (void)context;
    if (sodium_init() < 0)
        return -1;
    logs = (struct log_case){.next_index = 2, .next_seq = 1};
    test_make_directory(logs.directory, sizeof logs.directory, "/tmp", "aquarium-test");
    log_case_open();
    return 0;
}

int log_case_teardown(void **context)
{
    (void)context;
    log_case_close();
    aq_arena_free(&logs.arena);
    test_remove_tree(logs.directory);
    return 0;
}

struct aq_logged_event log_case_event(uint64_t seq)
{
    char *name = aq_arena_format(&logs.arena, "u%" PRIu64, seq);
    struct aq_user_created user = {.name = name, .role = AQ_ROLE_USER, .hash = "x"};
    struct aq_buffer packed = {0};
    aq_record_pack(&aq_user_created_record, &user, &packed);
    struct aq_logged_event event = {.code = aq_event_user_created.code, .version = aq_user_created_record.version};
    event.data.data = (unsigned char *)aq_arena_text(&logs.arena, packed.data, packed.length);
    event.data.length = packed.length;
    aq_buffer_free(&packed);
    return event;
}

struct aq_buffer log_case_pack(uint64_t first_seq, unsigned decisions, unsigned events,
                               const unsigned char previous[AQ_HASH_SIZE])
{
    struct aq_logged_decision *rows = aq_arena_alloc(&logs.arena, decisions * sizeof *rows);
    uint64_t seq = first_seq;
    for (unsigned d = 0; d < decisions; d++) {
        struct aq_logged_event *list = aq_arena_alloc(&logs.arena, events * sizeof *list);
        for (unsigned e = 0; e < events; e++)
            list[e] = log_case_event(seq++);
        rows[d] = (struct aq_logged_decision){
            .author = "admin", .command = aq_command_user_create.code, .key = "", .id = "x", .events = {list, events}};
    }
    struct aq_entry entry = {.format = AQ_ENTRY_FORMAT,
                             .previous = {previous, AQ_HASH_SIZE},
                             .time = 1000000 + first_seq,
                             .first_seq = first_seq,
                             .decisions = {rows, decisions}};
    struct aq_buffer packed = {0};
    aq_entry_pack(&entry, &packed);
    return packed;
}

void log_case_append(uint64_t index, uint32_t type, const void *data, size_t size, uint64_t first_seq, uint64_t commit)
{
    struct aq_error error = {0};
    struct log_entry entry = {.index = index,
                              .term = LOG_CASE_TERM,
                              .type = type,
                              .data = data,
                              .size = (uint32_t)size,
                              .first_seq = first_seq};
    test_must(log_store_append(logs.store, &entry, 1, commit, NULL, &error), &error);
}

void log_case_add(unsigned decisions, unsigned events, uint64_t commit)
{
    struct aq_buffer packed = log_case_pack(logs.next_seq, decisions, events, logs.hash);
    log_case_append(logs.next_index, RAFT_COMMAND, packed.data, packed.length, logs.next_seq, commit);
    aq_entry_hash(packed.data, packed.length, logs.hash);
    aq_buffer_free(&packed);
    logs.next_seq += (uint64_t)decisions * events;
    logs.next_index++;
}

void log_case_begin(void)
{
    struct raft_configuration configuration;
    struct raft_buffer buffer;
    struct aq_error error = {0};
    raft_configuration_init(&configuration);
    assert_int_equal(raft_configuration_add(&configuration, 1, "controller-1", RAFT_VOTER), 0);
    assert_int_equal(raft_configuration_encode(&configuration, &buffer), 0);
    raft_configuration_close(&configuration);
    struct log_entry entry = {
        .index = 1, .term = 1, .type = RAFT_CHANGE, .data = buffer.base, .size = (uint32_t)buffer.len};
    struct log_vote vote = {.term = LOG_CASE_TERM};
    test_must(log_store_append(logs.store, &entry, 1, 1, &vote, &error), &error);
    raft_free(buffer.base);
}
