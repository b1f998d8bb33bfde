/* What the driver libvirt needs: its program, which is built where its libraries are, libvirt, qemu and KVM. */
#include "tools/aq/doctor_judge.h"
#include "tools/aq/doctor_programs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRIVER "aq-driver-libvirt"

/* ---- the driver ----------------------------------------------------------------------------------------- */

/* Beside aq, as in a build, or where it is installed. False: it is nowhere. */
static bool find_driver(char path[DOCTOR_PATH_SIZE])
{
    static const char *const places[] = {"", "/../libexec/aquarium"};
    char self[DOCTOR_PATH_SIZE / 2];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(self, '/');
    for (size_t i = 0; i < AQ_LENGTH(places) && slash != NULL; i++) {
        snprintf(path, DOCTOR_PATH_SIZE, "%.*s%s/" DRIVER, (int)(slash - self), self, places[i]);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

void doctor_machines(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    static const struct {
        const char *file, *other, *package;
    } needed[] = {{"libvirtd", "virtqemud", "libvirt-daemon-system"},
                  {"qemu-system-x86_64", "qemu-kvm", "qemu-system-x86"},
                  {"qemu-img", "qemu-img", "qemu-utils"}};
    static const char socket_path[] = "/run/libvirt/libvirt-sock", modular[] = "/run/libvirt/virtqemud-sock";
    char path[DOCTOR_PATH_SIZE], said[256] = "";
    struct doctor_machines_facts facts = {0};
    (void)doctor;
    (void)which;
    for (size_t i = 0; i < AQ_LENGTH(needed); i++) {
        const size_t used = strlen(facts.missing);
        if (!doctor_has_program(needed[i].file) && !doctor_has_program(needed[i].other))
            snprintf(facts.missing + used, sizeof facts.missing - used, " %s", needed[i].package);
    }
    facts.is_built = find_driver(path);
    facts.runs = facts.is_built && doctor_ask_version(path, said, sizeof said) &&
                 strncmp(said, DRIVER " ", strlen(DRIVER " ")) == 0;
    facts.daemon = access(socket_path, F_OK) == 0 || access(modular, F_OK) == 0;
    doctor_judge_machines(&facts, finding);
}

/* ---- KVM ------------------------------------------------------------------------------------------------ */

/* The processor of a virtual machine says that it is one. */
static bool is_guest(void)
{
    char line[8192];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    for (int i = 0; file != NULL && !found && i < 64 && fgets(line, sizeof line, file) != NULL; i++)
        found = strstr(line, " hypervisor") != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

void doctor_kvm(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    (void)which;
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    doctor_judge_kvm(fd >= 0, is_guest(), finding);
}

/* A line of libvirt's qemu.conf: user = "root", or "+0". */
static bool qemu_is_root(void)
{
    char line[512], user[64];
    bool is = false;
    FILE *file = fopen("/etc/libvirt/qemu.conf", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, " user = \"%63[^\"]\"", user) == 1)
            is = strcmp(user, "root") == 0 || strcmp(user, "+0") == 0 || strcmp(user, "0") == 0;
    if (file != NULL)
        fclose(file);
    return is;
}

void doctor_kvm_mode(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct stat stat_of;
    (void)doctor;
    (void)which;
    if (stat("/dev/kvm", &stat_of) != 0)
        doctor_ok(finding, "there is no /dev/kvm");
    else
        doctor_judge_kvm_mode(stat_of.st_mode, stat_of.st_uid, stat_of.st_gid, qemu_is_root(), finding);
}
