/* Secrets on a node: in memory only, for whoever may see them, and gone with their workload. */
#include "agent/secrets.h"
#include "schema/base/files.h"
#include "schema/codec/metadata.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

struct scene {
    char directory[64];
    struct secrets secrets;
};

static struct aq_secret items[] = {{"metadata.password", "\"a \\\"quoted\\\" one\""},
                                   {"metadata.tls", "{\"pin\":4711}"},
                                   {"authentication.key", "of another kind"}};
static const struct aq_list all = {items, AQ_LENGTH(items)};

static int open_scene(void **context, const char *parent)
{
    struct scene *scene = aq_calloc(1, sizeof *scene);
    test_make_directory(scene->directory, sizeof scene->directory, parent, "aquarium-test");
    secrets_init(&scene->secrets, scene->directory, 42);
    *context = scene;
    return 0;
}

static int setup(void **context)
{
    return open_scene(context, "/dev/shm");
}

static int teardown(void **context)
{
    struct scene *scene = *context;
    secrets_free(&scene->secrets);
    umount2(scene->directory, MNT_DETACH); /* if it was mounted */
    test_remove_tree(scene->directory);
    free(scene);
    return 0;
}

static void store(struct scene *scene, uint64_t resource)
{
    struct aq_error error = {0};
    test_must(secrets_store(&scene->secrets, resource, &all, &error), &error);
}

static bool file_is(const struct scene *scene, const char *name, const char *text, mode_t mode)
{
    char path[200], found[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/42/7/%s", scene->directory, name);
    return stat(path, &status) == 0 && (status.st_mode & 07777) == mode &&
           (text == NULL || (aq_file_read_text(AT_FDCWD, path, found, sizeof found) >= 0 && strcmp(found, text) == 0));
}

static void each_is_a_file_and_the_way_there_is_closed(void **context)
{
    struct scene *scene = *context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    store(scene, 7);
    assert_true(file_is(scene, "files/password", "a \"quoted\" one", 0444));
    assert_true(file_is(scene, "files/tls", "{\"pin\":4711}", 0444));
    assert_true(file_is(scene, "files", NULL, 0555));
    assert_false(file_is(scene, "files/authentication.key", NULL, 0444)); /* that is for the driver */
    assert_true(file_is(scene, "all", NULL, 0600));
    assert_true(file_is(scene, "", NULL, 0700));
    assert_true(file_is(scene, "..", NULL, 0700));
    assert_non_null(strstr(secrets_files(&scene->secrets, 7, &arena), "/42/7/files"));
}

static void the_next_agent_finds_them(void **context)
{
    struct scene *scene = *context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_list list;
    assert_false(secrets_have(&scene->secrets, 7));
    assert_int_equal(secrets_load(&scene->secrets, 7, &list, &arena, &error), -1);
    store(scene, 7);
    store(scene, 7); /* a repeated delivery */
    secrets_free(&scene->secrets);
    secrets_init(&scene->secrets, scene->directory, 42);
    assert_true(secrets_have(&scene->secrets, 7));
    test_must(secrets_load(&scene->secrets, 7, &list, &arena, &error), &error);
    assert_int_equal(list.count, 3);
    assert_string_equal(aq_secret_value(&list, "authentication.key"), "of another kind");
    const struct aq_list names = secrets_names(&list, &arena);
    assert_int_equal(names.count, 3);
    assert_string_equal(aq_secret_value(&names, "authentication.key"), "");
}

static bool keep_eight(void *context, uint64_t resource)
{
    (void)context;
    return resource == 8;
}

static void they_go_with_their_workload(void **context)
{
    struct scene *scene = *context;
    store(scene, 7);
    store(scene, 8);
    store(scene, 9);
    secrets_drop(&scene->secrets, 7);
    assert_false(file_is(scene, "", NULL, 0700));
    secrets_drop(&scene->secrets, 7);
    secrets_sweep(&scene->secrets, keep_eight, NULL);
    assert_true(secrets_have(&scene->secrets, 8));
    assert_false(secrets_have(&scene->secrets, 9));
}

/* What the agent's metadata service answers. */
static void its_metadata_has_them_in_their_places(void **context)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_list none = {0};
    const char *document = "{\"host\":\"db\",\"password\":\"***\",\"tls\":\"***\"}";
    (void)context;
    assert_string_equal(aq_metadata_with_secrets(document, &all, &arena),
                        "{\"host\":\"db\",\"password\":\"a \\\"quoted\\\" one\",\"tls\":{\"pin\":4711}}");
    assert_string_equal(aq_metadata_with_secrets(document, &none, &arena), document);
}

static void a_disk_gets_none(void **context)
{
    struct scene *scene;
    struct statfs about;
    struct aq_error error = {0};
    void *own;
    (void)context;
    open_scene(&own, "/var/tmp");
    scene = own;
    if (statfs(scene->directory, &about) == 0 && about.f_type != TMPFS_MAGIC) {
        const bool stored = secrets_store(&scene->secrets, 7, &all, &error) == 0;
        assert_int_equal(statfs(scene->directory, &about), 0);
        assert_true(!stored || about.f_type == TMPFS_MAGIC); /* only root can mount one */
        assert_true(stored || strstr(error.message, "is on no memory file system") != NULL);
        assert_true(stored || !secrets_have(&scene->secrets, 7));
    }
    teardown(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_a_file_and_the_way_there_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_agent_finds_them, setup, teardown),
        cmocka_unit_test_setup_teardown(they_go_with_their_workload, setup, teardown),
        cmocka_unit_test(its_metadata_has_them_in_their_places),
        cmocka_unit_test(a_disk_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
