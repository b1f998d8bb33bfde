#include "tests/lib/rest_case.h"
#include "controller/auth/tokens.h"

#include <stdlib.h>
#include <string.h>

/* ---- set-up --------------------------------------------------------------------------------------------- */

static int verify(void *context, struct aq_buffer *report, struct aq_error *error)
{
    struct rest_case *rest = context;
    sem_post(&rest->verify_begun);
    while (sem_wait(&rest->verify_may_end) != 0)
        ;
    aq_buffer_text(report, "walked");
    return rest->verify_fails ? aq_fail(error, AQ_E_CORRUPT, "entry 7 is broken") : 0;
}

static void rest_make_user(struct rest_case *rest, const char *name, const char *role, char login[128])
{
    struct aq_error error = {0};
    char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
    token_make(token);
    token_hash(token, hash);
    struct aq_user_create user = {.name = name, .role = role, .hash = hash, .project = ""};
    assert_true(test_ask(&rest->cluster, &aq_command_user_create, &user, "aquarium", NULL, &error) > 0);
    snprintf(login, 128, "%s:%s", name, token);
}

int rest_setup(void **context)
{
    return rest_setup_with(context, NULL);
}

int rest_setup_with(void **context, void (*change)(struct aq_config_controller *config))
{
    struct rest_case *rest = aq_calloc(1, sizeof *rest);
    struct test_cluster *cluster = &rest->cluster;
    const struct serve_options options = {.verify = verify, .verify_context = rest};
    test_cluster_new(cluster);
    cluster->config.api.body_max = 65536;
    cluster->config.api.streams = 4;
    if (change != NULL)
        change(&cluster->config);
    sem_init(&rest->verify_begun, 0, 0);
    sem_init(&rest->verify_may_end, 0, 0);
    test_services_start(&rest->services, cluster, &options);
    test_cluster_start(cluster);
    rest_make_user(rest, "admin", AQ_ROLE_ADMIN, rest->admin_login);
    rest_make_user(rest, "ann", AQ_ROLE_USER, rest->user_login);
    rest->nobody.port = rest->admin.port = rest->user.port = test_read_number(cluster->directory, AQ_FILE_API_PORT);
    rest->admin.login = rest->admin_login;
    rest->user.login = rest->user_login;
    *context = rest;
    return 0;
}

int rest_teardown(void **context)
{
    struct rest_case *rest = *context;
    sem_post(&rest->verify_may_end);
    test_services_stop(&rest->services);
    http_reply_free(&rest->reply);
    test_cluster_free(&rest->cluster);
    sem_destroy(&rest->verify_begun);
    sem_destroy(&rest->verify_may_end);
    free(rest);
    return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

json_t *rest_data(struct rest_case *rest)
{
    return json_object_get(rest->reply.json, "data");
}

const char *rest_message(struct rest_case *rest)
{
    return json_text(rest->reply.json, "message");
}

uint64_t rest_seq(struct rest_case *rest)
{
    return json_number(rest->reply.json, "seq");
}

json_t *rest_ask_as(struct rest_case *rest, const struct http_client *client, const char *method, const char *path,
                    const char *body, int status)
{
    http_ask(client, &rest->reply, method, body, path);
    if (rest->reply.status != status)
        print_message("%s %s: %ld %s\n", method, path, rest->reply.status,
                      rest->reply.why ? rest->reply.why : aq_buffer_string(&rest->reply.body));
    assert_int_equal(rest->reply.status, status);
    assert_true(json_is_object(rest->reply.json));
    assert_true(rest_message(rest)[0] != '\0');
    assert_non_null(rest_data(rest));
    assert_true(json_is_integer(json_object_get(rest->reply.json, "seq")));
    assert_true(status < 400 || json_is_string(json_object_get(rest->reply.json, "error")));
    return rest_data(rest);
}

json_t *rest_get(struct rest_case *rest, const char *path)
{
    return rest_ask_as(rest, &rest->admin, "GET", path, NULL, 200);
}

json_t *rest_post(struct rest_case *rest, const char *path, const char *body)
{
    return rest_ask_as(rest, &rest->admin, "POST", path, body, 200);
}

void rest_refused(struct rest_case *rest, const char *method, const char *path, const char *body, int status,
                  const char *words)
{
    rest_ask_as(rest, &rest->admin, method, path, body, status);
    if (strstr(rest_message(rest), words) == NULL)
        print_message("\"%s\" is not in: %s\n", words, rest_message(rest));
    assert_non_null(strstr(rest_message(rest), words));
}

bool rest_has_header(const struct rest_case *rest, const char *line)
{
    return strcasestr(aq_buffer_string(&rest->reply.headers), line) != NULL;
}

uint64_t rest_metric(struct rest_case *rest, const char *name)
{
    char line[128];
    http_ask(&rest->nobody, &rest->reply, "GET", NULL, "/metrics");
    snprintf(line, sizeof line, "\naquarium_%s ", name);
    const char *at = strstr(aq_buffer_string(&rest->reply.body), line);
    assert_non_null(at);
    return strtoull(at + strlen(line), NULL, 10);
}

/* Each look is a request, too. */
void rest_await_requests(struct rest_case *rest, uint64_t begun, unsigned count)
{
    for (int i = 0; i < 6000; i++) {
        if (rest_metric(rest, "http_requests_total") >= ++begun + count)
            return;
        usleep(10000);
    }
    fail_msg("%u requests do not begin", count);
}

void rest_make_applications(struct rest_case *rest, int applications)
{
    rest_post(rest, "/api/v1/label/", "{\"name\":\"mac\",\"definitions\":[{\"driver\":\"test\"}]}");
    for (int i = 0; i < applications; i++)
        rest_post(rest, "/api/v1/application/", "{\"label\":\"mac\"}");
}

/* ---- asking in another thread ------------------------------------------------------------------------- */

void *rest_ask_in_thread(void *context)
{
    struct rest_waiter *waiter = context;
    http_ask(&waiter->client, &waiter->reply, "GET", NULL, waiter->path);
    return NULL;
}
