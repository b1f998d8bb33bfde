/* Each answer is true at its seq, refusals too: clients write and read at the same time, and what each of them was told
 * is then compared with the events. */
#include "controller/serve/request.h"
#include "schema/model/application.h"
#include "tests/lib/rest_case.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { CLIENTS = 4, ROUNDS = 250, TOLD_MAX = CLIENTS * ROUNDS * 2, APPLICATIONS_MAX = TOLD_MAX + 2 };

/* What an answer said about an application. */
struct told {
    uint64_t application, seq;
    int status; /* enum aq_application_status; -1: there is none */
};

struct history {
    struct rest_case *rest;
    struct told told[TOLD_MAX];
    atomic_uint count, newest;
};

static void note(struct history *history, uint64_t application, const struct http_reply *reply)
{
    const json_t *data = json_object_get(reply->json, "data");
    unsigned place = atomic_fetch_add(&history->count, 1);
    assert_true(place < TOLD_MAX);
    assert_true(json_is_integer(json_object_get(reply->json, "seq")));
    history->told[place] = (struct told){
        .application = application,
        .seq = json_number(reply->json, "seq"),
        .status = reply->status == 200 ? aq_words_find(&aq_application_status_words, json_text(data, "status")) : -1,
    };
    assert_true(reply->status == 404 || history->told[place].status >= 0);
}

/* Creates applications, and gives each third one back. */
static void *write_some(void *context)
{
    struct history *history = context;
    struct http_client client = history->rest->admin;
    struct http_reply reply = {0};
    client.curl = curl_easy_init();
    for (int i = 0; i < ROUNDS; i++) {
        char path[64];
        http_ask(&client, &reply, "POST", "{\"label\":\"mac\"}", "/api/v1/application/");
        uint64_t id = json_number(json_object_get(reply.json, "data"), "id");
        note(history, id, &reply);
        atomic_store(&history->newest, id);
        if (i % 3 != 0)
            continue;
        snprintf(path, sizeof path, "/api/v1/application/%" PRIu64 "/deallocate", id > 1 ? id - 1 : id);
        http_ask(&client, &reply, "POST", NULL, path);
        note(history, id > 1 ? id - 1 : id, &reply);
    }
    http_reply_free(&reply);
    curl_easy_cleanup(client.curl);
    return NULL;
}

/* Asks for the newest applications and for those that come next, and gives some of them back: the writer refuses what
 * is not there yet. */
static void *read_some(void *context)
{
    struct history *history = context;
    struct http_client client = history->rest->admin;
    struct http_reply reply = {0};
    client.curl = curl_easy_init();
    for (int i = 0; i < ROUNDS * 2; i++) {
        char path[64];
        bool gives_back = i % 5 == 0;
        uint64_t id = atomic_load(&history->newest) + (uint64_t)i % 4;
        id = id > 1 ? id - 1 : 1;
        snprintf(path, sizeof path, "/api/v1/application/%" PRIu64 "%s", id, gives_back ? "/deallocate" : "");
        http_ask(&client, &reply, gives_back ? "POST" : "GET", NULL, path);
        note(history, id, &reply);
    }
    http_reply_free(&reply);
    curl_easy_cleanup(client.curl);
    return NULL;
}

/* ---- what was true ------------------------------------------------------------------------------------ */

struct change {
    uint64_t seq;
    int status;
};

/* The changes of one application, by seq. */
struct changes {
    struct change items[8];
    size_t count;
};

static bool note_change(void *context, const struct aq_event *event)
{
    struct changes *changes = context;
    int status = event->type == &aq_event_application_created   ? AQ_NEW
                 : event->type == &aq_event_application_elected ? AQ_ELECTED
                 : event->type == &aq_event_application_moved
                     ? (int)((const struct aq_application_moved *)event->data)->status
                     : -1;
    if (status >= 0)
        changes->items[changes->count++] = (struct change){event->seq, status};
    assert_true(changes->count < AQ_LENGTH(changes->items));
    return true;
}

static int status_at(const struct changes *changes, uint64_t seq)
{
    int status = -1;
    for (size_t i = 0; i < changes->count && changes->items[i].seq <= seq; i++)
        status = changes->items[i].status;
    return status;
}

static void check_told(const struct history *history, struct state_txn *txn, const struct told *told)
{
    struct changes changes = {0};
    struct aq_error error = {0};
    struct events *events = writer_events(history->rest->cluster.writer);
    test_must(events_of_application(events, txn, told->application, note_change, &changes, &error), &error);
    int status = status_at(&changes, told->seq);
    if (status != told->status)
        fail_msg("at seq %" PRIu64 " application %" PRIu64 " was %d, but an answer said %d", told->seq,
                 told->application, status, told->status);
}

static void each_answer_is_true_at_its_seq(void **context)
{
    struct rest_case *rest = *context;
    struct history *history = aq_calloc(1, sizeof *history);
    pthread_t threads[CLIENTS];
    struct state_txn *txn;
    struct aq_error error = {0};
    history->rest = rest;
    rest_make_applications(rest, 0);
    test_make_node(&rest->cluster, "node-1", 4000);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, i % 2 == 0 ? write_some : read_some, history);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    test_must(state_read(rest->cluster.state, &txn, &error), &error);
    for (unsigned i = 0; i < atomic_load(&history->count); i++)
        check_told(history, txn, &history->told[i]);
    state_end(txn);
    free(history);
}

/* ---- one by one --------------------------------------------------------------------------------------- */

/* What a user may see is judged as of the seq of the answer. */
static void refusals_have_the_seq_of_what_was_read(void **context)
{
    static const struct {
        const char *method, *path, *body;
        int status;
    } refusals[] = {
        {"GET", "/api/v1/application/9", NULL, 404},
        {"GET", "/api/v1/application/1/resource", NULL, 404},
        {"GET", "/api/v1/application/9/why", NULL, 404},
        {"GET", "/api/v1/application/9/events", NULL, 404},
        {"GET", "/api/v1/vote/?application=9", NULL, 404},
        {"GET", "/api/v1/resource/9/log", NULL, 404},
        {"GET", "/api/v1/label/?after=x", NULL, 400},
        {"GET", "/api/v1/boat", NULL, 404},
        {"POST", "/api/v1/application/", "{\"label\":\"nosuch\"}", 404},
        {"POST", "/api/v1/application/?dry_run=true", "{\"label\":\"nosuch\"}", 404},
        {"POST", "/api/v1/application/", "[{\"label\":\"mac\"},{\"label\":\"nosuch\"}]", 404},
        {"POST", "/api/v1/user/", "{\"name\":\"ann\"}", 409},
        {"DELETE", "/api/v1/label/1", NULL, 409},
        {"PATCH", "/api/v1/label/1", NULL, 405},
    };
    struct rest_case *rest = *context;
    rest_make_applications(rest, 1);
    uint64_t seq = rest_seq(rest);
    for (size_t i = 0; i < AQ_LENGTH(refusals); i++) {
        rest_ask_as(rest, &rest->admin, refusals[i].method, refusals[i].path, refusals[i].body, refusals[i].status);
        assert_int_equal(rest_seq(rest), seq);
    }
    rest_ask_as(rest, &rest->user, "POST", "/api/v1/application/1/deallocate", NULL, 404);
    assert_int_equal(rest_seq(rest), seq);
    rest_ask_as(rest, &rest->nobody, "GET", "/api/v1/me", NULL, 401);
    assert_int_equal(rest_seq(rest), seq);
}

/* A commit may come between a read's snapshot and its answer: here the writer is ahead of the tables that are read. */
static void a_read_is_true_at_the_seq_of_its_snapshot(void **context)
{
    struct rest_case *rest = *context;
    struct test_cluster older;
    struct state_txn *txn;
    rest_make_applications(rest, 3);
    test_cluster_new_virtual(&older);
    test_cluster_start(&older);
    const struct backend backend = {.state = older.state, .writer = rest->cluster.writer};
    struct request request = {.backend = &backend};
    test_must(request_read(&request, &txn), &request.error);
    assert_true(state_seq(txn) < writer_seq(rest->cluster.writer));
    assert_true(request.has_seq);
    assert_int_equal(request.seq, state_seq(txn));
    state_end(txn);
    test_cluster_free(&older);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(each_answer_is_true_at_its_seq),
        REST_TEST(refusals_have_the_seq_of_what_was_read),
        REST_TEST(a_read_is_true_at_the_seq_of_its_snapshot),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
