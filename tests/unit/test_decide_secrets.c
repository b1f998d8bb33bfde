/* Secrets, after the door: what is not sealed is refused, what is no longer needed is dropped, and epochs count what
 * they hold. */
#include "schema/model/epoch.h"
#include "tests/lib/decide_case.h"

static struct aq_definition definition = {.driver = "test", .options = "{}"};
static const char *keys[] = {"password"};
static unsigned char box[] = {1, 2, 3}, digest[] = {4}, other[] = {5};

#define SECRETS                                                                                                        \
    {                                                                                                                  \
        (void *)keys, 1                                                                                                \
    }
#define BOXED(...)                                                                                                     \
    {                                                                                                                  \
        (struct aq_boxed[]){{.name = "metadata.password", .box = {box, 3}, .digest = {digest, 1}, __VA_ARGS__}}, 1     \
    }
#define WRAP(of)                                                                                                       \
    {                                                                                                                  \
        .epoch = of, .key = { box, 3 }                                                                                 \
    }

static struct aq_epoch the_epoch(const char *name)
{
    struct aq_epoch epoch = {.name = NULL};
    const struct state_key key = state_key_name(name);
    if (!state_find(spec.txn, &aq_entity_epoch, &key, &epoch, &spec.arena))
        epoch.name = NULL;
    return epoch;
}

static void given_epoch(const char *name)
{
    GIVEN(epoch_begun, .name = name);
}

static void create_label(void)
{
    spec_as("admin", AQ_ROLE_ADMIN);
    DO(label_create, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"***\"}",
       .secrets = SECRETS, .sealed = BOXED(), .wrap = WRAP("e1"));
}

static void what_was_not_sealed_is_refused(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(label_create, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"p\"}",
         .secrets = SECRETS);
    REFUSED(AQ_E_BUSY, "metadata.password has become a secret while the request was under way: send it again");
    WHEN(label_create, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"p\"}",
         .secrets = SECRETS, .sealed = BOXED(), .wrap = WRAP("e1"));
    REFUSED(AQ_E_INTERNAL, "metadata.password was sealed, and is still there");
    WHEN(label_create, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"***\"}",
         .secrets = SECRETS, .sealed = BOXED(), .wrap = WRAP("e0"));
    REFUSED(AQ_E_BUSY, "the key under which its secrets were sealed has come to its end meanwhile: send it again");
    struct aq_definition login = definition;
    login.authentication.password = "p";
    WHEN(label_create, .name = "db", .definitions = {&login, 1});
    REFUSED(AQ_E_INTERNAL, "definitions[0].authentication.password is a secret, and was not sealed");
    WHEN(epoch_create, .name = "");
    REFUSED(AQ_E_INTERNAL, "an epoch begins without a key");
}

static void what_is_to_be_a_secret_must_be_one(void **context)
{
    (void)context;
    static const char *misspelt[] = {"password", "passwort"};
    given_cluster();
    given_epoch("e1");
    create_label();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_create, .label = "db", .metadata = "{\"passwort\":\"p\"}", .secrets = {misspelt, 2});
    REFUSED(AQ_E_INVALID, "metadata.passwort is to be a secret, but label db, version 1, has no such secret (its field "
                          "secrets)");
    DO(application_create, .label = "db", .metadata = "{\"password\":\"***\"}", .secrets = SECRETS, .sealed = BOXED(),
       .wrap = WRAP("e1"));
}

static void an_epoch_counts_what_it_holds(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    create_label();
    assert_int_equal(the_epoch("e1").keys, 1);
    assert_true(the_epoch("e1").open);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "db", .metadata = "{\"password\":\"***\"}", .sealed = BOXED(), .wrap = WRAP("e1"));
    DO(application_create, .label = "db");
    assert_int_equal(the_epoch("e1").keys, 2);
    assert_int_equal(the_application(1).sealed.count, 1);
    DO(application_deallocate, .id = 1);
    assert_int_equal(the_application(1).status, AQ_RECALLED);
    assert_int_equal(the_application(1).sealed.count, 0);
    assert_string_equal(the_application(1).wrap.epoch, "");
    assert_int_equal(the_epoch("e1").keys, 1);
    DO(application_deallocate, .id = 2);
    spec_as("admin", AQ_ROLE_ADMIN);
    DO(label_delete, .id = 2);
    assert_int_equal(the_epoch("e1").keys, 0);
    assert_int_equal(spec_rows(INDEX_EPOCH_KEY), 0);
}

static void apply_compares_digests(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    create_label();
    WHEN(label_apply, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"***\"}",
         .secrets = SECRETS, .sealed = BOXED(.before = {digest, 1}), .wrap = WRAP("e1"), .before = 2);
    DONE();
    WHEN(label_apply, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"***\"}",
         .secrets = SECRETS, .sealed = BOXED(.before = {other, 1}), .wrap = WRAP("e1"), .before = 2);
    THEN(label_created, .id = 3, .name = "db", .version = 2, .definitions = {&definition, 1},
         .metadata = "{\"password\":\"***\"}", .secrets = SECRETS, .sealed = BOXED(), .wrap = WRAP("e1"));
    DONE();
    WHEN(label_apply, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"***\"}",
         .secrets = SECRETS, .sealed = BOXED(), .wrap = WRAP("e1"), .before = 3); /* nothing to compare with */
    THEN(label_created, .id = 4, .name = "db", .version = 3, .definitions = {&definition, 1},
         .metadata = "{\"password\":\"***\"}", .secrets = SECRETS, .sealed = BOXED(), .wrap = WRAP("e1"));
    DONE();
    WHEN(label_apply, .name = "db", .definitions = {&definition, 1}, .metadata = "{\"password\":\"***\"}",
         .secrets = SECRETS, .sealed = BOXED(.before = {digest, 1}), .wrap = WRAP("e1"), .before = 3);
    REFUSED(AQ_E_BUSY, "another version of label db was created or deleted while the request was under way: send it "
                       "again");
}

static void an_old_epoch_ends_when_it_holds_nothing(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    create_label();
    as_system();
    WHEN(epoch_create, .name = "e1");
    DONE();
    WHEN(epoch_create, .name = "e2");
    THEN(epoch_begun, .name = "e2");
    DONE();
    assert_false(the_epoch("e1").open);
    assert_true(the_epoch("e2").open);
    assert_int_equal(the_epoch("e2").number, 2);
    WHEN(epoch_finish, .name = "e1");
    REFUSED(AQ_E_STATE, "epoch e1 is still needed");
    WHEN(epoch_finish, .name = "e2");
    REFUSED(AQ_E_STATE, "epoch e2 is still needed");
    WHEN(label_rewrap, .id = 2, .from = "e3", .wrap = WRAP("e2")); /* it is not under e3 */
    DONE();
    WHEN(label_rewrap, .id = 2, .from = "e1", .wrap = WRAP("e3")); /* there is no e3 */
    DONE();
    WHEN(label_rewrap, .id = 2, .from = "e1", .wrap = WRAP("e2"));
    THEN(label_rewrapped, .id = 2, .wrap = WRAP("e2"));
    DONE();
    WHEN(label_rewrap, .id = 2, .from = "e1", .wrap = WRAP("e2"));
    DONE();
    assert_int_equal(the_epoch("e1").keys, 0);
    assert_int_equal(the_epoch("e2").keys, 1);
    WHEN(epoch_finish, .name = "e1");
    THEN(epoch_ended, .name = "e1");
    DONE();
    assert_null(the_epoch("e1").name);
}

static void a_lost_key_is_told_before_anything_is_started(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    create_label();
    as_system();
    WHEN(epoch_lose, .name = "e1", .lost = true);
    THEN(epoch_lost, .name = "e1", .lost = true);
    DONE();
    WHEN(epoch_lose, .name = "e1", .lost = true);
    DONE();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_create, .label = "db");
    REFUSED(AQ_E_STATE,
            "label db, version 1, has lost its secrets, which are metadata.password: the key of epoch e1 is "
            "not in the keyring; create another version");
    DO(application_create, .label = "mac"); /* others go on */
    as_system();
    WHEN(epoch_lose, .name = "e1");
    THEN(epoch_lost, .name = "e1");
    DONE();
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "db");
}

static void what_waits_says_that_its_secrets_are_lost(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    create_label();
    DO(node_maintenance, .name = "node-1", .maintenance = true);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "db");
    as_system();
    DO(epoch_lose, .name = "e1", .lost = true);
    WHEN(application_place, .id = 1);
    THEN_WAITING(.id = 1, .reason = "its secrets cannot be read: the key of epoch e1 is not in the keyring");
    DONE();
    spec_as("admin", AQ_ROLE_ADMIN);
    DO(node_maintenance, .name = "node-1");
    as_system();
    WHEN(application_place, .id = 1); /* nothing new, and nothing is tried */
    DONE();
    DO(epoch_lose, .name = "e1");
    WHEN(application_place, .id = 1);
    THEN_ELECTED(.id = 1, .resource = 1, .node = "node-1");
    DONE();
}

static void so_does_what_has_secrets_of_its_own(void **context)
{
    (void)context;
    given_cluster();
    given_epoch("e1");
    create_label();
    given_epoch("e2");
    as_system();
    DO(label_rewrap, .id = 2, .from = "e1", .wrap = WRAP("e2"));
    spec_as("admin", AQ_ROLE_ADMIN);
    DO(node_maintenance, .name = "node-1", .maintenance = true);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "db", .metadata = "{\"password\":\"***\"}", .sealed = BOXED(), .wrap = WRAP("e1"));
    as_system();
    DO(epoch_lose, .name = "e1", .lost = true);
    WHEN(application_place, .id = 1);
    THEN_WAITING(.id = 1, .reason = "its secrets cannot be read: the key of epoch e1 is not in the keyring");
    DONE();
}

static void unisolated_workloads_have_no_secrets(void **context)
{
    (void)context;
    struct aq_definition open[] = {{.driver = "process", .options = "{\"command\":\"true\"}"},
                                   {.driver = "process", .options = "{\"command\":\"true\",\"isolate\":false}"}};
    given_cluster();
    given_epoch("e1");
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(label_create, .name = "db", .definitions = {open, 2}, .secrets = SECRETS);
    REFUSED(AQ_E_INVALID, "definitions[1].options.isolate is false, but the label has secrets, which only workloads "
                          "that are isolated can have");
    open[1].authentication.password = "***";
    struct aq_boxed password = {
        .name = "definitions[1].authentication.password", .box = {box, 3}, .digest = {digest, 1}};
    WHEN(label_create, .name = "db", .definitions = {open, 2}, .sealed = {&password, 1}, .wrap = WRAP("e1"));
    REFUSED(AQ_E_INVALID, "definitions[1].options.isolate is false, but the label has secrets, which only workloads "
                          "that are isolated can have");
    open[1].authentication.password = "";
    struct aq_disk disk = {.name = "a", .size = 1};
    open[1].resources.disks = (struct aq_list){&disk, 1};
    WHEN(label_create, .name = "db", .definitions = {open, 2});
    REFUSED(AQ_E_INVALID, "definitions[1].options.isolate is false, but it has disks, which only workloads that are "
                          "isolated can have");
    DO(label_create, .name = "db", .definitions = {open, 1}, .secrets = SECRETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(what_was_not_sealed_is_refused),
        SPEC_TEST(what_is_to_be_a_secret_must_be_one),
        SPEC_TEST(an_epoch_counts_what_it_holds),
        SPEC_TEST(apply_compares_digests),
        SPEC_TEST(an_old_epoch_ends_when_it_holds_nothing),
        SPEC_TEST(a_lost_key_is_told_before_anything_is_started),
        SPEC_TEST(what_waits_says_that_its_secrets_are_lost),
        SPEC_TEST(so_does_what_has_secrets_of_its_own),
        SPEC_TEST(unisolated_workloads_have_no_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
