/* A controller's data directory has one controller, and a start waits for one that is just ending. The first
 * start makes the user admin, and shows its token to nobody but a person. */
#include "controller/settings/settings.h"
#include "controller/setup.h"
#include "schema/base/files.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_remove_tree(directory);
    return 0;
}

static void a_directory_that_is_in_use_is_refused(void **state)
{
    struct aq_error error;
    int first = -1, second = -1;
    (void)state;
    assert_int_equal(setup_directory(directory, &first, &error), 0);
    assert_int_equal(setup_directory(directory, &second, &error), -1);
    assert_int_equal(error.code, AQ_E_EXISTS);
    assert_non_null(strstr(error.message, "another controller uses "));
    close(first);
    assert_int_equal(setup_lock(directory, &second, &error), 0);
    close(second);
}

static void a_start_waits_for_one_that_ends(void **state)
{
    struct aq_error error;
    int ready[2], lock = -1, status;
    char byte;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        bool locked = setup_lock(directory, &lock, &error) == 0 && write(ready[1], "x", 1) == 1;
        usleep(150000);
        _exit(locked ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(setup_lock(directory, &lock, &error), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(lock);
    close(ready[0]);
    close(ready[1]);
}

/* ---- admin ---------------------------------------------------------------------------------------------------- */

/* Creates the user admin with standard error being `place`, and puts what it was told into `said`, and the token that
 * was stored into `token`. */
static void create_admin(int place, int reading, char said[1024], char token[128])
{
    struct test_cluster cluster;
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    test_cluster_new(&cluster);
    test_cluster_start(&cluster);
    int kept = dup(STDERR_FILENO);
    assert_return_code(dup2(place, STDERR_FILENO), errno);
    int status = setup_admin(writer_loop_writer(cluster.loop), cluster.state, directory, &error);
    assert_return_code(dup2(kept, STDERR_FILENO), errno);
    close(kept);
    test_must(status, &error);
    ssize_t length = read(reading, said, 1023);
    assert_return_code(length, errno);
    said[length] = '\0';
    aq_buffer_format(&path, "%s/" AQ_FILE_TOKEN, directory);
    AQ_CLEANUP_FILE FILE *file = fopen(path.data, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%127s", token), 1);
    test_cluster_free(&cluster);
}

static void admins_token_is_shown_on_a_terminal(void **state)
{
    int near, far;
    char said[1024], token[128];
    (void)state;
    assert_return_code(openpty(&near, &far, NULL, NULL, NULL), errno);
    create_admin(far, near, said, token);
    assert_non_null(strstr(said, token));
    close(near);
    close(far);
}

static void admins_token_gets_into_no_log(void **state)
{
    int ends[2];
    char said[1024], token[128];
    (void)state;
    assert_return_code(pipe(ends), errno);
    create_admin(ends[1], ends[0], said, token);
    assert_non_null(strstr(said, "The user admin was created. Its token is stored in "));
    assert_null(strstr(said, token));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_directory_that_is_in_use_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_waits_for_one_that_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(admins_token_is_shown_on_a_terminal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(admins_token_gets_into_no_log, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
