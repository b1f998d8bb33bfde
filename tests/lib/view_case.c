#include "tests/lib/view_case.h"

#include "controller/state/indexes.h"
#include "fs/tree/content.h"
#include "fs/tree/paths.h"
#include "fs/tree/tree.h"
#include "schema/codec/json.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <string.h>

struct view_case view;

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
    const uint64_t number = strcmp(user, "admin") == 0 ? 1 : 2;
    struct state_key key = state_key_number(number);
    snprintf(
        json, sizeof json,
        "{\"id\": %d, \"user\": \"%s\", \"user_number\": %d, \"label\": \"mac\", \"version\": 2, \"label_id\": 2%s}",
        (int)id, user, (int)number, more);
    store(txn, aq_entity_find("application"), state_key_number(id), json);
    state_key_add_number(&key, id);
    index_put(txn, INDEX_OWNED, &key, "", 0);
}

/* A row that belongs to project `web`. */
static void put_in_project(struct state_txn *txn, enum state_index index, uint64_t number)
{
    const struct state_key key = index_project_key("web", number);
    index_put(txn, index, &key, "", 0);
}

static void fill(struct state_txn *txn)
{
    store(txn, aq_entity_find("project"), state_key_name("web"), "{\"name\": \"web\", \"cpu\": 0, \"ram\": \"2GiB\"}");
    put_in_project(txn, INDEX_APPLICATION_PROJECT, 1);
    put_in_project(txn, INDEX_APPLICATION_PROJECT, 2);
    put_in_project(txn, INDEX_RESOURCE_PROJECT, 7);
    store(txn, aq_entity_find("user"), state_key_name("admin"),
          "{\"name\": \"admin\", \"role\": \"admin\", \"number\": 1}");
    store(txn, aq_entity_find("user"), state_key_name("daemon"),
          "{\"name\": \"daemon\", \"role\": \"user\", \"uid\": 4242, \"created_by\": \"admin\", \"number\": 2}");
    struct state_key uid = {0};
    state_key_add_number(&uid, DAEMON_UID);
    index_put(txn, INDEX_USER_UID, &uid, "daemon", strlen("daemon"));
    store_label(txn, 1, "mac", 1);
    store_label(txn, 2, "mac", 2);
    store_label(txn, 3, "mac-mini", 1);
    store(txn, aq_entity_find("node"), state_key_name("n1"),
          "{\"name\": \"n1\", \"number\": 1, \"drivers\": [\"process\", \"test\"], \"capacity\": {\"cpu\": 2}, "
          "\"instance\": 77}");
    store_application(txn, 1, "admin",
                      ", \"status\": \"ALLOCATED\", \"resource\": 7, \"last_resource\": 7, \"node\": \"n1\", "
                      "\"project\": \"web\"");
    store_application(txn, 2, "daemon", ", \"changed_at\": \"2026-11-20T22:57:13.123Z\", \"project\": \"web\"");
    store_application(txn, 12, "admin", ", \"resource\": 99, \"node\": \"gone\", \"project\": \"default\"");
    store(txn, aq_entity_find("resource"), state_key_number(7),
          "{\"id\": 7, \"application\": 1, \"user\": \"admin\", \"user_number\": 1, \"node\": \"n1\", \"label_id\": 2, "
          "\"driver\": \"process\", \"metadata\": {\"a\": 1}, \"project\": \"web\"}");
}

int view_set_up(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct state_txn *txn;
    test_make_directory(view.directory, sizeof view.directory, "/tmp", "aq-fs-tree");
    assert_int_equal(state_open(&view.tables, view.directory, STATE_WRITE, 64 << 20, &error), 0);
    assert_int_equal(state_write(view.tables, &txn, &error), 0);
    fill(txn);
    assert_int_equal(state_commit(txn, &error), 0);
    assert_int_equal(live_open(&view.heartbeats, view.directory, STATE_WRITE, &error), 0);
    view.complaints = complaints_open();
    view.feed = eventfeed_open(view.tables, NULL);
    view.news = news_open(NULL);
    view.sources = (struct look_sources){.mount = "/aquarium",
                                         .opened_ms = 1000,
                                         .state = view.tables,
                                         .live = view.heartbeats,
                                         .complaints = view.complaints,
                                         .feed = view.feed,
                                         .news = view.news,
                                         .outputs = outputs_open(view.heartbeats)};
    return 0;
}

int view_tear_down(void **state)
{
    (void)state;
    complaints_close(view.complaints);
    eventfeed_close(view.feed);
    news_close(view.news);
    outputs_close(view.sources.outputs);
    aq_arena_free(&view.sources.arena);
    live_close(view.heartbeats);
    state_close(view.tables);
    test_remove_tree(view.directory);
    return 0;
}

/* ---- looking ------------------------------------------------------------------------------------------ */

void view_as(uid_t uid)
{
    struct aq_error error = {0};
    if (view.look.txn != NULL)
        look_end(&view.look);
    assert_int_equal(look_begin(&view.look, &view.sources, uid, &error), 0);
}

int view_end_look(void **state)
{
    (void)state;
    look_end(&view.look);
    view.look = (struct look){0};
    return 0;
}

bool view_walk(const char *path, struct tree_node *node)
{
    char copy[200], *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    *node = tree_node(TREE_ROOT, NULL, "");
    for (const char *name; (name = strsep(&rest, "/")) != NULL;) {
        struct tree_node child;
        struct stat stat;
        if (name[0] == '\0')
            continue;
        if (tree_node_shape(node) != TREE_IS_DIRECTORY || !tree_find(&view.look, node, name, &child) ||
            !content_stat(&view.look, &child, &stat))
            return false;
        *node = child;
    }
    return true;
}

void view_exists(const char *path)
{
    struct tree_node node;
    if (!view_walk(path, &node))
        fail_msg("%s does not exist", path);
}

void view_has_no(const char *path)
{
    struct tree_node node;
    if (view_walk(path, &node))
        fail_msg("%s exists", path);
}

void view_holds(const char *path, const char *expected)
{
    struct tree_node node;
    struct stat stat;
    struct aq_buffer content = {0};
    struct aq_error error = {0};
    view_exists(path);
    assert_true(view_walk(path, &node) && content_stat(&view.look, &node, &stat));
    assert_int_equal(content_write(&view.look, &node, &content, &error), 0);
    assert_string_equal(aq_buffer_string(&content), expected);
    assert_int_equal(stat.st_size, content.length);
    aq_buffer_free(&content);
}

void view_leads_to(const char *path, const char *expected)
{
    struct tree_node node;
    struct aq_buffer target = {0};
    view_exists(path);
    assert_true(view_walk(path, &node) && tree_link(&view.look, &node, &target));
    assert_string_equal(aq_buffer_string(&target), expected);
    aq_buffer_free(&target);
}

mode_t view_mode_of(const char *path)
{
    struct tree_node node;
    struct stat stat;
    view_exists(path);
    assert_true(view_walk(path, &node) && content_stat(&view.look, &node, &stat));
    return stat.st_mode & 07777;
}

static bool add_name(void *context, const char *name, const struct tree_node *node)
{
    (void)node;
    aq_buffer_format(context, "%s ", name);
    return true;
}

void view_lists(const char *path, const char *expected)
{
    struct tree_node node;
    struct aq_buffer names = {0};
    view_exists(path);
    assert_true(view_walk(path, &node));
    tree_list(&view.look, &node, add_name, &names);
    assert_string_equal(aq_buffer_string(&names), expected);
    aq_buffer_free(&names);
}
