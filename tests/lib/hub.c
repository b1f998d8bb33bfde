#include "tests/lib/hub.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdio.h>

void test_hub_open(struct test_hub *hub)
{
    struct aq_error error = {0};
    char path[128];
    const char *directory = hub->cluster.directory;
    test_services_start(&hub->services, &hub->cluster, NULL);
    test_cluster_start(&hub->cluster);
    snprintf(path, sizeof path, "%s/" AQ_FILE_AGENT_KEY, directory);
    test_must(aq_wire_key_load(&hub->agent_key, path, &error), &error);
    snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_KEY, directory);
    test_must(aq_wire_key_load(&hub->local_key, path, &error), &error);
    snprintf(hub->local_url, sizeof hub->local_url, "ipc://%s/" AQ_FILE_LOCAL_SOCKET, directory);
    snprintf(hub->agents_url, sizeof hub->agents_url, "tcp://127.0.0.1:%u",
             test_read_number(directory, AQ_FILE_HUB_PORT));
}

void test_hub_new(struct test_hub *hub, unsigned lost_after)
{
    *hub = (struct test_hub){0};
    test_cluster_new(&hub->cluster);
    hub->cluster.config.hub.beat = 1;
    hub->cluster.config.hub.lost_after = lost_after;
    test_hub_open(hub);
    test_make_user(&hub->cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&hub->cluster, "mac");
}

void test_hub_free(struct test_hub *hub)
{
    test_services_stop(&hub->services);
    test_cluster_free(&hub->cluster);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

void asker_open(struct test_asker *asker, const char *url, const struct aq_wire_key *key)
{
    const int size = AQ_WIRE_MESSAGE_MAX, wait = TEST_ANSWER_MS;
    *asker = (struct test_asker){.socket = nn_socket(AF_SP, NN_REQ), .key = key};
    assert_true(asker->socket >= 0);
    assert_int_equal(nn_setsockopt(asker->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &size, sizeof size), 0);
    assert_int_equal(nn_setsockopt(asker->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &wait, sizeof wait), 0);
    assert_true(nn_connect(asker->socket, url) >= 0);
}

void asker_close(struct test_asker *asker)
{
    nn_close(asker->socket);
    aq_arena_free(&asker->arena);
}

void asker_send(struct test_asker *asker, enum aq_message_type type, const void *message)
{
    struct aq_buffer sealed = {0};
    aq_wire_seal(asker->key, type, message, &sealed);
    assert_int_equal(nn_send(asker->socket, sealed.data, sealed.length, 0), (int)sealed.length);
    aq_buffer_free(&sealed);
}

bool asker_receive_within(struct test_asker *asker, int wait_ms)
{
    void *body = NULL;
    struct aq_error error;
    assert_int_equal(nn_setsockopt(asker->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &wait_ms, sizeof wait_ms), 0);
    int length = nn_recv(asker->socket, &body, NN_MSG, 0);
    if (length < 0)
        return false;
    aq_arena_reset(&asker->arena);
    assert_int_equal(
        aq_wire_open(asker->key, body, (size_t)length, &asker->type, &asker->message, &asker->arena, &error), 0);
    nn_freemsg(body);
    return true;
}

void asker_ask(struct test_asker *asker, enum aq_message_type type, const void *message)
{
    asker_send(asker, type, message);
    assert_true(asker_receive_within(asker, TEST_ANSWER_MS));
}

const char *asker_refusal(const struct test_asker *asker)
{
    assert_int_equal(asker->type, AQ_MSG_REFUSED);
    return ((const struct aq_refused *)asker->message)->error;
}

struct aq_hello test_hello(const char *name, uint64_t instance, uint64_t session)
{
    static const char *drivers[] = {"test"};
    static const char *identifiers[] = {"os:linux"};
    return (struct aq_hello){.name = name,
                             .instance = instance,
                             .session = session,
                             .address = "127.0.0.1",
                             .agent_version = "1",
                             .drivers = {drivers, 1},
                             .identifiers = {identifiers, 1},
                             .capacity = {.cpu = 8000, .ram = 1024, .disk = 1024, .slots = 8}};
}
