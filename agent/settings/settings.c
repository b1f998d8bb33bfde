#include "agent/settings/settings.h"

AQ_DEFINE_SETTINGS(aq_agent_capacity, "capacity", "what to offer")
AQ_DEFINE_SETTINGS(aq_config_agent, "agent", "settings of aq-agent")

static const char *const forms[] = {
    "[--config FILE] [--set KEY=VALUE]... [--name NAME] [--controller ADDRESS:PORT] [--drivers A,B]",
    NULL,
};

static const char *const notes[] = {
    "SIGTERM and SIGINT end the agent and leave its workloads running; SIGHUP reads capacity and identifiers again.",
    "Exit status: 0 told to end, 1 a failure, 2 a fault in options or settings.",
    NULL,
};

const struct aq_usage aq_agent_usage = {
    .program = "aq-agent",
    .purpose = "runs workloads on this host for an Aquarium cluster",
    .forms = forms,
    .notes = notes,
    .settings_file = AQ_AGENT_FILE,
    .options =
        {
            {"--config FILE", "settings in YAML; default " AQ_AGENT_FILE ", if it is there"},
            {"--set KEY=VALUE", "one setting, over those of the file; may be given often"},
            {"--name NAME", "the node's name: the same as --set name=NAME"},
            {"--controller ADDRESS:PORT", "where the controller listens: --set controller=..."},
            {"--drivers A,B", "drivers to use: --set drivers=A,B"},
            {"--help-config", "all settings, with their presets, as a file to begin with"},
            {"--help", "this text"},
            {"--version", "the version"},
        },
};
