/* The file view of one controller: everything that aq-fs holds while it runs.
 *
 * One thread does all the work: it takes the kernel's requests from the session's descriptor, the controller's answers
 * from the socket of questions, and never waits for either. A second one (waker.h) does nothing but tell the kernel
 * that something can be read again. */
#ifndef AQ_FS_FILEVIEW_H
#define AQ_FS_FILEVIEW_H

#include "controller/state/events.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "fs/kernel/callers.h"
#include "fs/kernel/complaints.h"
#include "fs/kernel/inodes.h"
#include "fs/kernel/waker.h"
#include "fs/link/eventfile.h"
#include "fs/link/questions.h"
#include "fs/settings/settings.h"
#include "fs/tree/listings.h"
#include "schema/base/journal.h"
#include "schema/wire/messages.h"

struct fuse_session;
struct open_file;
struct open_directory;
struct waiting;

struct fileview {
    const struct aq_config_fs *config;
    struct state *state;
    struct live *live;
    struct events *events;
    struct questions *questions;
    struct callers *callers;
    struct complaints *complaints;
    struct inodes *inodes;
    struct listings *listings;
    struct waker *waker;
    struct fuse_session *session;
    struct aq_arena arena;   /* of the look under way */
    struct waiting *waiting; /* requests that wait for the controller, or for events */
    size_t waiting_count;
    size_t settling_count;   /* of them, those whose write is done */
    struct open_file *files; /* all that are open */
    struct open_directory *directories;
    size_t open_bytes;  /* what both hold of contents and names */
    size_t open_peak;   /* of it, since memory was last given back */
    uint64_t opened_ms; /* since 1970 */

    /* /events */
    struct eventfile eventfile;
    uint64_t event_seq; /* all up to here are in it */
    uint64_t event_time_ms;
    uint64_t event_anew_ms;       /* when /events last started over */
    bool event_behind;            /* there are more in the log */
    uint64_t event_failed_ms;     /* when the log could last not be read */
    struct aq_error event_damage; /* what is left out before the file as it is now */

    /* What the controller said last. */
    struct aq_now now;
    struct aq_arena now_arena;
    bool watching;     /* a WATCH is open */
    uint64_t asked_ms; /* when it was sent */
};

/* Opens the tables, which the controller must have made, and everything else but the mount. Waits up to 30 seconds for
 * a controller that has just been started, as long as it takes for one that has to look through them or to make them
 * anew, or until `signals` (a signalfd) is readable. */
int fileview_open(struct fileview *view, const struct aq_config_fs *config, int signals,
                  struct aq_error *error) AQ_MUST_CHECK;
void fileview_close(struct fileview *view); /* zeroed memory is fine */

/* Mounts, serves until `signals` (a signalfd) is readable or somebody unmounts, and unmounts. `ready` is called once
 * it is mounted. */
int fileview_run(struct fileview *view, int signals, void (*ready)(void), struct aq_error *error) AQ_MUST_CHECK;

/* ---- for the parts ------------------------------------------------------------------------------------ */

/* news.c: keeps /events and /cluster up to date. To be called at least each QUESTIONS_TICK_MS, and when the controller
 * said something. */
void news_begin(struct fileview *view); /* the newest 1,000 events */
void news_work(struct fileview *view);

/* Puts `error` where /errors/last of `uid` shows it. Returns the errno that belongs to it. */
int fileview_complain(struct fileview *view, uid_t uid, const char *doing, const struct aq_error *error);

uint64_t fileview_now_ms(void); /* since 1970 */

#endif
