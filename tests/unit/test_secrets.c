/* Secrets: the keyring, the boxes, and the door, through REST and in the log. */
#include "controller/secrets/door.h"
#include "controller/secrets/opener.h"
#include "controller/secrets/seal.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/model/application.h"
#include "schema/model/epoch.h"
#include "schema/model/label.h"
#include "tests/lib/directory.h"
#include "tests/lib/rest_case.h"

#include <sodium.h>

#define PASSWORD "pa55word-in-a-label"
#define OTHER    "another-one-of-an-application"

/* ---- the keyring ------------------------------------------------------------------------------------------ */

struct place {
    char directory[64];
    struct keyring *keyring;
};

static int make_place(void **context)
{
    struct place *place = aq_calloc(1, sizeof *place);
    if (sodium_init() < 0)
        return -1;
    test_make_directory(place->directory, sizeof place->directory, "/tmp", "aquarium-test");
    *context = place;
    return 0;
}

static int remove_place(void **context)
{
    struct place *place = *context;
    keyring_close(place->keyring);
    test_remove_tree(place->directory);
    free(place);
    return 0;
}

static void open_ring(struct place *place)
{
    struct aq_error error = {0};
    keyring_close(place->keyring);
    place->keyring = NULL;
    test_must(keyring_open(&place->keyring, place->directory, &error), &error);
}

static void a_key_is_in_a_file_of_its_own_and_comes_back(void **context)
{
    struct place *place = *context;
    struct aq_error error = {0};
    char name[KEYRING_NAME_SIZE], path[160];
    unsigned char key[AQ_SECRET_KEY_SIZE], again[AQ_SECRET_KEY_SIZE];
    struct stat status;
    open_ring(place);
    test_must(keyring_make(place->keyring, name, &error), &error);
    assert_true(keyring_find(place->keyring, name, key));
    snprintf(path, sizeof path, "%s/keyring/%s", place->directory, name);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    open_ring(place);
    assert_true(keyring_find(place->keyring, name, again));
    assert_memory_equal(key, again, sizeof key);
    test_must(keyring_delete(place->keyring, name, &error), &error);
    assert_int_not_equal(stat(path, &status), 0);
    assert_false(keyring_find(place->keyring, name, again));
    open_ring(place);
    assert_false(keyring_find(place->keyring, name, again));
}

static void a_file_with_another_key_is_none(void **context)
{
    struct place *place = *context;
    struct aq_error error = {0};
    char first[KEYRING_NAME_SIZE], second[KEYRING_NAME_SIZE], from[160], to[160];
    unsigned char key[AQ_SECRET_KEY_SIZE];
    open_ring(place);
    test_must(keyring_make(place->keyring, first, &error), &error);
    test_must(keyring_make(place->keyring, second, &error), &error);
    snprintf(from, sizeof from, "%s/keyring/%s", place->directory, first);
    snprintf(to, sizeof to, "%s/keyring/%s", place->directory, second);
    assert_int_equal(rename(from, to), 0);
    aq_journal_open("test", AQ_ERROR);
    open_ring(place);
    assert_false(keyring_find(place->keyring, first, key));
    assert_false(keyring_find(place->keyring, second, key));
}

static void a_spare_key_is_there_before_its_epoch(void **context)
{
    struct place *place = *context;
    struct aq_error error = {0};
    char first[KEYRING_NAME_SIZE], second[KEYRING_NAME_SIZE], name[KEYRING_NAME_SIZE];
    unsigned char key[AQ_SECRET_KEY_SIZE];
    open_ring(place);
    struct keyring *ring = place->keyring;
    assert_false(keyring_has_spare(ring) || keyring_take_spare(ring, first));
    test_must(keyring_make_spare(ring, &error), &error);
    assert_true(keyring_has_spare(ring));
    assert_false(keyring_name(ring, 0, name)); /* of no epoch */
    assert_true(keyring_take_spare(ring, first));
    assert_false(keyring_has_spare(ring));
    assert_true(keyring_find(ring, first, key) && keyring_name(ring, 0, name));
    keyring_give_back(ring, first);
    assert_true(keyring_take_spare(ring, name));
    assert_string_equal(name, first);
    test_must(keyring_make_spare(ring, &error), &error);
    keyring_give_back(ring, first); /* one is enough */
    assert_true(keyring_next_unused(ring, name));
    assert_string_equal(name, first);
    assert_false(keyring_next_unused(ring, name));
    assert_true(keyring_take_spare(ring, second));
    open_ring(place);
    assert_false(keyring_has_spare(place->keyring)); /* its epoch may have begun */
    assert_true(keyring_left_spare(place->keyring, name));
    assert_string_equal(name, second);
    assert_false(keyring_left_spare(place->keyring, name));
}

static void refuse_ring(struct place *place, const char *why)
{
    struct aq_error error = {0};
    struct keyring *ring;
    assert_int_equal(keyring_open(&ring, place->directory, &error), -1);
    if (strstr(error.message, why) == NULL || strstr(error.message, "/keyring: ") == NULL)
        fail_msg("%s", error.message);
}

static void nobody_else_may_use_the_directory(void **context)
{
    struct place *place = *context;
    struct aq_error error = {0};
    char name[KEYRING_NAME_SIZE], path[160], other[160];
    unsigned char key[AQ_SECRET_KEY_SIZE];
    aq_journal_open("test", AQ_ERROR);
    open_ring(place);
    test_must(keyring_make(place->keyring, name, &error), &error);
    snprintf(path, sizeof path, "%s/keyring", place->directory);
    assert_int_equal(chmod(path, 0750), 0);
    refuse_ring(place, "it has mode 750, but nobody else may use it: chmod 700");
    assert_int_equal(chmod(path, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
        refuse_ring(place, "it belongs to user 65534, but must belong to user 0, as whom this runs");
        assert_int_equal(chown(path, 0, 0), 0);
    }
    snprintf(other, sizeof other, "%s/other", place->directory);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    refuse_ring(place, "cannot open directory keyring");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(other, path), 0);
    snprintf(path, sizeof path, "%s/keyring/.spare", place->directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/keyring/fifo", place->directory);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes into it */
    snprintf(path, sizeof path, "%s/keyring/%s", place->directory, name);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    open_ring(place);
    assert_false(keyring_find(place->keyring, name, key));
    assert_int_equal(rename(other, path), 0);
    open_ring(place);
    assert_true(keyring_find(place->keyring, name, key));
}

/* ---- boxes ------------------------------------------------------------------------------------------------ */

static void a_box_opens_with_its_key_and_its_name_only(void **context)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct seal_key key, other, epoch, back;
    struct seal_row row;
    struct aq_boxed boxed = {0}, twin = {0};
    struct aq_wrap wrap;
    (void)context;
    seal_draw(&key);
    seal_draw(&other);
    seal_draw(&epoch);
    seal_begin(&key, &row);
    for (size_t length = 0; length < 200; length += 13) {
        char value[200];
        memset(value, 'x', length);
        value[length] = '\0';
        seal_value(&row, "metadata.a", value, length, &boxed, &arena);
        assert_string_equal(seal_open(&key, &boxed, &arena), value);
    }
    seal_value(&row, "metadata.a", "12345", 5, &boxed, &arena);
    seal_value(&row, "metadata.a", "123", 3, &twin, &arena);
    assert_int_equal(boxed.box.length, twin.box.length); /* the length is not told */
    assert_memory_not_equal(boxed.digest.data, twin.digest.data, boxed.digest.length);
    assert_null(seal_open(&other, &boxed, &arena));
    twin = boxed;
    twin.name = "metadata.b";
    assert_null(seal_open(&key, &twin, &arena));
    for (size_t i = 0; i < boxed.box.length; i++) {
        unsigned char *bytes = (unsigned char *)(uintptr_t)boxed.box.data;
        bytes[i] ^= 1;
        assert_null(seal_open(&key, &boxed, &arena));
        bytes[i] ^= 1;
    }
    twin = boxed;
    for (twin.box.length = 0; twin.box.length < boxed.box.length; twin.box.length++)
        assert_null(seal_open(&key, &twin, &arena));
    const struct aq_bytes same = seal_digest(&row, "metadata.a", "12345", 5, &arena);
    assert_memory_equal(same.data, boxed.digest.data, same.length);
    seal_wrap(&epoch, "one", &key, &wrap, &arena);
    assert_true(seal_unwrap(&epoch, &wrap, &back));
    assert_memory_equal(&key, &back, sizeof key);
    wrap.epoch = "two";
    assert_false(seal_unwrap(&epoch, &wrap, &back));
    wrap.epoch = "one";
    assert_false(seal_unwrap(&other, &wrap, &back));
    assert_true(seal_fingerprint(&epoch, 7) == seal_fingerprint(&epoch, 7));
    assert_true(seal_fingerprint(&epoch, 7) != seal_fingerprint(&other, 7));
}

/* ---- the door --------------------------------------------------------------------------------------------- */

/* Does any file below the cluster's directory hold the text? */
static bool is_on_disk(const struct rest_case *rest, const char *text)
{
    char line[400];
    snprintf(line, sizeof line, "grep -rqaF -e '%s' %s", text, rest->cluster.directory);
    return system(line) == 0; /* NOLINT: no text of others */
}

static const char label[] =
    "{\"name\":\"db\",\"secrets\":[\"password\",\"tls\"],"
    "\"metadata\":{\"password\":\"" PASSWORD "\",\"tls\":{\"pin\":4711},\"host\":\"db.example\"},"
    "\"definitions\":[{\"driver\":\"test\",\"authentication\":{\"username\":\"ann\","
    "\"password\":\"for-logging-in\"}}]}";

static const char *text_at(json_t *row, const char *one, const char *two)
{
    json_t *value = json_object_get(row, one);
    return json_string_value(two != NULL ? json_object_get(value, two) : value);
}

static void nothing_of_a_secret_is_shown_or_stored(void **context)
{
    struct rest_case *rest = *context;
    json_t *row = rest_post(rest, "/api/v1/label/", label);
    assert_string_equal(text_at(row, "metadata", "password"), "***");
    assert_string_equal(text_at(row, "metadata", "tls"), "***");
    assert_string_equal(text_at(row, "metadata", "host"), "db.example");
    assert_null(json_object_get(row, "sealed"));
    assert_null(json_object_get(row, "wrap"));
    json_t *definition = json_array_get(json_object_get(row, "definitions"), 0);
    assert_string_equal(text_at(definition, "authentication", "password"), "***");
    assert_string_equal(text_at(definition, "authentication", "username"), "ann");
    row = rest_post(rest, "/api/v1/application/", "{\"label\":\"db\",\"metadata\":{\"password\":\"" OTHER "\"}}");
    assert_string_equal(text_at(row, "metadata", "password"), "***");
    rest_ask_as(rest, &rest->admin, "GET", "/api/v1/application/1/events", NULL, 200);
    assert_null(strstr(aq_buffer_string(&rest->reply.body), OTHER));
    assert_null(strstr(aq_buffer_string(&rest->reply.body), "sealed"));
    json_t *epochs = rest_get(rest, "/api/v1/epoch/");
    assert_int_equal(json_array_size(epochs), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(epochs, 0), "keys")), 2);
    assert_false(is_on_disk(rest, PASSWORD));
    assert_false(is_on_disk(rest, OTHER));
    assert_false(is_on_disk(rest, "for-logging-in"));
    assert_true(is_on_disk(rest, "db.example")); /* so the search finds what is there */
}

static void a_resource_gets_all_of_its_secrets(void **context)
{
    struct rest_case *rest = *context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_application application;
    struct aq_label found;
    struct aq_list secrets;
    struct state_txn *txn;
    rest_post(rest, "/api/v1/label/", label);
    rest_post(rest, "/api/v1/application/", "{\"label\":\"db\",\"metadata\":{\"password\":\"" OTHER "\"}}");
    test_must(state_read(rest->cluster.state, &txn, &error), &error);
    assert_true(state_application(txn, 1, &application, &arena));
    assert_true(state_label(txn, application.label_id, &found, &arena));
    test_must(secrets_open(rest->services.keyring, &found, 0, &application, &secrets, &arena, &error), &error);
    assert_int_equal(secrets.count, 3);
    assert_string_equal(aq_secret_value(&secrets, "metadata.password"), "\"" OTHER "\"");
    assert_string_equal(aq_secret_value(&secrets, "metadata.tls"), "{\"pin\":4711}");
    assert_string_equal(aq_secret_value(&secrets, "authentication.password"), "for-logging-in");
    test_must(secrets_open(rest->services.keyring, &found, 1, &application, &secrets, &arena, &error), &error);
    assert_null(aq_secret_value(&secrets, "authentication.password")); /* that is of definition 0 */
    unsigned char *box = (unsigned char *)(uintptr_t)AQ_ITEM(found.sealed, struct aq_boxed, 0)->box.data;
    box[0] ^= 1;
    assert_int_equal(secrets_open(rest->services.keyring, &found, 0, &application, &secrets, &arena, &error), -1);
    assert_non_null(strstr(error.message, "of its label cannot be read: they are damaged"));
    box[0] ^= 1;
    test_must(keyring_delete(rest->services.keyring, found.wrap.epoch, &error), &error);
    assert_int_equal(secrets_open(rest->services.keyring, &found, 0, &application, &secrets, &arena, &error), -1);
    assert_non_null(strstr(error.message, "metadata.password, metadata.tls"));
    assert_non_null(strstr(error.message, "is not in the keyring"));
    state_end(txn);
}

static void apply_compares_what_it_cannot_see(void **context)
{
    struct rest_case *rest = *context;
    char changed[600];
    rest_post(rest, "/api/v1/label/apply", label);
    json_t *row = rest_post(rest, "/api/v1/label/apply", label);
    assert_true(json_is_true(json_object_get(rest->reply.json, "unchanged")));
    assert_int_equal(json_integer_value(json_object_get(row, "version")), 1);
    snprintf(changed, sizeof changed, "%s", label);
    memcpy(strstr(changed, "4711"), "4712", 4);
    row = rest_post(rest, "/api/v1/label/apply", changed);
    assert_int_equal(json_integer_value(json_object_get(row, "version")), 2);
    row = rest_post(rest, "/api/v1/label/apply", changed);
    assert_int_equal(json_integer_value(json_object_get(row, "version")), 2);
    memcpy(strstr(changed, "for-logging-in"), "for-logging-on", 14);
    row = rest_post(rest, "/api/v1/label/apply", changed);
    assert_int_equal(json_integer_value(json_object_get(row, "version")), 3);
}

static void a_repeated_key_is_known_in_the_next_epoch_too(void **context)
{
    struct rest_case *rest = *context;
    static const char body[] = "{\"label\":\"db\",\"metadata\":{\"password\":\"" OTHER "\"}}";
    struct http_client keyed = {rest->admin.port, rest->admin_login, "Idempotency-Key: once"};
    rest_post(rest, "/api/v1/label/", label);
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", body, 200);
    rest_post(rest, "/api/v1/epoch/", "{}");
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/", body, 200);
    assert_true(json_is_true(json_object_get(rest->reply.json, "repeated")));
    rest_ask_as(rest, &keyed, "POST", "/api/v1/application/",
                "{\"label\":\"db\",\"metadata\":{\"password\":\"guess\"}}", 422);
}

static void what_is_wrong_with_a_secret_is_told_without_it(void **context)
{
    struct rest_case *rest = *context;
    static const char definitions[] = "\"definitions\":[{\"driver\":\"test\"}]";
    char body[400];
    rest_post(rest, "/api/v1/label/", label);
    rest_refused(rest, "POST", "/api/v1/application/", "{\"label\":\"db\",\"metadata\":{\"password\":\"***\"}}", 400,
                 "metadata.password is \"***\", which stands for a secret that is not shown");
    rest_refused(rest, "POST", "/api/v1/application/", "{\"label\":\"db\",\"metadata\":{\"PASSWORD\":\"p\"}}", 400,
                 "\"password\" is a secret: give it with exactly that key");
    snprintf(body, sizeof body, "{\"name\":\"x\",\"secrets\":[\"a/b\"],%s}", definitions);
    rest_refused(rest, "POST", "/api/v1/label/", body, 400, "secrets[0] is \"a/b\", but must be * or a key");
    snprintf(body, sizeof body, "{\"name\":\"x\",\"secrets\":[\"*\"],\"metadata\":{\"a b\":1},%s}", definitions);
    rest_refused(rest, "POST", "/api/v1/label/", body, 400, "metadata.a b is a secret, but its key cannot be");
    snprintf(body, sizeof body, "{\"name\":\"x\",\"wrap\":{\"epoch\":\"x\"},%s}", definitions);
    rest_refused(rest, "POST", "/api/v1/label/", body, 400, "wrap is not known");
    rest_refused(rest, "POST", "/api/v1/epoch/", "{\"name\":\"x\"}", 400, "name is not known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_in_a_file_of_its_own_and_comes_back, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_file_with_another_key_is_none, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_spare_key_is_there_before_its_epoch, make_place, remove_place),
        cmocka_unit_test_setup_teardown(nobody_else_may_use_the_directory, make_place, remove_place),
        cmocka_unit_test(a_box_opens_with_its_key_and_its_name_only),
        REST_TEST(nothing_of_a_secret_is_shown_or_stored),
        REST_TEST(a_resource_gets_all_of_its_secrets),
        REST_TEST(apply_compares_what_it_cannot_see),
        REST_TEST(a_repeated_key_is_known_in_the_next_epoch_too),
        REST_TEST(what_is_wrong_with_a_secret_is_told_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
