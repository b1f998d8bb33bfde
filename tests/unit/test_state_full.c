/* A full map: a transaction that has no room fails as a whole, and the next one works. */
#include "tests/lib/decide_case.h"

#include <sys/stat.h>

enum { SMALL_MAP_BYTES = 1 << 20 };

/* Returns how many counters fit. */
static unsigned fill(struct state_txn *txn)
{
    struct aq_error error;
    char name[64];
    unsigned i;
    for (i = 0; i < 100000 && !state_failed(txn, &error); i++) {
        snprintf(name, sizeof name, "%08u-a-rather-long-name-of-a-counter", i);
        counter_set(txn, name, i + 1);
    }
    return i;
}

static bool count_row(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)key;
    (void)value;
    (void)length;
    ++*(unsigned *)context;
    return true;
}

/* One page for each would fill the map of 256 pages. */
static void applications_that_wait_only_briefly_take_no_room(void **context)
{
    (void)context;
    struct state *small;
    struct state_txn *txn;
    struct aq_error error = {0};
    char directory[80];
    const void *value;
    size_t length;
    struct state_key key, all = {0};
    snprintf(directory, sizeof directory, "%s/brief", spec.directory);
    assert_int_equal(mkdir(directory, 0700), 0);
    test_must(state_open(&small, directory, STATE_WRITE, SMALL_MAP_BYTES, &error), &error);
    for (unsigned round = 0; round < 2; round++) { /* in the second round, the row exists from the first */
        test_must(state_write(small, &txn, &error), &error);
        for (unsigned i = 0; i < 1000; i++) {
            key = state_key_number(i + 1);
            index_put(txn, INDEX_WAITING, &key, "", 0);
            index_remove(txn, INDEX_WAITING, &key);
            assert_false(index_get(txn, INDEX_WAITING, &key, &value, &length));
        }
        unsigned seen = 0;
        index_put(txn, INDEX_WAITING, &key, "", 0);
        index_scan(txn, INDEX_WAITING, &all, count_row, &seen);
        assert_int_equal(seen, 1);
        assert_true(index_get(txn, INDEX_WAITING, &key, &value, &length));
        test_must(state_commit(txn, &error), &error);
    }
    test_must(state_write(small, &txn, &error), &error);
    struct state_key other = state_key_number(7);
    index_put(txn, INDEX_WAITING, &other, "", 0);
    test_must(state_commit(txn, &error), &error); /* the waiting row is written at the end */
    unsigned seen = 0;
    test_must(state_read(small, &txn, &error), &error);
    index_scan(txn, INDEX_WAITING, &all, count_row, &seen);
    assert_int_equal(seen, 2);
    state_end(txn);
    state_close(small);
}

static void a_full_map_is_latched_and_the_next_transaction_works(void **context)
{
    (void)context;
    struct state *small;
    struct state_txn *txn;
    struct aq_error error = {0};
    char directory[80];
    snprintf(directory, sizeof directory, "%s/small", spec.directory);
    assert_int_equal(mkdir(directory, 0700), 0);
    test_must(state_open(&small, directory, STATE_WRITE, SMALL_MAP_BYTES, &error), &error);
    test_must(state_write(small, &txn, &error), &error);
    counter_set(txn, "first", 1);
    (void)fill(txn);
    assert_true(state_failed(txn, &error));
    assert_int_equal(error.code, AQ_E_NO_SPACE);
    assert_string_equal(error.message, "meta: the limit state.map_size is reached");
    assert_int_equal(counter_get(txn, "first"), 0); /* reads find nothing, writes do nothing */
    counter_set(txn, "first", 2);
    struct state_txn *inner;
    assert_int_equal(state_nested(txn, &inner, &error), -1);
    error = (struct aq_error){0};
    assert_int_equal(state_commit(txn, &error), -1);
    assert_int_equal(error.code, AQ_E_NO_SPACE);

    test_must(state_write(small, &txn, &error), &error);
    test_must(state_nested(txn, &inner, &error), &error);
    (void)fill(inner);
    assert_true(state_failed(inner, &error));
    state_end(inner);
    assert_false(state_failed(txn, &error)); /* only the inner one failed */
    counter_set(txn, "second", 1);
    test_must(state_commit(txn, &error), &error);
    state_close(small);
}

static void project_all(const struct decide_event *events, size_t count)
{
    struct project project = {.txn = spec.txn, .index = spec.index, .arena = &spec.arena, .author = "alice"};
    for (size_t i = 0; i < count; i++)
        project_event(&project, events[i].type, events[i].data);
}

/* Events that write to every index, after "1 waits, 2 is being started". */
static void a_story(void)
{
    const struct decide_event events[] = {
        {&aq_event_application_moved, &(struct aq_application_moved){1, AQ_RECALLED, "given back"}},
        {&aq_event_application_created,
         &(struct aq_application_created){.id = 3, .label_id = 1, .metadata = "{}", .project = ""}},
        {&aq_event_application_elected, &(struct aq_application_elected){.id = 3, .resource = 3, .node = "node-1"}},
        {&aq_event_resource_started, &(struct aq_resource_started){2, "x", "10.0.0.1", "aa:bb"}},
        {&aq_event_application_moved, &(struct aq_application_moved){2, AQ_ALLOCATED, ""}},
        {&aq_event_resource_ended, &(struct aq_resource_ended){.id = 2, .reason = "exit status 0"}},
        {&aq_event_application_moved, &(struct aq_application_moved){2, AQ_DEALLOCATED, "ended"}},
        {&aq_event_node_deleted, &(struct aq_node_deleted){"node-2"}},
    };
    project_all(events, AQ_LENGTH(events));
}

static void fill_with(struct state_txn *txn, unsigned count)
{
    char name[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%08u-a-rather-long-name-of-a-counter", i);
        counter_set(txn, name, i + 1);
    }
}

/* Wherever the map becomes full, the handlers of project run to their end, whatever they can no longer read; and the
 * placement index can be undone. */
static void project_survives_a_full_map_at_every_point(void **context)
{
    (void)context;
    struct aq_error error = {0};
    char directory[80];
    state_end(spec.txn);
    state_close(spec.state);
    snprintf(directory, sizeof directory, "%s/small", spec.directory);
    assert_int_equal(mkdir(directory, 0700), 0);
    test_must(state_open(&spec.state, directory, STATE_WRITE, SMALL_MAP_BYTES, &error), &error);
    test_must(state_write(spec.state, &spec.txn, &error), &error);
    spec.index = (place_index_free(spec.index), place_index_new());
    given_cluster();
    given_node(2, "node-2", 1);
    GIVEN(application_created, .id = 1, .label_id = 1);
    GIVEN(application_created, .id = 2, .label_id = 1);
    GIVEN(application_elected, .id = 2, .resource = 2, .node = "node-1");
    place_index_keep(spec.index);
    test_must(state_commit(spec.txn, &error), &error);

    test_must(state_write(spec.state, &spec.txn, &error), &error);
    unsigned most = fill(spec.txn), failures = 0;
    for (unsigned less = 0; less < 1500 && less <= most; less += 10) {
        state_end(spec.txn);
        test_must(state_write(spec.state, &spec.txn, &error), &error);
        fill_with(spec.txn, most - less);
        a_story();
        failures += state_failed(spec.txn, &error);
        place_index_undo(spec.index, 0);
        aq_arena_reset(&spec.arena);
    }
    assert_true(failures > 10);
    assert_int_equal(place_index_columns(spec.index).count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(applications_that_wait_only_briefly_take_no_room),
        SPEC_TEST(a_full_map_is_latched_and_the_next_transaction_works),
        SPEC_TEST(project_survives_a_full_map_at_every_point),
    };
    return cmocka_run_group_tests_name("state: a full map", tests, NULL, NULL);
}
