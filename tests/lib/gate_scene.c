#include "tests/lib/gate_scene.h"

#include "schema/base/memory.h"
#include "tests/lib/cmocka.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void gate_scene_say(int fd, const void *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

int gate_scene_tear_down(void **context)
{
    struct gate_scene *scene = *context;
    scene->gate->kind->close(scene->gate);
    free(scene);
    return 0;
}

int gate_scene_take(const struct gate_scene *scene, struct hub_frame *message)
{
    return scene->gate->kind->receive(scene->gate, message);
}

void gate_scene_judge(const struct gate_scene *scene, bool ours)
{
    scene->gate->kind->judge(scene->gate, ours);
}

void gate_scene_answer(const struct gate_scene *scene, uint64_t peer, const void *header, size_t header_length,
                       const void *sealed, size_t length)
{
    scene->gate->kind->answer(scene->gate, peer, header, header_length, sealed, length);
}

int gate_scene_receive(const struct gate_scene *scene, struct hub_frame *message, int wait_ms)
{
    struct pollfd fd = {.fd = scene->gate->kind->fd(scene->gate), .events = POLLIN};
    int got = gate_scene_take(scene, message);
    while (got == 0 && poll(&fd, 1, wait_ms) > 0)
        got = gate_scene_take(scene, message);
    return got;
}

void gate_scene_expect(const struct gate_scene *scene, struct hub_frame *message, const char *body)
{
    assert_int_equal(gate_scene_receive(scene, message, GATE_SCENE_WAIT_MS), 1);
    assert_int_equal(message->length, strlen(body));
    assert_memory_equal(message->sealed, body, message->length);
    gate_scene_judge(scene, true);
}

bool gate_scene_is_closed(int fd)
{
    char byte;
    ssize_t got = 1;
    while (got > 0) /* skips the greeting */
        got = recv(fd, &byte, 1, 0);
    return got == 0;
}

bool gate_scene_is_closed_now(int fd)
{
    char bytes[64];
    ssize_t got = 1;
    while (got > 0)
        got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return got == 0;
}
