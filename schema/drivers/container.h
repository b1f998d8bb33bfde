/* The options of the `container` driver, its settings, and how labels refer to images. */
#ifndef AQ_SCHEMA_DRIVERS_CONTAINER_H
#define AQ_SCHEMA_DRIVERS_CONTAINER_H

#include "schema/drivers/driver.h"
#include "schema/drivers/mount.h"

enum {
    AQ_CONTAINER_WORDS_MAX = 65536,
    AQ_CONTAINER_PORTS_MAX = 64,
    AQ_IMAGE_MAX = 512, /* bytes of a reference */
};

#define AQ_CONTAINER_NETWORKS(W)                                                                                       \
    W(AQ_NETWORK_BRIDGE, "bridge", "an address of its own on the node's bridge")                                       \
    W(AQ_NETWORK_NONE, "none", "nothing but a loopback device")                                                        \
    W(AQ_NETWORK_HOST, "host", "that of the node, if its owner allows that")
AQ_DECLARE_WORDS(aq_container_network, AQ_CONTAINER_NETWORKS)

#define AQ_CONTAINER_PULLS(W)                                                                                          \
    W(AQ_PULL_MISSING, "missing", "if the node does not have it")                                                      \
    W(AQ_PULL_ALWAYS, "always", "if the registry has another one by now")                                              \
    W(AQ_PULL_NEVER, "never", "it must be on the node")
AQ_DECLARE_WORDS(aq_container_pull, AQ_CONTAINER_PULLS)

/* clang-format off */
#define aq_container_options_fields(S, T)                                                                              \
    S(T, image,       TEXT(1, AQ_IMAGE_MAX),            NULL,     AQ_REQUIRED,                                         \
      "[docker://]HOST/NAME:TAG or ...@sha256:DIGEST in a registry, or oci:NAME[:TAG] of the node's local images")     \
    S(T, pull,        ENUM(aq_container_pull),          "missing", 0,                                                  \
      "when the image is taken from its registry")                                                                     \
    S(T, command,     TEXTS(0, AQ_CONTAINER_WORDS_MAX), NULL,     0,                                                   \
      "program and arguments, or the arguments of the image's entrypoint; if not given, the image's own; one text is " \
      "run by /bin/sh -c")                                                                                             \
    S(T, entrypoint,  TEXTS(0, AQ_CONTAINER_WORDS_MAX), NULL,     0,                                                   \
      "program and first arguments, instead of the image's entrypoint")                                                \
    S(T, environment, TEXTS(0, AQ_CONTAINER_WORDS_MAX), NULL,     0,                                                   \
      "variables besides the image's, AQUARIUM_RESOURCE, AQUARIUM_METADATA, AQ_METADATA_URL and AQ_META_*")            \
    S(T, directory,   TEXT(1, 4095),                    "",       0,                                                   \
      "where it runs inside the container; if not given, where the image says")                                        \
    S(T, user,        TEXT(1, 255),                     "",       0,                                                   \
      "user of the image, and :GROUP, that it runs as; if not given, the image's")                                     \
    S(T, hostname,    TEXT(1, 63),                      "",       0,                                                   \
      "its host name; if not given, r and the number of the resource")                                                 \
    S(T, network,     ENUM(aq_container_network),       "bridge", 0,                                                   \
      "its network")                                                                                                   \
    S(T, ports,       TEXTS(0, AQ_CONTAINER_PORTS_MAX), NULL,     0,                                                   \
      "ports of the node that lead to it: 8080:80, or 53:53/udp, if the node's owner allows them")                     \
    S(T, mounts,      TEXTS(0, AQ_MOUNTS_MAX)          , NULL,    0,                                                   \
      "directories of the host that it sees: /srv/data:/data, or /srv/data:/data:rw, if the node's owner allows them") \
    S(T, read_only,   BOOL,                             "false",  0,                                                   \
      "it cannot write to its root file system")                                                                       \
    S(T, stop_grace,  DURATION(0, 3600),                "10s",    0,                                                   \
      "time between the image's stop signal (SIGTERM) and SIGKILL")                                                    \
    S(T, pids,        U64(1, 4194304),                  "4096",   0,                                                   \
      "most processes and threads at once")                                                                            \
    S(T, io_read,     U64(4096, UINT64_C(1) << 40, "bytes"), NULL, 0,                                                  \
      "most that it reads from the node's disk in a second; if not given, no limit")                                   \
    S(T, io_write,    U64(4096, UINT64_C(1) << 40, "bytes"), NULL, 0,                                                  \
      "most that it writes there in a second; if not given, no limit")                                                 \
    S(T, log_size,    U64(4096, 1 << 30, "bytes"),      "1MiB",   0,                                                   \
      "size at which the log continues in a new file")                                                                 \
    S(T, log_files,   U64(1, AQ_LOG_FILES_MAX),         "2",      0,                                                   \
      "how many log files are kept")                                                                                   \
    S(T, log_rate,    U64(4096, 1 << 30, "bytes"),      "8MiB",   0,                                                   \
      "most output in a second that is kept; beyond it, the program waits")
/* clang-format on */
AQ_DECLARE_SETTINGS(aq_container_options)

extern const struct aq_driver aq_driver_container;

/* ---- settings of an agent ------------------------------------------------------------------------------- */

/* clang-format off */
#define aq_container_settings_fields(S, T)                                                                             \
    S(T, images,      TEXT(1, 900),              "/var/lib/aquarium/images", 0,                                        \
      "directory of images, which the agents of a host share; local images are OCI layouts in its directory local/")   \
    S(T, size,        SIZE(1, 1 << 30),          "20GiB",  AQ_LIVE,                                                    \
      "of all images: beyond it, those that no container uses are removed, unused longest first")                      \
    S(T, age,         DURATION(60, 315360000),   "30d",    AQ_LIVE,                                                    \
      "an image that no container has used for so long is removed")                                                    \
    S(T, image_size,  SIZE(1, 1 << 30),          "8GiB",   AQ_LIVE,                                                    \
      "largest image, packed or unpacked")                                                                             \
    S(T, image_files, U64(1, 100000000),         "500000", AQ_LIVE,                                                    \
      "most files in an image")                                                                                        \
    S(T, pull_time,   DURATION(1, 86400),        "30m",    AQ_LIVE,                                                    \
      "how long it may take to get and unpack an image")                                                               \
    S(T, call_time,   DURATION(1, 3600),         "1m",     AQ_LIVE,                                                    \
      "how long one call of the OCI runtime, of ip or of nft may take; then it is ended, and the start has failed")    \
    S(T, credentials, TEXT(0, 900),              "",       AQ_LIVE,                                                    \
      "file with logins for registries, as `skopeo login --authfile` writes it; only root may read it")                \
    S(T, certificates, TEXT(0, 900),             "",       AQ_LIVE,                                                    \
      "directory with certificates (*.crt, *.cert, *.key) for registries; empty: those that the host trusts")          \
    S(T, plain,       TEXTS(0, 16),              "",       AQ_LIVE,                                                    \
      "registries, as HOST:PORT, that may be used without TLS, or with a certificate that cannot be checked")          \
    S(T, proxy,       TEXT(0, 255),              "",       AQ_LIVE,                                                    \
      "HTTP proxy on the way to registries, such as http://proxy.example:3128; empty: none")                           \
    S(T, runtime,     TEXT(0, 255),              "",       AQ_LIVE,                                                    \
      "OCI runtime: crun, runc, or a path; empty: crun, or else runc")                                                 \
    S(T, ports,       TEXTS(0, 16),              "",       AQ_LIVE,                                                    \
      "ports of the host that labels may have lead to containers: numbers, and ranges such as 20000-29999; empty: none") \
    S(T, host_network, BOOL,                     "false",  AQ_LIVE,                                                    \
      "containers share the network of the host if their label says so")                                               \
    S(T, network,     TEXT(0, 32),               "10.83.0.0/20", 0,                                                    \
      "IPv4 network of the bridge aq-containers, which all agents of a host share: ADDRESS/20 or larger")              \
    S(T, first_user,  U64(100000, 4026531840),   "1879048192", 0,                                                      \
      "each container has 65536 users of the host for its own, from this number on; the same for all agents of a host")
AQ_DECLARE_SETTINGS(aq_container_settings)
/* clang-format on */

/* Checks what the declaration cannot. An error names the setting: "container.images is ..." */
int aq_container_settings_check(const struct aq_container_settings *settings, struct aq_error *error) AQ_MUST_CHECK;

/* The network as numbers: its first address and its gateway, which is the bridge. */
struct aq_container_subnet {
    uint32_t first, gateway;
    unsigned bits;
};
int aq_container_subnet_parse(struct aq_container_subnet *subnet, const char *text,
                              struct aq_error *error) AQ_MUST_CHECK;

bool aq_container_port_is_allowed(const struct aq_container_settings *settings, unsigned port);

/* ---- references --------------------------------------------------------------------------------------- */

enum { AQ_DIGEST_SIZE = 7 + 64 + 1 /* "sha256:", 64 digits, NUL */ };

struct aq_image {
    bool local;                  /* an OCI layout on the node, not in a registry */
    char name[AQ_IMAGE_MAX + 1]; /* HOST/NAME; of a local one its NAME or absolute path */
    char tag[130];               /* "": a registry's preset, or the only image of a layout */
    char digest[AQ_DIGEST_SIZE]; /* "": none is given */
};

/* Reads a reference. An error says what it must be. */
int aq_image_parse(struct aq_image *image, const char *reference, struct aq_error *error) AQ_MUST_CHECK;

bool aq_digest_is(const char *text); /* whether it is sha256: and 64 digits */

/* ---- ports, as the option has them --------------------------------------------------------------------- */

struct aq_container_port {
    unsigned outside, inside; /* 1 to 65535 */
    bool udp;
};
int aq_container_port_parse(struct aq_container_port *port, const char *text, struct aq_error *error) AQ_MUST_CHECK;

#endif
