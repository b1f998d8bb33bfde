/* Labels: versions count up and are never reused; a version in use cannot be deleted. */
#include "tests/lib/decide_case.h"

static struct aq_definition definition = {.driver = "test", .options = "{}"};

static void the_first_version_is_1(void **context)
{
    (void)context;
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1}, .metadata = "{\"a\":1}");
    THEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {&definition, 1}, .metadata = "{\"a\":1}");
    DONE();
    assert_string_equal(spec.decide.id, "1");
}

static void the_same_name_gets_the_next_version(void **context)
{
    (void)context;
    given_label(1, "mac", 1);
    given_label(2, "linux", 1);
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1});
    THEN(label_created, .id = 3, .name = "mac", .version = 2, .definitions = {&definition, 1});
    DONE();
    assert_string_equal(spec.decide.id, "3");
    WHEN(label_create, .name = "mac", .version = 3, .definitions = {&definition, 1});
    THEN(label_created, .id = 4, .name = "mac", .version = 3, .definitions = {&definition, 1});
    DONE();
}

static void a_given_version_must_be_the_next_one(void **context)
{
    (void)context;
    given_label(1, "mac", 1);
    given_label(2, "mac", 2);
    WHEN(label_create, .name = "mac", .version = 2, .definitions = {&definition, 1});
    REFUSED(AQ_E_EXISTS, "version is 2, but label mac already had that version; the next one is 3");
    WHEN(label_create, .name = "mac", .version = 4, .definitions = {&definition, 1});
    REFUSED(AQ_E_INVALID, "version is 4, but the next version of label mac is 3");
    WHEN(label_create, .name = "linux", .version = 2, .definitions = {&definition, 1});
    REFUSED(AQ_E_INVALID, "version is 2, but the next version of label linux is 1");
}

static void a_deleted_version_is_never_reused(void **context)
{
    (void)context;
    given_label(1, "mac", 1);
    given_label(2, "mac", 2);
    DO(label_delete, .id = 2);
    DO(label_delete, .id = 1);
    WHEN(label_create, .name = "mac", .version = 2, .definitions = {&definition, 1});
    REFUSED(AQ_E_EXISTS, "version is 2, but label mac already had that version; the next one is 3");
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1});
    THEN(label_created, .id = 3, .name = "mac", .version = 3, .definitions = {&definition, 1});
    DONE();
}

static void definitions_keep_their_order(void **context)
{
    (void)context;
    struct aq_definition both[] = {
        {.driver = "container", .options = "{\"image\":\"a\"}", .resources = {.cpu = 500, .lifetime = 60}},
        {.driver = "process", .options = "{}", .resources = {.disks = ITEMS(struct aq_disk, {"a", 5}, {"b", 6})}},
    };
    WHEN(label_create, .name = "mac", .definitions = {both, 2});
    THEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {both, 2});
    DONE();
}

static void a_version_in_use_stays(void **context)
{
    (void)context;
    given_cluster();
    given_label(2, "mac", 2);
    DO(application_create, .label = "mac", .version = 1);
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_STATE, "label mac, version 1, has 1 open application: deallocate it first");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac", .version = 1);
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_STATE, "label mac, version 1, has 2 open applications: deallocate them first");
    WHEN(label_delete, .id = 2); /* this one is not in use */
    THEN(label_deleted, .id = 2);
    DONE();
    assert_string_equal(spec.decide.id, "2");
    DO(application_deallocate, .id = 1);
    DO(application_deallocate, .id = 2);
    WHEN(label_delete, .id = 1);
    THEN(label_deleted, .id = 1);
    DONE();
}

static void names_are_not_numbers(void **context)
{
    (void)context;
    static const char *const digits[] = {"1", "007", "20261127"};
    for (size_t i = 0; i < AQ_LENGTH(digits); i++) {
        char message[100];
        snprintf(message, sizeof message, "name is \"%s\", which reads as a number: use a letter as well", digits[i]);
        WHEN(label_create, .name = digits[i], .definitions = {&definition, 1});
        REFUSED(AQ_E_INVALID, message);
    }
    DO(label_create, .name = "22.04", .definitions = {&definition, 1});
}

static void metadata_may_not_be_one_variable_twice(void **context)
{
    (void)context;
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1}, .metadata = "{\"a\":{\"b\":1},\"a b\":2}");
    REFUSED(AQ_E_INVALID, "metadata: \"a b\" and \"a.b\" would both be the variable AQ_META_A_B");
}

static void a_missing_label_cannot_be_deleted(void **context)
{
    (void)context;
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 1");
    given_label(1, "mac", 1);
    DO(label_delete, .id = 1);
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(the_first_version_is_1),
        SPEC_TEST(the_same_name_gets_the_next_version),
        SPEC_TEST(a_given_version_must_be_the_next_one),
        SPEC_TEST(a_deleted_version_is_never_reused),
        SPEC_TEST(definitions_keep_their_order),
        SPEC_TEST(a_version_in_use_stays),
        SPEC_TEST(names_are_not_numbers),
        SPEC_TEST(metadata_may_not_be_one_variable_twice),
        SPEC_TEST(a_missing_label_cannot_be_deleted),
    };
    return cmocka_run_group_tests_name("decide label", tests, NULL, NULL);
}
