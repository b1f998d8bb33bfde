#include "fs/fileview.h"

#include "fs/link/eventfeed.h"
#include "fs/link/news.h"
#include "fs/link/questions.h"
#include "fs/tree/outputs.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <poll.h>

enum { START_MS = 30000, RETRY_MS = 200 };

/* Opens what is not open yet. */
static int open_data(struct fileview *view, const char *directory, struct aq_error *error)
{
    struct look_sources *sources = &view->sources;
    if (sources->state == NULL && state_open(&sources->state, directory, STATE_READ, 0, error) != 0)
        return -1;
    if (sources->live == NULL && live_open(&sources->live, directory, STATE_READ, error) != 0)
        return -1;
    if (sources->events == NULL && events_open(&sources->events, directory, error) != 0)
        return -1;
    if (view->questions == NULL && questions_open(&view->questions, directory, error) != 0)
        return -1;
    return 0;
}

/* The controller is checking or rebuilding its tables, which can take long. */
static bool is_in_repair(const struct aq_error *error)
{
    return error->code == AQ_E_BUSY || error->code == AQ_E_CORRUPT;
}

static int wait_for_data(struct fileview *view, const char *directory, const struct fileview_signals *signals,
                         struct aq_error *error)
{
    struct pollfd told = {signals->fd, POLLIN, 0};
    int status = open_data(view, directory, error);
    if (status != 0)
        aq_journal(AQ_INFO, "waiting for the controller", "data", directory, "error", error->message, NULL);
    for (int waited = 0; status != 0 && waited < START_MS; waited += is_in_repair(error) ? 0 : RETRY_MS) {
        if (poll(&told, 1, RETRY_MS) > 0 && signals->take(signals->fd))
            break;
        status = open_data(view, directory, error);
    }
    return status;
}

int fileview_open(struct fileview *view, const struct aq_config_fs *config, const struct callers_map *users,
                  const struct fileview_signals *signals, struct aq_error *error)
{
    struct look_sources *sources = &view->sources;
    *view = (struct fileview){.config = config};
    if (wait_for_data(view, config->data, signals, error) != 0) {
        fileview_close(view);
        return aq_error_context(error, "%s is not (yet) a controller's data directory", config->data);
    }
    view->feed = eventfeed_open(sources->state, sources->events);
    view->news = news_open(view->questions);
    view->complaints = complaints_open();
    sources->mount = config->mount;
    sources->project = config->project[0] != '\0' ? config->project : NULL;
    sources->users = users;
    sources->opened_ms = aq_clock_wall_ms();
    sources->complaints = view->complaints;
    sources->feed = view->feed;
    sources->news = view->news;
    sources->outputs = outputs_open(sources->live);
    view->filesystem = filesystem_open(config, sources, view->complaints, view->questions);
    eventfeed_begin(view->feed);
    return 0;
}

void fileview_close(struct fileview *view)
{
    struct look_sources *sources = &view->sources;
    filesystem_close(view->filesystem);
    questions_close(view->questions);
    news_close(view->news);
    eventfeed_close(view->feed);
    complaints_close(view->complaints);
    outputs_close(sources->outputs);
    events_close(sources->events);
    live_close(sources->live);
    state_close(sources->state);
    aq_arena_free(&sources->arena);
    *view = (struct fileview){0};
}
