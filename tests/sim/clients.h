/* Who asks: users and admins, and liars (liars.h). Each step makes one request, or a few at once.
 *
 * Users and admins come in through the module for commands (schema/codec/command.h), as they do on every face. A few
 * commands are those that the controller gives by itself, at times at which it would not. */
#ifndef AQ_TESTS_SIM_CLIENTS_H
#define AQ_TESTS_SIM_CLIENTS_H

#include "tests/sim/messages.h"
#include "tests/sim/requests.h"

enum { CLIENTS_RECIPES = 4 };

struct clients {
    struct requests *requests;
    struct judge *judge;
    struct messages *messages;
    struct network *network;
    struct joins *joins;
    struct sim *sim;
    unsigned looks;                       /* of the operator */
    bool fat;                             /* applications have much metadata */
    const char *recipes[CLIENTS_RECIPES]; /* JSON; labels get these again and again */
};

void clients_open(struct clients *clients); /* the rest is filled */

/* The next request; it is not submitted yet. NULL: this client had nothing to ask for. */
struct asked *clients_ask(struct clients *clients);

/* A request with this record, as hub and controller make them. */
struct asked *clients_ask_record(struct clients *clients, const struct aq_command *command, const char *author,
                                 const void *record);
#define CLIENTS_ASK(clients, command_name, by, ...)                                                                    \
    clients_ask_record((clients), &aq_command_##command_name, (by), &(struct aq_##command_name){__VA_ARGS__})

/* <what>-<number>, in the arena of the requests. */
const char *clients_draw_name(struct clients *clients, const char *what, uint64_t below);
/* A resource that is there, on a node whose name begins like this; in a few cases any other. 0: there is none. */
uint64_t clients_draw_resource(struct clients *clients, const char *node);

#endif
