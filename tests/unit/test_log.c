/* The log: appended entries survive any end of the process, new entries replace old ones with the same index, raft
 * starts from what the log holds, and replay names an entry that is wrong. */
#include "controller/log/replay.h"
#include "controller/log/replica.h"
#include "controller/project/project.h"
#include "tests/lib/log_case.h"

#include <raft.h>
#include <stdlib.h>

/* ---- store -------------------------------------------------------------------------------------------- */

static struct log_extent extent_now(void)
{
    struct log_extent extent;
    struct aq_error error = {0};
    test_must(log_store_extent(logs.store, &extent, &error), &error);
    return extent;
}

static void check_extent(uint64_t first, uint64_t last, uint64_t commit, uint64_t configuration)
{
    struct log_extent extent = extent_now();
    assert_int_equal(extent.first, first);
    assert_int_equal(extent.last, last);
    assert_int_equal(extent.commit, commit);
    assert_int_equal(extent.configuration, configuration);
}

static void a_new_log_is_empty(void **context)
{
    (void)context;
    check_extent(0, 0, 0, 0);
    assert_int_equal(extent_now().vote.term, 0);
}

static void appended_entries_survive_a_restart(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct log_vote vote = {.term = 7, .voted_for = 3};
    log_case_begin();
    log_case_add(1, 1, 1);
    log_case_add(2, 2, 2);
    test_must(log_store_append(logs.store, NULL, 0, 3, &vote, &error), &error);
    log_case_close();
    log_case_open();
    check_extent(1, 3, 3, 1);
    assert_int_equal(extent_now().last_term, LOG_CASE_TERM);
    assert_int_equal(extent_now().vote.term, 7);
    assert_int_equal(extent_now().vote.voted_for, 3);
    log_case_add(1, 1, 3); /* the old vote stays */
    assert_int_equal(extent_now().vote.term, 7);
}

struct reading {
    uint64_t indexes[16];
    unsigned count, most;
    int result; /* after `most` entries */
};

static int note_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct reading *reading = context;
    (void)error;
    assert_int_equal(entry->term, LOG_CASE_TERM);
    reading->indexes[reading->count++] = entry->index;
    return reading->count == reading->most ? reading->result : 0;
}

static void entries_are_read_as_far_as_they_exist(void **context)
{
    (void)context;
    static const struct {
        uint64_t first, last;
        unsigned most;
        int result;
        unsigned count;
        uint64_t begin;
    } cases[] = {
        {1, 4, 16, 0, 4, 1}, {0, 99, 16, 0, 4, 1}, {2, 3, 16, 0, 2, 2}, {4, 4, 16, 0, 1, 4},
        {5, 9, 16, 0, 0, 0}, {3, 2, 16, 0, 0, 0},  {1, 4, 2, 1, 2, 1},  {1, 4, 2, -1, 2, 1},
    };
    log_case_begin();
    for (int i = 0; i < 3; i++)
        log_case_add(1, 1, 1);
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        struct reading reading = {.most = cases[i].most, .result = cases[i].result};
        struct aq_error error = {0};
        assert_int_equal(log_store_read(logs.store, cases[i].first, cases[i].last, note_entry, &reading, &error),
                         cases[i].result);
        assert_int_equal(reading.count, cases[i].count);
        for (unsigned k = 0; k < reading.count; k++)
            assert_int_equal(reading.indexes[k], cases[i].begin + k);
    }
}

static void a_configuration_that_is_replaced_leaves_the_one_before_it(void **context)
{
    (void)context;
    struct log_extent extent;
    struct aq_error error = {0};
    log_case_begin();
    log_case_add(1, 1, 2);
    log_case_append(3, RAFT_CHANGE, "x", 1, 0, 2);
    log_case_append(4, RAFT_CHANGE, "y", 1, 0, 2);
    const uint64_t wanted[] = {4, 3, 1};
    for (uint64_t i = 0; i < AQ_LENGTH(wanted); i++) {
        if (i > 0)
            log_case_append(5 - i, RAFT_BARRIER, "", 0, 0, 2);
        test_must(log_store_extent(logs.store, &extent, &error), &error);
        assert_int_equal(extent.configuration, wanted[i]);
    }
}

static bool count_event(void *context, const struct aq_event *event)
{
    unsigned *count = context;
    assert_int_equal(event->seq, ++*count);
    return true;
}

static void an_existing_entry_is_replaced_with_all_after_it(void **context)
{
    (void)context;
    unsigned events = 0;
    struct aq_error error = {0};
    log_case_begin();
    log_case_add(1, 1, 1);
    unsigned char hash[AQ_HASH_SIZE];
    memcpy(hash, logs.hash, sizeof hash);
    log_case_add(1, 5, 1);
    log_case_append(logs.next_index++, RAFT_BARRIER, "", 0, 0, 1);
    log_case_add(1, 5, 1);
    check_extent(1, 5, 1, 1);
    logs.next_index = 3; /* again from the third on, but fewer */
    logs.next_seq = 2;
    memcpy(logs.hash, hash, sizeof hash);
    log_case_add(1, 2, 1);
    check_extent(1, 3, 1, 1);
    /* No seq leads to removed entries. */
    test_must(events_scan(log_store_events(logs.store), 1, UINT64_MAX, count_event, &events, &error), &error);
    assert_int_equal(events, 3);
    log_case_add(1, 1, 1);
    events = 0;
    test_must(events_scan(log_store_events(logs.store), 1, UINT64_MAX, count_event, &events, &error), &error);
    assert_int_equal(events, 4);
}

static void an_append_without_room_leaves_the_log_unchanged(void **context)
{
    (void)context;
    struct aq_error error = {0};
    log_case_begin();
    log_case_add(1, 1, 1);
    size_t size = 4 << 20;
    char *data = aq_calloc(1, size);
    struct log_entry entry = {.index = 3, .term = 2, .type = RAFT_BARRIER, .data = data, .size = (uint32_t)size};
    int status = 0;
    for (int i = 0; i < 100 && status == 0; i++) {
        status = log_store_append(logs.store, &entry, 1, 2, NULL, &error);
        entry.index += status == 0;
    }
    assert_int_equal(status, -1);
    assert_int_equal(error.code, AQ_E_NO_SPACE);
    assert_string_equal(error.message, "appending to the log: the limit log.map_size is reached");
    check_extent(1, entry.index - 1, 2, 1);
    entry.size = 100;
    test_must(log_store_append(logs.store, &entry, 1, 2, NULL, &error), &error); /* a small one still fits */
    free(data);
}

/* ---- replica ------------------------------------------------------------------------------------------ */

static const struct replica_options options = {.id = 1, .address = "controller-1", .reserve_mib = 1};

static struct replica *replica_new(uint64_t applied)
{
    struct replica *replica;
    struct aq_error error = {0};
    struct replica_options own = options;
    own.applied = applied;
    test_must(replica_open(&replica, logs.store, &own, 1000, &error), &error);
    return replica;
}

/* Does the replica's job, as the log thread does. */
static void make_durable(struct replica *replica)
{
    struct aq_error error = {0};
    struct log_job job;
    for (int i = 0; i < 10 && replica_job(replica, &job); i++) {
        test_must(
            log_store_append(logs.store, job.entries, job.count, job.commit, job.has_vote ? &job.vote : NULL, &error),
            &error);
        raft_free(job.memory);
        if (job.count > 0)
            test_must(replica_persisted(replica, job.entries[job.count - 1].index, 1000, &error), &error);
    }
}

static void become_leader(struct replica *replica)
{
    struct aq_error error = {0};
    make_durable(replica);
    for (int i = 0; i < 10 && !replica_leads(replica); i++) {
        test_must(replica_timeout(replica, replica_deadline_ms(replica), &error), &error);
        make_durable(replica);
    }
    assert_true(replica_leads(replica));
}

static void an_empty_log_becomes_a_cluster_of_one(void **context)
{
    (void)context;
    struct replica *replica = replica_new(0);
    check_extent(1, 1, 1, 1);
    become_leader(replica);
    assert_int_equal(replica_commit(replica), replica_last(replica));
    replica_close(replica);
    replica_close(NULL);
}

static void a_submitted_entry_is_committed_when_it_is_durable(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct replica *replica = replica_new(0);
    become_leader(replica);
    uint64_t last = replica_last(replica);
    struct aq_buffer packed = log_case_pack(1, 1, 1, logs.hash);
    void *data = raft_malloc(packed.length);
    memcpy(data, packed.data, packed.length);
    test_must(replica_submit(replica, RAFT_COMMAND, data, (uint32_t)packed.length, 1, 1000, &error), &error);
    assert_int_equal(replica_last(replica), last + 1);
    assert_int_equal(replica_commit(replica), last);
    make_durable(replica);
    assert_int_equal(replica_commit(replica), last + 1);
    assert_int_equal(extent_now().last, last + 1);
    replica_close(replica);
    aq_buffer_free(&packed);
}

static void after_a_restart_it_leads_again_with_all_entries(void **context)
{
    (void)context;
    struct replica *replica = replica_new(0);
    become_leader(replica);
    uint64_t term = replica_term(replica), last = replica_last(replica);
    replica_close(replica);
    log_case_close();
    log_case_open();
    replica = replica_new(0);
    become_leader(replica);
    assert_true(replica_term(replica) >= term);
    assert_true(replica_last(replica) >= last);
    assert_int_equal(replica_commit(replica), replica_last(replica));
    replica_close(replica);
}

/* The controller ended after an append, before the next append noted that it was committed. */
static void a_tail_that_is_not_known_to_be_committed_is_kept(void **context)
{
    (void)context;
    log_case_begin();
    for (int i = 0; i < 4; i++)
        log_case_add(1, 1, 1);
    struct replica *replica = replica_new(0);
    become_leader(replica);
    assert_true(replica_last(replica) >= 5);
    assert_int_equal(replica_commit(replica), replica_last(replica));
    replica_close(replica);
}

static void a_log_that_ends_before_what_was_committed_is_refused(void **context)
{
    (void)context;
    struct replica *replica;
    struct aq_error error = {0};
    struct replica_options own = options;
    own.applied = 9;
    log_case_begin();
    log_case_add(1, 1, 1);
    assert_int_equal(replica_open(&replica, logs.store, &own, 1000, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    assert_string_equal(error.message,
                        "the log ends at entry 2 with its configuration at 1, but entry 9 was committed");
}

/* ---- replay ------------------------------------------------------------------------------------------- */

static struct state *fresh_tables(void)
{
    struct state *state;
    struct aq_error error = {0};
    test_must(state_open(&state, logs.directory, STATE_WRITE, LOG_CASE_MAP_BYTES, &error), &error);
    return state;
}

static uint64_t seq_of(struct state *state)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_read(state, &txn, &error), &error);
    uint64_t seq = state_seq(txn);
    state_end(txn);
    return seq;
}

static void check_replay_fails(const char *words)
{
    struct aq_error error = {0};
    struct state *state = fresh_tables();
    assert_int_equal(replay(logs.store, state, NULL, UINT64_MAX - 1, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    state_close(state);
}

static void replay_continues_after_the_applied_entry(void **context)
{
    (void)context;
    struct aq_error error = {0};
    log_case_begin();
    for (int i = 0; i < 5; i++)
        log_case_add(2, 2, 1);
    struct state *state = fresh_tables();
    test_must(replay(logs.store, state, NULL, 1, &error), &error);
    assert_int_equal(seq_of(state), 0);
    test_must(replay(logs.store, state, NULL, 3, &error), &error);
    assert_int_equal(seq_of(state), 8);
    test_must(replay(logs.store, state, NULL, 6, &error), &error);
    test_must(replay(logs.store, state, NULL, 6, &error), &error);
    assert_int_equal(seq_of(state), 20);
    test_must(replay_check_applied(logs.store, state, &error), &error);
    state_close(state);
}

static void a_long_log_is_replayed_in_rounds(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct aq_buffer packed;
    struct log_entry entries[64];
    log_case_begin();
    for (int i = 0; i < 70; i++) { /* 4480 entries: more than one round */
        for (unsigned k = 0; k < 64; k++) {
            packed = log_case_pack(logs.next_seq, 1, 1, logs.hash);
            aq_entry_hash(packed.data, packed.length, logs.hash);
            entries[k] = (struct log_entry){.index = logs.next_index++,
                                            .term = LOG_CASE_TERM,
                                            .type = RAFT_COMMAND,
                                            .data = aq_arena_text(&logs.arena, packed.data, packed.length),
                                            .size = (uint32_t)packed.length,
                                            .first_seq = logs.next_seq++};
            aq_buffer_free(&packed);
        }
        test_must(log_store_append(logs.store, entries, 64, 1, NULL, &error), &error);
        aq_arena_reset(&logs.arena);
    }
    struct state *state = fresh_tables();
    test_must(replay(logs.store, state, NULL, logs.next_index - 1, &error), &error);
    assert_int_equal(seq_of(state), 70 * 64);
    state_close(state);
}

/* Must be called with the wanted event only. */
static bool take_one(void *context, const struct aq_event *event)
{
    *(uint64_t *)context = event->seq;
    return false;
}

static void every_seq_is_found(void **context)
{
    (void)context;
    struct aq_error error = {0};
    log_case_begin();
    for (unsigned i = 0; i < 100; i++) { /* with entries without events, and raft's own, between them and at the end */
        log_case_add(1, i % 7, 1);
        log_case_add(1, 0, 1);
        for (unsigned k = 0; k < (i % 10 == 9 ? 3u : 0u); k++)
            log_case_append(logs.next_index++, RAFT_BARRIER, "", 0, 0, 1);
    }
    struct events *events = log_store_events(logs.store);
    assert_int_equal(events_first(events), 1);
    for (uint64_t seq = 1; seq < logs.next_seq; seq++) {
        uint64_t found = 0;
        test_must(events_scan(events, seq, UINT64_MAX, take_one, &found, &error), &error);
        assert_int_equal(found, seq);
    }
    uint64_t found = 0;
    test_must(events_scan(events, logs.next_seq, UINT64_MAX, take_one, &found, &error), &error);
    assert_int_equal(found, 0);
}

static void a_broken_chain_is_named(void **context)
{
    (void)context;
    log_case_begin();
    log_case_add(1, 1, 1);
    logs.hash[5] ^= 1;
    log_case_add(1, 1, 1);
    check_replay_fails("log entry 3 (seq 2) does not follow the one before it: the hash chain is broken");
}

static void a_wrong_seq_is_named(void **context)
{
    (void)context;
    log_case_begin();
    log_case_add(1, 1, 1);
    logs.next_seq++;
    log_case_add(1, 1, 1);
    check_replay_fails("log entry 3 begins at seq 3, but 2 comes next");
}

/* Flips every byte of an entry in turn: either the entry cannot be read, or the next one does not follow it. */
static void a_flipped_byte_is_found_wherever_it_is(void **context)
{
    (void)context;
    unsigned char hash[AQ_HASH_SIZE];
    log_case_begin();
    log_case_add(1, 1, 1);
    memcpy(hash, logs.hash, sizeof hash);
    struct aq_buffer good = log_case_pack(2, 1, 1, hash);
    aq_entry_hash(good.data, good.length, hash);
    struct aq_buffer next = log_case_pack(3, 1, 1, hash);
    for (size_t i = 0; i < good.length; i++) {
        struct aq_error error = {0};
        good.data[i] ^= 0x10;
        log_case_append(3, RAFT_COMMAND, good.data, good.length, 2, 1);
        log_case_append(4, RAFT_COMMAND, next.data, next.length, 3, 1);
        good.data[i] ^= 0x10;
        struct state *state = fresh_tables();
        assert_int_equal(replay(logs.store, state, NULL, 4, &error), -1);
        assert_int_equal(error.code, AQ_E_CORRUPT);
        assert_true(strstr(error.message, "log entry 3") != NULL || strstr(error.message, "log entry 4") != NULL);
        assert_true(seq_of(state) == 0);
        state_discard(state);
    }
    aq_buffer_free(&good);
    aq_buffer_free(&next);
}

static void tables_of_another_log_are_not_trusted(void **context)
{
    (void)context;
    struct aq_error error = {0};
    log_case_begin();
    log_case_add(1, 1, 1);
    log_case_add(1, 1, 1);
    struct state *state = fresh_tables();
    test_must(replay_check_applied(logs.store, state, &error), &error); /* empty tables fit any log */
    test_must(replay(logs.store, state, NULL, 3, &error), &error);
    test_must(replay_check_applied(logs.store, state, &error), &error);
    struct aq_buffer other = log_case_pack(2, 1, 2, logs.hash);
    log_case_append(3, RAFT_COMMAND, other.data, other.length, 2, 1);
    aq_buffer_free(&other);
    assert_int_equal(replay_check_applied(logs.store, state, &error), -1);
    assert_string_equal(error.message, "log entry 3 is not the one that the tables applied");
    log_case_append(2, RAFT_BARRIER, "", 0, 0, 1);
    assert_int_equal(replay_check_applied(logs.store, state, &error), -1);
    assert_string_equal(error.message, "the tables applied log entry 3, which the log does not have");
    state_close(state);
}

static void an_event_of_a_newer_version_is_named(void **context)
{
    (void)context;
    struct aq_logged_event event = log_case_event(1);
    struct aq_logged_decision decision = {.author = "admin", .command = 1, .key = "", .id = "x", .events = {&event, 1}};
    struct aq_entry entry = {
        .format = AQ_ENTRY_FORMAT, .previous = {logs.hash, AQ_HASH_SIZE}, .first_seq = 1, .decisions = {&decision, 1}};
    const char *const words[] = {"user_created of version 3, but only 2 is known: written by a newer version?",
                                 "the log holds event 999, which is not known: written by a newer version?"};
    log_case_begin();
    for (int i = 0; i < 2; i++) {
        struct aq_buffer packed = {0};
        event.version = i == 0 ? 3 : 1;
        event.code = i == 0 ? event.code : 999;
        aq_entry_pack(&entry, &packed);
        log_case_append(2, RAFT_COMMAND, packed.data, packed.length, 1, 1);
        aq_buffer_free(&packed);
        check_replay_fails(words[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_new_log_is_empty),
        LOG_TEST(appended_entries_survive_a_restart),
        LOG_TEST(entries_are_read_as_far_as_they_exist),
        LOG_TEST(an_existing_entry_is_replaced_with_all_after_it),
        LOG_TEST(a_configuration_that_is_replaced_leaves_the_one_before_it),
        LOG_TEST(an_append_without_room_leaves_the_log_unchanged),
        LOG_TEST(an_empty_log_becomes_a_cluster_of_one),
        LOG_TEST(a_submitted_entry_is_committed_when_it_is_durable),
        LOG_TEST(after_a_restart_it_leads_again_with_all_entries),
        LOG_TEST(a_tail_that_is_not_known_to_be_committed_is_kept),
        LOG_TEST(a_log_that_ends_before_what_was_committed_is_refused),
        LOG_TEST(replay_continues_after_the_applied_entry),
        LOG_TEST(a_long_log_is_replayed_in_rounds),
        LOG_TEST(every_seq_is_found),
        LOG_TEST(a_broken_chain_is_named),
        LOG_TEST(a_wrong_seq_is_named),
        LOG_TEST(a_flipped_byte_is_found_wherever_it_is),
        LOG_TEST(tables_of_another_log_are_not_trusted),
        LOG_TEST(an_event_of_a_newer_version_is_named),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
