/* aq against a server that answers what it is told: exit codes, repeats, pages, and what is sent. */
#include "tests/lib/aq_server.h"

/* ---- reads ---------------------------------------------------------------------------------------------- */

static void a_list_is_a_table(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/", 200,
             "{\"message\":\"m\",\"data\":[{\"name\":\"bob\",\"role\":\"user\",\"max_applications\":5,"
             "\"created_at\":null}],\"next\":null,\"seq\":7}"});
    assert_int_equal(run("users --role=us*"), CLI_DONE);
    assert_string_equal(printed, "NAME   ROLE   MAX_APPLICATIONS   CREATED\nbob    user   5                  -\n");
    assert_seen(0, "GET /api/v1/user/?limit=1000&role=us*");
    assert_string_equal(server.seen[0].user, "Basic YWRtaW46YXFfc2VjcmV0"); /* admin:aq_secret */
    assert_string_equal(server.seen[0].key, "");
    assert_int_equal(run("users -q"), CLI_DONE);
    assert_string_equal(printed, "bob\n");
    assert_int_equal(run("users --no-headers"), CLI_DONE);
    assert_string_equal(printed, "bob   user   5   -\n");
    assert_int_equal(run("users --yaml"), CLI_DONE);
    assert_string_equal(printed, "- name: bob\n  role: user\n  max_applications: 5\n  created_at: null\n");
}

static void pages_follow_one_another(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/?limit=1000&after=a", 200,
             "{\"message\":\"m\",\"data\":[{\"name\":\"b\"}],\"next\":null,\"seq\":7}"},
            {"GET", "/api/v1/user/?limit=1000", 200,
             "{\"message\":\"m\",\"data\":[{\"name\":\"a\"}],\"next\":\"a\",\"seq\":7}"});
    assert_int_equal(run("users --all -q"), CLI_DONE);
    assert_string_equal(printed, "a\nb\n");
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
    assert_int_equal(run("node no"), CLI_REFUSED);
    assert_string_equal(told, "aq: there is no node no\n");
    assert_int_equal(run("me"), CLI_REFUSED);
    assert_string_equal(told, "aq: the token is wrong: user admin, token from AQ_TOKEN\n");
    assert_int_equal(run("labels"), CLI_SERVER);
    assert_string_equal(told, "aq: the disk failed\n");
    assert_int_equal(run("nodes"), CLI_SERVER);
    assert_string_equal(told, "aq: the server's answer holds no list\n");
    assert_int_equal(run("users"), CLI_REFUSED);
    assert_string_equal(told, "aq: the server answered with HTTP status 418\n");
    assert_int_equal(run("users get"), CLI_USAGE);
    assert_int_equal(run("applications creat"), CLI_USAGE);
    assert_string_equal(told, "aq: applications know no \"creat\"; did you mean create?\n");
    assert_string_equal(printed, "");
}

static void who_does_not_listen_is_told_of_at_once(void **state)
{
    (void)state;
    assert_int_equal(run_at("http://127.0.0.1:1", "nodes"), CLI_SERVER);
    assert_string_equal(
        told, "aq: http://127.0.0.1:1 does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(run_at("http://localhost:1", "nodes"), CLI_SERVER);
    assert_string_equal(
        told, "aq: http://localhost:1 does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(run_at("https://127.0.0.1:1/path/", "nodes"), CLI_SERVER);
    assert_string_equal(
        told,
        "aq: https://127.0.0.1:1/path does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(run_at("http://[::1]:1", "nodes"), CLI_SERVER);
    assert_string_equal(
        told, "aq: http://[::1]:1 does not answer: Couldn't connect to server (does a controller run there?)\n");
    assert_int_equal(run_at("http://admin:aq_secret@127.0.0.1:1", "nodes"), CLI_USAGE);
    assert_null(strstr(told, "aq_secret"));
    assert_int_equal(run_at("ftp://127.0.0.1:1", "nodes"), CLI_USAGE);
    assert_int_equal(run_at("not an address", "nodes"), CLI_USAGE);
    assert_int_equal(run_at("127.0.0.1:1", "nodes"), CLI_USAGE);
    assert_int_equal(run_at("http://", "nodes"), CLI_USAGE);
    assert_int_equal(run_at("http://127.0.0.1:65536", "nodes"), CLI_USAGE);
    assert_int_equal(run_at("http://127.0.0.1:1/?a=b", "nodes"), CLI_USAGE);
}

static void what_comes_is_made_harmless(void **state)
{
    (void)state;
    ANSWERS(
        {"GET", "/api/v1/user/", 200, "{\"data\":[{\"name\":\"a\\u001b[2Jb\",\"role\":\"\\u202eadmin\"}],\"seq\":1}"},
        {"GET", "/api/v1/node/", 400, "{\"message\":\"bad\\u001b]0;title\\u0007\"}"});
    assert_int_equal(run("users --no-headers"), CLI_DONE);
    assert_string_equal(printed, "a\\x1b[2Jb   \\u202eadmin   -   -\n");
    assert_int_equal(run("nodes"), CLI_REFUSED);
    assert_string_equal(told, "aq: bad\\x1b]0;title\\x07\n");
}

static void a_path_stands_before_ours(void **state)
{
    char address[128];
    (void)state;
    ANSWERS({"GET", "/behind/a/proxy/api/v1/node/", 200, "{\"data\":[],\"seq\":1}"});
    snprintf(address, sizeof address, "%s/behind/a/proxy/", server.address);
    assert_int_equal(run_at(address, "nodes -q"), CLI_DONE);
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
    const char *host = strchr(server.address, '/') + 2;
    snprintf(address, sizeof address, "http://%.*s:%u", (int)strcspn(host, ":"), host, (unsigned)ntohs(any.sin_port));
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
    enum cli_exit code = run_at(address, line);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return code;
}

static void a_server_without_an_answer_has_an_end(void **state)
{
    (void)state;
    const char *half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":";
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", "", false), CLI_SERVER);
    assert_non_null(strstr(told, "does not answer: Timeout was reached"));
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", half, false), CLI_SERVER);
    assert_non_null(strstr(told, "does not answer: Timeout was reached"));
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", half, true), CLI_SERVER);
    assert_non_null(strstr(told, "does not answer: "));
    assert_int_equal(run_at_one_who_says("nodes --timeout 1", "SSH-2.0-welcome\r\n\r\n", true), CLI_SERVER);
    assert_non_null(strstr(told, "does not answer: "));
    assert_null(strstr(told, "trying again"));
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
            fail_msg("%s: %s", answers[i], told);
        assert_string_equal(printed, "bob\n");
        assert_string_equal(told, "");
    }
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
        {"", "the connection was closed before the answer was whole"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":",
         "the connection was closed before the answer was whole"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"data\":[\r\n",
         "the connection was closed before the answer was whole"},
        {"SSH-2.0-welcome\r\n\r\n", "what it says is no HTTP"},
        {"220 mail.example.org ESMTP\r\n", "what it says is no HTTP"},
        {"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         "the server answered with HTTP status 301"},
        {huge, "what it says is no HTTP"},
    };
    memset(huge, 'x', size - 1);
    memcpy(huge, "HTTP/1.1 200 OK\r\nX-Huge: ", 25);
    memcpy(huge + size - sizeof end, end, sizeof end);
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        assert_int_equal(run_at_one_who_says("users -q --timeout 1", rows[i].answer, true), CLI_SERVER);
        if (strstr(told, rows[i].words) == NULL)
            fail_msg("%.60s: %s instead of %s", rows[i].answer, told, rows[i].words);
    }
    free(huge);
}

static void this_machine_is_asked_without_a_proxy(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/", 200, USERS});
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    enum cli_exit code = run("users -q");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(code, CLI_DONE);
    assert_string_equal(printed, "bob\n");
}

static void a_connection_may_be_closed_between_two_questions(void **state)
{
    (void)state;
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 74\r\n\r\n"
                         "{\"data\":{\"name\":\"bob\",\"role\":\"admin\",\"max_applications\":5},\"seq\":8}       ";
    assert_int_equal(run_at_one_who_says("users update bob max_applications=6 --timeout 1", answer, true), CLI_DONE);
    assert_string_equal(told, "");
    assert_string_equal(printed, "user bob updated\n");
}

static void an_answer_is_bounded(void **state)
{
    (void)state;
    size_t size = CLI_ANSWER_SIZE_MAX + (1 << 20);
    char *huge = aq_malloc(size);
    memset(huge, ' ', size - 1);
    huge[size - 1] = '\0';
    ANSWERS({"GET", "/api/v1/node/", 200, huge});
    assert_int_equal(run("nodes"), CLI_SERVER);
    assert_non_null(strstr(told, "is larger than 64 MiB"));
    server_forget(NULL);
    free(huge);
}

/* ---- writes --------------------------------------------------------------------------------------------- */

static void a_write_is_repeated_with_its_key(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/label/", 503, "{\"message\":\"busy\"}", 1}, {"POST", "/api/v1/label/", BREAKS, "", 1},
            {"POST", "/api/v1/label/", 504, "{\"message\":\"unknown\"}", 1},
            {"POST", "/api/v1/label/", 200,
             "{\"message\":\"Label created\",\"data\":{\"id\":3,\"name\":\"x\",\"version\":2},\"seq\":9}"});
    assert_int_equal(run("labels create name=x metadata.a=1"), CLI_DONE);
    assert_string_equal(printed, "label x:2 created\n");
    assert_non_null(strstr(told, "busy; trying again"));
    assert_int_equal(server.seen_count, 4);
    assert_int_equal(strlen(server.seen[0].key), 32);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(server.seen[i].key, server.seen[0].key);
        assert_string_equal(server.seen[i].body, "{\"name\":\"x\",\"metadata\":{\"a\":\"1\"}}");
    }
    assert_int_equal(run("labels create name=x"), CLI_DONE);
    assert_string_not_equal(server.seen[4].key, server.seen[0].key);
}

static void patience_ends(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/label/", 503, "{\"message\":\"no leader stands\"}"});
    uint64_t start_ms = cli_now_ms();
    assert_int_equal(run("labels create name=x --timeout 1"), CLI_SERVER);
    assert_in_range(cli_now_ms() - start_ms, 200, 10000);
    assert_in_range(server.seen_count, 2, 20);
    assert_non_null(strstr(told, "aq: no leader stands\n"));
    assert_string_equal(printed, "");
}

static void what_is_refused_is_not_repeated(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 400,
             "{\"message\":\"lable is not known; did you mean label?\",\"error\":\"invalid\"}"},
            {"POST", "/api/v1/application/7/deallocate", 409, "{\"message\":\"it is over\",\"error\":\"state\"}"});
    assert_int_equal(run("applications create lable=x"), CLI_REFUSED);
    assert_string_equal(told, "aq: lable is not known; did you mean label?\n");
    assert_int_equal(server.seen_count, 1);
}

static void many_are_one_batch(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200,
             "{\"message\":\"2 applications created\",\"data\":[{\"id\":1},{\"id\":2}],\"seq\":9}"});
    assert_int_equal(run("applications create mac --count 2"), CLI_DONE);
    assert_string_equal(server.seen[0].body, "[{\"label\":\"mac\"},{\"label\":\"mac\"}]");
    assert_string_equal(server.seen[0].prefer, "return=minimal");
    assert_string_equal(printed, "application 1 created\napplication 2 created\n");
    assert_int_equal(run("applications create mac --count 2 --json"), CLI_DONE);
    assert_string_equal(server.seen[1].prefer, ""); /* the rows are shown */
}

static void an_act_has_keys_and_a_value(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/node/a/maintenance", 200, "{\"data\":{\"name\":\"a\",\"maintenance\":true},\"seq\":9}"},
            {"POST", "/api/v1/node/b/maintenance", 404, "{\"message\":\"there is no node b\"}"},
            {"POST", "/api/v1/node/c/maintenance", 200, "{\"data\":{\"name\":\"c\",\"maintenance\":false},\"seq\":9}"});
    assert_int_equal(run("nodes maintenance a b c true"), CLI_REFUSED);
    assert_string_equal(printed, "node a: maintenance on\nnode c: maintenance off\n");
    assert_string_equal(told, "aq: there is no node b\n");
    assert_string_equal(server.seen[0].body, "{\"maintenance\":\"true\"}");
    assert_int_equal(run("node c maintenance false"), CLI_DONE);
    assert_string_equal(server.seen[3].body, "{\"maintenance\":\"false\"}");
}

static void an_update_keeps_what_is_not_given(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/bob", 200,
             "{\"data\":{\"name\":\"bob\",\"role\":\"admin\",\"max_applications\":5},\"seq\":8}"},
            {"POST", "/api/v1/user/bob", 200, "{\"data\":{\"name\":\"bob\"},\"seq\":9}"});
    assert_int_equal(run("users update bob max_applications=6"), CLI_DONE);
    assert_string_equal(server.seen[1].body, "{\"role\":\"admin\",\"max_applications\":\"6\"}");
    assert_string_equal(printed, "user bob updated\n");
}

static void a_token_stands_alone(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/user/", 200, "{\"data\":{\"name\":\"bob\",\"token\":\"aq_new\"},\"seq\":9}", 1},
            {"POST", "/api/v1/user/", 200, "{\"data\":{\"name\":\"bob\"},\"seq\":9,\"repeated\":true}"});
    assert_int_equal(run("users create bob role=user"), CLI_DONE);
    assert_string_equal(printed, "aq_new\n");
    assert_null(strstr(told, "aq_new"));
    assert_string_equal(server.seen[0].body, "{\"role\":\"user\",\"name\":\"bob\"}");
    assert_int_equal(run("users create bob role=user"), CLI_DONE);
    assert_string_equal(printed, "");
    assert_non_null(strstr(told, "was lost on the way"));
}

static void a_dry_run_shows_events(void **state)
{
    (void)state;
    ANSWERS({"DELETE", "/api/v1/node/a?dry_run=true", 200,
             "{\"data\":[{\"seq\":10,\"time\":\"T\",\"author\":\"admin\",\"event\":\"node_deleted\",\"data\":{\"name\":"
             "\"a\"}}],\"seq\":9}"});
    assert_int_equal(run("nodes delete a --dry-run"), CLI_DONE);
    assert_string_equal(printed, "10  T  admin  node_deleted  name=a\n");
}

static void a_label_goes_by_its_name(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/label/?limit=1&reverse=true&name=mac&version=2", 200,
             "{\"data\":[{\"id\":5,\"name\":\"mac\"}],\"next\":null,\"seq\":8}"},
            {"GET", "/api/v1/label/?limit=1&reverse=true&name=pc", 200, "{\"data\":[],\"next\":null,\"seq\":8}"},
            {"DELETE", "/api/v1/label/5", 200, "{\"data\":null,\"seq\":9}"});
    assert_int_equal(run("labels delete mac:2"), CLI_DONE);
    assert_string_equal(printed, "label 5 deleted\n");
    assert_int_equal(run("labels get pc"), CLI_REFUSED);
    assert_string_equal(told, "aq: there is no label pc\n");
}

/* ---- waiting -------------------------------------------------------------------------------------------- */

#define APPLICATION(status, words)                                                                                     \
    "{\"data\":{\"id\":1,\"status\":\"" status "\",\"description\":\"" words "\"},\"seq\":9}"

static void a_wait_ends_well(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ELECTED", ""), 1},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ALLOCATED", "")},
            {"GET", "/api/v1/events?since=9", 200, "id: 10\nevent: x\ndata: {}\n\n"});
    assert_int_equal(run("run mac -q"), CLI_DONE);
    assert_string_equal(printed, "1\n");
    assert_non_null(strstr(told, "application 1  ELECTED"));
    assert_non_null(strstr(told, "application 1  ALLOCATED"));
}

static void a_wait_that_fails_says_why(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("NEW", ""), 1},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ERROR", "3 tries failed")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"}); /* asks again each second then */
    assert_int_equal(run("run mac"), CLI_FAILED);
    assert_non_null(strstr(told, "aq: application 1 is in ERROR: 3 tries failed\n"));
}

static void a_wait_has_an_end(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("NEW", "no node has room")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(run("run mac --timeout 1"), CLI_FAILED);
    assert_non_null(strstr(told, "aq: application 1 is still in NEW after 1 s"));
}

static void what_is_followed_is_so_until_the_timeout(void **state)
{
    (void)state;
    ANSWERS(
        {"GET", "/api/v1/resource/7/log", 200, "{\"data\":\"one\\n\",\"seq\":1}", 1},
        {"GET", "/api/v1/resource/7/log", 200, "{\"data\":\"one\\ntwo\\n\",\"seq\":1}"},
        {"GET", "/api/v1/events", 200, "id: 5\ndata: {\"seq\":5,\"time\":\"T\",\"author\":\"a\",\"event\":\"e\"}\n\n"});
    assert_int_equal(run("resource 7 log -f --timeout 1"), CLI_FAILED);
    assert_string_equal(printed, "one\ntwo\n");
    assert_string_equal(told, "aq: resource 7 is still there after 1 s\n");
    assert_int_equal(run("events -f --timeout 1"), CLI_DONE);
    assert_string_equal(printed, "5  T  a  e\n");
}

static void events_are_shown_once(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/events?since=4&follow=false", 200,
             "id: 4\ndata: {\"seq\":4}\n\nid: 5\ndata: {\"seq\":5,\"time\":\"T\",\"author\":\"a\",\"event\":\"e\"}\n\n"
             "id: 5\ndata: {\"seq\":5}\n\n"});
    if (run("events --since 4"))
        fail_msg("%s: %s", server.seen[0].line, told);
    assert_string_equal(printed, "5  T  a  e\n");
    assert_int_equal(server.seen_count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, server_forget)
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_a_table),
        TEST(pages_follow_one_another),
        TEST(whose_fault_it_is_the_exit_code_tells),
        TEST(who_does_not_listen_is_told_of_at_once),
        TEST(what_comes_is_made_harmless),
        TEST(a_path_stands_before_ours),
        TEST(a_server_without_an_answer_has_an_end),
        TEST(an_answer_ends_in_any_way_of_http),
        TEST(what_is_no_answer_is_told),
        TEST(this_machine_is_asked_without_a_proxy),
        TEST(a_connection_may_be_closed_between_two_questions),
        TEST(an_answer_is_bounded),
        TEST(a_write_is_repeated_with_its_key),
        TEST(patience_ends),
        TEST(what_is_refused_is_not_repeated),
        TEST(many_are_one_batch),
        TEST(an_act_has_keys_and_a_value),
        TEST(an_update_keeps_what_is_not_given),
        TEST(a_token_stands_alone),
        TEST(a_dry_run_shows_events),
        TEST(a_label_goes_by_its_name),
        TEST(a_wait_ends_well),
        TEST(a_wait_that_fails_says_why),
        TEST(a_wait_has_an_end),
        TEST(events_are_shown_once),
        TEST(what_is_followed_is_so_until_the_timeout), /* the last: its end may leave a request on the way */
    };
    setenv("AQ_TOKEN", "aq_secret", 1);
    setenv("AQ_USER", "admin", 1);
    unsetenv("AQ_TOKEN_FILE");
    cli_say_open();
    int failed = cmocka_run_group_tests_name("aq: client, near", tests, server_start_near, server_stop);
    return failed + cmocka_run_group_tests_name("aq: client, far", tests, server_start_far, server_stop);
}
