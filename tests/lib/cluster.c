#include "tests/lib/cluster.h"
#include "controller/project/project.h"
#include "controller/tables.h"
#include "schema/base/journal.h"
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

void test_cluster_open(struct test_cluster *cluster, bool rebuild)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(log_store_open(&cluster->store, cluster->directory, cluster->config.log.map_size << 20, &error), &error);
    test_must(tables_open(&cluster->state, &cluster->config, cluster->store, rebuild, &error), &error);
    struct writer_options options = {&cluster->config, cluster->store, cluster->state, place_index_new()};
    test_must(state_read(cluster->state, &txn, &error), &error);
    project_fill_index(txn, options.index);
    state_end(txn);
    test_must(writer_open(&cluster->writer, &options, &error), &error);
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

void test_cluster_start(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    test_must(writer_start(cluster->writer, &error), &error);
    for (int i = 0; i < 10000 && !writer_is_leader(cluster->writer); i++)
        usleep(1000);
    if (!writer_is_leader(cluster->writer))
        abort();
}

void test_cluster_close(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    writer_close(cluster->writer);
    test_must(tables_close(cluster->state, &error), &error);
    log_store_close(cluster->store);
}

void test_cluster_free(struct test_cluster *cluster)
{
    test_cluster_close(cluster);
    aq_arena_free(&cluster->arena);
    test_remove_tree(cluster->directory);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static void test_asked(struct writer_request *request)
{
    sem_post(request->context);
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
        while (sem_wait(&done) != 0)
            ;
    sem_destroy(&done);
}

uint64_t test_ask(struct test_cluster *cluster, const struct aq_command *command, const void *record,
                  const char *author, char id[65], struct aq_error *error)
{
    char ids[1][65] = {""};
    const void *records[] = {record};
    struct writer_request request = {
        .command = command, .records = records, .count = 1, .author = author, .role = AQ_ROLE_ADMIN, .ids = ids};
    test_ask_request(cluster, &request);
    if (id != NULL)
        memcpy(id, ids[0], sizeof ids[0]);
    aq_buffer_free(&request.warnings);
    *error = request.error;
    return request.error.code == AQ_OK ? request.seq : 0;
}

/* ---- common rows ------------------------------------------------------------------------------ */

void test_make_user(struct test_cluster *cluster, const char *name, enum aq_role role)
{
    struct aq_error error = {0};
    struct aq_user_create user = {.name = name, .role = role, .hash = "x"};
    test_must(test_ask(cluster, &aq_command_user_create, &user, "aquarium", NULL, &error) == 0, &error);
}

void test_make_label(struct test_cluster *cluster, const char *name)
{
    struct aq_error error = {0};
    struct aq_definition definition = {.driver = "test", .options = "{}"};
    definition.resources.cpu = 1000;
    definition.resources.slots = 1;
    struct aq_label_create label = {.name = name, .definitions = {&definition, 1}, .metadata = "{\"from\":\"label\"}"};
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
