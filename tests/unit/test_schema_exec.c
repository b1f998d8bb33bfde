/* The pieces of a command's output: what is added is read, whatever parts it comes in, and nothing else is taken. */
#include "schema/model/exec.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

struct taken {
    struct aq_buffer output, errors;
    bool full;
};

static int take(void *context, enum aq_exec_piece piece, const void *data, size_t length)
{
    struct taken *taken = context;
    aq_buffer_add(piece == AQ_EXEC_ERRORS ? &taken->errors : &taken->output, data, length);
    return taken->full ? -1 : 0;
}

static void free_taken(struct taken *taken)
{
    aq_buffer_free(&taken->output);
    aq_buffer_free(&taken->errors);
}

static void pieces_are_read_in_any_parts(void **state)
{
    (void)state;
    AQ_CLEANUP_BUFFER struct aq_buffer stream = {0};
    char *much = aq_calloc(1, 70000);
    memset(much, 'm', 70000);
    aq_exec_add_piece(&stream, AQ_EXEC_OUTPUT, "one", 3);
    aq_exec_add_piece(&stream, AQ_EXEC_ERRORS, "two", 3);
    aq_exec_add_piece(&stream, AQ_EXEC_OUTPUT, "", 0);
    aq_exec_add_piece(&stream, AQ_EXEC_OUTPUT, much, 70000);
    aq_exec_add_piece(&stream, AQ_EXEC_ERRORS, "\0\xFF", 2);
    assert_int_equal(stream.length, 5 * AQ_EXEC_HEAD_SIZE + 3 + 3 + 70000 + 2);
    for (size_t step = 1; step < 20; step += 3) {
        struct aq_exec_reader reader = {0};
        struct taken taken = {0};
        struct aq_error error = {0};
        for (size_t at = 0; at < stream.length; at += step) {
            const size_t length = at + step < stream.length ? step : stream.length - at;
            assert_int_equal(aq_exec_read(&reader, stream.data + at, length, take, &taken, &error), 0);
        }
        assert_int_equal(taken.output.length, 70003);
        assert_memory_equal(taken.output.data, "onemm", 5);
        assert_int_equal(taken.errors.length, 5);
        assert_memory_equal(taken.errors.data, "two\0\xFF", 5);
        free_taken(&taken);
    }
    free(much);
}

static void what_is_no_piece_is_refused(void **state)
{
    (void)state;
    static const unsigned char kind[] = {3, 0, 0, 1, 'x'}, length[] = {1, 2, 0, 1}, fine[] = {1, 2, 0, 0};
    struct taken taken = {.full = true};
    struct aq_error error = {0};
    struct aq_exec_reader reader = {0};
    assert_int_equal(aq_exec_read(&reader, kind, sizeof kind, take, &taken, &error), -1);
    assert_string_equal(error.message, "the output has a piece of kind 3 with 1 bytes, which there is not");
    reader = (struct aq_exec_reader){0};
    assert_int_equal(aq_exec_read(&reader, length, sizeof length, take, &taken, &error), -1);
    reader = (struct aq_exec_reader){0};
    assert_int_equal(aq_exec_read(&reader, fine, sizeof fine, take, &taken, &error), 0);
    assert_int_equal(reader.left, AQ_EXEC_DATA_MAX);
    assert_int_equal(aq_exec_read(&reader, "x", 1, take, &taken, &error), -1); /* it could not be written */
    assert_int_equal(error.code, AQ_E_IO);
    free_taken(&taken);
}

static bool is_copy_out(const char **texts, uint32_t count)
{
    const struct aq_list list = {texts, count};
    return aq_exec_is_copy_out(&list);
}

/* What is possible after a workload's end is this command alone, and it names one file of the directory. */
static void one_command_copies_out(void **state)
{
    (void)state;
    const char *texts[AQ_EXEC_COPY_COUNT + 1];
    aq_exec_copy_out(texts, "/work/out", "report.xml");
    texts[AQ_EXEC_COPY_COUNT] = "more";
    assert_true(is_copy_out(texts, AQ_EXEC_COPY_COUNT));
    assert_false(is_copy_out(texts, AQ_EXEC_COPY_COUNT + 1));
    assert_false(is_copy_out(texts, AQ_EXEC_COPY_COUNT - 1));
    static const char *const bad[] = {"", "..", "a/b", "/etc"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++) {
        aq_exec_copy_out(texts, "/work", bad[i]);
        assert_false(is_copy_out(texts, AQ_EXEC_COPY_COUNT));
    }
    for (int i = 0; i < AQ_EXEC_COPY_COUNT; i++) {
        aq_exec_copy_out(texts, "/work", "x");
        texts[i] = i == AQ_EXEC_COPY_DIRECTORY || i == AQ_EXEC_COPY_NAME ? texts[i] : "--checkpoint-action=exec=sh";
        assert_int_equal(is_copy_out(texts, AQ_EXEC_COPY_COUNT), i == AQ_EXEC_COPY_DIRECTORY || i == AQ_EXEC_COPY_NAME);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_read_in_any_parts),
        cmocka_unit_test(what_is_no_piece_is_refused),
        cmocka_unit_test(one_command_copies_out),
    };
    return cmocka_run_group_tests_name("schema: output of commands", tests, NULL, NULL);
}
