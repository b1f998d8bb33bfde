/* REST as its clients see it: callers, reading, writing. */
#include "tests/lib/openapi_check.h"
#include "tests/lib/rest_case.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

/* ---- callers ----------------------------------------------------------------------------------------------- */

static void wrong_credentials_are_explained(void **context)
{
    struct rest_case *rest = *context;
    rest_ask_as(rest, &rest->nobody, "GET", "/api/v1/me/", NULL, 401);
    assert_true(rest_has_header(rest, "WWW-Authenticate: Basic realm=\"aquarium\""));
    struct http_client wrong = {rest->admin.port, "admin:wrong", NULL};
    rest_ask_as(rest, &wrong, "GET", "/api/v1/me/", NULL, 401);
    struct http_client unknown = {rest->admin.port, "nobody:wrong", NULL};
    char first[256];
    snprintf(first, sizeof first, "%s", rest_message(rest));
    rest_ask_as(rest, &unknown, "GET", "/api/v1/me/", NULL, 401);
    assert_string_equal(rest_message(rest), first);
    struct http_client odd = {rest->admin.port, NULL, "Authorization: Basic !!!"};
    rest_ask_as(rest, &odd, "GET", "/api/v1/me/", NULL, 401);
    rest_ask_as(rest, &rest->nobody, "POST", "/api/v1/label/", "{\"name\":\"x\"}", 401);
}

static void the_caller_is_me(void **context)
{
    struct rest_case *rest = *context;
    assert_string_equal(json_text(rest_get(rest, "/api/v1/me/"), "name"), "admin");
    assert_null(json_object_get(rest_data(rest), "hash"));
    assert_string_equal(json_text(rest_ask_as(rest, &rest->user, "GET", "/api/v1/me", NULL, 200), "role"), "user");
}

static void users_see_only_what_they_own(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 3);
    json_t *made = rest_ask_as(rest, &rest->user, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    assert_int_equal(json_integer_value(json_object_get(made, "id")), 4);
    assert_int_equal(json_array_size(rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/", NULL, 200)), 1);
    assert_int_equal(
        json_array_size(rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/?reverse=1", NULL, 200)), 1);
    assert_int_equal(json_array_size(rest_ask_as(rest, &rest->user, "GET", "/api/v1/user/", NULL, 200)), 1);
    assert_int_equal(json_array_size(rest_ask_as(rest, &rest->user, "GET", "/api/v1/label/", NULL, 200)), 1);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/1", NULL, 404);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/1/why", NULL, 404);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/1/events", NULL, 404);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/vote/?application=1", NULL, 404);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/user/admin", NULL, 404);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/events", NULL, 403);
    assert_string_equal(rest_message(rest), "only admins may read /api/v1/events; ann is a user");
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/log/verify", NULL, 403);
    rest_ask_as(rest, &rest->user, "POST", "/api/v1/label/", "{\"name\":\"x\",\"definitions\":[]}", 403);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/")), 4);
}

/* Reads a page of users as ann; returns how many are on it. Nothing may reveal that there are others. */
static size_t seen_by_ann(struct rest_case *rest, const char *query)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/user/?%s", query);
    size_t count = json_array_size(rest_ask_as(rest, &rest->user, "GET", path, NULL, 200));
    assert_true(json_is_null(json_object_get(rest->reply.json, "next")));
    return count;
}

static void a_page_does_not_reveal_other_users(void **context)
{
    struct rest_case *rest = *context;
    rest_post(rest, "/api/v1/user/", "{\"name\":\"bob\"}");
    assert_int_equal(seen_by_ann(rest, "limit=1"), 1);
    assert_int_equal(seen_by_ann(rest, "limit=1&reverse=1"), 1);
    assert_int_equal(seen_by_ann(rest, "limit=1&after=admin"), 1);
    assert_int_equal(seen_by_ann(rest, "limit=1&after=bob&reverse=1"), 1);
    assert_int_equal(seen_by_ann(rest, "after=ann"), 0);
    assert_int_equal(seen_by_ann(rest, "after=ann&reverse=1"), 0);
    assert_int_equal(seen_by_ann(rest, "after=admin&reverse=1"), 0);
    assert_int_equal(seen_by_ann(rest, "role=admin"), 0);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/user/?limit=1")), 1);
    assert_string_equal(json_string_value(json_object_get(rest->reply.json, "next")), "admin");
}

static void a_token_is_shown_once_and_can_be_changed(void **context)
{
    struct rest_case *rest = *context;
    char login[128];
    snprintf(login, sizeof login, "bob:%s", json_text(rest_post(rest, "/api/v1/user/", "{\"name\":\"bob\"}"), "token"));
    struct http_client bob = {rest->admin.port, login, NULL};
    assert_string_equal(json_text(rest_ask_as(rest, &bob, "GET", "/api/v1/me/", NULL, 200), "name"), "bob");
    assert_null(json_object_get(rest_get(rest, "/api/v1/user/bob"), "token"));
    char fresh[128];
    snprintf(fresh, sizeof fresh, "bob:%s",
             json_text(rest_ask_as(rest, &bob, "POST", "/api/v1/user/bob/token", NULL, 200), "token"));
    rest_ask_as(rest, &bob, "GET", "/api/v1/me/", NULL, 401);
    bob.login = fresh;
    rest_ask_as(rest, &bob, "GET", "/api/v1/me/", NULL, 200);
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/user/bob", NULL, 200);
    rest_ask_as(rest, &bob, "GET", "/api/v1/me/", NULL, 401);
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static void routes_follow_from_the_registry(void **context)
{
    struct rest_case *rest = *context;
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        char path[128];
        snprintf(path, sizeof path, "/api/v1/%s/", entity->name);
        assert_true(json_is_array(rest_get(rest, path)));
        snprintf(path, sizeof path, "/api/v1/%s", entity->plural);
        assert_true(json_is_array(rest_get(rest, path)));
        assert_true(json_is_null(json_object_get(rest->reply.json, "next")));
        snprintf(path, sizeof path, "/api/v1/%s/", entity->name);
        rest_ask_as(rest, &rest->admin, "PATCH", path, "{}", 405);
        assert_true(rest_has_header(rest, "Allow: GET, HEAD"));
    }
    rest_refused(rest, "GET", "/api/v1/boat/", NULL, 404, "/api/v1/boat/");
    rest_refused(rest, "GET", "/", NULL, 404, "openapi.json");
}

static void rows_fields_and_relations_are_read(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 1);
    assert_string_equal(json_text(rest_get(rest, "/api/v1/application/1"), "label"), "mac");
    assert_string_equal(json_string_value(rest_get(rest, "/api/v1/application/1/status")), "NEW");
    assert_string_equal(json_text(rest_get(rest, "/api/v1/application/1/user"), "role"), "admin");
    assert_string_equal(json_text(rest_get(rest, "/api/v1/application/1/label_id"), "name"), "mac");
    assert_non_null(strstr(json_string_value(rest_get(rest, "/api/v1/application/1/why")), "no node"));
    assert_true(json_array_size(rest_get(rest, "/api/v1/application/1/events")) >= 1);
    rest_refused(rest, "GET", "/api/v1/application/1/resource", NULL, 404, "application 1 has no resource");
    rest_refused(rest, "GET", "/api/v1/application/1/boat", NULL, 404, "boat");
    rest_refused(rest, "GET", "/api/v1/application/2", NULL, 404, "no application 2");
    rest_refused(rest, "GET", "/api/v1/application/x", NULL, 400, "x");
    rest_refused(rest, "GET", "/api/v1/user/admin/hash", NULL, 404, "hash");
    rest_refused(rest, "GET", "/api/v1/user/ad%2Fmin", NULL, 400, "ad/min");
    rest_refused(rest, "GET", "/api/v1/user/admin%00x", NULL, 400, "NUL");
    rest_refused(rest, "GET", "/api/v1/user/%ff", NULL, 400, "UTF-8");
    rest_refused(rest, "GET", "/api/v1/resource/1/log", NULL, 404, "no resource 1");
}

static void nodes_have_their_heartbeat(void **context)
{
    struct rest_case *rest = *context;
    struct aq_error error = {0};
    const char *names[] = {"node-1"};
    struct aq_node_live now = {.seen_at = 1000, .load_milli = 250, .workloads = 3};
    test_make_node(&rest->cluster, "node-1", 2);
    assert_true(json_is_null(json_object_get(rest_get(rest, "/api/v1/node/node-1"), "live")));
    test_must(live_put(rest->services.live, names, &now, 1, &error), &error);
    json_t *live = json_object_get(rest_get(rest, "/api/v1/node/node-1"), "live");
    assert_int_equal(json_integer_value(json_object_get(live, "load_milli")), 250);
    rest_ask_as(rest, &rest->admin, "POST", "/api/v1/node/node-1/maintenance", "{\"maintenance\":true}", 200);
    assert_true(json_is_true(rest_get(rest, "/api/v1/node/node-1/maintenance")));
}

static void lists_are_paged_by_key(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 5);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/?limit=2")), 2);
    assert_int_equal(json_integer_value(json_object_get(rest->reply.json, "next")), 2);
    json_t *rows = rest_get(rest, "/api/v1/application/?limit=3&after=2");
    assert_int_equal(json_array_size(rows), 3);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), 3);
    assert_true(json_is_null(json_object_get(rest->reply.json, "next")));
    rows = rest_get(rest, "/api/v1/application/?reverse=true&limit=2");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), 5);
    rows = rest_get(rest, "/api/v1/application/?reverse=true&limit=2&after=4");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), 3);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/?after=5")), 0);
    rest_refused(rest, "GET", "/api/v1/application/?limit=0", NULL, 400, "limit is 0, less than 1");
    rest_refused(rest, "GET", "/api/v1/application/?limit=1001", NULL, 400, "more than 1000");
    rest_refused(rest, "GET", "/api/v1/application/?after=x", NULL, 400, "after");
}

static void lists_are_filtered(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 3);
    rest_post(rest, "/api/v1/application/1/deallocate", NULL);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/?status=NEW")), 2);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/?status=RE*&label=m?c")), 1);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/?status=NEW&id=1")), 0);
    rest_refused(rest, "GET", "/api/v1/application/?stat=NEW", NULL, 400,
                 "unknown parameter stat; known are: after, limit, reverse, min_seq, id");
    rest_refused(rest, "GET", "/api/v1/application/?label=mac:1", NULL, 400, "label is \"mac:1\", which is no name");
    rest_refused(rest, "GET", "/api/v1/application/?label!=mac,x:1", NULL, 400, "label is \"x:1\", which is no name");
    rest_refused(rest, "GET", "/api/v1/application/?node=a%20b", NULL, 400, "node is \"a b\", which is no name");
    rest_get(rest, "/api/v1/application/?label=m*:?&node=-&user=");
    rest_refused(rest, "GET", "/api/v1/user/?hash=x", NULL, 400, "unknown parameter hash");
    rest_refused(rest, "GET", "/api/v1/application/?status=NEW&status=ERROR", NULL, 400, "given twice");
}

static void votes_are_listed(void **context)
{
    struct rest_case *rest = *context;
    test_make_node(&rest->cluster, "node-1", 2);
    test_make_node(&rest->cluster, "node-2", 2);
    rest_make_applications(rest, 3);
    size_t each = json_array_size(rest_get(rest, "/api/v1/vote/?application=1"));
    assert_true(each >= 2);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/vote/")), 3 * each);
    size_t seen = 0, pages = 0;
    char path[128] = "/api/v1/vote/?limit=1";
    for (; pages < 100; pages++) {
        json_t *rows = rest_get(rest, path);
        const char *next = json_string_value(json_object_get(rest->reply.json, "next"));
        seen += json_array_size(rows);
        if (next == NULL)
            break;
        snprintf(path, sizeof path, "/api/v1/vote/?limit=1&after=%s", next);
    }
    assert_int_equal(seen, 3 * each);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/vote/?application=1&chosen=true")), 1);
    rest_refused(rest, "GET", "/api/v1/vote/?application=99", NULL, 404, "99");
}

static void a_read_waits_for_its_seq(void **context)
{
    struct rest_case *rest = *context;
    char path[64];
    rest_make_applications(rest, 0);
    uint64_t seq = rest_seq(rest);
    snprintf(path, sizeof path, "/api/v1/application/1?min_seq=%" PRIu64, seq + 1);
    struct rest_waiter waiter = {rest, rest->admin, path, {0}};
    pthread_t thread;
    pthread_create(&thread, NULL, rest_ask_in_thread, &waiter);
    usleep(100000);
    rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\"}");
    pthread_join(thread, NULL);
    assert_int_equal(waiter.reply.status, 200);
    assert_true((uint64_t)json_integer_value(json_object_get(waiter.reply.json, "seq")) > seq);
    http_reply_free(&waiter.reply);
    rest_refused(rest, "GET", "/api/v1/me/?min_seq=x", NULL, 400, "min_seq");
}

static void a_seq_that_is_not_reached_is_told(void **context)
{
    static const char *const reads[] = {
        "/api/v1/me/?min_seq=100000",
        "/api/v1/application/?min_seq=100000",
        "/api/v1/application/1?min_seq=100000",
        "/api/v1/application/1/status?min_seq=100000",
        "/api/v1/application/1/why?min_seq=100000",
        "/api/v1/vote/?min_seq=100000",
        "/api/v1/events?min_seq=100000",
    };
    struct rest_case *rest = *context;
    struct rest_waiter waiters[AQ_LENGTH(reads)];
    pthread_t threads[AQ_LENGTH(reads)];
    char wanted[128];
    rest_make_applications(rest, 1);
    snprintf(wanted, sizeof wanted, "seq 100000 was asked for, but this controller is at %" PRIu64, rest_seq(rest));
    for (size_t i = 0; i < AQ_LENGTH(reads); i++) {
        waiters[i] = (struct rest_waiter){rest, rest->admin, reads[i], {0}};
        pthread_create(&threads[i], NULL, rest_ask_in_thread, &waiters[i]);
    }
    for (size_t i = 0; i < AQ_LENGTH(reads); i++) {
        pthread_join(threads[i], NULL);
        const struct http_reply *reply = &waiters[i].reply;
        assert_int_equal(reply->status, 503);
        assert_string_equal(json_text(reply->json, "error"), "behind");
        assert_string_equal(json_text(reply->json, "message"), wanted);
        assert_int_equal(json_number(reply->json, "seq"), rest_seq(rest));
        http_reply_free(&waiters[i].reply);
    }
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static void a_batch_is_all_or_nothing(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 0);
    json_t *rows = rest_post(rest, "/api/v1/application/", "[{\"label\":\"mac\"},{\"label\":\"mac\"}]");
    assert_int_equal(json_array_size(rows), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 1), "id")), 2);
    rest_refused(rest, "POST", "/api/v1/application/", "[{\"label\":\"mac\"},{\"label\":\"nix\"}]", 404, "item 2");
    rest_refused(rest, "POST", "/api/v1/application/", "[{\"label\":\"mac\"},{\"label\":[7]}]", 400, "item 2");
    rest_refused(rest, "POST", "/api/v1/application/", "[]", 400, "1 to 4096");
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/")), 2);
}

/* Reads, deletes and requests mean the same label by the same text. */
static void labels_go_by_number_name_and_version(void **context)
{
    struct rest_case *rest = *context;
    static const char label[] = "{\"name\":\"%s\",\"definitions\":[{\"driver\":\"test\"}]}";
    char body[200];
    rest_make_applications(rest, 0); /* mac:1 is number 1 */
    for (int i = 0; i < 2; i++) {
        snprintf(body, sizeof body, label, "mac");
        rest_post(rest, "/api/v1/label/", body);
    }
    const struct {
        const char *text;
        int id;
    } rows[] = {{"1", 1}, {"mac:1", 1}, {"mac%3A2", 2}, {"mac", 3}, {"mac:latest", 3}, {"3", 3}};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/v1/label/%s", rows[i].text);
        assert_int_equal(json_integer_value(json_object_get(rest_get(rest, path), "id")), rows[i].id);
        snprintf(path, sizeof path, "/api/v1/label/%s/id", rows[i].text);
        assert_int_equal(json_integer_value(rest_get(rest, path)), rows[i].id);
    }
    rest_refused(rest, "GET", "/api/v1/label/pc", NULL, 404, "there is no label pc");
    rest_refused(rest, "GET", "/api/v1/label/mac:4", NULL, 404, "there is no version 4 of label mac");
    rest_refused(rest, "GET", "/api/v1/label/4", NULL, 404, "there is no label 4");
    rest_refused(rest, "DELETE", "/api/v1/label/mac:4", NULL, 404, "there is no version 4 of label mac");
    rest_refused(rest, "GET", "/api/v1/label/a%20b", NULL, 400, "is not a valid label: use its number, its name, or");
    json_t *made = rest_post(rest, "/api/v1/application/", "{\"label\":\"mac:1\"}");
    assert_int_equal(json_integer_value(json_object_get(made, "label_id")), 1);
    assert_int_equal(json_integer_value(json_object_get(rest_get(rest, "/api/v1/application/1/label_id"), "id")), 1);
    rest_refused(rest, "DELETE", "/api/v1/label/mac:1", NULL, 409, "has 1 open application");
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/label/mac:2", NULL, 200);
    rest_refused(rest, "GET", "/api/v1/label/2", NULL, 404, "there is no label 2");
    rest_ask_as(rest, &rest->admin, "DELETE", "/api/v1/label/mac", NULL, 200); /* the latest */
    assert_int_equal(json_integer_value(json_object_get(rest_get(rest, "/api/v1/label/mac"), "id")), 1);
    /* A repeat is answered as before, although the name leads to another row now, or to none. */
    struct http_client keyed = {rest->admin.port, rest->admin_login, "Idempotency-Key: gone"};
    snprintf(body, sizeof body, label, "pc");
    rest_post(rest, "/api/v1/label/", body);
    for (int i = 0; i < 2; i++) {
        rest_ask_as(rest, &keyed, "DELETE", "/api/v1/label/pc:1", NULL, 200);
        assert_true(json_is_true(json_object_get(rest->reply.json, "repeated")) == (i == 1));
    }
    rest_refused(rest, "DELETE", "/api/v1/label/pc:1", NULL, 404, "there is no version 1 of label pc");
    rest_refused(rest, "DELETE", "/api/v1/label/pc", NULL, 404, "there is no label pc");
}

static void an_answer_warns_and_says_that_nothing_changed(void **context)
{
    struct rest_case *rest = *context;
    const char *body = "{\"name\":\"d\",\"description\":\"x\",\"definitions\":[{\"driver\":\"docker\"}]}";
    json_t *row = rest_post(rest, "/api/v1/label/apply", body);
    assert_string_equal(json_string_value(json_object_get(row, "description")), "x");
    const json_t *warnings = json_object_get(rest->reply.json, "warnings");
    assert_int_equal(json_array_size(warnings), 1);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "definitions[0].driver is \"docker\""));
    assert_null(json_object_get(rest->reply.json, "unchanged"));
    assert_string_equal(rest_message(rest), "Label created");
    row = rest_post(rest, "/api/v1/labels/apply/", body);
    assert_int_equal(json_integer_value(json_object_get(row, "version")), 1);
    assert_true(json_is_true(json_object_get(rest->reply.json, "unchanged")));
    assert_null(json_object_get(rest->reply.json, "warnings"));
    assert_string_equal(rest_message(rest), "Label unchanged");
    rest_post(rest, "/api/v1/label/",
              "[{\"name\":\"e\",\"definitions\":[{\"driver\":\"test\"}]},"
              "{\"name\":\"f\",\"definitions\":[{\"driver\":\"a\"},{\"driver\":\"b\"}]}]");
    warnings = json_object_get(rest->reply.json, "warnings");
    assert_int_equal(json_array_size(warnings), 2);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 1)), "item 2: definitions[1].driver is \"b\""));
    rest_refused(rest, "GET", "/api/v1/label/apply", NULL, 404, "there is no label apply");
    rest_refused(rest, "POST", "/api/v1/label/mac", body, 405, "only allows GET, HEAD, DELETE");
}

/* ---- the OpenAPI document --------------------------------------------------------------------------------- */

/* A path with a row that exists. */
static void fill_path(const char *path, char *out, size_t size)
{
    const char *brace = strchr(path, '{');
    const char *key = strstr(path, "/user/") != NULL ? "admin" : strstr(path, "/node/") != NULL ? "node-1" : "1";
    if (brace == NULL)
        snprintf(out, size, "%s", path);
    else
        snprintf(out, size, "%.*s%s%s", (int)(brace - path), path, key, strchr(brace, '}') + 1);
}

static const char *example_of(const json_t *parameter)
{
    const char *name = json_string_value(json_object_get(parameter, "name"));
    const json_t *schema = json_object_get(parameter, "schema"), *words = json_object_get(schema, "enum");
    const char *type = json_string_value(json_object_get(schema, "type"));
    if (words != NULL)
        return json_string_value(json_array_get(words, 0));
    if (strstr(name, "_since") != NULL)
        return "5m";
    return strcmp(type, "integer") == 0 ? "1" : strcmp(type, "boolean") == 0 ? "false" : "*";
}

static void check_parameters(struct rest_case *rest, const char *path, const json_t *operation)
{
    size_t index;
    json_t *parameter;
    json_array_foreach (json_object_get(operation, "parameters"), index, parameter) {
        char full[400], name[100];
        const char *described = json_string_value(json_object_get(parameter, "name"));
        if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") != 0)
            continue;
        size_t length = strcspn(described, "!");
        snprintf(name, sizeof name, "%.*s%s", (int)length, described, described[length] == '!' ? "%21" : "");
        snprintf(full, sizeof full, "%s?%s=%s%s", path, name, example_of(parameter),
                 strstr(path, "/events") != NULL && strstr(path, "/application") == NULL &&
                         strcmp(described, "follow") != 0
                     ? "&follow=false"
                     : "");
        http_ask(&rest->admin, &rest->reply, "GET", NULL, full);
        if (strstr(aq_buffer_string(&rest->reply.body), "unknown parameter") != NULL)
            fail_msg("%s: %s", full, aq_buffer_string(&rest->reply.body));
    }
}

static void check_answer(struct rest_case *rest, const json_t *document, const char *path, const json_t *operation)
{
    struct aq_buffer why = {0};
    const json_t *answer = json_object_get(json_object_get(operation, "responses"), "200");
    const json_t *content = json_object_get(json_object_get(answer, "content"), "application/json");
    if (content == NULL)
        return;
    http_ask(&rest->admin, &rest->reply, "GET", NULL, path);
    const json_t *schema = json_object_get(content, "schema");
    if (rest->reply.status != 200) {
        answer = openapi_resolve(document, json_object_get(json_object_get(operation, "responses"), "default"));
        content = json_object_get(json_object_get(answer, "content"), "application/json");
        schema = json_object_get(content, "schema");
    }
    if (!openapi_conforms(document, schema, rest->reply.json, path, &why))
        fail_msg("%ld %s", rest->reply.status, aq_buffer_string(&why));
    aq_buffer_free(&why);
}

/* What is described is taken, and what is answered is as described: rows of every entity, and errors. */
static void the_document_tells_the_truth(void **context)
{
    struct rest_case *rest = *context;
    const char *path;
    json_t *item;
    rest_make_applications(rest, 2);
    rest_ask_as(rest, &rest->admin, "POST", "/api/v1/application/1/deallocate", NULL, 200);
    http_ask(&rest->admin, &rest->reply, "GET", NULL, "/api/v1/openapi.json");
    json_t *document = json_incref(rest->reply.json);
    unsigned checked = 0;
    json_object_foreach (json_object_get(document, "paths"), path, item) {
        char filled[200];
        const json_t *operation = json_object_get(item, "get");
        if (operation == NULL || strstr(path, "/log/verify") != NULL)
            continue;
        fill_path(path, filled, sizeof filled);
        check_parameters(rest, filled, operation);
        check_answer(rest, document, filled, operation);
        checked++;
    }
    assert_true(checked > 60);
    json_decref(document);
}

static void a_repeat_with_the_same_key_happens_once(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 0);
    struct http_client keyed = {rest->admin.port, rest->admin_login, "Idempotency-Key: once"};
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    uint64_t seq = rest_seq(rest);
    json_t *again = rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    assert_int_equal(json_integer_value(json_object_get(again, "id")), 1);
    assert_true(rest_seq(rest) == seq);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/")), 1);
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", "{\"label\":\"mac\",\"version\":1}", 422);
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", "[{\"label\":\"mac\"}]", 422);
    assert_memory_equal(rest_message(rest), "Idempotency-Key", 15); /* of no item */
    keyed.header = "Idempotency-Key: 12345678901234567890123456789012345678901234567890123456789012345";
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 400);
}

static void a_client_may_want_only_the_keys(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 0);
    struct http_client modest = {rest->admin.port, rest->admin_login, "Prefer: respond-async;x=1, Return=Minimal"};
    json_t *one = rest_ask_as(rest, &modest, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    assert_int_equal(json_object_size(one), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "id")), 1);
    json_t *two =
        rest_ask_as(rest, &modest, "POST", "/api/v1/application/", "[{\"label\":\"mac\"},{\"label\":\"mac\"}]", 200);
    assert_int_equal(json_array_size(two), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(two, 1), "id")), 3);
    assert_int_equal(json_object_size(json_array_get(two, 1)), 1);
    json_t *user = rest_ask_as(rest, &modest, "POST", "/api/v1/user/", "{\"name\":\"eve\"}", 200);
    assert_string_equal(json_text(user, "name"), "eve");
    assert_non_null(json_object_get(user, "token"));
    modest.header = "Prefer: return=minimalist, xreturn=minimal";
    one = rest_ask_as(rest, &modest, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    assert_string_equal(json_text(one, "label"), "mac");
}

static void a_dry_run_changes_nothing(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 0);
    uint64_t seq = rest_seq(rest);
    json_t *events = rest_post(rest, "/api/v1/application/?dry_run=true", "{\"label\":\"mac\"}");
    assert_string_equal(json_text(json_array_get(events, 0), "event"), "application_created");
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/")), 0);
    assert_true(rest_seq(rest) == seq);
    events = rest_post(rest, "/api/v1/user/?dry_run=true", "{\"name\":\"bob\"}");
    assert_null(strstr(aq_buffer_string(&rest->reply.body), "aq_"));
    rest_refused(rest, "GET", "/api/v1/user/bob", NULL, 404, "bob");
}

static void older_forms_are_accepted(void **context)
{
    struct rest_case *rest = *context;
    json_t *label =
        rest_post(rest, "/api/v1/label/",
                  "{\"name\":\"old\",\"driver\":\"test\",\"definition\":{\"cpu\":1},\"metadata\":{\"a\":1}}");
    json_t *definition = json_array_get(json_object_get(label, "definitions"), 0);
    assert_string_equal(json_text(definition, "driver"), "test");
    rest_post(rest, "/api/v1/application/", "{\"label_id\":1}");
}

/* ---- reading never acts ---------------------------------------------------------------------------------------- */

static void rest_head(struct rest_case *rest, const char *path, int status)
{
    http_ask(&rest->admin, &rest->reply, "HEAD", NULL, path);
    assert_int_equal(rest->reply.status, status);
    assert_int_equal(rest->reply.body.length, 0);
}

/* Each command that a path names: neither GET nor HEAD runs it. */
static void get_and_head_run_no_command(void **context)
{
    struct rest_case *rest = *context;
    const struct aq_command *command;
    rest_make_applications(rest, 1);
    test_make_node(&rest->cluster, "node-1", 0);
    rest_get(rest, "/api/v1/me/");
    uint64_t before = rest_seq(rest);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        const char *key = strcmp(command->entity->name, "node") == 0   ? "node-1"
                          : strcmp(command->entity->name, "user") == 0 ? "ann"
                                                                       : "1";
        char path[128];
        snprintf(path, sizeof path, "/api/v1/%s/%s/%s", command->entity->name, key, command->verb);
        if (command->kind != AQ_ACTS || aq_record_field(command->entity->record, command->verb) != NULL)
            continue;
        rest_head(rest, path, 405);
        assert_true(rest_has_header(rest, "Allow: POST\r\n"));
        rest_refused(rest, "GET", path, NULL, 405, "only allows POST");
        assert_true(rest_has_header(rest, "Allow: POST\r\n"));
    }
    rest_head(rest, "/api/v1/node/node-1/maintenance", 200); /* a field as well */
    rest_head(rest, "/api/v1/application/", 200);
    rest_head(rest, "/api/v1/application/9", 404);
    rest_get(rest, "/api/v1/me/");
    assert_int_equal(rest_seq(rest), before);
}

static void let_get_deallocate(struct aq_config_controller *config)
{
    config->api.get_deallocate = true;
}

static int setup_older_clients(void **context)
{
    return rest_setup_with(context, let_get_deallocate);
}

static void older_clients_may_deallocate_with_get(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 1);
    rest_head(rest, "/api/v1/application/1/deallocate", 405);
    assert_true(rest_has_header(rest, "Allow: GET, POST\r\n"));
    assert_string_equal(json_text(rest_get(rest, "/api/v1/application/1"), "status"), "NEW");
    for (int i = 0; i < 2; i++)
        assert_string_equal(json_text(rest_get(rest, "/api/v1/application/1/deallocate"), "status"), "RECALLED");
}

static void bad_bodies_are_explained(void **context)
{
    struct rest_case *rest = *context;
    rest_refused(rest, "POST", "/api/v1/label/", "{", 400, "line 1");
    rest_refused(rest, "POST", "/api/v1/label/", "", 400, "empty");
    rest_refused(rest, "POST", "/api/v1/label/", "7", 400, "object");
    rest_refused(rest, "POST", "/api/v1/label/", "{\"name\":\"\xff\"}", 400, "UTF-8");
    rest_refused(rest, "POST", "/api/v1/label/", "{\"nam\":\"x\"}", 400, "nam is not known");
    rest_refused(rest, "POST", "/api/v1/label/", "{\"name\":\"x\",\"name\":\"y\"}", 400, "duplicate");
    rest_refused(rest, "POST", "/api/v1/user/", "{\"name\":\"x\",\"hash\":\"y\"}", 400, "hash");
    rest_refused(rest, "POST", "/api/v1/user/ann", "{\"name\":\"bob\",\"role\":\"user\",\"max_applications\":1}", 400,
                 "name is bob, but the path names user ann: leave name out");
    rest_refused(rest, "DELETE", "/api/v1/user/nix", NULL, 404, "nix");
    rest_refused(rest, "POST", "/api/v1/label/?boat=1", "{}", 400, "unknown parameter boat");
}

static void large_bodies_are_refused(void **context)
{
    struct rest_case *rest = *context;
    char *body = aq_malloc(3 << 20);
    memset(body, ' ', 3 << 20);
    body[100000] = '\0';
    rest_refused(rest, "POST", "/api/v1/label/", body, 413, "more than 65536 (api.body_max)");
    body[100000] = ' ';
    body[(3 << 20) - 1] = '\0';
    rest_refused(rest, "POST", "/api/v1/label/", body, 413, "api.body_max");
    struct http_client chunked = {rest->admin.port, rest->admin_login, "Transfer-Encoding: chunked"};
    body[100000] = '\0';
    rest_ask_as(rest, &chunked, "POST", "/api/v1/label/", body, 413);
    free(body);
    rest_get(rest, "/api/v1/me/");
}

static void a_client_may_leave_during_its_write(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, 0);
    char login[256], request[1024];
    sodium_bin2base64(login, sizeof login, (unsigned char *)rest->admin_login, strlen(rest->admin_login),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(request, sizeof request,
             "POST /api/v1/application/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 15\r\n\r\n"
             "{\"label\":\"mac\"}",
             login);
    for (int i = 0; i < 50; i++) {
        int fd = http_connect(rest->admin.port);
        assert_true(http_send(fd, request));
        close(fd);
    }
    size_t there = 0;
    for (int i = 0; i < 1000 && there < 50; i++) {
        there = json_array_size(rest_get(rest, "/api/v1/application/"));
        usleep(10000);
    }
    assert_int_equal(there, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(wrong_credentials_are_explained),
        REST_TEST(the_caller_is_me),
        REST_TEST(users_see_only_what_they_own),
        REST_TEST(a_page_does_not_reveal_other_users),
        REST_TEST(a_token_is_shown_once_and_can_be_changed),
        REST_TEST(routes_follow_from_the_registry),
        REST_TEST(rows_fields_and_relations_are_read),
        REST_TEST(nodes_have_their_heartbeat),
        REST_TEST(lists_are_paged_by_key),
        REST_TEST(lists_are_filtered),
        REST_TEST(votes_are_listed),
        REST_TEST(a_read_waits_for_its_seq),
        REST_TEST(a_seq_that_is_not_reached_is_told),
        REST_TEST(a_batch_is_all_or_nothing),
        REST_TEST(labels_go_by_number_name_and_version),
        REST_TEST(an_answer_warns_and_says_that_nothing_changed),
        REST_TEST(the_document_tells_the_truth),
        REST_TEST(a_repeat_with_the_same_key_happens_once),
        REST_TEST(a_client_may_want_only_the_keys),
        REST_TEST(a_dry_run_changes_nothing),
        REST_TEST(older_forms_are_accepted),
        REST_TEST(get_and_head_run_no_command),
        cmocka_unit_test_setup_teardown(older_clients_may_deallocate_with_get, setup_older_clients, rest_teardown),
        REST_TEST(bad_bodies_are_explained),
        REST_TEST(large_bodies_are_refused),
        REST_TEST(a_client_may_leave_during_its_write),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
