/* REST over tables with damaged rows: each answer is complete, or an error that names the row; and paging ends. */
#include "controller/state/store.h"
#include "tests/lib/chance.h"
#include "tests/lib/rest_case.h"

enum { ROWS = 4, ROUNDS = 150 };

static const struct aq_entity *applications(void)
{
    return aq_entity_find("application");
}

static void put(struct rest_case *rest, const MDB_val *name, const char *bytes, size_t length)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    MDB_val key = *name, value = {length, (void *)(uintptr_t)bytes};
    test_must(state_write(rest->cluster.state, &txn, &error), &error);
    assert_int_equal(mdb_put(txn->txn, store_dbi(txn, applications()), &key, &value, 0), 0);
    test_must(state_commit(txn, &error), &error);
}

static void put_row(struct rest_case *rest, uint64_t id, const struct aq_buffer *row)
{
    struct state_key key = state_key_number(id);
    put(rest, &(MDB_val){key.length, key.bytes}, row->data, row->length);
}

static struct aq_buffer row_of(struct rest_case *rest, uint64_t id)
{
    struct state_txn *txn;
    struct state_packed row;
    struct aq_buffer copy = {0};
    struct aq_error error = {0};
    struct state_key key = state_key_number(id);
    test_must(state_read(rest->cluster.state, &txn, &error), &error);
    assert_true(state_find_packed(txn, applications(), &key, &row));
    aq_buffer_add(&copy, row.data, row.length);
    state_end(txn);
    return copy;
}

/* Reads page after page, as `aq` does. */
static void read_all(struct rest_case *rest, const struct http_client *client, bool reverse)
{
    char path[128], after[64] = "";
    for (int pages = 0; pages <= ROWS; pages++) {
        snprintf(path, sizeof path, "/api/v1/application/?limit=1&reverse=%d&after=%s", reverse, after);
        http_ask(client, &rest->reply, "GET", NULL, path);
        const struct aq_buffer *body = &rest->reply.body;
        assert_true(body->length > 2 && strcmp(body->data + body->length - 2, "}\n") == 0);
        if (rest->reply.status != 200) {
            assert_int_equal(rest->reply.status, 500);
            assert_non_null(strstr(body->data, "table applications, row 2: "));
            return;
        }
        const char *next = strstr(body->data, ",\"next\":"); /* the text before may not be UTF-8 */
        assert_non_null(next);
        snprintf(after, sizeof after, "%.*s", (int)strspn(next + 8, "0123456789"), next + 8);
        if (after[0] == '\0')
            return;
    }
    fail_msg("more pages than rows: %s", rest->reply.body.data);
}

static void damaged_rows_are_named_and_pages_end(void **context)
{
    struct rest_case *rest = *context;
    draw_from(1);
    rest_make_applications(rest, ROWS / 2 - 1);
    for (int i = ROWS / 2; i <= ROWS; i++)
        rest_ask_as(rest, &rest->user, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    struct aq_buffer row = row_of(rest, 2);
    for (int i = 0; i < ROUNDS; i++) {
        size_t at = i < 8 ? (size_t)i : draw(row.length); /* the key comes first */
        char before = row.data[at];
        row.data[at] ^= (char)(1 + draw(255));
        put_row(rest, 2, &row);
        row.data[at] = before;
        read_all(rest, &rest->admin, false);
        read_all(rest, &rest->admin, true);
        read_all(rest, &rest->user, false);
        read_all(rest, &rest->user, true);
    }
    aq_buffer_free(&row);
}

/* LMDB's format allows longer keys than ours. */
static void a_damaged_key_is_an_error(void **context)
{
    struct rest_case *rest = *context;
    char name[400];
    struct aq_error error = {0};
    rest_make_applications(rest, 1);
    struct aq_buffer row = row_of(rest, 1);
    memset(name, 1, sizeof name);
    put(rest, &(MDB_val){sizeof name, name}, row.data, row.length);
    rest_refused(rest, "GET", "/api/v1/application/", NULL, 500, "table applications: ");
    struct state_txn *txn;
    test_must(state_write(rest->cluster.state, &txn, &error), &error);
    assert_int_equal(mdb_del(txn->txn, store_dbi(txn, applications()), &(MDB_val){sizeof name, name}, NULL), 0);
    test_must(state_commit(txn, &error), &error);
    assert_int_equal(json_array_size(rest_get(rest, "/api/v1/application/")), 1);
    aq_buffer_free(&row);
}

static void is_empty(struct rest_case *rest, const char *path)
{
    assert_int_equal(json_array_size(rest_ask_as(rest, &rest->user, "GET", path, NULL, 200)), 0);
    assert_true(json_is_null(json_object_get(rest->reply.json, "next")));
}

/* What a user asks for costs as much as the user owns, and not as much as there is: a damaged row of another is not
 * found, since it is not read. */
static void rows_of_others_are_not_read(void **context)
{
    struct rest_case *rest = *context;
    rest_make_applications(rest, ROWS);
    struct aq_buffer row = row_of(rest, 2);
    memset(row.data, 0xC1, row.length); /* no msgpack begins so */
    put_row(rest, 2, &row);
    rest_refused(rest, "GET", "/api/v1/vote/", NULL, 500, "table applications, row 2: ");
    rest_refused(rest, "GET", "/api/v1/application/", NULL, 500, "table applications, row 2: ");
    is_empty(rest, "/api/v1/vote/");
    is_empty(rest, "/api/v1/vote/?node=n1");
    is_empty(rest, "/api/v1/application/");
    is_empty(rest, "/api/v1/application/?reverse=1");
    is_empty(rest, "/api/v1/application/?status=NEW");
    is_empty(rest, "/api/v1/application/?status=NEW&changed_since=1");
    is_empty(rest, "/api/v1/resource/");
    is_empty(rest, "/api/v1/resource/?reverse=1");
    rest_ask_as(rest, &rest->user, "POST", "/api/v1/application/", "{\"label\":\"mac\"}", 200);
    assert_int_equal(json_array_size(rest_ask_as(rest, &rest->user, "GET", "/api/v1/application/", NULL, 200)), 1);
    rest_ask_as(rest, &rest->user, "GET", "/api/v1/vote/", NULL, 200);
    aq_buffer_free(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(damaged_rows_are_named_and_pages_end),
        REST_TEST(a_damaged_key_is_an_error),
        REST_TEST(rows_of_others_are_not_read),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
