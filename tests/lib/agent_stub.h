/* An agent that consists of messages only, on a test_hub of its own, and what the tables say about its work. */
#ifndef AQ_TESTS_LIB_AGENT_STUB_H
#define AQ_TESTS_LIB_AGENT_STUB_H

#include "schema/model/application.h"
#include "schema/model/node.h"
#include "tests/lib/hub.h"

int stub_setup(void **context);
int stub_setup_lost_soon(void **context);
int stub_teardown(void **context);

/* An agent with a session. It polls with one asker and sends everything else with the other. */
struct agent_stub {
    struct test_asker poll, talk;
    const char *name;
    uint64_t session, seen, reports;
};

void stub_open(struct agent_stub *stub, struct test_hub *hub, const char *name, uint64_t instance, uint64_t session);
/* The same, as `hello` says. */
void stub_open_as(struct agent_stub *stub, struct test_hub *hub, const struct aq_hello *hello);
void stub_close(struct agent_stub *stub);
void stub_send_poll(struct agent_stub *stub);
/* Receives the delivery, and acknowledges it with the next poll. */
const struct aq_work *stub_take_work(struct agent_stub *stub);
const struct aq_work *stub_poll(struct agent_stub *stub);
void stub_report(struct agent_stub *stub, struct aq_happening happening);
void stub_beat(struct agent_stub *stub);
uint64_t make_application(struct test_hub *hub);
void deallocate_application(struct test_hub *hub, uint64_t id);
enum aq_application_status application_status(struct test_hub *hub, uint64_t id);
void application_node(struct test_hub *hub, uint64_t id, char node[65]);
enum aq_node_status node_status(struct test_hub *hub, const char *name);
void lose_node(struct test_hub *hub, const char *name); /* declares it lost, as if it had been silent */
bool node_becomes(struct test_hub *hub, const char *name, enum aq_node_status status);

#endif
