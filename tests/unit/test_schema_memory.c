/* What everything else stands on: arenas, buffers, and the object that carries an error. */
#include "schema/base/utf8.h"
#include "tests/lib/sample.h"

#include <errno.h>
#include <malloc.h>

/* ---- arena -------------------------------------------------------------------------------------------- */

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct aq_arena arena = {0};
    for (size_t size = 0; size < 300; size++) {
        unsigned char *memory = aq_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xAA, size);
    }
    aq_arena_free(&arena);
}

static void arena_keeps_what_it_gave_while_it_grows(void **state)
{
    (void)state;
    struct aq_arena arena = {0};
    const char *texts[1000];
    for (unsigned i = 0; i < 1000; i++)
        texts[i] = aq_arena_format(&arena, "text %u of many, to fill more than one block", i);
    for (unsigned i = 0; i < 1000; i++) {
        char expected[80];
        snprintf(expected, sizeof expected, "text %u of many, to fill more than one block", i);
        assert_string_equal(texts[i], expected);
    }
    aq_arena_free(&arena);
}

static void arena_gives_more_than_a_block_at_once(void **state)
{
    (void)state;
    struct aq_arena arena = {0};
    char *small = aq_arena_text(&arena, "small", 5);
    char *large = aq_arena_alloc(&arena, 1 << 20);
    memset(large, 1, 1 << 20);
    char *next = aq_arena_text(&arena, "next", 4);
    assert_string_equal(small, "small");
    assert_string_equal(next, "next");
    aq_arena_free(&arena);
}

static void arena_text_takes_a_part_and_adds_the_nul(void **state)
{
    (void)state;
    struct aq_arena arena = {0};
    assert_string_equal(aq_arena_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(aq_arena_text(&arena, NULL, 0), "");
    aq_arena_free(&arena);
}

/* Thousands of nodes have one each, for as long as they are there. */
static void arena_of_little_is_little(void **state)
{
    (void)state;
    enum { COUNT = 1000, LITTLE = 100, MUCH = 1 << 20 };
    struct aq_arena *arenas = aq_calloc(COUNT, sizeof *arenas);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < COUNT; i++)
        aq_arena_alloc(&arenas[i], LITTLE);
    assert_true(mallinfo2().uordblks - before.uordblks < COUNT * 1024);
    for (int i = 0; i < COUNT; i++) {
        for (int taken = 0; taken < 20000; taken += LITTLE)
            aq_arena_alloc(&arenas[i], LITTLE);
        aq_arena_alloc(&arenas[i], MUCH);
        aq_arena_reset(&arenas[i]);
    }
    struct mallinfo2 after = mallinfo2();
    assert_true(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd < COUNT * 8300);
    for (int i = 0; i < COUNT; i++)
        aq_arena_free(&arenas[i]);
    free(arenas);
}

static void arena_is_as_new_after_reset_and_free(void **state)
{
    (void)state;
    struct aq_arena arena = {0};
    aq_arena_reset(&arena); /* an empty one may be reset and freed */
    aq_arena_free(&arena);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            memset(aq_arena_alloc(&arena, 1000), 0xFF, 1000);
        aq_arena_reset(&arena);
        const unsigned char *memory = aq_arena_alloc(&arena, 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(memory[i], 0);
        aq_arena_free(&arena);
        assert_null(arena.blocks);
    }
}

/* ---- buffer ------------------------------------------------------------------------------------------- */

static void buffer_is_always_a_string(void **state)
{
    (void)state;
    struct aq_buffer buffer = {0};
    assert_string_equal(aq_buffer_string(&buffer), "");
    aq_buffer_text(&buffer, "one");
    aq_buffer_char(&buffer, ' ');
    aq_buffer_format(&buffer, "%d-%s", 2, "three");
    aq_buffer_add(&buffer, "!!!", 1);
    assert_string_equal(aq_buffer_string(&buffer), "one 2-three!");
    assert_int_equal(buffer.length, 12);
    aq_buffer_reset(&buffer);
    assert_string_equal(aq_buffer_string(&buffer), "");
    assert_int_equal(buffer.length, 0);
    aq_buffer_free(&buffer);
    assert_null(buffer.data);
}

static void buffer_holds_any_bytes(void **state)
{
    (void)state;
    struct aq_buffer buffer = {0};
    for (unsigned i = 0; i < 100000; i++)
        aq_buffer_char(&buffer, (char)(i % 256));
    assert_int_equal(buffer.length, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)buffer.data[i], i % 256);
    assert_int_equal(buffer.data[buffer.length], 0);
    aq_buffer_free(&buffer);
}

static void buffer_adds_nothing_from_nowhere(void **state)
{
    (void)state;
    struct aq_buffer buffer = {0};
    aq_buffer_add(&buffer, NULL, 0);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(aq_buffer_string(&buffer), "");
    aq_buffer_free(&buffer);
}

static void buffer_writes_every_u64(void **state)
{
    (void)state;
    struct aq_buffer buffer = {0};
    const uint64_t numbers[] = {0, 9, 10, 1000, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < AQ_LENGTH(numbers); i++) {
        aq_buffer_u64(&buffer, numbers[i]);
        aq_buffer_char(&buffer, ' ');
    }
    assert_string_equal(buffer.data, "0 9 10 1000 4294967295 18446744073709551615 ");
    aq_buffer_free(&buffer);
}

/* ---- arrays and scopes -------------------------------------------------------------------------------- */

static void an_array_grows_as_it_is_filled(void **state)
{
    (void)state;
    AQ_CLEANUP_MEMORY unsigned *items = NULL;
    size_t count = 0, capacity = 0, moves = 0;
    for (unsigned i = 0; i < 1000; i++) {
        size_t before = capacity;
        AQ_GROW(items, count, capacity);
        moves += capacity != before;
        items[count++] = i;
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    assert_int_equal(capacity, 1024);
    assert_int_equal(moves, 7);
}

static size_t length_of_scoped(const char *text)
{
    AQ_CLEANUP_BUFFER struct aq_buffer buffer = {0};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_MEMORY char *copy = aq_strdup(text);
    AQ_CLEANUP_MEMORY char *none = NULL;
    (void)none;
    aq_buffer_text(&buffer, aq_arena_text(&arena, copy, strlen(copy)));
    return buffer.length;
}

static void the_end_of_a_scope_frees(void **state)
{
    (void)state;
    length_of_scoped("text");
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 100; i++)
        assert_int_equal(length_of_scoped("text"), 4);
    assert_int_equal(mallinfo2().uordblks, before);
}

/* ---- error -------------------------------------------------------------------------------------------- */

static void error_carries_code_and_words(void **state)
{
    (void)state;
    struct aq_error error = {0};
    assert_int_equal(aq_fail(&error, AQ_E_STATE, "node %s is %d", "n1", 3), -1);
    assert_int_equal(error.code, AQ_E_STATE);
    assert_string_equal(error.message, "node n1 is 3");
    assert_int_equal(aq_error_context(&error, "command %d", 7), -1);
    assert_int_equal(error.code, AQ_E_STATE);
    assert_string_equal(error.message, "command 7: node n1 is 3");
}

static void error_takes_its_code_from_errno(void **state)
{
    (void)state;
    const struct {
        int number;
        enum aq_error_code code;
    } rows[] = {{ENOENT, AQ_E_NOT_FOUND},
                {EEXIST, AQ_E_EXISTS},
                {EACCES, AQ_E_FORBIDDEN},
                {ENOSPC, AQ_E_NO_SPACE},
                {EIO, AQ_E_IO}};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct aq_error error = {0};
        assert_int_equal(aq_fail_errno(&error, rows[i].number, "/a"), -1);
        assert_int_equal(error.code, rows[i].code);
    }
    struct aq_error error = {0};
    aq_fail_errno(&error, ENOENT, "open %s", "/a");
    assert_string_equal(error.message, "open /a: No such file or directory");
}

static void error_cuts_what_does_not_fit(void **state)
{
    (void)state;
    char words[2000];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    struct aq_error error = {0};
    aq_fail(&error, AQ_E_INVALID, "%s", words);
    assert_int_equal(strlen(error.message), AQ_ERROR_MESSAGE_SIZE - 1);
    aq_error_context(&error, "%s", words);
    aq_fail_errno(&error, EIO, "%s", words);
    assert_int_equal(strlen(error.message), AQ_ERROR_MESSAGE_SIZE - 1);
}

static void error_is_utf8_whatever_it_was_told(void **state)
{
    (void)state;
    struct aq_error error = {0};
    aq_fail(&error, AQ_E_INVALID, "\"%s\" \xE2\x82\xAC", "a\xFF\xC3");
    assert_string_equal(error.message, "\"a??\" \xE2\x82\xAC");
    aq_fail(&error, AQ_E_INVALID, "%.2s", "\xE2\x82\xAC"); /* cut inside of a character */
    assert_string_equal(error.message, "??");
    char words[AQ_ERROR_MESSAGE_SIZE];
    memset(words, 'x', sizeof words);
    memcpy(words + sizeof words - 4, "\xE2\x82\xAC", 4);
    aq_fail(&error, AQ_E_INVALID, "+%s", words);
    assert_true(aq_utf8_is_good(error.message, strlen(error.message)));
    aq_fail(&error, AQ_E_INVALID, "%s", words);
    aq_error_context(&error, "a");
    assert_true(aq_utf8_is_good(error.message, strlen(error.message)));
}

/* Or its reader's terminal would obey it, and a message that carries it would not open. */
static void error_has_no_control_characters(void **state)
{
    (void)state;
    struct aq_error error = {0};
    aq_fail(&error, AQ_E_INVALID, "name is \"%s\"\n\tand so on", "\x1B[31m\x7F\r");
    assert_string_equal(error.message, "name is \"?[31m??\"\n\tand so on");
    aq_error_context(&error, "a\ab");
    assert_string_equal(error.message, "a?b: name is \"?[31m??\"\n\tand so on");
}

static void every_code_has_its_row(void **state)
{
    (void)state;
    for (int i = AQ_OK + 1; i < AQ_E_COUNT; i++) {
        enum aq_error_code code = (enum aq_error_code)i;
        assert_int_equal(aq_error_from_name(aq_error_name(code)), code);
        assert_true(aq_error_http(code) >= 400 && aq_error_http(code) < 600);
        assert_true(aq_error_errno(code) > 0);
        assert_true(strlen(aq_error_text(code)) > 0);
    }
    assert_string_equal(aq_error_name(AQ_E_NOT_FOUND), "not_found");
    assert_int_equal(aq_error_http(AQ_E_NOT_FOUND), 404);
    assert_int_equal(aq_error_errno(AQ_E_NOT_FOUND), ENOENT);
    assert_int_equal(aq_error_from_name("no such name"), AQ_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_keeps_what_it_gave_while_it_grows),
        cmocka_unit_test(arena_gives_more_than_a_block_at_once),
        cmocka_unit_test(arena_text_takes_a_part_and_adds_the_nul),
        cmocka_unit_test(arena_of_little_is_little),
        cmocka_unit_test(arena_is_as_new_after_reset_and_free),
        cmocka_unit_test(buffer_is_always_a_string),
        cmocka_unit_test(buffer_holds_any_bytes),
        cmocka_unit_test(buffer_adds_nothing_from_nowhere),
        cmocka_unit_test(buffer_writes_every_u64),
        cmocka_unit_test(an_array_grows_as_it_is_filled),
        cmocka_unit_test(the_end_of_a_scope_frees),
        cmocka_unit_test(error_carries_code_and_words),
        cmocka_unit_test(error_takes_its_code_from_errno),
        cmocka_unit_test(error_cuts_what_does_not_fit),
        cmocka_unit_test(error_is_utf8_whatever_it_was_told),
        cmocka_unit_test(error_has_no_control_characters),
        cmocka_unit_test(every_code_has_its_row),
    };
    return cmocka_run_group_tests_name("schema: memory and errors", tests, NULL, NULL);
}
