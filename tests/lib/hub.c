#include "tests/lib/hub.h"

#include "schema/wire/body.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdio.h>

void test_hub_open(struct test_hub *hub)
{
    const char *directory = hub->cluster.directory;
    test_services_start(&hub->services, &hub->cluster, NULL);
    test_cluster_start(&hub->cluster);
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

void asker_open(struct test_asker *asker, const char *url)
{
    const int size = AQ_WIRE_MESSAGE_MAX, wait = TEST_ANSWER_MS;
    *asker = (struct test_asker){.socket = nn_socket(AF_SP, NN_REQ)};
    assert_true(asker->socket >= 0);
    assert_int_equal(nn_setsockopt(asker->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &size, sizeof size), 0);
    assert_int_equal(nn_setsockopt(asker->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &wait, sizeof wait), 0);
    assert_true(nn_connect(asker->socket, url) >= 0);
}

bool asker_open_as(struct test_asker *asker, const char *url, const struct aq_identity *identity)
{
    AQ_CLEANUP_BUFFER struct aq_buffer begin = {0};
    void *begun;
    asker_open(asker, url);
    asker->sealing = true;
    asker->end.identity = *identity;
    test_end_begin(&asker->end, &begin);
    asker_send_bytes(asker, begin.data, begin.length);
    int length = asker_receive_bytes(asker, TEST_ANSWER_MS, &begun);
    assert_true(length > 0);
    bool good = test_end_take(&asker->end, begun, (size_t)length);
    nn_freemsg(begun);
    return good;
}

void asker_open_agent(struct test_asker *asker, struct test_hub *hub, const char *name)
{
    struct aq_identity identity;
    test_enrol(&hub->cluster, name);
    test_node_identity(&identity, name, hub->cluster.directory);
    assert_true(asker_open_as(asker, hub->agents_url, &identity));
}

void asker_close(struct test_asker *asker)
{
    nn_close(asker->socket);
    test_end_free(&asker->end);
    aq_buffer_free(&asker->said);
    aq_arena_free(&asker->arena);
}

void asker_send_bytes(struct test_asker *asker, const void *bytes, size_t length)
{
    if (bytes != asker->said.data) {
        aq_buffer_reset(&asker->said);
        aq_buffer_add(&asker->said, bytes, length);
    }
    assert_int_equal(nn_send(asker->socket, bytes, length, 0), (int)length);
}

int asker_receive_bytes(struct test_asker *asker, int wait_ms, void **bytes)
{
    *bytes = NULL;
    assert_int_equal(nn_setsockopt(asker->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &wait_ms, sizeof wait_ms), 0);
    return nn_recv(asker->socket, bytes, NN_MSG, 0);
}

void asker_send(struct test_asker *asker, enum aq_message_type type, const void *message)
{
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    if (asker->sealing)
        test_end_seal(&asker->end, type, message, &out);
    else
        aq_body_pack(type, message, &out);
    asker_send_bytes(asker, out.data, out.length);
}

bool asker_receive_within(struct test_asker *asker, int wait_ms)
{
    void *bytes;
    struct aq_error error;
    int length = asker_receive_bytes(asker, wait_ms, &bytes);
    if (length < 0)
        return false;
    aq_arena_reset(&asker->arena);
    bool good = asker->sealing
                    ? test_end_open(&asker->end, asker->end.asked, bytes, (size_t)length, &asker->type, &asker->message,
                                    &asker->arena)
                    : aq_body_unpack(bytes, (size_t)length, &asker->type, &asker->message, &asker->arena, &error) == 0;
    assert_true(good);
    nn_freemsg(bytes);
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
                             .capacity = {.cpu = 8000, .ram = 1024, .disk = 1024, .slots = 8},
                             .process = 1,
                             .home = 1};
}
