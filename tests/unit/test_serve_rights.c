/* REST: a right that ends, ends what was begun with it; nobody borrows the right of another. */
#include "controller/lmdb/file.h"
#include "controller/serve/connections.h"
#include "schema/base/clock.h"
#include "schema/model/application.h"
#include "tests/lib/rest_case.h"

#include <sodium.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Makes an admin; `login` becomes its "name:token" in base64. */
static void make_admin(struct rest_case *rest, const char *name, char login[256])
{
    char body[128], plain[128];
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"role\":\"admin\"}", name);
    snprintf(plain, sizeof plain, "%s:%s", name, json_text(rest_post(rest, "/api/v1/user/", body), "token"));
    sodium_bin2base64(login, 256, (unsigned char *)plain, strlen(plain), sodium_base64_VARIANT_ORIGINAL);
}

/* Sends the head of a request, and a part of its body. */
static int begin(struct rest_case *rest, const char *login, const char *line, const char *more)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_buffer_format(&text, "%s HTTP/1.1\r\nHost: h\r\nAuthorization: Basic %s\r\n%s", line, login, more);
    int fd = http_connect(rest->admin.port);
    assert_true(http_send(fd, aq_buffer_string(&text)));
    return fd;
}

/* Does the stream end within five seconds? That is less than the time after which an idle one sends a comment. */
static bool stream_ends(int fd, struct aq_buffer *seen)
{
    const struct timeval most = {.tv_sec = 5};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    return http_read_until(fd, "\r\n0\r\n\r\n", seen); /* the last chunk */
}

/* ---- what goes on -------------------------------------------------------------------------------------------- */

static void event_streams_end_with_the_right(void **context)
{
    enum { READERS = 3 };
    struct rest_case *rest = *context;
    static const char *const names[READERS] = {"bob", "carol", "dave"};
    struct aq_buffer seen[READERS] = {0};
    int fds[READERS];
    rest_make_applications(rest, 0);
    for (int i = 0; i < READERS; i++) {
        char login[256];
        make_admin(rest, names[i], login);
        fds[i] = begin(rest, login, "GET /api/v1/events", "\r\n");
        assert_true(http_read_until(fds[i], "retry:", &seen[i]));
    }
    uint64_t begun = aq_clock_ms();
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/user/bob", NULL, 200);
    rest_post(rest, "/api/v1/user/carol", "{\"role\":\"user\",\"max_applications\":0}");
    rest_post(rest, "/api/v1/user/dave/token", "");
    for (int round = 0; round < 20; round++)
        rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\"}");
    for (int i = 0; i < READERS; i++) {
        assert_true(stream_ends(fds[i], &seen[i]));
        assert_null(strstr(aq_buffer_string(&seen[i]), "application_created"));
        close(fds[i]);
        aq_buffer_free(&seen[i]);
    }
    assert_in_range(aq_clock_ms() - begun, 0, 5000);
}

static void post_json(struct rest_case *rest, const char *path, const char *body)
{
    rest_ask_as(rest, &rest->admin, "POST", path, body, 200);
}

/* A name can be used again, and inherits nothing: members of a project read no events of an earlier one. */
static void events_of_an_earlier_project_are_not_for_members(void **context)
{
    struct rest_case *rest = *context;
    struct aq_buffer seen = {0};
    char login[256];
    post_json(rest, "/api/v1/project/", "{\"name\":\"lab\",\"description\":\"of old\"}");
    post_json(rest, "/api/v1/membership/", "{\"project\":\"lab\",\"user\":\"admin\",\"role\":\"viewer\"}");
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/project/lab", NULL, 200);
    const uint64_t before_ms = test_time_ms(&rest->cluster);
    while (test_time_ms(&rest->cluster) < before_ms + 2)
        usleep(1000);
    post_json(rest, "/api/v1/project/", "{\"name\":\"lab\",\"description\":\"of now\"}");
    post_json(rest, "/api/v1/membership/", "{\"project\":\"lab\",\"user\":\"ann\",\"role\":\"viewer\"}");
    sodium_bin2base64(login, sizeof login, (const unsigned char *)rest->user_login, strlen(rest->user_login),
                      sodium_base64_VARIANT_ORIGINAL);
    int fd = begin(rest, login, "GET /api/v1/events?since=0&follow=false", "\r\n");
    assert_true(stream_ends(fd, &seen));
    assert_non_null(strstr(aq_buffer_string(&seen), "of now"));
    assert_null(strstr(aq_buffer_string(&seen), "of old"));
    assert_null(strstr(aq_buffer_string(&seen), "\"user\":\"admin\""));
    close(fd);
    aq_buffer_free(&seen);
}

/* Members of a project are told that its labels have gone, and nothing of those of others. */
static void members_are_told_which_labels_leave(void **context)
{
    struct rest_case *rest = *context;
    AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
    char login[256];
    post_json(rest, "/api/v1/project/", "{\"name\":\"lab\"}");
    post_json(rest, "/api/v1/project/", "{\"name\":\"shop\"}");
    post_json(rest, "/api/v1/membership/", "{\"project\":\"lab\",\"user\":\"ann\",\"role\":\"viewer\"}");
    for (int i = 0; i < 2; i++) {
        char body[160];
        const char *project = i == 0 ? "shop" : "lab";
        snprintf(body, sizeof body, "{\"name\":\"of-%s\",\"project\":\"%s\",\"definitions\":[{\"driver\":\"test\"}]}",
                 project, project);
        post_json(rest, "/api/v1/label/", body);
    }
    sodium_bin2base64(login, sizeof login, (const unsigned char *)rest->user_login, strlen(rest->user_login),
                      sodium_base64_VARIANT_ORIGINAL);
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/label/of-shop:1", NULL, 200);
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/label/of-lab:1", NULL, 200);
    int fd = begin(rest, login, "GET /api/v1/events?since=0&follow=false&entity=label", "\r\n");
    assert_true(stream_ends(fd, &seen));
    const char *deleted = strstr(aq_buffer_string(&seen), "event: label_deleted");
    assert_non_null(deleted);
    assert_non_null(strstr(deleted, "\"name\":\"of-lab\",\"version\":1,\"project\":\"lab\""));
    assert_null(strstr(aq_buffer_string(&seen), "shop"));
    close(fd);
}

/* Ann reads the events of her own rows: what has happened since, in a stream that was open, and in one that begins
 * later. */
static void owners_are_told_how_their_rows_leave(void **context)
{
    struct rest_case *rest = *context;
    AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
    struct aq_error error = {0};
    const struct aq_application_remove gone = {.id = 1, .applications = "1-4"};
    char login[256];
    sodium_bin2base64(login, sizeof login, (const unsigned char *)rest->user_login, strlen(rest->user_login),
                      sodium_base64_VARIANT_ORIGINAL);
    rest_make_applications(rest, 1); /* of admin */
    for (int i = 0; i < 2; i++)
        rest_ask_as(rest, &rest->user, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    post_json(rest, "/api/v1/application/", "{\"label\":\"mac\"}");
    for (int i = 1; i <= 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/v1/application/%d/deallocate", i);
        post_json(rest, path, "");
    }
    rest_ask_as(rest, &rest->user, "POST", "/api/v1/token/", "{\"name\":\"ci\"}", 200);
    post_json(rest, "/api/v1/token/", "{\"name\":\"ci\"}"); /* of admin */
    int fd = begin(rest, login, "GET /api/v1/events", "\r\n");
    assert_true(http_read_until(fd, "retry:", &seen));
    test_must(test_ask(&rest->cluster, &aq_command_application_remove, &gone, "aquarium", NULL, &error) == 0, &error);
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/token/ci", NULL, 200);
    rest_ask_as(rest, &rest->user, "DELETE", "/api/v1/token/ci", NULL, 200);
    assert_true(http_read_until(fd, "event: token_deleted", &seen));
    assert_non_null(strstr(aq_buffer_string(&seen), "\"applications\":\"2-3\"}"));
    close(fd);
    http_ask(&rest->user, &rest->reply, "GET", NULL, "/api/v1/events?since=0&follow=false");
    const char *body = aq_buffer_string(&rest->reply.body);
    assert_non_null(strstr(body, "\"applications\":\"2-3\"}"));
    assert_non_null(strstr(body, "\"user\":\"ann\""));
    assert_null(strstr(body, "\"user\":\"admin\""));
    http_ask(&rest->user, &rest->reply, "GET", NULL, "/api/v1/events?since=0&follow=false&entity=application&key=1");
    assert_null(strstr(aq_buffer_string(&rest->reply.body), "removed"));
    http_ask(&rest->user, &rest->reply, "GET", NULL, "/api/v1/events?since=0&follow=false&entity=application&key=3");
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), "application_removed"));
    http_ask(&rest->admin, &rest->reply, "GET", NULL, "/api/v1/events?since=0&follow=false");
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), "\"applications\":\"1-4\"}"));
}

/* No snapshot can be opened while the right ends: nobody looks again, so the stream must not go on. */
static void a_stream_whose_right_cannot_be_read_ends(void **context)
{
    struct rest_case *rest = *context;
    struct state_txn *held[LMDB_READERS_MAX + 1];
    AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
    struct aq_error error = {0};
    const struct aq_user_delete bob = {.name = "bob"};
    char login[256];
    size_t count = 0;
    rest_make_applications(rest, 0);
    make_admin(rest, "bob", login);
    int fd = begin(rest, login, "GET /api/v1/events", "\r\n");
    assert_true(http_read_until(fd, "retry:", &seen));
    while (count < AQ_LENGTH(held) && state_read(rest->cluster.state, &held[count], &error) == 0)
        count++;
    assert_int_equal(error.code, AQ_E_BUSY); /* all readers' places are taken */
    error = (struct aq_error){0};
    test_must(test_ask(&rest->cluster, &aq_command_user_delete, &bob, "admin", NULL, &error) > 0 ? 0 : -1, &error);
    assert_true(stream_ends(fd, &seen));
    while (count > 0)
        state_end(held[--count]);
    rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\"}");
    assert_null(strstr(aq_buffer_string(&seen), "application_created"));
    close(fd);
}

/* Who sends the body may have lost the right since the head came. */
static void a_write_is_made_with_the_rights_of_when_it_is_complete(void **context)
{
    struct rest_case *rest = *context;
    char bob[256], carol[256];
    make_admin(rest, "bob", bob);
    make_admin(rest, "carol", carol);
    const char *head = "Content-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"name\":";
    uint64_t begun = rest_metric(rest, "http_requests_total");
    int fds[2] = {begin(rest, bob, "POST /api/v1/user/", head), begin(rest, carol, "POST /api/v1/user/", head)};
    rest_await_requests(rest, begun, 2); /* the heads are there */
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/user/bob", NULL, 200);
    rest_post(rest, "/api/v1/user/carol", "{\"role\":\"user\",\"max_applications\":0}");
    static const char *const expected[2] = {"HTTP/1.1 401 ", "HTTP/1.1 403 "};
    for (int i = 0; i < 2; i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
        assert_true(http_send(fds[i], "\"eve\"}"));
        assert_true(http_read_until(fds[i], "\r\n\r\n", &seen));
        assert_memory_equal(seen.data, expected[i], strlen(expected[i]));
        close(fds[i]);
    }
    rest_ask_as(rest, &rest->admin, "GET", "/api/v1/user/eve", NULL, 404);
}

/* ---- browsers ------------------------------------------------------------------------------------------------ */

/* Creates a user as admin does, with more headers. Returns the HTTP status. */
static long create_with(struct rest_case *rest, const char *headers, const char *body)
{
    char coded[256], more[512];
    sodium_bin2base64(coded, sizeof coded, (const unsigned char *)rest->admin_login, strlen(rest->admin_login),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(more, sizeof more, "Connection: close\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(body), headers, body);
    int fd = begin(rest, coded, "POST /api/v1/user/", more);
    AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
    assert_true(http_read_until(fd, "\r\n\r\n", &seen));
    close(fd);
    return strtol(seen.data + strlen("HTTP/1.1 "), NULL, 10);
}

static void pages_of_other_origins_do_not_write(void **context)
{
    struct rest_case *rest = *context;
    static const struct {
        const char *headers;
        long status;
    } cases[] = {
        {"Content-Type: text/plain\r\nOrigin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n", 403},
        {"Content-Type: application/json\r\nOrigin: http://evil.example\r\n", 403},
        {"Content-Type: application/json\r\nOrigin: null\r\n", 403},
        {"Content-Type: application/json\r\nOrigin: http://h.evil.example\r\n", 403},
        {"Content-Type: application/json\r\nOrigin: http://h\r\nSec-Fetch-Site: same-site\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Content-Type: text/plain\r\nOrigin: http://h\r\n", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\nReferer: http://h/page\r\n", 415},
        {"Sec-Fetch-Site: same-origin\r\n", 415},
        {"Content-Type: multipart/form-data; boundary=x\r\n", 415},
        {"Content-Type: text/plain\r\n", 415},
        {"Content-Type: application/jsonp\r\n", 415},
        {"Content-Type: application/json; charset=utf-8\r\nOrigin: http://H\r\n", 200},
        {"Content-Type: application/json\r\nOrigin: https://front\r\nSec-Fetch-Site: same-origin\r\n", 200},
        {"Content-Type: application/x-www-form-urlencoded\r\n", 200},
        {"Content-Type: application/json\r\n", 200},
        {"", 200},
    };
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"name\":\"u%zu\"}", i);
        long status = create_with(rest, cases[i].headers, body);
        if (status != cases[i].status)
            print_message("%s: %ld\n", cases[i].headers, status);
        assert_int_equal(status, cases[i].status);
    }
}

/* ---- framing ------------------------------------------------------------------------------------------------- */

static void a_length_that_is_told_twice_is_refused(void **context)
{
    struct rest_case *rest = *context;
    static const char *const twice[] = {
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
    };
    for (size_t i = 0; i < AQ_LENGTH(twice); i++) {
        char request[512];
        AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
        snprintf(request, sizeof request,
                 "GET /livez HTTP/1.1\r\nHost: h\r\n%s\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: h\r\n\r\n", twice[i]);
        int fd = http_connect(rest->admin.port);
        assert_true(http_send(fd, request));
        assert_false(http_read_until(fd, "\r\nHTTP/1.1", &seen)); /* closed: what follows is no request */
        assert_memory_equal(seen.data, "HTTP/1.1 400 ", 13);
        close(fd);
    }
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/livez");
    assert_int_equal(rest->reply.status, 200);
}

/* ---- loopback ------------------------------------------------------------------------------------------------ */

static void metrics_are_not_for_those_behind_a_proxy(void **context)
{
    struct rest_case *rest = *context;
    static const char *const headers[] = {"Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "Via: 1.1 proxy"};
    for (size_t i = 0; i < AQ_LENGTH(headers); i++) {
        struct http_client client = {rest->admin.port, NULL, headers[i]};
        rest_ask_as(rest, &client, "GET", "/metrics", NULL, 401);
    }
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/metrics");
    assert_int_equal(rest->reply.status, 200);
}

/* A browser on this host, with a page of evil.example, whose name server says that this is 127.0.0.1. */
static void metrics_are_not_for_pages_that_are_led_here(void **context)
{
    struct rest_case *rest = *context;
    static const struct {
        const char *header;
        int status;
    } rows[] = {{"Host: evil.example", 401},   {"Host: evil.example:8001", 401},
                {"Host: 127.0.0.1.evil", 401}, {"Host: 127.0.0.1:8001", 200},
                {"Host: localhost:8001", 200}, {"Host: [::1]:8001", 200},
                {"Host: controller-1", 200},   {"Host: a.very.long.name.that.is.no.address.at.all.example", 401}};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct http_client client = {rest->admin.port, NULL, rows[i].header};
        http_ask(&client, &rest->reply, "GET", NULL, "/metrics");
        assert_int_equal(rest->reply.status, rows[i].status);
    }
}

static void distrust_loopback(struct aq_config_controller *config)
{
    config->api.trust_loopback = false;
}

static int setup_distrusting(void **context)
{
    return rest_setup_with(context, distrust_loopback);
}

static void trust_in_loopback_is_a_setting(void **context)
{
    struct rest_case *rest = *context;
    rest_ask_as(rest, &rest->nobody, "GET", "/metrics", NULL, 401);
    http_ask(&rest->user, &rest->reply, "GET", NULL, "/metrics");
    assert_int_equal(rest->reply.status, 200);
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/livez");
    assert_int_equal(rest->reply.status, 200);
}

/* ---- connections --------------------------------------------------------------------------------------------- */

enum { ALL = 40, OF_A_USER = 12 };

static void few_connections(struct aq_config_controller *config)
{
    config->api.connections = config->api.connections_per_address = ALL;
    config->api.connections_per_user = OF_A_USER;
}

static void many_of_a_user(struct aq_config_controller *config)
{
    few_connections(config);
    config->api.connections_per_user = 1000;
}

static int setup_few(void **context)
{
    return rest_setup_with(context, few_connections);
}

static int setup_many_of_a_user(void **context)
{
    return rest_setup_with(context, many_of_a_user);
}

/* Opens a connection as ann, and keeps it. Returns the HTTP status of a request on it. */
static long hold(struct rest_case *rest, int *fd)
{
    char coded[256];
    AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
    sodium_bin2base64(coded, sizeof coded, (const unsigned char *)rest->user_login, strlen(rest->user_login),
                      sodium_base64_VARIANT_ORIGINAL);
    *fd = begin(rest, coded, "GET /api/v1/me", "\r\n");
    if (!http_read_until(*fd, "}\n", &seen))
        return 0;
    return strtol(seen.data + strlen("HTTP/1.1 "), NULL, 10);
}

static void a_user_has_a_share_of_the_connections(void **context)
{
    struct rest_case *rest = *context;
    int fds[OF_A_USER], more;
    for (int i = 0; i < OF_A_USER; i++)
        assert_int_equal(hold(rest, &fds[i]), 200);
    assert_int_equal(hold(rest, &more), 503);
    char byte;
    assert_int_equal(read(more, &byte, 1), 0); /* it was closed */
    close(more);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/me", NULL, 503);
    assert_string_equal(rest_message(rest), "user ann has 12 connections already (api.connections_per_user)");
    rest_get(rest, "/api/v1/me");
    close(fds[0]);
    long status = 503;
    for (int tries = 0; tries < 1000 && status == 503; tries++) { /* until the server sees that */
        usleep(10000);
        http_ask(&rest->user, &rest->reply, "GET", NULL, "/api/v1/me");
        status = rest->reply.status;
    }
    assert_int_equal(status, 200);
    for (int i = 1; i < OF_A_USER; i++)
        close(fds[i]);
}

/* The attack: one user, or several together, hold all connections, and strangers hold what is left. */
static void some_connections_are_kept_for_admins_and_health(void **context)
{
    enum { IDLE = 3 * CONNECTIONS_KEPT };
    struct rest_case *rest = *context;
    int fds[ALL], idle[IDLE];
    for (int i = 0; i < ALL; i++)
        assert_int_equal(hold(rest, &fds[i]), 200);
    for (int round = 0; round < 2; round++) {
        rest_ask_as(rest, &rest->user, "GET", "/api/v1/me", NULL, 503);
        assert_non_null(strstr(rest_message(rest), "kept for those with cluster.connect"));
        rest_get(rest, "/api/v1/me");
        rest_post(rest, "/api/v1/label/", "{\"name\":\"mac\",\"definitions\":[{\"driver\":\"test\"}]}");
        http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/livez");
        assert_int_equal(rest->reply.status, 200);
        http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/metrics");
        assert_int_equal(rest->reply.status, 200);
        for (int i = 0; i < IDLE && round == 0; i++)
            idle[i] = http_connect(rest->admin.port);
    }
    for (int i = 0; i < ALL; i++)
        close(fds[i]);
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(event_streams_end_with_the_right),
        REST_TEST(events_of_an_earlier_project_are_not_for_members),
        REST_TEST(members_are_told_which_labels_leave),
        REST_TEST(owners_are_told_how_their_rows_leave),
        REST_TEST(a_stream_whose_right_cannot_be_read_ends),
        REST_TEST(a_write_is_made_with_the_rights_of_when_it_is_complete),
        REST_TEST(pages_of_other_origins_do_not_write),
        REST_TEST(a_length_that_is_told_twice_is_refused),
        REST_TEST(metrics_are_not_for_those_behind_a_proxy),
        REST_TEST(metrics_are_not_for_pages_that_are_led_here),
        cmocka_unit_test_setup_teardown(a_user_has_a_share_of_the_connections, setup_few, rest_teardown),
        cmocka_unit_test_setup_teardown(some_connections_are_kept_for_admins_and_health, setup_many_of_a_user,
                                        rest_teardown),
        cmocka_unit_test_setup_teardown(trust_in_loopback_is_a_setting, setup_distrusting, rest_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
