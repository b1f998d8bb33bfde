/* What the leader does by itself, in turns (schema/base/turn.h): it places applications that wait when there may be
 * room, ends resources that have outlived their lifetime, or their lease on a lost node, goes on with drains and
 * shutdowns of nodes, ends quarantines, removes finished applications that need not be kept, and begins and ends epochs
 * of secrets. It looks at the tables and sends ordinary commands; it stores nothing, so a new leader simply continues.
 *
 * Unless it says "any thread", a function belongs to the caller that gives the turns: that is loop.h in the daemon. */
#ifndef AQ_CONTROLLER_REACT_REACT_H
#define AQ_CONTROLLER_REACT_REACT_H

#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"

struct react;

struct react_options {
    struct writer *writer;
    struct state *state;
    const struct aq_config_keep_finished *keep; /* live settings */
    struct door *door;                          /* of secrets; NULL: there are none */
    const struct aq_config_secrets *secrets;    /* live settings, with `door` */
    /* A turn is due: the last command that was under way has its answer. On the thread that gave the answer, with a
     * lock: nothing of react may be called in it. */
    void (*wake)(void *context);
    void *context;
};

struct react *react_open(const struct react_options *options);
/* When it is idle; or after writer_close(), which has given its commands back. NULL is fine. */
void react_close(struct react *react);

/* Takes a turn. Returns the steady time at which the next one is due. One is also due after a commit, after a change of
 * leadership, and after `wake`. Other turns, and late ones, do no harm. */
uint64_t react_turn(struct react *react, const struct aq_clocks *now);

bool react_is_idle(struct react *react); /* no command is under way; any thread */

#endif
