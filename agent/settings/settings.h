/* Settings and command line of aq-agent: what --help-config and --help print. */
#ifndef AQ_AGENT_SETTINGS_SETTINGS_H
#define AQ_AGENT_SETTINGS_SETTINGS_H

#include "schema/base/program.h"
#include "schema/codec/config.h"
#include "schema/drivers/allow.h"
#include "schema/drivers/container.h"
#include "schema/drivers/libvirt.h"
#include "schema/model/amounts.h"

#define AQ_AGENT_FILE "/etc/aquarium/agent.yml"
extern const struct aq_program aq_agent_program;

/* clang-format off */
#define aq_agent_capacity_fields(S, T)                                                                                 \
    S(T, cpu,   CPU(0, AQ_CPU_MAX),       "0",  AQ_LIVE, "processor cores to offer; 0: all of them")                   \
    S(T, ram,   SIZE(0, AQ_SIZE_MAX_MIB), "0",  AQ_LIVE, "memory to offer; 0: all of it")                              \
    S(T, disk,  SIZE(0, AQ_SIZE_MAX_MIB), "0",  AQ_LIVE, "disk space to offer; 0: all that is free")                   \
    S(T, slots, U64(0, AQ_SLOTS_MAX),     "64", AQ_LIVE, "places for workloads to offer")
AQ_DECLARE_SETTINGS(aq_agent_capacity)

/* Logs of workloads that have ended. The oldest are deleted as soon as one of the bounds is passed. */
#define aq_agent_keep_logs_fields(S, T)                                                                                \
    S(T, number, U64(0, 100000),           "1000", AQ_LIVE, "of how many workloads")                                   \
    S(T, size,   SIZE(1, AQ_SIZE_MAX_MIB), "1GiB", AQ_LIVE, "how much in all")                                         \
    S(T, age,    DURATION(1, 315360000),   "7d",   AQ_LIVE, "how long after the end")
AQ_DECLARE_SETTINGS(aq_agent_keep_logs)

/* What workloads have left on disk when they ended, for copying it out. In the same way. */
#define aq_agent_keep_files_fields(S, T)                                                                               \
    S(T, number, U64(0, 100000),           "100",  AQ_LIVE, "of how many workloads; 0: of none")                       \
    S(T, size,   SIZE(1, AQ_SIZE_MAX_MIB), "2GiB", AQ_LIVE, "how much in all, and of one workload")                    \
    S(T, age,    DURATION(1, 315360000),   "1d",   AQ_LIVE, "how long after the end")
AQ_DECLARE_SETTINGS(aq_agent_keep_files)

#define aq_agent_keep_fields(S, T)                                                                                     \
    S(T, logs,  RECORD(aq_agent_keep_logs),  NULL, 0, "logs of workloads that have ended")                             \
    S(T, files, RECORD(aq_agent_keep_files), NULL, 0, "files of workloads that have ended, for aq cp")
AQ_DECLARE_SETTINGS(aq_agent_keep)

#define aq_agent_metadata_fields(S, T)                                                                                 \
    S(T, port, U64(0, 65535), "80", 0,                                                                                 \
      "where workloads get their metadata, on the networks that this agent makes for them and nowhere else; if another " \
      "agent of the host has that port, one of the next 15; 0: nowhere")
AQ_DECLARE_SETTINGS(aq_agent_metadata)

/* What the node and its workloads use. */
#define aq_agent_usage_fields(S, T)                                                                                    \
    S(T, interval, DURATION(0, 3600), "5s", AQ_LIVE, "how often it is measured; 0: never")
AQ_DECLARE_SETTINGS(aq_agent_usage)

#define aq_agent_shutdown_fields(S, T)                                                                                 \
    S(T, command, TEXTS(0, 32), "", AQ_LIVE,                                                                           \
      "program and arguments that shut this host down, such as [systemctl, poweroff]; empty: the cluster cannot do that")
AQ_DECLARE_SETTINGS(aq_agent_shutdown)

#define aq_config_agent_fields(S, T)                                                                                   \
    S(T, name,        NAME(0, 64),               "",                                       0,                          \
      "name of this node, unique in the cluster; empty: the host's name")                                              \
    S(T, join_file,   TEXT(0, 1024),             "",                                       0,                          \
      "file with a join token, - for standard input; needed until the agent has enrolled")                             \
    S(T, controller,  TEXT(0, 120),              "",                                       0,                          \
      "where the controller listens for agents: ADDRESS:PORT; empty: where the join token says, or 127.0.0.1:8002")    \
    S(T, data,        TEXT(1, 900),              "/var/lib/aquarium/agent",                0,                          \
      "directory; the agent keeps its state in <data>/<name>")                                                         \
    S(T, drivers,     TEXTS(0, 32),              "",                                       0,                          \
      "drivers to use; empty: all that work on this host")                                                             \
    S(T, drivers_dir, TEXT(0, 900),              "",                                       0,                          \
      "directory with programs aq-driver-NAME, each of which is a driver; looked at again on SIGHUP; empty: none")    \
    S(T, allow,       RECORD(aq_allow),          NULL,                                     0,                          \
      "what workloads may do on this host")                                                                            \
    S(T, container,   RECORD(aq_container_settings), NULL,                                 0,                          \
      "images and networks of containers")                                                                             \
    S(T, libvirt,     RECORD(aq_libvirt_settings), NULL,                                   0,                          \
      "virtual machines")                                                                                              \
    S(T, metadata,    RECORD(aq_agent_metadata), NULL,                                     0,                          \
      "metadata service for workloads")                                                                                \
    S(T, secrets,     TEXT(1, 900),              "/run/aquarium/secrets",                  0,                          \
      "directory for secrets of workloads; one that is on no memory file system gets one")                             \
    S(T, identifiers, TEXTS(0, 48),              "",                                       AQ_LIVE,                    \
      "further identifiers for node filters, such as rack:a7")                                                         \
    S(T, capacity,    RECORD(aq_agent_capacity), NULL,                                     0,                          \
      "what to offer: at most what the host has")                                                                      \
    S(T, shutdown,    RECORD(aq_agent_shutdown), NULL,                                     0,                          \
      "how this host is shut down")                                                                                    \
    S(T, keep,        RECORD(aq_agent_keep),     NULL,                                     0,       "what to keep")    \
    S(T, usage,       RECORD(aq_agent_usage),    NULL,                                     0,                          \
      "what the node and its workloads use")                                                                           \
    S(T, journal,     ENUM(aq_level),            "info",                                   AQ_LIVE,                    \
      "least level of messages on standard error")
AQ_DECLARE_SETTINGS(aq_config_agent)
/* clang-format on */

#endif
