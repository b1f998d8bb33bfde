#include "controller/config.h"

AQ_DEFINE_SETTINGS(aq_config_api, "api", AQ_CONFIG_API, "REST")
AQ_DEFINE_SETTINGS(aq_config_hub, "hub", AQ_CONFIG_HUB, "agents")
AQ_DEFINE_SETTINGS(aq_config_log, "log", AQ_CONFIG_LOG, "the log")
AQ_DEFINE_SETTINGS(aq_config_state, "state", AQ_CONFIG_STATE, "the tables")
AQ_DEFINE_SETTINGS(aq_config_meta, "meta", AQ_CONFIG_META, "the metadata service")
AQ_DEFINE_SETTINGS(aq_config_controller, "controller", AQ_CONFIG_CONTROLLER, "settings of aq-controller")
