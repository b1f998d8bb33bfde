/* An agent on virtual time: the test gives it turns, plays the network and the hub, and waits for nothing. */
#ifndef AQ_TESTS_LIB_AGENT_SCENE_H
#define AQ_TESTS_LIB_AGENT_SCENE_H

#include "agent/agent.h"
#include "schema/wire/messages.h"
#include "tests/lib/test_seals.h"

enum { QUESTIONS_MAX = 16, BEAT_MS = 2000, PATIENCE_MS = 10000, ANSWER_MS = 5000 };

/* A question on its way to the hub, or an answer on its way back. */
struct parcel {
    uint32_t number;
    struct aq_buffer sealed;
};

/* An uplink whose other end is the test. */
struct wire {
    struct aq_uplink uplink; /* first: both have the same address */
    bool up;                 /* the hub can be reached */
    unsigned connects, made;
    bool connected;
    struct parcel questions[QUESTIONS_MAX], answers[QUESTIONS_MAX];
    unsigned question_count, answer_count;
    struct aq_buffer received; /* the last answer that was taken */
    struct test_seals *seals;  /* answer handshakes by themselves, */
    bool shook;                /* and did since the last turn */
};

struct scene {
    char directory[64];
    struct test_seals seals; /* the hub's */
    struct wire wire;
    struct aq_config_agent config;
    struct host host;
    struct aq_clocks now;
    struct agent *agent; /* NULL: it does not run */
    uint64_t deadline_ms;
    struct aq_arena arena; /* of all messages */
};

/* A question that the hub has got. */
struct heard {
    uint32_t number;
    struct seals_author author;
    enum aq_message_type type;
    void *message;
};

/* The connection breaks; what is under way is lost. */
void wire_cut(struct wire *wire);
/* The uplink connects again by itself. */
void wire_mend(struct wire *wire);

/* ---- the agent, and time ---- */

void scene_turn(struct scene *scene);
void scene_start_agent(struct scene *scene);
/* As if it was killed: nothing is written when it ends. */
void scene_kill_agent(struct scene *scene);
void scene_pass(struct scene *scene, uint64_t ms);
/* Lets time pass up to `until_ms`, with turns when they are due. */
void scene_live_until(struct scene *scene, uint64_t until_ms);

/* Setup and teardown of a test: the agent runs, and has sent nothing but HELLO. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

/* ---- the hub ---- */

/* Takes the oldest question that has come; it must be of this type. AQ_MSG_NONE: of any. */
struct heard scene_hear(struct scene *scene, enum aq_message_type type);
void scene_expect_silence(const struct scene *scene);
/* The answer arrives, and the agent takes a turn. */
void scene_answer(struct scene *scene, const struct heard *heard, enum aq_message_type type, const void *message);
/* HELLO is welcome. The agent says next: the reports that it has, or a heartbeat; then POLL. */
struct aq_hello scene_greet(struct scene *scene);
void scene_note_beat(struct scene *scene);
struct aq_assignment scene_wanted(uint64_t resource, const char *options);
void scene_deliver(struct scene *scene, struct heard *poll, uint64_t delivery, struct aq_assignment *assignments,
                   uint32_t count);
/* Opens a session and delivers one workload with these options. Returns the POLL that the agent has open then; what can
 * be reported at once waits behind it. */
struct heard scene_deliver_one(struct scene *scene, const char *options);
/* The next report tells exactly this of workload 5. */
struct heard scene_hear_report(struct scene *scene, enum aq_happened what);
void scene_note(struct scene *scene, const struct heard *heard);

/* ---- the disk ---- */

/* Of a file in the agent's directory; valid until the next call. */
const char *scene_path_of(const struct scene *scene, const char *name);
bool scene_there_is(const struct scene *scene, const char *name);

#endif
