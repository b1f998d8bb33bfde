/* Agents that lie. They have enrolled, but nothing of what they say is true: they join as nodes of their own,
 * get work, and report at random about it and about that of others. They reach the writer as the hub reaches it, and
 * the hub through the network, with sessions of theirs or of others, that are over, or that never were. */
#ifndef AQ_TESTS_SIM_LIARS_H
#define AQ_TESTS_SIM_LIARS_H

#include "tests/sim/clients.h"

enum { LIARS = 2 }; /* named liar-0 and so on */

/* As clients_ask(). */
struct asked *liars_ask(struct clients *clients);

/* How the names of their nodes begin. */
#define LIARS_PREFIX "liar-"

#endif
