/* Epochs of secrets: what react does about them by itself, on virtual time. */
#include "controller/react/react.h"
#include "controller/secrets/opener.h"
#include "schema/base/journal.h"
#include "schema/model/application.h"
#include "schema/model/epoch.h"
#include "schema/model/label.h"
#include "schema/model/role.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"

static struct test_cluster cluster;
static struct react *react;
static struct keyring *keyring;
static struct door *door;

static uint64_t take_turn(void *part, const struct aq_clocks *now)
{
    (void)part;
    return react_turn(react, now);
}

static int setup(void **context)
{
    (void)context;
    struct aq_error error = {0};
    test_cluster_new_virtual(&cluster);
    test_must(keyring_open(&keyring, NULL, &error), &error);
    door = door_open(keyring, cluster.writer, cluster.state);
    const struct react_options options = {.writer = cluster.writer,
                                          .state = cluster.state,
                                          .keep = &cluster.config.keep.finished,
                                          .door = door,
                                          .secrets = &cluster.config.secrets,
                                          .wake = test_cluster_wake,
                                          .context = &cluster};
    react = react_open(&options);
    cluster.turn = take_turn;
    test_cluster_wake(&cluster);
    test_cluster_start(&cluster);
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    while (!react_is_idle(react))
        test_cluster_pass(&cluster, 1);
    react_close(react);
    cluster.turn = NULL;
    test_cluster_free(&cluster);
    door_close(door);
    keyring_close(keyring);
    return 0;
}

static void ask(const struct aq_command *command, void *record)
{
    struct aq_error error = {0};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    bool sealed = false;
    test_must(door_seal(door, command, record, false, &arena, &sealed, &error), &error);
    test_must(test_ask(&cluster, command, record, "admin", NULL, &error) == 0, &error);
}

/* Label number 1, and an application of it, both with a secret of their own. */
static void make_rows(void)
{
    static struct aq_definition definition = {.driver = "test", .options = "{}"};
    const char *keys[] = {"password"};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_label_create plain = {.name = "db", .definitions = {&definition, 1}, .secrets = {(void *)keys, 1}}, label;
    aq_record_copy(&aq_label_create_record, &label, &plain, &arena);
    label.metadata = aq_arena_text(&arena, "{\"password\":\"one\"}", 18);
    ask(&aq_command_label_create, &label);
    struct aq_application_create empty = {.label = "db"}, application;
    aq_record_copy(&aq_application_create_record, &application, &empty, &arena);
    application.metadata = aq_arena_text(&arena, "{\"password\":\"two\"}", 18);
    ask(&aq_command_application_create, &application);
}

struct names {
    char items[8][KEYRING_NAME_SIZE];
    size_t count;
};

static bool add_name(void *context, const struct state_key *key, const void *row)
{
    struct names *names = context;
    const struct aq_epoch *epoch = row;
    (void)key;
    if (names->count < 8)
        snprintf(names->items[names->count++], KEYRING_NAME_SIZE, "%s", epoch->name);
    return true;
}

static struct names epochs(void)
{
    struct names names = {.count = 0};
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_read(cluster.state, &txn, &error), &error);
    state_scan(txn, &aq_entity_epoch, NULL, add_name, &names);
    state_end(txn);
    return names;
}

static size_t keys(void)
{
    char name[KEYRING_NAME_SIZE];
    size_t count = 0;
    while (keyring_name(keyring, count, name))
        count++;
    return count;
}

/* Can the secrets of both rows be read? */
static bool opens(void)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct state_txn *txn;
    struct aq_error error = {0};
    struct aq_label label;
    struct aq_application application;
    struct aq_list secrets;
    test_must(state_read(cluster.state, &txn, &error), &error);
    bool good = state_label(txn, 1, &label, &arena) && state_application(txn, 1, &application, &arena) &&
                label.sealed.count == 1 && application.sealed.count == 1 &&
                secrets_open(keyring, &label, 0, &application, &secrets, &arena, &error) == 0 &&
                strcmp(aq_secret_value(&secrets, "metadata.password"), "\"two\"") == 0;
    state_end(txn);
    return good;
}

static void a_new_epoch_takes_over_what_lives_and_the_old_key_goes(void **context)
{
    struct aq_error error = {0};
    unsigned char key[AQ_SECRET_KEY_SIZE];
    char foreign[KEYRING_NAME_SIZE];
    (void)context;
    make_rows();
    const struct names before = epochs();
    assert_int_equal(before.count, 1);
    test_cluster_pass(&cluster, 60000);
    assert_int_equal(epochs().count, 1); /* nothing ends by itself */
    test_must(keyring_make(keyring, foreign, &error), &error);
    test_must(door_begin(door, &error), &error);
    test_cluster_pass(&cluster, 1000);
    assert_int_equal(epochs().count, 2); /* what is under way may still need the old one */
    assert_true(opens());
    test_cluster_pass(&cluster, 20000);
    const struct names after = epochs();
    assert_int_equal(after.count, 1);
    assert_string_not_equal(after.items[0], before.items[0]);
    assert_int_equal(keys(), 2);
    assert_true(keyring_find(keyring, foreign, key)); /* of which this log knows nothing */
    assert_false(keyring_find(keyring, before.items[0], key));
    assert_true(opens());
}

static void a_spare_key_is_there_whenever_an_epoch_begins(void **context)
{
    struct aq_error error = {0};
    struct aq_epoch_create create = {.name = ""};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    bool sealed = false;
    (void)context;
    assert_true(keyring_has_spare(keyring)); /* before the first secret */
    assert_int_equal(keys(), 0);
    make_rows();
    test_cluster_pass(&cluster, 1000);
    assert_true(keyring_has_spare(keyring));
    assert_int_equal(keys(), 1);
    test_must(door_seal(door, &aq_command_epoch_create, &create, false, &arena, &sealed, &error), &error);
    assert_false(keyring_has_spare(keyring));
    const void *records[] = {&create};
    struct writer_request refused = {.command = &aq_command_epoch_create, .records = records, .count = 1};
    refused.error.code = AQ_E_UNKNOWN;
    door_settle(door, &refused);
    assert_false(keyring_has_spare(keyring)); /* it may have begun */
    refused.error.code = AQ_E_FORBIDDEN;
    door_settle(door, &refused);
    assert_true(keyring_has_spare(keyring)); /* the same again */
    assert_int_equal(keys(), 1);
    for (int i = 0; i < 3; i++) { /* what many refused requests have made is deleted */
        test_must(door_seal(door, &aq_command_epoch_create, &create, false, &arena, &sealed, &error), &error);
        refused.records = (const void *[]){&create};
        test_must(keyring_make_spare(keyring, &error), &error);
        door_settle(door, &refused);
    }
    test_cluster_pass(&cluster, 20000);
    assert_int_equal(keys(), 1);
}

static void what_is_over_is_not_taken_over(void **context)
{
    struct aq_error error = {0};
    struct aq_application_deallocate end = {.id = 1};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_application application;
    struct state_txn *txn;
    (void)context;
    make_rows();
    ask(&aq_command_application_deallocate, &end);
    test_must(state_read(cluster.state, &txn, &error), &error);
    assert_true(state_application(txn, 1, &application, &arena));
    state_end(txn);
    assert_int_equal(application.status, AQ_RECALLED);
    assert_int_equal(application.sealed.count, 0);
}

static void an_old_epoch_is_followed_by_another(void **context)
{
    (void)context;
    make_rows();
    const struct names before = epochs();
    cluster.config.secrets.epoch = 3600;
    test_cluster_pass(&cluster, 3500 * 1000);
    assert_string_equal(epochs().items[0], before.items[0]);
    test_cluster_pass(&cluster, 200 * 1000);
    const struct names after = epochs();
    assert_int_equal(after.count, 1);
    assert_string_not_equal(after.items[0], before.items[0]);
    assert_true(opens());
}

static bool is_lost(void)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct state_txn *txn;
    struct aq_error error = {0};
    struct aq_epoch epoch;
    const struct names names = epochs();
    const struct state_key key = state_key_name(names.items[0]);
    test_must(state_read(cluster.state, &txn, &error), &error);
    assert_true(state_find(txn, &aq_entity_epoch, &key, &epoch, &arena));
    state_end(txn);
    return epoch.lost;
}

static void a_lost_key_is_noted_and_the_cluster_goes_on(void **context)
{
    struct aq_error error = {0};
    (void)context;
    aq_journal_open("test", AQ_ERROR);
    make_rows();
    test_cluster_pass(&cluster, 1000);
    assert_false(is_lost());
    test_must(keyring_delete(keyring, epochs().items[0], &error), &error);
    test_cluster_pass(&cluster, 15000);
    assert_true(is_lost());
    assert_false(opens());
    make_rows(); /* under a new epoch */
    test_cluster_pass(&cluster, 15000);
    assert_int_equal(epochs().count, 2); /* the lost one still holds what nobody can read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_epoch_takes_over_what_lives_and_the_old_key_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_spare_key_is_there_whenever_an_epoch_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_over_is_not_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_epoch_is_followed_by_another, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_key_is_noted_and_the_cluster_goes_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
