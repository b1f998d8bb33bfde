/* The map of the log has its full size from the start: appends have room while snapshots are open. Another process
 * takes over a limit that was raised. */
#include "tests/lib/log_case.h"

#include <raft.h>
#include <sys/wait.h>

enum { ENTRY_BYTES = 1 << 20, ENTRIES = 40 };
enum { SMALL_MAP_BYTES = 16 << 20 };

static int try_to_append(uint64_t index, struct aq_error *error)
{
    static char bytes[ENTRY_BYTES];
    struct log_entry entry = {
        .index = index, .term = LOG_CASE_TERM, .type = RAFT_BARRIER, .data = bytes, .size = sizeof bytes};
    memset(bytes, (int)index, sizeof bytes);
    return log_store_append(logs.store, &entry, 1, 1, NULL, error);
}

/* Appends 40 MiB while a snapshot is open that sees the first entry only. */
static int append_many(void *context, const struct log_entry *entry, struct aq_error *error)
{
    uint64_t *count = context;
    assert_int_equal(entry->index, 1);
    for (uint64_t index = 2; index < 2 + ENTRIES; index++)
        test_must(try_to_append(index, error), error);
    ++*count;
    return 0;
}

static int check_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    const unsigned char *bytes = entry->data;
    (void)error;
    aq_assert(entry->type != RAFT_BARRIER || bytes[entry->size - 1] == (unsigned char)entry->index);
    ++*(uint64_t *)context;
    return 0;
}

static void appends_have_room_while_a_snapshot_is_open(void **context)
{
    (void)context;
    uint64_t count = 0;
    struct aq_error error = {0};
    log_case_begin();
    test_must(log_store_read(logs.store, 1, UINT64_MAX, append_many, &count, &error), &error);
    assert_int_equal(count, 1);
    count = 0;
    test_must(log_store_read(logs.store, 1, UINT64_MAX, check_entry, &count, &error), &error);
    assert_int_equal(count, 1 + ENTRIES);
}

static void a_map_that_no_process_has_addresses_for_is_refused(void **context)
{
    (void)context;
    struct aq_error error = {0};
    log_case_begin();
    log_case_close();
    assert_int_equal(log_store_open(&logs.store, logs.directory, UINT64_C(1) << 50, &error), -1);
    assert_int_equal(error.code, AQ_E_NO_SPACE);
    assert_non_null(strstr(error.message, "no 1073741824 MiB of addresses (log.map_size)"));
    log_case_open();
}

static bool count_event(void *context, const struct aq_event *event)
{
    (void)event;
    ++*(unsigned *)context;
    return true;
}

/* Reads one event, waits until it is told that the log is larger than its map, and reads the next one. */
static int read_from_elsewhere(int from, int to)
{
    struct events *events;
    struct aq_error error = {0};
    unsigned count = 0;
    char byte;
    if (events_open(&events, logs.directory, &error) != 0 ||
        events_scan(events, 1, UINT64_MAX, count_event, &count, &error) != 0 || count != 1)
        return 1;
    if (write(to, "r", 1) != 1 || read(from, &byte, 1) != 1)
        return 2;
    count = 0;
    if (events_scan(events, 1, UINT64_MAX, count_event, &count, &error) != 0 || count != 2)
        return 3;
    events_close(events);
    return 0;
}

static void another_process_takes_over_a_raised_limit(void **context)
{
    (void)context;
    int down[2], up[2], status;
    char byte;
    struct aq_error error = {0};
    log_case_close();
    test_must(log_store_open(&logs.store, logs.directory, SMALL_MAP_BYTES, &error), &error);
    log_case_begin();
    log_case_add(1, 1, 1);
    log_case_close(); /* an open environment must not pass a fork() */
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(read_from_elsewhere(down[0], up[1]));
    }
    assert_int_equal(read(up[0], &byte, 1), 1);
    log_case_open();
    for (; logs.next_index < 3 + ENTRIES; logs.next_index++)
        test_must(try_to_append(logs.next_index, &error), &error);
    log_case_add(1, 1, 1);
    assert_int_equal(write(down[1], "g", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    for (int i = 0; i < 2; i++) {
        close(down[i]);
        close(up[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(appends_have_room_while_a_snapshot_is_open),
        LOG_TEST(a_map_that_no_process_has_addresses_for_is_refused),
        LOG_TEST(another_process_takes_over_a_raised_limit),
    };
    return cmocka_run_group_tests_name("log map", tests, NULL, NULL);
}
