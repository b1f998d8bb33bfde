/* A backup of the keyring: only with the passphrase, and whole. */
#include "controller/secrets/keyring_backup.h"
#include "schema/base/files.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>

static const char passphrase[] = "correct horse battery";

static char directory[64], path[128];
static struct keyring *keyring, *other;

static int setup(void **context)
{
    struct aq_error error = {0};
    (void)context;
    if (sodium_init() < 0)
        return -1;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    snprintf(path, sizeof path, "%s/backup", directory);
    test_must(keyring_open(&keyring, NULL, &error), &error);
    test_must(keyring_open(&other, directory, &error), &error);
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    keyring_close(keyring);
    keyring_close(other);
    test_remove_tree(directory);
    return 0;
}

static void a_backup_brings_the_keys_back(void **context)
{
    struct aq_error error = {0};
    char first[KEYRING_NAME_SIZE], second[KEYRING_NAME_SIZE];
    unsigned char key[AQ_SECRET_KEY_SIZE], again[AQ_SECRET_KEY_SIZE];
    struct stat status;
    size_t count, added;
    (void)context;
    test_must(keyring_make(keyring, first, &error), &error);
    test_must(keyring_make(keyring, second, &error), &error);
    test_must(keyring_save(keyring, path, passphrase, &count, &error), &error);
    assert_int_equal(count, 2);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(keyring_save(keyring, path, passphrase, &count, &error), -1); /* nothing is overwritten */
    test_must(keyring_load(other, path, passphrase, &count, &added, &error), &error);
    assert_int_equal(count, 2);
    assert_int_equal(added, 2);
    assert_true(keyring_find(keyring, second, key) && keyring_find(other, second, again));
    assert_memory_equal(key, again, sizeof key);
    test_must(keyring_load(other, path, passphrase, &count, &added, &error), &error);
    assert_int_equal(added, 0);
    keyring_close(other);
    test_must(keyring_open(&other, directory, &error), &error);
    assert_true(keyring_find(other, first, again)); /* it is on disk */
}

/* As on a disk that is full. */
static void half_a_backup_is_not_left(void **context)
{
    struct aq_error error = {0};
    char name[KEYRING_NAME_SIZE];
    struct stat status;
    size_t count, added;
    struct rlimit all, few;
    (void)context;
    test_must(keyring_make(keyring, name, &error), &error);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    few = (struct rlimit){64, all.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    int failed = keyring_save(keyring, path, passphrase, &count, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(failed, -1);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(stat(path, &status), -1);
    test_must(keyring_save(keyring, path, passphrase, &count, &error), &error);
    test_must(keyring_load(other, path, passphrase, &count, &added, &error), &error);
    assert_int_equal(added, 1);
}

static void another_passphrase_or_a_damaged_file_opens_nothing(void **context)
{
    struct aq_error error = {0};
    char name[KEYRING_NAME_SIZE];
    size_t count, added;
    AQ_CLEANUP_BUFFER struct aq_buffer bytes = {0};
    (void)context;
    test_must(keyring_make(keyring, name, &error), &error);
    test_must(keyring_save(keyring, path, passphrase, &count, &error), &error);
    assert_int_equal(keyring_load(other, path, "correct horse batterz", &count, &added, &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_non_null(strstr(error.message, "the passphrase is another one, or the file is damaged"));
    test_must(aq_file_read(AT_FDCWD, path, 4096, &bytes, &error), &error);
    bytes.data[bytes.length - 1] ^= 1;
    test_must(aq_file_replace(AT_FDCWD, path, 0600, bytes.data, bytes.length, &error), &error);
    assert_int_equal(keyring_load(other, path, passphrase, &count, &added, &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    test_must(aq_file_replace(AT_FDCWD, path, 0600, bytes.data, 40, &error), &error);
    assert_int_equal(keyring_load(other, path, passphrase, &count, &added, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    assert_false(keyring_name(other, 0, name));
}

static int read_as(const char *text, struct aq_buffer *out, struct aq_error *error)
{
    test_must(aq_file_replace(AT_FDCWD, path, 0600, text, strlen(text), error), error);
    aq_buffer_reset(out);
    return keyring_read_passphrase(path, out, error);
}

static void a_passphrase_is_the_first_line(void **context)
{
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    (void)context;
    test_must(read_as("a passphrase of words\nmore\n", &out, &error), &error);
    assert_string_equal(aq_buffer_string(&out), "a passphrase of words");
    assert_int_equal(read_as("short\n", &out, &error), -1);
    assert_string_equal(error.message, "the passphrase has 5 bytes, but must have 12 to 1024");
    assert_int_equal(keyring_read_passphrase("/nonexistent", &out, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_backup_brings_the_keys_back, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_backup_is_not_left, setup, teardown),
        cmocka_unit_test_setup_teardown(another_passphrase_or_a_damaged_file_opens_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_passphrase_is_the_first_line, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
