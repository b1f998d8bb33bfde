#include "tests/lib/bench_cluster.h"
#include "tests/lib/directory.h"

#include <signal.h>
#include <sodium.h>

enum { ARGUMENTS_MAX = 16 };

double cluster_start(struct controller *controller, const char *const *more)
{
    const char *arguments[ARGUMENTS_MAX] = {"--set", "journal=warn", "--set", "hub.lost_after=86400"};
    char log[BENCH_PATH_SIZE + 16];
    double begun = bench_now();
    for (size_t count = 4; more != NULL && *more != NULL; more++) {
        BENCH_MUST(count + 1 < ARGUMENTS_MAX);
        arguments[count++] = *more;
    }
    snprintf(log, sizeof log, "%s/log.txt", controller->directory);
    if (controller_start(controller, log, arguments) != 0)
        BENCH_DIE("the controller does not get ready");
    return bench_now() - begun;
}

void cluster_new(struct controller *controller, const char *const *more)
{
    BENCH_MUST(sodium_init() >= 0);
    *controller = (struct controller){0};
    bench_make_directory(controller->directory);
    cluster_start(controller, more);
}

void cluster_stop(struct controller *controller)
{
    if (controller_stop(controller, SIGTERM) != 0)
        BENCH_DIE("the controller did not end well");
}

void cluster_free(struct controller *controller)
{
    cluster_stop(controller);
    test_remove_tree(controller->directory);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

/* The last number in the answer after a word such as "\"seq\":". */
static uint64_t cluster_number(struct controller *controller, const char *path, const char *word)
{
    struct aq_buffer body = {0};
    const char *found = NULL;
    load_ask(controller->api_port, controller->login, path, NULL, &body);
    for (const char *next = aq_buffer_string(&body); (next = strstr(next, word)) != NULL; next++)
        found = next + strlen(word);
    BENCH_MUST(found != NULL);
    uint64_t number = strtoull(found, NULL, 10);
    aq_buffer_free(&body);
    return number;
}

uint64_t cluster_seq(struct controller *controller)
{
    return cluster_number(controller, "/api/v1/me/", "\"seq\":");
}

void cluster_make_label(struct controller *controller)
{
    struct aq_buffer body = {0};
    load_ask(controller->api_port, controller->login, "/api/v1/label/",
             "{\"name\":\"bench\",\"definitions\":[{\"driver\":\"test\",\"options\":{},"
             "\"resources\":{\"cpu\":0.1,\"ram\":\"16MiB\",\"slots\":1}}]}",
             &body);
    aq_buffer_free(&body);
}

void cluster_join_secret(const struct controller *controller, char secret[AQ_JOIN_SECRET_SIZE])
{
    struct aq_buffer body = {0};
    struct aq_arena arena = {0};
    struct aq_join_said said;
    struct aq_error error;
    char text[AQ_JOIN_TEXT_MAX];
    load_ask(controller->api_port, controller->login, "/api/v1/join_token/",
             "{\"name\":\"*\",\"uses\":1000000,\"replaces\":true}", &body);
    const char *token = strstr(aq_buffer_string(&body), "\"token\":\"");
    BENCH_MUST(token != NULL && sscanf(token, "\"token\":\"%2000[^\"]", text) == 1);
    BENCH_MUST(aq_join_text_read(text, &said, &arena, &error) == 0);
    memcpy(secret, said.secret, AQ_JOIN_SECRET_SIZE);
    aq_arena_free(&arena);
    aq_buffer_free(&body);
}

void cluster_fill_batch(struct load *load, unsigned count, struct aq_buffer *out)
{
    struct aq_buffer body = {0};
    for (unsigned i = 0; i < count; i++)
        aq_buffer_text(&body, i == 0 ? "[{\"label\":\"bench\"}" : ",{\"label\":\"bench\"}");
    aq_buffer_char(&body, ']');
    load_post(load, "/api/v1/application/", body.data, body.length, out);
    aq_buffer_free(&body);
}

void cluster_fill_one(struct load *load, void *context, struct aq_buffer *out)
{
    static const char body[] = "{\"label\":\"bench\"}";
    (void)context;
    load_post(load, "/api/v1/application/", body, sizeof body - 1, out);
}

void cluster_make_applications(struct controller *controller, uint64_t have, uint64_t total)
{
    struct load load;
    struct aq_buffer request = {0};
    if (total <= have)
        return;
    load_open(&load, controller->api_port, controller->login, 2);
    uint64_t batches = (total - have) / 4096, rest = (total - have) % 4096;
    if (batches > 0) {
        cluster_fill_batch(&load, 4096, &request);
        load_run(&load, 3600, batches, load_fill_same, &request);
        BENCH_MUST(load.refused == 0);
    }
    if (rest > 0) {
        aq_buffer_reset(&request);
        cluster_fill_batch(&load, (unsigned)rest, &request);
        load_run(&load, 60, 1, load_fill_same, &request);
        BENCH_MUST(load.refused == 0);
    }
    aq_buffer_free(&request);
    load_close(&load);
}
