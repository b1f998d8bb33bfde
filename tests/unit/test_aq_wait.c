/* aq against a server that answers what it is told: how it waits for applications, and how it exits then. */
#include "tests/lib/aq_server.h"

#include <string.h>

#define APPLICATION(status, words)                                                                                     \
    "{\"data\":{\"id\":1,\"status\":\"" status "\",\"description\":\"" words "\"},\"seq\":9}"

static void a_wait_ends_well(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ELECTED", ""), 1},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ALLOCATED", "")},
            {"GET", "/api/v1/events?since=9", 200, "id: 10\nevent: x\ndata: {}\n\n"});
    assert_int_equal(aq_run("run mac -q"), CLI_DONE);
    assert_string_equal(aq_out, "1\n");
    assert_non_null(strstr(aq_err, "application 1  ELECTED"));
    assert_non_null(strstr(aq_err, "application 1  ALLOCATED"));
}

static void a_wait_that_fails_says_why(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("NEW", ""), 1},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ERROR", "3 tries failed")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"}); /* asks again each second then */
    assert_int_equal(aq_run("run mac"), CLI_FAILED);
    assert_non_null(strstr(aq_err, "aq: application 1 is in ERROR: 3 tries failed\n"));
}

static void a_wait_has_an_end(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("NEW", "no node has room")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("run mac --timeout 1"), CLI_FAILED);
    assert_non_null(strstr(aq_err, "aq: application 1 is still in NEW after "));
}

/* A controller that restarts: no answer, a broken one, none that is ready. */
static void a_wait_outlasts_a_restart(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ELECTED", ""), 1},
            {"GET", "/api/v1/application/1", BREAKS, "", 3},
            {"GET", "/api/v1/application/1", 503, "{\"message\":\"there is no leader\"}", 2},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ALLOCATED", "")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("run mac -q"), CLI_DONE);
    assert_string_equal(aq_out, "1\n");
}

static void a_refusal_ends_a_wait(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/application/1", 403, "{\"message\":\"not yours\"}"},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("wait 1"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: not yours\n");
}

/* Of a token that may create applications, but not see them. */
static void a_run_that_may_not_be_seen_gives_back(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/1/deallocate", 200, APPLICATION("RECALLED", "")},
            {"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 403, "{\"message\":\"not with this token\"}"},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("run mac"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: not with this token\napplication 1 is given back (--keep would leave it)\n");
    assert_seen(server.seen_count - 1, "POST /api/v1/application/1/deallocate");
}

static void a_run_that_is_given_up_gives_back(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/1/deallocate", 200, APPLICATION("RECALLED", "")},
            {"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("NEW", "no node has room")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("run mac --timeout 3"), CLI_FAILED);
    assert_non_null(strstr(aq_err, "still in NEW after ")); /* 3 s, or more if the machine is busy */
    assert_non_null(strstr(aq_err, " s: no node has room; see aq application 1 why\n"));
    assert_non_null(strstr(aq_err, "application 1 is given back"));
    assert_string_equal(aq_out, ""); /* what was seen is no longer true */
    assert_seen(server.seen_count - 1, "POST /api/v1/application/1/deallocate");
    assert_int_equal(aq_run("run mac --timeout 1 --keep"), CLI_FAILED);
    assert_string_not_equal(server.seen[server.seen_count - 1].line, "POST /api/v1/application/1/deallocate");
    assert_non_null(strstr(aq_err, "application 1 stays"));
    assert_non_null(strstr(aq_out, "NEW"));
}

#define ENDED(id, status, exit_status)                                                                                 \
    "{\"data\":{\"id\":" id ",\"status\":\"" status "\",\"description\":\"ended\",\"last_resource\":4,"                \
    "\"exit_status\":" exit_status "},\"seq\":9}"

static void a_wait_exits_as_the_first_that_failed(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/application/1", 200, ENDED("1", "DEALLOCATED", "0")},
            {"GET", "/api/v1/application/2", 200, ENDED("2", "ERROR", "7")},
            {"GET", "/api/v1/application/3", 200, ENDED("3", "ERROR", "null")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("wait 1"), 0);
    assert_int_equal(aq_run("wait application 1"), 0);
    assert_int_equal(aq_run("wait 1 2 3"), 7);
    assert_int_equal(aq_run("wait 1 3 2"), 125);
    assert_int_equal(aq_run("wait 2 --for error"), 0);
    assert_int_equal(aq_run("wait 2 --for ALLOCATED"), CLI_FAILED);
    assert_int_equal(aq_run("wait 1 --for ALLOCATED"), 0); /* it was */
    assert_int_equal(aq_run("wait 1 --for x"), CLI_USAGE);
}

static void an_attached_run_exits_as_its_job(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1/log", 200,
             "{\"data\":\"hello\\n\",\"resource\":4,\"start\":0,\"next\":6,\"end\":6,\"complete\":true}"},
            {"GET", "/api/v1/application/1", 200, ENDED("1", "ERROR", "7")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("run mac --attach"), 7);
    assert_string_equal(aq_out, "hello\n");
    server_forget(NULL);
    ANSWERS({"POST", "/api/v1/application/", 200, APPLICATION("NEW", "")},
            {"GET", "/api/v1/application/1", 200, APPLICATION("ERROR", "the disk is gone")},
            {"GET", "/api/v1/events", 403, "{\"message\":\"for admins\"}"});
    assert_int_equal(aq_run("run mac --attach"), 125);
    assert_string_equal(aq_out, "");
    assert_non_null(strstr(aq_err, "aq: application 1 never ran; it is in ERROR: the disk is gone\n"));
    assert_int_equal(aq_run("run mac --attach --count 2"), CLI_USAGE);
    assert_int_equal(aq_run("run mac --attach -q"), CLI_USAGE);
    assert_int_equal(aq_run("applications create mac -o wide"), CLI_USAGE); /* nothing would be wide */
    assert_int_equal(aq_run("run"), CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(a_wait_ends_well),
        SERVER_TEST(a_wait_that_fails_says_why),
        SERVER_TEST(a_wait_has_an_end),
        SERVER_TEST(a_wait_outlasts_a_restart),
        SERVER_TEST(a_refusal_ends_a_wait),
        SERVER_TEST(a_run_that_may_not_be_seen_gives_back),
        SERVER_TEST(a_run_that_is_given_up_gives_back),
        SERVER_TEST(a_wait_exits_as_the_first_that_failed),
        SERVER_TEST(an_attached_run_exits_as_its_job),
    };
    return aq_server_run_tests("aq: waits", tests, AQ_LENGTH(tests));
}
