/* The log's map starts small and grows before it is full, while there are readers: threads of this process that hold
 * snapshots, and another process that has the file mapped with its old size. */
#include "tests/lib/log_case.h"

#include <pthread.h>
#include <raft.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { ENTRY_BYTES = 1 << 20, ENTRIES = 40, READERS = 3 }; /* 40 MiB: more than twice the first size of the map */
enum { TRIES = 20 };

/* A reader that keeps its snapshot for a second delays the growth, so the entry is refused; it can be tried again. */
static void append_large(uint64_t index)
{
    static char bytes[ENTRY_BYTES];
    struct aq_error error = {.code = AQ_E_NO_SPACE};
    struct log_entry entry = {
        .index = index, .term = LOG_CASE_TERM, .type = RAFT_BARRIER, .data = bytes, .size = sizeof bytes};
    memset(bytes, (int)index, sizeof bytes);
    int status = -1;
    for (int i = 0; i < TRIES && status != 0 && error.code == AQ_E_NO_SPACE; i++)
        status = log_store_append(logs.store, &entry, 1, 1, NULL, &error);
    test_must(status, &error);
}

static int count_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    const unsigned char *bytes = entry->data;
    (void)error;
    aq_assert(entry->type != RAFT_BARRIER || bytes[entry->size - 1] == (unsigned char)entry->index);
    ++*(unsigned *)context;
    return 0;
}

static atomic_bool done;

static void *read_again_and_again(void *context)
{
    struct aq_error error = {0};
    (void)context;
    while (!atomic_load(&done)) {
        unsigned count = 0;
        test_must(log_store_read(logs.store, 1, UINT64_MAX, count_entry, &count, &error), &error);
    }
    return NULL;
}

static void it_grows_while_threads_read(void **context)
{
    (void)context;
    pthread_t readers[READERS];
    unsigned count = 0;
    struct aq_error error = {0};
    log_case_begin();
    atomic_store(&done, false);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_again_and_again, NULL), 0);
    for (uint64_t index = 2; index < 2 + ENTRIES; index++)
        append_large(index);
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    test_must(log_store_read(logs.store, 1, UINT64_MAX, count_entry, &count, &error), &error);
    assert_int_equal(count, ENTRIES + 1);
    log_case_close(); /* and it opens again, larger than its first size */
    log_case_open();
    append_large(2 + ENTRIES);
}

static bool count_event(void *context, const struct aq_event *event)
{
    (void)event;
    ++*(unsigned *)context;
    return true;
}

/* Reads one event, waits until it is told that the log has grown, and reads the next one. */
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

static void another_process_takes_over_the_new_size(void **context)
{
    (void)context;
    int down[2], up[2], status;
    char byte;
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
        append_large(logs.next_index);
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
        LOG_TEST(it_grows_while_threads_read),
        LOG_TEST(another_process_takes_over_the_new_size),
    };
    return cmocka_run_group_tests_name("log map", tests, NULL, NULL);
}
