/* The life of a small cluster in which everything happens that can happen: what a kept log (tests/data/log-*) is made
 * from. See tests/unit/test_log_samples.c. */
#ifndef AQ_TESTS_LIB_LOG_SAMPLE_H
#define AQ_TESTS_LIB_LOG_SAMPLE_H

#include "tests/lib/cluster.h"

static inline void sample_ask(struct test_cluster *cluster, const struct aq_command *command, const void *record,
                              const char *author)
{
    struct aq_error error = {0};
    (void)test_ask(cluster, command, record, author, NULL, &error);
    test_must(error.code == AQ_OK ? 0 : -1, &error);
}

static inline void sample_users(struct test_cluster *cluster)
{
    struct aq_user_create anna = {.name = "anna", .max_applications = 7, .hash = "$one"};
    struct aq_user_create bert = {.name = "bert", .role = AQ_ROLE_ADMIN, .hash = "$two"};
    struct aq_user_update update = {.name = "anna", .role = AQ_ROLE_USER, .max_applications = 90};
    struct aq_user_token token = {.name = "anna", .hash = "$three"};
    struct aq_user_delete delete = {.name = "bert"};
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    sample_ask(cluster, &aq_command_user_create, &anna, "admin");
    sample_ask(cluster, &aq_command_user_create, &bert, "admin");
    sample_ask(cluster, &aq_command_user_update, &update, "admin");
    sample_ask(cluster, &aq_command_user_token, &token, "anna");
    sample_ask(cluster, &aq_command_user_delete, &delete, "admin");
}

static inline void sample_label(struct test_cluster *cluster, const char *name, uint64_t lifetime)
{
    const char *filter[] = {"os:lin*"};
    struct aq_disk disks[] = {{"root", 10}, {"data", 20}};
    struct aq_definition ways[] = {{.driver = "test", .options = "{\"start_delay_ms\":5}"},
                                   {.driver = "process", .options = "{\"command\":[\"true\"]}"}};
    for (int i = 0; i < 2; i++)
        ways[i].resources = (struct aq_needs){.cpu = 500,
                                              .ram = 128,
                                              .disks = {disks, 2},
                                              .network = "lan",
                                              .slots = 1,
                                              .lifetime = lifetime,
                                              .node_filter = {filter, 1}};
    ways[0].authentication = (struct aq_authentication){"root", 22};
    struct aq_label_create label = {
        .name = name, .definitions = {ways, 2}, .metadata = "{\"greeting\":\"h\xc3\xa9llo\",\"n\":[1,2.5,null,true]}"};
    sample_ask(cluster, &aq_command_label_create, &label, "admin");
}

static inline void sample_node(struct test_cluster *cluster, const char *name, uint64_t instance, uint64_t slots)
{
    const char *drivers[] = {"process", "test"};
    const char *identifiers[] = {"os:linux", "rack:a7"};
    struct aq_node_join node = {.name = name,
                                .instance = instance,
                                .address = "192.0.2.1",
                                .agent_version = "0.1.0",
                                .drivers = {drivers, 2},
                                .identifiers = {identifiers, 2},
                                .capacity = {.cpu = 4000, .ram = 4096, .disk = 1000, .slots = slots}};
    sample_ask(cluster, &aq_command_node_join, &node, "aquarium");
}

static inline void sample_nodes(struct test_cluster *cluster)
{
    struct aq_node_lose lose = {.name = "node-2"};
    struct aq_node_maintenance maintenance = {.name = "node-3", .maintenance = true};
    struct aq_node_delete delete = {.name = "node-4"};
    for (char name[] = "node-1"; name[5] <= '4'; name[5]++)
        sample_node(cluster, name, 11, 2);
    sample_node(cluster, "node-1", 11, 3);
    sample_ask(cluster, &aq_command_node_lose, &lose, "aquarium");
    sample_node(cluster, "node-2", 12, 2);
    sample_ask(cluster, &aq_command_node_maintenance, &maintenance, "admin");
    lose.name = "node-4";
    sample_ask(cluster, &aq_command_node_lose, &lose, "aquarium");
    sample_ask(cluster, &aq_command_node_delete, &delete, "admin");
}

/* An application with an idempotency key; its number. */
static inline uint64_t sample_application(struct test_cluster *cluster, const char *label, const char *key)
{
    char ids[1][65] = {""};
    struct aq_application_create create = {.label = label, .metadata = "{\"mine\":{\"deep\":\"yes\"}}"};
    const void *records[] = {&create};
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 1,
                                     .author = "anna",
                                     .key = key,
                                     .fingerprint = 4711,
                                     .ids = ids};
    test_ask_request(cluster, &request);
    test_must(request.error.code == AQ_OK ? 0 : -1, &request.error);
    return strtoull(ids[0], NULL, 10);
}

static inline struct aq_resource sample_resource(struct test_cluster *cluster, uint64_t application,
                                                 struct aq_arena *arena)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct aq_application row;
    struct aq_resource resource = {0};
    test_must(state_read(cluster->state, &txn, &error), &error);
    if (!state_application(txn, application, &row, arena) || !state_resource(txn, row.resource, &resource, arena))
        abort();
    state_end(txn);
    return resource;
}

static inline void sample_start(struct test_cluster *cluster, const struct aq_resource *resource)
{
    struct aq_resource_start start = {resource->id, resource->node, "pid 42", "192.0.2.7", "02:00:00:00:00:01"};
    sample_ask(cluster, &aq_command_resource_start, &start, "node:any");
}

static inline void sample_applications(struct test_cluster *cluster)
{
    struct aq_arena arena = {0};
    struct aq_application_deallocate back;
    uint64_t runs = sample_application(cluster, "mac", "key-1"), ends = sample_application(cluster, "mac", "");
    uint64_t fails = sample_application(cluster, "mac", ""), expires = sample_application(cluster, "short", "");
    for (int i = 0; i < 6; i++)
        (void)sample_application(cluster, "mac", ""); /* more than there is room for: the last ones wait */
    struct aq_resource resource = sample_resource(cluster, runs, &arena);
    sample_start(cluster, &resource);
    resource = sample_resource(cluster, expires, &arena);
    sample_start(cluster, &resource);
    usleep(1100000);
    struct aq_resource_expire expire = {resource.id};
    sample_ask(cluster, &aq_command_resource_expire, &expire, "aquarium");
    resource = sample_resource(cluster, fails, &arena);
    struct aq_resource_fail fail = {resource.id, resource.node, "the cable\nwas loose"};
    sample_ask(cluster, &aq_command_resource_fail, &fail, "node:any");
    resource = sample_resource(cluster, ends, &arena);
    sample_start(cluster, &resource);
    struct aq_resource_end end = {resource.id, resource.node, 3, "exit status 3"};
    sample_ask(cluster, &aq_command_resource_end, &end, "node:any");
    back.id = runs;
    sample_ask(cluster, &aq_command_application_deallocate, &back, "anna");
    back.id = fails;
    sample_ask(cluster, &aq_command_application_deallocate, &back, "anna");
    aq_arena_free(&arena);
}

static inline void sample_live(struct test_cluster *cluster)
{
    sample_users(cluster);
    sample_label(cluster, "mac", 0);
    sample_label(cluster, "mac", 28800);
    sample_label(cluster, "short", 1);
    sample_label(cluster, "gone", 0);
    struct aq_label_delete delete = {4};
    sample_ask(cluster, &aq_command_label_delete, &delete, "admin");
    sample_nodes(cluster);
    sample_applications(cluster);
}

#endif
