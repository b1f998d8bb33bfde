#include "tests/lib/container_rig.h"

#include "tests/lib/directory.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

char container_images[64];

static const char *forbidden; /* why no container can run here; NULL: they can */

void container_on_host(const char *format, const char *argument)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, format, argument);
    if (system(command) != 0)
        fail_msg("%s", command);
}

void container_configure(struct rig *rig, const char *more)
{
    char setting[96];
    snprintf(setting, sizeof setting, "container.images=%s", container_images);
    rig_configure(rig, (const char *const[]){setting, "container.ports=20000-20999", more, NULL});
}

/* ---- can containers run? -------------------------------------------------------------------------------- */

/* Returns the reason for which a container fails, or NULL. */
static const char *try_container(void)
{
    static char reason[512];
    void *state;
    struct aq_error error = {0};
    if (rig_setup(&state, "container") != 0)
        return "the driver cannot be opened";
    struct rig *rig = state;
    container_configure(rig, NULL);
    uint64_t resource = rig_try_start(rig, "{" CONTAINER_IMAGE ",'command':['true']}",
                                      (struct driver_spec){.metadata_json = "{}"}, &error);
    const struct rig_workload *seen = &rig->seen[resource];
    while (resource != 0 && seen->ended + seen->failed == 0)
        rig_turn(rig, 100);
    snprintf(reason, sizeof reason, "%s", resource != 0 ? seen->reason : error.message);
    rig_teardown(&state);
    return strstr(reason, "Operation not permitted") != NULL ? reason : NULL;
}

const char *container_rig_begin(void)
{
    char command[128];
    if (geteuid() != 0)
        return "only root can make containers";
    test_make_directory(container_images, sizeof container_images, "/tmp", "aq-images");
    snprintf(command, sizeof command, "tools/busybox.sh %s/local/busybox", container_images);
    if (system(command) != 0)
        abort();
    return try_container();
}

void container_rig_end(void)
{
    if (container_images[0] != '\0')
        test_remove_tree(container_images);
}

/* ---- fixtures ------------------------------------------------------------------------------------------- */

int container_rig_group_setup(void **state)
{
    (void)state;
    forbidden = container_rig_begin();
    return 0;
}

int container_rig_group_teardown(void **state)
{
    (void)state;
    container_rig_end();
    return 0;
}

int container_rig_setup(void **state)
{
    if (forbidden != NULL)
        return 0;
    if (rig_setup(state, "container") != 0)
        return -1;
    container_configure(*state, NULL);
    return 0;
}

int container_rig_teardown(void **state)
{
    return *state != NULL ? rig_teardown(state) : 0;
}

struct rig *container_rig(void **state)
{
    if (forbidden != NULL) {
        print_message("no containers here: %s\n", forbidden);
        skip();
    }
    return *state;
}

/* ---- what a container does ------------------------------------------------------------------------------- */

const char *container_output(struct rig *rig)
{
    return rig_log(rig, rig->used, 65536);
}

struct rig_workload *container_run(struct rig *rig, const char *options)
{
    struct rig_workload *seen = &rig->seen[rig_start(rig, options)];
    for (int i = 0; i < 600 && seen->ended + seen->failed == 0; i++)
        rig_turn(rig, 100);
    if (seen->ended == 0)
        fail_msg("%s: %s", options, seen->failed > 0 ? seen->reason : "it does not end");
    assert_int_equal(seen->started, 1);
    return seen;
}

const char *container_run_output(struct rig *rig, const char *options)
{
    container_run(rig, options);
    const char *text = container_output(rig);
    while (strncmp(text, "[aquarium:", 10) == 0)
        text = strchr(text, '\n') + 1;
    return text;
}

const char *container_fail_reason(struct rig *rig, const char *options)
{
    struct aq_error error;
    uint64_t resource = rig_try_start(rig, options, (struct driver_spec){.metadata_json = "{}"}, &error);
    if (resource == 0) {
        static char reason[512];
        snprintf(reason, sizeof reason, "%s", error.message);
        return reason;
    }
    struct rig_workload *seen = &rig->seen[resource];
    rig_await(rig, &seen->failed);
    assert_int_equal(seen->started, 0);
    assert_int_equal(seen->ended, 0);
    assert_false(rig_has_group(rig, resource));
    return seen->reason;
}

void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("there is no \"%s\" in: %s", part, text);
}

unsigned container_silent_registry(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(*fd, 64) != 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &size) != 0)
        abort(); /* not only in a test */
    return ntohs(address.sin_port);
}
