/* Settings of aq-controller, and how it is called: see aq-controller --help-config and --help. */
#ifndef AQ_CONTROLLER_SETTINGS_SETTINGS_H
#define AQ_CONTROLLER_SETTINGS_SETTINGS_H

#include "schema/base/usage.h"
#include "schema/codec/config.h"
#include "schema/wire/messages.h"

#define AQ_CONTROLLER_FILE "/etc/aquarium/controller.yml"
extern const struct aq_usage aq_controller_usage;

#define AQ_CONFIG_API(F, T)                                                                                            \
    F(T, address, TEXT, 0, "127.0.0.1", 1, 64, NULL, "address to listen on; without TLS only loopback is allowed")     \
    F(T, port, U64, 0, "8001", 0, 65535, NULL, "port to listen on; 0: any free one, see <data>/run/api.port")          \
    F(T, connections, U64, 0, "4096", 16, 15000, NULL, "most connections at once")                                     \
    F(T, connections_per_address, U64, 0, "2048", 1, 15000, NULL, "most connections at once from one address")         \
    F(T, streams, U64, 0, "256", 1, 4096, NULL, "most event streams at once")                                          \
    F(T, timeout, DURATION, 0, "60", 1, 3600, "s", "a connection that is silent for longer is closed")                 \
    F(T, body_max, U64, 0, "1048576", 1024, 16777216, "bytes", "largest body of a request")                            \
    F(T, get_deallocate, BOOL, 0, "true", 0, 1, NULL, "older clients deallocate with GET")                             \
    F(T, allow_plain, BOOL, 0, "false", 0, 1, NULL, "listen without TLS on other addresses than loopback")
AQ_DECLARE_SETTINGS(aq_config_api, AQ_CONFIG_API)

#define AQ_CONFIG_HUB(F, T)                                                                                            \
    F(T, address, TEXT, 0, "127.0.0.1", 1, 64, NULL, "address to listen on for agents")                                \
    F(T, port, U64, 0, "8002", 0, 65535, NULL,                                                                         \
      "port to listen on for agents; 0: any free one, see <data>/run/hub.port")                                        \
    F(T, beat, DURATION, 0, "1", 1, 3600, "s", "how often agents send a heartbeat")                                    \
    F(T, lost_after, DURATION, 0, "10", 2, 86400, "s", "a node that is silent for longer is lost")
AQ_DECLARE_SETTINGS(aq_config_hub, AQ_CONFIG_HUB)

#define AQ_CONFIG_LOG(F, T)                                                                                            \
    F(T, map_size, SIZE, 0, "1TiB", 16, 1048576, NULL, "most that the log may grow to")                                \
    F(T, queue, U64, 0, "16384", 1, 1000000, NULL, "most commands that wait; more are refused")                        \
    F(T, batch, U64, 0, "4096", 1, 65536, NULL, "most commands in one entry")                                          \
    F(T, batch_bytes, U64, 0, "1048576", 4096, 8388608, "bytes", "most bytes in one entry")                            \
    F(T, disk_reserve, SIZE, 0, "64MiB", 1, 1048576, NULL, "with less free disk than this, writes are refused")
AQ_DECLARE_SETTINGS(aq_config_log, AQ_CONFIG_LOG)

#define AQ_CONFIG_STATE(F, T) F(T, map_size, SIZE, 0, "1TiB", 16, 1048576, NULL, "most that the tables may grow to")
AQ_DECLARE_SETTINGS(aq_config_state, AQ_CONFIG_STATE)

#define AQ_CONFIG_META(F, T)                                                                                           \
    F(T, networks, TEXTS, 0, "127.0.0.0/8,::1/128", 0, 32, NULL,                                                       \
      "controlled networks: callers whose address may be recognised as a resource's")
AQ_DECLARE_SETTINGS(aq_config_meta, AQ_CONFIG_META)

#define AQ_CONFIG_CONTROLLER(F, T)                                                                                     \
    F(T, data, TEXT, 0, "/var/lib/aquarium/controller", 1, 1024, NULL, "directory that holds the log and the tables")  \
    F(T, name, NAME, 0, "controller-1", 1, 64, NULL, "name of this controller")                                        \
    F(T, journal, ENUM(aq_level), 0, "info", 0, 0, NULL, "least level of messages on standard error")                  \
    F(T, api, RECORD(aq_config_api), 0, NULL, 0, 0, NULL, "REST")                                                      \
    F(T, hub, RECORD(aq_config_hub), 0, NULL, 0, 0, NULL, "agents")                                                    \
    F(T, log, RECORD(aq_config_log), 0, NULL, 0, 0, NULL, "the log")                                                   \
    F(T, state, RECORD(aq_config_state), 0, NULL, 0, 0, NULL, "the tables")                                            \
    F(T, meta, RECORD(aq_config_meta), 0, NULL, 0, 0, NULL, "the metadata service")
AQ_DECLARE_SETTINGS(aq_config_controller, AQ_CONFIG_CONTROLLER)

/* Files below the data directory. */
#define AQ_FILE_TOKEN     "admin.token" /* of the user admin, made at the first start */
#define AQ_FILE_AGENT_KEY "agent.key"   /* seals what travels between agents and hub */
#define AQ_FILE_API_PORT  "run/api.port"
#define AQ_FILE_HUB_PORT  "run/hub.port"

#endif
