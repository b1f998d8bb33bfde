/* Settings of aq-agent, and how it is called: see aq-agent --help-config and --help. */
#ifndef AQ_AGENT_SETTINGS_SETTINGS_H
#define AQ_AGENT_SETTINGS_SETTINGS_H

#include "schema/base/usage.h"
#include "schema/codec/config.h"
#include "schema/model/amounts.h"

#define AQ_AGENT_FILE "/etc/aquarium/agent.yml"
extern const struct aq_usage aq_agent_usage;

#define AQ_AGENT_CAPACITY(F, T)                                                                                        \
    F(T, cpu, CPU, 0, "0", 0, AQ_CPU_MAX, "cores", "processor cores to offer; 0: all that there are")                  \
    F(T, ram, SIZE, 0, "0", 0, AQ_SIZE_MAX_MIB, NULL, "memory to offer; 0: all that there is")                         \
    F(T, disk, SIZE, 0, "0", 0, AQ_SIZE_MAX_MIB, NULL, "disk space to offer; 0: all that is free")                     \
    F(T, slots, U64, 0, "64", 0, AQ_SLOTS_MAX, NULL, "places for workloads to offer")
AQ_DECLARE_SETTINGS(aq_agent_capacity, AQ_AGENT_CAPACITY)

#define AQ_CONFIG_AGENT(F, T)                                                                                          \
    F(T, name, NAME, 0, "", 0, 64, NULL, "name of this node, unique in the cluster; empty: the host's name")           \
    F(T, controller, TEXT, 0, "127.0.0.1:8002", 1, 120, NULL, "where the controller listens for agents: ADDRESS:PORT") \
    F(T, key_file, TEXT, 0, "/var/lib/aquarium/controller/agent.key", 1, 1024, NULL,                                   \
      "a copy of the controller's agent.key, that nobody else may read")                                               \
    F(T, data, TEXT, 0, "/var/lib/aquarium/agent", 1, 900, NULL,                                                       \
      "directory; this agent keeps its state in <data>/<name>")                                                        \
    F(T, drivers, TEXTS, 0, "", 0, 32, NULL, "drivers to use; empty: all that work here")                              \
    F(T, identifiers, TEXTS, 0, "", 0, 48, NULL, "more to be found by in node filters, such as rack:a7")               \
    F(T, capacity, RECORD(aq_agent_capacity), 0, NULL, 0, 0, NULL, "what to offer: less than there is, never more")    \
    F(T, journal, ENUM(aq_level), 0, "info", 0, 0, NULL, "least level of messages on standard error")
AQ_DECLARE_SETTINGS(aq_config_agent, AQ_CONFIG_AGENT)

#endif
