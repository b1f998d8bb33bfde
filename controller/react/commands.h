/* The commands that react sends to the writer: a fixed number of them can be under way at the same time. */
#ifndef AQ_CONTROLLER_REACT_COMMANDS_H
#define AQ_CONTROLLER_REACT_COMMANDS_H

#include "controller/write/writer.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "schema/model/token.h"

#include <pthread.h>

enum { REACT_COMMANDS_MAX = 256 };

struct react_command {
    struct react_commands *commands;
    struct writer_request request;
    union {
        struct aq_application_place place;
        struct aq_resource_expire expire;
        struct aq_token_expire expire_token;
        struct aq_task_expire expire_task;
        struct aq_application_remove remove;
    } record;
    char *text;            /* that the record points to; freed with the answer */
    struct aq_arena arena; /* so is the copy of a record in it */
    const void *records[1];
    bool busy;
};

struct react_commands {
    struct writer *writer;
    void (*wake)(void *context); /* when no command is under way any more; with the lock */
    void *context;
    pthread_mutex_t lock; /* guards the following members */
    unsigned under_way;
    unsigned not_taken; /* commands that the writer did not take; only for the caller of react_turn() */
    bool refused;       /* a command failed although its row exists: no room, no leader, a full queue */
    struct react_command items[REACT_COMMANDS_MAX];
};

void react_commands_open(struct react_commands *commands, struct writer *writer, void (*wake)(void *context),
                         void *context);
/* When all are answered, or the writer is closed. */
void react_commands_close(struct react_commands *commands);

/* Sends application_place, resource_expire, token_expire or task_expire for the row with the number `id`. False: no
 * more can be sent now. */
bool react_commands_send(struct react_commands *commands, const struct aq_command *command, uint64_t id);
/* Sends application_remove; `first` is the first of the numbers in `applications`, which is copied. */
bool react_commands_send_removal(struct react_commands *commands, uint64_t first, const char *applications);
/* Sends any command, with a copy of its record. */
bool react_commands_send_copy(struct react_commands *commands, const struct aq_command *command, const void *record);
/* Returns how many are under way. `refused`: one was refused since the last call. */
unsigned react_commands_under_way(struct react_commands *commands, bool *refused);
bool react_commands_are_answered(struct react_commands *commands); /* none is under way; any thread */

#endif
