#include "controller/settings/settings.h"

static const char *const gone_from_api[] = {
    "allow_plain", "only loopback is served without TLS; set api.tls.address for other addresses", NULL};

AQ_DEFINE_SETTINGS(aq_config_tls, "tls", "REST over TLS")
AQ_DEFINE_SETTINGS_SINCE(aq_config_api, "api", "REST", gone_from_api)
AQ_DEFINE_SETTINGS(aq_config_exec, "exec", "commands that users run in workloads")
AQ_DEFINE_SETTINGS(aq_config_hub, "hub", "agents")
AQ_DEFINE_SETTINGS(aq_config_log, "log", "the log")
AQ_DEFINE_SETTINGS(aq_config_state, "state", "the tables")
AQ_DEFINE_SETTINGS(aq_config_meta, "meta", "the metadata service")
AQ_DEFINE_SETTINGS(aq_config_keep_finished, "finished", "applications that are over")
AQ_DEFINE_SETTINGS(aq_config_keep, "keep", "what to keep")
AQ_DEFINE_SETTINGS(aq_config_usage, "usage", "what nodes and workloads use")
AQ_DEFINE_SETTINGS(aq_config_secrets, "secrets", "keys of secrets")
AQ_DEFINE_SETTINGS(aq_config_controller, "controller", "settings of aq-controller")

static const char *const forms[] = {
    "[--config FILE] [--set KEY=VALUE]... [--rebuild]",
    "[--config FILE] [--set KEY=VALUE]... --check",
    "[--config FILE] [--set KEY=VALUE]... --salvage DIRECTORY",
    "[--config FILE] [--set KEY=VALUE]... --keyring-save FILE --passphrase FILE",
    "[--config FILE] [--set KEY=VALUE]... --keyring-load FILE --passphrase FILE",
    NULL,
};

static const char *const notes[] = {
    "SIGTERM and SIGINT end it cleanly; SIGHUP reads the settings again. Messages go to standard error.",
    "Exit status: 0 on success; 1 after a failure, or if --check finds a difference; 2 for wrong options or settings.",
    NULL,
};

static void print_settings(struct aq_buffer *text)
{
    aq_config_print(&aq_config_controller_record, text);
}

const struct aq_program aq_controller_program = {
    AQ_PROGRAM_NAMED("aq-controller"),
    .purpose = "the controller of an Aquarium cluster: log, decisions, tables, REST API and the hub for agents",
    .forms = forms,
    .notes = notes,
    .settings_file = AQ_CONTROLLER_FILE,
    .print_settings = print_settings,
    .options =
        {
            AQ_OPTION_ROW_CONFIG(AQ_CONTROLLER_FILE),
            AQ_OPTION_ROW_SET(", such as api.port=8011"),
            {"--rebuild", "rebuild the tables from the log, then continue as usual"},
            {"--check", "verify the hash chain of the log, compare the tables with the replayed log, and exit"},
            {"--salvage DIRECTORY",
             "copy the intact entries of a damaged log into a new directory, report what is lost, and exit"},
            {"--keyring-save FILE", "write the keys of secrets into a file, encrypted with a passphrase, and exit"},
            {"--keyring-load FILE", "take keys from such a file into the keyring, and exit"},
            {"--passphrase FILE", "a file whose first line is the passphrase, or - to read it"},
            AQ_OPTION_ROWS_LAST,
        },
};
