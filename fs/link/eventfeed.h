/* Fills /events: reads committed events out of the log and appends them to the event file. */
#ifndef AQ_FS_LINK_EVENTFEED_H
#define AQ_FS_LINK_EVENTFEED_H

#include "controller/state/events.h"
#include "controller/state/state.h"
#include "fs/link/eventfile.h"

struct eventfeed;

/* Reads nothing yet. `state` and `events` must stay open until eventfeed_close(). */
struct eventfeed *eventfeed_open(struct state *state, struct events *events);
void eventfeed_close(struct eventfeed *feed); /* NULL is fine */

void eventfeed_begin(struct eventfeed *feed); /* starts with the newest 1,000 events */

/* Appends the events committed since the last call, up to a bound. True: there were some, so readers of /events may
 * have something to read. */
bool eventfeed_work(struct eventfeed *feed);

/* The bound was reached: call eventfeed_work() again without waiting. */
bool eventfeed_is_behind(const struct eventfeed *feed);

const struct eventfile *eventfeed_file(const struct eventfeed *feed);

/* The size that stat() shows, and the time of the newest event: milliseconds since 1970, 0 before the first one. */
size_t eventfeed_size(const struct eventfeed *feed);
uint64_t eventfeed_time_ms(const struct eventfeed *feed);

/* Why events are missing before the current file: see EVENTFILE_BROKEN. */
const struct aq_error *eventfeed_damage(const struct eventfeed *feed);

#endif
