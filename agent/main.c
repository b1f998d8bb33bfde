#include "agent/agent.h"
#include "schema/base/journal.h"
#include "schema/base/notify.h"
#include "schema/codec/reload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TURN_MS = 1000, STATUS_SIZE = 640 };

static int read_config(const struct aq_arguments *arguments, struct aq_config_agent *config, struct aq_arena *arena,
                       struct aq_error *error)
{
    if (aq_config_read(&aq_config_agent_record, config, arguments, arena, error) != 0)
        return -1;
    return agent_check(config, arena, error);
}

/* What the agent runs with, and what its texts point to. */
struct settings {
    const struct aq_arguments *arguments;
    struct aq_config_agent config;
    struct aq_arena arena;
};

static void reread_settings(struct agent *agent, struct settings *settings)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_arena kept = {0};
    struct aq_config_agent fresh, next;
    struct aq_error error;
    if (read_config(settings->arguments, &fresh, &arena, &error) != 0) {
        aq_journal(AQ_ERROR, "the settings are wrong: keeping the previous ones", "error", error.message, NULL);
        return;
    }
    aq_config_reload(&aq_config_agent_record, &settings->config, &fresh);
    aq_record_copy(&aq_config_agent_record, &next, &settings->config, &kept);
    aq_arena_free(&settings->arena);
    settings->config = next;
    settings->arena = kept;
    aq_journal_set_level((enum aq_journal_level)next.journal);
    agent_reconfigure(agent, &settings->config);
}

static int open_signals(struct aq_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_DFL); /* nohup(1) ignores it, and then it would never come */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "cannot create a signalfd");
}

/* Returns true if the agent must end. */
static bool take_signals(int signals, struct agent *agent, struct settings *settings)
{
    struct signalfd_siginfo info;
    bool end = false;
    while (read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reread_settings(agent, settings);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            end = true;
    }
    /* The agent is a subreaper: it inherits the orphans of keepers. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return end;
}

/* While the agent closes, a second SIGTERM or SIGINT kills it. */
static void unblock_end_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Tells the service manager, when it has changed. */
static void notify_status(const struct agent *agent)
{
    static char told[STATUS_SIZE];
    char status[STATUS_SIZE];
    const char *refusal = agent_refusal(agent);
    if (agent_is_welcome(agent))
        snprintf(status, sizeof status, "STATUS=known to the controller");
    else if (refusal[0] != '\0')
        snprintf(status, sizeof status, "STATUS=not admitted: %s", refusal);
    else
        snprintf(status, sizeof status, "STATUS=looking for the controller");
    if (strcmp(status, told) == 0)
        return;
    memcpy(told, status, sizeof told);
    aq_notify(status);
}

static int run_agent(struct settings *settings)
{
    struct aq_error error;
    struct agent *agent = NULL;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int signals = open_signals(&error);
    if (signals < 0 || agent_open(&agent, &settings->config, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        if (signals >= 0)
            close(signals);
        return EXIT_FAILURE;
    }
    /* Ready even without a controller: the adopted workloads are watched already. */
    aq_notify("READY=1");
    do {
        notify_status(agent);
        agent_turn(agent, signals, TURN_MS);
    } while (!take_signals(signals, agent, settings));
    aq_journal(AQ_INFO, "ending; workloads continue to run", NULL);
    aq_notify("STOPPING=1");
    unblock_end_signals();
    agent_close(agent);
    close(signals);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct aq_arguments arguments;
    struct settings settings = {.arguments = &arguments};
    struct aq_error error;
    aq_program_begin();
    aq_journal_open("agent", AQ_INFO);
    int status = aq_program_read(&aq_agent_program, argc, argv, NULL, &arguments);
    if (status < 0) {
        if (read_config(&arguments, &settings.config, &settings.arena, &error) == 0) {
            aq_journal_open("agent", (enum aq_journal_level)settings.config.journal);
            status = run_agent(&settings);
        } else {
            fprintf(stderr, "aq-agent: %s\n", error.message);
            status = AQ_EXIT_USAGE;
        }
    }
    aq_arguments_free(&arguments);
    aq_arena_free(&settings.arena);
    return status;
}
