/* The settings and options of aq-controller: see aq-controller --help-config and --help. */
#ifndef AQ_CONTROLLER_SETTINGS_SETTINGS_H
#define AQ_CONTROLLER_SETTINGS_SETTINGS_H

#include "schema/base/program.h"
#include "schema/codec/config.h"
#include "schema/wire/messages.h"

#define AQ_CONTROLLER_FILE "/etc/aquarium/controller.yml"
extern const struct aq_program aq_controller_program;

/* clang-format off */
#define aq_config_tls_fields(S, T)                                                                                     \
    S(T, address,     TEXT(0, 64),   "",     0,                                                                        \
      "address to listen on with TLS, such as 0.0.0.0; empty: none")                                                   \
    S(T, port,        U64(0, 65535), "8001", 0,                                                                        \
      "port to listen on with TLS; 0: any free port, see <data>/run/tls.port")                                         \
    S(T, names,       TEXTS(0, 64),  "",     AQ_LIVE,                                                                  \
      "names and addresses by which clients call this host, besides those that it has itself: for its certificate")    \
    S(T, certificate, TEXT(0, 1024), "",     AQ_LIVE,                                                                  \
      "file with a certificate and those above it, in PEM; empty: one that the cluster's own authority signs")         \
    S(T, key,         TEXT(0, 1024), "",     AQ_LIVE, "file with the private key of that certificate, in PEM")
AQ_DECLARE_SETTINGS(aq_config_tls)

#define aq_config_api_fields(S, T)                                                                                     \
    S(T, address,                 TEXT(0, 64),                  "127.0.0.1", 0,                                        \
      "loopback address to listen on without TLS; empty: none")                                                        \
    S(T, port,                    U64(0, 65535),                "8001",      0,                                        \
      "port to listen on without TLS; 0: any free port, see <data>/run/api.port")                                      \
    S(T, tls,                     RECORD(aq_config_tls),        NULL,        0,       "REST over TLS")                 \
    S(T, group,                   TEXT(0, 64),                  "",          0,                                        \
      "group whose members may use the socket <data>/run/api.sock; empty: only root")                                  \
    S(T, connections,             U64(16, 15000),               "4096",      0,       "maximum number of connections") \
    S(T, connections_per_address, U64(1, 15000),                "2048",      0,                                        \
      "maximum number of connections from one address")                                                                \
    S(T, connections_per_user,    U64(1, 15000),                "1024",      AQ_LIVE,                                  \
      "maximum number of connections of one user without the permission cluster.connect")                              \
    S(T, requests_per_token,      U64(1, 1000000000),           "20000",     AQ_LIVE,                                  \
      "maximum number of requests a second with one token; a minute's worth may come at once")                         \
    S(T, requests_per_user,       U64(1, 1000000000),           "40000",     AQ_LIVE,                                  \
      "maximum number of requests a second of one user, with all of its tokens")                                       \
    S(T, requests_per_address,    U64(1, 1000000000),           "5000",      AQ_LIVE,                                  \
      "maximum number of requests a second without a login from one address")                                          \
    S(T, streams,                 U64(1, 4096),                 "256",       AQ_LIVE,                                  \
      "maximum number of event streams")                                                                               \
    S(T, timeout,                 DURATION(1, 3600),            "60",        0,                                        \
      "close a connection that has been silent for this long")                                                         \
    S(T, body_max,                U64(1024, 16777216, "bytes"), "1MiB",      AQ_LIVE,                                  \
      "maximum size of a request body")                                                                                \
    S(T, get_deallocate,          BOOL,                         "false",     0,                                        \
      "let older clients deallocate with GET")                                                                         \
    S(T, trust_loopback,          BOOL,                         "true",      AQ_LIVE,                                  \
      "show /metrics without a token to callers on this host; false: a proxy here speaks for others")
AQ_DECLARE_SETTINGS(aq_config_api)

#define aq_config_exec_fields(S, T)                                                                                    \
    S(T, per_user, U64(1, 100000),      "16", AQ_LIVE, "how many one user may run at once")                            \
    S(T, per_node, U64(1, 100000),      "64", AQ_LIVE, "how many run at once in the workloads of one node")            \
    S(T, idle,     DURATION(0, 604800), "4h", AQ_LIVE,                                                                 \
      "one is ended when nothing came and went for this long; 0: never")
AQ_DECLARE_SETTINGS(aq_config_exec)

#define aq_config_hub_fields(S, T)                                                                                     \
    S(T, address,    TEXT(1, 64),        "127.0.0.1", 0,       "address to listen on for agents")                      \
    S(T, port,       U64(0, 65535),      "8002",      0,                                                               \
      "port to listen on for agents; 0: any free port, see <data>/run/hub.port")                                       \
    S(T, advertise,  TEXTS(0, 8),        "",          0,                                                               \
      "where agents find the hub: ADDRESS or ADDRESS:PORT, written into join tokens; empty: where it listens")         \
    S(T, beat,       DURATION(1, 3600),  "1",         0,       "how often agents send a heartbeat")                    \
    S(T, lost_after, DURATION(2, 86400), "10",        AQ_LIVE,                                                         \
      "a node is LOST when its agent has been silent for this long")                                                   \
    S(T, exec,       RECORD(aq_config_exec), NULL,    0,       "commands that users run in workloads")
AQ_DECLARE_SETTINGS(aq_config_hub)

#define aq_config_log_fields(S, T)                                                                                     \
    S(T, map_size,     SIZE(16, 1048576),           "1TiB",    0,       "maximum size of the log")                     \
    S(T, queue,        U64(1, 1000000),             "16384",   AQ_LIVE,                                                \
      "maximum number of commands that wait; more are refused")                                                        \
    S(T, batch,        U64(1, 65536),               "4096",    AQ_LIVE, "maximum number of commands in one entry")     \
    S(T, batch_bytes,  U64(4096, 8388608, "bytes"), "1MiB",    AQ_LIVE, "maximum size of one entry")                   \
    S(T, user_rate,    U64(1024, 1099511627776, "bytes"),   "256KiB", AQ_LIVE,                                         \
      "how much a user may write a second, over a long time")                                                          \
    S(T, user_burst,   U64(65536, 1099511627776, "bytes"),  "1GiB",   AQ_LIVE,                                         \
      "how much a user may write at once")                                                                             \
    S(T, disk_reserve, SIZE(1, 1048576),            "64MiB",   AQ_LIVE,                                                \
      "refuse writes when the disk has less free space than this")
AQ_DECLARE_SETTINGS(aq_config_log)

#define aq_config_state_fields(S, T)                                                                                   \
    S(T, map_size, SIZE(16, 1048576), "1TiB", 0, "maximum size of the tables")
AQ_DECLARE_SETTINGS(aq_config_state)

#define aq_config_meta_fields(S, T)                                                                                    \
    S(T, address,  TEXT(0, 64),   "",                    0,                                                            \
      "address to serve metadata on, without TLS; empty: none. api.address and api.tls.address serve it, too")         \
    S(T, port,     U64(0, 65535), "8003",                0,                                                            \
      "port to serve metadata on; 0: any free port, see <data>/run/meta.port")                                         \
    S(T, networks, TEXTS(0, 32),  "127.0.0.0/8,::1/128", 0,                                                             \
      "controlled networks: the service identifies callers there by their address; 10.1.0.0/16=rack-7-*: those of "     \
      "these nodes only")
AQ_DECLARE_SETTINGS(aq_config_meta)

/* Finished applications leave the tables as soon as one of the bounds is passed, the oldest first. The log keeps them. */
#define aq_config_keep_finished_fields(S, T)                                                                           \
    S(T, number, U64(0, 1000000000),     "0", AQ_LIVE, "how many; 0: all")                                             \
    S(T, age,    DURATION(0, 315360000), "0", AQ_LIVE, "how long after the end; 0: for ever")
AQ_DECLARE_SETTINGS(aq_config_keep_finished)

#define aq_config_keep_fields(S, T)                                                                                    \
    S(T, finished, RECORD(aq_config_keep_finished), NULL, 0, "applications that are over")
AQ_DECLARE_SETTINGS(aq_config_keep)

/* What nodes and workloads use. */
#define aq_config_usage_fields(S, T)                                                                                   \
    S(T, memory,  SIZE(0, 1048576), "64MiB", AQ_LIVE,                                                                  \
      "how much memory histories may take together; 0: none is kept")                                                  \
    S(T, metrics, U64(0, 100000),   "1000",  AQ_LIVE, "how many nodes, and how many workloads, /metrics shows")
AQ_DECLARE_SETTINGS(aq_config_usage)

#define aq_config_secrets_fields(S, T)                                                                                 \
    S(T, epoch, DURATION(0, 315360000), "90d", AQ_LIVE, "when another epoch begins, with another key; 0: never")
AQ_DECLARE_SETTINGS(aq_config_secrets)

#define aq_config_controller_fields(S, T)                                                                              \
    S(T, data,    TEXT(1, 1024),           "/var/lib/aquarium/controller", 0,                                          \
      "directory of the log and the tables")                                                                           \
    S(T, name,    NAME(1, 64),             "controller-1",                 0,       "name of this controller")         \
    S(T, journal, ENUM(aq_level),          "info",                         AQ_LIVE,                                    \
      "minimum level of messages on standard error")                                                                   \
    S(T, api,     RECORD(aq_config_api),   NULL,                           0,       "REST")                            \
    S(T, hub,     RECORD(aq_config_hub),   NULL,                           0,       "agents")                          \
    S(T, log,     RECORD(aq_config_log),   NULL,                           0,       "the log")                         \
    S(T, state,   RECORD(aq_config_state), NULL,                           0,       "the tables")                      \
    S(T, meta,    RECORD(aq_config_meta),  NULL,                           0,       "the metadata service")            \
    S(T, keep,    RECORD(aq_config_keep),  NULL,                           0,       "what to keep")                    \
    S(T, usage,   RECORD(aq_config_usage), NULL,                           0,                                          \
      "what nodes and workloads use")                                                                                  \
    S(T, secrets, RECORD(aq_config_secrets), NULL,                         0,       "keys of secrets")
AQ_DECLARE_SETTINGS(aq_config_controller)
/* clang-format on */

/* Files below the data directory. */
#define AQ_FILE_TOKEN      "admin.token" /* of the user admin, written at the first start */
#define AQ_FILE_HUB_KEY    "hub.key"     /* the secret half of the hub's static key */
#define AQ_FILE_API_PORT   "run/api.port"
#define AQ_FILE_HUB_PORT   "run/hub.port"
#define AQ_FILE_TLS_PORT   "run/tls.port"
#define AQ_FILE_META_PORT  "run/meta.port"
#define AQ_FILE_API_SOCKET "run/api.sock"

#endif
