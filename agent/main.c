#include "agent/address.h"
#include "agent/agent.h"
#include "agent/joining.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/notify.h"
#include "schema/codec/reload.h"
#include "schema/wire/uplink_nanomsg.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SLEEP_MS_MAX = 10000,
    STATUS_SIZE = 640,
    RETRY_MOST_MS = 2000, /* between two attempts to connect, at most */
};

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
    struct joining joining;
    struct aq_arena joining_arena;
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
    aq_program_block_signals(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
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
    return end;
}

/* The agent is a subreaper: it inherits the orphans of keepers. What drivers look after themselves may have ended after
 * their turn: then the next turn comes at once, and the rest is reaped after it. */
static void reap_orphans(const struct agent *agent)
{
    for (;;) {
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0 ||
            agent_waits_for(agent, ended.si_pid))
            return;
        waitpid(ended.si_pid, NULL, WNOHANG);
    }
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

static struct aq_uplink *make_uplink(const struct joining *joining)
{
    char urls[JOINING_ADDRESSES_MAX][ADDRESS_URL_SIZE];
    const char *list[JOINING_ADDRESSES_MAX];
    for (uint32_t i = 0; i < joining->addresses.count; i++) {
        struct address controller;
        bool good = address_parse(&controller, AQ_TEXT_ITEM(joining->addresses, i));
        aq_assert(good);
        address_url(&controller, urls[i]);
        list[i] = urls[i];
    }
    return aq_uplink_nanomsg(list, joining->addresses.count, RETRY_MOST_MS);
}

/* Tries for a while if another agent has the directory: one that was just killed. */
static int open_agent(struct agent **agent, const struct settings *settings, struct aq_error *error)
{
    const struct joining *joining = &settings->joining;
    const struct agent_join join = {.fingerprint = joining->token.fingerprint, .secret = joining->token.secret};
    struct aq_config_agent config = settings->config;
    struct host host;
    config.controller = AQ_TEXT_ITEM(joining->addresses, 0);
    host_read(&host, &config);
    for (unsigned ms = 0;; ms += AQ_LOCK_AGAIN_MS) {
        const struct aq_clocks now = aq_clocks_read();
        if (agent_open(agent, &config, &host, joining->has_token ? &join : NULL, make_uplink(joining), &now, error) ==
            0)
            return 0;
        if (error->code != AQ_E_EXISTS || ms >= AQ_LOCK_PATIENCE_MS)
            return -1;
        usleep(AQ_LOCK_AGAIN_MS * 1000);
    }
}

/* Once the hub that the token names has admitted the agent. */
static void keep_addresses(struct settings *settings, const struct agent *agent)
{
    struct aq_error error;
    if (!settings->joining.has_token || !agent_is_welcome(agent))
        return;
    if (joining_keep(&settings->joining, &settings->config, &error) != 0)
        aq_journal(AQ_ERROR, "cannot keep the addresses of the controller", "error", error.message, NULL);
    settings->joining.has_token = false;
}

/* Waits until something may have happened. */
static void wait_for_news(const struct agent *agent, int signals, uint64_t deadline_ms)
{
    struct pollfd fds[AGENT_FDS_MAX + 1];
    const struct aq_clocks now = aq_clocks_read();
    nfds_t count = agent_fds(agent, fds);
    fds[count++] = (struct pollfd){.fd = signals, .events = POLLIN};
    int ready = poll(fds, count, aq_clocks_left_ms(&now, deadline_ms, SLEEP_MS_MAX));
    (void)ready; /* the turn looks at everything */
}

static int run_agent(struct settings *settings)
{
    struct aq_error error;
    struct agent *agent = NULL;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int signals = open_signals(&error);
    if (signals < 0 || open_agent(&agent, settings, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        if (signals >= 0)
            close(signals);
        return EXIT_FAILURE;
    }
    joining_wipe(&settings->joining);
    /* Ready even without a controller: the adopted workloads are watched already. */
    aq_notify("READY=1");
    do {
        const struct aq_clocks now = aq_clocks_read();
        uint64_t deadline_ms = agent_turn(agent, &now);
        reap_orphans(agent);
        notify_status(agent);
        keep_addresses(settings, agent);
        wait_for_news(agent, signals, deadline_ms);
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
    if (sodium_init() < 0) {
        aq_journal(AQ_ERROR, "cannot start: libsodium does not work here", NULL);
        return EXIT_FAILURE;
    }
    char *variable = joining_take_variable(&settings.joining_arena);
    int status = aq_program_read(&aq_agent_program, argc, argv, NULL, &arguments);
    if (status < 0) {
        if (read_config(&arguments, &settings.config, &settings.arena, &error) == 0 &&
            joining_read(&settings.joining, &settings.config, variable, &settings.joining_arena, &error) == 0) {
            aq_journal_open("agent", (enum aq_journal_level)settings.config.journal);
            status = run_agent(&settings);
        } else {
            fprintf(stderr, "aq-agent: %s\n", error.message);
            status = AQ_EXIT_USAGE;
        }
    }
    aq_arguments_free(&arguments);
    aq_arena_free(&settings.arena);
    aq_arena_free(&settings.joining_arena);
    return status;
}
