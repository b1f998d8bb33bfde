/* Files are replaced whole, read within bounds and locked; directories are made and listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char path[] = "/tmp/aquarium-files-XXXXXX";
static int directory;

static int make_place(void **state)
{
    (void)state;
    umask(022);
    if (mkdtemp(path) == NULL)
        return -1;
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
    char command[64];
    (void)state;
    close(directory);
    snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command);
}

static const char *in_place(const char *name)
{
    static char full[256];
    snprintf(full, sizeof full, "%s/%s", path, name);
    return full;
}

static void assert_holds(const char *name, const char *text)
{
    struct aq_error error;
    AQ_CLEANUP_BUFFER struct aq_buffer got = {0};
    assert_int_equal(aq_file_read(directory, name, 1000, &got, &error), 0);
    assert_string_equal(aq_buffer_string(&got), text);
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status.st_mode & 07777;
}

/* ---- replacing ---------------------------------------------------------------------------------------- */

static void a_file_is_made_and_replaced(void **state)
{
    struct aq_error error;
    (void)state;
    assert_int_equal(aq_file_replace(directory, "one", 0600, "first", 5, &error), 0);
    assert_holds("one", "first");
    assert_int_equal(mode_of("one"), 0600);
    assert_int_equal(aq_file_replace(directory, "one", 0644, "2", 1, &error), 0);
    assert_holds("one", "2");
    assert_int_equal(mode_of("one"), 0644);
    assert_int_equal(aq_file_replace_unsynced(directory, "one", 0600, "", 0, &error), 0);
    assert_holds("one", "");
    assert_int_equal(faccessat(directory, "one.new", F_OK, 0), -1);
}

static void a_path_names_a_file_too(void **state)
{
    struct aq_error error;
    (void)state;
    assert_int_equal(aq_file_replace(AT_FDCWD, in_place("two"), 0600, "by path", 7, &error), 0);
    assert_holds("two", "by path");
    assert_int_equal(fchdir(directory), 0);
    assert_int_equal(aq_file_replace(AT_FDCWD, "three", 0600, "here", 4, &error), 0);
    assert_int_equal(chdir("/"), 0);
    assert_holds("three", "here");
}

static void what_a_crash_left_is_written_over(void **state)
{
    struct aq_error error;
    (void)state;
    assert_int_equal(aq_file_replace(directory, "four.new", 0600, "much that was left", 18, &error), 0);
    assert_int_equal(aq_file_replace(directory, "four", 0600, "4", 1, &error), 0);
    assert_holds("four", "4");
}

static void a_failure_leaves_the_file_and_no_other(void **state)
{
    struct aq_error error;
    (void)state;
    assert_int_equal(aq_file_replace(directory, "none/five", 0600, "5", 1, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "cannot write none/five: "));
    /* A directory cannot be replaced by a file. */
    assert_int_equal(mkdirat(directory, "six", 0700), 0);
    assert_int_equal(aq_file_replace(directory, "six", 0600, "6", 1, &error), -1);
    assert_int_equal(faccessat(directory, "six.new", F_OK, 0), -1);
    /* Nor does a link of that name lead the writer elsewhere. */
    assert_int_equal(symlinkat("target", directory, "seven.new"), 0);
    assert_int_equal(aq_file_replace(directory, "seven", 0600, "7", 1, &error), -1);
    assert_int_equal(faccessat(directory, "target", F_OK, 0), -1);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static void reading_is_bounded(void **state)
{
    struct aq_error error;
    AQ_CLEANUP_BUFFER struct aq_buffer got = {0};
    (void)state;
    assert_int_equal(aq_file_replace_unsynced(directory, "ten", 0600, "0123456789", 10, &error), 0);
    aq_buffer_text(&got, "> ");
    assert_int_equal(aq_file_read(directory, "ten", 10, &got, &error), 0);
    assert_string_equal(aq_buffer_string(&got), "> 0123456789");
    assert_int_equal(aq_file_read(directory, "ten", 9, &got, &error), -1);
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_string_equal(error.message, "ten is larger than 9 bytes");
    aq_buffer_reset(&got);
    assert_int_equal(aq_file_read_end(directory, "ten", 4, &got, &error), 0);
    assert_string_equal(aq_buffer_string(&got), "6789");
    aq_buffer_reset(&got);
    assert_int_equal(aq_file_read_end(directory, "ten", 40, &got, &error), 0);
    assert_string_equal(aq_buffer_string(&got), "0123456789");
    assert_int_equal(aq_file_read(directory, "missing", 9, &got, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    /* The kernel's files have no size. */
    aq_buffer_reset(&got);
    assert_int_equal(aq_file_read(AT_FDCWD, "/proc/self/status", 100000, &got, &error), 0);
    assert_non_null(strstr(aq_buffer_string(&got), "Pid:"));
}

static void a_text_is_cut_where_it_does_not_fit(void **state)
{
    struct aq_error error;
    char text[6] = "?";
    (void)state;
    assert_int_equal(aq_file_replace_unsynced(directory, "words", 0600, "words", 5, &error), 0);
    assert_int_equal(aq_file_read_text(directory, "words", text, sizeof text), 5);
    assert_string_equal(text, "words");
    assert_int_equal(aq_file_read_text(directory, "words", text, 3), 2);
    assert_string_equal(text, "wo");
    errno = 0;
    assert_int_equal(aq_file_read_text(directory, "missing", text, sizeof text), -1);
    assert_int_equal(errno, ENOENT);
    assert_string_equal(text, "");
}

static void links_are_followed_in_paths_alone(void **state)
{
    struct aq_error error;
    AQ_CLEANUP_BUFFER struct aq_buffer got = {0};
    (void)state;
    assert_int_equal(aq_file_replace_unsynced(directory, "real", 0600, "real", 4, &error), 0);
    assert_int_equal(symlinkat("real", directory, "link"), 0);
    assert_int_equal(aq_file_read(directory, "link", 10, &got, &error), -1);
    assert_int_equal(aq_file_read(AT_FDCWD, in_place("link"), 10, &got, &error), 0);
    assert_string_equal(aq_buffer_string(&got), "real");
}

/* ---- locks -------------------------------------------------------------------------------------------- */

static void a_lock_keeps_others_out_until_it_is_closed(void **state)
{
    struct aq_error error;
    (void)state;
    int lock = aq_file_lock(directory, "lock", &error);
    assert_true(lock >= 0);
    assert_int_equal(aq_file_lock(AT_FDCWD, in_place("lock"), &error), -1);
    assert_int_equal(error.code, AQ_E_EXISTS);
    close(lock);
    lock = aq_file_lock(directory, "lock", &error);
    assert_true(lock >= 0);
    close(lock);
    assert_int_equal(aq_file_lock(directory, "none/lock", &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
}

/* ---- directories -------------------------------------------------------------------------------------- */

static void directories_are_made_where_they_are_missing(void **state)
{
    struct aq_error error;
    (void)state;
    assert_int_equal(aq_directory_make_path(in_place("a/b/c"), 0700, 0755, &error), 0);
    assert_int_equal(aq_directory_make_path(in_place("a/b/c"), 0700, 0755, &error), 0);
    assert_int_equal(mode_of("a"), 0755);
    assert_int_equal(mode_of("a/b"), 0755);
    assert_int_equal(mode_of("a/b/c"), 0700);
    assert_int_equal(aq_directory_make(directory, "a/d", 0750, &error), 0);
    assert_int_equal(aq_directory_make(directory, "a/d", 0750, &error), 0);
    assert_int_equal(mode_of("a/d"), 0750);
    assert_int_equal(aq_directory_make(directory, "x/y", 0700, &error), -1);
    assert_non_null(strstr(error.message, "cannot make directory x/y: "));
    assert_int_equal(aq_directory_make_path("", 0700, 0755, &error), -1);
    int fd = aq_directory_open(directory, "opened", &error);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mode_of("opened"), 0700);
    assert_int_equal(aq_directory_sync(directory, "opened", &error), 0);
    assert_int_equal(aq_directory_sync(AT_FDCWD, in_place("missing"), &error), -1);
}

static bool count_names(void *context, int where, const char *name, unsigned char type)
{
    unsigned *count = context;
    (void)type;
    unlinkat(where, name, 0);
    return ++*count < 3;
}

static void a_list_ends_when_told_and_may_remove(void **state)
{
    struct aq_error error;
    unsigned count = 0;
    (void)state;
    int fd = aq_directory_open(directory, "list", &error);
    assert_true(fd >= 0);
    for (char name[] = "a"; name[0] <= 'd'; name[0]++)
        assert_int_equal(aq_file_replace_unsynced(fd, name, 0600, "", 0, &error), 0);
    assert_int_equal(aq_directory_list(fd, count_names, &count, &error), 0);
    assert_int_equal(count, 3);
    count = 0;
    assert_int_equal(aq_directory_list(fd, count_names, &count, &error), 0);
    assert_int_equal(count, 1);
    close(fd);
    assert_int_equal(aq_directory_list(-1, count_names, &count, &error), -1);
}

/* ---- scopes ------------------------------------------------------------------------------------------- */

static int open_twice(int *first, int *second)
{
    AQ_CLEANUP_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    AQ_CLEANUP_FD int none = -1;
    AQ_CLEANUP_FILE FILE *file = fopen("/dev/null", "re");
    AQ_CLEANUP_FILE FILE *no_file = NULL;
    (void)none;
    (void)no_file;
    *first = fd;
    *second = fileno(file);
    errno = EXDEV;
    return fd;
}

static void the_end_of_a_scope_closes(void **state)
{
    int first, second;
    (void)state;
    assert_true(open_twice(&first, &second) >= 0);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(fcntl(first, F_GETFD), -1);
    assert_int_equal(fcntl(second, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_made_and_replaced),
        cmocka_unit_test(a_path_names_a_file_too),
        cmocka_unit_test(what_a_crash_left_is_written_over),
        cmocka_unit_test(a_failure_leaves_the_file_and_no_other),
        cmocka_unit_test(reading_is_bounded),
        cmocka_unit_test(a_text_is_cut_where_it_does_not_fit),
        cmocka_unit_test(links_are_followed_in_paths_alone),
        cmocka_unit_test(a_lock_keeps_others_out_until_it_is_closed),
        cmocka_unit_test(directories_are_made_where_they_are_missing),
        cmocka_unit_test(a_list_ends_when_told_and_may_remove),
        cmocka_unit_test(the_end_of_a_scope_closes),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
