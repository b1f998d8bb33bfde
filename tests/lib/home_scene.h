/* The directory of an agent called "one" (agent/home.h), in a temporary directory, for one test. What goes wrong fails
 * the test. */
#ifndef AQ_TESTS_LIB_HOME_SCENE_H
#define AQ_TESTS_LIB_HOME_SCENE_H

#include "agent/home.h"

struct home_scene {
    char directory[64]; /* in which that of the agent is */
    struct aq_clocks now;
};
extern struct home_scene home_scene;

int home_scene_setup(void **context);
int home_scene_teardown(void **context);

struct home *home_scene_open(void);
struct aq_assignment home_scene_assignment(uint64_t resource);
void home_scene_add(struct home *home, uint64_t resource);
void home_scene_sweep(struct home *home);

/* Paths are relative to the agent's directory. */
bool home_scene_has(const char *path);
void home_scene_put(const char *path, const char *text);

/* What is kept of the log of a workload that is over, from a position on, is this text. */
void home_scene_read_log(struct home *home, uint64_t resource, uint64_t position, const char *expected);

#endif
