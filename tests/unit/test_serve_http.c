/* REST as its clients see it: callers, and reading. */
#include "controller/auth/tokens.h"
#include "schema/base/clock.h"
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

/* The attack: 100 connections with wrong tokens. Each cost a slow hash in a queue that all shared. */
static void wrong_tokens_lock_nobody_out(void **context)
{
    enum { ATTACKERS = 100, KINDS = 2 };
    struct rest_case *rest = *context;
    int fds[ATTACKERS * KINDS];
    for (int i = 0; i < ATTACKERS * KINDS; i++) {
        /* Some have the form of tokens of earlier builds. */
        char login[128], coded[256], request[512], token[TOKEN_SIZE];
        token_make(token);
        if (i % KINDS == 0)
            token[46] = '\0';
        snprintf(login, sizeof login, "ann:%s", token);
        sodium_bin2base64(coded, sizeof coded, (unsigned char *)login, strlen(login), sodium_base64_VARIANT_ORIGINAL);
        snprintf(request, sizeof request, "GET /api/v1/me HTTP/1.1\r\nHost: h\r\nAuthorization: Basic %s\r\n\r\n",
                 coded);
        fds[i] = http_connect(rest->user.port);
        assert_true(http_send(fds[i], request));
    }
    uint64_t begun = aq_clock_ms();
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/me", NULL, 200);
    assert_in_range(aq_clock_ms() - begun, 0, 500);
    int slowed = 0;
    for (int i = 0; i < ATTACKERS * KINDS; i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer seen = {0};
        assert_true(http_read_until(fds[i], "\r\n\r\n", &seen));
        bool is_slowed = strncmp(seen.data, "HTTP/1.1 429 ", 13) == 0;
        assert_true(is_slowed || strncmp(seen.data, "HTTP/1.1 401 ", 13) == 0);
        assert_true(!is_slowed || strcasestr(seen.data, "\r\nRetry-After: 1\r\n") != NULL);
        slowed += is_slowed;
        close(fds[i]);
    }
    assert_true(slowed > ATTACKERS);
    http_ask(&rest->admin, &rest->reply, "GET", NULL, "/metrics");
    assert_non_null(strstr(aq_buffer_string(&rest->reply.body), "aquarium_logins_failed_total 200\n"));
    assert_null(strstr(aq_buffer_string(&rest->reply.body), "aquarium_logins_slowed_total 0\n"));
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
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/events?entity=label", NULL, 403);
    assert_string_equal(rest_message(rest),
                        "ann may not read events of labels: that takes the permission label.events, "
                        "which the role user does not give");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(wrong_credentials_are_explained),
        REST_TEST(wrong_tokens_lock_nobody_out),
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
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
