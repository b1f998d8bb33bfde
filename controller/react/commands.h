/* Commands that react has sent to the writer, and whose answers are under way: a fixed number of them. */
#ifndef AQ_CONTROLLER_REACT_COMMANDS_H
#define AQ_CONTROLLER_REACT_COMMANDS_H

#include "controller/write/writer.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"

#include <pthread.h>

enum { REACT_COMMANDS_MAX = 256 };

struct react_command {
    struct react_commands *commands;
    struct writer_request request;
    union {
        struct aq_application_place place;
        struct aq_resource_expire expire;
    } record;
    const void *records[1];
    bool busy;
};

struct react_commands {
    struct writer *writer;
    int bell;             /* rung when the last one under way is answered */
    pthread_mutex_t lock; /* guards what follows */
    unsigned under_way;
    bool refused; /* the writer could not take one: no room, no leader, a full queue */
    struct react_command items[REACT_COMMANDS_MAX];
};

void react_commands_open(struct react_commands *commands, struct writer *writer, int bell);
void react_commands_close(struct react_commands *commands); /* waits for those under way; the writer must still run */

/* Sends application_place or resource_expire for this application or resource. False: no more can be sent now. */
bool react_commands_send(struct react_commands *commands, const struct aq_command *command, uint64_t id);
/* How many are under way; whether the writer has refused one since the last call. */
unsigned react_commands_under_way(struct react_commands *commands, bool *refused);

#endif
