#include "tests/torture/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ALIVE_MAX = 8, RECENT_MAX = 32, PAUSE_LEAST_MS = 2, PAUSE_MORE_MS = 16, SETTLE_ROUNDS = 200 };

/* Those that run until they are deallocated come last. */
static const char *const labels[] = {"brief0", "brief7", "sim3", "stay", "limited", "simstay"};
enum { LABELS = 6, LABELS_BRIEF = 3 };

struct client {
    struct load *load;
    struct chance chance;
    struct rest rest;
    bool files;
    uint64_t alive[ALIVE_MAX]; /* applications that still run */
    unsigned alive_count;
    struct op *recent[RECENT_MAX];
    unsigned recent_count;
};

static void complain(struct load *load, const struct op *op, const char *what, const struct http_reply *reply)
{
    char *said = reply && reply->json ? json_dumps(reply->json, JSON_COMPACT) : NULL;
    pthread_mutex_lock(&load->lock);
    if (load->fault[0] == '\0')
        snprintf(load->fault, sizeof load->fault, "request %u (%s %s): %s: status %ld, %.300s", op->number, op->path,
                 op->body ? op->body : "", what, reply ? reply->status : 0L, said ? said : "");
    pthread_mutex_unlock(&load->lock);
    free(said);
}

/* ---- the ledger ------------------------------------------------------------------------------------------- */

static struct op *op_new(struct load *load, enum op_kind kind, unsigned items)
{
    struct op *op = aq_calloc(1, sizeof *op);
    *op = (struct op){.kind = kind, .items = items};
    pthread_mutex_lock(&load->lock);
    if (load->count == load->capacity) {
        load->capacity = load->capacity ? load->capacity * 2 : 1024;
        load->ops = aq_realloc(load->ops, load->capacity * sizeof(struct op *));
    }
    op->number = load->count;
    load->ops[load->count++] = op;
    pthread_mutex_unlock(&load->lock);
    snprintf(op->key, sizeof op->key, "torture-%u", op->number);
    return op;
}

/* Notes the ids in a successful answer. A repeat must return the same ids. */
static void note_ids(struct load *load, struct op *op, const struct http_reply *reply)
{
    const json_t *data = json_object_get(reply->json, "data");
    for (unsigned i = 0; i < op->items; i++) {
        uint64_t id = json_number(op->items > 1 ? json_array_get(data, i) : data, "id");
        if (id == 0 || (op->done && op->ids[i] != id))
            complain(load, op, op->done ? "a repeat with the same key has another id" : "no id", reply);
        op->ids[i] = id;
    }
}

static void note_answer(struct load *load, struct op *op, const struct http_reply *reply)
{
    bool done = reply->status == 200 || reply->status == 201;
    uint64_t seq = json_number(reply->json, "seq");
    if (op->done && !done && reply->status != 0 && reply->status < 500)
        complain(load, op, "a successful request is refused when it is repeated", reply);
    if (done && op->kind != OP_DEALLOCATE)
        note_ids(load, op, reply);
    if (!done && reply->status != 0 && (reply->status <= 500 || reply->status == 507))
        complain(load, op, "refused", reply);
    pthread_mutex_lock(&load->lock);
    load->asked++;
    load->unanswered += !done;
    load->repeated += json_is_true(json_object_get(reply->json, "repeated"));
    load->seq = done && seq > load->seq ? seq : load->seq;
    op->answered = op->answered || done;
    op->done = op->done || done;
    pthread_mutex_unlock(&load->lock);
}

static void ask(struct load *load, struct rest *rest, struct op *op)
{
    struct http_reply reply = {0};
    rest_ask(rest, &reply, "POST", op->path, op->key, op->body);
    note_answer(load, op, &reply);
    http_reply_free(&reply);
}

/* ---- clients ---------------------------------------------------------------------------------------- */

static void write_item(struct aq_buffer *out, const char *label, unsigned number, unsigned item)
{
    aq_buffer_format(out, "{\"label\":\"%s\",\"metadata\":{\"op\":%u,\"item\":%u}}", label, number, item);
}

static void note_alive(struct client *client, const struct op *op)
{
    bool stays = strstr(op->label, "stay") != NULL || strcmp(op->label, "limited") == 0;
    for (unsigned i = 0; stays && op->done && i < op->items && client->alive_count < ALIVE_MAX; i++)
        client->alive[client->alive_count++] = op->ids[i];
}

static void note_recent(struct client *client, struct op *op)
{
    unsigned place =
        client->recent_count < RECENT_MAX ? client->recent_count++ : chance_below(&client->chance, RECENT_MAX);
    client->recent[place] = op;
}

static void create(struct client *client)
{
    struct aq_buffer body = {0};
    unsigned items = chance_below(&client->chance, 6) == 0 ? BATCH_ITEMS : 1;
    bool room = client->alive_count + items <= ALIVE_MAX;
    struct op *op = op_new(client->load, OP_CREATE, items);
    op->label = labels[chance_below(&client->chance, room ? LABELS : LABELS_BRIEF)];
    snprintf(op->path, sizeof op->path, "application/");
    for (unsigned i = 0; i < items; i++) {
        aq_buffer_text(&body, items == 1 ? "" : i == 0 ? "[" : ",");
        write_item(&body, op->label, op->number, i);
    }
    aq_buffer_text(&body, items == 1 ? "" : "]");
    op->body = body.data;
    ask(client->load, &client->rest, op);
    note_alive(client, op);
    note_recent(client, op);
}

static void deallocate(struct client *client, uint64_t application)
{
    struct op *op = op_new(client->load, OP_DEALLOCATE, 1);
    op->ids[0] = application;
    snprintf(op->path, sizeof op->path, "application/%llu/deallocate", (unsigned long long)application);
    op->body = aq_strdup("{}");
    ask(client->load, &client->rest, op);
    note_recent(client, op);
}

static void deallocate_one(struct client *client)
{
    if (client->alive_count > ALIVE_MAX / 2) {
        deallocate(client, client->alive[0]);
        memmove(client->alive, client->alive + 1, --client->alive_count * sizeof *client->alive);
    } else if (client->recent_count > 0) {
        const struct op *op = client->recent[chance_below(&client->chance, client->recent_count)];
        if (op->kind == OP_CREATE && op->done)
            deallocate(client, op->ids[0]);
    }
}

static void make_label(struct client *client)
{
    struct aq_buffer body = {0};
    struct op *op = op_new(client->load, OP_LABEL, 1);
    snprintf(op->path, sizeof op->path, "label/");
    aq_buffer_format(&body, "{\"name\":\"made-%u\",\"definitions\":[{\"driver\":\"test\"}]}", op->number);
    op->body = body.data;
    ask(client->load, &client->rest, op);
    note_recent(client, op);
}

static void repeat(struct client *client)
{
    if (client->recent_count > 0)
        ask(client->load, &client->rest, client->recent[chance_below(&client->chance, client->recent_count)]);
}

static void act(struct client *client)
{
    unsigned what = chance_below(&client->chance, 100);
    if (what < 45)
        create(client);
    else if (what < 80)
        deallocate_one(client);
    else if (what < 85)
        make_label(client);
    else
        repeat(client);
}

/* ---- the client of the file view ------------------------------------------------------------------------------- */

/* Writes one line into a file and reads back the id, or 0. Returns false when the write failed; the command may still
 * have been executed. */
static bool write_line(const struct load *load, const char *file, const char *line, uint64_t *id)
{
    char path[PATH_MOST + 64], answer[64] = "";
    snprintf(path, sizeof path, "%s/%s", load->cluster->mount, file);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    *id = done && pread(fd, answer, sizeof answer - 1, 0) > 0 ? strtoull(answer, NULL, 10) : 0;
    close(fd);
    return done;
}

static void act_by_file(struct client *client)
{
    char line[128], path[64];
    uint64_t id = 0;
    if (client->alive_count > ALIVE_MAX / 2) {
        struct op *op = op_new(client->load, OP_DEALLOCATE, 1);
        op->ids[0] = client->alive[0];
        op->answered = true; /* without a key it cannot be repeated */
        snprintf(path, sizeof path, "applications/%llu/deallocate", (unsigned long long)op->ids[0]);
        op->done = write_line(client->load, path, "1\n", &id);
        memmove(client->alive, client->alive + 1, --client->alive_count * sizeof *client->alive);
        return;
    }
    struct op *op = op_new(client->load, OP_FILE, 1);
    op->label = labels[chance_below(&client->chance, LABELS)];
    snprintf(line, sizeof line, "label=%s metadata='{\"op\":%u,\"item\":0}'\n", op->label, op->number);
    op->done = write_line(client->load, "applications/new", line, &op->ids[0]);
    op->answered = true;
    if (op->ids[0] != 0)
        note_alive(client, op);
    pthread_mutex_lock(&client->load->lock);
    client->load->asked++;
    client->load->unanswered += !op->done;
    pthread_mutex_unlock(&client->load->lock);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* Waits while clients are paused. Returns false at the end of the load. */
static bool wait_for_turn(struct load *load)
{
    pthread_mutex_lock(&load->lock);
    load->waiting++;
    pthread_cond_broadcast(&load->changed);
    while (load->paused && !load->ends)
        pthread_cond_wait(&load->changed, &load->lock);
    load->waiting--;
    bool goes_on = !load->ends;
    pthread_mutex_unlock(&load->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct client *client = context;
    rest_open(&client->rest, client->load->cluster);
    while (wait_for_turn(client->load)) {
        if (client->files)
            act_by_file(client);
        else
            act(client);
        pause_ms(PAUSE_LEAST_MS + (unsigned)chance_below(&client->chance, PAUSE_MORE_MS));
    }
    rest_close(&client->rest);
    free(client);
    return NULL;
}

void load_start(struct load *load, const struct cluster *cluster, uint64_t seed)
{
    *load = (struct load){.cluster = cluster, .seed = seed, .paused = true};
    pthread_mutex_init(&load->lock, NULL);
    pthread_cond_init(&load->changed, NULL);
    for (unsigned i = 0; i <= REST_CLIENTS; i++) {
        struct client *client = aq_calloc(1, sizeof *client);
        *client = (struct client){.load = load, .chance = {seed + 1000 + i}, .files = i == REST_CLIENTS};
        if (pthread_create(&load->threads[i], NULL, run, client) != 0)
            abort();
    }
}

void load_pause(struct load *load)
{
    pthread_mutex_lock(&load->lock);
    load->paused = true;
    while (load->waiting <= REST_CLIENTS)
        pthread_cond_wait(&load->changed, &load->lock);
    pthread_mutex_unlock(&load->lock);
}

void load_resume(struct load *load)
{
    pthread_mutex_lock(&load->lock);
    load->paused = false;
    pthread_cond_broadcast(&load->changed);
    pthread_mutex_unlock(&load->lock);
}

void load_stop(struct load *load)
{
    pthread_mutex_lock(&load->lock);
    load->ends = true;
    pthread_cond_broadcast(&load->changed);
    pthread_mutex_unlock(&load->lock);
    for (unsigned i = 0; i <= REST_CLIENTS; i++)
        pthread_join(load->threads[i], NULL);
    for (unsigned i = 0; i < load->count; i++) {
        free(load->ops[i]->body);
        free(load->ops[i]);
    }
    free(load->ops);
    pthread_cond_destroy(&load->changed);
    pthread_mutex_destroy(&load->lock);
}

bool load_settle(struct load *load, struct rest *rest)
{
    for (unsigned i = 0; i < load->count; i++) {
        struct op *op = load->ops[i];
        for (int round = 0; !op->answered && round < SETTLE_ROUNDS; round++) {
            if (round > 0)
                pause_ms(50);
            ask(load, rest, op);
        }
        if (!op->answered)
            return false;
    }
    return true;
}

static bool is_open(const json_t *application)
{
    const char *status = json_text(application, "status");
    return strcmp(status, "NEW") == 0 || strcmp(status, "ELECTED") == 0 || strcmp(status, "ALLOCATED") == 0;
}

bool load_deallocate(struct load *load, struct rest *rest, json_t *applications, size_t keep)
{
    size_t i = json_array_size(applications);
    while (i-- > 0) {
        const json_t *row = json_array_get(applications, i);
        if (!is_open(row) || (keep > 0 && keep-- > 0))
            continue;
        struct op *op = op_new(load, OP_DEALLOCATE, 1);
        op->ids[0] = json_number(row, "id");
        snprintf(op->path, sizeof op->path, "application/%llu/deallocate", (unsigned long long)op->ids[0]);
        op->body = aq_strdup("{}");
        ask(load, rest, op);
    }
    return load_settle(load, rest);
}
