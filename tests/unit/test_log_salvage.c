/* Salvage of a damaged log: it copies all intact entries up to the first lost one, nothing that was not written, and
 * into a log from which a controller can start. The damaged log is not changed. */
#include "controller/lmdb/page_layout.h"
#include "controller/log/replica.h"
#include "controller/log/salvage.h"
#include "controller/setup.h"
#include "controller/state/applied.h"
#include "controller/state/log_layout.h"
#include "controller/state/state.h"
#include "controller/tables.h"
#include "schema/base/journal.h"
#include "schema/codec/check.h"
#include "schema/codec/preset.h"
#include "schema/model/user.h"
#include "tests/lib/chance.h"
#include "tests/lib/log_flip.h"

#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <raft.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Some entries are large enough to be on pages of their own. */
enum { ENTRIES = 120, EVENTS = 3, LARGE_EVENTS = 200, LARGE_EACH = 40, FLIPS = 300, PAGE = 4096 };

static char path[96], saved[96], target[112]; /* the damaged file; the data directory of the copy; its log */
static struct aq_buffer report;

static unsigned events_of(uint64_t index)
{
    return index % LARGE_EACH == 0 ? LARGE_EVENTS : EVENTS;
}

/* The seq of the first event of an entry. */
static uint64_t seq_of(uint64_t index)
{
    uint64_t seq = 1;
    for (uint64_t i = 2; i < index; i++)
        seq += events_of(i);
    return seq;
}

static void given_a_log(void)
{
    log_case_begin();
    for (uint64_t index = 2; index <= ENTRIES + 1; index++)
        log_case_add(1, events_of(index), index - 1);
    log_case_close();
    log_case_path(path);
    snprintf(saved, sizeof saved, "%s/saved", logs.directory);
    snprintf(target, sizeof target, "%s/log", saved);
    assert_int_equal(mkdir(saved, 0700), 0);
}

static int salvage_it(struct aq_error *error)
{
    *error = (struct aq_error){0};
    aq_buffer_reset(&report);
    return salvage(logs.directory, target, LOG_CASE_MAP_BYTES, &report, error);
}

/* Damages an event in every copy of its page. */
static void damage(const char *name)
{
    each_match(path, name, flip_match, path);
}

/* Damages the flags of each page, including the first two. */
static void damage_heads(void)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    for (off_t page = 0; page * PAGE < status.st_size; page++)
        flip_bit(path, page * PAGE + 10, 4);
}

static bool check_event(void *context, const struct aq_event *event)
{
    uint64_t *seen = context;
    char name[32];
    snprintf(name, sizeof name, "u%" PRIu64, event->seq);
    const struct aq_user_created *user = event->data;
    assert_int_equal(event->seq, *seen + 1);
    assert_string_equal(user->name, name);
    ++*seen;
    return true;
}

/* The copy is the log up to this entry. Closes it again. */
static void check_saved(uint64_t last)
{
    struct aq_error error = {0};
    struct log_store *store;
    struct log_extent extent;
    uint64_t seen = 0;
    test_must(log_store_open(&store, saved, LOG_CASE_MAP_BYTES, &error), &error);
    test_must(log_store_extent(store, &extent, &error), &error);
    test_must(events_scan(log_store_events(store), 1, UINT64_MAX, check_event, &seen, &error), &error);
    assert_int_equal(extent.first, 1);
    assert_int_equal(extent.last, last);
    assert_int_equal(extent.last_term, LOG_CASE_TERM);
    assert_int_equal(extent.commit, last);
    assert_int_equal(extent.configuration, 1);
    assert_int_equal(extent.vote.term, LOG_CASE_TERM);
    assert_int_equal(seen, seq_of(last + 1) - 1);
    log_store_close(store);
}

static void remove_saved(void)
{
    test_remove_tree(target);
}

static void check_report(const char *expected)
{
    assert_string_equal(aq_buffer_string(&report), expected);
}

/* ---- what is copied ------------------------------------------------------------------------------------- */

static void a_log_without_damage_is_copied_completely(void **context)
{
    (void)context;
    struct aq_error error;
    char expected[512];
    given_a_log();
    test_must(salvage_it(&error), &error);
    snprintf(expected, sizeof expected,
             "intact and copied: entries 1 to 121 (seq 1 to 951, until 1970-01-01T00:16:40.949Z)\nto %s\n"
             "lost: nothing that can be detected\n",
             target);
    check_report(expected);
    check_saved(ENTRIES + 1);
}

/* The free space of a leaf keeps old bytes: here, an entry of another leaf. False: there is not enough space. */
static bool leave_over(unsigned char *page, const unsigned char *node, uint16_t size)
{
    struct page_head head;
    memcpy(&head, page, sizeof head);
    if (head.flags != PAGE_LEAF || head.upper - head.lower < size + 2)
        return false;
    uint16_t at = (uint16_t)(head.upper - size);
    memcpy(page + at, node, size);
    memcpy(page + head.lower, &at, sizeof at);
    return true;
}

static void so_is_one_with_old_bytes_on_its_pages(void **context)
{
    (void)context;
    struct aq_error error;
    struct stat status;
    struct node node;
    unsigned char bytes[PAGE], page[PAGE];
    unsigned count = 0;
    given_a_log();
    log_case_open();
    for (int i = 0; i < 2 * ENTRIES; i++)
        log_case_add(1, events_of(logs.next_index), logs.next_index - 1);
    log_case_close();
    int fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &status), 0);
    off_t place = find_last_match(path, "controller-1");
    assert_int_equal(pread(fd, bytes, PAGE, place / PAGE * PAGE), PAGE);
    uint16_t at; /* of the first row */
    memcpy(&at, bytes + HEAD_SIZE, sizeof at);
    memcpy(&node, bytes + at, sizeof node);
    uint16_t size = (uint16_t)(NODE_SIZE + node.key_size + node.low + node.low % 2);
    for (off_t number = 2; number < status.st_size / PAGE; number++) {
        assert_int_equal(pread(fd, page, PAGE, number * PAGE), PAGE);
        if (leave_over(page, bytes + at, size)) {
            assert_int_equal(pwrite(fd, page, PAGE, number * PAGE), PAGE);
            count++;
        }
    }
    close(fd);
    assert_true(count > 5);
    test_must(salvage_it(&error), &error);
    check_saved(3 * ENTRIES + 1);
}

static void entries_are_copied_up_to_a_damaged_one(void **context)
{
    (void)context;
    struct aq_error error;
    char expected[512];
    given_a_log();
    damage("u100");
    test_must(salvage_it(&error), &error);
    snprintf(expected, sizeof expected,
             "intact and copied: entries 1 to 34 (seq 1 to 99, until 1970-01-01T00:16:40.097Z)\nto %s\n"
             "lost: log entry 35 (seq 100) is damaged: its bytes are not what was written\n"
             "lost in total: entries 35 to 121 (seq 100 to 951, until 1970-01-01T00:16:40.949Z); "
             "no entry can follow a lost one\n",
             target);
    check_report(expected);
    check_saved(34);
    remove_saved();
    damage("t100"); /* flips it back */
    damage("u951");
    test_must(salvage_it(&error), &error);
    snprintf(expected, sizeof expected,
             "intact and copied: entries 1 to 120 (seq 1 to 948, until 1970-01-01T00:16:40.749Z)\nto %s\n"
             "lost: log entry 121 (seq 949) is damaged: its bytes are not what was written\n"
             "lost in total: entry 121\n",
             target);
    check_report(expected);
    check_saved(120);
}

static void also_if_it_is_a_large_one(void **context)
{
    (void)context;
    struct aq_error error;
    given_a_log();
    damage("u300");
    test_must(salvage_it(&error), &error);
    assert_non_null(strstr(aq_buffer_string(&report), "lost: log entry 40 (seq 115) is damaged: its bytes"));
    check_saved(39);
}

static void pages_that_lead_to_entries_need_not_be_intact(void **context)
{
    (void)context;
    struct aq_error error;
    given_a_log();
    damage_heads();
    assert_int_equal(log_store_open(&logs.store, logs.directory, LOG_CASE_MAP_BYTES, &error), -1);
    test_must(salvage_it(&error), &error);
    assert_non_null(strstr(aq_buffer_string(&report), "\nlost: nothing that can be detected\n"));
    assert_non_null(strstr(aq_buffer_string(&report), "/log/data.mdb is damaged: page 0, byte 0: not a meta page"));
    check_saved(ENTRIES + 1);
}

/* As older versions wrote it: without a checksum, and with a row in a table of seqs. */
static void add_plain_entry(void)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi entries, seqs;
    char directory[80];
    snprintf(directory, sizeof directory, "%s/log", logs.directory);
    struct aq_buffer packed = log_case_pack(logs.next_seq, 1, EVENTS, logs.hash), row = {0};
    struct log_head head = {.term = LOG_CASE_TERM, .type = RAFT_COMMAND, .size = (uint32_t)packed.length};
    aq_buffer_add(&row, &head, LOG_HEAD_PLAIN_SIZE);
    aq_buffer_add(&row, packed.data, packed.length);
    struct state_key name = state_key_number(logs.next_index++);
    MDB_val key = {name.length, name.bytes}, value = {row.length, row.data};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, directory, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, LOG_TABLE_ENTRIES, 0, &entries), 0);
    assert_int_equal(mdb_put(txn, entries, &key, &value, 0), 0);
    assert_int_equal(mdb_dbi_open(txn, "seqs", MDB_CREATE, &seqs), 0);
    name = state_key_number(logs.next_index);
    value = (MDB_val){sizeof logs.next_seq, &logs.next_seq};
    assert_int_equal(mdb_put(txn, seqs, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    aq_entry_hash(packed.data, packed.length, logs.hash);
    logs.next_seq += EVENTS;
    aq_buffer_free(&packed);
    aq_buffer_free(&row);
}

static void an_entry_without_a_checksum_is_confirmed_by_the_next_one(void **context)
{
    (void)context;
    struct aq_error error;
    given_a_log();
    add_plain_entry();
    add_plain_entry();
    test_must(salvage_it(&error), &error);
    assert_non_null(strstr(aq_buffer_string(&report), "\nlost: nothing that can be detected\n"));
    check_saved(ENTRIES + 3); /* nothing follows the last one to confirm it */
    remove_saved();
    damage("u953");
    test_must(salvage_it(&error), &error);
    assert_non_null(strstr(aq_buffer_string(&report),
                           "lost: log entry 123 (seq 0) does not follow the one before it: the hash chain is broken\n"
                           "lost in total: entries 122 to 123 (seq 952 to 957, until "));
    check_saved(ENTRIES + 1);
}

/* Flips one bit at a time. In the head of a page, none costs an entry; and nowhere does one lead to false entries. */
static void wherever_a_bit_flips(void **context)
{
    (void)context;
    struct aq_error error;
    struct stat status;
    uint64_t whole = 0;
    struct chance chance = {1};
    given_a_log();
    assert_int_equal(stat(path, &status), 0);
    uint64_t pages = (uint64_t)status.st_size / PAGE;
    for (int i = 0; i < FLIPS; i++) {
        struct log_store *store;
        struct log_extent extent;
        struct turned_bit turned = draw_bit(&chance, pages, i % 2 ? HEAD_SIZE : PAGE);
        flip_bit(path, turned.offset, turned.bit);
        if (salvage_it(&error) == 0) {
            test_must(log_store_open(&store, saved, LOG_CASE_MAP_BYTES, &error), &error);
            test_must(log_store_extent(store, &extent, &error), &error);
            log_store_close(store);
            check_saved(extent.last);
            whole += extent.last == ENTRIES + 1;
            assert_true(i % 2 == 0 || extent.last == ENTRIES + 1);
        } else {
            assert_true(i % 2 == 0);
            assert_string_equal(error.message,
                                "nothing can be copied: log entry 1 (seq 0) is damaged: its bytes are not what was "
                                "written");
        }
        remove_saved();
        flip_bit(path, turned.offset, turned.bit);
    }
    printf("# %" PRIu64 " of %d cost no entry\n", whole, FLIPS);
}

/* ---- what is not trusted -------------------------------------------------------------------------------- */

/* A page that looks like a leaf with an entry of raft's own, which no hash links to the one before it. */
static void forge_leaf(unsigned char *page, uint64_t index)
{
    struct log_head head = {.term = 99, .type = RAFT_BARRIER | (LOG_CHECKED | LOG_COMMITS)};
    struct page_head page_head = {.flags = PAGE_LEAF, .lower = HEAD_SIZE + 2, .upper = 1024};
    struct node node = {.low = sizeof head, .key_size = 8};
    uint16_t at = 1024;
    struct state_key key = state_key_number(index);
    head.check = log_check(index, &head, "");
    memcpy(page, &page_head, sizeof page_head);
    memcpy(page + HEAD_SIZE, &at, sizeof at);
    memcpy(page + at, &node, sizeof node);
    memcpy(page + at + NODE_SIZE, key.bytes, key.length);
    memcpy(page + at + NODE_SIZE + 8, &head, sizeof head);
}

static void the_contents_of_an_entry_are_not_taken_for_an_entry(void **context)
{
    (void)context;
    struct aq_error error;
    given_a_log();
    log_case_open();
    struct aq_buffer packed = log_case_pack(logs.next_seq, 1, 1000, logs.hash);
    assert_true(packed.length > (size_t)3 * PAGE);
    forge_leaf((unsigned char *)packed.data + PAGE - HEAD_SIZE - sizeof(struct log_head), logs.next_index + 1);
    log_case_append(logs.next_index, RAFT_COMMAND, packed.data, packed.length, logs.next_seq, logs.next_index - 1);
    aq_buffer_free(&packed);
    log_case_close();
    test_must(salvage_it(&error), &error);
    assert_memory_equal(aq_buffer_string(&report), "intact and copied: entries 1 to 122\n", 36);
}

/* Refused because the disk was full, after its pages were written; then another entry got its index. */
static void a_refused_entry_is_not_taken_for_the_one_that_replaced_it(void **context)
{
    (void)context;
    struct aq_error error;
    struct stat status;
    unsigned char before[AQ_HASH_SIZE], page[PAGE];
    given_a_log();
    memcpy(before, logs.hash, sizeof before);
    log_case_open();
    log_case_add(1, EVENTS + 1, logs.next_index - 1);
    off_t place = find_last_match(path, "u955");
    int fd = open(path, O_RDWR);
    assert_true(place > 0 && fd >= 0);
    assert_int_equal(pread(fd, page, PAGE, place / PAGE * PAGE), PAGE);
    memcpy(logs.hash, before, sizeof before);
    logs.next_index--;
    logs.next_seq -= EVENTS + 1;
    log_case_add(1, EVENTS, logs.next_index - 1);
    log_case_add(1, EVENTS, logs.next_index - 1);
    log_case_close();
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(pwrite(fd, page, PAGE, status.st_size), PAGE);
    close(fd);
    test_must(salvage_it(&error), &error);
    check_saved(ENTRIES + 3);
}

/* ---- starting from the copy ----------------------------------------------------------------------------- */

static void check_tables(const struct aq_config_controller *config, bool rebuilt, uint64_t index)
{
    struct aq_error error = {0};
    struct log_store *store;
    struct state *state;
    struct state_txn *txn;
    char before[64], after[64], link[112];
    snprintf(link, sizeof link, "%s/state/current", saved);
    ssize_t length = readlink(link, before, sizeof before - 1);
    before[length > 0 ? length : 0] = '\0';
    test_must(log_store_open(&store, saved, LOG_CASE_MAP_BYTES, &error), &error);
    test_must(tables_open(&state, config, store, false, &error), &error);
    test_must(state_read(state, &txn, &error), &error);
    assert_int_equal(state_applied_get(txn).index, index);
    assert_int_equal(state_applied_get(txn).seq, seq_of(index + 1) - 1);
    state_end(txn);
    length = readlink(link, after, sizeof after - 1);
    assert_true(length > 0);
    after[length] = '\0';
    assert_int_equal(strcmp(before, after) != 0, rebuilt);
    test_must(tables_close(state, &error), &error);
    log_store_close(store);
}

/* Raft continues after the last entry. */
static void check_raft(uint64_t last)
{
    struct aq_error error = {0};
    struct log_store *store;
    struct replica *replica;
    struct replica_options options = {.id = 1, .address = "controller-1", .applied = last, .reserve_mib = 1};
    test_must(log_store_open(&store, saved, LOG_CASE_MAP_BYTES, &error), &error);
    test_must(replica_open(&replica, store, &options, 1, &error), &error);
    assert_true(replica_leads(replica));
    assert_int_equal(replica_term(replica), LOG_CASE_TERM);
    assert_int_equal(replica_last(replica), last);
    assert_int_equal(replica_commit(replica), last);
    replica_close(replica);
    log_store_close(store);
}

static void tables_that_are_ahead_of_the_copy_are_rebuilt(void **context)
{
    (void)context;
    struct aq_error error;
    struct aq_arena arena = {0};
    struct aq_config_controller config;
    aq_journal_open("test", AQ_ERROR);
    given_a_log();
    aq_record_init(&aq_config_controller_record, &config, &arena);
    config.data = saved;
    config.state.map_size = 64;
    test_must(salvage_it(&error), &error);
    check_tables(&config, true, ENTRIES + 1);
    check_tables(&config, false, ENTRIES + 1);
    damage("u100");
    remove_saved();
    test_must(salvage_it(&error), &error);
    check_raft(34);
    check_tables(&config, true, 34);
    check_tables(&config, false, 34);
    aq_arena_free(&arena);
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

static void check_refused(const char *format, const char *where)
{
    struct aq_error error;
    char expected[256];
    snprintf(expected, sizeof expected, format, where);
    assert_int_equal(salvage_it(&error), -1);
    assert_string_equal(error.message, expected);
    assert_int_equal(report.length, 0);
}

static void nothing_is_overwritten(void **context)
{
    (void)context;
    char part[120];
    given_a_log();
    assert_int_equal(mkdir(target, 0700), 0);
    check_refused("%s already exists: name a directory that does not", target);
    assert_int_equal(rmdir(target), 0); /* it is still empty */
    snprintf(part, sizeof part, "%s.part", target);
    assert_int_equal(mkdir(part, 0700), 0);
    check_refused("%s was left by an interrupted run: remove it", part);
    assert_int_equal(rmdir(part), 0);
}

static void without_its_first_entry_a_log_is_lost(void **context)
{
    (void)context;
    struct aq_error error;
    char part[120];
    given_a_log();
    snprintf(part, sizeof part, "%s.part", target);
    damage("controller-1");
    check_refused("nothing can be copied: log entry 1 (seq 0) is damaged: its bytes are not what was written", "");
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(truncate(path, 0), 0);
    check_refused("nothing can be copied: there are no log entries", "");
    assert_int_equal(unlink(path), 0);
    check_refused("cannot open %s: No such file or directory", path);
    assert_int_equal(salvage_it(&error), -1);
    assert_int_equal(access(part, F_OK), -1);
}

static void the_damaged_log_is_not_changed(void **context)
{
    (void)context;
    struct aq_error error;
    struct stat before, after;
    char directory[80];
    given_a_log();
    damage("u100");
    damage_heads();
    snprintf(directory, sizeof directory, "%s/log", logs.directory);
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(stat(path, &before), 0);
    test_must(salvage_it(&error), &error);
    assert_int_equal(stat(path, &after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    assert_int_equal(before.st_size, after.st_size);
}

static int end_case(void **context)
{
    aq_buffer_free(&report);
    return log_case_teardown(context);
}

#define SALVAGE_TEST(name) cmocka_unit_test_setup_teardown(name, log_case_setup, end_case)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SALVAGE_TEST(a_log_without_damage_is_copied_completely),
        SALVAGE_TEST(so_is_one_with_old_bytes_on_its_pages),
        SALVAGE_TEST(entries_are_copied_up_to_a_damaged_one),
        SALVAGE_TEST(also_if_it_is_a_large_one),
        SALVAGE_TEST(pages_that_lead_to_entries_need_not_be_intact),
        SALVAGE_TEST(an_entry_without_a_checksum_is_confirmed_by_the_next_one),
        SALVAGE_TEST(wherever_a_bit_flips),
        SALVAGE_TEST(the_contents_of_an_entry_are_not_taken_for_an_entry),
        SALVAGE_TEST(a_refused_entry_is_not_taken_for_the_one_that_replaced_it),
        SALVAGE_TEST(tables_that_are_ahead_of_the_copy_are_rebuilt),
        SALVAGE_TEST(nothing_is_overwritten),
        SALVAGE_TEST(without_its_first_entry_a_log_is_lost),
        SALVAGE_TEST(the_damaged_log_is_not_changed),
    };
    return cmocka_run_group_tests_name("log salvage", tests, NULL, NULL);
}
