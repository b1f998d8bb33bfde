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

static int open_stream(struct rest_case *rest, const char *parameters)
{
    char login[256], request[1024];
    sodium_bin2base64(login, sizeof login, (unsigned char *)rest->admin_login, strlen(rest->admin_login),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(request, sizeof request, "GET /api/v1/events%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n",
             parameters, login);
    int fd = http_connect(rest->admin.port);
    assert_true(http_send(fd, request));
    return fd;
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

/* Including the request that reads it. */
static uint64_t requests_begun(struct rest_case *rest)
{
    static const char name[] = "\naquarium_http_requests_total ";
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/metrics");
    const char *at = strstr(aq_buffer_string(&rest->reply.body), name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static void stopping_ends_what_rests(void **context)
{
    struct rest_case *rest = *context;
    struct aq_buffer seen = {0};
    struct rest_waiter waiter = {rest, rest->admin, "/api/v1/me/?min_seq=100000", {0}};
    pthread_t thread;
    int fd = open_stream(rest, "");
    assert_true(http_read_until(fd, "retry:", &seen));
    uint64_t begun = requests_begun(rest);
    pthread_create(&thread, NULL, rest_ask_in_thread, &waiter);
    /* Each call is a request, and the waiter is one more. */
    for (int i = 0; i < 6000 && requests_begun(rest) != ++begun + 1; i++)
        usleep(10000);
    serve_stop(rest->services.serve);
    rest->services.serve = NULL;
    assert_false(http_read_until(fd, "never", &seen));
    pthread_join(thread, NULL);
    assert_int_equal(waiter.reply.status, 503);
    http_reply_free(&waiter.reply);
    aq_buffer_free(&seen);
    close(fd);
}

/* ---- verification, health, metadata
 * ---------------------------------------------------------------------------------------------- */

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

static void plain_text_stays_on_this_host(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct test_cluster cluster;
    struct serve *serve = NULL;
    test_cluster_new(&cluster);
    cluster.config.api.address = "0.0.0.0";
    struct serve_options options = {.config = &cluster.config, .writer = cluster.writer, .state = cluster.state};
    assert_int_equal(serve_start(&serve, &options, &error), -1);
    assert_non_null(strstr(error.message, "api.allow_plain"));
    cluster.config.api.address = "localhost.invalid";
    assert_int_equal(serve_start(&serve, &options, &error), -1);
    assert_non_null(strstr(error.message, "api.address"));
    const char *networks[] = {"10.0.0.1/8"};
    cluster.config.meta.networks = (struct aq_list){networks, 1};
    assert_int_equal(serve_start(&serve, &options, &error), -1);
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
        REST_TEST(streams_are_limited),
        REST_TEST(stopping_ends_what_rests),
        REST_TEST(one_verification_at_a_time),
        REST_TEST(health_and_metrics_need_no_token_on_this_host),
        REST_TEST(a_resource_reads_its_metadata),
        cmocka_unit_test(plain_text_stays_on_this_host),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
