/* aq against a server that answers what it is told: which rows of lists and which events it shows, and how it follows.
 */
#include "tests/lib/aq_server.h"

/* One word each, whatever is in them. */
static void values_of_events_are_quoted(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/events", 200,
             "id: 5\ndata: {\"seq\":5,\"time\":\"T\",\"author\":\"a\",\"event\":\"e\",\"data\":{\"a\":\"say "
             "\\\"hi\\\" x=1\",\"b\":\"two\\nlines\",\"c\":\"back\\\\slash\",\"d\":\"plain\",\"e\":{\"k\":\"v w\"},"
             "\"f\":\"\\u001b[2J\"}}\n\n"});
    assert_int_equal(aq_run("events"), CLI_DONE);
    assert_string_equal(aq_out,
                        "5  T  a  e  a=\"say \\\"hi\\\" x=1\"  b=\"two\\nlines\"  c=\"back\\\\slash\"  d=plain  "
                        "e={\"k\":\"v w\"}  f=\"\\x1b[2J\"\n");
}

static void the_last_events_are_looked_for(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/application/", 200, "{\"data\":[],\"seq\":1000}"},
            {"GET", "/api/v1/events?since=744&entity=node&follow=false", 200, "id: 800\ndata: {\"seq\":800}\n\n"},
            {"GET", "/api/v1/events?since=0&entity=node&follow=false", 200,
             "id: 1\ndata: {\"seq\":1}\n\nid: 2\ndata: {\"seq\":2}\n\nid: 800\ndata: {\"seq\":800}\n\n"});
    if (aq_run("events node -n 2 -q") != CLI_DONE)
        fail_msg("%s: %s", server.seen[server.seen_count - 1].line, aq_err);
    assert_string_equal(aq_out, "2\n800\n");
    server_forget(NULL);
    ANSWERS({"GET", "/api/v1/application/", 200, "{\"data\":[],\"seq\":1000}"},
            {"GET", "/api/v1/events?since=997&follow=false", 200, "id: 998\ndata: {\"seq\":998}\n\n"});
    assert_int_equal(aq_run("log tail -n 3 -q"), CLI_DONE);
    assert_string_equal(aq_out, "998\n");
}

static void events_are_shown_once(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/events?since=4&follow=false", 200,
             "id: 4\ndata: {\"seq\":4}\n\nid: 5\ndata: {\"seq\":5,\"time\":\"T\",\"author\":\"a\",\"event\":\"e\"}\n\n"
             "id: 5\ndata: {\"seq\":5}\n\n"});
    if (aq_run("events --since 4") != CLI_DONE)
        fail_msg("%s: %s", server.seen[0].line, aq_err);
    assert_string_equal(aq_out, "5  T  a  e\n");
    assert_int_equal(server.seen_count, 1);
}

/* What was decided stays true: "in 59s" would not. */
static void an_event_has_times_not_ages(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/events?since=4&follow=false", 200,
             "id: 5\ndata: {\"seq\":5,\"time\":\"T\",\"author\":\"a\",\"event\":\"token_created\","
             "\"data\":{\"id\":3,\"expires_at\":\"2099-01-01T00:00:00.000Z\"}}\n\n"});
    assert_int_equal(aq_run("events --since 4"), CLI_DONE);
    assert_string_equal(aq_out, "5  T  a  token_created  id=3  expires_at=2099-01-01T00:00:00.000Z\n");
}

static void lists_are_selected_by_the_server(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/application/", 200, "{\"data\":[{\"id\":3},{\"id\":20},{\"id\":7}],\"seq\":9}"},
            {"GET", "/api/v1/node/", 200, "{\"data\":[{\"name\":\"n10\"},{\"name\":\"n9\"}],\"seq\":9}"});
    assert_int_equal(aq_run("applications -q"), CLI_DONE);
    assert_seen(0, "GET /api/v1/application/?limit=1000&status=NEW,ELECTED,ALLOCATED,DEALLOCATE");
    assert_int_equal(aq_run("applications -a -q"), CLI_DONE);
    assert_seen(1, "GET /api/v1/application/?limit=1000");
    assert_int_equal(aq_run("applications --status!=error --status!=NEW -l mac -q"), CLI_DONE);
    assert_seen(2, "GET /api/v1/application/?limit=1000&label=mac&status!=error,NEW");
    assert_int_equal(aq_run("applications -n 2 -a -q"), CLI_DONE);
    assert_seen(3, "GET /api/v1/application/?limit=2&reverse=true");
    assert_int_equal(aq_run("nodes --sort name -q"), CLI_DONE);
    assert_string_equal(aq_out, "n9\nn10\n");                   /* numbers in names count */
    assert_int_equal(aq_run("nodes --sort NAME -q"), CLI_DONE); /* as the column is called */
    assert_string_equal(aq_out, "n9\nn10\n");
    assert_int_equal(aq_run("nodes --sort changed -q"), CLI_DONE);
    assert_int_equal(aq_run("nodes --sort change -q"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "did you mean changed_at?"));
    assert_int_equal(aq_run("events bogus"), CLI_USAGE);
    assert_non_null(
        strstr(aq_err, "aq: there is no entity \"bogus\": it must be one of application, resource, task, "));
    assert_int_equal(aq_run("applications -a --sort id --limit 2 -q"), CLI_DONE);
    assert_string_equal(aq_out, "3\n7\n");
    assert_non_null(strstr(aq_err, "more than these 2"));
    assert_int_equal(aq_run("applications -a --sort id -n 1 -q"), CLI_DONE);
    assert_string_equal(aq_out, "20\n");
    assert_int_equal(aq_run("applications --sort lable"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "did you mean label?"));
    assert_int_equal(aq_run("nodes --since 7"), CLI_USAGE);
    assert_int_equal(aq_run("applications --status=alocated"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: status is \"alocated\"; did you mean ALLOCATED?\n");
}

static void the_newest_is_the_callers(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/application/?limit=1&reverse=true&user=admin", 200, "{\"data\":[{\"id\":5}],\"seq\":9}"},
            {"POST", "/api/v1/application/5/deallocate", 200, "{\"data\":{\"id\":5},\"seq\":10}"});
    assert_int_equal(aq_run("application last -q"), CLI_DONE);
    assert_string_equal(aq_out, "5\n");
    assert_int_equal(aq_run("rm last -q"), CLI_DONE);
    assert_string_equal(aq_out, "5\n");
}

static void what_is_followed_is_so_until_the_timeout(void **state)
{
    (void)state;
    ANSWERS(
        {"GET", "/api/v1/resource/7/log", 200, "{\"data\":\"one\\n\",\"seq\":1}", 1},
        {"GET", "/api/v1/resource/7/log", 200, "{\"data\":\"one\\ntwo\\n\",\"seq\":1}"},
        {"GET", "/api/v1/events", 200, "id: 5\ndata: {\"seq\":5,\"time\":\"T\",\"author\":\"a\",\"event\":\"e\"}\n\n"});
    assert_int_equal(aq_run("resource 7 log -f --timeout 1"), CLI_FAILED);
    assert_string_equal(aq_out, "one\ntwo\n");
    assert_string_equal(aq_err, "aq: the log of resource 7 has not ended after 1 s\n");
    assert_int_equal(aq_run("events -f --timeout 1"), CLI_DONE);
    assert_string_equal(aq_out, "5  T  a  e\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(values_of_events_are_quoted),
        SERVER_TEST(the_last_events_are_looked_for),
        SERVER_TEST(events_are_shown_once),
        SERVER_TEST(an_event_has_times_not_ages),
        SERVER_TEST(lists_are_selected_by_the_server),
        SERVER_TEST(the_newest_is_the_callers),
        SERVER_TEST(what_is_followed_is_so_until_the_timeout), /* the last: its end may leave a request on the way */
    };
    return aq_server_run_tests("aq: reads", tests, AQ_LENGTH(tests));
}
