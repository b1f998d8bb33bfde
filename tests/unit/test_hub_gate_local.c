/* The gate's local socket: it speaks as nanomsg does there, and is for the file view alone. */
#include "drivers/cgroup/cgroup.h"
#include "schema/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"
#include "tests/lib/gate_scene.h"
#include "tests/lib/raw_peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char local_directory[64], local_path[96];

static int set_up(void **context)
{
    struct gate_scene *scene = aq_calloc(1, sizeof *scene);
    struct aq_error error = {0};
    *context = scene;
    test_make_directory(local_directory, sizeof local_directory, "/tmp", "aq-gate");
    snprintf(local_path, sizeof local_path, "%s/local.sock", local_directory);
    assert_int_equal(chmod(local_directory, 0755), 0);
    return gate_open_local(&scene->gate, local_path, &error);
}

static int tear_down(void **context)
{
    test_remove_tree(local_directory);
    return gate_scene_tear_down(context);
}

/* -1: the system does not allow it. */
static int connect_local(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 2};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(to.sun_path, local_path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static void a_local_peer_speaks_as_nanomsg_does_there(void **context)
{
    static const char asked[] = "\1\0\0\0\0\0\0\0\x0c\0\0\0\1\x80\0\0\2asks",
                      said[] = "\0SP\0\0\x31\0\0\1\0\0\0\0\0\0\0\x0c\0\0\0\1\x80\0\0\2said";
    struct gate_scene *scene = *context;
    struct hub_frame message;
    char got[sizeof said - 1];
    int fd = connect_local();
    assert_true(fd >= 0);
    gate_scene_say(fd, raw_peer_greeting, RAW_PEER_GREETING);
    for (size_t i = 0; i < sizeof asked - 1; i++) {
        assert_int_equal(gate_scene_take(scene, &message), 0);
        gate_scene_say(fd, asked + i, 1);
    }
    gate_scene_expect(scene, &message, "asks");
    gate_scene_answer(scene, message.peer, message.header, message.header_length, "said", 4);
    assert_int_equal(recv(fd, got, sizeof got, MSG_WAITALL), sizeof got);
    assert_memory_equal(got, said, sizeof got);
    scene->gate->kind->tick(scene->gate, 1);
    scene->gate->kind->tick(scene->gate, 1 + GATE_ADMIT_MS); /* it was admitted when it came */
    assert_false(gate_scene_is_closed_now(fd));
    close(fd);
}

static void what_is_no_message_drops_a_local_peer(void **context)
{
    struct gate_scene *scene = *context;
    struct hub_frame message;
    int fd = connect_local();
    gate_scene_say(fd, raw_peer_greeting, RAW_PEER_GREETING);
    gate_scene_say(fd, "\2\0\0\0\0\0\0\0\x08\x80\0\0\2asks", 17);
    assert_int_equal(gate_scene_receive(scene, &message, GATE_SCENE_WAIT_MS), -1);
    assert_true(gate_scene_is_closed(fd));
    close(fd);
}

/* Connects from a process of a workload, as root. The status: as below. */
static int connect_as_workload(const struct gate_scene *scene)
{
    struct hub_frame message;
    struct cgroup_host host;
    struct cgroup group;
    struct aq_error error = {0};
    char node[32];
    int status = 0;
    cgroup_host_read(&host);
    snprintf(node, sizeof node, "gate-%d", (int)getpid());
    cgroup_name(&group, &host, node, 1);
    assert_int_equal(cgroup_make(&group, &(struct cgroup_limits){0}, &error), 0);
    pid_t child = fork();
    if (child == 0) {
        if (cgroup_join(&group, false, &error) != 0)
            _exit(3);
        int fd = connect_local();
        _exit(fd < 0 ? 2 : !gate_scene_is_closed(fd));
    }
    while (waitpid(child, &status, WNOHANG) == 0)
        assert_int_equal(gate_scene_receive(scene, &message, 5), 0);
    bool exists = cgroup_exists(&group);
    for (int tries = 0; tries < 200 && cgroup_remove(&group) != 0; tries++)
        usleep(10000);
    assert_true(WIFEXITED(status));
    return exists ? WEXITSTATUS(status) : 0; /* else this host has no groups */
}

static void a_workload_is_no_file_view(void **context)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(connect_as_workload(*context), 0);
}

/* Connects as another user. The status of the process that does: 0 if it is closed, 2 if the system refuses it. */
static int connect_as_another(const struct gate_scene *scene)
{
    struct hub_frame message;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(3);
        int fd = connect_local();
        _exit(fd < 0 ? 2 : !gate_scene_is_closed(fd));
    }
    while (waitpid(child, &status, WNOHANG) == 0)
        assert_int_equal(gate_scene_receive(scene, &message, 5), 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The socket's mode keeps them out; when that is loosened, the kernel's word about the process does. */
static void another_user_is_no_file_view(void **context)
{
    struct gate_scene *scene = *context;
    if (geteuid() != 0)
        skip();
    assert_int_equal(connect_as_another(scene), 2);
    assert_int_equal(chmod(local_path, 0666), 0);
    assert_int_equal(connect_as_another(scene), 0);
}

static void a_path_that_is_too_long_is_named(void **context)
{
    struct aq_error error = {0};
    struct hub_carrier *gate = NULL;
    char path[200];
    (void)context;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(gate_open_local(&gate, path, &error), -1);
    assert_non_null(strstr(error.message, "may have 107 bytes, but xxx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_local_peer_speaks_as_nanomsg_does_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_message_drops_a_local_peer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_workload_is_no_file_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_user_is_no_file_view, set_up, tear_down),
        cmocka_unit_test(a_path_that_is_too_long_is_named),
    };
    return cmocka_run_group_tests_name("hub: the local gate", tests, NULL, NULL);
}
