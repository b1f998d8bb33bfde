/* An agent and the hub of a test that talk over a real connection, in real time. agent_scene.h has them on virtual
 * time. */
#ifndef AQ_TESTS_LIB_AGENT_TALK_H
#define AQ_TESTS_LIB_AGENT_TALK_H

#include "agent/agent.h"
#include "controller/hub/channel.h"
#include "tests/lib/test_seals.h"

enum { TALK_QUESTIONS_MAX = 8 };

/* A message that the hub got, and what its answer needs. */
struct talk_heard {
    enum aq_message_type type;
    void *message;
    struct hub_question question;
};

struct talk {
    char directory[64], controller[64];
    struct test_seals seals;
    struct hub_channel channel;
    uint64_t port;
    struct aq_arena arena; /* of all messages */
    struct talk_heard heard[TALK_QUESTIONS_MAX];
    unsigned count;
    struct agent *agent;
    struct aq_config_agent config;
};

/* The hub listens, at `port` if it is not 0. */
void talk_open_channel(struct talk *talk);
void talk_start_agent(struct talk *talk);
/* Ends the agent, starts it again, and welcomes it. */
void talk_restart_agent(struct talk *talk);
/* Setup and teardown of a test: the hub listens, and the agent runs. */
int talk_setup(void **context);
int talk_teardown(void **context);
/* One turn of the agent, and then a little time for what it leads to. */
void talk_turn(struct talk *talk);
/* Takes the messages that have come; a newer message replaces an older one of the same type. */
void talk_listen(struct talk *talk);
/* Takes a message of this type, if one has come. */
bool talk_take(struct talk *talk, enum aq_message_type type, struct talk_heard *out);
/* Turns until the agent has sent this. Heartbeats are answered meanwhile. */
struct talk_heard talk_hear(struct talk *talk, enum aq_message_type type);
/* Answers HELLO with WELCOME. */
void talk_greet(struct talk *talk);
/* Answers the next POLL. */
void talk_deliver(struct talk *talk, uint64_t delivery, bool full, struct aq_assignment *assignments, uint32_t count);
struct aq_assignment talk_wanted(uint64_t resource, const char *options);
struct aq_assignment talk_gone(uint64_t resource);
const struct aq_happening *talk_only_happening(const struct talk_heard *heard);
void talk_note(struct talk_heard *heard);
/* The next report has exactly this, and is noted. */
void talk_expect(struct talk *talk, uint64_t resource, enum aq_happened what);

#endif
