/* REST: what a write may be, what it answers, and that nothing else acts. */
#include "schema/wire/join_text.h"
#include "tests/lib/rest_case.h"

#include <sodium.h>
#include <unistd.h>

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

/* ---- bodies ---------------------------------------------------------------------------------------------- */

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

/* Admin alone reads join tokens; the answer to its creation alone holds the text. */
static void a_join_token_is_told_once(void **context)
{
    struct rest_case *rest = *context;
    struct aq_join_said said;
    struct aq_error error = {0};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    json_t *row = rest_post(rest, "/api/v1/join_token/", "{\"name\":\"build-*\",\"ttl\":\"1h\",\"uses\":20}");
    assert_int_equal(json_number(row, "id"), 1);
    assert_int_equal(json_number(row, "uses"), 20);
    assert_null(json_object_get(row, "hash"));
    assert_int_equal(aq_join_text_read(json_text(row, "token"), &said, &arena, &error), 0);
    assert_string_equal(said.fingerprint, TEST_FINGERPRINT);
    assert_int_equal(said.addresses.count, 1);
    assert_int_equal(strncmp(AQ_TEXT_ITEM(said.addresses, 0), "127.0.0.1:", 10), 0);
    const json_t *warnings = json_object_get(rest->reply.json, "warnings");
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "agents on other hosts cannot use this"));

    row = rest_get(rest, "/api/v1/join_token/1");
    assert_null(json_object_get(row, "token"));
    assert_null(json_object_get(row, "hash"));
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/join_token/1", NULL, 403);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/join_token/", NULL, 403);
    rest_ask_as(rest, &rest->user, "POST", "/api/v1/join_token/", "{\"name\":\"*\"}", 403);
    rest_ask_as(rest, &rest->user, "POST", "/api/v1/join_token/1/revoke", NULL, 403);
    row = rest_post(rest, "/api/v1/join_token/1/revoke", "");
    assert_true(json_is_string(json_object_get(row, "revoked_at")));
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
        REST_TEST(a_batch_is_all_or_nothing),
        REST_TEST(labels_go_by_number_name_and_version),
        REST_TEST(an_answer_warns_and_says_that_nothing_changed),
        REST_TEST(a_repeat_with_the_same_key_happens_once),
        REST_TEST(a_client_may_want_only_the_keys),
        REST_TEST(a_dry_run_changes_nothing),
        REST_TEST(older_forms_are_accepted),
        REST_TEST(get_and_head_run_no_command),
        cmocka_unit_test_setup_teardown(older_clients_may_deallocate_with_get, setup_older_clients, rest_teardown),
        REST_TEST(bad_bodies_are_explained),
        REST_TEST(large_bodies_are_refused),
        REST_TEST(a_join_token_is_told_once),
        REST_TEST(a_client_may_leave_during_its_write),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
