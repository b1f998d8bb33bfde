/* Paths, parameters and filters, without a server. */
#include "controller/serve/filter.h"
#include "controller/serve/query.h"
#include "schema/codec/url.h"
#include "schema/model/application.h"
#include "schema/model/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#define NOW_MS UINT64_C(1795215433123) /* the log's time */

/* ---- paths and parameters -------------------------------------------------------------------------------- */

static void escapes_are_decoded_once(void **context)
{
    (void)context;
    struct aq_error error = {0};
    char text[] = "a%2Fb%252F+c";
    assert_int_equal(aq_url_decode(text, false, "x", &error), 0);
    assert_string_equal(text, "a/b%2F+c");
    char plus[] = "a+b%2B";
    assert_int_equal(aq_url_decode(plus, true, "x", &error), 0);
    assert_string_equal(plus, "a b+");
}

static void bad_escapes_are_refused(void **context)
{
    (void)context;
    static const char *const bad[] = {"%", "%2", "%zz", "%00", "a%00b", "%ff", "%c3%28", "%ed%a0%80"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++) {
        struct aq_error error = {0};
        char text[32];
        snprintf(text, sizeof text, "%s", bad[i]);
        assert_int_equal(aq_url_decode(text, false, "the path", &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
        assert_non_null(strstr(error.message, "the path"));
    }
}

static void a_path_is_split_before_it_is_decoded(void **context)
{
    (void)context;
    struct aq_error error = {0};
    const char *segments[4];
    unsigned count;
    char path[] = "/api/v1/a%2Fb/";
    assert_int_equal(aq_url_split_path(path, segments, 4, &count, &error), 0);
    assert_int_equal(count, 3);
    assert_string_equal(segments[2], "a/b");
    char root[] = "/";
    assert_int_equal(aq_url_split_path(root, segments, 4, &count, &error), 0);
    assert_int_equal(count, 0);
}

static void strange_paths_are_not_found(void **context)
{
    (void)context;
    static const char *const bad[] = {"//", "/a//b", "/1/2/3/4/5"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++) {
        struct aq_error error = {0};
        const char *segments[4];
        unsigned count;
        char path[32];
        snprintf(path, sizeof path, "%s", bad[i]);
        assert_int_equal(aq_url_split_path(path, segments, 4, &count, &error), -1);
        assert_int_equal(error.code, AQ_E_NOT_FOUND);
    }
}

/* clang-format off */
#define test_form_fields(S, T)                                                                                         \
    S(T, limit, U64(1, 1000),          NULL, 0, "how many")                                                            \
    S(T, other, U64(1, 1000),          NULL, 0, "something else")                                                      \
    S(T, size,  U64(1, 4096, "bytes"), NULL, 0, "how much")                                                            \
    S(T, name,  TEXT(0, 64),           NULL, 0, "a name")                                                              \
    S(T, flag,  BOOL,                  NULL, 0, "yes or no")
AQ_DECLARE_SETTINGS(test_form)
/* clang-format on */
AQ_DEFINE_SETTINGS(test_form, "form", "parameters of a test")

static int parse_for(struct query *query, char *text, const struct aq_record *filters)
{
    struct aq_error error = {0};
    int status = query_parse(query, text, &error);
    query->form = (struct query_form){{filters == NULL ? &test_form_record : NULL}, filters};
    return status;
}

static void parameters_are_taken_by_name(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct query query;
    char text[] = "limit=7&&name=a%26b&flag&empty=&size=2KiB";
    uint64_t limit = 100, other = 5, size = 0;
    bool flag = false;
    assert_int_equal(parse_for(&query, text, NULL), 0);
    assert_int_equal(query_take_number(&query, "limit", &limit, &error), 0);
    assert_int_equal(limit, 7);
    assert_int_equal(query_take_number(&query, "other", &other, &error), 0);
    assert_int_equal(other, 5);
    assert_int_equal(query_take_number(&query, "size", &size, &error), 0);
    assert_int_equal(size, 2048);
    assert_string_equal(query_take(&query, "name"), "a&b");
    assert_int_equal(query_take_bool(&query, "flag", &flag, &error), 0);
    assert_true(flag);
    assert_int_equal(query_end(&query, &error), -1);
    assert_string_equal(error.message, "unknown parameter empty; known are: limit, other, size, name, flag");
    char far[] = "limit=1001", large[] = "size=5KiB";
    assert_int_equal(parse_for(&query, far, NULL), 0);
    assert_int_equal(query_take_number(&query, "limit", &limit, &error), -1);
    assert_string_equal(error.message, "limit is 1001, more than 1000");
    assert_int_equal(parse_for(&query, large, NULL), 0);
    assert_int_equal(query_take_number(&query, "size", &size, &error), -1);
    assert_string_equal(error.message, "size is 5120, more than 4096");
}

/* What is not in the form is not described to anybody, so no step can have it. */
static void an_undeclared_parameter_cannot_be_taken(void **context)
{
    (void)context;
    for (int filter = 0; filter < 2; filter++) {
        pid_t child = fork();
        if (child == 0) {
            struct query query;
            char text[] = "secret=1", name[QUERY_NAME_SIZE];
            struct rlimit none = {0, 0};
            setrlimit(RLIMIT_CORE, &none);
            signal(SIGABRT, SIG_DFL);
            if (freopen("/dev/null", "w", stderr) == NULL)
                _exit(1);
            (void)parse_for(&query, text, filter ? &aq_node_record : NULL);
            if (filter)
                (void)query_take_filter(&query, &aq_application_record.fields[0], QUERY_EQUAL, name);
            else
                (void)query_take(&query, "secret");
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

static void a_parameter_is_given_once(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct query query;
    char twice[] = "a=1&a=2", many[QUERY_ITEMS_MAX * 8] = "";
    assert_int_equal(query_parse(&query, twice, &error), -1);
    assert_non_null(strstr(error.message, "a is given twice"));
    for (int i = 0; i <= QUERY_ITEMS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "p%d=&", i);
    assert_int_equal(query_parse(&query, many, &error), -1);
}

static void numbers_have_bounds(void **context)
{
    (void)context;
    struct aq_error error = {0};
    uint64_t value = 0;
    assert_int_equal(query_number("limit", "18446744073709551615", 0, UINT64_MAX, &value, &error), 0);
    assert_true(value == UINT64_MAX);
    static const char *const bad[] = {"", "-1", "1x", " 1", "18446744073709551616", "99999999999999999999999", "0x10"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        assert_int_equal(query_number("limit", bad[i], 0, UINT64_MAX, &value, &error), -1);
    assert_int_equal(query_number("limit", "1001", 1, 1000, &value, &error), -1);
    assert_string_equal(error.message, "limit is 1001, more than 1000");
    assert_int_equal(query_number("limit", "0", 1, 1000, &value, &error), -1);
    assert_string_equal(error.message, "limit is 0, less than 1");
}

/* ---- filters ----------------------------------------------------------------------------------------------- */

static bool matches(const struct aq_node *node, const char *parameters)
{
    struct aq_error error = {0};
    struct query query;
    struct filter filter;
    char text[128];
    snprintf(text, sizeof text, "%s", parameters);
    assert_int_equal(parse_for(&query, text, &aq_node_record), 0);
    assert_int_equal(filter_take(&filter, &aq_node_record, &query, NOW_MS, &error), 0);
    assert_int_equal(query_end(&query, &error), 0);
    bool yes = filter_matches(&filter, node);
    filter_free(&filter);
    return yes;
}

static void filters_compare_the_text_form(void **context)
{
    (void)context;
    const char *drivers[] = {"process", "test"};
    struct aq_node node = {.name = "node-1",
                           .number = 12,
                           .status = AQ_NODE_LOST,
                           .maintenance = true,
                           .address = "",
                           .agent_version = "1.0",
                           .drivers = {drivers, 2}};
    assert_true(matches(&node, ""));
    assert_true(matches(&node, "name=node-1&number=12"));
    assert_true(matches(&node, "status=LOST&maintenance=true"));
    assert_true(matches(&node, "name=node-*"));
    assert_true(matches(&node, "name=node-%3F"));
    assert_true(matches(&node, "drivers=test"));
    assert_false(matches(&node, "drivers=tes"));
    assert_false(matches(&node, "name=node"));
    assert_false(matches(&node, "name=node-1&number=13"));
}

static bool application_matches(const struct aq_application *application, const char *parameters)
{
    struct aq_error error = {0};
    struct query query;
    struct filter filter;
    char text[256];
    snprintf(text, sizeof text, "%s", parameters);
    assert_int_equal(parse_for(&query, text, &aq_application_record), 0);
    if (filter_take(&filter, &aq_application_record, &query, NOW_MS, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(query_end(&query, &error), 0);
    bool yes = filter_matches(&filter, application);
    filter_free(&filter);
    return yes;
}

static void filters_take_several_values_and_their_opposite(void **context)
{
    (void)context;
    struct aq_application one = {
        .id = 7, .user = "ann", .label = "a,b", .status = AQ_ERRORED, .description = "x,y", .exit_status = aq_some(0)};
    static const struct {
        const char *parameters;
        bool matches;
    } cases[] = {
        {"status=NEW,ERROR", true},
        {"status=error", true},
        {"status=eRR*", true},
        {"status=NEW,ALL*", false},
        {"status!=ERROR", false},
        {"status!=NEW", true},
        {"status!=NEW,error", false},
        {"status!=*A*", true},
        {"status!=NEW&status=NEW,ERROR", true},
        {"user=bob,ann", true},
        {"user!=bob,ann", false},
        {"user!=a*", false},
        {"label=a,b", false},      /* names have no commas: two values */
        {"description=x,y", true}, /* a text may have them: one value */
        {"description!=x", true},
        {"id=6,007", true},
        {"id!=7", false},
        {"exit_status=0", true},
        {"exit_status!=0", false},
        {"exit_status=-", false},
        {"exit_status!=null", true},
        {"ended_at=-", true},
        {"ended_at!=-", false},
        {"resource=-", true},
        {"resource=0", true},
        {"node=-", true},
        {"node=", true},
        {"node!=-", false},
        {"lifetime=0s", true},
    };
    for (size_t i = 0; i < AQ_LENGTH(cases); i++)
        if (application_matches(&one, cases[i].parameters) != cases[i].matches)
            fail_msg("%s", cases[i].parameters);
}

static void times_are_compared_with_a_time_or_an_age(void **context)
{
    (void)context;
    struct aq_application one = {.created_at = NOW_MS - 600 * 1000, .changed_at = 1795215433123};
    assert_true(application_matches(&one, "created_since=1h"));
    assert_false(application_matches(&one, "created_since=5m"));
    assert_true(application_matches(&one, "created_since=99999999d"));
    assert_true(application_matches(&one, "changed_since=2026-11-20T22:57:13.123Z"));
    assert_false(application_matches(&one, "changed_since=2026-11-20T22:57:13.124Z"));
    assert_true(application_matches(&one, "changed_since=0"));
    assert_false(application_matches(&one, "ended_since=1h")); /* it has not */
}

static void filter_refused(const char *parameters, const char *message)
{
    struct aq_error error = {0};
    struct query query;
    struct filter filter;
    char text[128];
    snprintf(text, sizeof text, "%s", parameters);
    assert_int_equal(parse_for(&query, text, &aq_application_record), 0);
    if (filter_take(&filter, &aq_application_record, &query, NOW_MS, &error) == 0)
        assert_int_equal(query_end(&query, &error), -1);
    filter_free(&filter);
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("%s: %s", parameters, error.message);
}

static void values_that_cannot_match_are_refused(void **context)
{
    (void)context;
    filter_refused("status=NEW,BLUE", "status is \"BLUE\", but must be one of NEW, ELECTED");
    filter_refused("status!=", "status is \"\", but must be one of NEW");
    filter_refused("id=7,x", "id is \"x\", but must be a whole number");
    filter_refused("exit_status=-1", "exit_status is -1, but must be 0 or more");
    filter_refused("ended_at=now", "ended_at is \"now\", but must be a time");
    filter_refused("changed_since=soon", "changed_since is \"soon\", but must be a time such as "
                                         "2026-11-20T22:57:13Z, or how long ago, such as 5m");
    filter_refused("id_since=5m", "unknown parameter id_since; known are: id, user");
    filter_refused("nosuch!=5", "unknown parameter nosuch!; known are: id, user");
}

static struct filter taken(struct query *query, char *text)
{
    struct aq_error error = {0};
    struct filter filter;
    assert_int_equal(parse_for(query, text, &aq_application_record), 0);
    assert_int_equal(filter_take(&filter, &aq_application_record, query, NOW_MS, &error), 0);
    return filter;
}

static void a_filter_tells_which_rows_it_can_take(void **context)
{
    (void)context;
    const struct aq_field *status = aq_record_field(&aq_application_record, "status");
    struct query query;
    char some[] = "status=new,ALL*&status!=new", none[] = "user=ann", since[] = "changed_since=1&created_since=7";
    struct filter filter = taken(&query, some);
    for (uint32_t i = 0; i < aq_application_status_count; i++)
        assert_int_equal(filter_takes_word(&filter, status, i), i == AQ_ALLOCATED);
    assert_int_equal(filter_since(&filter, "changed_at"), 0);
    filter_free(&filter);
    filter = taken(&query, none);
    assert_true(filter_takes_word(&filter, status, AQ_ERRORED));
    filter_free(&filter);
    filter = taken(&query, since);
    assert_int_equal(filter_since(&filter, "changed_at"), 1);
    assert_int_equal(filter_since(&filter, "created_at"), 7);
    filter_free(&filter);
}

static void wildcards_match_characters(void **context)
{
    (void)context;
    static const struct {
        const char *text, *pattern;
        bool matches;
    } cases[] = {{"", "*", true},
                 {"", "?", false},
                 {"abc", "a*c", true},
                 {"abc", "*b", false},
                 {"abc", "a?c*", true},
                 {"abab", "*ab", true},
                 {"aab", "*ab", true},
                 {"abcabd", "*ab?", true},
                 {"a[b]", "a[*", true},
                 {"ab", "a[b]*", false},
                 {"\xE2\x82\xAC", "%3F", true},
                 {"\xE2\x82\xAC", "??", false},
                 {"abc", "*a*b*c*", true},
                 {"acb", "*a*b*c*", false}};
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        char parameters[64];
        struct aq_node node = {.name = "n", .address = cases[i].text, .agent_version = ""};
        snprintf(parameters, sizeof parameters, "address=%s", cases[i].pattern);
        if (matches(&node, parameters) != cases[i].matches)
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].text);
    }
}

/* A pattern and a text that are expensive to match: the length of the pattern and the steps are limited. */
static void filters_cost_little(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct query query;
    struct filter filter;
    char text[FILTER_PATTERN_MAX + 32], *long_text = aq_malloc(65537);
    struct aq_node node = {.name = "n", .address = long_text, .agent_version = ""};
    memset(long_text, 'a', 65536);
    long_text[65536] = '\0';
    for (size_t length = FILTER_PATTERN_MAX; length <= FILTER_PATTERN_MAX + 1; length++) {
        int used = snprintf(text, sizeof text, "address=*");
        memset(text + used, 'a', length - 2);
        snprintf(text + used + length - 2, 2, "b");
        assert_int_equal(parse_for(&query, text, &aq_node_record), 0);
        assert_int_equal(filter_take(&filter, &aq_node_record, &query, NOW_MS, &error),
                         length > FILTER_PATTERN_MAX ? -1 : 0);
        if (length > FILTER_PATTERN_MAX) {
            assert_string_equal(error.message, "address has 257 bytes; with * or ? it may have at most 256");
        } else {
            assert_false(filter_is_spent(&filter));
            for (int rows = 0; !filter_is_spent(&filter); rows++) {
                assert_true(rows < 2);
                assert_false(filter_matches(&filter, &node));
            }
        }
        filter_free(&filter);
    }
    free(long_text);
}

static void secrets_are_no_filters(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct query query;
    struct filter filter;
    char text[] = "instance=7";
    assert_int_equal(parse_for(&query, text, &aq_node_record), 0);
    assert_int_equal(filter_take(&filter, &aq_node_record, &query, NOW_MS, &error), 0);
    assert_int_equal(query_end(&query, &error), -1);
    assert_null(strstr(error.message + strlen("unknown parameter instance"), "instance"));
    filter_free(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_decoded_once),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(a_path_is_split_before_it_is_decoded),
        cmocka_unit_test(strange_paths_are_not_found),
        cmocka_unit_test(parameters_are_taken_by_name),
        cmocka_unit_test(an_undeclared_parameter_cannot_be_taken),
        cmocka_unit_test(a_parameter_is_given_once),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(filters_compare_the_text_form),
        cmocka_unit_test(filters_take_several_values_and_their_opposite),
        cmocka_unit_test(times_are_compared_with_a_time_or_an_age),
        cmocka_unit_test(values_that_cannot_match_are_refused),
        cmocka_unit_test(a_filter_tells_which_rows_it_can_take),
        cmocka_unit_test(wildcards_match_characters),
        cmocka_unit_test(filters_cost_little),
        cmocka_unit_test(secrets_are_no_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
