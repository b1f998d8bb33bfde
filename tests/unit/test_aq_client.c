/* aq against a server with prepared answers: reads, exit codes, pages, and every way in which an answer ends. */
#include "tests/lib/aq_server.h"
#include "tools/aq/follow.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_list_is_a_table(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/", 200,
             "{\"message\":\"m\",\"data\":[{\"name\":\"bob\",\"role\":\"user\",\"max_applications\":5,"
             "\"created_at\":null}],\"next\":null,\"seq\":7}"});
    assert_int_equal(aq_run("users --role=us*"), CLI_DONE);
    assert_string_equal(aq_out, "NAME   ROLE   MAX_APPLICATIONS   CREATED\nbob    user   5                  -\n");
    assert_seen(0, "GET /api/v1/user/?limit=1000&role=us*");
    assert_string_equal(server.seen[0].user, "Basic YWRtaW46YXFfc2VjcmV0"); /* admin:aq_secret */
    assert_string_equal(server.seen[0].key, "");
    assert_int_equal(aq_run("users -q"), CLI_DONE);
    assert_string_equal(aq_out, "bob\n");
    assert_int_equal(aq_run("users --no-headers"), CLI_DONE);
    assert_string_equal(aq_out, "bob   user   5   -\n");
    assert_int_equal(aq_run("users --yaml"), CLI_DONE);
    assert_string_equal(aq_out, "- name: bob\n  role: user\n  max_applications: 5\n  created_at: null\n");
}

static void pages_follow_one_another(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/?limit=1000&after=a", 200,
             "{\"message\":\"m\",\"data\":[{\"name\":\"b\"}],\"next\":null,\"seq\":7}"},
            {"GET", "/api/v1/user/?limit=1000", 200,
             "{\"message\":\"m\",\"data\":[{\"name\":\"a\"}],\"next\":\"a\",\"seq\":7}"});
    assert_int_equal(aq_run("users --all -q"), CLI_DONE);
    assert_string_equal(aq_out, "a\nb\n");
    assert_int_equal(server.seen_count, 2);
}

static void whose_fault_it_is_the_exit_code_tells(void **state)
{
    (void)state;
    ANSWERS(
        {"GET", "/api/v1/node/no", 404, "{\"message\":\"there is no node no\",\"data\":null,\"error\":\"not_found\"}"},
        {"GET", "/api/v1/me", 401, "{\"message\":\"the token is wrong\",\"data\":null}"},
        {"GET", "/api/v1/label/", 500, "{\"message\":\"the disk failed\",\"data\":null,\"error\":\"io\"}"},
        {"GET", "/api/v1/node/", 200, "welcome to another server"}, {"GET", "/api/v1/user/", 418, "no JSON"});
    assert_int_equal(aq_run("node no"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: there is no node no\n");
    assert_int_equal(aq_run("me"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: the token is wrong: user admin, token from AQ_TOKEN\n");
    assert_int_equal(aq_run("labels"), CLI_SERVER);
    assert_string_equal(aq_err, "aq: the disk failed\n");
    assert_int_equal(aq_run("nodes"), CLI_SERVER);
    assert_string_equal(aq_err, "aq: the server's answer contains no list\n");
    assert_int_equal(aq_run("users"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: the server answered with HTTP status 418\n");
    assert_int_equal(aq_run("users get"), CLI_USAGE);
    assert_int_equal(aq_run("applications creat"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: applications have no verb or field \"creat\"; did you mean create?\n");
    assert_string_equal(aq_out, "");
}

static void who_does_not_listen_is_told_of_at_once(void **state)
{
    (void)state;
    assert_int_equal(aq_run_at("http://127.0.0.1:1", "nodes"), CLI_SERVER);
    assert_string_equal(
        aq_err, "aq: http://127.0.0.1:1 does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(aq_run_at("http://localhost:1", "nodes"), CLI_SERVER);
    assert_string_equal(
        aq_err, "aq: http://localhost:1 does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(aq_run_at("https://127.0.0.1:1/path/", "nodes"), CLI_SERVER);
    assert_string_equal(
        aq_err,
        "aq: https://127.0.0.1:1/path does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(aq_run_at("http://[::1]:1", "nodes"), CLI_SERVER);
    assert_string_equal(
        aq_err, "aq: http://[::1]:1 does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(aq_run_at("unix:///nonexistent/api.sock", "nodes"), CLI_SERVER);
    assert_string_equal(aq_err, "aq: unix:/nonexistent/api.sock does not answer: Couldn't connect to server (does a "
                                "controller run there?)\n");
    assert_int_equal(aq_run_at("unix:api.sock", "nodes"), CLI_USAGE);
    assert_int_equal(aq_run_at("http://admin:aq_secret@127.0.0.1:1", "nodes"), CLI_USAGE);
    assert_null(strstr(aq_err, "aq_secret"));
    assert_int_equal(aq_run_at("ftp://127.0.0.1:1", "nodes"), CLI_USAGE);
    assert_int_equal(aq_run_at("not an address", "nodes"), CLI_USAGE);
    assert_int_equal(aq_run_at("127.0.0.1:1", "nodes"), CLI_USAGE);
    assert_int_equal(aq_run_at("http://", "nodes"), CLI_USAGE);
    assert_int_equal(aq_run_at("http://127.0.0.1:65536", "nodes"), CLI_USAGE);
    assert_int_equal(aq_run_at("http://127.0.0.1:1/?a=b", "nodes"), CLI_USAGE);
}

static void what_comes_is_made_harmless(void **state)
{
    (void)state;
    ANSWERS(
        {"GET", "/api/v1/user/", 200, "{\"data\":[{\"name\":\"a\\u001b[2Jb\",\"role\":\"\\u202eadmin\"}],\"seq\":1}"},
        {"GET", "/api/v1/node/", 400, "{\"message\":\"bad\\u001b]0;title\\u0007\"}"});
    assert_int_equal(aq_run("users --no-headers"), CLI_DONE);
    assert_string_equal(aq_out, "a\\x1b[2Jb   \\u202eadmin   -   -\n");
    assert_int_equal(aq_run("nodes"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: bad\\x1b]0;title\\x07\n");
}

static void a_status_leaves_out_what_a_user_may_not_see(void **state)
{
    (void)state;
    ANSWERS({"GET", "/readyz", 200, "ready\n"}, {"GET", "/api/v1/user/", 403, "{\"message\":\"no\"}"},
            {"GET", "/api/v1/", 200, "{\"data\":[],\"seq\":7}"});
    assert_int_equal(aq_run("status"), CLI_DONE);
    assert_non_null(strstr(aq_out, "nodes"));
    assert_null(strstr(aq_out, "users"));
    assert_string_equal(aq_err, "");
    assert_int_equal(aq_run("users"), CLI_REFUSED); /* where it is asked for, it is said */
}

/* The stream ends with the right, and the next one has no event that would say so. */
static void a_watch_ends_with_the_right(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/node/", 200, "{\"data\":[{\"name\":\"n1\"}],\"seq\":7}", 1},
            {"GET", "/api/v1/node/", 403, "{\"message\":\"not any more\"}"},
            {"GET", "/api/v1/events", 200, ": hello\n\n"});
    assert_int_equal(aq_run("nodes --watch -q --timeout 20"), CLI_REFUSED);
    assert_string_equal(aq_out, "n1\n");
    assert_string_equal(aq_err, "aq: not any more\n");
}

static void top_shows_what_may_be_seen(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/node/", 403, "{\"message\":\"no nodes\"}"},
            {"GET", "/api/v1/resource/", 200, "{\"data\":[],\"seq\":7}", 1},
            {"GET", "/api/v1/resource/", 403, "{\"message\":\"no resources\"}"});
    assert_int_equal(aq_run("top --once"), CLI_DONE);
    assert_string_equal(aq_err, "");
    assert_int_equal(aq_run("top --once"), CLI_REFUSED); /* nothing is left */
    assert_string_equal(aq_err, "aq: no resources\n");
}

/* A token says whose it is, unless it is one of an earlier build. */
static void a_token_goes_alone_when_nobody_is_named(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/node/", 200, "{\"data\":[],\"seq\":1}"});
    setenv("AQ_USER", "", 1);
    assert_int_equal(aq_run("nodes -q"), CLI_DONE);
    assert_string_equal(server.seen[0].user, "Basic YWRtaW46YXFfc2VjcmV0");
    setenv("AQ_TOKEN", "aq_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM", 1);
    assert_int_equal(aq_run("nodes -q"), CLI_DONE);
    assert_string_equal(server.seen[1].user, "Bearer aq_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM");
    setenv("AQ_TOKEN", "aq_secret", 1);
    setenv("AQ_USER", "admin", 1);
}

static void a_path_stands_before_ours(void **state)
{
    char address[128];
    (void)state;
    if (strncmp(server.address, "unix:", 5) == 0)
        return; /* its address has no path */
    ANSWERS({"GET", "/behind/a/proxy/api/v1/node/", 200, "{\"data\":[],\"seq\":1}"});
    snprintf(address, sizeof address, "%s/behind/a/proxy/", server.address);
    assert_int_equal(aq_run_at(address, "nodes -q"), CLI_DONE);
    assert_seen(0, "GET /behind/a/proxy/api/v1/node/?limit=1000");
}

/* One that takes each question, says nothing or so much, and may close the connection then. */
static enum cli_exit run_at_one_who_says(const char *line, const char *answer, bool goes)
{
    char address[64], question[1024];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(listener, (struct sockaddr *)&any, size), 0);
    assert_return_code(listen(listener, 1), 0);
    assert_return_code(getsockname(listener, (struct sockaddr *)&any, &size), 0);
    snprintf(address, sizeof address, "http://%s:%u", server.host, (unsigned)ntohs(any.sin_port));
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            bool fine = read(fd, question, sizeof question) > 0;
            fine = fine && send(fd, answer, strlen(answer), MSG_MORE | MSG_NOSIGNAL) >= 0; /* the end comes with it */
            while (!goes)
                pause();
            if (!fine || close(fd) != 0)
                _exit(1);
        }
    }
    close(listener);
    enum cli_exit code = aq_run_at(address, line);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return code;
}

static void a_server_without_an_answer_has_an_end(void **state)
{
    (void)state;
    const char *half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":";
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", "", false), CLI_SERVER);
    assert_non_null(strstr(aq_err, "does not answer: Timeout was reached"));
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", half, false), CLI_SERVER);
    assert_non_null(strstr(aq_err, "does not answer: Timeout was reached"));
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", half, true), CLI_SERVER);
    assert_non_null(strstr(aq_err, "does not answer: "));
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", "SSH-2.0-welcome\r\n\r\n", true), CLI_SERVER);
    assert_non_null(strstr(aq_err, "does not answer: "));
    assert_null(strstr(aq_err, "trying again"));
}

/* One that listens only after a moment, as a controller that restarts. */
static enum cli_exit run_before_one_who_says(const char *line, const char *body)
{
    char address[64], question[1024];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* keeps the port, and refuses connections */
    assert_return_code(bind(listener, (struct sockaddr *)&any, size), 0);
    assert_return_code(getsockname(listener, (struct sockaddr *)&any, &size), 0);
    snprintf(address, sizeof address, "http://%s:%u", server.host, (unsigned)ntohs(any.sin_port));
    pid_t child = fork();
    if (child == 0) {
        usleep(700000);
        if (listen(listener, 16) != 0)
            _exit(1);
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            if (read(fd, question, sizeof question) > 0)
                dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                        body);
            close(fd);
        }
    }
    close(listener);
    enum cli_exit code = aq_run_at(address, line);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return code;
}

static void what_waits_outlasts_a_controller_that_is_away(void **state)
{
    (void)state;
    const char *row = "{\"data\":{\"id\":1,\"status\":\"ALLOCATED\",\"description\":\"\"},\"seq\":9}";
    const char *rows = "{\"data\":[{\"name\":\"n1\"}],\"next\":null,\"seq\":9}";
    assert_int_equal(run_before_one_who_says("wait 1 --for ALLOCATED -q --timeout 20", row), CLI_DONE);
    assert_string_equal(aq_out, "1\n");
    assert_int_equal(run_before_one_who_says("nodes --watch -q --timeout 3", rows), CLI_DONE);
    assert_string_equal(aq_out, "n1\n");
    assert_int_equal(run_before_one_who_says("run mac -q --timeout 20", row), CLI_DONE);
    assert_int_equal(run_before_one_who_says("nodes -q", rows), CLI_SERVER); /* which waits for nothing */
}

#define USERS "{\"data\":[{\"name\":\"bob\"}],\"next\":null,\"seq\":7}" /* 45 bytes */

static void an_answer_ends_in_any_way_of_http(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n" USERS,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"data\":[\r\n1f\r\n"
        "{\"name\":\"bob\"}],\"next\":null,\"se\r\n5\r\nq\":7}\r\n0\r\nX-Trailer: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n" USERS,
        "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" USERS,
    };
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(answers); i++) {
        if (run_at_one_who_says("users -q --timeout 5", answers[i], true) != CLI_DONE)
            fail_msg("%s: %s", answers[i], aq_err);
        assert_string_equal(aq_out, "bob\n");
        assert_string_equal(aq_err, "");
    }
}

/* A controller that is about to stop, or a proxy before one that is away. */
static void what_may_pass_is_asked_again(void **state)
{
    (void)state;
    const char *rows = "{\"data\":[{\"name\":\"n1\"}],\"next\":null,\"seq\":9}";
    const unsigned pass[] = {502, 503, 504};
    for (size_t i = 0; i < AQ_LENGTH(pass); i++) {
        server_forget(NULL);
        ANSWERS({"GET", "/api/v1/node/", pass[i], "{\"message\":\"not now\"}", 1}, {"GET", "/api/v1/node/", 200, rows});
        assert_int_equal(aq_run("nodes -q"), CLI_DONE);
        assert_string_equal(aq_out, "n1\n");
    }
    server_forget(NULL);
    ANSWERS({"GET", "/api/v1/node/", 500, "{\"message\":\"broken\"}", 1}, {"GET", "/api/v1/node/", 200, rows});
    assert_int_equal(aq_run("nodes -q"), CLI_SERVER);
}

/* The words are the same, whoever does the talking. */
static void what_is_no_answer_is_told(void **state)
{
    (void)state;
    static const char end[] = "\r\n\r\n" USERS;
    size_t size = 8 << 20;
    char *huge = aq_malloc(size);
    const struct {
        const char *answer, *words;
    } rows[] = {
        {"", "the connection was closed before the answer was complete"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":",
         "the connection was closed before the answer was complete"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"data\":[\r\n",
         "the connection was closed before the answer was complete"},
        {"SSH-2.0-welcome\r\n\r\n", "its answer is not HTTP"},
        {"220 mail.example.org ESMTP\r\n", "its answer is not HTTP"},
        {"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         "the server answered with HTTP status 301"},
        {huge, "its answer is not HTTP"},
    };
    memset(huge, 'x', size - 1);
    memcpy(huge, "HTTP/1.1 200 OK\r\nX-Huge: ", 25);
    memcpy(huge + size - sizeof end, end, sizeof end);
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        assert_int_equal(run_at_one_who_says("users -q --timeout 1", rows[i].answer, true), CLI_SERVER);
        if (strstr(aq_err, rows[i].words) == NULL)
            fail_msg("%.60s: %s instead of %s", rows[i].answer, aq_err, rows[i].words);
    }
    free(huge);
}

static void this_machine_is_asked_without_a_proxy(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/", 200, USERS});
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    enum cli_exit code = aq_run("users -q");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(code, CLI_DONE);
    assert_string_equal(aq_out, "bob\n");
}

static void a_connection_may_be_closed_between_two_questions(void **state)
{
    (void)state;
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 74\r\n\r\n"
                         "{\"data\":{\"name\":\"bob\",\"role\":\"admin\",\"max_applications\":5},\"seq\":8}       ";
    assert_int_equal(run_at_one_who_says("users update bob max_applications=6 --timeout 10", answer, true), CLI_DONE);
    assert_string_equal(aq_err, "");
    assert_string_equal(aq_out, "user bob updated\n");
}

static void nothing_found_is_told_to_people(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/label/", 200, "{\"data\":[],\"next\":null,\"seq\":7}"},
            {"GET", "/api/v1/application/", 200, "{\"data\":[],\"next\":null,\"seq\":7}"});
    assert_int_equal(aq_run("labels --name=x"), CLI_DONE);
    assert_string_equal(aq_err, "no labels match\n");
    assert_int_equal(aq_run("applications"), CLI_DONE);
    assert_string_equal(aq_err, "no open applications; -a shows those that are over, too\n");
    assert_int_equal(aq_run("applications -n 0"), CLI_DONE); /* it was not looked for any */
    assert_string_equal(aq_err, "");
    static const char *const of_scripts[] = {"labels --name=x -q", "applications -o name", "applications --json",
                                             "labels --name=x -o yaml"};
    for (size_t i = 0; i < AQ_LENGTH(of_scripts); i++) {
        assert_int_equal(aq_run(of_scripts[i]), CLI_DONE);
        assert_string_equal(aq_err, "");
    }
}

static void a_cut_list_says_what_shows_more(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/label/", 200, "{\"data\":[{\"id\":1}],\"next\":1,\"seq\":7}"});
    assert_int_equal(aq_run("labels -q --limit 1 --all"), CLI_DONE);
    assert_string_equal(aq_err, "There are more than these 1: use a greater --limit.\n");
}

/* As in Slurm: squeue -u bob. */
static void a_user_to_act_as_is_no_filter(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/", 401, "{\"message\":\"the token is wrong\",\"data\":null}"});
    assert_int_equal(aq_run("squeue -u bob"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: the token is wrong: user bob, token from AQ_TOKEN\n"
                                "--user acts as a user; to list what belongs to one: aq applications list user=bob\n");
    assert_int_equal(aq_run("labels -u bob"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: the token is wrong: user bob, token from AQ_TOKEN\n"); /* they belong to nobody */
}

static void looks_are_frequent_at_first(void **state)
{
    (void)state;
    assert_int_equal(cli_follow_pause_ms(0), 50);
    assert_int_equal(cli_follow_pause_ms(800), 100);
    assert_int_equal(cli_follow_pause_ms(4000), 500);
    assert_int_equal(cli_follow_pause_ms(UINT64_MAX), 1000);
}

static void an_answer_is_bounded(void **state)
{
    (void)state;
    size_t size = CLI_ANSWER_SIZE_MAX + (1 << 20);
    char *huge = aq_malloc(size);
    memset(huge, ' ', size - 1);
    huge[size - 1] = '\0';
    ANSWERS({"GET", "/api/v1/node/", 200, huge});
    assert_int_equal(aq_run("nodes"), CLI_SERVER);
    assert_non_null(strstr(aq_err, "is larger than 64 MiB"));
    server_forget(NULL);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(a_list_is_a_table),
        SERVER_TEST(pages_follow_one_another),
        SERVER_TEST(whose_fault_it_is_the_exit_code_tells),
        SERVER_TEST(who_does_not_listen_is_told_of_at_once),
        SERVER_TEST(what_comes_is_made_harmless),
        SERVER_TEST(a_status_leaves_out_what_a_user_may_not_see),
        SERVER_TEST(a_watch_ends_with_the_right),
        SERVER_TEST(top_shows_what_may_be_seen),
        SERVER_TEST(a_token_goes_alone_when_nobody_is_named),
        SERVER_TEST(a_path_stands_before_ours),
        SERVER_TEST(a_server_without_an_answer_has_an_end),
        SERVER_TEST(an_answer_ends_in_any_way_of_http),
        SERVER_TEST(what_waits_outlasts_a_controller_that_is_away),
        SERVER_TEST(what_may_pass_is_asked_again),
        SERVER_TEST(what_is_no_answer_is_told),
        SERVER_TEST(this_machine_is_asked_without_a_proxy),
        SERVER_TEST(a_connection_may_be_closed_between_two_questions),
        SERVER_TEST(an_answer_is_bounded),
        SERVER_TEST(nothing_found_is_told_to_people),
        SERVER_TEST(a_cut_list_says_what_shows_more),
        SERVER_TEST(looks_are_frequent_at_first),
        SERVER_TEST(a_user_to_act_as_is_no_filter),
    };
    return aq_server_run_tests("aq: client", tests, AQ_LENGTH(tests));
}
