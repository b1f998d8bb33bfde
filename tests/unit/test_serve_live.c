/* REST over time: many connections, event streams, verification, stopping; health, metrics and metadata. */
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "tests/lib/rest_case.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

/* ---- many connections -------------------------------------------------------------------------------------- */

static void keep_alive_does_not_stall(void **context, int count)
{
    struct rest_case *rest = *context;
    int *fds = aq_calloc((size_t)count, sizeof *fds);
    for (int i = 0; i < count; i++)
        fds[i] = http_connect(rest->admin.port);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < count; i++)
            assert_true(http_send(fds[i], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
        for (int i = 0; i < count; i++) {
            struct aq_buffer seen = {0};
            assert_true(http_read_until(fds[i], "alive\n", &seen));
            aq_buffer_free(&seen);
        }
    }
    for (int i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
}

/* Three times the size of libmicrohttpd's array of events, at which its own thread would stall. */
static void exactly_128_connections_do_not_stall(void **context)
{
    keep_alive_does_not_stall(context, 128);
    keep_alive_does_not_stall(context, 256);
    keep_alive_does_not_stall(context, 127);
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static void events_are_streamed(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 2);
    uint64_t seq = rest_seq(rest);
    http_ask(&rest->admin, &rest->reply, "GET", NULL, "/api/v1/events?since=0&follow=false");
    assert_int_equal(rest->reply.status, 200);
    assert_true(rest_has_header(rest, "Content-Type: text/event-stream"));
    const char *at = aq_buffer_string(&rest->reply.body);
    for (uint64_t i = 1; i <= seq; i++) {
        char id[32];
        snprintf(id, sizeof id, "id: %" PRIu64 "\n", i);
        at = strstr(at, id);
        assert_non_null(at);
    }
    http_ask(&rest->admin, &rest->reply, "GET", NULL, "/api/v1/events?since=0&follow=false&entity=label");
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), "event: label_created\n"));
    assert_null(strstr(aq_buffer_string(&rest->reply.body), "event: application_created\n"));
    struct http_client later = {rest->admin.port, rest->admin_login, "Last-Event-ID: 2"};
    http_ask(&later, &rest->reply, "GET", NULL, "/api/v1/events?follow=false");
    assert_null(strstr(aq_buffer_string(&rest->reply.body), "id: 2\n"));
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), "id: 3\n"));
    rest_refused(rest, "GET", "/api/v1/events?since=100000", NULL, 400, "since is 100000");
    rest_refused(rest, "GET", "/api/v1/events?entity=boat", NULL, 400, "boat");
}

/* The names of the events of an answer, each with a blank behind it. */
static void streams_are(struct rest_case *rest, const char *query, const char *expected)
{
    char path[200];
    struct aq_buffer found = {0};
    snprintf(path, sizeof path, "/api/v1/events?since=0&follow=false&%s", query);
    http_ask(&rest->admin, &rest->reply, "GET", NULL, path);
    assert_int_equal(rest->reply.status, 200);
    for (const char *at = aq_buffer_string(&rest->reply.body); (at = strstr(at, "event: ")) != NULL;) {
        at += strlen("event: ");
        aq_buffer_add(&found, at, strcspn(at, "\n"));
        aq_buffer_char(&found, ' ');
    }
    assert_string_equal(aq_buffer_string(&found), expected);
    aq_buffer_free(&found);
}

/* Application 1 is elected, runs and ends; then it leaves the tables. */
static void the_log_has_all_events_about_a_row(void **context)
{
    struct rest_case *rest = *context;
    struct aq_error error = {0};
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "pid 7", .ip_addr = "", .hw_addr = ""};
    struct aq_resource_end end = {.id = 1, .node = "node-1", .reason = "exit status 0"};
    struct aq_application_remove gone = {.id = 1, .applications = "1"};
    test_make_node(&rest->cluster, "node-1", 2);
    rest_make_applications(rest, 2);
    test_must(test_ask(&rest->cluster, &aq_command_resource_start, &start, "node:node-1", NULL, &error) == 0, &error);
    test_must(test_ask(&rest->cluster, &aq_command_resource_end, &end, "node:node-1", NULL, &error) == 0, &error);
    static const char all[] = "application_created application_elected resource_started application_moved "
                              "resource_ended application_moved ";
    streams_are(rest, "entity=application&key=1", all);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/1/events")), 6);
    test_must(test_ask(&rest->cluster, &aq_command_application_remove, &gone, "aquarium", NULL, &error) == 0, &error);
    char after[256];
    snprintf(after, sizeof after, "%sapplication_removed ", all);
    streams_are(rest, "entity=application&key=1", after);
    streams_are(rest, "entity=application&key=2", "application_created application_elected ");
    streams_are(rest, "entity=resource&key=1", "resource_started resource_ended ");
    streams_are(rest, "entity=node&key=node-1", "node_joined ");
    streams_are(rest, "entity=application&key=3", "");
    rest_refused(rest, "GET", "/api/v1/events?key=3", NULL, 400, "key is given without entity");
    rest_refused(rest, "GET", "/api/v1/events?entity=application&key=x", NULL, 400,
                 "key: \"x\" is not a valid application number");
    static const char *const paths[] = {"", "/status", "/why", "/events"};
    for (size_t i = 0; i < AQ_LENGTH(paths); i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/v1/application/1%s", paths[i]);
        rest_refused(
            rest, "GET", path, NULL, 404,
            "application 1 has ended and left the tables; admins find its events with `aq log show application 1`");
    }
    rest_refused(rest, "GET", "/api/v1/vote/?application=1", NULL, 404, "application 1 has ended and left the tables");
    rest_refused(rest, "POST", "/api/v1/application/1/extend", "{\"by\":60}", 404, "has ended and left the tables");
    json_t *given = rest_post(rest, "/api/v1/application/1/deallocate", NULL); /* it is over, as its caller wants */
    assert_int_equal(json_integer_value(json_object_get(given, "id")), 1);
    rest_refused(rest, "GET", "/api/v1/application/3", NULL, 404, "there is no application 3");
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/2", NULL, 404);
    assert_string_equal(rest_message(rest), "there is no application 2"); /* it is another's */
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/")), 1);
}

static int open_stream_as(struct rest_case *rest, const char *user, const char *parameters)
{
    char login[256], request[1024];
    sodium_bin2base64(login, sizeof login, (const unsigned char *)user, strlen(user), sodium_base64_VARIANT_ORIGINAL);
    snprintf(request, sizeof request, "GET /api/v1/events%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n",
             parameters, login);
    int fd = http_connect(rest->admin.port);
    assert_true(http_send(fd, request));
    return fd;
}

static int open_stream(struct rest_case *rest, const char *parameters)
{
    return open_stream_as(rest, rest->admin_login, parameters);
}

static void a_stream_follows(void **context)
{
    struct rest_case *rest = *context;
    struct aq_buffer seen[3] = {0};
    rest_make_applications(rest, 0);
    int fds[3] = {open_stream(rest, ""), open_stream(rest, "?since=0"), open_stream(rest, "?entity=application")};
    for (int i = 0; i < 3; i++)
        assert_true(http_read_until(fds[i], "retry:", &seen[i]));
    for (int round = 0; round < 20; round++)
        rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\"}");
    for (int i = 0; i < 3; i++) {
        assert_true(http_read_until(fds[i], "\"data\":{\"id\":20,", &seen[i]));
        for (int id = 1; id <= 20; id++) {
            char wanted[96];
            snprintf(wanted, sizeof wanted,
                     "\"event\":\"application_created\",\"entity\":\"application\","
                     "\"data\":{\"id\":%d,",
                     id);
            assert_non_null(strstr(aq_buffer_string(&seen[i]), wanted));
        }
        close(fds[i]);
        aq_buffer_free(&seen[i]);
    }
}

/* As ann: what there is of the log. */
static const char *own_events(struct rest_case *rest, const char *parameters)
{
    char path[96];
    snprintf(path, sizeof path, "/api/v1/events?since=0&follow=false%s", parameters);
    http_ask(&rest->user, &rest->reply, "GET", NULL, path);
    assert_int_equal(rest->reply.status, 200);
    return aq_buffer_string(&rest->reply.body);
}

static void create_as(struct rest_case *rest, const struct http_client *client)
{
    rest_ask_as(rest, client, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
}

static void expect_own_events(const char *text, bool ended)
{
    static const char *const own[] = {"\"application_created\",\"entity\":\"application\",\"data\":{\"id\":3,",
                                      "\"resource_started\",\"entity\":\"resource\",\"data\":{\"id\":3,",
                                      "\"application_moved\",\"entity\":\"application\",\"data\":{\"id\":3,",
                                      "\"application_created\",\"entity\":\"application\",\"data\":{\"id\":5,"};
    static const char *const others[] = {"\"data\":{\"id\":1,", "\"data\":{\"id\":2,", "\"data\":{\"id\":4,",
                                         "node_joined",         "label_created",       "\"name\":\"admin\""};
    for (size_t i = 0; i < AQ_LENGTH(own); i++)
        assert_non_null(strstr(text, own[i]));
    for (size_t i = 0; i < AQ_LENGTH(others); i++)
        assert_null(strstr(text, others[i]));
    if (ended)
        assert_non_null(strstr(text, "resource_ended"));
}

/* Applications 1, 2 and 4 are admin's, 3 and 5 ann's. */
static void readers_follow_their_own_rows(void **context)
{
    struct rest_case *rest = *context;
    struct aq_buffer seen = {0}, more = {0};
    struct aq_error error = {0};
    struct aq_resource_start start = {.id = 3, .node = "node-1", .identifier = "pid 7", .ip_addr = "", .hw_addr = ""};
    struct aq_resource_end end = {.id = 3, .node = "node-1", .reason = "exit status 0"};
    test_make_node(&rest->cluster, "node-1", 9);
    rest_make_applications(rest, 2);
    int fd = open_stream_as(rest, rest->user_login, "?since=0");
    assert_true(http_read_until(fd, "retry:", &seen));
    create_as(rest, &rest->user);
    create_as(rest, &rest->admin);
    test_must(test_ask(&rest->cluster, &aq_command_resource_start, &start, "node:node-1", NULL, &error) == 0, &error);
    create_as(rest, &rest->user);
    test_must(test_ask(&rest->cluster, &aq_command_resource_end, &end, "node:node-1", NULL, &error) == 0, &error);
    assert_true(http_read_until(fd, "exit status 0", &seen));
    expect_own_events(aq_buffer_string(&seen), true); /* although the resource's row is gone */
    expect_own_events(own_events(rest, ""), true);
    assert_null(strstr(own_events(rest, "&entity=application&key=1"), "event: "));
    assert_non_null(strstr(own_events(rest, "&entity=application&key=3"), "event: resource_ended"));
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/events?entity=label", NULL, 403);

    int second = open_stream_as(rest, rest->user_login, "");
    assert_true(http_read_until(second, "retry:", &more));
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/events", NULL, 503);
    assert_non_null(strstr(rest_message(rest), "half of api.streams")); /* admins get the others */
    int last = open_stream(rest, "");
    assert_true(http_read_until(last, "retry:", &more));
    rest_post(rest, "/api/v1/role/", "{\"name\":\"nobody\",\"may\":[\"cluster.read\"]}");
    rest_post(rest, "/api/v1/user/ann", "{\"role\":\"nobody\",\"max_applications\":0}");
    assert_true(http_read_until(fd, "\r\n0\r\n\r\n", &seen)); /* the last chunk */
    assert_true(http_read_until(second, "\r\n0\r\n\r\n", &more));
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/events", NULL, 403);
    assert_non_null(strstr(rest_message(rest), "takes the permission ENTITY.events, which the role nobody"));
    close(fd);
    close(second);
    close(last);
    aq_buffer_free(&seen);
    aq_buffer_free(&more);
}

/* Who has the name of a deleted user sees nothing of what that one did. */
static void a_name_does_not_give_the_events_of_another_user(void **context)
{
    struct rest_case *rest = *context;
    rest_post(rest, "/api/v1/role/", "{\"name\":\"own\",\"may\":[\"user.*:own\",\"application.*:own\"]}");
    rest_post(rest, "/api/v1/user/ann", "{\"role\":\"own\",\"max_applications\":7}");
    assert_non_null(strstr(own_events(rest, ""), "\"max_applications\":7"));
    usleep(2000); /* users are known by when they were created */
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/user/ann", NULL, 200);
    json_t *made = rest_post(rest, "/api/v1/user/", "{\"name\":\"ann\",\"role\":\"own\"}");
    snprintf(rest->user_login, sizeof rest->user_login, "ann:%s", json_text(made, "token"));
    const char *events = own_events(rest, "");
    assert_non_null(strstr(events, "user_created"));
    assert_null(strstr(events, "\"max_applications\":7"));
}

static void streams_are_limited(void **context)
{
    struct rest_case *rest = *context;
    int fds[4];
    for (int i = 0; i < 4; i++) {
        struct aq_buffer seen = {0};
        fds[i] = open_stream(rest, "");
        assert_true(http_read_until(fds[i], "retry:", &seen));
        aq_buffer_free(&seen);
    }
    rest_refused(rest, "GET", "/api/v1/events", NULL, 503, "api.streams");
    assert_true(rest_has_header(rest, "Retry-After: 1"));
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void stopping_ends_what_rests(void **context)
{
    struct rest_case *rest = *context;
    struct aq_buffer seen = {0};
    struct rest_waiter waiter = {rest, rest->admin, "/api/v1/me/?min_seq=100000", {0}};
    pthread_t thread;
    int fd = open_stream(rest, "");
    assert_true(http_read_until(fd, "retry:", &seen));
    uint64_t begun = rest_metric(rest, "http_requests_total");
    pthread_create(&thread, NULL, rest_ask_in_thread, &waiter);
    rest_await_requests(rest, begun, 1);
    serve_stop(rest->services.serve);
    rest->services.serve = NULL;
    assert_false(http_read_until(fd, "never", &seen));
    pthread_join(thread, NULL);
    assert_int_equal(waiter.reply.status, 503);
    http_reply_free(&waiter.reply);
    aq_buffer_free(&seen);
    close(fd);
}

/* ---- verification, health, metadata ---------------------------------------------------------------------- */

static void one_verification_at_a_time(void **context)
{
    struct rest_case *rest = *context;
    struct rest_waiter waiter = {rest, rest->admin, "/api/v1/log/verify", {0}};
    pthread_t thread;
    pthread_create(&thread, NULL, rest_ask_in_thread, &waiter);
    while (sem_wait(&rest->verify_begun) != 0)
        ;
    rest_refused(rest, "GET", "/api/v1/log/verify", NULL, 409, "already");
    rest_get(rest, "/api/v1/me/");
    sem_post(&rest->verify_may_end);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.reply.status, 200);
    http_reply_free(&waiter.reply);
    rest->verify_fails = true;
    sem_post(&rest->verify_may_end);
    assert_string_equal(json_string_value(rest_ask_as(rest, &rest->admin, "GET", "/api/v1/log/verify", NULL, 500)),
                        "walked");
    assert_string_equal(rest_message(rest), "entry 7 is broken");
}

static void assert_plain(struct rest_case *rest, const char *path, long status, const char *wanted)
{
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, path);
    assert_int_equal(rest->reply.status, status);
    if (strstr(aq_buffer_string(&rest->reply.body), wanted) == NULL)
        print_message("%s: \"%s\" is not in: %s\n", path, wanted, aq_buffer_string(&rest->reply.body));
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), wanted));
}

static void health_and_metrics_need_no_token_on_this_host(void **context)
{
    struct rest_case *rest = *context;
    assert_plain(rest, "/livez", 200, "alive");
    assert_plain(rest, "/readyz", 503, "not ready: the controller is still starting");
    serve_ready(rest->services.serve);
    assert_plain(rest, "/readyz", 200, "ready");
    assert_plain(rest, "/metrics", 200, "aquarium_rows{entity=\"user\"} 2\n");
    assert_plain(rest, "/metrics", 200, "aquarium_http_answers_total{status=\"200\"}");
    assert_plain(rest, "/api/v1/openapi.json", 200, "\"openapi\":\"3.0.3\"");
    http_ask(&rest->admin, &rest->reply, "HEAD", NULL, "/api/v1/me/");
    assert_int_equal(rest->reply.status, 200);
    assert_int_equal(rest->reply.body.length, 0);
}

static void a_resource_reads_its_metadata(void **context)
{
    struct rest_case *rest = *context;
    struct aq_error error = {0};
    assert_plain(rest, "/meta/v1/data/", 404, "no resource has the address 127.0.0.1");
    test_make_node(&rest->cluster, "node-1", 2);
    rest_post(rest, "/api/v1/label/",
              "{\"name\":\"mac\",\"definitions\":[{\"driver\":\"test\"}],\"metadata\":{\"a\":1,\"b\":\"x\"}}");
    rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"metadata\":{\"b\":\"it's\",\"c\":{\"d\":true}}}");
    struct aq_resource_start started = {
        .id = 1, .node = "node-1", .identifier = "i", .ip_addr = "127.0.0.1", .hw_addr = ""};
    assert_true(test_ask(&rest->cluster, &aq_command_resource_start, &started, "node:node-1", NULL, &error) > 0);
    assert_plain(rest, "/meta/v1/data/", 200, "{\"a\":1,\"b\":\"it's\",\"c\":{\"d\":true}}\n");
    assert_plain(rest, "/meta/v1/data/?format=env&prefix=ci", 200, "ci_A='1'\nci_B='it'\\''s'\nci_C_D='true'\n");
    assert_plain(rest, "/meta/v1/data?format=yaml", 200, "a: 1\n");
    assert_plain(rest, "/meta/v1/data/b", 200, "it's\n");
    assert_plain(rest, "/meta/v1/data/c/d?format=json", 200, "true\n");
    assert_plain(rest, "/meta/v1/data/c/e", 404, "no key e");
    assert_plain(rest, "/meta/v1/data/?format=xml", 400, "json, yaml or env");
    assert_plain(rest, "/meta/v1/data/?format=env&prefix=a%20b", 400, "prefix");
    assert_int_equal(json_integer_value(json_object_get(rest_get(rest, "/api/v1/application/1/resource"), "id")), 1);
}

static void node_one_only(struct aq_config_controller *config)
{
    static const char *networks[] = {"127.0.0.0/8=node-1"};
    config->meta.networks = (struct aq_list){networks, 1};
}

static int setup_node_one_only(void **context)
{
    return rest_setup_with(context, node_one_only);
}

/* Two applications, on two nodes with one slot each. */
static void start_two(struct rest_case *rest)
{
    rest_post(rest, "/api/v1/label/",
              "{\"name\":\"mac\",\"definitions\":[{\"driver\":\"test\",\"resources\":{\"slots\":1}}]}");
    test_make_node(&rest->cluster, "node-1", 1);
    rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"metadata\":{\"n\":1}}");
    test_make_node(&rest->cluster, "node-2", 1);
    rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"metadata\":{\"n\":2}}");
    assert_string_equal(json_text(rest_get(rest, "/api/v1/resource/1"), "node"), "node-1");
    assert_string_equal(json_text(rest_get(rest, "/api/v1/resource/2"), "node"), "node-2");
}

static void take_address_on(struct rest_case *rest, uint64_t id, bool first)
{
    struct aq_error error = {0};
    const char *node = first ? "node-1" : "node-2", *author = first ? "node:node-1" : "node:node-2";
    struct aq_resource_start started = {
        .id = id, .node = node, .identifier = "i", .ip_addr = "127.0.0.1", .hw_addr = ""};
    assert_true(test_ask(&rest->cluster, &aq_command_resource_start, &started, author, NULL, &error) > 0);
}

static void take_address(struct rest_case *rest, uint64_t id)
{
    take_address_on(rest, id, id == 1);
}

/* The attack: a node reports the address of another node's workload, and then answers for it. */
static void an_address_that_two_resources_have_gives_no_metadata(void **context)
{
    struct rest_case *rest = *context;
    start_two(rest);
    take_address(rest, 1);
    assert_plain(rest, "/meta/v1/data/n", 200, "1\n");
    take_address(rest, 2);
    assert_plain(rest, "/meta/v1/data/n", 409, "several resources have the address 127.0.0.1");
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/metrics");
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), "\naquarium_metadata_refused_total 1\n"));
}

/* Where networks are those of nodes, the other node has no say there at all. */
static void a_node_has_no_addresses_in_the_networks_of_others(void **context)
{
    struct rest_case *rest = *context;
    start_two(rest);
    take_address(rest, 2);
    assert_plain(rest, "/meta/v1/data/n", 404, "but for those of nodes that may not have it (meta.networks)");
    take_address(rest, 1);
    assert_plain(rest, "/meta/v1/data/n", 200, "1\n");
}

/* Nor has it with many of them. */
static void many_resources_of_another_node_hide_none(void **context)
{
    enum { MANY = 40 };
    struct rest_case *rest = *context;
    rest_post(rest, "/api/v1/label/",
              "{\"name\":\"mac\",\"definitions\":[{\"driver\":\"test\",\"resources\":{\"slots\":1}}]}");
    test_make_node(&rest->cluster, "node-2", MANY);
    for (uint64_t id = 1; id <= MANY; id++) {
        rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"metadata\":{\"n\":2}}");
        take_address_on(rest, id, false);
    }
    test_make_node(&rest->cluster, "node-1", 1);
    rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"metadata\":{\"n\":1}}");
    take_address_on(rest, MANY + 1, true);
    assert_plain(rest, "/meta/v1/data/n", 200, "1\n");
}

static void plain_text_stays_on_this_host(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct test_cluster cluster;
    test_cluster_new(&cluster);
    cluster.config.api.address = "0.0.0.0";
    assert_int_equal(serve_check(&cluster.config, &error), -1);
    assert_non_null(strstr(error.message, "api.address is 0.0.0.0, but only loopback is served without TLS; set "
                                          "api.tls.address instead"));
    cluster.config.api.group = "no such group";
    cluster.config.api.address = "127.0.0.1";
    assert_int_equal(serve_check(&cluster.config, &error), -1);
    assert_non_null(strstr(error.message, "api.group is \"no such group\", but this host has no such group"));
    cluster.config.api.group = "";
    cluster.config.api.tls.address = "10.0.0.1.2";
    assert_int_equal(serve_check(&cluster.config, &error), -1);
    assert_non_null(strstr(error.message, "api.tls.address"));
    cluster.config.api.tls.address = "";
    cluster.config.api.address = "localhost.invalid";
    assert_int_equal(serve_check(&cluster.config, &error), -1);
    assert_non_null(strstr(error.message, "api.address"));
    const char *networks[] = {"10.0.0.1/8"};
    cluster.config.meta.networks = (struct aq_list){networks, 1};
    assert_int_equal(serve_check(&cluster.config, &error), -1);
    assert_non_null(strstr(error.message, "meta.networks"));
    test_cluster_start(&cluster);
    test_cluster_free(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(exactly_128_connections_do_not_stall),
        REST_TEST(events_are_streamed),
        REST_TEST(the_log_has_all_events_about_a_row),
        REST_TEST(a_stream_follows),
        REST_TEST(readers_follow_their_own_rows),
        REST_TEST(a_name_does_not_give_the_events_of_another_user),
        REST_TEST(streams_are_limited),
        REST_TEST(stopping_ends_what_rests),
        REST_TEST(one_verification_at_a_time),
        REST_TEST(health_and_metrics_need_no_token_on_this_host),
        REST_TEST(a_resource_reads_its_metadata),
        REST_TEST(an_address_that_two_resources_have_gives_no_metadata),
        cmocka_unit_test_setup_teardown(a_node_has_no_addresses_in_the_networks_of_others, setup_node_one_only,
                                        rest_teardown),
        cmocka_unit_test_setup_teardown(many_resources_of_another_node_hide_none, setup_node_one_only, rest_teardown),
        cmocka_unit_test(plain_text_stays_on_this_host),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
