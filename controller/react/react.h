/* What the leader does by itself: it places applications that wait when there may be room, ends resources that have
 * outlived their lifetime, and removes finished applications that need not be kept. It looks at the tables and sends
 * ordinary commands; it stores nothing, so a new leader simply continues. One thread. */
#ifndef AQ_CONTROLLER_REACT_REACT_H
#define AQ_CONTROLLER_REACT_REACT_H

#include "controller/settings/settings.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"

struct react;

/* Call it before writer_start(), for it calls writer_watch(). */
/* `keep` are live settings. */
int react_start(struct react **react, struct writer *writer, struct state *state,
                const struct aq_config_keep_finished *keep, struct aq_error *error) AQ_MUST_CHECK;
void react_stop(struct react *react); /* waits for its commands; NULL is fine; the writer must still run */

#endif
