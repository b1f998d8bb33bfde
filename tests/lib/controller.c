#include "tests/lib/controller.h"

/* What a program said last, as the directory is removed with all that is in it. */
static void cluster_show_end(const char *log)
{
    enum { LINES = 10 };
    char line[LINES][512];
    unsigned count = 0;
    FILE *file = fopen(log, "re");
    while (file != NULL && fgets(line[count % LINES], sizeof line[0], file) != NULL)
        count++;
    if (file != NULL)
        fclose(file);
    for (unsigned i = count > LINES ? count - LINES : 0; i < count; i++)
        bench_say("%.*s", (int)strcspn(line[i % LINES], "\n"), line[i % LINES]);
}

bool cluster_answers(const struct cluster *cluster)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)cluster->api_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char encoded[200], ask[400], answer[64] = "";
    struct timeval patience = {.tv_sec = 5};
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)cluster->login, strlen(cluster->login),
                      sodium_base64_VARIANT_ORIGINAL);
    int length = snprintf(ask, sizeof ask,
                          "GET /api/v1/me/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                          "Authorization: Basic %s\r\n\r\n",
                          encoded);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BENCH_MUST(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                send(fd, ask, (size_t)length, MSG_NOSIGNAL) == length && recv(fd, answer, sizeof answer - 1, 0) > 12 &&
                strncmp(answer + 9, "200", 3) == 0;
    close(fd);
    return good;
}

static bool cluster_is_ready(struct cluster *cluster)
{
    char port[128], token[128];
    if (!program_wrote(cluster->directory, AQ_FILE_API_PORT, port, sizeof port) ||
        !program_wrote(cluster->directory, AQ_FILE_TOKEN, token, sizeof token))
        return false;
    cluster->api_port = (unsigned)strtoul(port, NULL, 10);
    snprintf(cluster->login, sizeof cluster->login, "admin:%.100s", token);
    if (!cluster_answers(cluster) || !program_wrote(cluster->directory, AQ_FILE_HUB_PORT, port, sizeof port))
        return false;
    cluster->hub_port = (unsigned)strtoul(port, NULL, 10);
    return true;
}

double cluster_start(struct cluster *cluster, const char *const *more)
{
    char program[BENCH_PATH_SIZE], data[BENCH_PATH_SIZE + 8], log[BENCH_PATH_SIZE + 16], port[BENCH_PATH_SIZE + 32];
    const char *arguments[CLUSTER_ARGUMENTS_MAX] = {program,
                                                    "--config",
                                                    "/dev/null",
                                                    "--set",
                                                    data,
                                                    "--set",
                                                    "api.port=0",
                                                    "--set",
                                                    "hub.port=0",
                                                    "--set",
                                                    "journal=warn",
                                                    "--set",
                                                    "hub.lost_after=86400"};
    size_t count = 13;
    snprintf(program, sizeof program, "%s/aq-controller", program_build());
    snprintf(data, sizeof data, "data=%s", cluster->directory);
    snprintf(log, sizeof log, "%s/log.txt", cluster->directory);
    snprintf(port, sizeof port, "%s/" AQ_FILE_API_PORT, cluster->directory);
    for (; more != NULL && *more != NULL; more++, count++) {
        BENCH_MUST(count + 1 < CLUSTER_ARGUMENTS_MAX);
        arguments[count] = *more;
    }
    unlink(port);
    double begun = bench_now();
    cluster->pid = program_start((char *const *)arguments, log);
    BENCH_MUST(cluster->pid > 0);
    while (!cluster_is_ready(cluster)) {
        if (waitpid(cluster->pid, NULL, WNOHANG) != 0 || bench_now() > begun + CLUSTER_START_S) {
            cluster_show_end(log);
            BENCH_DIE("the controller does not get ready");
        }
        usleep(2000);
    }
    return bench_now() - begun;
}

void cluster_new(struct cluster *cluster, const char *const *more)
{
    BENCH_MUST(sodium_init() >= 0);
    *cluster = (struct cluster){.pid = -1};
    bench_make_directory(cluster->directory);
    cluster_start(cluster, more);
}

void cluster_signal(struct cluster *cluster, int number)
{
    double begun = bench_now();
    int status = 0;
    kill(cluster->pid, number);
    while (waitpid(cluster->pid, &status, WNOHANG) == 0) {
        if (bench_now() > begun + CLUSTER_STOP_S)
            BENCH_DIE("the controller does not end");
        usleep(1000);
    }
    cluster->pid = -1;
    if (number == SIGTERM && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        BENCH_DIE("the controller ended badly");
}

void cluster_free(struct cluster *cluster)
{
    cluster_signal(cluster, SIGTERM);
    bench_remove_tree(cluster->directory);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

/* A number of an answer, behind a word such as "\"seq\":"; the last one. */
static uint64_t cluster_number(struct cluster *cluster, const char *path, const char *word)
{
    struct aq_buffer body = {0};
    const char *found = NULL;
    load_ask(cluster->api_port, cluster->login, path, NULL, &body);
    for (const char *next = aq_buffer_string(&body); (next = strstr(next, word)) != NULL; next++)
        found = next + strlen(word);
    BENCH_MUST(found != NULL);
    uint64_t number = strtoull(found, NULL, 10);
    aq_buffer_free(&body);
    return number;
}

uint64_t cluster_seq(struct cluster *cluster)
{
    return cluster_number(cluster, "/api/v1/me/", "\"seq\":");
}

void cluster_make_label(struct cluster *cluster)
{
    struct aq_buffer body = {0};
    load_ask(cluster->api_port, cluster->login, "/api/v1/label/",
             "{\"name\":\"bench\",\"definitions\":[{\"driver\":\"test\",\"options\":{},"
             "\"resources\":{\"cpu\":0.1,\"ram\":\"16MiB\",\"slots\":1}}]}",
             &body);
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

void cluster_make_applications(struct cluster *cluster, uint64_t have, uint64_t total)
{
    struct load load;
    struct aq_buffer request = {0};
    if (total <= have)
        return;
    load_open(&load, cluster->api_port, cluster->login, 2);
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
