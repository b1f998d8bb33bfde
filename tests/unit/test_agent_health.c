/* Health checks over the network, against sockets of this process: what is a success, and what the reason says. Checks
 * by commands, and what follows from health, are in test_agent_restarts.c. */
#include "agent/health.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

struct ward {
    struct aq_clocks now;
    struct commands commands;
    struct healths healths;
    int listener, client;
    unsigned port;
    char asked[512]; /* what came over the last connection */
    enum aq_health health;
    unsigned changes;
    char reason[512];
    bool forget; /* when it changes */
};

static void note_change(void *context, uint64_t resource, enum aq_health health, const char *reason)
{
    struct ward *ward = context;
    assert_int_equal(resource, 5);
    ward->health = health;
    ward->changes++;
    snprintf(ward->reason, sizeof ward->reason, "%s", reason);
    if (ward->forget)
        health_forget(&ward->healths, 5);
}

static int setup(void **state)
{
    struct ward *ward = aq_calloc(1, sizeof *ward);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    ward->client = -1;
    ward->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ward->listener < 0 || bind(ward->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(ward->listener, 8) != 0 || getsockname(ward->listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    ward->port = ntohs(address.sin_port);
    ward->now.steady_ms = 1000;
    healths_open(&ward->healths, &ward->now, &ward->commands, note_change, ward);
    *state = ward;
    return 0;
}

static void hang_up(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int teardown(void **state)
{
    struct ward *ward = *state;
    healths_close(&ward->healths);
    commands_free(&ward->commands);
    hang_up(&ward->client);
    hang_up(&ward->listener);
    free(ward);
    return 0;
}

/* Answers the check that has connected and asked. NULL: reads, and says nothing. */
static void serve(struct ward *ward, const char *answer)
{
    if (ward->client < 0)
        ward->client = accept4(ward->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ssize_t length = ward->client >= 0 ? read(ward->client, ward->asked, sizeof ward->asked - 1) : -1;
    if (length == 0)
        hang_up(&ward->client);
    if (length <= 0 || answer == NULL)
        return;
    ward->asked[length] = '\0';
    assert_int_equal(write(ward->client, answer, strlen(answer)), strlen(answer));
    hang_up(&ward->client);
}

/* Time passes only from one deadline to the next one, if nothing comes over the sockets. */
static void await_change(struct ward *ward, const char *answer, unsigned changes)
{
    const uint64_t until_ms = aq_clock_boot_ms() + PATIENCE_MS;
    while (ward->changes < changes) {
        assert_true(aq_clock_boot_ms() < until_ms);
        struct pollfd fds[] = {{.fd = healths_fd(&ward->healths), .events = POLLIN},
                               {.fd = ward->client >= 0 ? ward->client : ward->listener, .events = POLLIN}};
        if (poll(fds, 2, 20) == 0 && healths_deadline_ms(&ward->healths) != UINT64_MAX)
            ward->now.steady_ms = healths_deadline_ms(&ward->healths);
        serve(ward, answer);
        healths_work(&ward->healths);
    }
}

static void watch_http(struct ward *ward, const char *path)
{
    char http[64];
    snprintf(http, sizeof http, "%u%s", ward->port, path);
    const struct aq_check check = {.http = http, .interval = 5, .timeout = 3, .retries = 2};
    health_watch(&ward->healths, 5, NULL, "127.0.0.1", &check);
}

static void a_port_that_accepts_is_healthy(void **state)
{
    struct ward *ward = *state;
    const struct aq_check check = {.tcp = ward->port, .http = "", .interval = 5, .timeout = 3, .retries = 2};
    char expected[128];
    health_watch(&ward->healths, 5, NULL, "127.0.0.1", &check);
    assert_int_equal(healths_deadline_ms(&ward->healths), 2000); /* a second after the start */
    await_change(ward, NULL, 1);
    assert_int_equal(ward->health, AQ_HEALTHY);
    snprintf(expected, sizeof expected, "port %u accepts connections", ward->port);
    assert_string_equal(ward->reason, expected);
    hang_up(&ward->client);
    hang_up(&ward->listener);
    await_change(ward, NULL, 2);
    assert_int_equal(ward->health, AQ_UNHEALTHY);
    snprintf(expected, sizeof expected, "port %u of 127.0.0.1: Connection refused", ward->port);
    assert_string_equal(ward->reason, expected);
}

static void a_good_answer_is_healthy_and_a_bad_one_not(void **state)
{
    struct ward *ward = *state;
    static const struct {
        const char *answer;
        enum aq_health health;
        const char *reason;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", AQ_HEALTHY, "GET /ready: HTTP/1.1 200 OK"},
        {"HTTP/1.1 503 Service Unavailable\r\n\r\n", AQ_UNHEALTHY, "GET /ready: HTTP/1.1 503 Service Unavailable"},
        {"HTTP/1.0 302 Found\n\n", AQ_HEALTHY, "GET /ready: HTTP/1.0 302 Found"},
        {"SSH-2.0-OpenSSH\r\n", AQ_UNHEALTHY, "the answer is not HTTP"},
        {"HTTP/1.1 399 Odd\r\n", AQ_HEALTHY, "GET /ready: HTTP/1.1 399 Odd"},
        {"HTTP/1.1 200", AQ_UNHEALTHY, "the answer is not HTTP"},
    };
    watch_http(ward, "/ready");
    for (unsigned i = 0; i < AQ_LENGTH(cases); i++) {
        await_change(ward, cases[i].answer, i + 1);
        assert_int_equal(ward->health, cases[i].health);
        assert_string_equal(ward->reason, cases[i].reason);
    }
    assert_int_equal(strncmp(ward->asked, "GET /ready HTTP/1.0\r\nHost: 127.0.0.1:", 37), 0);
}

static void one_that_does_not_answer_in_time_has_failed(void **state)
{
    struct ward *ward = *state;
    watch_http(ward, "/");
    await_change(ward, NULL, 1);
    assert_int_equal(ward->health, AQ_UNHEALTHY);
    assert_string_equal(ward->reason, "the check took longer than 3 s");
}

/* Much more than is kept, without a line break. */
static void a_long_answer_is_cut(void **state)
{
    struct ward *ward = *state;
    static char much[60000];
    memset(much, 'x', sizeof much - 1);
    watch_http(ward, "/");
    await_change(ward, much, 1);
    assert_int_equal(ward->health, AQ_UNHEALTHY);
    assert_string_equal(ward->reason, "the answer is not HTTP");
}

static void the_callback_may_forget_it(void **state)
{
    struct ward *ward = *state;
    ward->forget = true;
    watch_http(ward, "/");
    await_change(ward, "HTTP/1.0 200 OK\r\n\r\n", 1);
    health_forget(&ward->healths, 5); /* harmless */
    ward->now.steady_ms += 100000;
    healths_work(&ward->healths);
    assert_int_equal(ward->changes, 1);
}

static void one_without_an_address_fails(void **state)
{
    struct ward *ward = *state;
    const struct aq_check check = {.tcp = 80, .http = "", .interval = 5, .timeout = 3, .retries = 1};
    health_watch(&ward->healths, 5, NULL, "", &check);
    await_change(ward, NULL, 1);
    assert_int_equal(ward->health, AQ_UNHEALTHY);
    assert_string_equal(ward->reason, "it has no address");
}

static void an_address_that_is_none_fails(void **state)
{
    struct ward *ward = *state;
    const struct aq_check check = {.tcp = 1, .http = "", .interval = 5, .timeout = 3, .retries = 1};
    health_watch(&ward->healths, 5, NULL, "nowhere", &check);
    await_change(ward, NULL, 1);
    assert_int_equal(ward->health, AQ_UNHEALTHY);
    assert_non_null(strstr(ward->reason, "port 1 of nowhere"));
}

/* ---- commands --------------------------------------------------------------------------------------------- */

static int said = -1; /* the command's side of its output */

static int begin_command(struct driver *driver, const struct driver_command *command, struct aq_error *error)
{
    (void)driver, (void)error;
    said = fcntl(command->output, F_DUPFD_CLOEXEC, 10);
    return fcntl(said, F_SETFL, O_NONBLOCK);
}

static void end_command(struct driver *driver, uint64_t number)
{
    (void)driver, (void)number;
}

static size_t say_what_fits(void)
{
    static const char much[4096];
    size_t total = 0;
    for (ssize_t written; (written = write(said, much, sizeof much)) > 0;)
        total += (size_t)written;
    return total;
}

static void a_command_that_writes_without_end_is_read_with_pauses(void **state)
{
    static const struct driver_type type = {.command = begin_command, .end_command = end_command};
    static const struct opened_driver driver = {.type = &type};
    static const char *words[] = {"yes"};
    struct ward *ward = *state;
    const struct aq_check check = {.command = {words, 1}, .http = "", .interval = 5, .timeout = 3, .retries = 2};
    health_watch(&ward->healths, 5, &driver, "", &check);
    ward->now.steady_ms = healths_deadline_ms(&ward->healths);
    healths_work(&ward->healths);
    assert_true(say_what_fits() > 0);
    for (int i = 0; i < 3; i++) {
        healths_work(&ward->healths);
        assert_true(say_what_fits() > 0);
        healths_work(&ward->healths);
        assert_int_equal(say_what_fits(), 0); /* no time has passed */
        assert_true(healths_deadline_ms(&ward->healths) <= ward->now.steady_ms + 100);
        ward->now.steady_ms = healths_deadline_ms(&ward->healths);
    }
    hang_up(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_port_that_accepts_is_healthy, setup, teardown),
        cmocka_unit_test_setup_teardown(a_good_answer_is_healthy_and_a_bad_one_not, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_does_not_answer_in_time_has_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_answer_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(the_callback_may_forget_it, setup, teardown),
        cmocka_unit_test_setup_teardown(one_without_an_address_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_that_is_none_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_that_writes_without_end_is_read_with_pauses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
