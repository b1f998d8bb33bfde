#include "controller/settings/settings.h"

AQ_DEFINE_SETTINGS(aq_config_api, "api", "REST")
AQ_DEFINE_SETTINGS(aq_config_hub, "hub", "agents")
AQ_DEFINE_SETTINGS(aq_config_log, "log", "the log")
AQ_DEFINE_SETTINGS(aq_config_state, "state", "the tables")
AQ_DEFINE_SETTINGS(aq_config_meta, "meta", "the metadata service")
AQ_DEFINE_SETTINGS(aq_config_controller, "controller", "settings of aq-controller")

static const char *const forms[] = {
    "[--config FILE] [--set KEY=VALUE]... [--rebuild]",
    "[--config FILE] [--set KEY=VALUE]... --check",
    "[--config FILE] [--set KEY=VALUE]... --salvage DIRECTORY",
    NULL,
};

static const char *const notes[] = {
    "Ends in order at SIGTERM or SIGINT. Messages go to standard error.",
    "Exit status: 0 told to end, or all is equal, or a log was salvaged; 1 a failure, or a difference; 2 a fault in "
    "options or settings.",
    NULL,
};

static void print_settings(struct aq_buffer *text)
{
    aq_config_print(&aq_config_controller_record, text);
}

const struct aq_program aq_controller_program = {
    .name = "aq-controller",
    .purpose = "the log, the decisions, the tables, REST and the agents' hub of an Aquarium cluster",
    .forms = forms,
    .notes = notes,
    .settings_file = AQ_CONTROLLER_FILE,
    .print_settings = print_settings,
    .options =
        {
            AQ_OPTION_ROW_CONFIG(AQ_CONTROLLER_FILE),
            AQ_OPTION_ROW_SET(", such as api.port=8011"),
            {"--rebuild", "make the tables anew from the log, then go on as usual"},
            {"--check", "walk the log's chain, compare the tables with the replayed log, and end: 0 equal, 1 not"},
            {"--salvage DIRECTORY", "copy what is whole of a damaged log into this new one, say what is lost, and end"},
            AQ_OPTION_ROWS_LAST,
        },
};
