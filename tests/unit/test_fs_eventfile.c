/* /events: offsets that never change, reads that end at the end, and reading on after the file started over or after
 * damage. */
#include "fs/link/eventfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void append(struct eventfile *file, const char *line)
{
    eventfile_append(file, line, strlen(line));
}

/* What read() returns; NULL unless it is data. */
static const char *read_at(struct eventfile *file, struct eventfile_place *place, uint64_t offset, size_t size,
                           enum eventfile_answer expected)
{
    static char text[64];
    const char *data = NULL;
    size_t length = 0;
    assert_int_equal(eventfile_read(file, place, offset, size, &data, &length), expected);
    if (expected != EVENTFILE_DATA)
        return NULL;
    assert_true(length > 0 && length < sizeof text);
    memcpy(text, data, length);
    text[length] = '\0';
    return text;
}

static void starts_over(struct eventfile *file)
{
    static char filler[EVENTFILE_SIZE_MAX];
    memset(filler, 'x', sizeof filler);
    uint64_t before = file->generation;
    eventfile_append(file, filler, sizeof filler);
    assert_int_equal(file->generation, before + 1);
}

static void reading_at_the_end_never_waits(void **state)
{
    (void)state;
    struct eventfile file = {0};
    struct eventfile_place place = eventfile_open(&file);
    assert_false(eventfile_has_more(&file, &place));
    read_at(&file, &place, 0, 10, EVENTFILE_END);
    read_at(&file, &place, 0, 10, EVENTFILE_END);
    append(&file, "one\n");
    assert_true(eventfile_has_more(&file, &place));
    assert_string_equal(read_at(&file, &place, 0, 10, EVENTFILE_DATA), "one\n");
    read_at(&file, &place, 4, 10, EVENTFILE_END);
    read_at(&file, &place, 4, 10, EVENTFILE_END);
    append(&file, "two\n");
    assert_string_equal(read_at(&file, &place, 4, 10, EVENTFILE_DATA), "two\n");
    assert_false(eventfile_has_more(&file, &place));
    eventfile_free(&file);
}

/* Each read finds that more was appended: it must come to an end all the same, and then go on. */
static void reading_to_the_end_of_a_growing_file_ends(void **state)
{
    (void)state;
    struct eventfile file = {0};
    append(&file, "one\ntwo\n");
    struct eventfile_place place = eventfile_open(&file);
    append(&file, "three\n");
    assert_string_equal(read_at(&file, &place, 0, 4, EVENTFILE_DATA), "one\n");
    append(&file, "four\n");
    assert_string_equal(read_at(&file, &place, 4, 40, EVENTFILE_DATA), "two\n");
    read_at(&file, &place, 8, 40, EVENTFILE_END);
    append(&file, "five\n");
    assert_string_equal(read_at(&file, &place, 8, 40, EVENTFILE_DATA), "three\nfour\nfive\n");
    append(&file, "six\n");
    read_at(&file, &place, 24, 40, EVENTFILE_END);
    starts_over(&file);
    assert_string_equal(read_at(&file, &place, 24, 40, EVENTFILE_DATA), "six\n");
    assert_string_equal(read_at(&file, &place, 28, 3, EVENTFILE_DATA), "xxx");
    eventfile_free(&file);
}

static void a_reader_that_seeks_reads_from_there(void **state)
{
    (void)state;
    struct eventfile file = {0};
    append(&file, "one\ntwo\n");
    struct eventfile_place place = eventfile_open(&file);
    assert_string_equal(read_at(&file, &place, 4, 3, EVENTFILE_DATA), "two");
    assert_string_equal(read_at(&file, &place, 0, 3, EVENTFILE_DATA), "one");
    read_at(&file, &place, 100, 3, EVENTFILE_END);
    eventfile_free(&file);
}

static void reading_on_misses_nothing_when_it_starts_over(void **state)
{
    (void)state;
    struct eventfile file = {0};
    append(&file, "old\n");
    struct eventfile_place reader = eventfile_open(&file), late = eventfile_open(&file);
    assert_string_equal(read_at(&file, &reader, 0, 10, EVENTFILE_DATA), "old\n");
    read_at(&file, &reader, 4, 10, EVENTFILE_END);
    starts_over(&file);
    assert_true(eventfile_has_more(&file, &reader));
    assert_string_equal(read_at(&file, &late, 0, 10, EVENTFILE_DATA), "old\n");
    read_at(&file, &late, 4, 3, EVENTFILE_END); /* it ended here when it was opened */
    assert_string_equal(read_at(&file, &late, 4, 3, EVENTFILE_DATA), "xxx");
    assert_string_equal(read_at(&file, &reader, 4, 3, EVENTFILE_DATA), "xxx");
    assert_string_equal(read_at(&file, &reader, 7, 3, EVENTFILE_DATA), "xxx");
    /* A reader that seeks, as tail does when the file has shrunk, reads the new file. */
    assert_string_equal(read_at(&file, &reader, 0, 2, EVENTFILE_DATA), "xx");
    eventfile_free(&file);
}

static void a_reader_far_behind_gets_an_error(void **state)
{
    (void)state;
    struct eventfile file = {0};
    append(&file, "old\n");
    struct eventfile_place reader = eventfile_open(&file), fresh = eventfile_open(&file);
    assert_string_equal(read_at(&file, &reader, 0, 2, EVENTFILE_DATA), "ol");
    starts_over(&file);
    append(&file, "new\n"); /* full: starts over again */
    assert_int_equal(file.generation, 2);
    read_at(&file, &reader, 2, 10, EVENTFILE_BEHIND);
    assert_string_equal(read_at(&file, &reader, 2, 10, EVENTFILE_DATA), "new\n"); /* the error came once */
    assert_string_equal(read_at(&file, &reader, 0, 10, EVENTFILE_DATA), "new\n");
    assert_string_equal(read_at(&file, &fresh, 0, 10, EVENTFILE_DATA), "new\n");
    eventfile_free(&file);
}

static void a_reader_gets_one_error_at_damage(void **state)
{
    (void)state;
    struct eventfile file = {0};
    append(&file, "old\n");
    struct eventfile_place reader = eventfile_open(&file), late = eventfile_open(&file);
    assert_string_equal(read_at(&file, &reader, 0, 10, EVENTFILE_DATA), "old\n");
    read_at(&file, &reader, 4, 10, EVENTFILE_END);
    read_at(&file, &reader, 4, 10, EVENTFILE_END);
    eventfile_break(&file);
    assert_true(eventfile_has_more(&file, &reader));
    read_at(&file, &reader, 4, 10, EVENTFILE_BROKEN);
    assert_false(eventfile_has_more(&file, &reader));
    read_at(&file, &reader, 4, 10, EVENTFILE_END);
    eventfile_break(&file); /* still the same damage */
    append(&file, "new\n");
    assert_string_equal(read_at(&file, &reader, 4, 10, EVENTFILE_DATA), "new\n");
    assert_string_equal(read_at(&file, &late, 0, 10, EVENTFILE_DATA), "old\n");
    read_at(&file, &late, 4, 10, EVENTFILE_BROKEN);
    assert_string_equal(read_at(&file, &late, 4, 10, EVENTFILE_DATA), "new\n");
    struct eventfile_place fresh = eventfile_open(&file); /* it starts after the damage */
    assert_string_equal(read_at(&file, &fresh, 0, 10, EVENTFILE_DATA), "new\n");
    read_at(&file, &fresh, 4, 10, EVENTFILE_END);
    starts_over(&file); /* this time because it is full */
    assert_string_equal(read_at(&file, &fresh, 4, 3, EVENTFILE_DATA), "xxx");
    eventfile_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_at_the_end_never_waits),
        cmocka_unit_test(reading_to_the_end_of_a_growing_file_ends),
        cmocka_unit_test(a_reader_that_seeks_reads_from_there),
        cmocka_unit_test(reading_on_misses_nothing_when_it_starts_over),
        cmocka_unit_test(a_reader_far_behind_gets_an_error),
        cmocka_unit_test(a_reader_gets_one_error_at_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
