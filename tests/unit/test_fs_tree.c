/* The tree: given these tables and this caller, then these names, links, contents and modes. */
#include "controller/state/indexes.h"
#include "fs/kernel/inodes.h"
#include "fs/link/eventfeed.h"
#include "fs/link/news.h"
#include "fs/tree/complaints.h"
#include "fs/tree/content.h"
#include "fs/tree/outputs.h"
#include "fs/tree/paths.h"
#include "fs/tree/readme.h"
#include "fs/tree/tree.h"
#include "schema/base/clock.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/yaml.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"
#include "tests/lib/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static struct state *tables;
static struct live *heartbeats;
static struct complaints *complaints;
static struct eventfeed *feed;
static struct news *news;
static struct look_sources sources;
static struct look look;

/* ---- the tables --------------------------------------------------------------------------------------- */

static void store(struct state_txn *txn, const struct aq_entity *entity, struct state_key key, const char *json)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    json_t *value = aq_json_parse(json, strlen(json), &error);
    assert_non_null(value);
    void *row = aq_arena_alloc(&arena, entity->record->size);
    int status = aq_record_from_json(entity->record, row, value, NULL, &arena, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, 0);
    state_store(txn, entity, &key, row);
    json_decref(value);
    aq_arena_free(&arena);
}

static void store_label(struct state_txn *txn, uint64_t id, const char *name, uint64_t version)
{
    char json[400];
    struct state_key key = {0};
    snprintf(json, sizeof json,
             "{\"id\": %d, \"name\": \"%s\", \"version\": %d, \"created_by\": \"admin\", \"metadata\": {\"a\": 1}, "
             "\"definitions\": [{\"driver\": \"process\", \"options\": {\"command\": \"x\\ny\"}, "
             "\"resources\": {\"cpu\": 0.5, \"ram\": \"64MiB\"}}]}",
             (int)id, name, (int)version);
    store(txn, aq_entity_find("label"), state_key_number(id), json);
    state_key_add_text(&key, name);
    state_key_add_number(&key, version);
    index_put(txn, INDEX_LABEL_VERSION, &key, &id, sizeof id);
}

static void store_application(struct state_txn *txn, uint64_t id, const char *user, const char *more)
{
    char json[400];
    struct state_key key = {0};
    snprintf(json, sizeof json, "{\"id\": %d, \"user\": \"%s\", \"label\": \"mac\", \"version\": 2, \"label_id\": 2%s}",
             (int)id, user, more);
    store(txn, aq_entity_find("application"), state_key_number(id), json);
    state_key_add_text(&key, user);
    state_key_add_number(&key, id);
    index_put(txn, INDEX_OWNED, &key, "", 0);
}

static void fill(struct state_txn *txn)
{
    store(txn, aq_entity_find("user"), state_key_name("admin"),
          "{\"name\": \"admin\", \"role\": \"admin\", \"hash\": \"h\"}");
    store(txn, aq_entity_find("user"), state_key_name("daemon"), "{\"name\": \"daemon\", \"created_by\": \"admin\"}");
    store_label(txn, 1, "mac", 1);
    store_label(txn, 2, "mac", 2);
    store_label(txn, 3, "mac-mini", 1);
    store(txn, aq_entity_find("node"), state_key_name("n1"),
          "{\"name\": \"n1\", \"number\": 1, \"drivers\": [\"process\", \"test\"], \"capacity\": {\"cpu\": 2}, "
          "\"instance\": 77}");
    store_application(txn, 1, "admin",
                      ", \"status\": \"ALLOCATED\", \"resource\": 7, \"last_resource\": 7, \"node\": \"n1\"");
    store_application(txn, 2, "daemon", ", \"changed_at\": \"2026-11-20T22:57:13.123Z\"");
    store_application(txn, 12, "admin", ", \"resource\": 99, \"node\": \"gone\"");
    store(txn, aq_entity_find("resource"), state_key_number(7),
          "{\"id\": 7, \"application\": 1, \"user\": \"admin\", \"node\": \"n1\", \"label_id\": 2, \"driver\": "
          "\"process\", \"metadata\": {\"a\": 1}}");
}

static int set_up(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct state_txn *txn;
    test_make_directory(directory, sizeof directory, "/tmp", "aq-fs-tree");
    assert_int_equal(state_open(&tables, directory, STATE_WRITE, 64 << 20, &error), 0);
    assert_int_equal(state_write(tables, &txn, &error), 0);
    fill(txn);
    assert_int_equal(state_commit(txn, &error), 0);
    assert_int_equal(live_open(&heartbeats, directory, STATE_WRITE, &error), 0);
    complaints = complaints_open();
    feed = eventfeed_open(tables, NULL);
    news = news_open(NULL);
    sources = (struct look_sources){.mount = "/aquarium",
                                    .opened_ms = 1000,
                                    .state = tables,
                                    .live = heartbeats,
                                    .callers = callers_open(),
                                    .complaints = complaints,
                                    .feed = feed,
                                    .news = news,
                                    .outputs = outputs_open(heartbeats)};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    complaints_close(complaints);
    eventfeed_close(feed);
    news_close(news);
    callers_close(sources.callers);
    outputs_close(sources.outputs);
    aq_arena_free(&sources.arena);
    live_close(heartbeats);
    state_close(tables);
    test_remove_tree(directory);
    return 0;
}

/* ---- looking ------------------------------------------------------------------------------------------ */

static void as(uid_t uid)
{
    struct aq_error error = {0};
    if (look.txn != NULL)
        look_end(&look);
    assert_int_equal(look_begin(&look, &sources, uid, &error), 0);
}

static int end_look(void **state)
{
    (void)state;
    look_end(&look);
    look = (struct look){0};
    return 0;
}

static bool walk(const char *path, struct tree_node *node)
{
    char copy[200], *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    *node = tree_node(TREE_ROOT, NULL, "");
    for (const char *name; (name = strsep(&rest, "/")) != NULL;) {
        struct tree_node child;
        struct stat stat;
        if (name[0] == '\0')
            continue;
        if (tree_node_shape(node) != TREE_IS_DIRECTORY || !tree_find(&look, node, name, &child) ||
            !content_stat(&look, &child, &stat))
            return false;
        *node = child;
    }
    return true;
}

static void exists(const char *path)
{
    struct tree_node node;
    if (!walk(path, &node))
        fail_msg("%s does not exist", path);
}

static void does_not_exist(const char *path)
{
    struct tree_node node;
    if (walk(path, &node))
        fail_msg("%s exists", path);
}

static void holds(const char *path, const char *expected)
{
    struct tree_node node;
    struct stat stat;
    struct aq_buffer content = {0};
    struct aq_error error = {0};
    exists(path);
    assert_true(walk(path, &node) && content_stat(&look, &node, &stat));
    assert_int_equal(content_write(&look, &node, &content, &error), 0);
    assert_string_equal(aq_buffer_string(&content), expected);
    assert_int_equal(stat.st_size, content.length);
    aq_buffer_free(&content);
}

static void leads_to(const char *path, const char *expected)
{
    struct tree_node node;
    struct aq_buffer target = {0};
    exists(path);
    assert_true(walk(path, &node) && tree_link(&look, &node, &target));
    assert_string_equal(aq_buffer_string(&target), expected);
    aq_buffer_free(&target);
}

static mode_t mode_of(const char *path)
{
    struct tree_node node;
    struct stat stat;
    exists(path);
    assert_true(walk(path, &node) && content_stat(&look, &node, &stat));
    return stat.st_mode & 07777;
}

static bool add_name(void *context, const char *name, const struct tree_node *node)
{
    (void)node;
    aq_buffer_format(context, "%s ", name);
    return true;
}

static void lists(const char *path, const char *expected)
{
    struct tree_node node;
    struct aq_buffer names = {0};
    exists(path);
    assert_true(walk(path, &node));
    tree_list(&look, &node, add_name, &names);
    assert_string_equal(aq_buffer_string(&names), expected);
    aq_buffer_free(&names);
}

/* ---- contents ----------------------------------------------------------------------------------------- */

static void tables_are_directories(void **state)
{
    (void)state;
    as(0);
    struct aq_buffer names = {0};
    const struct aq_entity *entity;
    aq_buffer_text(&names, "README events errors cluster ");
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        aq_buffer_format(&names, "%s ", entity->plural);
    static const char *const known[] = {" applications ", " resources ", " nodes ", " labels ", " users "};
    for (size_t i = 0; i < AQ_LENGTH(known); i++)
        assert_non_null(strstr(aq_buffer_string(&names), known[i]));
    lists("/", aq_buffer_string(&names));
    aq_buffer_free(&names);
    lists("/applications", "new last 1 2 12 ");
    lists("/resources", "7 ");
    lists("/labels", "new apply mac mac-mini ");
    lists("/labels/mac", "latest 1 2 ");
    lists("/users", "new admin daemon ");
    lists("/applications/2",
          "id user label version label_id status description metadata tries round created_at "
          "changed_at ended_at exit_status last_resource lifetime expires_at impossible deallocate extend "
          "why events ");
    lists("/nodes/n1/live", "seen_at load_milli memory_available workloads ");
}

static void fields_are_files(void **state)
{
    (void)state;
    as(0);
    holds("/applications/1/status", "ALLOCATED\n");
    holds("/applications/1/description", "");
    holds("/nodes/n1/drivers", "process\ntest\n");
    holds("/nodes/n1/capacity", "cpu=2\nram=0MiB\ndisk=0MiB\nslots=0\n");
    holds("/nodes/n1/maintenance", "false\n");
    holds("/resources/7/meta", "{\"a\":1}\n");
    does_not_exist("/resources/7/metadata");
    does_not_exist("/users/admin/hash");
    does_not_exist("/nodes/n1/instance");
    exists("/resources/7/log");
    exists("/nodes/n1/live/load_milli");
}

static void names_are_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {"/applications/007", "/applications/0",  "/applications/3",
                                        "/applications/1x",  "/applications/-1", "/applications/99999999999999999999",
                                        "/labels/mac/01",    "/labels/mac/3",    "/labels/ma",
                                        "/labels/mac/0",     "/nodes/n2",        "/nodes/N1",
                                        "/nodes/n1 ",        "/users/nobody",    "/applications/1/nothing",
                                        "/nothing",          "/resources/new",   "/nodes/last"};
    as(0);
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++)
        does_not_exist(wrong[i]);
    char path[400] = "/nodes/";
    memset(path + 7, 'n', 300);
    does_not_exist(path);
}

static void references_are_links(void **state)
{
    (void)state;
    as(0);
    leads_to("/applications/1/resource", "../../resources/7");
    leads_to("/applications/1/node", "../../nodes/n1");
    leads_to("/applications/1/label_id", "../../labels/mac/2");
    leads_to("/resources/7/application", "../../applications/1");
    leads_to("/labels/mac/2/created_by", "../../../users/admin");
    leads_to("/labels/mac/latest", "2");
    leads_to("/labels/mac-mini/latest", "1");
    does_not_exist("/applications/2/resource");  /* none */
    does_not_exist("/applications/12/resource"); /* gone */
    does_not_exist("/applications/12/node");
    holds("/applications/1/label", "mac\n"); /* not a link: a reference has only one field */
}

static void a_definition_can_be_written_again(void **state)
{
    (void)state;
    struct tree_node node;
    struct aq_buffer yaml = {0};
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    struct aq_label_create create;
    as(0);
    assert_true(walk("/labels/mac/1/definition.yml", &node));
    assert_int_equal(content_write(&look, &node, &yaml, &error), 0);
    json_t *json = aq_yaml_parse(yaml.data, yaml.length, NULL, &error);
    assert_non_null(json);
    assert_int_equal(aq_record_from_json(&aq_label_create_record, &create, json, NULL, &arena, &error), 0);
    assert_string_equal(create.name, "mac");
    assert_int_equal(create.version, 0); /* the next one */
    const struct aq_definition *definition = AQ_ITEM(create.definitions, struct aq_definition, 0);
    assert_string_equal(definition->options, "{\"command\":\"x\\ny\"}");
    assert_int_equal(definition->resources.cpu, 500);
    assert_string_equal(create.metadata, "{\"a\":1}");
    json_decref(json);
    aq_buffer_free(&yaml);
    aq_arena_free(&arena);
}

/* ---- permissions -------------------------------------------------------------------------------------- */

static void users_see_their_own(void **state)
{
    (void)state;
    as(1); /* the unix user daemon */
    assert_string_equal(look.caller.name, "daemon");
    assert_true(look.caller.known);
    assert_int_equal(look.caller.role, AQ_ROLE_USER);
    lists("/applications", "new last 2 ");
    lists("/resources", "");
    lists("/users", "new daemon ");
    lists("/labels", "new apply mac mac-mini ");
    does_not_exist("/applications/1");
    does_not_exist("/resources/7/status");
    does_not_exist("/users/admin/role");
    leads_to("/applications/last", "2");
    as(0);
    leads_to("/applications/last", "12");
}

static void unknown_callers_see_nothing(void **state)
{
    (void)state;
    as(65534);
    assert_false(look.caller.known);
    lists("/applications", "new ");
    does_not_exist("/applications/last");
    does_not_exist("/applications/1");
    does_not_exist("/nodes/n1");
}

static void modes_follow_owner_and_role(void **state)
{
    (void)state;
    struct tree_node node;
    struct stat stat;
    as(0);
    assert_int_equal(mode_of("/"), 0555);
    assert_int_equal(mode_of("/applications"), 0555);
    assert_int_equal(mode_of("/applications/new"), 0666); /* for every user */
    assert_int_equal(mode_of("/labels/new"), 0600);       /* for admins */
    assert_int_equal(mode_of("/labels/mac/1"), 0555);
    assert_int_equal(mode_of("/labels/mac/1/name"), 0444);
    assert_int_equal(mode_of("/labels/mac/1/delete"), 0600);
    assert_int_equal(mode_of("/nodes/n1/maintenance"), 0644);
    assert_int_equal(mode_of("/events"), 0400);
    assert_int_equal(mode_of("/errors/last"), 0444);
    assert_int_equal(mode_of("/applications/2"), 0500);
    assert_int_equal(mode_of("/applications/2/status"), 0400);
    assert_int_equal(mode_of("/applications/2/deallocate"), 0600);
    assert_true(walk("/applications/2/deallocate", &node) && content_stat(&look, &node, &stat));
    assert_int_equal(stat.st_uid, 1);
    assert_true(walk("/applications/1", &node) && content_stat(&look, &node, &stat));
    assert_int_equal(stat.st_uid, 0);
    assert_true(walk("/applications/2/status", &node) && content_stat(&look, &node, &stat));
    assert_int_equal(stat.st_mtim.tv_sec * 1000 + stat.st_mtim.tv_nsec / 1000000, 1795215433123); /* changed_at */
}

static void each_user_has_its_own_last_error(void **state)
{
    (void)state;
    struct aq_error error = {0};
    (void)aq_fail(&error, AQ_E_NOT_FOUND, "there is no label nope");
    complaints_add(complaints, 1, "writing /applications/new", &error, aq_clock_wall_ms());
    as(0);
    holds("/errors/last", "");
    as(1);
    holds("/errors/last", "there is no label nope\n"
                          "0 s ago, writing /applications/new: No such file or directory\n");
}

static void the_oldest_error_makes_room(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct aq_buffer text = {0};
    (void)aq_fail(&error, AQ_E_INVALID, "wrong");
    for (uid_t uid = 1000; uid < 2000; uid++)
        complaints_add(complaints, uid, "x", &error, uid);
    complaints_show(complaints, 1000, 5000, &text);
    assert_int_equal(text.length, 0);
    complaints_show(complaints, 1999, 5000, &text);
    assert_string_equal(aq_buffer_string(&text), "wrong\n3 s ago, x: Invalid argument\n");
    aq_buffer_free(&text);
}

/* ---- inodes ------------------------------------------------------------------------------------------- */

static void numbers_are_stable_and_forgotten(void **state)
{
    (void)state;
    struct inodes *inodes = inodes_open(), *others = inodes_open();
    char key[20];
    uint64_t first = 0;
    for (int i = 1; i <= 5000; i++) {
        snprintf(key, sizeof key, "%d", i);
        struct tree_node node = tree_node(TREE_ROW, aq_entity_find("application"), key);
        uint64_t number = inodes_hold(inodes, &node);
        assert_int_equal(number, inodes_hold(others, &node));
        assert_int_equal(number, tree_node_hash(&node)); /* listings rely on it */
        assert_true(tree_node_equal(inodes_find(inodes, number), &node));
        first = i == 1 ? number : first;
    }
    assert_int_equal(inodes_count(inodes), 5001);
    struct tree_node node = tree_node(TREE_ROW, aq_entity_find("application"), "1");
    assert_int_equal(inodes_hold(inodes, &node), first);
    inodes_forget(inodes, first, 1);
    assert_non_null(inodes_find(inodes, first));
    inodes_forget(inodes, first, 1);
    assert_null(inodes_find(inodes, first));
    assert_int_equal(inodes_count(inodes), 5000);
    inodes_forget(inodes, first, 1); /* again: no effect */
    inodes_forget(inodes, 1, 1000);  /* the root stays */
    assert_int_equal(inodes_find(inodes, 1)->kind, TREE_ROOT);
    inodes_close(inodes);
    inodes_close(others);
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

static void the_readme_names_each_file_once(void **context)
{
    (void)context;
    static const char *const names[] = {"events",
                                        "errors/last",
                                        "cluster/seq",
                                        "cluster/leader",
                                        "cluster/members/<name>/address",
                                        "<key>/live/seen_at",
                                        "<key>/maintenance",
                                        "<key>/definition.yml"};
    struct aq_buffer out = {0};
    char line[64];
    readme_write("/aquarium", &out);
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        snprintf(line, sizeof line, "\n    %s ", names[i]);
        assert_int_equal(occurrences(aq_buffer_string(&out), line), 1);
    }
    assert_non_null(strstr(aq_buffer_string(&out), "read, or write: switch maintenance on or off"));
    aq_buffer_free(&out);
}

/* ---- outputs of workloads ------------------------------------------------------------------------------- */

static void heartbeat_tells(uint64_t resource, uint64_t first, uint64_t end)
{
    struct aq_error error = {0};
    const struct aq_kept kept = {resource, first, end};
    assert_int_equal(live_put_logs(heartbeats, &kept, 1, &error), 0);
}

static struct tree_node output_at(const char *path, off_t size)
{
    struct tree_node node;
    struct stat stat;
    if (!walk(path, &node))
        fail_msg("%s does not exist", path);
    assert_true(content_stat(&look, &node, &stat));
    if (stat.st_size != size)
        fail_msg("%s has %d bytes", path, (int)stat.st_size);
    return node;
}

static off_t size_of(const struct tree_node *node)
{
    struct stat stat;
    assert_true(content_stat(&look, node, &stat));
    return stat.st_size;
}

/* Resource 7, of application 1, is gone now; it has left 500 bytes. */
static void end_resource(void)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    const struct aq_ended ended = {.application = 1, .user = "admin", .node = "n1", .log_bytes = 500};
    struct state_key key = state_key_number(7);
    aq_record_pack(&aq_ended_record, &ended, &packed);
    assert_int_equal(state_write(tables, &txn, &error), 0);
    index_put(txn, INDEX_ENDED, &key, packed.data, packed.length);
    state_remove(txn, &aq_entity_resource, &key);
    assert_int_equal(state_commit(txn, &error), 0);
    heartbeat_tells(7, 0, 0);
}

static void the_size_of_an_output_is_known_before_it_is_opened(void **context)
{
    (void)context;
    as(0);
    output_at("/resources/7/log", 0); /* nothing has been heard of it */
    heartbeat_tells(7, 0, 300);
    const struct tree_node from_begin = output_at("/resources/7/log", 300);
    heartbeat_tells(7, 100, 600); /* the oldest bytes were dropped */
    const struct tree_node later = output_at("/resources/7/log", 500);
    assert_int_equal(size_of(&from_begin), 600); /* offsets in an open file never change */
    assert_false(tree_node_equal(&from_begin, &later));
    assert_true(tree_node_hash(&from_begin) != tree_node_hash(&later));
    output_at("/applications/1/log", 500);
    outputs_note(sources.outputs, 7, &(struct aq_extent){.known = true, .first = 100, .end = 640});
    assert_int_equal(size_of(&later), 540); /* the node has said so when it was opened */
    does_not_exist("/applications/2/log");  /* it has had no resource */
    as(1);
    does_not_exist("/applications/1/log"); /* it is another user's */
    assert_false(content_stat(&look, &later, &(struct stat){0}));
}

static void an_output_stays_when_its_resource_is_gone(void **context)
{
    (void)context;
    as(0);
    const struct tree_node open = output_at("/resources/7/log", 540);
    end_resource();
    as(0);
    does_not_exist("/resources/7/log");
    output_at("/applications/1/log", 500); /* by the tables */
    assert_int_equal(size_of(&open), 540); /* what is open goes on */
    outputs_note(sources.outputs, 7, &(struct aq_extent){.known = true, .first = 150, .end = 650, .complete = true});
    assert_int_equal(size_of(&open), 550); /* with what came last */
    output_at("/applications/1/log", 500);
    as(1);
    assert_false(content_stat(&look, &open, &(struct stat){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_names_each_file_once),
        cmocka_unit_test_teardown(tables_are_directories, end_look),
        cmocka_unit_test_teardown(fields_are_files, end_look),
        cmocka_unit_test_teardown(names_are_strict, end_look),
        cmocka_unit_test_teardown(references_are_links, end_look),
        cmocka_unit_test_teardown(a_definition_can_be_written_again, end_look),
        cmocka_unit_test_teardown(users_see_their_own, end_look),
        cmocka_unit_test_teardown(unknown_callers_see_nothing, end_look),
        cmocka_unit_test_teardown(modes_follow_owner_and_role, end_look),
        cmocka_unit_test_teardown(each_user_has_its_own_last_error, end_look),
        cmocka_unit_test(the_oldest_error_makes_room),
        cmocka_unit_test(numbers_are_stable_and_forgotten),
        cmocka_unit_test_teardown(the_size_of_an_output_is_known_before_it_is_opened, end_look),
        cmocka_unit_test_teardown(an_output_stays_when_its_resource_is_gone, end_look),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
