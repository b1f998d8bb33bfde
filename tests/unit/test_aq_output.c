/* aq ... log: pieces by their positions, what was dropped, the end, and what is gone for a while. */
#include "tests/lib/aq_server.h"

#define LOG(of) "/api/v1/" of "/7/log"
#define PIECE(data, start, next, first, end, complete)                                                                 \
    "{\"data\":\"" data "\",\"base64\":false,\"resource\":7,\"start\":" #start ",\"next\":" #next ",\"first\":" #first \
    ",\"end\":" #end ",\"complete\":" #complete ",\"seq\":1}"

static void all_that_is_kept_is_shown(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("resource") "?after=0&", 200, PIECE("one\\n", 100, 104, 100, 112, false)},
            {"GET", LOG("resource") "?after=104&", 200, PIECE("two\\n", 104, 108, 100, 116, false)},
            {"GET", LOG("resource") "?after=108&", 200, PIECE("two\\n", 108, 112, 100, 120, false)});
    assert_int_equal(aq_run("resource 7 log"), CLI_DONE);
    assert_string_equal(aq_out, "one\ntwo\ntwo\n"); /* up to where it ended at first, however fast it grows */
    assert_string_equal(aq_err, "… 100 bytes were dropped\n"); /* it does not begin where the workload began */
    assert_int_equal(server.seen_count, 3);
    assert_int_equal(aq_run("resource 7 log --json"), CLI_DONE);
    assert_string_equal(aq_out, "\"one\\ntwo\\ntwo\\n\"\n");
}

static void only_the_end_is_shown(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("resource") "?size=", 200, PIECE("two\\nthree\\n", 4, 14, 0, 14, false)});
    assert_int_equal(aq_run("resource 7 log -n 1"), CLI_DONE);
    assert_string_equal(aq_out, "three\n");
    assert_seen(0, "GET /api/v1/resource/7/log?size=1048576");
    assert_int_equal(aq_run("resource 7 log -n 5"), CLI_DONE);
    assert_string_equal(aq_out, "two\nthree\n");
    assert_int_equal(aq_run("resource 7 log -n 0"), CLI_DONE);
    assert_string_equal(aq_out, "");
    assert_int_equal(aq_run("resource 7 log --size 10"), CLI_DONE);
    assert_string_equal(aq_err, ""); /* only that much was asked for */
    assert_seen(3, "GET /api/v1/resource/7/log?size=10");
}

static void following_ends_with_the_workload(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("resource") "?after=0&", 200, PIECE("same\\n", 0, 5, 0, 5, false)},
            {"GET", LOG("resource") "?after=5&", 200, PIECE("same\\n", 5, 10, 0, 10, false)},
            {"GET", LOG("resource") "?after=10&", 503, "{\"message\":\"not yet\"}", 2},
            {"GET", LOG("resource") "?after=10&", BREAKS, "", 1},
            {"GET", LOG("resource") "?after=10&", 200, PIECE("same\\n", 10, 15, 0, 15, true)});
    assert_int_equal(aq_run("resource 7 log -f"), CLI_DONE);
    assert_string_equal(aq_out, "same\nsame\nsame\n");
    assert_string_equal(aq_err, "not yet; waiting\n");
    assert_non_null(strstr(server.seen[1].line, "&follow=true"));
}

static void what_was_dropped_is_told(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("resource") "?after=0&", 200, PIECE("one\\n", 0, 4, 0, 4, false)},
            {"GET", LOG("resource") "?after=4&", 200, PIECE("two\\n", 1234571, 1234575, 1234571, 1234575, true)});
    assert_int_equal(aq_run("resource 7 log -f"), CLI_DONE);
    assert_string_equal(aq_out, "one\ntwo\n");
    assert_string_equal(aq_err, "… 1,234,567 bytes were dropped\n");
}

static void an_application_is_followed_to_its_next_workload(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("application"), 409, "{\"message\":\"no log yet\"}", 1},
            {"GET", LOG("application") "?after=0&", 200, PIECE("one\\n", 0, 4, 0, 4, false)},
            {"GET", LOG("resource") "?after=4&", 200, PIECE("", 4, 4, 0, 4, true)},
            {"GET", LOG("application") "?size=1", 200,
             "{\"data\":\"\",\"base64\":false,\"resource\":8,\"start\":0,\"next\":0,\"first\":0,\"end\":0,"
             "\"complete\":false,\"seq\":1}",
             1},
            {"GET", "/api/v1/resource/8/log?after=0&", 200,
             "{\"data\":\"two\\n\",\"base64\":false,\"resource\":8,\"start\":0,\"next\":4,\"first\":0,\"end\":4,"
             "\"complete\":true,\"seq\":1}"},
            {"GET", LOG("application") "?size=1", 200,
             "{\"data\":\"\\n\",\"base64\":false,\"resource\":8,\"start\":3,\"next\":4,\"first\":0,\"end\":4,"
             "\"complete\":true,\"seq\":1}"});
    assert_int_equal(aq_run("application 7 log -f"), CLI_DONE);
    assert_string_equal(aq_out, "one\ntwo\n");
    assert_string_equal(aq_err, "no log yet; waiting\napplication 7 goes on with resource 8\n");
}

/* Of another resource than 7. */
#define PIECE_OF_8(data, start, next, complete)                                                                        \
    "{\"data\":\"" data "\",\"base64\":false,\"resource\":8,\"start\":" #start ",\"next\":" #next                      \
    ",\"first\":0,\"end\":" #next ",\"complete\":" #complete ",\"seq\":1}"

/* Without resource.log, the rest is asked for as the first piece was. */
static void the_right_to_outputs_of_applications_is_enough(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("application") "?after=0&", 200, PIECE("one\\n", 0, 4, 0, 4, false), 1},
            {"GET", LOG("resource"), 403, "{\"message\":\"that takes resource.log\"}"},
            {"GET", LOG("application") "?after=4&", 200, PIECE("two\\n", 4, 8, 0, 8, false)},
            {"GET", LOG("application") "?after=8&", 200, PIECE_OF_8("x", 8, 9, false)},
            {"GET", LOG("application") "?after=0&", 200, PIECE_OF_8("three\\n", 0, 6, true)},
            {"GET", LOG("application") "?size=1", 200, PIECE_OF_8("\\n", 5, 6, true)});
    assert_int_equal(aq_run("application 7 log -f"), CLI_DONE);
    assert_string_equal(aq_out, "one\ntwo\nthree\n");
    assert_string_equal(aq_err,
                        "application 7 goes on with resource 8; without the permission resource.log, the end of "
                        "the output of resource 7 is not shown\n");
    ANSWERS({"GET", LOG("resource"), 403, "{\"message\":\"that takes resource.log\"}"});
    assert_int_equal(aq_run("resource 7 log -f"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: that takes resource.log\n");
}

static void a_log_that_is_gone_ends(void **state)
{
    (void)state;
    ANSWERS({"GET", LOG("resource") "?after=0&", 200, PIECE("one\\n", 0, 4, 0, 4, false), 1},
            {"GET", LOG("resource"), 404, "{\"message\":\"the log is gone\"}"});
    assert_int_equal(aq_run("resource 7 log -f"), CLI_DONE);
    assert_string_equal(aq_out, "one\n");
    assert_int_equal(aq_run("resource 7 log -f"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: the log is gone\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SERVER_TEST(all_that_is_kept_is_shown),
        SERVER_TEST(only_the_end_is_shown),
        SERVER_TEST(following_ends_with_the_workload),
        SERVER_TEST(what_was_dropped_is_told),
        SERVER_TEST(an_application_is_followed_to_its_next_workload),
        SERVER_TEST(the_right_to_outputs_of_applications_is_enough),
        SERVER_TEST(a_log_that_is_gone_ends),
    };
    return aq_server_run_tests("aq: output", tests, AQ_LENGTH(tests));
}
