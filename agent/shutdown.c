#include "agent/shutdown.h"

#include "schema/base/journal.h"

#include <stdio.h>
#include <string.h>

/* The confirmation is decided after the answer, and cannot be called off for AQ_SHUTDOWN_LATE_MS of the log's time,
 * which may go faster than ours by a tenth. */
enum { CONFIRMED_LATE_MS = AQ_SHUTDOWN_LATE_MS * 3 / 4 };

static void answer(struct shutdown *shutdown, const char *refused)
{
    shutdown->answered = true;
    shutdown->untold = true;
    snprintf(shutdown->refused, sizeof shutdown->refused, "%s", refused);
    if (refused[0] != '\0')
        aq_journal(AQ_WARN, "told to shut the host down: it is not", "reason", refused, NULL);
}

static void begin(struct shutdown *shutdown, const struct host *host, const struct aq_list *command, size_t workloads,
                  uint64_t now_ms)
{
    struct aq_error error = {0};
    shutdown->begun = true;
    if (workloads > 0 || now_ms >= shutdown->answered_ms + CONFIRMED_LATE_MS) {
        answer(shutdown, workloads > 0 ? "a workload has come meanwhile" : "it was confirmed too late");
        return;
    }
    aq_journal(AQ_WARN, "shutting the host down: the cluster says so", "command", AQ_TEXT_ITEM(*command, 0), NULL);
    if (host->shut_down(command, &error) != 0)
        answer(shutdown, error.message);
}

void shutdown_take(struct shutdown *shutdown, const struct aq_work *work, const struct host *host,
                   const struct aq_list *command, size_t workloads, uint64_t now_ms)
{
    if (work->shutdown == 0)
        return;
    if (work->shutdown != shutdown->order && !work->shutdown_confirmed)
        *shutdown = (struct shutdown){.order = work->shutdown};
    const bool ready = shutdown->answered && shutdown->refused[0] == '\0' && command->count > 0;
    if (work->shutdown_confirmed && work->shutdown == shutdown->order && ready && !shutdown->begun)
        begin(shutdown, host, command, workloads, now_ms);
}

void shutdown_turn(struct shutdown *shutdown, const struct aq_list *command, size_t workloads, uint64_t now_ms)
{
    if (shutdown->order == 0 || shutdown->answered)
        return;
    shutdown->answered_ms = now_ms;
    if (command->count == 0)
        answer(shutdown, "shutdown.command is not set in the settings of its agent (agent.yml)");
    else if (workloads == 0)
        answer(shutdown, "");
}
