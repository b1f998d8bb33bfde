/* A gate of the hub, whose part the test plays, and what peers do with their sockets. */
#ifndef AQ_TESTS_LIB_GATE_SCENE_H
#define AQ_TESTS_LIB_GATE_SCENE_H

#include "controller/hub/gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GATE_SCENE_WAIT_MS = 2000 };

/* Allocated by the test's set-up, which opens the gate. */
struct gate_scene {
    struct hub_carrier *gate;
    uint64_t port; /* 0: a local socket */
};

/* For cmocka: closes the gate, frees the scene. */
int gate_scene_tear_down(void **context);

/* ---- the hub's part: see struct hub_carrier_kind ---- */

int gate_scene_take(const struct gate_scene *scene, struct hub_frame *message);
void gate_scene_judge(const struct gate_scene *scene, bool ours);
void gate_scene_answer(const struct gate_scene *scene, uint64_t peer, const void *header, size_t header_length,
                       const void *sealed, size_t length);
/* Receives the next message (1) or failure (-1); 0 if there is none within `wait_ms`. */
int gate_scene_receive(const struct gate_scene *scene, struct hub_frame *message, int wait_ms);
/* The next message must have this body, and is taken for an agent's. */
void gate_scene_expect(const struct gate_scene *scene, struct hub_frame *message, const char *body);

/* ---- a peer's part ---- */

void gate_scene_say(int fd, const void *bytes, size_t length);
/* Whether the gate has closed the connection. Skips what it sent before; waits as the socket's SO_RCVTIMEO says. */
bool gate_scene_is_closed(int fd);
bool gate_scene_is_closed_now(int fd); /* the same, without waiting */

#endif
