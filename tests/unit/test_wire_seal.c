/* Keys in files, and messages that only the holder of the key can read or make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/files.h"
#include "schema/wire/seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static char directory[] = "/tmp/aquarium-seal-XXXXXX";
static char path[64];

static int make_place(void **state)
{
    (void)state;
    if (sodium_init() < 0 || mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/key", directory);
    return 0;
}

static int remove_place(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_key(const char *text, mode_t mode)
{
    struct aq_error error;
    assert_int_equal(aq_file_replace_unsynced(AT_FDCWD, path, mode, text, strlen(text), &error), 0);
}

static void a_key_is_made_once(void **state)
{
    struct aq_wire_key made, again, loaded;
    struct aq_error error;
    struct stat status;
    (void)state;
    assert_int_equal(aq_wire_key_load(&loaded, path, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    assert_int_equal(aq_wire_key_make(&made, path, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 2 * AQ_WIRE_KEY_SIZE + 1);
    assert_int_equal(aq_wire_key_make(&again, path, &error), 0);
    assert_int_equal(aq_wire_key_load(&loaded, path, &error), 0);
    assert_memory_equal(&made, &again, sizeof made);
    assert_memory_equal(&made, &loaded, sizeof made);
    assert_int_equal(aq_wire_key_make(&made, "/no/such/place/key", &error), -1);
}

static void a_key_file_has_64_digits_that_nobody_else_reads(void **state)
{
    static const char digits[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
    static const char *const wrong[] = {"", "0011", "zz", "0x"};
    struct aq_wire_key key;
    struct aq_error error;
    char text[80];
    (void)state;
    write_key(digits, 0400);
    assert_int_equal(aq_wire_key_load(&key, path, &error), 0);
    assert_int_equal(key.bytes[31], 0xFF);
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        snprintf(text, sizeof text, "%s%s", wrong[i], i < 2 ? "" : digits + 2);
        write_key(text, 0600);
        assert_int_equal(aq_wire_key_load(&key, path, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
    }
    snprintf(text, sizeof text, "%s\n\n", digits);
    write_key(text, 0600);
    assert_int_equal(aq_wire_key_load(&key, path, &error), -1);
    write_key(digits, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(aq_wire_key_load(&key, path, &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_non_null(strstr(error.message, "has mode 640"));
}

static void a_message_opens_with_its_key_alone(void **state)
{
    const struct aq_beat sent = {.name = "n1", .session = 7, .number = 3};
    struct aq_wire_key key = {{1}}, other = {{2}};
    AQ_CLEANUP_BUFFER struct aq_buffer sealed = {0};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    enum aq_message_type type;
    struct aq_error error;
    void *message;
    (void)state;
    aq_buffer_text(&sealed, "what was here before");
    aq_wire_seal(&key, AQ_MSG_BEAT, &sent, &sealed);
    assert_int_equal(aq_wire_open(&key, sealed.data, sealed.length, &type, &message, &arena, &error), 0);
    assert_int_equal(type, AQ_MSG_BEAT);
    assert_int_equal(((struct aq_beat *)message)->session, 7);
    assert_int_equal(aq_wire_open(&other, sealed.data, sealed.length, &type, &message, &arena, &error), -1);
    assert_int_equal(error.code, AQ_E_UNAUTHENTICATED);
    for (size_t i = 0; i < sealed.length; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(aq_wire_open(&key, sealed.data, sealed.length, &type, &message, &arena, &error), -1);
        sealed.data[i] ^= 1;
        assert_int_equal(aq_wire_open(&key, sealed.data, i, &type, &message, &arena, &error), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_made_once),
        cmocka_unit_test(a_key_file_has_64_digits_that_nobody_else_reads),
        cmocka_unit_test(a_message_opens_with_its_key_alone),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
