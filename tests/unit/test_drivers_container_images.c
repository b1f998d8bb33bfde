/* The `container` driver with a real runtime: how images are shared, got and removed. */
#include "tests/lib/container_rig.h"

#include "drivers/container/store.h"
#include "tests/lib/directory.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void test_images_are_shared_and_never_changed(void **state)
{
    struct rig *rig = container_rig(state);
    assert_string_equal(
        container_run_output(rig, "{" CONTAINER_IMAGE
                                  ",'command':'rm /bin/yes; echo mine > /etc/passwd; echo more > /new; cat /new'}"),
        "more\n");
    assert_string_equal(container_run_output(rig, "{" CONTAINER_IMAGE ",'command':'ls /new; ls /bin/yes; id -un'}"),
                        "ls: /new: No such file or directory\n/bin/yes\nroot\n");
    assert_has(rig->seen[rig->used].identifier, ", image oci:busybox@sha256:");
}

static void test_stop_while_the_image_is_got(void **state)
{
    struct rig *rig = container_rig(state);
    char options[256];
    int fd;
    unsigned port = container_silent_registry(&fd);
    snprintf(options, sizeof options, "{'image':'127.0.0.1:%u/slow:1','network':'none','command':'true'}", port);
    uint64_t resource = rig_start(rig, options);
    struct rig_workload *seen = &rig->seen[resource];
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    while (poll(&asked, 1, 0) == 0) /* skopeo has begun */
        rig_turn(rig, 50);
    assert_int_equal(seen->failed, 0);
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->failed);
    assert_has(seen->reason, "stopped before it started");
    assert_false(rig_has_group(rig, resource));
    close(fd);
}

static void test_a_pull_has_a_bound_of_time(void **state)
{
    struct rig *rig = container_rig(state);
    char options[256];
    int fd;
    unsigned port = container_silent_registry(&fd);
    container_configure(rig, "container.pull_time=1s");
    snprintf(options, sizeof options, "{'image':'127.0.0.1:%u/slow:1','network':'none','command':'true'}", port);
    assert_has(container_fail_reason(rig, options),
               "skopeo took too long, and was ended (container.pull_time of the agent)");
    close(fd);
}

static void make_image_of(const char *name, const char *bytes, unsigned age_s)
{
    char path[256], command[512];
    snprintf(path, sizeof path, "%s/%s", container_images, name);
    snprintf(command, sizeof command, "mkdir -p %s/rootfs && echo '%s 1' > %s/size && touch -d '-%u sec' %s", path,
             bytes, path, age_s, path);
    container_on_host("%s", command);
}

static bool image_is_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", container_images, name);
    return access(path, F_OK) == 0;
}

static void test_unused_images_are_removed_by_age_and_size(void **state)
{
    struct rig *rig = container_rig(state);
    struct aq_container_settings settings = {.images = container_images, .age = 3600, .size = 1};
    char used[PATH_MAX] = "", *name;
    uint64_t resource;
    rig_start_running(rig, "{" CONTAINER_IMAGE ",'command':['sleep','1000']}", &resource);
    snprintf(used, sizeof used, "%s", strstr(rig->seen[resource].identifier, "sha256:"));
    used[strlen("sha256")] = '-';
    name = used;
    make_image_of("sha256-old", "10", 7200);
    make_image_of("sha256-large", "2000000", 60);
    make_image_of("sha256-small", "10", 30);
    char path[PATH_MAX + 80];
    snprintf(path, sizeof path, "%s/%s", container_images, name);
    container_on_host("touch -d '-7200 sec' %s", path);
    store_prune(&settings);
    assert_false(image_is_there("sha256-old"));
    assert_false(image_is_there("sha256-large"));
    assert_true(image_is_there(name)); /* in use, though old */
    settings.size = 1 << 20;
    make_image_of("sha256-young", "10", 30);
    store_prune(&settings);
    assert_true(image_is_there("sha256-young"));
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    container_on_host("touch -d '-7200 sec' %s", path);
    store_prune(&settings);
    assert_false(image_is_there(name));
    assert_true(image_is_there("sha256-young"));
    snprintf(path, sizeof path, "%s/sha256-young", container_images);
    test_remove_tree(path);
    snprintf(path, sizeof path, "%s/sha256-small", container_images);
    test_remove_tree(path);
    container_run(rig, "{" CONTAINER_IMAGE ",'command':['true']}"); /* it is got again */
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, container_rig_setup, container_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_images_are_shared_and_never_changed),
        T(test_stop_while_the_image_is_got),
        T(test_a_pull_has_a_bound_of_time),
        T(test_unused_images_are_removed_by_age_and_size),
    };
    return cmocka_run_group_tests_name("drivers: container, images", tests, container_rig_group_setup,
                                       container_rig_group_teardown);
}
