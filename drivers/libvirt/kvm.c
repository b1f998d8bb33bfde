#include "drivers/libvirt/kvm.h"

#include "drivers/libvirt/virt.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/memory.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BOOT_MS = 20000, LOOK_MS = 100, PATIENCE_MS = 60000, LOG_MAX = 1 << 20 };

struct trial {
    struct pool_job job;
    virConnectPtr open;
    char node[128], kernel[512], log[512];
    bool *works;
    bool succeeded;
    struct aq_error error;
};

/* Without a root file system a kernel that has come up says so, and ends. */
static bool has_come_up(const struct trial *trial)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    return aq_file_read(AT_FDCWD, trial->log, LOG_MAX, &text, &ignored) == 0 &&
           strstr(aq_buffer_string(&text), "Unable to mount root fs") != NULL;
}

static int boot(struct trial *trial)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const char *xml = aq_arena_format(
        &arena,
        "<domain type='kvm'><name>aquarium-probe-%s</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>"
        "<os><type>hvm</type><kernel>%s</kernel><cmdline>console=ttyS0 panic=-1</cmdline></os>"
        "<features><acpi/><apic/></features><on_reboot>destroy</on_reboot><devices>"
        "<serial type='file'><source path='%s'/></serial><memballoon model='none'/><video><model type='none'/></video>"
        "</devices></domain>",
        trial->node, trial->kernel, trial->log);
    virDomainPtr domain = virDomainCreateXML(trial->open, xml, VIR_DOMAIN_START_AUTODESTROY);
    if (domain == NULL)
        return virt_fail(&trial->error, "a machine with KVM cannot be started");
    for (int ms = 0; ms < BOOT_MS && !trial->succeeded; ms += LOOK_MS) {
        usleep(LOOK_MS * 1000);
        trial->succeeded = has_come_up(trial);
        if (virDomainIsActive(domain) != 1)
            break;
    }
    trial->succeeded = trial->succeeded || has_come_up(trial);
    virDomainDestroy(domain);
    virDomainFree(domain);
    return trial->succeeded ? 0 : aq_fail(&trial->error, AQ_E_IO, "a kernel does not come up with KVM");
}

static void trial_run(struct pool_job *job)
{
    struct trial *trial = (struct trial *)job;
    if (access("/dev/kvm", R_OK | W_OK) != 0)
        aq_fail(&trial->error, AQ_E_IO, "/dev/kvm cannot be used");
    else if (trial->kernel[0] == '\0')
        aq_fail(&trial->error, AQ_E_IO, "there is no kernel in /boot to try: set libvirt.probe_kernel");
    else
        trial->succeeded = boot(trial) == 0;
    unlink(trial->log);
    virConnectClose(trial->open);
}

static void trial_overdue(struct pool_job *job)
{
    (void)job;
}

static void trial_drop(struct pool_job *job)
{
    free((struct trial *)job);
}

static void trial_done(struct pool_job *job)
{
    struct trial *trial = (struct trial *)job;
    *trial->works = trial->succeeded;
    if (trial->succeeded)
        aq_journal(AQ_INFO, "machines use KVM", "kernel", trial->kernel, NULL);
    else
        aq_journal(AQ_WARN, "machines are emulated, without KVM", "error", trial->error.message, NULL);
    trial_drop(job);
}

/* The newest by its name. */
static void find_kernel(struct trial *trial)
{
    glob_t found;
    if (glob("/boot/vmlinuz-*", 0, NULL, &found) == 0 && found.gl_pathc > 0)
        snprintf(trial->kernel, sizeof trial->kernel, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

void kvm_try(struct pool *pool, virConnectPtr open, const char *node, const struct aq_libvirt_settings *settings,
             uint64_t now_ms, bool *works)
{
    struct aq_error ignored;
    struct trial *trial = aq_calloc(1, sizeof *trial);
    trial->job = (struct pool_job){.run = trial_run, .overdue = trial_overdue, .done = trial_done, .drop = trial_drop};
    trial->open = open;
    trial->works = works;
    snprintf(trial->node, sizeof trial->node, "%s", node);
    snprintf(trial->kernel, sizeof trial->kernel, "%s", settings->probe_kernel);
    snprintf(trial->log, sizeof trial->log, "%s/probe-%s", settings->seeds, node);
    if (trial->kernel[0] == '\0')
        find_kernel(trial);
    if (aq_directory_make_path(settings->seeds, 0711, 0755, &ignored) == 0)
        unlink(trial->log);
    pool_add(pool, &trial->job, now_ms, PATIENCE_MS);
}
