/* The options of the `libvirt` driver, which is a program of its own, and its settings. */
#ifndef AQ_SCHEMA_DRIVERS_LIBVIRT_H
#define AQ_SCHEMA_DRIVERS_LIBVIRT_H

#include "schema/drivers/driver.h"

enum {
    AQ_LIBVIRT_DISKS_MAX = 16,
    AQ_LIBVIRT_NETWORKS_MAX = 8,
    AQ_LIBVIRT_KEYS_MAX = 32,
    AQ_LIBVIRT_WORDS_MAX = 64,
    AQ_LIBVIRT_FILE_MAX = 255,       /* bytes of the name of an image or a kernel */
    AQ_LIBVIRT_DOCUMENT_MAX = 65536, /* of a document for cloud-init */
};

#define AQ_LIBVIRT_FIRMWARES(W)                                                                                        \
    W(AQ_FIRMWARE_BIOS, "bios", "that of a PC")                                                                        \
    W(AQ_FIRMWARE_UEFI, "uefi", "UEFI, as the node has it")
AQ_DECLARE_WORDS(aq_libvirt_firmware, AQ_LIBVIRT_FIRMWARES)

#define AQ_LIBVIRT_KVMS(W)                                                                                             \
    W(AQ_KVM_NO, "no", "machines are emulated")                                                                        \
    W(AQ_KVM_PROBE, "probe", "used if a small machine boots with it when the driver starts")                           \
    W(AQ_KVM_YES, "yes", "used, untried")
AQ_DECLARE_WORDS(aq_libvirt_kvm, AQ_LIBVIRT_KVMS)

/* clang-format off */
#define aq_libvirt_options_fields(S, T)                                                                                \
    S(T, image,       TEXT(1, AQ_LIBVIRT_FILE_MAX),    "",      0,                                                     \
      "disk image of the node that it boots from, such as debian-12.qcow2; it writes to an overlay of its own")        \
    S(T, kernel,      TEXT(1, AQ_LIBVIRT_FILE_MAX),    "",      0,                                                     \
      "kernel of the node that it boots, instead of what its disk says")                                               \
    S(T, initramfs,   TEXT(1, AQ_LIBVIRT_FILE_MAX),    "",      0,                                                     \
      "initial root file system of the node for the kernel")                                                           \
    S(T, cmdline,     TEXT(0, 2047),                   "console=ttyS0", 0,                                             \
      "arguments of the kernel")                                                                                       \
    S(T, firmware,    ENUM(aq_libvirt_firmware),       "bios",  0,                                                     \
      "what starts it")                                                                                                \
    S(T, memory,      U64(1 << 20, UINT64_C(1) << 40, "bytes"), "512MiB", 0,                                           \
      "its memory, if the label reserves no ram")                                                                      \
    S(T, disks,       TEXTS(0, AQ_LIBVIRT_DISKS_MAX),  NULL,    0,                                                     \
      "further disks: sizes such as 10GiB, which begin empty, and images of the node, on overlays")                    \
    S(T, networks,    TEXTS(0, AQ_LIBVIRT_NETWORKS_MAX), "default", 0,                                                 \
      "networks of libvirt, bridges of the node as bridge:NAME, or user, if the node's owner allows them; an empty "   \
      "list: none")                                                                                                    \
    S(T, address_wait, DURATION(0, 600),               "0s",    0,                                                     \
      "how long its start waits until its address is known")                                                           \
    S(T, hostname,    TEXT(1, 63),                     "",      0,                                                     \
      "its host name for cloud-init; if not given, r and the number of the resource")                                  \
    S(T, ssh_keys,    TEXTS(0, AQ_LIBVIRT_KEYS_MAX),   NULL,    0,                                                     \
      "public keys that cloud-init lets log in")                                                                       \
    S(T, user_data,   TEXT(1, AQ_LIBVIRT_DOCUMENT_MAX), "",     AQ_LINES,                                              \
      "document for cloud-init, which begins with #cloud-config or #!")                                                \
    S(T, network_config, TEXT(1, AQ_LIBVIRT_DOCUMENT_MAX), "",  AQ_LINES,                                              \
      "network configuration for cloud-init")                                                                          \
    S(T, root,        TEXT(1, AQ_LIBVIRT_FILE_MAX),    "",      0,                                                     \
      "directory of the node that is the root of a container of libvirt (lxc:///)")                                    \
    S(T, init,        TEXTS(0, AQ_LIBVIRT_WORDS_MAX),  NULL,    0,                                                     \
      "program and arguments that a container of libvirt runs; if not given, /sbin/init")                              \
    S(T, stop_grace,  DURATION(0, 3600),               "30s",   0,                                                     \
      "time between the request to shut down and the end by force")                                                    \
    S(T, log_size,    U64(4096, 1 << 30, "bytes"),     "1MiB",  0,                                                     \
      "size at which the log, which has what it writes to its console, continues in a new file")                       \
    S(T, log_files,   U64(1, AQ_LOG_FILES_MAX),        "2",     0,                                                     \
      "how many log files are kept")
/* clang-format on */
AQ_DECLARE_SETTINGS(aq_libvirt_options)

extern const struct aq_driver aq_driver_libvirt;

/* Is the item of `disks` a size? Then *mib is it, rounded up. */
bool aq_libvirt_disk_is_size(const char *item, uint64_t *mib);

/* ---- settings of an agent ------------------------------------------------------------------------------- */

/* clang-format off */
#define aq_libvirt_settings_fields(S, T)                                                                               \
    S(T, uri,         TEXT(1, 255),              "qemu:///system", 0,                                                  \
      "where machines run: a connection URI of libvirt; lxc: for containers; esx:, vmwarews:, vmwarefusion: are accepted, untested") \
    S(T, images,      TEXT(1, 900),              "/var/lib/aquarium/machines", AQ_LIVE,                                \
      "directory of the images and kernels that labels may name")                                                      \
    S(T, networks,    TEXTS(0, 32),              "default,user", AQ_LIVE,                                              \
      "networks that labels may name: those of libvirt, bridge:NAME, and user, which only leads out")                  \
    S(T, kvm,         ENUM(aq_libvirt_kvm),      "no",     AQ_LIVE,                                                    \
      "whether machines use the processor's virtualisation")                                                           \
    S(T, probe_kernel, TEXT(0, 900),             "",       0,                                                          \
      "kernel for kvm: probe; empty: the newest in /boot")                                                             \
    S(T, seeds,       TEXT(1, 255),              "/run/aquarium/machines", 0,                                          \
      "directory for cloud-init's seeds, in memory")                                                                   \
    S(T, patience,    DURATION(1, 3600),         "30s",    AQ_LIVE,                                                    \
      "how long libvirt may take for an answer")
AQ_DECLARE_SETTINGS(aq_libvirt_settings)
/* clang-format on */

/* Checks what the declaration cannot. An error names the setting: "libvirt.images is ..." */
int aq_libvirt_settings_check(const struct aq_libvirt_settings *settings, struct aq_error *error) AQ_MUST_CHECK;

#endif
