/* The tree: given these tables and this caller, then these names, links, contents and modes. */
#include "controller/state/indexes.h"
#include "controller/state/store.h"
#include "fs/kernel/inodes.h"
#include "fs/tree/content.h"
#include "fs/tree/readme.h"
#include "fs/tree/tree.h"
#include "schema/base/clock.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/yaml.h"
#include "schema/model/label.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/view_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- contents ----------------------------------------------------------------------------------------- */

static void tables_are_directories(void **state)
{
    (void)state;
    view_as(0);
    struct aq_buffer names = {0};
    const struct aq_entity *entity;
    aq_buffer_text(&names, "README events errors cluster ");
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        aq_buffer_format(&names, "%s ", entity->plural);
    static const char *const known[] = {" applications ", " resources ", " nodes ", " labels ", " users "};
    for (size_t i = 0; i < AQ_LENGTH(known); i++)
        assert_non_null(strstr(aq_buffer_string(&names), known[i]));
    view_lists("/", aq_buffer_string(&names));
    aq_buffer_free(&names);
    view_lists("/applications", "new last 1 2 12 ");
    view_lists("/resources", "7 ");
    view_lists("/labels", "new apply mac mac-mini ");
    view_lists("/labels/mac", "latest 1 2 ");
    view_lists("/users", "new admin daemon ");
    view_lists(
        "/applications/2",
        "id user label version label_id status description metadata tries round created_at "
        "changed_at ended_at exit_status last_resource lifetime expires_at impossible user_number project arguments "
        "deallocate extend why events ");
    view_lists("/nodes/n1/live",
               "seen_at load_milli memory_available workloads driver_options sampled_at cpu memory_bytes read_rate "
               "write_rate receive_rate send_rate cpu_ms read_bytes written_bytes received_bytes "
               "sent_bytes cpu_all memory_all ");
}

static void fields_are_files(void **state)
{
    (void)state;
    view_as(0);
    view_holds("/applications/1/status", "ALLOCATED\n");
    view_holds("/applications/1/description", "");
    view_holds("/nodes/n1/drivers", "process\ntest\n");
    view_holds("/nodes/n1/capacity", "cpu=2\nram=0MiB\ndisk=0MiB\nslots=0\n");
    view_holds("/nodes/n1/maintenance", "false\n");
    view_holds("/resources/7/meta", "{\"a\":1}\n");
    view_has_no("/resources/7/metadata");
    view_has_no("/users/admin/hash");
    view_has_no("/nodes/n1/instance");
    view_exists("/resources/7/log");
    view_exists("/nodes/n1/live/load_milli");
}

static void load_is_what_is_used_now(void **state)
{
    (void)state;
    static const char *const node = "n1";
    struct aq_error error;
    const struct aq_node_live live = {.load_milli = 250, .cpu = aq_some(1500)};
    const struct live_usage usage = {
        .resource = 7, .now = {.cpu = aq_some(20), .memory_bytes = aq_some(4096), .sent_bytes = aq_some(0)}};
    view_as(0);
    view_holds("/resources/7/load", ""); /* nothing has been told yet */
    view_holds("/resources/7/live/cpu", "");
    assert_int_equal(live_put(view.heartbeats, &node, &live, 1, &error), 0);
    assert_int_equal(live_put_usages(view.heartbeats, &usage, 1, &error), 0);
    view_holds("/resources/7/load", "sampled_at=-\ncpu=0.02\nmemory_bytes=4096\nread_rate=-\nwrite_rate=-\n"
                                    "receive_rate=-\nsend_rate=-\ncpu_ms=-\nread_bytes=-\nwritten_bytes=-\n"
                                    "received_bytes=-\nsent_bytes=0\n");
    view_holds("/resources/7/live/cpu", "0.02\n");
    view_holds("/resources/7/live/read_rate", "-\n");
    view_holds("/nodes/n1/live/cpu", "1.5\n");
    view_exists("/nodes/n1/load");
    const struct live_usage gone = {.resource = 7, .gone = true};
    assert_int_equal(live_put_usages(view.heartbeats, &gone, 1, &error), 0);
    view_holds("/resources/7/load", "");
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
    view_as(0);
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++)
        view_has_no(wrong[i]);
    char path[400] = "/nodes/";
    memset(path + 7, 'n', 300);
    view_has_no(path);
}

static void references_are_links(void **state)
{
    (void)state;
    view_as(0);
    view_leads_to("/applications/1/resource", "../../resources/7");
    view_leads_to("/applications/1/node", "../../nodes/n1");
    view_leads_to("/applications/1/label_id", "../../labels/mac/2");
    view_leads_to("/resources/7/application", "../../applications/1");
    view_leads_to("/labels/mac/2/created_by", "../../../users/admin");
    view_leads_to("/labels/mac/latest", "2");
    view_leads_to("/labels/mac-mini/latest", "1");
    view_has_no("/applications/2/resource");  /* none */
    view_has_no("/applications/12/resource"); /* gone */
    view_has_no("/applications/12/node");
    view_holds("/applications/1/label", "mac\n"); /* not a link: a reference has only one field */
}

static void a_project_lists_what_belongs_to_it(void **state)
{
    (void)state;
    view_as(0);
    view_lists("/projects", "new default web ");
    view_lists("/projects/web/applications", "1 2 ");
    view_lists("/projects/web/resources", "7 ");
    view_leads_to("/projects/web/applications/1", "../../../applications/1");
    view_leads_to("/projects/web/resources/7", "../../../resources/7");
    assert_int_equal(view_mode_of("/projects/web/applications"), 0555);
    static const char *const wrong[] = {"/projects/web/applications/12",  "/projects/web/applications/01",
                                        "/projects/web/applications/new", "/projects/web/nodes",
                                        "/projects/nil/applications",     "/projects/web/resources/1"};
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++)
        view_has_no(wrong[i]);
    view_as(DAEMON_UID); /* only its own */
    view_lists("/projects/web/applications", "2 ");
    view_lists("/projects/web/resources", "");
    view_leads_to("/projects/web/applications/2", "../../../applications/2");
    view_has_no("/projects/web/applications/1");
    view_as(4243);
    view_has_no("/projects/web/applications");
}

static void a_mount_can_be_for_one_project(void **state)
{
    (void)state;
    view.sources.project = "web";
    view_as(0);
    view_lists("/applications", "new last 1 2 ");
    view_leads_to("/applications/last", "1"); /* the newest one, 12, belongs to another project */
    view_lists("/resources", "7 ");
    view_lists("/projects", "new web ");
    view_has_no("/applications/12");
    view_lists("/nodes", "n1 "); /* what belongs to no project is there */
    view_as(DAEMON_UID);
    view_lists("/applications", "new last 2 ");
    view.sources.project = "ci";
    view_as(0);
    view_lists("/applications", "new ");
    view_has_no("/applications/1");
    view_has_no("/resources/7");
    view_has_no("/projects/web");
    view.sources.project = NULL;
}

static void open_map(struct callers_map **map, const char *const *texts, uint32_t count, const char *expected)
{
    struct aq_error error = {0};
    const struct aq_list list = {(void *)texts, count};
    assert_int_equal(callers_map_open(map, &list, &error), expected[0] != '\0' ? -1 : 0);
    assert_string_equal(error.message, expected);
}

static void a_mount_can_have_its_own_users(void **state)
{
    (void)state;
    static const struct {
        const char *texts[2], *error;
    } wrong[] = {
        {{"1=a", "x"}, "users[1] is \"x\", but must be a uid and the name of a user, such as 1001=ann"},
        {{"1=a", "-1=b"}, "users[1] is \"-1=b\", but must be a uid and the name of a user, such as 1001=ann"},
        {{"1=", "2=b"}, "users[0] is \"1=\", but must be a uid and the name of a user, such as 1001=ann"},
        {{"1=a b", "2=b"}, "users[0] is \"1=a b\", but must be a uid and the name of a user, such as 1001=ann"},
        {{"1=a", "0=b"}, "users[1] is \"0=b\", but the uid must be from 1 to 4294967294: root is always admin"},
        {{"1=a", "4294967295=b"}, "users[1] is \"4294967295=b\", but the uid must be from 1 to 4294967294"},
        {{"7=a", "7=b"}, "users has 7 twice"},
    };
    struct callers_map *map;
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++)
        open_map(&map, wrong[i].texts, 2, wrong[i].error);
    open_map(&map, NULL, 0, "");
    assert_null(map);
    open_map(&map, (const char *const[]){"5002=nobody", "5001=daemon"}, 2, "");
    view.sources.users = map;
    view_as(5001);
    view_lists("/applications", "new last 2 ");
    struct tree_node node;
    struct stat stat;
    assert_true(view_walk("/applications/2", &node) && content_stat(&view.look, &node, &stat));
    assert_int_equal(stat.st_uid, 5001);
    view_as(5002); /* there is no user nobody */
    view_has_no("/applications/2");
    view_as(DAEMON_UID); /* the uid of the user counts in other mounts */
    view_has_no("/applications/2");
    view_as(0);
    view_exists("/applications/12");
    view.sources.users = NULL;
    view_as(0);
    callers_map_close(map);
}

/* A quota of 0 and none are two things. */
static void a_quota_is_a_file(void **state)
{
    (void)state;
    view_as(0);
    view_holds("/projects/web/cpu", "0\n");
    view_holds("/projects/web/ram", "2GiB\n");
    view_holds("/projects/web/slots", "-\n");
    view_holds("/projects/web/max_applications", "-\n"); /* `applications` is the directory */
    view_holds("/projects/web/user_cpu", "-\n");
}

static void a_definition_can_be_written_again(void **state)
{
    (void)state;
    struct tree_node node;
    struct aq_buffer yaml = {0};
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    struct aq_label_create create;
    view_as(0);
    assert_true(view_walk("/labels/mac/1/definition.yml", &node));
    assert_int_equal(content_write(&view.look, &node, &yaml, &error), 0);
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
    view_as(DAEMON_UID);
    assert_string_equal(view.look.caller.as.name, "daemon");
    assert_true(view.look.caller.known);
    assert_string_equal(view.look.caller.as.role, "user");
    view_lists("/applications", "new last 2 ");
    view_lists("/resources", "");
    view_lists("/users", "new daemon ");
    view_lists("/labels", "new apply mac mac-mini ");
    view_has_no("/applications/1");
    view_has_no("/resources/7/status");
    view_has_no("/users/admin/role");
    view_leads_to("/applications/last", "2");
    view_as(0);
    view_leads_to("/applications/last", "12");
}

static void a_name_on_the_host_means_nothing(void **state)
{
    (void)state;
    view_as(1); /* the unix user daemon of every Debian */
    assert_false(view.look.caller.known);
    view_has_no("/users/daemon");
    view_lists("/users", "new ");
    struct aq_error error = {0};
    assert_int_equal(caller_check_known(&view.look.caller, &error), -1);
    assert_string_equal(error.message, "uid 1 is not a user of this cluster; an admin tells which one it is: "
                                       "echo 1 > users/NAME/uid");
}

static void unknown_callers_see_nothing(void **state)
{
    (void)state;
    view_as(65534);
    assert_false(view.look.caller.known);
    view_lists("/applications", "new ");
    view_has_no("/applications/last");
    view_has_no("/applications/1");
    view_has_no("/nodes/n1");
}

static void modes_follow_owner_and_role(void **state)
{
    (void)state;
    struct tree_node node;
    struct stat stat;
    view_as(0);
    assert_int_equal(view_mode_of("/"), 0555);
    assert_int_equal(view_mode_of("/applications"), 0555);
    assert_int_equal(view_mode_of("/applications/new"), 0666); /* for every user */
    assert_int_equal(view_mode_of("/labels/new"), 0600);       /* for admins */
    assert_int_equal(view_mode_of("/labels/mac/1"), 0555);
    assert_int_equal(view_mode_of("/labels/mac/1/name"), 0444);
    assert_int_equal(view_mode_of("/labels/mac/1/delete"), 0600);
    assert_int_equal(view_mode_of("/nodes/n1/maintenance"), 0644);
    assert_int_equal(view_mode_of("/events"), 0400);
    assert_int_equal(view_mode_of("/errors/last"), 0444);
    assert_int_equal(view_mode_of("/applications/2"), 0500);
    assert_int_equal(view_mode_of("/applications/2/status"), 0400);
    assert_int_equal(view_mode_of("/applications/2/deallocate"), 0600);
    assert_true(view_walk("/applications/2/deallocate", &node) && content_stat(&view.look, &node, &stat));
    assert_int_equal(stat.st_uid, DAEMON_UID);
    assert_true(view_walk("/applications/1", &node) && content_stat(&view.look, &node, &stat));
    assert_int_equal(stat.st_uid, 0);
    assert_true(view_walk("/applications/2/status", &node) && content_stat(&view.look, &node, &stat));
    assert_int_equal(stat.st_mtim.tv_sec * 1000 + stat.st_mtim.tv_nsec / 1000000, 1795215433123); /* changed_at */
}

static void each_user_has_its_own_last_error(void **state)
{
    (void)state;
    struct aq_error error = {0};
    (void)aq_fail(&error, AQ_E_NOT_FOUND, "there is no label nope");
    complaints_add(view.complaints, DAEMON_UID, "writing /applications/new", &error, aq_clock_wall_ms());
    view_as(0);
    view_holds("/errors/last", "");
    view_as(DAEMON_UID);
    view_holds("/errors/last", "there is no label nope\n"
                               "0 s ago, writing /applications/new: No such file or directory\n");
}

static void the_oldest_error_makes_room(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct aq_buffer text = {0};
    (void)aq_fail(&error, AQ_E_INVALID, "wrong");
    for (uid_t uid = 1000; uid < 2000; uid++)
        complaints_add(view.complaints, uid, "x", &error, uid);
    complaints_show(view.complaints, 1000, 5000, &text);
    assert_int_equal(text.length, 0);
    complaints_show(view.complaints, 1999, 5000, &text);
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
    assert_int_equal(live_put_logs(view.heartbeats, &kept, 1, &error), 0);
}

static struct tree_node output_at(const char *path, off_t size)
{
    struct tree_node node;
    struct stat stat;
    if (!view_walk(path, &node))
        fail_msg("%s does not exist", path);
    assert_true(content_stat(&view.look, &node, &stat));
    if (stat.st_size != size)
        fail_msg("%s has %d bytes", path, (int)stat.st_size);
    return node;
}

static off_t size_of(const struct tree_node *node)
{
    struct stat stat;
    assert_true(content_stat(&view.look, node, &stat));
    return stat.st_size;
}

/* Resource 7, of application 1, is gone now; it has left 500 bytes. */
static void end_resource(void)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    const struct aq_ended ended = {.application = 1, .user = "admin", .user_number = 1, .node = "n1", .log_bytes = 500};
    struct state_key key = state_key_number(7);
    aq_record_pack(&aq_ended_record, &ended, &packed);
    assert_int_equal(state_write(view.tables, &txn, &error), 0);
    index_put(txn, INDEX_ENDED, &key, packed.data, packed.length);
    state_remove(txn, &aq_entity_resource, &key);
    assert_int_equal(state_commit(txn, &error), 0);
    heartbeat_tells(7, 0, 0);
}

static void the_size_of_an_output_is_known_before_it_is_opened(void **context)
{
    (void)context;
    view_as(0);
    output_at("/resources/7/log", 0); /* nothing has been heard of it */
    heartbeat_tells(7, 0, 300);
    const struct tree_node from_begin = output_at("/resources/7/log", 300);
    heartbeat_tells(7, 100, 600); /* the oldest bytes were dropped */
    const struct tree_node later = output_at("/resources/7/log", 500);
    assert_int_equal(size_of(&from_begin), 600); /* offsets in an open file never change */
    assert_false(tree_node_equal(&from_begin, &later));
    assert_true(tree_node_hash(&from_begin) != tree_node_hash(&later));
    output_at("/applications/1/log", 500);
    outputs_note(view.sources.outputs, 7, &(struct aq_extent){.known = true, .first = 100, .end = 640});
    assert_int_equal(size_of(&later), 540); /* the node has said so when it was opened */
    view_has_no("/applications/2/log");     /* it has had no resource */
    view_as(DAEMON_UID);
    view_has_no("/applications/1/log"); /* it is another user's */
    assert_false(content_stat(&view.look, &later, &(struct stat){0}));
}

static void an_output_stays_when_its_resource_is_gone(void **context)
{
    (void)context;
    view_as(0);
    const struct tree_node open = output_at("/resources/7/log", 540);
    end_resource();
    view_as(0);
    view_has_no("/resources/7/log");
    output_at("/applications/1/log", 500); /* by the tables */
    assert_int_equal(size_of(&open), 540); /* what is open goes on */
    outputs_note(view.sources.outputs, 7,
                 &(struct aq_extent){.known = true, .first = 150, .end = 650, .complete = true});
    assert_int_equal(size_of(&open), 550); /* with what came last */
    output_at("/applications/1/log", 500);
    view_as(DAEMON_UID);
    assert_false(content_stat(&view.look, &open, &(struct stat){0}));
}

/* A directory costs a user as much as the user owns: a damaged row of another is not found, since it is not read. */
static void rows_of_others_are_not_read(void **state)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    const struct aq_entity *applications = aq_entity_find("application");
    struct state_key key = state_key_number(1);
    MDB_val name = {key.length, key.bytes}, value = {3, "\xC1\xC1\xC1"};
    (void)state;
    assert_int_equal(state_write(view.tables, &txn, &error), 0);
    assert_int_equal(mdb_put(txn->txn, store_dbi(txn, applications), &name, &value, 0), 0);
    assert_int_equal(state_commit(txn, &error), 0);
    view_as(DAEMON_UID);
    view_lists("/applications", "new last 2 ");
    view_lists("/users", "new daemon ");
    assert_false(state_failed(view.look.txn, &error));
    view_as(0);
    view_has_no("/applications/1/status");
    assert_true(state_failed(view.look.txn, &error)); /* it is damaged */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_names_each_file_once),
        cmocka_unit_test_teardown(tables_are_directories, view_end_look),
        cmocka_unit_test_teardown(fields_are_files, view_end_look),
        cmocka_unit_test_teardown(load_is_what_is_used_now, view_end_look),
        cmocka_unit_test_teardown(names_are_strict, view_end_look),
        cmocka_unit_test_teardown(references_are_links, view_end_look),
        cmocka_unit_test_teardown(a_project_lists_what_belongs_to_it, view_end_look),
        cmocka_unit_test_teardown(a_mount_can_be_for_one_project, view_end_look),
        cmocka_unit_test_teardown(a_mount_can_have_its_own_users, view_end_look),
        cmocka_unit_test_teardown(a_quota_is_a_file, view_end_look),
        cmocka_unit_test_teardown(a_definition_can_be_written_again, view_end_look),
        cmocka_unit_test_teardown(users_see_their_own, view_end_look),
        cmocka_unit_test_teardown(a_name_on_the_host_means_nothing, view_end_look),
        cmocka_unit_test_teardown(unknown_callers_see_nothing, view_end_look),
        cmocka_unit_test_teardown(modes_follow_owner_and_role, view_end_look),
        cmocka_unit_test_teardown(each_user_has_its_own_last_error, view_end_look),
        cmocka_unit_test(the_oldest_error_makes_room),
        cmocka_unit_test(numbers_are_stable_and_forgotten),
        cmocka_unit_test_teardown(the_size_of_an_output_is_known_before_it_is_opened, view_end_look),
        cmocka_unit_test_teardown(an_output_stays_when_its_resource_is_gone, view_end_look),
        cmocka_unit_test_teardown(rows_of_others_are_not_read, view_end_look),
    };
    return cmocka_run_group_tests(tests, view_set_up, view_tear_down);
}
