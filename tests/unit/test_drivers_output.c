/* The output of a workload as files: what is read and measured, whoever has written them (drivers/output.h). */
#include "drivers/output.h"
#include "schema/base/files.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    static char path[64];
    test_make_directory(path, sizeof path, "/tmp", "output");
    *state = path;
    return 0;
}

static int teardown(void **state)
{
    test_remove_tree(*state);
    return 0;
}

static void put_file(int directory, const char *name, const char *text)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(aq_file_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

/* Reads from `position` on; returns where the bytes begin. */
static uint64_t read_output(int directory, uint64_t position, uint64_t most, const char *expected,
                            struct output_span *span)
{
    struct aq_error error;
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    assert_int_equal(output_read(directory, &position, most, &out, span, &error), 0);
    assert_string_equal(aq_buffer_string(&out), expected);
    return position;
}

/* An agent of an earlier version has started the workload. */
static void files_of_earlier_versions_are_read(void **state)
{
    struct output_span span;
    struct aq_error error;
    AQ_CLEANUP_FD int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_file(directory, "log.1", "older\n");
    put_file(directory, "log", "newer\n");
    read_output(directory, 0, 8, "r\nnewer\n", &span); /* the newest, whatever was asked for */
    assert_false(span.placed);
    assert_int_equal(mkdirat(directory, "ended", 0700), 0);
    AQ_CLEANUP_FD int ended = openat(directory, "ended", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(output_move(directory, ended, &error), 0);
    read_output(ended, 3, 100, "er\nnewer\n", &span);
    assert_true(span.placed);
    assert_int_equal(span.end, 12);
}

/* Power was lost, and with it the end of a file that another one follows. */
static void a_gap_is_left_out(void **state)
{
    struct output_span span;
    AQ_CLEANUP_FD int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_file(directory, "output.100", "abc");
    put_file(directory, "output.110", "def");
    assert_int_equal(read_output(directory, 101, 100, "bc", &span), 101);
    assert_int_equal(read_output(directory, 103, 100, "def", &span), 110);
    assert_int_equal(span.first, 100);
    assert_int_equal(span.end, 113);
}

/* ---- looking again ------------------------------------------------------------------------------------ */

static void look(const char *path, struct output_seen *seen, uint64_t first, uint64_t end)
{
    struct output_span span;
    struct aq_error error;
    AQ_CLEANUP_FD int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(output_look(directory, seen, &span, &error), 0);
    assert_true(span.placed);
    assert_int_equal(span.first, first);
    assert_int_equal(span.end, end);
}

/* Looks until what was seen may be taken for what is there, which takes a while after the newest file was made. */
static void look_until_valid(const char *path, struct output_seen *seen, uint64_t first, uint64_t end)
{
    look(path, seen, first, end);
    assert_false(seen->valid);
    while (!seen->valid) {
        usleep(20000);
        look(path, seen, first, end);
    }
}

static void expect_again(const char *path, const struct output_seen *seen, uint64_t first, uint64_t end)
{
    struct output_span span;
    assert_true(output_look_again(AT_FDCWD, path, seen, &span));
    assert_true(span.placed);
    assert_int_equal(span.first, first);
    assert_int_equal(span.end, end);
}

static void a_second_look_sees_what_has_changed(void **state)
{
    struct output_seen seen = {0}, nothing = {0};
    struct output_span span;
    AQ_CLEANUP_FD int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_false(output_look_again(AT_FDCWD, *state, &nothing, &span));
    look_until_valid(*state, &nothing, 0, 0);
    expect_again(*state, &nothing, 0, 0);
    put_file(directory, "output.100", "abcdefghij");
    put_file(directory, "output.110", "");
    assert_false(output_look_again(AT_FDCWD, *state, &nothing, &span));
    look_until_valid(*state, &seen, 100, 110);
    expect_again(*state, &seen, 100, 110);
    put_file(directory, "output.110", "klm");
    expect_again(*state, &seen, 100, 113);
    put_file(directory, "output.110", "k");
    expect_again(*state, &seen, 100, 111);
    put_file(directory, "output.111", ""); /* a full file, so its size tells nothing */
    assert_false(output_look_again(AT_FDCWD, *state, &seen, &span));
    look_until_valid(*state, &seen, 100, 111);
    assert_int_equal(unlinkat(directory, "output.100", 0), 0);
    assert_false(output_look_again(AT_FDCWD, *state, &seen, &span));
    look(*state, &seen, 110, 111);
}

static void output_without_positions_is_looked_for_anew(void **state)
{
    struct output_seen seen;
    struct output_span span;
    struct aq_error error;
    AQ_CLEANUP_FD int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_file(directory, "log", "abc");
    sleep(2); /* longer than a look has to wait before it counts */
    assert_int_equal(output_look(directory, &seen, &span, &error), 0);
    assert_false(span.placed);
    assert_false(output_look_again(AT_FDCWD, *state, &seen, &span));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_of_earlier_versions_are_read),
        TEST(a_gap_is_left_out),
        TEST(a_second_look_sees_what_has_changed),
        TEST(output_without_positions_is_looked_for_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
