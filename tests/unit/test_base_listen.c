/* Sockets listen where the settings say, tell the port that they got, and errors name the settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/listen.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int try_to_connect(const struct aq_listen_place *place, uint16_t port)
{
    struct sockaddr_storage to = place->socket_address;
    if (to.ss_family == AF_INET)
        ((struct sockaddr_in *)&to)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)&to)->sin6_port = htons(port);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = connect(fd, (struct sockaddr *)&to, place->socket_length);
    close(fd);
    return failed;
}

static void listens_at_a_free_port(const char *address)
{
    struct aq_error error;
    struct aq_listen_place place = {.section = "api", .address = address};
    assert_int_equal(aq_listen_resolve(&place, &error), 0);
    int fd = aq_listen_open(&place, 8, &error);
    if (fd < 0 && strcmp(address, "::1") == 0)
        return; /* no IPv6 here */
    assert_true(fd >= 0);
    uint16_t port = aq_listen_port(fd);
    assert_int_not_equal(port, 0);
    assert_int_equal(try_to_connect(&place, port), 0);
    struct aq_listen_place same = {.section = "hub", .address = address, .port = port};
    assert_int_equal(aq_listen_resolve(&same, &error), 0);
    assert_int_equal(aq_listen_open(&same, 8, &error), -1);
    assert_non_null(strstr(error.message, "cannot listen on hub.address "));
    assert_non_null(strstr(error.message, ", hub.port "));
    close(fd);
    fd = aq_listen_open(&same, 8, &error); /* at once: the connection that was closed does not keep the port */
    assert_true(fd >= 0);
    assert_int_equal(aq_listen_port(fd), port);
    close(fd);
}

static void both_families_listen(void **state)
{
    (void)state;
    listens_at_a_free_port("127.0.0.1");
    listens_at_a_free_port("::1");
}

/* In a network namespace where sockets of IPv6 would take no IPv4. Returns 2 if there can be none. */
static int listen_for_all(void)
{
    struct aq_error error;
    struct aq_listen_place place = {.section = "api", .address = "::"};
    int only = 1;
    socklen_t length = sizeof only;
    if (unshare(CLONE_NEWNET) != 0)
        return 2;
    int setting = open("/proc/sys/net/ipv6/bindv6only", O_WRONLY | O_CLOEXEC);
    if (setting < 0 || write(setting, "1", 1) != 1)
        return 2;
    if (aq_listen_resolve(&place, &error) != 0)
        return 3;
    int fd = aq_listen_open(&place, 8, &error);
    return fd >= 0 && getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0 && only == 0 ? 0 : 1;
}

static void the_wildcard_takes_both_families(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(listen_for_all());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void names_are_no_addresses(void **state)
{
    static const char *const wrong[] = {"localhost", "", "127.0.0.1:80", "1.2.3.400"};
    struct aq_error error;
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        struct aq_listen_place place = {.section = "hub", .address = wrong[i], .port = 80};
        assert_int_equal(aq_listen_resolve(&place, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
    }
    assert_string_equal(error.message, "hub.address is \"1.2.3.400\", but must be an IPv4 or IPv6 address");
}

static void what_is_not_bound_has_no_port(void **state)
{
    (void)state;
    assert_int_equal(aq_listen_port(-1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_listen),
        cmocka_unit_test(the_wildcard_takes_both_families),
        cmocka_unit_test(names_are_no_addresses),
        cmocka_unit_test(what_is_not_bound_has_no_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
