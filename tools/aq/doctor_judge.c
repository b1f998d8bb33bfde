#include "tools/aq/doctor_judge.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAFT_LEAST "0.22.1" /* the version that the Makefile requires */

#define CERTIFICATE_ADVICE                                                                                             \
    "the controller renews its own 30 days before: does it run? An operator's is replaced by a new file and SIGHUP"

enum { CERTIFICATE_WARN_DAYS = 21 };
enum { SPACE_BAD_MIB = 64, SPACE_WARN_MIB = 1024, FILES_BAD = 1024, FILES_WARN = 8192 };

/* ---- the disk ------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t doctor_median(uint64_t *figures, unsigned count)
{
    aq_assert(count > 0);
    qsort(figures, count, sizeof *figures, compare);
    return figures[count / 2];
}

void doctor_judge_sync(uint64_t median_us, const char *path, struct doctor_finding *finding)
{
    static const char advice[] =
        "put the data directory on a disk that syncs fast, such as a local SSD with power-loss "
        "protection: every decision takes at least one sync";
    double ms = (double)median_us / 1000;
    if (median_us > DOCTOR_SYNC_BAD_US)
        doctor_bad(finding, advice, "", "a sync of 4 KiB in %s takes %.1f ms (median)", path, ms);
    else if (median_us > DOCTOR_SYNC_WARN_US)
        doctor_warn(finding, advice, "", "a sync of 4 KiB in %s takes %.1f ms (median)", path, ms);
    else
        doctor_ok(finding, "a sync of 4 KiB in %s takes %.2f ms (median)", path, ms);
}

struct file_system {
    unsigned long magic;
    const char *name;
    enum doctor_state state;
};

/* Those that are not suitable; all others are accepted. CIFS has three numbers, and no name in this header. */
static const struct file_system file_systems[] = {
    {NFS_SUPER_MAGIC, "NFS", DOCTOR_BAD},   {SMB_SUPER_MAGIC, "SMB", DOCTOR_BAD},
    {0xFF534D42, "CIFS", DOCTOR_BAD},       {0xFE534D42, "SMB2", DOCTOR_BAD},
    {V9FS_MAGIC, "9p", DOCTOR_BAD},         {CEPH_SUPER_MAGIC, "CephFS", DOCTOR_BAD},
    {AFS_SUPER_MAGIC, "AFS", DOCTOR_BAD},   {CODA_SUPER_MAGIC, "Coda", DOCTOR_BAD},
    {FUSE_SUPER_MAGIC, "FUSE", DOCTOR_BAD}, {TMPFS_MAGIC, "tmpfs", DOCTOR_WARN},
    {RAMFS_MAGIC, "ramfs", DOCTOR_WARN},    {OVERLAYFS_SUPER_MAGIC, "overlayfs", DOCTOR_WARN},
    {EXT4_SUPER_MAGIC, "ext4", DOCTOR_OK},  {XFS_SUPER_MAGIC, "XFS", DOCTOR_OK},
    {BTRFS_SUPER_MAGIC, "Btrfs", DOCTOR_OK}};

void doctor_judge_file_system(unsigned long magic, const char *path, struct doctor_finding *finding)
{
    static const char advice[] = "put the data directory on a local disk (ext4, XFS)";
    const struct file_system *found = NULL;
    for (size_t i = 0; found == NULL && i < AQ_LENGTH(file_systems); i++)
        if (file_systems[i].magic == (magic & 0xFFFFFFFF))
            found = &file_systems[i];
    if (found == NULL)
        doctor_ok(finding, "%s is on a file system of type 0x%lx, with no known problem", path, magic);
    else if (found->state == DOCTOR_BAD)
        doctor_bad(finding, advice, "", "%s is on %s, where locks and shared memory do not work as LMDB needs", path,
                   found->name);
    else if (found->state == DOCTOR_WARN)
        doctor_warn(finding, advice, "", "%s is on %s: the log may be lost at a restart", path, found->name);
    else
        doctor_ok(finding, "%s is on %s", path, found->name);
}

void doctor_judge_space(uint64_t free_mib, const char *path, struct doctor_finding *finding)
{
    static const char advice[] = "free some space: with less than log.disk_reserve (64 MiB) writes are refused";
    if (free_mib < SPACE_BAD_MIB)
        doctor_bad(finding, advice, "", "%" PRIu64 " MiB are free at %s", free_mib, path);
    else if (free_mib < SPACE_WARN_MIB)
        doctor_warn(finding, advice, "", "only %" PRIu64 " MiB are free at %s", free_mib, path);
    else
        doctor_ok(finding, "%.1f GiB are free at %s", (double)free_mib / 1024, path);
}

/* ---- limits and ports ----------------------------------------------------------------------------------- */

void doctor_judge_open_files(uint64_t hard, struct doctor_finding *finding)
{
    static const char advice[] = "raise the hard limit (the unit files ask for 20000), or lower api.connections";
    static const char fix[] = "printf '* hard nofile 20000\\n* soft nofile 20000\\n' > "
                              "/etc/security/limits.d/aquarium.conf";
    if (hard < FILES_BAD)
        doctor_bad(finding, advice, fix, "a process may have %" PRIu64 " files open", hard);
    else if (hard < FILES_WARN)
        doctor_warn(finding, advice, fix, "a process may have only %" PRIu64 " files open", hard);
    else
        doctor_ok(finding, "a process may have %" PRIu64 " files open", hard);
}

void doctor_judge_port(unsigned port, enum doctor_listener listener, const char *setting,
                       struct doctor_finding *finding)
{
    char advice[128], fix[64];
    snprintf(advice, sizeof advice, "end that program, or set %s to another value", setting);
    snprintf(fix, sizeof fix, "ss -ltnp 'sport = :%u'", port);
    if (listener == DOCTOR_STRANGER)
        doctor_bad(finding, advice, fix, "another program listens on port %u", port);
    else if (listener == DOCTOR_OURS)
        doctor_ok(finding, "a controller of Aquarium answers on port %u", port);
    else
        doctor_ok(finding, "port %u is free", port);
}

/* ---- KVM ------------------------------------------------------------------------------------------------ */

bool doctor_mode_is_loose(unsigned mode, unsigned uid, unsigned most)
{
    return uid != 0 || (mode & 0777 & ~most) != 0;
}

void doctor_judge_certificate(int64_t end_s, int64_t now_s, const char *path, struct doctor_finding *finding)
{
    const int64_t day_s = 86400, left_days = (end_s - now_s) / day_s;
    if (end_s == 0)
        doctor_ok(finding, "there is none yet");
    else if (end_s <= now_s)
        doctor_bad(finding, CERTIFICATE_ADVICE, "", "%.300s has expired", path);
    else if (left_days < CERTIFICATE_WARN_DAYS)
        doctor_warn(finding, CERTIFICATE_ADVICE, "", "%.300s expires in %d day%s", path, (int)left_days,
                    left_days == 1 ? "" : "s");
    else
        doctor_ok(finding, "none expires within %d days", (int)left_days);
}

void doctor_judge_kvm(bool opens, bool guest, struct doctor_finding *finding)
{
    if (!opens)
        doctor_ok(finding, "KVM cannot be opened: virtual machines would be emulated, 10 to 50 times slower");
    else if (guest)
        doctor_warn(finding, "boot a guest under KVM before labels ask for it; otherwise let machines be emulated", "",
                    "/dev/kvm opens, but this machine is itself virtual: guests may still crash under KVM");
    else
        doctor_ok(finding, "/dev/kvm opens, and this machine is not virtual");
}

void doctor_judge_machines(const struct doctor_machines_facts *facts, struct doctor_finding *finding)
{
    static const char only[] = "install it where virtual machines are to run; other drivers do not need it";
    char fix[160];
    snprintf(fix, sizeof fix, "apt-get install%s", facts->missing);
    if (!facts->is_built)
        doctor_warn(finding, only, "tools/setup.sh libvirt && make && make install",
                    "aq-driver-libvirt was not built: it needs libvirt-dev and libarchive-dev%s%s",
                    facts->missing[0] != '\0' ? ", and the driver lacks:" : "", facts->missing);
    else if (!facts->runs)
        doctor_warn(finding, "run aq-driver-libvirt --version to see why", "apt-get install libvirt0 libarchive13",
                    "aq-driver-libvirt is there, but does not run");
    else if (facts->missing[0] != '\0')
        doctor_warn(finding, only, fix, "the driver libvirt lacks:%s", facts->missing);
    else if (!facts->daemon)
        doctor_warn(finding, "start it where virtual machines are to run", "systemctl start libvirtd",
                    "libvirt is installed, but does not run");
    else
        doctor_ok(finding, "the driver libvirt has all that it needs");
}

void doctor_judge_kvm_mode(unsigned mode, unsigned uid, unsigned gid, bool qemu_is_root, struct doctor_finding *finding)
{
    if (qemu_is_root) {
        doctor_ok(finding, "libvirt runs qemu as root, which can use /dev/kvm");
        return;
    }
    if ((mode & 0006) == 0006 || ((mode & 0060) == 0060 && gid != 0))
        doctor_ok(finding, "users other than root can use /dev/kvm");
    else
        doctor_warn(finding, "give it to the group kvm, or set user and group to root in libvirt's qemu.conf",
                    "chgrp kvm /dev/kvm && chmod 0660 /dev/kvm",
                    "/dev/kvm has mode %04o, owner %u:%u: libvirt then probes its features at every call, and "
                    "defining a machine takes almost a minute",
                    mode & 07777, uid, gid);
}

/* ---- versions ------------------------------------------------------------------------------------------- */

bool doctor_version_at_least(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        char *end_a, *end_b;
        unsigned long x = strtoul(a, &end_a, 10), y = strtoul(b, &end_b, 10);
        if (x != y)
            return x > y;
        a = *end_a == '.' ? end_a + 1 : "";
        b = *end_b == '.' ? end_b + 1 : "";
    }
    return true;
}

bool doctor_version_find(const char *bytes, size_t length, const char *program, char version[DOCTOR_VERSION_SIZE])
{
    size_t name = strlen(program);
    const char *end = bytes + length, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), program, name)) != NULL) {
        at += name;
        size_t used = 0;
        if (at < end && *at == ' ')
            for (const char *c = at + 1; c < end && used < DOCTOR_VERSION_SIZE - 1 && strchr("0123456789.", *c) && *c;
                 c++)
                version[used++] = *c;
        version[used] = '\0';
        if (used > 0)
            return true;
    }
    return false;
}

void doctor_judge_libraries(const char *said, struct doctor_finding *finding)
{
    char all[sizeof finding->text - 64] = "", raft[DOCTOR_VERSION_SIZE] = "";
    size_t used = 0;
    const char *line = strchr(said, '\n');
    doctor_version_find(said, strlen(said), "libraft", raft);
    while (line != NULL && line[1] != '\0' && used < sizeof all) {
        line++;
        int wrote =
            snprintf(all + used, sizeof all - used, "%s%.*s", used > 0 ? ", " : "", (int)strcspn(line, "\n"), line);
        used += wrote > 0 ? (size_t)wrote : 0;
        line = strchr(line, '\n');
    }
    if (raft[0] == '\0')
        doctor_warn(finding, "install aq-controller beside aq, so that its libraries can be checked", "",
                    "the libraries of aq-controller are not known");
    else if (!doctor_version_at_least(raft, RAFT_LEAST))
        doctor_bad(finding, "install libraft " RAFT_LEAST " or later: docs/dependencies.md says from where",
                   "tools/setup.sh", "libraft is %s, and can lose committed entries (%s)", raft, all);
    else
        doctor_ok(finding, "%s", all);
}

void doctor_judge_program(const char *program, const char (*versions)[DOCTOR_VERSION_SIZE], unsigned count,
                          struct doctor_finding *finding)
{
    char advice[160];
    const char *other = NULL;
    unsigned unknown = 0;
    for (unsigned i = 0; i < count; i++) {
        if (versions[i][0] == '\0')
            unknown++;
        else if (strcmp(versions[i], CLI_VERSION) != 0)
            other = versions[i];
    }
    snprintf(advice, sizeof advice, "start %s again, so that all are of one version", program);
    if (count == 0)
        doctor_ok(finding, "none runs here");
    else if (other != NULL)
        doctor_warn(finding, advice, "", "version %s runs here, but aq is %s", other, CLI_VERSION);
    else if (unknown > 0)
        doctor_ok(finding, "runs here; only root can read its version");
    else
        doctor_ok(finding, "runs here, version %s as aq", CLI_VERSION);
}
