#include "tests/lib/cluster.h"

#include "controller/project/project.h"
#include "controller/tables.h"
#include "schema/base/journal.h"
#include "schema/codec/command.h"
#include "schema/codec/preset.h"
#include "schema/model/label.h"
#include "schema/model/node.h"

#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void test_must(int status, const struct aq_error *error)
{
    if (status != 0) {
        fprintf(stderr, "test cluster: %s\n", error->message);
        abort();
    }
}

/* ---- virtual time ------------------------------------------------------------------------------------- */

enum { FOREVER_MS = 3600000 };

static void virtual_append(void *context, struct log_job *job)
{
    struct test_cluster *cluster = context;
    cluster->job = job;
}

static void virtual_wake(void *context)
{
    struct test_cluster *cluster = context;
    cluster->writer_due_ms = cluster->now.steady_ms;
}

void test_cluster_wake(void *context)
{
    struct test_cluster *cluster = context;
    cluster->part_due_ms = cluster->now.steady_ms;
}

static void open_virtual(struct test_cluster *cluster, struct writer_options *options)
{
    struct aq_error error = {0};
    options->append = virtual_append;
    options->wake = virtual_wake;
    options->changed = test_cluster_wake;
    options->context = cluster;
    cluster->job = NULL;
    test_must(writer_open(&cluster->writer, options, &cluster->now, &error), &error);
    cluster->writer_due_ms = cluster->part_due_ms = cluster->now.steady_ms;
}

static void finish_append(struct test_cluster *cluster)
{
    struct log_job *job = cluster->job;
    cluster->job = NULL;
    job->status = log_store_append(cluster->store, job->entries, job->count, job->commit,
                                   job->has_vote ? &job->vote : NULL, &job->error);
    writer_appended(cluster->writer, job);
    virtual_wake(cluster);
}

static void give_writer_a_turn(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    struct writer_next next;
    cluster->writer_due_ms = UINT64_MAX;
    test_must(writer_turn(cluster->writer, &cluster->now, &next, &error), &error);
    if (next.deadline_ms < cluster->writer_due_ms)
        cluster->writer_due_ms = next.deadline_ms;
}

static void give_part_a_turn(struct test_cluster *cluster)
{
    cluster->part_due_ms = UINT64_MAX;
    uint64_t due_ms = cluster->turn(cluster->part, &cluster->now);
    if (due_ms < cluster->part_due_ms)
        cluster->part_due_ms = due_ms;
}

static void go_on_until(struct test_cluster *cluster, uint64_t steady_ms)
{
    cluster->now.wall_ms += steady_ms - cluster->now.steady_ms;
    cluster->now.steady_ms = steady_ms;
}

/* Does what is due next. False: nothing is before `until_ms`. */
static bool do_next(struct test_cluster *cluster, uint64_t until_ms)
{
    bool part_first = cluster->turn != NULL && cluster->part_due_ms < cluster->writer_due_ms;
    uint64_t due_ms = part_first ? cluster->part_due_ms : cluster->writer_due_ms;
    if (cluster->job != NULL) {
        finish_append(cluster);
        return true;
    }
    if (due_ms >= until_ms)
        return false;
    if (due_ms > cluster->now.steady_ms)
        go_on_until(cluster, due_ms);
    if (part_first)
        give_part_a_turn(cluster);
    else
        give_writer_a_turn(cluster);
    return true;
}

void test_cluster_pass(struct test_cluster *cluster, uint64_t ms)
{
    uint64_t until_ms = cluster->now.steady_ms + ms;
    while (do_next(cluster, until_ms))
        ;
    go_on_until(cluster, until_ms);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

void test_cluster_open(struct test_cluster *cluster, bool rebuild)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(log_store_open(&cluster->store, cluster->directory, cluster->config.log.map_size << 20, &error), &error);
    test_must(tables_open(&cluster->state, &cluster->config, cluster->store, rebuild, &error), &error);
    struct writer_options options = {
        .config = &cluster->config, .store = cluster->store, .state = cluster->state, .index = place_index_new()};
    test_must(state_read(cluster->state, &txn, &error), &error);
    project_fill_index(txn, options.index);
    state_end(txn);
    if (cluster->is_virtual) {
        open_virtual(cluster, &options);
        return;
    }
    test_must(writer_loop_open(&cluster->loop, &options, &error), &error);
    cluster->writer = writer_loop_writer(cluster->loop);
}

void test_cluster_make(struct test_cluster *cluster, const char *parent)
{
    if (sodium_init() < 0)
        abort();
    *cluster = (struct test_cluster){0};
    test_make_directory(cluster->directory, sizeof cluster->directory, parent, "aquarium-test");
    aq_journal_open("test", AQ_ERROR);
    aq_record_init(&aq_config_controller_record, &cluster->config, &cluster->arena);
    cluster->config.data = cluster->directory;
    cluster->config.log.map_size = 256;
    cluster->config.state.map_size = 256;
    cluster->config.log.disk_reserve = 1;
    cluster->config.api.port = 0;
    cluster->config.hub.port = 0;
}

void test_cluster_new(struct test_cluster *cluster)
{
    test_cluster_make(cluster, "/tmp");
    test_cluster_open(cluster, false);
}

void test_cluster_new_virtual(struct test_cluster *cluster)
{
    test_cluster_make(cluster, "/tmp");
    cluster->is_virtual = true;
    cluster->now = aq_clocks_read();
    test_cluster_open(cluster, false);
}

void test_cluster_start(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    if (!cluster->is_virtual)
        test_must(writer_loop_start(cluster->loop, &error), &error);
    for (int i = 0; i < 10000 && !writer_is_leader(cluster->writer); i++)
        if (cluster->is_virtual)
            test_cluster_pass(cluster, 1);
        else
            usleep(1000);
    if (!writer_is_leader(cluster->writer))
        abort();
}

void test_cluster_close(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    if (cluster->is_virtual)
        writer_close(cluster->writer);
    writer_loop_close(cluster->loop);
    cluster->loop = NULL;
    cluster->writer = NULL;
    test_must(tables_close(cluster->state, &error), &error);
    log_store_close(cluster->store);
}

void test_cluster_free(struct test_cluster *cluster)
{
    test_cluster_close(cluster);
    aq_arena_free(&cluster->arena);
    test_remove_tree(cluster->directory);
}

uint64_t test_time_ms(const struct test_cluster *cluster)
{
    const struct aq_clocks now = cluster->is_virtual ? cluster->now : aq_clocks_read();
    return writer_time_ms(cluster->writer, &now);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static void test_asked(struct writer_request *request)
{
    sem_post(request->context);
}

static void await_answer(struct test_cluster *cluster, sem_t *done)
{
    uint64_t patience_ms = cluster->now.steady_ms + FOREVER_MS;
    while ((cluster->is_virtual ? sem_trywait(done) : sem_wait(done)) != 0)
        if (cluster->is_virtual && !do_next(cluster, patience_ms))
            abort();
}

void test_ask_request(struct test_cluster *cluster, struct writer_request *request)
{
    sem_t done;
    struct aq_error error = {0};
    sem_init(&done, 0, 0);
    request->done = test_asked;
    request->context = &done;
    if (writer_submit(cluster->writer, request, &error) != 0)
        request->error = error;
    else
        await_answer(cluster, &done);
    sem_destroy(&done);
}

uint64_t test_ask(struct test_cluster *cluster, const struct aq_command *command, const void *record,
                  const char *author, char id[65], struct aq_error *error)
{
    char ids[1][65] = {""};
    const void *records[] = {record};
    struct writer_request request = {
        .command = command, .records = records, .count = 1, .caller = aq_caller_internal(author), .ids = ids};
    test_ask_request(cluster, &request);
    if (id != NULL)
        memcpy(id, ids[0], sizeof ids[0]);
    aq_buffer_free(&request.warnings);
    *error = request.error;
    return request.error.code == AQ_OK ? request.seq : 0;
}

/* ---- common rows ------------------------------------------------------------------------------ */

bool test_role_permits(const char *role, const struct aq_command *command)
{
    const struct aq_caller caller = test_caller("bob", role);
    struct aq_error ignored;
    return aq_command_check_caller(command, &caller, &ignored) == 0;
}

struct aq_caller test_caller(const char *name, const char *role)
{
    const struct aq_role *built_in = aq_role_built_in(role);
    aq_assert(built_in != NULL);
    const struct aq_user user = {.name = name, .role = role};
    const struct aq_rights rights = aq_rights_of(&built_in->may);
    return aq_caller_of_user(&user, &rights);
}

void test_make_user(struct test_cluster *cluster, const char *name, const char *role)
{
    struct aq_error error = {0};
    struct aq_user_create user = {.name = name, .role = role, .hash = "x", .project = ""};
    test_must(test_ask(cluster, &aq_command_user_create, &user, "aquarium", NULL, &error) == 0, &error);
}

void test_make_label(struct test_cluster *cluster, const char *name)
{
    struct aq_error error = {0};
    struct aq_definition definition = {.driver = "test", .options = "{}"};
    definition.resources.cpu = 1000;
    definition.resources.slots = 1;
    struct aq_label_create label = {
        .name = name, .definitions = {&definition, 1}, .metadata = "{\"from\":\"label\"}", .project = ""};
    test_must(test_ask(cluster, &aq_command_label_create, &label, "admin", NULL, &error) == 0, &error);
}

void test_make_node(struct test_cluster *cluster, const char *name, unsigned cores)
{
    struct aq_error error = {0};
    const char *drivers[] = {"test"};
    const char *identifiers[] = {"os:linux"};
    struct aq_node_join node = {.name = name,
                                .instance = 7,
                                .address = "127.0.0.1",
                                .agent_version = "",
                                .drivers = {drivers, 1},
                                .identifiers = {identifiers, 1},
                                .capacity = {.cpu = cores * 1000, .ram = 1024, .disk = 1024, .slots = cores}};
    test_must(test_ask(cluster, &aq_command_node_join, &node, "aquarium", NULL, &error) == 0, &error);
}
