/* Old logs stay readable. Each directory tests/data/log-* holds one: data.mdb.gz, the log's file as an earlier version
 * wrote it, and rows.jsonl, the rows of its tables and its events at that time. Such a log must open, its tables must
 * be rebuilt, and every field must have the same value; there may be new fields.
 *
 *     AQ_SAMPLE=tests/data/log-2 build/release/tests/test_log_samples     writes a new sample instead
 *
 * Write and keep a sample BEFORE an event gets a new version: the last test requires one of every version that is no
 * longer written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/log/replay.h"
#include "controller/state/rights.h"
#include "schema/base/journal.h"
#include "schema/codec/check.h"
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/role.h"
#include "schema/model/token.h"
#include "tests/lib/cluster.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS_MAX = 4096, LOGGED_MAX = 256 };

/* ---- the history of a small cluster, with every kind of event ------------------------------------------- */

static void sample_ask(struct test_cluster *cluster, const struct aq_command *command, const void *record,
                       const char *author)
{
    struct aq_error error = {0};
    (void)test_ask(cluster, command, record, author, NULL, &error);
    test_must(error.code == AQ_OK ? 0 : -1, &error);
}

static void sample_users(struct test_cluster *cluster)
{
    struct aq_user_create anna = {
        .name = "anna", .role = AQ_ROLE_USER, .max_applications = 7, .hash = "$one", .project = ""};
    struct aq_user_create bert = {.name = "bert", .role = AQ_ROLE_ADMIN, .hash = "$two", .project = ""};
    struct aq_user_update update = {.name = "anna", .role = AQ_ROLE_USER, .max_applications = 90};
    struct aq_user_token token = {.name = "anna", .hash = "$three"};
    struct aq_user_uid uid = {.name = "anna", .uid = 1001};
    struct aq_user_delete delete = {.name = "bert"};
    const char *only[] = {"application.create", "label.*"};
    struct aq_token_create ci = {.name = "ci",
                                 .user = "anna",
                                 .role = AQ_ROLE_USER,
                                 .only = {only, 2},
                                 .ttl = 86400,
                                 .hash = "$four",
                                 .project = ""};
    struct aq_token_create gone = {.name = "gone", .user = "anna", .role = "", .hash = "$five", .project = ""};
    struct aq_token_delete delete_token = {.id = 6};
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    sample_ask(cluster, &aq_command_user_create, &anna, "admin");
    sample_ask(cluster, &aq_command_user_create, &bert, "admin");
    sample_ask(cluster, &aq_command_user_update, &update, "admin");
    sample_ask(cluster, &aq_command_user_token, &token, "anna");
    sample_ask(cluster, &aq_command_user_uid, &uid, "admin");
    sample_ask(cluster, &aq_command_token_create, &ci, "anna");
    sample_ask(cluster, &aq_command_token_create, &gone, "anna");
    sample_ask(cluster, &aq_command_token_delete, &delete_token, "anna");
    sample_ask(cluster, &aq_command_user_delete, &delete, "admin");
}

static void sample_label(struct test_cluster *cluster, const char *name, uint64_t lifetime, const char *project)
{
    const char *filter[] = {"os:lin*"};
    struct aq_disk disks[] = {{"root", 10}, {"data", 20}};
    struct aq_definition ways[] = {{.driver = "test", .options = "{\"start_delay_ms\":5}"},
                                   {.driver = "process", .options = "{\"command\":[\"true\"]}"}};
    for (int i = 0; i < 2; i++)
        ways[i].resources = (struct aq_needs){.cpu = 500,
                                              .ram = 128,
                                              .disks = {disks, 2},
                                              .network = "lan",
                                              .slots = 1,
                                              .lifetime = lifetime,
                                              .node_filter = {filter, 1}};
    ways[0].authentication = (struct aq_authentication){"root", 22};
    struct aq_label_create label = {.name = name,
                                    .definitions = {ways, 2},
                                    .metadata = "{\"greeting\":\"h\xc3\xa9llo\",\"n\":[1,2.5,null,true]}",
                                    .project = project};
    sample_ask(cluster, &aq_command_label_create, &label, "admin");
}

static void sample_node(struct test_cluster *cluster, const char *name, uint64_t instance, uint64_t slots)
{
    const char *drivers[] = {"process", "test"};
    const char *identifiers[] = {"os:linux", "rack:a7"};
    struct aq_node_join node = {.name = name,
                                .instance = instance,
                                .address = "192.0.2.1",
                                .agent_version = "0.1.0",
                                .drivers = {drivers, 2},
                                .identifiers = {identifiers, 2},
                                .capacity = {.cpu = 4000, .ram = 4096, .disk = 1000, .slots = slots}};
    sample_ask(cluster, &aq_command_node_join, &node, "aquarium");
}

static void sample_nodes(struct test_cluster *cluster)
{
    struct aq_node_lose lose = {.name = "node-2"};
    struct aq_node_maintenance maintenance = {.name = "node-3", .maintenance = true};
    struct aq_node_delete delete = {.name = "node-4"};
    for (char name[] = "node-1"; name[5] <= '4'; name[5]++)
        sample_node(cluster, name, 11, 2);
    sample_node(cluster, "node-1", 11, 3);
    sample_ask(cluster, &aq_command_node_lose, &lose, "aquarium");
    sample_node(cluster, "node-2", 12, 2);
    sample_ask(cluster, &aq_command_node_maintenance, &maintenance, "admin");
    lose.name = "node-4";
    sample_ask(cluster, &aq_command_node_lose, &lose, "aquarium");
    sample_ask(cluster, &aq_command_node_delete, &delete, "admin");
}

/* Creates an application with an idempotency key. Returns its id. */
static uint64_t sample_application(struct test_cluster *cluster, const char *label, const char *key)
{
    char ids[1][65] = {""};
    struct aq_application_create create = {.project = "", .label = label, .metadata = "{\"mine\":{\"deep\":\"yes\"}}"};
    const void *records[] = {&create};
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("anna"),
                                     .key = key,
                                     .fingerprint = 4711,
                                     .ids = ids};
    test_ask_request(cluster, &request);
    test_must(request.error.code == AQ_OK ? 0 : -1, &request.error);
    return strtoull(ids[0], NULL, 10);
}

static struct aq_resource sample_resource(struct test_cluster *cluster, uint64_t application, struct aq_arena *arena)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct aq_application row;
    struct aq_resource resource = {0};
    test_must(state_read(cluster->state, &txn, &error), &error);
    if (!state_application(txn, application, &row, arena) || !state_resource(txn, row.resource, &resource, arena))
        abort();
    state_end(txn);
    return resource;
}

static void sample_start(struct test_cluster *cluster, const struct aq_resource *resource)
{
    struct aq_resource_start start = {resource->id, resource->node, "pid 42", "192.0.2.7", "02:00:00:00:00:01"};
    sample_ask(cluster, &aq_command_resource_start, &start, "node:any");
}

static void sample_applications(struct test_cluster *cluster)
{
    struct aq_arena arena = {0};
    struct aq_application_deallocate back;
    uint64_t runs = sample_application(cluster, "mac", "key-1"), ends = sample_application(cluster, "mac", "");
    uint64_t fails = sample_application(cluster, "mac", ""), expires = sample_application(cluster, "short", "");
    for (int i = 0; i < 6; i++)
        (void)sample_application(cluster, "mac", ""); /* more than fit: the last ones wait */
    struct aq_resource resource = sample_resource(cluster, runs, &arena);
    sample_start(cluster, &resource);
    resource = sample_resource(cluster, expires, &arena);
    sample_start(cluster, &resource);
    usleep(1100000);
    struct aq_resource_expire expire = {resource.id};
    sample_ask(cluster, &aq_command_resource_expire, &expire, "aquarium");
    resource = sample_resource(cluster, fails, &arena);
    struct aq_resource_fail fail = {resource.id, resource.node, "the cable\nwas loose"};
    sample_ask(cluster, &aq_command_resource_fail, &fail, "node:any");
    resource = sample_resource(cluster, ends, &arena);
    sample_start(cluster, &resource);
    struct aq_resource_end end = {resource.id, resource.node, 3, "exit status 3"};
    sample_ask(cluster, &aq_command_resource_end, &end, "node:any");
    back.id = runs;
    sample_ask(cluster, &aq_command_application_deallocate, &back, "anna");
    back.id = fails;
    sample_ask(cluster, &aq_command_application_deallocate, &back, "anna");
    char ended[24];
    snprintf(ended, sizeof ended, "%" PRIu64, ends);
    struct aq_application_remove leaves = {.id = ends, .applications = ended};
    sample_ask(cluster, &aq_command_application_remove, &leaves, "aquarium");
    aq_arena_free(&arena);
}

/* One of each kind that stays, and one that goes. */
static void sample_members(struct test_cluster *cluster)
{
    struct aq_project_create web = {.name = "web", .description = ""}, gone = {.name = "gone", .description = ""};
    struct aq_user_create cora = {
        .name = "cora", .role = AQ_ROLE_USER, .max_applications = 20, .hash = "$six", .project = "web"};
    struct aq_membership_create anna = {"web", "anna", AQ_ROLE_VIEWER}, left = {"gone", "anna", AQ_ROLE_USER};
    struct aq_membership_update update = {.id = 2, .role = AQ_ROLE_ADMIN};
    struct aq_membership_delete delete = {.id = 3};
    struct aq_project_delete delete_project = {"gone"};
    struct aq_token_create token = {.name = "web", .user = "cora", .role = "", .hash = "$seven", .project = "web"};
    sample_ask(cluster, &aq_command_project_create, &web, "admin");
    sample_ask(cluster, &aq_command_project_create, &gone, "admin");
    sample_ask(cluster, &aq_command_user_create, &cora, "admin");
    sample_ask(cluster, &aq_command_membership_create, &anna, "admin");
    sample_ask(cluster, &aq_command_membership_create, &left, "admin");
    sample_ask(cluster, &aq_command_membership_update, &update, "admin");
    sample_ask(cluster, &aq_command_membership_delete, &delete, "admin");
    sample_ask(cluster, &aq_command_membership_create, &left, "admin");
    sample_ask(cluster, &aq_command_project_delete, &delete_project, "admin");
    sample_ask(cluster, &aq_command_token_create, &token, "cora");
    sample_label(cluster, "page", 0, "web");
}

static void sample_live(struct test_cluster *cluster)
{
    sample_users(cluster);
    sample_label(cluster, "mac", 0, "");
    sample_label(cluster, "mac", 28800, "");
    sample_label(cluster, "short", 1, "");
    sample_label(cluster, "gone", 0, "");
    struct aq_label_delete delete = {4};
    sample_ask(cluster, &aq_command_label_delete, &delete, "admin");
    sample_nodes(cluster);
    sample_applications(cluster);
    sample_members(cluster);
}

/* ---- all rows and events, one line each ----------------------------------------------------------------- */

struct dump {
    const struct aq_entity *entity;
    struct aq_buffer lines;
};

static bool dump_row(void *context, const struct state_key *key, const void *object)
{
    struct dump *dump = context;
    (void)key;
    if (dump->entity == &aq_entity_token && strcmp(((const struct aq_token *)object)->name, AQ_TOKEN_FIRST) == 0)
        return true; /* of the events about users; earlier builds had no such rows */
    if (dump->entity == &aq_entity_role && ((const struct aq_role *)object)->built_in)
        return true; /* it comes from this program, and not from the log */
    if (dump->entity == &aq_entity_project &&
        strcmp(((const struct aq_project *)object)->name, AQ_PROJECT_DEFAULT) == 0)
        return true;
    aq_buffer_format(&dump->lines, "{\"%s\":", dump->entity->name);
    aq_record_to_json(dump->entity->record, object, &dump->lines);
    aq_buffer_text(&dump->lines, "}\n");
    return true;
}

static bool dump_event(void *context, const struct aq_event *event)
{
    struct dump *dump = context;
    aq_event_to_json(event, &dump->lines);
    aq_buffer_char(&dump->lines, '\n');
    return true;
}

static void dump_all(const struct test_cluster *cluster, struct dump *dump)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(cluster->state, &txn, &error), &error);
    for (size_t i = 0; (dump->entity = aq_entity_at(i)) != NULL; i++)
        state_scan(txn, dump->entity, NULL, dump_row, dump);
    state_end(txn);
    test_must(events_scan(log_store_events(cluster->store), 1, UINT64_MAX, dump_event, dump, &error), &error);
}

/* ---- writing a sample ------------------------------------------------------------------------------------- */

static int run(const char *format, ...) AQ_PRINTF(1, 2);
static int run(const char *format, ...)
{
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

static int write_sample(const char *directory)
{
    struct test_cluster cluster;
    struct dump dump = {0};
    char path[512];
    if (mkdir(directory, 0755) != 0) {
        fprintf(stderr, "cannot create %s: %s\n", directory, strerror(errno));
        return 1;
    }
    test_cluster_new(&cluster);
    test_cluster_start(&cluster);
    sample_live(&cluster);
    dump_all(&cluster, &dump);
    snprintf(path, sizeof path, "%s/rows.jsonl", directory);
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fwrite(dump.lines.data, 1, dump.lines.length, file) == dump.lines.length;
    written = file != NULL && fclose(file) == 0 && written;
    aq_buffer_free(&dump.lines);
    test_cluster_close(&cluster);
    written = run("gzip -9nc %s/log/data.mdb > %s/data.mdb.gz", cluster.directory, directory) == 0 && written;
    aq_arena_free(&cluster.arena);
    test_remove_tree(cluster.directory);
    return written ? 0 : 1;
}

/* ---- reading one ------------------------------------------------------------------------------------------ */

/* Which versions of which events are in the samples. */
static struct {
    uint64_t code, version;
} logged[LOGGED_MAX];
static unsigned logged_count;

static void note_logged(uint64_t code, uint64_t version)
{
    for (unsigned i = 0; i < logged_count; i++)
        if (logged[i].code == code && logged[i].version == version)
            return;
    assert_true(logged_count < LOGGED_MAX);
    logged[logged_count].code = code;
    logged[logged_count++].version = version;
}

static int note_entry(void *context, const struct log_entry *raw, struct aq_error *error)
{
    struct aq_arena *arena = context;
    struct aq_entry entry;
    if (raw->first_seq == 0)
        return 0; /* raft's own */
    if (aq_entry_unpack(&entry, raw->data, raw->size, arena, error) != 0)
        return -1;
    for (uint32_t d = 0; d < entry.decisions.count; d++) {
        const struct aq_list *events = &AQ_ITEM(entry.decisions, struct aq_logged_decision, d)->events;
        for (uint32_t e = 0; e < events->count; e++)
            note_logged(AQ_ITEM(*events, struct aq_logged_event, e)->code,
                        AQ_ITEM(*events, struct aq_logged_event, e)->version);
    }
    return 0;
}

/* Which projects nodes serve is not told to those whose application waits, as it was once. */
static bool is_hidden(const char *field)
{
    return strcmp(field, "serves") == 0;
}

/* Whether `new` has everything that `old` has. */
static bool is_within(const json_t *old, const json_t *new)
{
    const char *key;
    json_t *value;
    size_t index;
    if (json_is_object(old) && json_is_object(new)) {
        json_object_foreach ((json_t *)(uintptr_t)old, key, value)
            if (!is_hidden(key) && !is_within(value, json_object_get(new, key)))
                return false;
        return true;
    }
    if (json_is_array(old) && json_is_array(new)) {
        json_array_foreach (old, index, value)
            if (!is_within(value, json_array_get(new, index)))
                return false;
        return json_array_size(old) == json_array_size(new);
    }
    return json_equal(old, new);
}

static void compare_line(const char *path, const char *old, size_t old_length, const char *new, size_t new_length)
{
    struct aq_error error = {0};
    json_t *before = aq_json_parse(old, old_length, &error), *now = aq_json_parse(new, new_length, &error);
    assert_non_null(before);
    assert_non_null(now);
    if (!is_within(before, now))
        fail_msg("%s said\n%.*s\nand it is read as\n%.*s", path, (int)old_length, old, (int)new_length, new);
    json_decref(before);
    json_decref(now);
}

/* Compares line by line: rows are in the order of their keys, events in the order of their seqs. */
static void compare_rows(const char *directory, const struct aq_buffer *now)
{
    char path[512], *line = NULL;
    size_t size = 0;
    ssize_t length;
    snprintf(path, sizeof path, "%s/rows.jsonl", directory);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const char *at = aq_buffer_string(now);
    unsigned lines = 0;
    while ((length = getline(&line, &size, file)) > 0) {
        size_t here = strcspn(at, "\n");
        assert_true(++lines < ROWS_MAX);
        compare_line(path, line, strcspn(line, "\n"), at, here);
        at += here + (at[here] == '\n');
    }
    assert_string_equal(at, "");
    assert_true(lines > 0);
    free(line);
    fclose(file);
}

static char scratch[64]; /* where a sample is unpacked; removed after a failure too */

static int remove_scratch(void **state)
{
    (void)state;
    if (scratch[0] != '\0')
        test_remove_tree(scratch);
    return 0;
}

/* Users of every build are as good as members of the project default, with their own role. */
static bool check_default(void *context, const struct state_key *key, const void *object)
{
    struct state_txn *txn = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_user *user = object;
    const struct aq_caller caller = rights_caller(txn, user, &arena);
    const struct aq_rights role = rights_in_project(txn, user->role);
    const struct aq_permission *permission;
    (void)key;
    for (size_t i = 0; (permission = aq_permission_at(i)) != NULL; i++)
        assert_true(aq_access_scope(&caller, permission, AQ_PROJECT_DEFAULT) >= aq_rights_scope(&role, permission));
    return true;
}

static void check_users(const struct test_cluster *cluster)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(cluster->state, &txn, &error), &error);
    assert_true(state_count(txn, &aq_entity_user) > 0);
    state_scan(txn, &aq_entity_user, NULL, check_default, txn);
    state_end(txn);
}

static void read_sample(const char *directory)
{
    struct test_cluster cluster;
    struct aq_error error = {0};
    struct aq_buffer report = {0};
    struct dump dump = {0};
    test_cluster_make(&cluster, "/tmp");
    memcpy(scratch, cluster.directory, sizeof scratch);
    assert_int_equal(run("mkdir %s/log && gzip -dc %s/data.mdb.gz > %s/log/data.mdb", cluster.directory, directory,
                         cluster.directory),
                     0);
    test_cluster_open(&cluster, false);
    test_cluster_start(&cluster); /* the last entry is known to be committed when there is a leader */
    dump_all(&cluster, &dump);
    compare_rows(directory, &dump.lines);
    check_users(&cluster);
    test_must(log_store_read(cluster.store, 1, UINT64_MAX, note_entry, &cluster.arena, &error), &error);
    test_make_user(&cluster, "newcomer", AQ_ROLE_USER);
    test_must(replay_verify(cluster.store, cluster.state, cluster.directory, 256 << 20, &report, &error), &error);
    aq_buffer_free(&report);
    aq_buffer_free(&dump.lines);
    test_cluster_free(&cluster);
}

static void every_kept_log_reads_as_it_did(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(sodium_init() < 0, 0);
    aq_journal_open("test", AQ_ERROR);
    assert_int_equal(glob("tests/data/log-*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_sample(found.gl_pathv[i]);
    globfree(&found);
}

static bool is_logged(uint64_t code, uint64_t version)
{
    for (unsigned i = 0; i < logged_count; i++)
        if (logged[i].code == code && logged[i].version == version)
            return true;
    return false;
}

static void what_is_no_longer_written_is_kept_in_a_sample(void **state)
{
    char line[256], name[128];
    unsigned code, version;
    (void)state;
    FILE *file = fopen("schema/model/events.lock", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || sscanf(line, "%u %127s %u", &code, name, &version) != 3 || code == 0)
            continue;
        const struct aq_event_type *type = aq_event_type_find(code);
        bool superseded = type == NULL || version != type->record->version;
        if (superseded && !is_logged(code, version))
            fail_msg("no log below tests/data has version %u of %s, which is no longer written: see the top of %s",
                     version, name, __FILE__);
    }
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_kept_log_reads_as_it_did, remove_scratch),
        cmocka_unit_test(what_is_no_longer_written_is_kept_in_a_sample),
    };
    const char *sample = getenv("AQ_SAMPLE");
    if (sample != NULL)
        return write_sample(sample);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
