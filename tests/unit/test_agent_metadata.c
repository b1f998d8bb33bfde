/* The agent's metadata service, on a network that is the loopback device: which workload gets what, and
 * what callers may not do. */
#include "agent/metadata.h"
#include "schema/base/journal.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 8080, TRIES = 3000, STEP_MS = 10 };

static const char document[] = "{\"branch\":\"main\",\"ssh\":{\"port\":22},\"a/b\":\"c\",\"path\":\"/x\"}";

static char directory[64], gateway[16];
static const char *device;
static int data; /* directory that keeps the port; -1: none */
static struct aq_clocks now;
static struct workloads workloads;
static struct workload first, second, starting, other;
static struct metadata *service;

/* ---- a node with workloads ----------------------------------------------------------------------------------- */

static bool fake_network(const struct driver *driver, struct driver_network *network)
{
    (void)driver;
    *network = (struct driver_network){0};
    snprintf(network->device, sizeof network->device, "%s", device);
    snprintf(network->gateway, sizeof network->gateway, "%s", gateway);
    return true;
}

static const struct aq_driver fake_declared = {.name = "fake"};
static const struct driver_type with_network = {.declared = &fake_declared, .network = fake_network},
                                without_network = {.declared = &fake_declared};

static void add(struct workload *workload, uint64_t resource, unsigned driver, const char *address,
                const char *metadata)
{
    struct aq_error error = {0};
    const struct aq_assignment assignment = {.resource = resource,
                                             .want = AQ_WANT_RUNNING,
                                             .driver = "fake",
                                             .options = "{}",
                                             .network = "",
                                             .metadata = metadata};
    if (home_add(workloads.home, &assignment, &error) != 0)
        fail_msg("%s", error.message);
    *workload = (struct workload){
        .resource = resource, .driver = &workloads.drivers.opened[driver], .kept = true, .runs = address != NULL};
    workload->notices[NOTICE_START].what.ip_addr = address != NULL ? address : "";
    workload->notices[NOTICE_START].what.hw_addr = "";
    roster_add(&workloads.roster, resource, workload);
}

static void set_device(const char *name)
{
    device = name;
    service = metadata_open(&workloads, PORT, data, &now);
}

static int setup(void **context)
{
    struct aq_error error = {0};
    (void)context;
    if (sodium_init() < 0)
        return -1;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    aq_journal_open("test", AQ_ERROR);
    snprintf(gateway, sizeof gateway, "127.%d.%d.9", 64 + (getpid() >> 8) % 64, getpid() % 256);
    now = (struct aq_clocks){.steady_ms = 5000, .wall_ms = 1764000000000};
    workloads = (struct workloads){
        .now = &now, .drivers = {.opened = {{&with_network, NULL}, {&without_network, NULL}}, .count = 2}};
    if (home_open(&workloads.home, directory, "one", &now, &error) != 0)
        fail_msg("%s", error.message);
    add(&first, 1, 0, "127.0.7.1", document);
    add(&second, 2, 0, "127.0.7.2", "{\"branch\":\"other\"}");
    add(&other, 4, 1, "127.0.7.4", "{}");
    data = home_root(workloads.home);
    set_device("lo");
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    metadata_close(service);
    home_close(workloads.home);
    roster_free(&workloads.roster);
    test_remove_tree(directory);
    return 0;
}

/* ---- a caller ------------------------------------------------------------------------------------------------- */

static int connect_from(const char *address)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &from.sin_addr);
    inet_pton(AF_INET, gateway, &to.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
    }
    close(fd);
    return -1;
}

static void turn(void)
{
    struct pollfd fds[METADATA_NETWORKS_MAX];
    nfds_t count = metadata_fds(service, fds);
    poll(fds, count, aq_clocks_left_ms(&now, metadata_deadline_ms(service), STEP_MS));
    metadata_work(service);
}

/* Turns until the connection is closed. What was read is in `text`. */
static void read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        turn();
        ssize_t more = recv(fd, text + length, size - 1 - length, 0);
        if (more == 0 || (more < 0 && errno == ECONNRESET)) {
            text[length] = '\0';
            close(fd);
            return;
        }
        length += more > 0 ? (size_t)more : 0;
    }
    fail_msg("the connection stays open");
}

static char answer[8192];
static const char *body;

static int ask(const char *address, const char *request)
{
    int status = 0, fd = connect_from(address);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    read_all(fd, answer, sizeof answer);
    sscanf(answer, "HTTP/1.1 %d", &status);
    body = strstr(answer, "\r\n\r\n");
    body = body != NULL ? body + 4 : "";
    return status;
}

static int get(const char *address, const char *path)
{
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n", path, gateway, PORT);
    return ask(address, request);
}

/* ---- what is given ----------------------------------------------------------------------------------------- */

static void a_workload_gets_its_own(void **context)
{
    (void)context;
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/"), 200);
    assert_string_equal(body, "{\"a/b\":\"c\",\"branch\":\"main\",\"path\":\"/x\",\"ssh\":{\"port\":22}}\n");
    assert_int_equal(get("127.0.7.2", "/meta/v1/data"), 200);
    assert_string_equal(body, "{\"branch\":\"other\"}\n");
}

static void in_all_forms(void **context)
{
    (void)context;
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/?format=env"), 200);
    assert_string_equal(body, "BRANCH='main'\nSSH_PORT='22'\nA_B='c'\nAQ_META_PATH='/x'\n");
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/ssh?format=env&prefix=ci_"), 200);
    assert_string_equal(body, "ci_PORT='22'\n");
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/ssh?format=yaml"), 200);
    assert_string_equal(body, "port: 22\n");
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/branch"), 200);
    assert_string_equal(body, "main\n");
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/branch?format=json"), 200);
    assert_string_equal(body, "\"main\"\n");
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/a%2Fb"), 200);
    assert_string_equal(body, "c\n");
}

static void wrong_requests_are_explained(void **context)
{
    (void)context;
    static const struct {
        const char *path;
        int status;
        const char *says;
    } wrong[] = {
        {"/", 404, "only metadata is served here"},
        {"/api/v1/label/", 404, "only metadata is served here"},
        {"/meta/v1/data/none", 404, "the metadata has no key none"},
        {"/meta/v1/data/a/b", 404, "the metadata has no key b"},
        {"/meta/v1/data/?format=xml", 400, "format is \\\"xml\\\", but must be json, yaml or env"},
        {"/meta/v1/data/?prefix=a", 400, "prefix is only for format=env"},
        {"/meta/v1/data/?format=env&prefix=1", 400, "prefix is \\\"1\\\""},
        {"/meta/v1/data/?form=env", 400, "unknown parameter form"},
        {"/meta/v1/data/?format=env&format=env", 400, "parameter format is given twice"},
        {"/meta/v1/data/%zz", 400, "hexadecimal"},
        {"/meta/v1/data/%00", 400, "NUL"},
        {"/meta/v1/data/%ff", 400, "UTF-8"},
    };
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        assert_int_equal(get("127.0.7.1", wrong[i].path), wrong[i].status);
        if (strstr(body, wrong[i].says) == NULL)
            fail_msg("%s: %s", wrong[i].path, body);
    }
    assert_int_equal(ask("127.0.7.1", "POST /meta/v1/data/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"), 405);
    assert_int_equal(ask("127.0.7.1", "GET /meta/v1/data/ HTTP/1.1\r\nHost: evil.example.org\r\n\r\n"), 403);
    assert_int_equal(ask("127.0.7.1", "GET /meta/v1/data/ HTTP/1.0\r\n\r\n"), 200);
}

static void others_get_nothing(void **context)
{
    (void)context;
    assert_int_equal(get("127.0.7.9", "/meta/v1/data/"), 404);
    assert_non_null(strstr(body, "no workload of this node has the address 127.0.7.9"));
    assert_int_equal(get("127.0.7.4", "/meta/v1/data/"), 404); /* of a driver without this network */
    first.runs = false; /* it is over, or waits for its restart: another may have its address now */
    first.over = true;
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/"), 404);
    first.over = false;
    first.restarts.phase = RESTART_WAITS;
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/"), 404);
}

static void an_address_of_two_workloads_gets_nothing(void **context)
{
    (void)context;
    second.notices[NOTICE_START].what.ip_addr = "127.0.7.1";
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/"), 409);
    assert_non_null(strstr(body, "several workloads of this node have the address 127.0.7.1"));
}

/* ---- one that is being started ------------------------------------------------------------------------------ */

static int ask_early(void)
{
    static const char request[] = "GET /meta/v1/data/ HTTP/1.0\r\n\r\n";
    int fd = connect_from("127.0.7.3");
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (int i = 0; i < 20; i++) {
        char byte;
        turn();
        assert_int_equal(recv(fd, &byte, 1, MSG_PEEK), -1);
    }
    return fd;
}

static void a_workload_that_asks_early_waits_for_its_address(void **context)
{
    (void)context;
    add(&starting, 3, 0, NULL, "{\"a\":1}");
    int fd = ask_early();
    assert_true(metadata_deadline_ms(service) == now.steady_ms + METADATA_HELD_MS);
    starting.notices[NOTICE_START].what.ip_addr = "127.0.7.3";
    starting.runs = true;
    read_all(fd, answer, sizeof answer);
    assert_non_null(strstr(answer, "{\"a\":1}"));
}

static void but_not_for_ever(void **context)
{
    (void)context;
    add(&starting, 3, 0, NULL, "{\"a\":1}");
    int fd = ask_early();
    now.steady_ms += METADATA_HELD_MS;
    read_all(fd, answer, sizeof answer);
    assert_non_null(strstr(answer, "503"));
    fd = ask_early();
    metadata_close(service); /* with one that is held */
    service = NULL;
    close(fd);
}

/* ---- bounds ------------------------------------------------------------------------------------------------- */

static void a_slow_caller_is_cut_off(void **context)
{
    (void)context;
    int fd = connect_from("127.0.7.1");
    for (int i = 0; i < 10; i++) { /* it never pauses for long */
        assert_int_equal(send(fd, "G", 1, MSG_NOSIGNAL), 1);
        turn();
        now.steady_ms += METADATA_CALL_MS / 10;
    }
    read_all(fd, answer, sizeof answer);
    assert_string_equal(answer, "");
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/branch"), 200);
}

static void an_address_has_few_connections(void **context)
{
    (void)context;
    int fds[METADATA_CONNECTIONS_PER_ADDRESS];
    for (unsigned i = 0; i < AQ_LENGTH(fds); i++)
        fds[i] = connect_from("127.0.7.1");
    int more = connect_from("127.0.7.1");
    read_all(more, answer, sizeof answer);
    assert_string_equal(answer, "");
    assert_int_equal(get("127.0.7.2", "/meta/v1/data/branch"), 200); /* the others have theirs */
    for (unsigned i = 0; i < AQ_LENGTH(fds); i++)
        close(fds[i]);
}

static void a_request_is_small(void **context)
{
    (void)context;
    static char request[3 * METADATA_HEADERS_MAX];
    int length = snprintf(request, sizeof request, "GET /meta/v1/data/ HTTP/1.0\r\nX: ");
    memset(request + length, 'x', 2 * METADATA_HEADERS_MAX);
    strcpy(request + length + 2 * METADATA_HEADERS_MAX, "\r\n\r\n");
    int status = ask("127.0.7.1", request);
    assert_true(status == 0 || status == 431 || status == 413);
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/branch"), 200);
}

/* ---- the network ---------------------------------------------------------------------------------------------- */

static void nothing_listens_before_the_network_is_there(void **context)
{
    (void)context;
    metadata_close(service);
    set_device("aq-none");
    assert_int_equal(metadata_port(service), PORT);
    turn();
    assert_int_equal(connect_from("127.0.7.1"), -1);
    device = "lo";
}

/* Two agents of a host, before the network is there, and after it. */
static void each_agent_has_a_port_of_its_own(void **context)
{
    (void)context;
    struct metadata *had = service;
    set_device("lo");
    assert_int_equal(metadata_port(had), PORT);
    assert_int_equal(metadata_port(service), PORT + 1);
    metadata_close(had);
    metadata_close(service);
    set_device("aq-none");
    assert_int_equal(metadata_port(service), PORT + 1); /* kept, though the first is free */
    had = service;
    data = -1;
    set_device("aq-none");
    assert_int_equal(metadata_port(service), PORT);
    metadata_close(had);
}

static void ports_that_are_taken_are_tried_again(void **context)
{
    (void)context;
    struct metadata *others[METADATA_PORTS];
    metadata_close(service);
    data = -1;
    for (int i = 0; i < METADATA_PORTS; i++) {
        set_device("lo");
        assert_int_equal(metadata_port(service), PORT + i);
        others[i] = service;
    }
    set_device("lo");
    assert_int_equal(metadata_port(service), 0);
    for (int i = 0; i < METADATA_PORTS; i++)
        metadata_close(others[i]);
    metadata_work(service);
    assert_int_equal(metadata_port(service), 0);
    now.steady_ms = metadata_deadline_ms(service);
    metadata_work(service);
    assert_int_equal(metadata_port(service), PORT);
    assert_int_equal(get("127.0.7.1", "/meta/v1/data/branch"), 200);
}

static void it_can_be_switched_off(void **context)
{
    (void)context;
    struct pollfd fds[METADATA_NETWORKS_MAX];
    metadata_close(service);
    service = metadata_open(&workloads, 0, -1, &now);
    assert_int_equal(metadata_port(service), 0);
    assert_int_equal(metadata_fds(service, fds), 0);
    assert_true(metadata_deadline_ms(service) == UINT64_MAX);
    assert_int_equal(connect_from("127.0.7.1"), -1);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_workload_gets_its_own),
        SCENE(in_all_forms),
        SCENE(wrong_requests_are_explained),
        SCENE(others_get_nothing),
        SCENE(an_address_of_two_workloads_gets_nothing),
        SCENE(a_workload_that_asks_early_waits_for_its_address),
        SCENE(but_not_for_ever),
        SCENE(a_slow_caller_is_cut_off),
        SCENE(an_address_has_few_connections),
        SCENE(a_request_is_small),
        SCENE(nothing_listens_before_the_network_is_there),
        SCENE(each_agent_has_a_port_of_its_own),
        SCENE(ports_that_are_taken_are_tried_again),
        SCENE(it_can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
