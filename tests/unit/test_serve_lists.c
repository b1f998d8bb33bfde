/* Lists among many finished applications: what is open, or changed lately, is found without reading the others. One
 * answer reads at most LIST_SCAN_MAX rows, so a list that reads the finished ones first would come back empty. */
#include "controller/serve/filter.h"
#include "schema/model/application.h"
#include "tests/lib/rest_case.h"

#include <inttypes.h>
#include <unistd.h>

enum { FINISHED = LIST_SCAN_MAX + 10, AT_ONCE = 4000 };

static void ask_many(struct rest_case *rest, const struct aq_command *command, const void *const *records,
                     uint32_t count)
{
    struct writer_request request = {
        .command = command, .records = records, .count = count, .caller = aq_caller_internal("admin")};
    test_ask_request(&rest->cluster, &request);
    test_must(request.error.code == AQ_OK ? 0 : -1, &request.error);
}

static void make_finished(struct rest_case *rest, uint32_t finished)
{
    static struct aq_application_create create = {.project = "", .label = "mac", .metadata = "{}"};
    static struct aq_application_deallocate gone[AT_ONCE];
    static const void *creates[AT_ONCE], *deallocates[AT_ONCE];
    for (uint32_t made = 0, count; made < finished; made += count) {
        count = finished - made < AT_ONCE ? finished - made : AT_ONCE;
        for (uint32_t i = 0; i < count; i++) {
            gone[i].id = made + i + 1;
            creates[i] = &create;
            deallocates[i] = &gone[i];
        }
        ask_many(rest, &aq_command_application_create, creates, count);
        ask_many(rest, &aq_command_application_deallocate, deallocates, count);
    }
}

/* So many that are RECALLED, then five that are NEW: the second and the fourth are ann's. Returns a time between. */
static uint64_t given_finished(struct rest_case *rest, uint32_t finished)
{
    rest_make_applications(rest, 0);
    make_finished(rest, finished);
    uint64_t before_ms = test_time_ms(&rest->cluster), since_ms; /* rows have times of the log */
    while ((since_ms = test_time_ms(&rest->cluster)) < before_ms + 2)
        usleep(1000);
    for (int i = 0; i < 5; i++)
        rest_ask_as(rest, i % 2 ? &rest->user : &rest->admin, "POST", "/api/v1/application/", "{\"label\":\"mac\"}",
                    200);
    return since_ms;
}

static uint64_t given_applications(struct rest_case *rest)
{
    return given_finished(rest, FINISHED);
}

/* The i-th of the applications that are open. */
static void give_back(struct rest_case *rest, int i)
{
    char path[64];
    snprintf(path, sizeof path, "/api/v1/application/%d/deallocate", FINISHED + i);
    rest_post(rest, path, NULL);
}

/* Checks which rows a page has, counted from the first that is NEW, and what is next. */
static void page_is(struct rest_case *rest, const struct http_client *client, const char *query, const char *expected)
{
    char path[200];
    struct aq_buffer found = {0};
    size_t index;
    json_t *row;
    snprintf(path, sizeof path, "/api/v1/application/?%s", query);
    json_t *rows = rest_ask_as(rest, client, "GET", path, NULL, 200), *next = json_object_get(rest->reply.json, "next");
    json_array_foreach (rows, index, row)
        aq_buffer_format(&found, "%" JSON_INTEGER_FORMAT " ",
                         json_integer_value(json_object_get(row, "id")) - FINISHED);
    if (json_is_integer(next))
        aq_buffer_format(&found, "next %" JSON_INTEGER_FORMAT, json_integer_value(next) - FINISHED);
    else
        aq_buffer_text(&found, "end");
    assert_string_equal(aq_buffer_string(&found), expected);
    aq_buffer_free(&found);
}

static void open_ones_are_found_at_once(void **context)
{
    struct rest_case *rest = *context;
    char query[128];
    given_applications(rest);
    page_is(rest, &rest->admin, "status=NEW", "1 2 3 4 5 end");
    page_is(rest, &rest->admin, "status=new,elected,Allocated,deallocate", "1 2 3 4 5 end");
    page_is(rest, &rest->admin, "status!=RECALLED,DEALLOCATED,ERROR", "1 2 3 4 5 end");
    page_is(rest, &rest->admin, "status=NEW&reverse=1", "5 4 3 2 1 end");
    page_is(rest, &rest->admin, "status=NEW&limit=2", "1 2 next 2");
    snprintf(query, sizeof query, "status=NEW&limit=2&after=%d", FINISHED + 2);
    page_is(rest, &rest->admin, query, "3 4 next 4");
    snprintf(query, sizeof query, "status=NEW&reverse=1&after=%d", FINISHED + 3);
    page_is(rest, &rest->admin, query, "2 1 end");
    page_is(rest, &rest->user, "status=NEW", "2 4 end");
    page_is(rest, &rest->user, "status!=ERROR,DEALLOCATED,RECALLED&reverse=1", "4 2 end");
    page_is(rest, &rest->user, "", "2 4 end");
    page_is(rest, &rest->user, "reverse=1&limit=1", "4 next 4");
    page_is(rest, &rest->admin, "status=NEW&user=ann", "2 4 end");
    page_is(rest, &rest->admin, "status!=RECALLED&limit=2", "next -10"); /* ERROR would match: a scan */
    give_back(rest, 2);
    page_is(rest, &rest->admin, "status=NEW,ELECTED", "1 3 4 5 end");
    page_is(rest, &rest->user, "status=NEW,ELECTED", "4 end");
}

/* Between open ones of a user are those that ended: a page begins after the last row that was shown. */
static void a_page_of_what_changed_skips_none(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 0);
    for (int i = 0; i < 4; i++)
        rest_ask_as(rest, &rest->user, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    rest_post(rest, "/api/v1/application/2/deallocate", NULL);
    for (int reverse = 0; reverse <= 1; reverse++) {
        int after = reverse ? 5 : 0, step = reverse ? -1 : 1;
        for (int i = 0; i < 4; i++) {
            char path[200], begin[32] = "";
            if (i > 0)
                snprintf(begin, sizeof begin, "&after=%d", after);
            snprintf(path, sizeof path, "/api/v1/application?changed_since=1h&limit=1&reverse=%d%s", reverse, begin);
            json_t *rows = rest_ask_as(rest, &rest->user, "GET", path, NULL, 200);
            assert_int_equal(json_array_size(rows), 1);
            assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), after + step);
            after = i < 3 ? (int)json_integer_value(json_object_get(rest->reply.json, "next")) : 0;
            assert_int_equal(after, i < 3 ? (reverse ? 4 - i : 1 + i) : 0);
        }
    }
}

static void what_was_created_since_is_found_at_once(void **context)
{
    struct rest_case *rest = *context;
    char query[128];
    uint64_t since_ms = given_applications(rest);
    snprintf(query, sizeof query, "created_since=%" PRIu64, since_ms);
    page_is(rest, &rest->admin, query, "1 2 3 4 5 end");
    page_is(rest, &rest->user, query, "2 4 end");
    snprintf(query, sizeof query, "created_since=%" PRIu64 "&limit=2&reverse=1", since_ms);
    page_is(rest, &rest->admin, query, "5 4 next 4");
    snprintf(query, sizeof query, "created_since=%" PRIu64 "&reverse=1&after=%d", since_ms, FINISHED + 4);
    page_is(rest, &rest->admin, query, "3 2 1 end");
    snprintf(query, sizeof query, "created_since=%" PRIu64 "&after=%d", since_ms, FINISHED + 4);
    page_is(rest, &rest->admin, query, "5 end");
    page_is(rest, &rest->admin, "created_since=2100-01-01T00:00:00Z", "end");
    page_is(rest, &rest->admin, "created_since=1&limit=1", "-10009 next -10009");
}

static void what_changed_since_is_found_at_once(void **context)
{
    struct rest_case *rest = *context;
    char query[128];
    uint64_t since_ms = given_applications(rest);
    give_back(rest, 4);
    give_back(rest, 2);
    snprintf(query, sizeof query, "changed_since=%" PRIu64, since_ms);
    page_is(rest, &rest->admin, query, "1 2 3 4 5 end");
    page_is(rest, &rest->user, query, "2 4 end");
    snprintf(query, sizeof query, "changed_since=%" PRIu64 "&status=RECALLED", since_ms);
    page_is(rest, &rest->admin, query, "2 4 end");
    snprintf(query, sizeof query, "changed_since=%" PRIu64 "&status=RECALLED,NEW&limit=2&reverse=1", since_ms);
    page_is(rest, &rest->admin, query, "5 4 next 4");
    snprintf(query, sizeof query, "changed_since=%" PRIu64 "&reverse=1&after=%d", since_ms, FINISHED + 4);
    page_is(rest, &rest->admin, query, "3 2 1 end");
    snprintf(query, sizeof query, "changed_since=%" PRIu64 "&limit=2&after=%d", since_ms, FINISHED + 1);
    page_is(rest, &rest->admin, query, "2 3 next 3");
    page_is(rest, &rest->admin, "changed_since=2100-01-01T00:00:00Z", "end");
}

/* Many changed since: each appears once, in order, on one page or another. */
static void check_pages(struct rest_case *rest, const struct http_client *client, json_int_t first, json_int_t last,
                        int reverse)
{
    json_int_t seen = reverse ? last + 1 : first - 1;
    char path[200], after[32] = "";
    do {
        size_t index;
        json_t *row;
        snprintf(path, sizeof path, "/api/v1/application/?changed_since=1&limit=1000&reverse=%d%s", reverse, after);
        json_t *rows = rest_ask_as(rest, client, "GET", path, NULL, 200);
        json_array_foreach (rows, index, row) {
            json_int_t id = json_integer_value(json_object_get(row, "id"));
            assert_int_equal(id, reverse ? seen - 1 : seen + 1);
            seen = id;
        }
        snprintf(after, sizeof after, "&after=%" JSON_INTEGER_FORMAT, seen);
    } while (!json_is_null(json_object_get(rest->reply.json, "next")));
    assert_int_equal(seen, reverse ? first : last);
}

static void pages_of_what_changed_hold_all(void **context)
{
    struct rest_case *rest = *context;
    given_applications(rest);
    for (int reverse = 0; reverse <= 1; reverse++)
        check_pages(rest, &rest->admin, 1, FINISHED + 5, reverse);
}

/* With more of them, the table itself is read. */
static void so_they_do_with_very_many(void **context)
{
    struct rest_case *rest = *context;
    enum { VERY_MANY = 20010 };
    given_finished(rest, VERY_MANY);
    for (int reverse = 0; reverse <= 1; reverse++)
        check_pages(rest, &rest->admin, 1, VERY_MANY + 5, reverse);
    assert_int_equal(
        json_array_size(rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/?changed_since=1", NULL, 200)), 2);
}

/* ann loses her role in the cluster, and sees all of the project web, where 6, 7 and 8 are. Her own ones, 2 and 4, are
 * in a project where she has no right any more. */
static void a_member_finds_what_is_in_its_projects_at_once(void **context)
{
    struct rest_case *rest = *context;
    char query[128];
    uint64_t since_ms = given_applications(rest);
    rest_post(rest, "/api/v1/project/", "{\"name\":\"web\"}");
    for (int i = 0; i < 3; i++)
        rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"project\":\"web\"}");
    rest_post(rest, "/api/v1/membership/", "{\"project\":\"web\",\"user\":\"ann\",\"role\":\"viewer\"}");
    page_is(rest, &rest->user, "", "2 4 6 7 8 end");
    page_is(rest, &rest->user, "limit=2", "2 4 next 4");
    page_is(rest, &rest->user, "status=NEW&reverse=1", "8 7 6 4 2 end");
    rest_post(rest, "/api/v1/user/ann", "{\"role\":\"member\",\"max_applications\":0}");
    page_is(rest, &rest->user, "", "6 7 8 end");
    page_is(rest, &rest->user, "reverse=1&limit=2", "8 7 next 7");
    page_is(rest, &rest->user, "status=NEW", "6 7 8 end");
    page_is(rest, &rest->user, "project=default", "end");
    page_is(rest, &rest->user, "changed_since=1h", "6 7 8 end");
    snprintf(query, sizeof query, "created_since=%" PRIu64 "&reverse=1", since_ms);
    page_is(rest, &rest->user, query, "8 7 6 end");
    give_back(rest, 7);
    page_is(rest, &rest->user, "status=NEW", "6 8 end");
    page_is(rest, &rest->user, "status=RECALLED", "7 end");
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/membership/web:ann", NULL, 200);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/", NULL, 403);
}

/* Of the project web are 6, 7 and 8, behind more finished ones of another project than an answer may read. */
static void what_is_in_a_project_is_found_at_once(void **context)
{
    struct rest_case *rest = *context;
    given_applications(rest);
    rest_post(rest, "/api/v1/project/", "{\"name\":\"web\"}");
    for (int i = 0; i < 3; i++)
        rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\",\"project\":\"web\"}");
    give_back(rest, 7);
    page_is(rest, &rest->admin, "project=web", "6 7 8 end");
    page_is(rest, &rest->admin, "project=web&reverse=1", "8 7 6 end");
    page_is(rest, &rest->admin, "project=web&limit=2", "6 7 next 7");
    page_is(rest, &rest->admin, "project=web&status=NEW", "6 8 end");
    page_is(rest, &rest->admin, "project=web&status=NEW&reverse=1&limit=1", "8 next 8");
    page_is(rest, &rest->admin, "project=web&status=RECALLED", "7 end");
    page_is(rest, &rest->admin, "project=nil", "end");
    page_is(rest, &rest->user, "project=web", "end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(open_ones_are_found_at_once),
        REST_TEST(what_was_created_since_is_found_at_once),
        REST_TEST(a_member_finds_what_is_in_its_projects_at_once),
        REST_TEST(what_changed_since_is_found_at_once),
        REST_TEST(pages_of_what_changed_hold_all),
        REST_TEST(so_they_do_with_very_many),
        REST_TEST(a_page_of_what_changed_skips_none),
        REST_TEST(what_is_in_a_project_is_found_at_once),
    };
    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
