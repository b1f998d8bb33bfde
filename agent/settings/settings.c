#include "agent/settings/settings.h"

AQ_DEFINE_SETTINGS(aq_agent_capacity, "capacity", "what to offer")
AQ_DEFINE_SETTINGS(aq_agent_keep_logs, "logs", "logs of workloads that have ended")
AQ_DEFINE_SETTINGS(aq_agent_keep_files, "files", "files of workloads that have ended")
AQ_DEFINE_SETTINGS(aq_agent_keep, "keep", "what to keep")
AQ_DEFINE_SETTINGS(aq_agent_usage, "usage", "what the node and its workloads use")
AQ_DEFINE_SETTINGS(aq_agent_shutdown, "shutdown", "how this host is shut down")
AQ_DEFINE_SETTINGS(aq_agent_metadata, "metadata", "metadata service for workloads")
static const char *const gone[] = {
    "key_file", "each agent has a key of its own: enrol this one with a join token, which `aq nodes token` prints",
    NULL};
AQ_DEFINE_SETTINGS_SINCE(aq_config_agent, "agent", "settings of aq-agent", gone)

static const char *const forms[] = {
    "[--config FILE] [--set KEY=VALUE]... [--join-file FILE] [--name NAME] [--controller ADDRESS:PORT] [--drivers A,B]",
    NULL,
};

static const char *const notes[] = {
    "The agent enrols once, with a join token, and then has a key of its own in its directory; later starts need no "
    "token. It is read from --join-file, or from the variable AQ_JOIN_TOKEN.",
    "SIGTERM and SIGINT end the agent and leave its workloads running; SIGHUP reads the settings again.",
    "Exit status: 0 told to end, 1 a failure, 2 a fault in options or settings.",
    NULL,
};

static void print_settings(struct aq_buffer *text)
{
    aq_config_print(&aq_config_agent_record, text);
}

const struct aq_program aq_agent_program = {
    AQ_PROGRAM_NAMED("aq-agent"),
    .purpose = "runs workloads on this host for an Aquarium cluster",
    .forms = forms,
    .notes = notes,
    .settings_file = AQ_AGENT_FILE,
    .print_settings = print_settings,
    .options =
        {
            AQ_OPTION_ROW_CONFIG(AQ_AGENT_FILE),
            AQ_OPTION_ROW_SET(""),
            {"--join-file FILE", "a join token, which `aq nodes token` prints, or - to read it: --set join_file=FILE",
             AQ_OPTION_SETTING},
            {"--name NAME", "the node's name: the same as --set name=NAME", AQ_OPTION_SETTING},
            {"--controller ADDRESS:PORT", "where the controller listens: --set controller=...", AQ_OPTION_SETTING},
            {"--drivers A,B", "drivers to use: --set drivers=A,B", AQ_OPTION_SETTING},
            AQ_OPTION_ROWS_LAST,
        },
};
