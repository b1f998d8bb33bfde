#include "tests/lib/home_scene.h"

#include "drivers/output.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

struct home_scene home_scene;

int home_scene_setup(void **context)
{
    (void)context;
    test_make_directory(home_scene.directory, sizeof home_scene.directory, "/tmp", "aquarium-test");
    aq_journal_open("test", AQ_ERROR);
    home_scene.now = (struct aq_clocks){.steady_ms = 5000, .wall_ms = 1764000000000};
    return sodium_init() >= 0 ? 0 : -1;
}

int home_scene_teardown(void **context)
{
    (void)context;
    test_remove_tree(home_scene.directory);
    return 0;
}

struct home *home_scene_open(void)
{
    struct home *home = NULL;
    struct aq_error error = {0};
    if (home_open(&home, home_scene.directory, "one", &home_scene.now, &error) != 0)
        fail_msg("%s", error.message);
    return home;
}

struct aq_assignment home_scene_assignment(uint64_t resource)
{
    return (struct aq_assignment){.resource = resource,
                                  .want = AQ_WANT_RUNNING,
                                  .driver = "test",
                                  .options = "{\"a\":1}",
                                  .network = "",
                                  .metadata = "{}",
                                  .amounts = {.cpu = 500}};
}

void home_scene_add(struct home *home, uint64_t resource)
{
    struct aq_error error = {0};
    struct aq_assignment assignment = home_scene_assignment(resource);
    assert_int_equal(home_add(home, &assignment, &error), 0);
}

bool home_scene_has(const char *path)
{
    char full[256];
    struct stat status;
    snprintf(full, sizeof full, "%s/one/%s", home_scene.directory, path);
    return lstat(full, &status) == 0;
}

void home_scene_put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/one/%s", home_scene.directory, path);
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

void home_scene_sweep(struct home *home)
{
    for (int i = 0; i < 1000 && home_has_trash(home); i++)
        home_sweep(home, 8);
}

void home_scene_read_log(struct home *home, uint64_t resource, uint64_t position, const char *expected)
{
    struct aq_error error = {0};
    struct output_span span;
    AQ_CLEANUP_BUFFER struct aq_buffer log = {0};
    AQ_CLEANUP_FD int output = home_log_open(home, resource, &error);
    if (output < 0 || output_read(output, &position, 1000, &log, &span, &error) != 0)
        fail_msg("%s", error.message);
    assert_true(span.placed);
    assert_string_equal(aq_buffer_string(&log), expected);
}
