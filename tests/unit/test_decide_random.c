/* Thousands of random commands, valid and invalid, in any order. After them the tables must be consistent: nodes have
 * in use what their resources hold, and counters and indexes agree with the rows. */
#include "schema/model/join_token.h"
#include "schema/model/project.h"
#include "tests/lib/chance.h"
#include "tests/lib/decide_case.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 6, COMMANDS = 1500, NODES = 5, USERS = 3, KEYS = 60 };

static const char *drawn(const char *what, uint64_t below)
{
    return aq_arena_format(&spec.arena, "%s-%" PRIu64, what, draw(below));
}

/* An id that exists, or is slightly too large. */
static uint64_t drawn_id(const struct aq_entity *entity)
{
    return 1 + draw(counter_last_id(spec.txn, entity) + 2);
}

/* ---- commands ----------------------------------------------------------------------------------------- */

static void make_label(void)
{
    struct aq_disk disk = {"root", 1 + draw(300)};
    const char *filter[] = {"os:linux"};
    struct aq_definition both[2];
    for (int i = 0; i < 2; i++)
        both[i] = (struct aq_definition){.driver = drawn("driver", 2),
                                         .resources = {.cpu = draw(3) * 500, .ram = draw(300), .slots = draw(2)}};
    both[0].resources.disks = (struct aq_list){&disk, (uint32_t)draw(2)};
    both[1].resources.node_filter = (struct aq_list){filter, (uint32_t)draw(2)};
    both[1].resources.lifetime = draw(2) * 30;
    WHEN(label_create, .name = drawn("label", 3), .definitions = {both, 1 + (uint32_t)draw(2)});
}

static void join_node(void)
{
    const char *drivers[] = {drawn("driver", 2), drawn("driver", 2)};
    WHEN(node_join, .name = drawn("node", NODES), .instance = 1 + draw(4) / 3, .drivers = {drivers, 2},
         .identifiers = ITEMS(const char *, "os:linux"),
         .capacity = {.cpu = draw(5) * 1000, .ram = 1000, .disk = 1000, .slots = draw(6)});
}

/* `web` is there, `nil` is not. */
static void set_projects(void)
{
    const char *names[] = {draw(2) ? "web" : AQ_PROJECT_DEFAULT, draw(10) ? AQ_PROJECT_DEFAULT : "nil"};
    WHEN(node_projects, .name = drawn("node", NODES), .projects = {names, (uint32_t)draw(3)});
}

static void change_cluster(uint64_t what)
{
    if (what < 4)
        join_node();
    else if (what < 6)
        WHEN(node_lose, .name = drawn("node", NODES));
    else if (what < 7)
        WHEN(node_delete, .name = drawn("node", NODES));
    else if (what < 10)
        WHEN(node_maintenance, .name = drawn("node", NODES), .maintenance = draw(2));
    else if (what < 11)
        set_projects();
    else if (what < 12)
        make_label();
    else if (what < 13)
        WHEN(label_delete, .id = drawn_id(&aq_entity_label));
    else if (what < 15)
        WHEN(user_create, .name = drawn("user", USERS), .hash = "x", .max_applications = draw(2) * 20);
    else
        WHEN(user_delete, .name = drawn("user", USERS));
}

static const char *drawn_key(void)
{
    return aq_arena_format(&spec.arena, "%064" PRIx64, draw(KEYS));
}

/* One of the newest, or the next one, which nobody knows yet. */
static const char *drawn_secret(void)
{
    uint64_t last = counter_last_id(spec.txn, &aq_entity_join_token);
    return aq_arena_format(&spec.arena, "secret-%" PRIu64, (last > 3 ? last - 3 : 0) + 1 + draw(4));
}

static void enrol(uint64_t what)
{
    if (what < 2)
        WHEN(join_token_create, .name = draw(3) == 0 ? "*" : drawn("node", NODES), .uses = draw(6), .ttl = draw(400),
             .replaces = draw(2),
             .hash =
                 aq_arena_format(&spec.arena, "secret-%" PRIu64, counter_last_id(spec.txn, &aq_entity_join_token) + 1));
    else if (what < 3)
        WHEN(join_token_revoke, .id = drawn_id(&aq_entity_join_token));
    else if (what < 4)
        WHEN(node_revoke, .name = drawn("node", NODES));
    else
        WHEN(node_enrol, .name = drawn("node", NODES), .key = drawn_key(), .hash = drawn_secret(),
             .instance = 1 + draw(4) / 3);
}

/* In most cases, the node of the resource. */
static const char *reporter(uint64_t id)
{
    struct aq_resource resource;
    bool there = state_resource(spec.txn, id, &resource, &spec.arena);
    return there && draw(10) > 0 ? resource.node : drawn("node", NODES);
}

static void report(uint64_t what)
{
    uint64_t id = drawn_id(&aq_entity_resource);
    const char *node = reporter(id);
    if (what < 10)
        WHEN(resource_start, .id = id, .node = node, .identifier = drawn("pid", 3), .ip_addr = drawn("ip", 4));
    else if (what < 14)
        WHEN(resource_fail, .id = id, .node = node, .reason = "no luck");
    else if (what < 20)
        WHEN(resource_end, .id = id, .node = node, .exit_status = draw(3), .reason = "over");
    else
        WHEN(resource_expire, .id = id);
}

static void remove_finished(void)
{
    uint64_t first = drawn_id(&aq_entity_application);
    WHEN(application_remove, .id = first,
         .applications = aq_arena_format(&spec.arena, "%" PRIu64 "-%" PRIu64, first, first + draw(5)));
}

/* Keys that were revoked or replaced, noted here by what nodes had before and have now. */
static bool dead[KEYS];
static uint64_t enrolments;

static bool find_node(uint64_t i, struct aq_node *node)
{
    return state_node(spec.txn, aq_arena_format(&spec.arena, "node-%" PRIu64, i), node, &spec.arena);
}

static void note_keys(char keys[NODES][65])
{
    struct aq_node node;
    for (uint64_t i = 0; i < NODES; i++)
        snprintf(keys[i], sizeof keys[i], "%s", find_node(i, &node) && !node.revoked ? node.key : "");
}

static void note_dead(char before[NODES][65])
{
    struct aq_node node;
    char name[65];
    for (uint64_t i = 0; i < NODES; i++) {
        if (!find_node(i, &node))
            continue; /* deleted: the key may come back with another token */
        bool changed = strcmp(before[i], node.key) != 0;
        enrolments += changed && node.key[0] != '\0';
        if (before[i][0] != '\0' && (changed || node.revoked))
            dead[strtoull(before[i], NULL, 16)] = true;
    }
    for (uint64_t key = 0; key < KEYS; key++)
        if (dead[key])
            assert_false(
                state_node_of_key(spec.txn, aq_arena_format(&spec.arena, "%064" PRIx64, key), name, sizeof name));
}

static void give_command(void)
{
    uint64_t what = draw(76);
    as_system();
    if (what < 16)
        change_cluster(what);
    else if (what < 38)
        report(what - 16);
    else if (what < 44)
        WHEN(application_place, .id = drawn_id(&aq_entity_application));
    else if (what < 46)
        remove_finished();
    else if (what >= 66)
        enrol(what - 66);
    else {
        spec_as(drawn("user", USERS), draw(5) == 0 ? AQ_ROLE_ADMIN : AQ_ROLE_USER);
        if (what < 56)
            WHEN(application_create, .label = drawn("label", 3), .version = draw(3), .lifetime = draw(2) * draw(40),
                 .project = draw(2) ? "web" : "");
        else if (what < 60)
            WHEN(application_extend, .id = drawn_id(&aq_entity_application), .by = draw(2) * 10,
                 .lifetime = draw(2) * draw(60));
        else
            WHEN(application_deallocate, .id = drawn_id(&aq_entity_application));
    }
    spec.open = false;
    char before[NODES][65];
    note_keys(before);
    if (spec.status == 0)
        spec_happens();
    else
        assert_int_equal(spec.decide.count, 0);
    note_dead(before);
}

/* ---- what must always hold ---------------------------------------------------------------------------- */

struct sums {
    struct aq_amounts used[64]; /* by the number of the node */
    uint64_t resources, expiring, waiting, open, over, lost, keys;
    uint64_t open_of[USERS];
};

static bool add_resource(void *context, const struct state_key *key, const void *object)
{
    struct sums *sums = context;
    const struct aq_resource *resource = object;
    struct aq_node node = the_node(resource->node);
    struct aq_application application = the_application(resource->application);
    (void)key;
    aq_amounts_add(&sums->used[node.number % 64], &resource->amounts);
    sums->resources++;
    sums->expiring += resource->expires_at != 0;
    assert_int_equal(application.resource, resource->id);
    assert_int_equal(application.last_resource, aq_some(resource->id));
    assert_int_equal(application.expires_at, resource->expires_at);
    assert_true(application.status == AQ_RECALLED || !aq_application_is_over(application.status));
    return true;
}

static bool add_application(void *context, const struct state_key *key, const void *object)
{
    struct sums *sums = context;
    const struct aq_application *application = object;
    (void)key;
    bool open = !aq_application_is_over(application->status);
    sums->waiting += application->status == AQ_NEW;
    sums->open += open;
    sums->over += !open;
    assert_true(open == (application->ended_at == 0));
    assert_true(application->resource != 0 || application->expires_at == 0);
    assert_true(application->status == AQ_NEW || !application->impossible);
    sums->open_of[application->user[strlen("user-")] - '0'] += open;
    bool holds = application->status == AQ_ELECTED || application->status == AQ_ALLOCATED ||
                 application->status == AQ_DEALLOCATE;
    assert_true(!holds || has_resource(application->resource));
    assert_true(application->status != AQ_NEW || application->resource == 0);
    assert_true(application->tries.count <= AQ_TRIES_MAX);
    return true;
}

static bool check_node(void *context, const struct state_key *key, const void *object)
{
    struct sums *sums = context;
    const struct aq_node *node = object;
    struct aq_amounts free = node->capacity;
    (void)key;
    assert_true(aq_amounts_equal(&node->used, &sums->used[node->number % 64]));
    aq_amounts_subtract(&free, &node->used);
    assert_true(aq_amounts_equal(&node->free, &free));
    char name[65];
    bool admitted = node->key[0] != '\0' && !node->revoked;
    sums->lost += node->status == AQ_NODE_LOST;
    sums->keys += admitted;
    assert_true(!admitted || state_node_of_key(spec.txn, node->key, name, sizeof name));
    assert_true(!admitted || strcmp(name, node->name) == 0);
    assert_true(!node->revoked || node->status == AQ_NODE_LOST);
    assert_true((node->status == AQ_NODE_LOST) == (node->lost_at != 0));
    return true;
}

static bool check_join_token(void *context, const struct state_key *key, const void *object)
{
    const struct aq_join_token *token = object;
    (void)context, (void)key;
    assert_true(token->used <= token->uses);
    assert_int_equal(state_join_token_of_hash(spec.txn, token->hash), token->id);
    return true;
}

/* A key of the history begins with the number of an application that is there. */
static bool has_application(void *context, const struct state_key *key, const void *value, size_t length)
{
    const struct state_key application = state_key_number(state_key_number_at(key, 0));
    (void)context;
    (void)value;
    (void)length;
    assert_true(state_exists(spec.txn, &aq_entity_application, &application));
    return true;
}

static bool is_of_an_application(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct aq_ended ended;
    (void)context;
    (void)value;
    (void)length;
    assert_true(state_ended(spec.txn, state_key_number_at(key, 0), &ended, &spec.arena));
    (void)the_application(ended.application);
    return true;
}

static void check_everything(void)
{
    struct sums sums = {0};
    struct aq_error error;
    state_scan(spec.txn, aq_entity_find("resource"), NULL, add_resource, &sums);
    state_scan(spec.txn, aq_entity_find("application"), NULL, add_application, &sums);
    state_scan(spec.txn, aq_entity_find("node"), NULL, check_node, &sums);
    assert_int_equal(spec_rows(INDEX_WAITING), sums.waiting);
    assert_int_equal(spec_rows(INDEX_NODE_RESOURCE), sums.resources);
    assert_int_equal(spec_rows(INDEX_RESOURCE_USER), sums.resources);
    assert_int_equal(spec_rows(INDEX_EXPIRY), sums.expiring);
    assert_int_equal(spec_rows(INDEX_OPEN), sums.open);
    assert_int_equal(spec_rows(INDEX_OVER), sums.over);
    assert_int_equal(spec_rows(INDEX_OWNED), sums.open + sums.over);
    state_scan(spec.txn, &aq_entity_join_token, NULL, check_join_token, NULL);
    assert_int_equal(spec_rows(INDEX_NODE_KEY), sums.keys);
    assert_int_equal(spec_rows(INDEX_JOIN_SECRET), state_count(spec.txn, &aq_entity_join_token));
    assert_int_equal(counter_lost(spec.txn, COUNTER_LOST_NODES), sums.lost);
    const struct state_key all = {0};
    index_scan(spec.txn, INDEX_HISTORY, &all, has_application, NULL);
    index_scan(spec.txn, INDEX_ENDED, &all, is_of_an_application, NULL);
    for (uint64_t user = 0; user < USERS; user++) {
        char name[40];
        snprintf(name, sizeof name, "user-%" PRIu64, user);
        assert_int_equal(counter_open_of_user(spec.txn, number_of(name)), sums.open_of[user]);
    }
    spec_check_index();
    assert_false(state_failed(spec.txn, &error));
}

static void whatever_is_decided_the_tables_are_consistent(void **context)
{
    for (uint64_t round = 1; round <= SEEDS; round++) {
        draw_from(round);
        GIVEN(project_created, .name = "web");
        memset(dead, 0, sizeof dead);
        for (int i = 0; i < COMMANDS; i++) {
            spec.time_ms += draw(2000);
            give_command();
            if (i % 8 == 0)
                check_everything();
            aq_arena_reset(&spec.arena);
        }
        assert_true(counter_last_id(spec.txn, &aq_entity_application) > 50);
        assert_true(counter_last_id(spec.txn, &aq_entity_resource) > 20);
        assert_true(enrolments > 5 && spec_rows(INDEX_REVOKED_KEY) > 2);
        enrolments = 0;
        spec_teardown(context);
        assert_int_equal(spec_setup(context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {SPEC_TEST(whatever_is_decided_the_tables_are_consistent)};
    return cmocka_run_group_tests_name("decide random", tests, NULL, NULL);
}
