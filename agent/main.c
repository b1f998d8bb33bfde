#include "agent/agent.h"
#include "schema/base/journal.h"
#include "schema/base/notify.h"
#include "schema/base/version.h"
#include "schema/codec/check.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_USER = 2, TURN_MS = 1000 };
enum { OPTION_HELP_CONFIG = 256, OPTION_VERSION };

struct arguments {
    const char *config;
    char **assignments; /* KEY=VALUE, in order */
    int assignment_count;
};

static void add_assignment(struct arguments *arguments, const char *key, const char *value)
{
    struct aq_buffer text = {0};
    aq_buffer_format(&text, "%s%s%s", key, key[0] != '\0' ? "=" : "", value);
    arguments->assignments =
        aq_realloc(arguments->assignments, ((size_t)arguments->assignment_count + 1) * sizeof(char *));
    arguments->assignments[arguments->assignment_count++] = text.data;
}

static void help(bool about_settings)
{
    struct aq_buffer text = {0};
    if (about_settings)
        aq_config_print(&aq_config_agent_record, &text);
    else
        aq_usage_print(&aq_agent_usage, &text);
    fputs(aq_buffer_string(&text), stdout);
    aq_buffer_free(&text);
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"controller", required_argument, NULL, 'C'},
                                            {"drivers", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
                                            {"version", no_argument, NULL, OPTION_VERSION},
                                            {NULL, 0, NULL, 0}};
    for (int option, index = 0; (option = getopt_long(argc, argv, "h", options, &index)) != -1;) {
        switch (option) {
        case 'c':
            arguments->config = optarg;
            break;
        case 's':
            add_assignment(arguments, "", optarg);
            break;
        case 'n':
        case 'C':
        case 'd':
            add_assignment(arguments, options[index].name, optarg);
            break;
        case 'h':
        case OPTION_HELP_CONFIG:
            help(option == OPTION_HELP_CONFIG);
            return 0;
        case OPTION_VERSION:
            puts("aq-agent " AQ_VERSION);
            return 0;
        default:
            fputs("Try aq-agent --help.\n", stderr);
            return EXIT_USER;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "aq-agent: \"%s\" is not expected here. Try aq-agent --help.\n", argv[optind]);
    return EXIT_USER;
}

static int read_config(const struct arguments *arguments, struct aq_config_agent *config, struct aq_arena *arena,
                       struct aq_error *error)
{
    aq_record_init(&aq_config_agent_record, config, arena);
    const char *file = access(AQ_AGENT_FILE, R_OK) == 0 ? AQ_AGENT_FILE : NULL;
    file = arguments->config != NULL ? arguments->config : file;
    if (file != NULL && aq_config_load(&aq_config_agent_record, config, file, arena, error) != 0)
        return -1;
    for (int i = 0; i < arguments->assignment_count; i++)
        if (aq_config_set(&aq_config_agent_record, config, arguments->assignments[i], arena, error) != 0)
            return -1;
    return agent_check(config, arena, error);
}

static void reread_config(struct agent *agent, const struct arguments *arguments)
{
    struct aq_arena arena = {0};
    struct aq_config_agent config;
    struct aq_error error;
    if (read_config(arguments, &config, &arena, &error) == 0) {
        agent_reconfigure(agent, &config);
        aq_journal(AQ_INFO, "settings read again", NULL);
    } else {
        aq_journal(AQ_ERROR, "the settings are no good: going on with those from before", "error", error.message, NULL);
    }
    aq_arena_free(&arena);
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
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "cannot make a signalfd");
}

/* True: it is time to end. A second signal, while the agent ends, ends it at once. */
static bool take_signals(int signals, struct agent *agent, const struct arguments *arguments)
{
    struct signalfd_siginfo info;
    bool end = false;
    while (read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reread_config(agent, arguments);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            end = true;
    }
    /* Orphans of our workloads' keepers fall to us. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return end;
}

static void unblock_end(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int run(const struct arguments *arguments, const struct aq_config_agent *config)
{
    struct aq_error error;
    struct agent *agent = NULL;
    bool welcome = false, end = false;
    int failed = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int signals = open_signals(&error);
    if (signals < 0 || agent_open(&agent, config, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        if (signals >= 0)
            close(signals);
        return EXIT_FAILURE;
    }
    /* Ready without a controller too: workloads that were found again are looked after. */
    aq_notify("READY=1\nSTATUS=looking for the controller");
    while (!end && failed == 0) {
        failed = agent_turn(agent, signals, TURN_MS, &error);
        end = take_signals(signals, agent, arguments);
        if (agent_is_welcome(agent) != welcome) {
            welcome = !welcome;
            aq_notify(welcome ? "STATUS=known to the controller" : "STATUS=looking for the controller");
        }
    }
    if (failed != 0)
        aq_journal(AQ_ERROR, "the controller refuses this agent", "error", error.message, NULL);
    else
        aq_journal(AQ_INFO, "ending; workloads go on", NULL);
    aq_notify("STOPPING=1");
    unblock_end();
    agent_close(agent);
    close(signals);
    return failed != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct aq_arena arena = {0};
    struct aq_config_agent config;
    struct aq_error error;
    aq_journal_open("agent", AQ_INFO);
    int status = read_arguments(argc, argv, &arguments);
    if (status < 0) {
        if (read_config(&arguments, &config, &arena, &error) == 0) {
            aq_journal_open("agent", (enum aq_journal_level)config.journal);
            status = run(&arguments, &config);
        } else {
            fprintf(stderr, "aq-agent: %s\n", error.message);
            status = EXIT_USER;
        }
    }
    for (int i = 0; i < arguments.assignment_count; i++)
        free(arguments.assignments[i]);
    free(arguments.assignments);
    aq_arena_free(&arena);
    return status;
}
