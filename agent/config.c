#include "agent/config.h"

AQ_DEFINE_SETTINGS(aq_agent_capacity, "capacity", AQ_AGENT_CAPACITY, "what to offer")
AQ_DEFINE_SETTINGS(aq_config_agent, "agent", AQ_CONFIG_AGENT, "settings of aq-agent")
