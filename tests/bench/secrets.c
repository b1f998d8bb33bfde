/* What secrets cost where requests come in: sealing those of a label, each; and the door for requests that have none,
 * with metadata and without. The baseline of the last two is a microsecond. */
#include "controller/secrets/door.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/role.h"
#include "tests/lib/bench.h"
#include "tests/lib/cluster.h"

#include <stdio.h>

enum { ROUNDS = 9, LABELS = 300, SECRETS = 16, REQUESTS = 50000 };

static struct test_cluster cluster;
static struct door *door;
static const char *keys[SECRETS];
static struct aq_definition definition = {.driver = "test", .options = "{}"};

static void make_keys(void)
{
    static char names[SECRETS][16];
    for (int i = 0; i < SECRETS; i++) {
        snprintf(names[i], sizeof names[i], "key%02d", i);
        keys[i] = names[i];
    }
}

static const char *make_metadata(struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    for (int i = 0; i < SECRETS; i++)
        aq_buffer_format(&text, "%c\"%s\":\"a password of thirty-two bytes..\"", i == 0 ? '{' : ',', keys[i]);
    aq_buffer_char(&text, '}');
    return aq_arena_text(arena, text.data, text.length);
}

static void seal(const struct aq_command *command, void *record, struct aq_arena *arena, bool wanted)
{
    struct aq_error error;
    bool sealed = false;
    BENCH_MUST(door_seal(door, command, record, false, arena, &sealed, &error) == 0);
    BENCH_MUST(sealed == wanted);
}

static struct aq_label_create make_label(struct aq_arena *arena)
{
    return (struct aq_label_create){.name = "db",
                                    .definitions = {&definition, 1},
                                    .metadata = make_metadata(arena),
                                    .description = "",
                                    .secrets = {(void *)keys, SECRETS},
                                    .project = "",
                                    .wrap = {.epoch = ""}};
}

/* Microseconds for one secret. */
static double seal_labels(void)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    double used = 0;
    for (int i = 0; i < LABELS; i++) {
        struct aq_label_create label = make_label(&arena);
        double begun = bench_now();
        seal(&aq_command_label_create, &label, &arena, true);
        used += bench_now() - begun;
        aq_arena_reset(&arena);
    }
    return used * 1e6 / LABELS / SECRETS;
}

/* Microseconds for a request without secrets. */
static double pass(const char *metadata)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    double begun = bench_now();
    for (int i = 0; i < REQUESTS; i++) {
        struct aq_application_create create = {.label = "plain", .metadata = metadata, .project = ""};
        seal(&aq_command_application_create, &create, &arena, false);
        aq_arena_reset(&arena);
    }
    return (bench_now() - begun) * 1e6 / REQUESTS;
}

static void make_rows(void)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_label_create label = make_label(&arena);
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&cluster, "plain");
    seal(&aq_command_label_create, &label, &arena, true); /* the first epoch begins */
    BENCH_MUST(test_ask(&cluster, &aq_command_label_create, &label, "admin", NULL, &error) != 0);
}

int main(void)
{
    struct bench_rounds sealed = {.count = 0}, with = {.count = 0}, without = {.count = 0};
    struct keyring *keyring;
    struct aq_error error;
    test_cluster_new_virtual(&cluster);
    test_cluster_start(&cluster);
    BENCH_MUST(keyring_open(&keyring, NULL, &error) == 0);
    door = door_open(keyring, cluster.writer, cluster.state);
    make_keys();
    make_rows();
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&sealed, seal_labels());
        bench_round(&with, pass("{\"branch\":\"main\"}"));
        bench_round(&without, pass("{}"));
    }
    bench_plain("sealing the secrets of a label, each", "us", bench_median(&sealed), BENCH_AT_MOST, 20);
    bench_plain("the door for an application with metadata, of a label without secrets", "us", bench_median(&with),
                BENCH_AT_MOST, 5);
    bench_plain("the door for an application without metadata", "us", bench_median(&without), BENCH_AT_MOST, 1);
    test_cluster_free(&cluster);
    door_close(door);
    keyring_close(keyring);
    return 0;
}
