/* A place to test REST in: a real writer, real tables, the hub and the server, an admin and a user, and ways to ask. */
#ifndef AQ_TESTS_LIB_SERVE_PLACE_H
#define AQ_TESTS_LIB_SERVE_PLACE_H

#include "controller/serve/serve.h"
#include "tests/lib/cluster.h"
#include "tests/lib/http_client.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

struct place {
    struct test_cluster cluster;
    struct credentials *credentials;
    struct live *live;
    struct hub *hub;
    struct serve *serve;
    struct http_client admin, user, nobody;
    char admin_login[128], user_login[128];
    struct http_reply reply;
    sem_t verify_begun, verify_may_end;
    bool verify_fails;
};

/* ---- the place --------------------------------------------------------------------------------------------- */

static inline int verify(void *context, struct aq_buffer *report, struct aq_error *error)
{
    struct place *place = context;
    sem_post(&place->verify_begun);
    while (sem_wait(&place->verify_may_end) != 0)
        ;
    aq_buffer_text(report, "walked");
    return place->verify_fails ? aq_fail(error, AQ_E_CORRUPT, "entry 7 is broken") : 0;
}

static inline void make_user(struct place *place, const char *name, enum aq_role role, char login[128])
{
    struct aq_error error = {0};
    char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
    token_make(token);
    test_must(token_hash(token, hash, &error), &error);
    struct aq_user_create user = {.name = name, .role = role, .hash = hash};
    assert_true(test_ask(&place->cluster, &aq_command_user_create, &user, "aquarium", NULL, &error) > 0);
    snprintf(login, 128, "%s:%s", name, token);
}

static inline unsigned read_port(struct place *place)
{
    char path[128];
    unsigned port = 0;
    snprintf(path, sizeof path, "%s/" AQ_FILE_API_PORT, place->cluster.directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &port), 1);
    fclose(file);
    return port;
}

static inline void start_server(struct place *place)
{
    struct aq_error error = {0};
    struct test_cluster *cluster = &place->cluster;
    struct hub_options hub = {&cluster->config, cluster->writer, cluster->state, place->live, place->credentials};
    test_must(hub_start(&place->hub, &hub, &error), &error);
    struct serve_options options = {.config = &cluster->config,
                                    .writer = cluster->writer,
                                    .state = cluster->state,
                                    .live = place->live,
                                    .credentials = place->credentials,
                                    .hub = place->hub,
                                    .verify = verify,
                                    .verify_context = place};
    test_must(serve_start(&place->serve, &options, &error), &error);
}

static inline int setup(void **context)
{
    struct place *place = aq_calloc(1, sizeof *place);
    struct aq_error error = {0};
    struct test_cluster *cluster = &place->cluster;
    test_cluster_new(cluster);
    cluster->config.api.port = 0;
    cluster->config.hub.port = 0;
    cluster->config.api.body_max = 65536;
    cluster->config.api.streams = 4;
    sem_init(&place->verify_begun, 0, 0);
    sem_init(&place->verify_may_end, 0, 0);
    test_must(live_open(&place->live, cluster->directory, STATE_WRITE, &error), &error);
    test_must(credentials_open(&place->credentials, cluster->state, 1, &error), &error);
    start_server(place);
    test_cluster_start(cluster);
    make_user(place, "admin", AQ_ROLE_ADMIN, place->admin_login);
    make_user(place, "ann", AQ_ROLE_USER, place->user_login);
    place->nobody.port = place->admin.port = place->user.port = read_port(place);
    place->admin.login = place->admin_login;
    place->user.login = place->user_login;
    *context = place;
    return 0;
}

static inline int teardown(void **context)
{
    struct place *place = *context;
    sem_post(&place->verify_may_end);
    serve_stop(place->serve);
    hub_stop(place->hub);
    credentials_close(place->credentials);
    live_close(place->live);
    http_reply_free(&place->reply);
    test_cluster_free(&place->cluster);
    sem_destroy(&place->verify_begun);
    sem_destroy(&place->verify_may_end);
    free(place);
    return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

static inline json_t *data_of(struct place *place)
{
    return json_object_get(place->reply.json, "data");
}

static inline const char *message_of(struct place *place)
{
    const char *message = json_string_value(json_object_get(place->reply.json, "message"));
    return message != NULL ? message : "";
}

static inline uint64_t seq_of(struct place *place)
{
    return (uint64_t)json_integer_value(json_object_get(place->reply.json, "seq"));
}

/* Asks, and checks status and envelope. Returns the data. */
static inline json_t *ask_as(struct place *place, const struct http_client *client, const char *method,
                             const char *path, const char *body, int status)
{
    http_ask(client, &place->reply, method, body, path);
    if (place->reply.status != status)
        print_message("%s %s: %ld %s\n", method, path, place->reply.status, aq_buffer_string(&place->reply.body));
    assert_int_equal(place->reply.status, status);
    assert_true(json_is_object(place->reply.json));
    assert_true(message_of(place)[0] != '\0');
    assert_non_null(data_of(place));
    assert_true(json_is_integer(json_object_get(place->reply.json, "seq")));
    assert_true(status < 400 || json_is_string(json_object_get(place->reply.json, "error")));
    return data_of(place);
}

static inline json_t *get(struct place *place, const char *path)
{
    return ask_as(place, &place->admin, "GET", path, NULL, 200);
}

static inline json_t *post(struct place *place, const char *path, const char *body)
{
    return ask_as(place, &place->admin, "POST", path, body, 200);
}

static inline void refused(struct place *place, const char *method, const char *path, const char *body, int status,
                           const char *words)
{
    ask_as(place, &place->admin, method, path, body, status);
    if (strstr(message_of(place), words) == NULL)
        print_message("\"%s\" is not in: %s\n", words, message_of(place));
    assert_non_null(strstr(message_of(place), words));
}

static inline bool has_header(const struct place *place, const char *line)
{
    return strcasestr(aq_buffer_string(&place->reply.headers), line) != NULL;
}

static inline const char *text_at(json_t *data, const char *key)
{
    const char *text = json_string_value(json_object_get(data, key));
    return text != NULL ? text : "";
}

static inline void furnish(struct place *place, int applications)
{
    post(place, "/api/v1/label/", "{\"name\":\"mac\",\"definitions\":[{\"driver\":\"test\"}]}");
    for (int i = 0; i < applications; i++)
        post(place, "/api/v1/application/", "{\"label\":\"mac\"}");
}

/* ---- asking in a thread of its own ------------------------------------------------------------------------- */

struct waiter {
    struct place *place;
    struct http_client client;
    const char *path;
    struct http_reply reply;
};

static inline void *ask_in_thread(void *context)
{
    struct waiter *waiter = context;
    http_ask(&waiter->client, &waiter->reply, "GET", NULL, waiter->path);
    return NULL;
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
