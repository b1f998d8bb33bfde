/* The writer at its limits: a full queue, full tables, a full log, requests that do not fit into an entry. Each is
 * refused with its reason and undone as a whole, and the next request works. */
#include "controller/log/replay.h"
#include "controller/log/thread.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "tests/lib/cluster.h"
#include "tests/lib/program.h"

#include <inttypes.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY_MAX = 4096 };

static struct test_cluster cluster;

/* Opens a cluster with these limits. */
static void given_a_cluster(uint64_t log_mib, uint64_t state_mib, uint64_t queue)
{
    test_cluster_new(&cluster);
    if (log_mib != 256 || state_mib != 256) {
        test_cluster_close(&cluster);
        test_remove_tree(cluster.directory);
        assert_int_equal(mkdir(cluster.directory, 0700), 0);
        cluster.config.log.map_size = log_mib;
        cluster.config.state.map_size = state_mib;
        test_cluster_open(&cluster, false);
    }
    cluster.config.log.queue = queue;
    test_cluster_start(&cluster);
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&cluster, "mac");
}

static int teardown(void **context)
{
    (void)context;
    test_cluster_free(&cluster);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

/* The same command `count` times, as one request. */
static void ask_many(const struct aq_command *command, const void *record, uint32_t count, struct aq_error *error)
{
    static const void *records[MANY_MAX];
    for (uint32_t i = 0; i < count; i++)
        records[i] = record;
    struct writer_request request = {
        .command = command, .records = records, .count = count, .caller = aq_caller_internal("admin")};
    test_ask_request(&cluster, &request);
    aq_buffer_free(&request.warnings);
    *error = request.error;
}

static void ask_applications(const char *metadata, uint32_t count, struct aq_error *error)
{
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = metadata};
    ask_many(&aq_command_application_create, &record, count, error);
}

static uint64_t count_rows(const char *entity)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_read(cluster.state, &txn, &error), &error);
    uint64_t count = state_count(txn, aq_entity_find(entity));
    state_end(txn);
    return count;
}

static char *big_metadata(size_t size)
{
    char *text = aq_malloc(size + 16);
    memcpy(text, "{\"a\":\"", 6);
    memset(text + 6, 'x', size);
    memcpy(text + 6 + size, "\"}", 3);
    return text;
}

/* Checks that the log and the tables agree, and that they do after a restart. */
static void check_all_is_well(void)
{
    struct aq_error error = {0};
    struct aq_buffer report = {0};
    uint64_t seq = writer_seq(cluster.writer);
    test_must(replay_verify(cluster.store, cluster.state, cluster.directory, 256 << 20, &report, &error), &error);
    aq_buffer_free(&report);
    test_cluster_close(&cluster);
    test_cluster_open(&cluster, true);
    test_cluster_start(&cluster);
    assert_int_equal(writer_seq(cluster.writer), seq);
}

/* ---- the queue ---------------------------------------------------------------------------------------- */

struct flood {
    struct writer_request request;
    struct aq_application_create record;
    const void *records[1];
};

static void flooded(struct writer_request *request)
{
    sem_post(request->context);
}

static void a_full_queue_refuses_requests_and_finishes_the_others(void **context)
{
    (void)context;
    static struct flood floods[20000];
    struct aq_error error = {0};
    unsigned taken = 0, refused = 0;
    sem_t done;
    sem_init(&done, 0, 0);
    given_a_cluster(256, 256, 64);
    for (size_t i = 0; i < AQ_LENGTH(floods); i++) {
        struct flood *flood = &floods[i];
        flood->record = (struct aq_application_create){.project = "", .label = "mac", .metadata = "{}"};
        flood->records[0] = &flood->record;
        flood->request = (struct writer_request){.command = &aq_command_application_create,
                                                 .records = flood->records,
                                                 .count = 1,
                                                 .caller = aq_caller_internal("admin"),
                                                 .done = flooded,
                                                 .context = &done};
        struct aq_error own = {0};
        if (writer_submit(cluster.writer, &flood->request, &own) == 0) {
            taken++;
        } else {
            refused++;
            error = own;
        }
    }
    for (unsigned i = 0; i < taken; i++)
        while (sem_wait(&done) != 0)
            ;
    sem_destroy(&done);
    assert_true(refused > 0 && taken >= 64);
    assert_int_equal(error.code, AQ_E_BUSY);
    assert_string_equal(error.message, "64 commands are waiting already (log.queue): try again");
    assert_int_equal(count_rows("application"), taken);
    ask_applications("{}", 1, &error);
    assert_int_equal(error.code, AQ_OK);
    ask_applications("{}", 1000, &error); /* larger than the queue, but an empty queue takes any request */
    assert_int_equal(error.code, AQ_OK);
}

static void without_a_leader_nothing_is_taken(void **context)
{
    (void)context;
    struct aq_error error = {0};
    given_a_cluster(256, 256, 64);
    writer_loop_stop(cluster.loop);
    ask_applications("{}", 1, &error);
    assert_int_equal(error.code, AQ_E_NO_LEADER);
}

static void a_key_that_is_too_long_is_refused(void **context)
{
    (void)context;
    char key[AQ_KEY_SIZE_MAX + 2] = "";
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    const void *records[] = {&record};
    given_a_cluster(256, 256, 64);
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("admin"),
                                     .key = key};
    memset(key, 'k', AQ_KEY_SIZE_MAX + 1);
    test_ask_request(&cluster, &request);
    assert_int_equal(request.error.code, AQ_E_INVALID);
    assert_string_equal(request.error.message, "the idempotency key is 65 bytes long, more than 64");
    key[AQ_KEY_SIZE_MAX] = '\0';
    test_ask_request(&cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
}

/* ---- the size of an entry ----------------------------------------------------------------------------- */

static void a_request_that_no_entry_can_hold_is_refused_as_a_whole(void **context)
{
    (void)context;
    struct aq_error error = {0};
    given_a_cluster(256, 256, 16384);
    char *metadata = big_metadata(60000);
    ask_applications(metadata, 400, &error); /* 24 MB of events */
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_non_null(strstr(error.message, "send it in parts"));
    assert_int_equal(count_rows("application"), 0);
    ask_applications(metadata, 60, &error); /* 3.6 MB */
    assert_int_equal(error.code, AQ_OK);
    assert_int_equal(count_rows("application"), 60);
    free(metadata);
    check_all_is_well();
}

static void many_large_requests_at_once_fit_into_entries(void **context)
{
    (void)context;
    static struct flood floods[64];
    static const void *records[110];
    struct aq_error error = {0};
    sem_t done;
    sem_init(&done, 0, 0);
    given_a_cluster(512, 256, 16384);
    cluster.config.log.batch_bytes = 8 << 20; /* the most that can be configured */
    char *metadata = big_metadata(60000);
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = metadata};
    for (size_t i = 0; i < AQ_LENGTH(records); i++)
        records[i] = &record;
    for (size_t i = 0; i < 12; i++) { /* 6.6 MB each: two of them in one entry, not three */
        floods[i].request = (struct writer_request){.command = &aq_command_application_create,
                                                    .records = records,
                                                    .count = AQ_LENGTH(records),
                                                    .caller = aq_caller_internal("admin"),
                                                    .done = flooded,
                                                    .context = &done};
        test_must(writer_submit(cluster.writer, &floods[i].request, &error), &error);
    }
    for (size_t i = 0; i < 12; i++)
        while (sem_wait(&done) != 0)
            ;
    sem_destroy(&done);
    free(metadata);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(floods[i].request.error.code, AQ_OK);
    assert_int_equal(count_rows("application"), 12 * AQ_LENGTH(records));
}

/* A label of one megabyte is read for each application. That must not add up. */
static void a_large_request_takes_little_memory(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct aq_definition definitions[16];
    struct rusage before, after;
    given_a_cluster(256, 256, 16384);
    char *options = big_metadata(60000);
    for (size_t i = 0; i < AQ_LENGTH(definitions); i++)
        definitions[i] = (struct aq_definition){
            .driver = "other", .options = options, .resources.network = "", .authentication.username = ""};
    struct aq_label_create label = {.name = "fat", .definitions = {definitions, 16}, .metadata = "{}", .project = ""};
    test_must(test_ask(&cluster, &aq_command_label_create, &label, "admin", NULL, &error) == 0, &error);
    struct aq_application_create record = {.project = "", .label = "fat", .metadata = "{}"};
    ask_many(&aq_command_application_create, &record, 10, &error);
    getrusage(RUSAGE_SELF, &before);
    ask_many(&aq_command_application_create, &record, 600, &error);
    assert_int_equal(error.code, AQ_OK);
    getrusage(RUSAGE_SELF, &after);
    free(options);
    assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 250 << 10); /* KiB; 600 MB if all were kept */
}

/* ---- no room ------------------------------------------------------------------------------------------ */

/* Creates applications until a request is refused; returns how many were created. */
static uint64_t fill_up(uint32_t at_once, struct aq_error *error)
{
    uint64_t granted = 0;
    char *metadata = big_metadata(20000);
    *error = (struct aq_error){0};
    for (int i = 0; i < 20000 && error->code == AQ_OK; i++) {
        ask_applications(metadata, at_once, error);
        granted += error->code == AQ_OK ? at_once : 0;
    }
    free(metadata);
    return granted;
}

static void with_the_tables_full_requests_are_refused(uint32_t at_once)
{
    struct aq_error error = {0};
    given_a_cluster(256, 16, 16384);
    uint64_t granted = fill_up(at_once, &error);
    assert_int_equal(error.code, AQ_E_NO_SPACE);
    assert_non_null(strstr(error.message, "the limit state.map_size is reached"));
    assert_true(granted > 0);
    assert_int_equal(count_rows("application"), granted); /* no more and no fewer */
    /* Also if the tables become full in the last event of a request. */
    for (size_t size = 40000; size > 100; size = size * 9 / 10) {
        char *metadata = big_metadata(size);
        ask_applications(metadata, at_once, &error);
        free(metadata);
        assert_true(error.code == AQ_OK || error.code == AQ_E_NO_SPACE);
        granted += error.code == AQ_OK ? at_once : 0;
        assert_int_equal(count_rows("application"), granted);
    }
    test_cluster_close(&cluster);
    cluster.config.state.map_size = 64;
    test_cluster_open(&cluster, false);
    test_cluster_start(&cluster);
    ask_applications("{}", 1, &error); /* there is room again */
    assert_int_equal(error.code, AQ_OK);
    check_all_is_well();
}

static void full_tables_refuse_single_commands(void **context)
{
    (void)context;
    with_the_tables_full_requests_are_refused(1);
}

static void full_tables_refuse_requests_of_many_commands(void **context)
{
    (void)context;
    with_the_tables_full_requests_are_refused(7);
}

static void full_tables_refuse_requests_of_two_commands(void **context)
{
    (void)context;
    with_the_tables_full_requests_are_refused(2);
}

static void with_the_log_full_requests_are_refused(void **context)
{
    (void)context;
    struct aq_error error = {0};
    given_a_cluster(16, 256, 16384);
    uint64_t granted = fill_up(5, &error);
    assert_int_equal(error.code, AQ_E_NO_SPACE);
    assert_string_equal(error.message, "appending to the log: the limit log.map_size is reached");
    assert_int_equal(count_rows("application"), granted);
    double cpu = program_cpu_s(getpid());
    usleep(500000);
    assert_true(program_cpu_s(getpid()) - cpu < 0.3); /* no tight loop */
    for (int i = 0; i < 20; i++) {
        char *metadata = big_metadata(60000);
        ask_applications(metadata, 20, &error);
        free(metadata);
        assert_int_equal(error.code, AQ_E_NO_SPACE);
    }
    assert_int_equal(count_rows("application"), granted);
    assert_true(writer_is_leader(cluster.writer));
    test_cluster_close(&cluster);
    cluster.config.log.map_size = 64;
    test_cluster_open(&cluster, false);
    test_cluster_start(&cluster);
    assert_int_equal(count_rows("application"), granted);
    ask_applications("{}", 1, &error);
    assert_int_equal(error.code, AQ_OK);
    check_all_is_well();
}

static void with_the_disk_nearly_full_requests_are_refused(void **context)
{
    (void)context;
    struct aq_error error = {0};
    given_a_cluster(256, 256, 16384);
    uint64_t seq = writer_seq(cluster.writer), reserve = cluster.config.log.disk_reserve;
    cluster.config.log.disk_reserve = 1ULL << 40;
    ask_applications("{}", 3, &error);
    assert_int_equal(error.code, AQ_E_NO_SPACE);
    assert_non_null(strstr(error.message, "the log's disk has"));
    assert_int_equal(writer_seq(cluster.writer), seq);
    cluster.config.log.disk_reserve = reserve;
    ask_applications("{}", 3, &error);
    assert_int_equal(error.code, AQ_OK);
}

/* ---- watching ----------------------------------------------------------------------------------------- */

static void a_watcher_may_close_its_bell_before_the_writer(void **context)
{
    (void)context;
    struct aq_error error = {0};
    uint64_t seen = 0;
    test_cluster_new(&cluster);
    int watch = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    test_must(writer_loop_watch(cluster.loop, watch, &error), &error);
    test_cluster_start(&cluster);
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    assert_int_equal(read(watch, &seen, sizeof seen), sizeof seen);
    assert_true(seen > 0);
    close(watch);
    int files[2];
    assert_int_equal(pipe(files), 0); /* the number belongs to another file now */
    dup2(files[1], watch);
    test_make_label(&cluster, "mac");
    ask_applications("{}", 1, &error);
    close(files[1]);
    if (watch != files[1] && watch != files[0])
        close(watch);
    char byte;
    if (watch != files[0]) {
        assert_int_equal(read(files[0], &byte, 1), 0); /* nothing was written there */
        close(files[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_queue_refuses_requests_and_finishes_the_others),
        TEST(without_a_leader_nothing_is_taken),
        TEST(a_key_that_is_too_long_is_refused),
        TEST(a_request_that_no_entry_can_hold_is_refused_as_a_whole),
        TEST(many_large_requests_at_once_fit_into_entries),
        TEST(a_large_request_takes_little_memory),
        TEST(full_tables_refuse_single_commands),
        TEST(full_tables_refuse_requests_of_many_commands),
        TEST(full_tables_refuse_requests_of_two_commands),
        TEST(with_the_log_full_requests_are_refused),
        TEST(with_the_disk_nearly_full_requests_are_refused),
        TEST(a_watcher_may_close_its_bell_before_the_writer),
    };
    return cmocka_run_group_tests_name("writer limits", tests, NULL, NULL);
}
