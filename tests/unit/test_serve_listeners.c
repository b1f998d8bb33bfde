/* REST where it listens: with TLS, whose unfinished handshakes cost nothing; on the local socket, where the kernel says
 * who calls; and the metadata service by itself. */
#include "controller/serve/connections.h"
#include "schema/base/clock.h"
#include "tests/lib/rest_case.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ALL = 64 };

static const unsigned char five[] = {0x16, 0x03, 0x01, 0x02, 0x00}; /* the head of a ClientHello */

static void with_tls(struct aq_config_controller *config)
{
    config->api.tls.address = config->meta.address = "127.0.0.1";
    config->api.tls.port = config->meta.port = 0;
}

static void few_with_tls(struct aq_config_controller *config)
{
    with_tls(config);
    config->api.timeout = 1;
    config->api.connections = config->api.connections_per_address = ALL;
}

static int setup(void **context)
{
    return rest_setup_with(context, with_tls);
}

static int setup_few(void **context)
{
    return rest_setup_with(context, few_with_tls);
}

static unsigned port_of(const struct rest_case *rest, const char *file)
{
    return test_read_number(rest->cluster.directory, file);
}

static const char *path_of(const struct rest_case *rest, const char *file)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", rest->cluster.directory, file);
    return path;
}

/* The server notices the end of a connection in its own time. */
static void wait_metric(struct rest_case *rest, const char *name, uint64_t least, uint64_t most)
{
    uint64_t is = rest_metric(rest, name);
    for (int tries = 0; tries < 1000 && (is < least || is > most); tries++, is = rest_metric(rest, name))
        usleep(5000);
    assert_in_range(is, least, most);
}

/* ---- TLS --------------------------------------------------------------------------------------------------- */

static void requests_go_over_tls(void **context)
{
    struct rest_case *rest = *context;
    struct http_client client = rest->admin;
    client.port = port_of(rest, AQ_FILE_TLS_PORT);
    client.authority = path_of(rest, "tls/authority.crt");
    rest_ask_as(rest, &client, "GET", "/api/v1/me", NULL, 200);
    rest_ask_as(rest, &client, "POST", "/api/v1/label/", "{\"name\":\"m\",\"definitions\":[{\"driver\":\"test\"}]}",
                200);
    client.login = NULL;
    rest_ask_as(rest, &client, "GET", "/api/v1/me", NULL, 401);
    client.authority = NULL; /* http, there */
    http_ask(&client, &rest->reply, "GET", NULL, "/livez");
    assert_int_equal(rest->reply.status, 0);
}

/* A client that trusts another authority. */
static void a_proxy_with_another_certificate_is_noticed(void **context)
{
    struct rest_case *rest = *context;
    struct http_client client = rest->admin;
    struct authority *other = NULL;
    struct aq_error error = {0};
    char place[64], path[128];
    test_make_directory(place, sizeof place, "/tmp", "aquarium-other");
    test_must(authority_open(&other, place, aq_clock_wall_ms(), &error), &error);
    authority_close(other);
    snprintf(path, sizeof path, "%s/tls/authority.crt", place);
    client.port = port_of(rest, AQ_FILE_TLS_PORT);
    client.authority = path;
    http_ask(&client, &rest->reply, "GET", NULL, "/api/v1/me");
    assert_int_equal(rest->reply.status, 0);
    test_remove_tree(place);
}

static double cpu_s(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The server, which is in this process, does next to nothing. */
static void expect_idle(void)
{
    enum { MS = 1000 };
    usleep(100000); /* what it still has to do */
    double before = cpu_s();
    usleep(MS * 1000);
    double spent = cpu_s() - before;
    if (spent > 0.2)
        fail_msg("%.0f ms of the processor in %d ms", spent * 1000, MS);
}

/* A whole ClientHello, as GnuTLS makes it. */
static ssize_t keep_bytes(gnutls_transport_ptr_t context, const void *bytes, size_t size)
{
    aq_buffer_add(context, bytes, size);
    return (ssize_t)size;
}

static ssize_t give_none(gnutls_transport_ptr_t context, void *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    errno = EAGAIN;
    return -1;
}

static void make_hello(struct aq_buffer *hello)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_set_default_priority(session);
    gnutls_transport_set_ptr(session, hello);
    gnutls_transport_set_push_function(session, keep_bytes);
    gnutls_transport_set_pull_function(session, give_none);
    assert_int_equal(gnutls_handshake(session), GNUTLS_E_AGAIN);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    assert_true(hello->length > 100);
}

/* The attack: five bytes of a ClientHello made the loop spin, and so does a client that stops after all of it. */
static void unfinished_handshakes_cost_nothing(void **context)
{
    enum { EACH = 20, KINDS = 4 };
    struct rest_case *rest = *context;
    AQ_CLEANUP_BUFFER struct aq_buffer hello = {0};
    int fds[KINDS * EACH];
    make_hello(&hello);
    const size_t lengths[KINDS] = {0, sizeof five, hello.length - 1, hello.length};
    for (int i = 0; i < KINDS * EACH; i++) {
        fds[i] = http_connect(port_of(rest, AQ_FILE_TLS_PORT));
        assert_int_equal(send(fds[i], hello.data, lengths[i % KINDS], 0), lengths[i % KINDS]);
    }
    wait_metric(rest, "http_strangers", KINDS * EACH, KINDS * EACH + 1);
    expect_idle();
    for (int i = 0; i < KINDS * EACH; i++)
        close(fds[i]);
    wait_metric(rest, "tls_failed_total", KINDS * EACH, KINDS * EACH);
}

static ssize_t pull_raw(gnutls_transport_ptr_t context, void *bytes, size_t size)
{
    return recv((int)(intptr_t)context, bytes, size, 0);
}

/* Returns the descriptor of a connection whose handshake is over. */
static int shake_hands(unsigned port)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    int failed, fd = http_connect(port);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_set_default_priority(session);
    gnutls_transport_set_int(session, fd);
    gnutls_transport_set_pull_function(session, pull_raw);
    do
        failed = gnutls_handshake(session);
    while (failed < 0 && !gnutls_error_is_fatal(failed));
    assert_int_equal(failed, 0);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    return fd;
}

/* After the handshake, the same holds for requests that come in part. */
static void unfinished_records_cost_nothing(void **context)
{
    enum { COUNT = 40 };
    struct rest_case *rest = *context;
    static const unsigned char record[] = {0x17, 0x03, 0x03, 0x01, 0x00, 0x55};
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = shake_hands(port_of(rest, AQ_FILE_TLS_PORT));
        assert_true(send(fds[i], record, (size_t)i % (sizeof record + 1), 0) >= 0);
    }
    wait_metric(rest, "tls_handshakes_total", COUNT, COUNT);
    expect_idle();
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    assert_int_equal(rest_metric(rest, "tls_failed_total"), 0);
}

static void unfinished_handshakes_end_in_time(void **context)
{
    struct rest_case *rest = *context;
    char byte;
    uint64_t begun = aq_clock_ms();
    int fd = http_connect(port_of(rest, AQ_FILE_TLS_PORT));
    assert_int_equal(send(fd, five, sizeof five, 0), sizeof five);
    usleep(300000);
    assert_int_equal(send(fd, "x", 1, 0), 1); /* which is no excuse for more time */
    while (recv(fd, &byte, 1, 0) > 0)         /* an alert */
        ;
    assert_in_range(aq_clock_ms() - begun, 900, 3000);
    close(fd);
    assert_int_equal(rest_metric(rest, "tls_failed_total"), 1);
}

/* Whoever begins handshakes has the places of those without a token, and no more. */
static void unfinished_handshakes_are_bounded(void **context)
{
    enum { MANY = 4 * ALL };
    struct rest_case *rest = *context;
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = http_connect(port_of(rest, AQ_FILE_TLS_PORT));
        (void)!send(fds[i], five, sizeof five, MSG_NOSIGNAL);
    }
    wait_metric(rest, "http_connections", 1, ALL / 4 + 1);
    rest_get(rest, "/api/v1/me");
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

/* The server must not lose a handshake that stands between two turns when it stops. */
static void a_stop_ends_handshakes(void **context)
{
    struct rest_case *rest = *context;
    char byte;
    int fds[10];
    for (int i = 0; i < 10; i++) {
        fds[i] = http_connect(port_of(rest, AQ_FILE_TLS_PORT));
        assert_int_equal(send(fds[i], five, sizeof five, 0), sizeof five);
    }
    wait_metric(rest, "http_strangers", 11, 11);
    serve_stop(rest->services.serve);
    rest->services.serve = NULL;
    for (int i = 0; i < 10; i++) {
        while (recv(fds[i], &byte, 1, 0) > 0)
            ;
        close(fds[i]);
    }
}

static int open_keep_alive(unsigned port)
{
    struct aq_buffer seen = {0};
    int fd = http_connect(port);
    assert_true(http_send(fd, "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(http_read_until(fd, "alive\n", &seen));
    aq_buffer_free(&seen);
    return fd;
}

/* Of all listeners together. */
static void connections_count_over_all_listeners(void **context)
{
    struct rest_case *rest = *context;
    int fds[3];
    fds[0] = open_keep_alive(rest->admin.port);
    fds[1] = open_keep_alive(port_of(rest, AQ_FILE_API_PORT));
    fds[2] = http_connect(port_of(rest, AQ_FILE_META_PORT));
    struct http_client client = rest->admin;
    client.port = port_of(rest, AQ_FILE_TLS_PORT);
    client.authority = path_of(rest, "tls/authority.crt");
    client.curl = curl_easy_init();
    http_ask(&client, &rest->reply, "GET", NULL, "/api/v1/me");
    assert_int_equal(rest->reply.status, 200);
    wait_metric(rest, "http_connections", 5, 5); /* with that of the metrics */
    wait_metric(rest, "http_strangers", 4, 4);
    curl_easy_cleanup(client.curl);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* ---- one port for both ---------------------------------------------------------------------------------------- */

static int setup_shared(void **context)
{
    return rest_setup(context);
}

static void await_arrival(const struct listener *listener, struct arrival *arrival)
{
    for (int tries = 0; tries < 10000; tries++) {
        if (listener_accept(listener, arrival))
            return;
        usleep(1000);
    }
    fail_msg("the connection does not arrive");
}

static void loopback_stays_plain_on_a_port_with_tls(void **context)
{
    struct rest_case *rest = *context;
    struct listeners listeners = {.count = 0};
    struct aq_config_controller config = rest->cluster.config;
    struct aq_error error = {0};
    struct arrival arrival;
    int first = http_connect(rest->admin.port); /* a port that is free in a moment */
    test_services_stop(&rest->services);
    close(first);
    config.api.port = config.api.tls.port = rest->admin.port;
    config.api.tls.address = "0.0.0.0";
    test_must(listeners_open(&listeners, &config, &error), &error);
    assert_int_equal(listeners.count, 2); /* the local socket, and one for both */
    int client = http_connect(rest->admin.port);
    await_arrival(&listeners.list[1], &arrival);
    assert_int_equal(arrival.kind, LISTENER_PLAIN);
    close(arrival.fd);
    close(client);
    struct sockaddr_in other = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)rest->admin.port), .sin_addr = {htonl(0x7F000002)}};
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&other, sizeof other), 0);
    await_arrival(&listeners.list[1], &arrival);
    assert_int_equal(arrival.kind, LISTENER_TLS);
    close(arrival.fd);
    close(client);
    listeners_close(&listeners);
}

/* ---- the local socket --------------------------------------------------------------------------------------- */

static void the_kernel_says_who_calls(void **context)
{
    struct rest_case *rest = *context;
    char path[128];
    struct stat status;
    if (geteuid() != 0)
        skip();
    snprintf(path, sizeof path, "%s", path_of(rest, AQ_FILE_API_SOCKET));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    struct http_client root = {.socket = path}, ann = {.socket = path, .login = rest->user_login},
                       wrong = {.socket = path, .login = "admin:aq_wrong"};
    json_t *me = rest_ask_as(rest, &root, "GET", "/api/v1/me", NULL, 200);
    assert_string_equal(json_text(me, "name"), "admin");
    me = rest_ask_as(rest, &ann, "GET", "/api/v1/me", NULL, 200); /* a login goes before the account */
    assert_string_equal(json_text(me, "name"), "ann");
    rest_ask_as(rest, &wrong, "GET", "/api/v1/me", NULL, 401);
    rest_ask_as(rest, &root, "POST", "/api/v1/label/", "{\"name\":\"m\",\"definitions\":[{\"driver\":\"test\"}]}", 200);
    http_ask(&root, &rest->reply, "GET", NULL, "/metrics");
    assert_int_equal(rest->reply.status, 200);
    http_ask(&root, &rest->reply, "GET", NULL, "/meta/v1/data");
    assert_int_equal(rest->reply.status, 404);
    assert_non_null(strstr(rest_message(rest), "the local socket"));
}

/* ---- the metadata service ---------------------------------------------------------------------------------------- */

static void the_metadata_service_serves_nothing_else(void **context)
{
    struct rest_case *rest = *context;
    struct http_client client = rest->admin;
    client.port = port_of(rest, AQ_FILE_META_PORT);
    static const char *const others[] = {"/api/v1/me", "/api/v1/application/", "/metrics", "/livez", "/", "/api"};
    for (size_t i = 0; i < AQ_LENGTH(others); i++) {
        http_ask(&client, &rest->reply, "GET", NULL, others[i]);
        assert_int_equal(rest->reply.status, 404);
        assert_string_equal(rest_message(rest), "only metadata is served here: /meta/v1/data");
    }
    http_ask(&client, &rest->reply, "POST", "{}", "/api/v1/label/");
    assert_int_equal(rest->reply.status, 404);
    http_ask(&client, &rest->reply, "GET", NULL, "/meta/v1/data");
    assert_int_equal(rest->reply.status, 404);
    assert_non_null(strstr(rest_message(rest), "no resource has the address 127.0.0.1"));
}

#define TLS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, rest_teardown)
#define FEW_TEST(test) cmocka_unit_test_setup_teardown(test, setup_few, rest_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(requests_go_over_tls),
        TLS_TEST(a_proxy_with_another_certificate_is_noticed),
        TLS_TEST(unfinished_handshakes_cost_nothing),
        TLS_TEST(unfinished_records_cost_nothing),
        FEW_TEST(unfinished_handshakes_end_in_time),
        FEW_TEST(unfinished_handshakes_are_bounded),
        TLS_TEST(a_stop_ends_handshakes),
        TLS_TEST(connections_count_over_all_listeners),
        cmocka_unit_test_setup_teardown(loopback_stays_plain_on_a_port_with_tls, setup_shared, rest_teardown),
        TLS_TEST(the_kernel_says_who_calls),
        TLS_TEST(the_metadata_service_serves_nothing_else),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
