/* A daemon's command line is read as its declaration says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/program.h"
#include "schema/base/version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_settings(struct aq_buffer *text)
{
    aq_buffer_text(text, "name: x\n");
}

static const char *const forms[] = {"[--name NAME]", NULL}, *const notes[] = {"It ends.", NULL};
static const struct aq_program program = {
    AQ_PROGRAM_NAMED("aq-x"),
    .purpose = "does x",
    .forms = forms,
    .notes = notes,
    .settings_file = "/no/such/file.yml",
    .print_settings = print_settings,
    .options = {AQ_OPTION_ROW_CONFIG("/no/such/file.yml"),
                AQ_OPTION_ROW_SET(", such as a.b=1"),
                {"--name NAME", "its name", AQ_OPTION_SETTING},
                {"--check", "looks", AQ_OPTION_OWN},
                {"--check-all DIR", "looks at all", AQ_OPTION_OWN},
                AQ_OPTION_ROWS_LAST},
};

static struct aq_arguments arguments;
static char out[2000], err[2000]; /* what was printed */

static int redirect(FILE *stream, FILE *to)
{
    fflush(stream);
    int old = dup(fileno(stream));
    assert_return_code(dup2(fileno(to), fileno(stream)), 0);
    return old;
}

static void restore(FILE *stream, int old, FILE *from, char *text)
{
    fflush(stream);
    assert_return_code(dup2(old, fileno(stream)), 0);
    close(old);
    rewind(from);
    text[fread(text, 1, sizeof out - 1, from)] = '\0';
    fclose(from);
}

static void add_version(struct aq_buffer *text)
{
    aq_buffer_text(text, "libx 1\n");
}

/* Reads a command line that ends with NULL. */
static int read_words(const char *const *words)
{
    char *argv[16] = {NULL};
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)words[argc];
    FILE *files[] = {tmpfile(), tmpfile()};
    int olds[] = {redirect(stdout, files[0]), redirect(stderr, files[1])};
    int status = aq_program_read(&program, argc, argv, add_version, &arguments);
    restore(stdout, olds[0], files[0], out);
    restore(stderr, olds[1], files[1], err);
    return status;
}

#define READ(...) read_words((const char *const[]){"aq-x", __VA_ARGS__, NULL})

static void without_words_there_are_presets_alone(void **state)
{
    (void)state;
    assert_int_equal(READ(NULL), -1);
    assert_null(arguments.settings_file);
    assert_int_equal(arguments.assignment_count, 0);
    assert_null(aq_arguments_own(&arguments, "check"));
    assert_string_equal(out, "");
    assert_string_equal(err, "");
    aq_arguments_free(&arguments);
}

static void assignments_keep_their_order(void **state)
{
    (void)state;
    assert_int_equal(READ("--set", "a=1", "--name=n", "--config", "f.yml", "--set=a=2", "--name", "m"), -1);
    assert_string_equal(arguments.settings_file, "f.yml");
    assert_int_equal(arguments.assignment_count, 4);
    assert_string_equal(arguments.assignments[0], "a=1");
    assert_string_equal(arguments.assignments[1], "name=n");
    assert_string_equal(arguments.assignments[2], "a=2");
    assert_string_equal(arguments.assignments[3], "name=m");
    aq_arguments_free(&arguments);
}

static void a_program_finds_its_own_options(void **state)
{
    (void)state;
    assert_int_equal(READ("--check-all", "a", "--check-all=b"), -1);
    assert_null(aq_arguments_own(&arguments, "check"));
    assert_string_equal(aq_arguments_own(&arguments, "check-all"), "b");
    aq_arguments_free(&arguments);
    assert_int_equal(READ("--check"), -1);
    assert_string_equal(aq_arguments_own(&arguments, "check"), "");
    aq_arguments_free(&arguments);
}

static void help_and_version_are_printed(void **state)
{
    (void)state;
    assert_int_equal(READ("--help", "--nonsense"), 0);
    assert_string_equal(out, "aq-x: does x\n\n"
                             "  aq-x [--name NAME]\n\n"
                             "  --config FILE    settings in YAML; preset: /no/such/file.yml, if it exists\n"
                             "  --set KEY=VALUE  override one setting of the file, such as a.b=1; may be repeated\n"
                             "  --name NAME      its name\n"
                             "  --check          looks\n"
                             "  --check-all DIR  looks at all\n"
                             "  --help-config    print all settings with their presets, as a file to start from\n"
                             "  --help           print this text\n"
                             "  --version        print the version\n\n"
                             "It ends.\n");
    assert_string_equal(err, "");
    aq_arguments_free(&arguments);
    assert_int_equal(READ("-h"), 0);
    assert_string_not_equal(out, "");
    aq_arguments_free(&arguments);
    assert_int_equal(READ("--help-config"), 0);
    assert_string_equal(out, "name: x\n");
    aq_arguments_free(&arguments);
    assert_int_equal(READ("--check", "--version"), 0);
    assert_string_equal(out, "aq-x " AQ_VERSION "\nlibx 1\n");
    aq_arguments_free(&arguments);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    assert_int_equal(READ("--check", "word"), AQ_EXIT_USAGE);
    assert_string_equal(err, "aq-x: unexpected argument \"word\"\nTry aq-x --help.\n");
    aq_arguments_free(&arguments);
    assert_int_equal(READ("--none"), AQ_EXIT_USAGE);
    assert_string_equal(err, "aq-x: unrecognized option '--none'\nTry aq-x --help.\n");
    aq_arguments_free(&arguments);
    assert_int_equal(READ("--set"), AQ_EXIT_USAGE);
    assert_string_equal(err, "aq-x: option '--set' requires an argument\nTry aq-x --help.\n");
    assert_string_equal(out, "");
    aq_arguments_free(&arguments);
}

/* In a process of its own, with the descriptors of `closed` closed: 0 if files that are opened then become none of
 * them. */
static int begin_without(const int *closed, int count)
{
    for (int i = 0; i < count; i++)
        close(closed[i]);
    aq_program_begin();
    for (int i = 0; i < count; i++) {
        char path[32], target[32] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", closed[i]);
        if (readlink(path, target, sizeof target - 1) < 0 || strcmp(target, "/dev/null") != 0)
            return 1;
    }
    if (open("/proc/self/exe", O_RDONLY) <= STDERR_FILENO)
        return 2;
    if (closed[count - 1] == STDOUT_FILENO && write(STDOUT_FILENO, "x", 1) == 1)
        return 3; /* what was to be shown is lost, and nobody would notice */
    return 0;
}

static void no_file_takes_the_place_of_a_closed_one(void **state)
{
    static const int closed[] = {0, 1, 2, 0, 1};
    (void)state;
    for (int first = 0; first < 5; first++)
        for (int count = 1; first + count <= 5 && count <= 3; count++) {
            pid_t child = fork();
            if (child == 0)
                _exit(begin_without(closed + first, count));
            int status = -1;
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_int_equal(status, 0);
        }
}

/* In a process of its own, as nohup(1) starts it: 0 if SIGHUP waits to be taken, and a closed pipe harms nobody. */
static int begin_under_nohup(void)
{
    sigset_t signals, pending;
    int ends[2];
    signal(SIGHUP, SIG_IGN);
    aq_program_block_signals(&signals);
    kill(getpid(), SIGHUP);
    if (sigpending(&pending) != 0 || sigismember(&pending, SIGHUP) != 1)
        return 1;
    if (sigismember(&signals, SIGTERM) != 1 || sigismember(&signals, SIGINT) != 1 || sigismember(&signals, SIGHUP) != 1)
        return 2;
    if (pipe(ends) != 0 || close(ends[0]) != 0)
        return 3;
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? 0 : 4;
}

static void a_daemon_takes_its_signals_itself(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(begin_under_nohup());
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_words_there_are_presets_alone),
        cmocka_unit_test(assignments_keep_their_order),
        cmocka_unit_test(a_program_finds_its_own_options),
        cmocka_unit_test(help_and_version_are_printed),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(no_file_takes_the_place_of_a_closed_one),
        cmocka_unit_test(a_daemon_takes_its_signals_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
