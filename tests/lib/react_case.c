#include "tests/lib/react_case.h"

#include "schema/model/resource.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct react_case react_case;

static uint64_t take_turn(void *part, const struct aq_clocks *now)
{
    (void)part;
    react_case.turns++;
    return react_turn(react_case.react, now);
}

void react_case_begin(void)
{
    struct react_options options = {.writer = react_case.cluster.writer,
                                    .state = react_case.cluster.state,
                                    .keep = &react_case.cluster.config.keep.finished,
                                    .wake = test_cluster_wake,
                                    .context = &react_case.cluster};
    react_case.react = react_open(&options);
    react_case.cluster.turn = take_turn;
    test_cluster_wake(&react_case.cluster);
}

void react_case_die(void)
{
    test_cluster_close(&react_case.cluster);
    react_close(react_case.react);
    react_case.react = NULL;
    react_case.cluster.turn = NULL;
}

void react_case_make_rows(void)
{
    test_make_user(&react_case.cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&react_case.cluster, "mac");
}

int react_case_setup(void **context)
{
    (void)context;
    test_cluster_new_virtual(&react_case.cluster);
    react_case_begin();
    test_cluster_start(&react_case.cluster);
    react_case_make_rows();
    return 0;
}

int react_case_teardown(void **context)
{
    (void)context;
    while (!react_is_idle(react_case.react))
        test_cluster_pass(&react_case.cluster, 1);
    react_close(react_case.react);
    react_case.cluster.turn = NULL;
    test_cluster_free(&react_case.cluster);
    return 0;
}

void react_case_ask(const struct aq_command *command, const void *record)
{
    struct aq_error error = {0};
    test_must(test_ask(&react_case.cluster, command, record, "admin", NULL, &error) == 0, &error);
}

uint64_t react_case_create(const char *label)
{
    char id[65];
    struct aq_error error = {0};
    struct aq_application_create record = {.project = "", .label = label, .metadata = "{}"};
    test_must(test_ask(&react_case.cluster, &aq_command_application_create, &record, "admin", id, &error) == 0, &error);
    return strtoull(id, NULL, 10);
}

void react_case_create_many(const char *label, uint32_t count)
{
    static const void *records[4096];
    struct aq_application_create record = {.project = "", .label = label, .metadata = "{}"};
    struct writer_request request = {
        .command = &aq_command_application_create, .records = records, .caller = aq_caller_internal("admin")};
    for (uint32_t i = 0; i < AQ_LENGTH(records); i++)
        records[i] = &record;
    request.count = count;
    test_ask_request(&react_case.cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
}

void react_case_label(const char *name, struct aq_needs needs)
{
    struct aq_definition definition = {.driver = "test", .options = "{}", .resources = needs};
    struct aq_label_create label = {.name = name, .definitions = {&definition, 1}, .metadata = "{}", .project = ""};
    definition.resources.network = "";
    definition.authentication.username = "";
    react_case_ask(&aq_command_label_create, &label);
}

enum aq_application_status react_case_status(uint64_t id)
{
    struct aq_arena arena = {0};
    struct aq_application application = {0};
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(react_case.cluster.state, &txn, &error), &error);
    assert_true(state_application(txn, id, &application, &arena));
    state_end(txn);
    aq_arena_free(&arena);
    return application.status;
}

void react_case_await(uint64_t id, enum aq_application_status status, unsigned within_ms)
{
    for (unsigned i = 0; i < within_ms && react_case_status(id) != status; i++)
        test_cluster_pass(&react_case.cluster, 1);
    assert_int_equal(react_case_status(id), status);
}

void react_case_end_resource(uint64_t id, const char *node)
{
    struct aq_resource_end end = {.id = id, .node = node, .reason = "exit status 0"};
    react_case_ask(&aq_command_resource_end, &end);
}
