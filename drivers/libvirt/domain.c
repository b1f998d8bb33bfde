/* The description of a machine for libvirt. Nothing of a label comes into it but by a rule of this file, and nothing
 * without being escaped: no devices of the host, no other files than those of the plan. */
#include "drivers/libvirt/plan.h"

#include <inttypes.h>
#include <string.h>

enum { PERIOD_US = 100000, QUOTA_LEAST_US = 1000 };

#define NAMESPACE "urn:aquarium:machine:1"

static void add_text(struct aq_buffer *xml, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '&':
            aq_buffer_text(xml, "&amp;");
            break;
        case '<':
            aq_buffer_text(xml, "&lt;");
            break;
        case '>':
            aq_buffer_text(xml, "&gt;");
            break;
        case '\'':
            aq_buffer_text(xml, "&apos;");
            break;
        case '"':
            aq_buffer_text(xml, "&quot;");
            break;
        default: /* XML has no other control characters */
            aq_buffer_char(xml, (unsigned char)*text < ' ' && *text != '\t' && *text != '\n' ? ' ' : *text);
        }
}

/* A format in which each %s is escaped, and %% is not known. */
static void add(struct aq_buffer *xml, const char *format, const char *const *texts)
{
    for (const char *from = format; *from != '\0';) {
        const char *mark = strstr(from, "%s");
        size_t length = mark != NULL ? (size_t)(mark - from) : strlen(from);
        aq_buffer_add(xml, from, length);
        from += length;
        if (mark != NULL) {
            add_text(xml, *texts++);
            from += 2;
        }
    }
}
#define ADD(xml, format, ...) add((xml), (format), (const char *const[]){__VA_ARGS__})

static unsigned cores(const struct plan *plan)
{
    return plan->cpu_milli <= 1000 ? 1 : (unsigned)((plan->cpu_milli + 999) / 1000);
}

static void add_head(const struct plan *plan, struct aq_buffer *xml)
{
    const char *type = plan->kind == VIRT_TEST     ? "test"
                       : plan->kind == VIRT_LXC    ? "lxc"
                       : plan->kind == VIRT_VMWARE ? "vmware"
                       : plan->kind == VIRT_ESX    ? "vmware"
                       : plan->kvm                 ? "kvm"
                                                   : "qemu";
    ADD(xml, "<domain type='%s'><name>%s</name><uuid>%s</uuid>", type, plan->name, plan->uuid);
    ADD(xml, "<title>Aquarium, node %s</title><metadata><a:machine xmlns:a='" NAMESPACE "' node='%s'", plan->node,
        plan->node);
    aq_buffer_format(xml, " resource='%" PRIu64 "'/></metadata><memory unit='MiB'>%" PRIu64 "</memory><vcpu>%u</vcpu>",
                     plan->resource, plan->memory_mib, cores(plan));
    /* What is no whole number of cores is a share of each. */
    if (plan->kind == VIRT_QEMU && plan->cpu_milli > 0 && plan->cpu_milli % 1000 != 0) {
        uint64_t quota = plan->cpu_milli * PERIOD_US / 1000 / cores(plan);
        aq_buffer_format(xml, "<cputune><period>%d</period><quota>%" PRIu64 "</quota></cputune>", PERIOD_US,
                         quota < QUOTA_LEAST_US ? (uint64_t)QUOTA_LEAST_US : quota);
    }
    if (plan->kvm)
        aq_buffer_text(xml, "<cpu mode='host-model'/>");
}

static void add_boot(const struct plan *plan, struct aq_buffer *xml)
{
    const struct aq_libvirt_options *options = &plan->options;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    if (plan->kind == VIRT_LXC) {
        aq_buffer_text(xml, "<os><type>exe</type>");
        ADD(xml, "<init>%s</init>", options->init.count > 0 ? AQ_TEXT_ITEM(options->init, 0) : "/sbin/init");
        for (uint32_t i = 1; i < options->init.count; i++)
            ADD(xml, "<initarg>%s</initarg>", AQ_TEXT_ITEM(options->init, i));
        aq_buffer_text(xml, "</os>");
        return;
    }
    aq_buffer_text(xml, options->firmware == AQ_FIRMWARE_UEFI ? "<os firmware='efi'>" : "<os>");
    aq_buffer_text(xml, "<type>hvm</type>");
    if (options->kernel[0] != '\0')
        ADD(xml, "<kernel>%s</kernel>", plan_file(&plan->settings, options->kernel, &arena));
    if (options->initramfs[0] != '\0')
        ADD(xml, "<initrd>%s</initrd>", plan_file(&plan->settings, options->initramfs, &arena));
    if (options->kernel[0] != '\0')
        ADD(xml, "<cmdline>%s</cmdline>", options->cmdline);
    aq_buffer_text(xml, "</os>");
    if (plan->kind == VIRT_QEMU)
        aq_buffer_text(xml, "<features><acpi/><apic/></features>");
}

static void add_disks(const struct plan *plan, struct aq_buffer *xml)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    bool vmware = plan->kind == VIRT_ESX || plan->kind == VIRT_VMWARE;
    for (uint32_t i = 0; i < plan->disk_count; i++) {
        const char letter[] = {vmware ? 's' : 'v', 'd', (char)('a' + i), '\0'};
        if (vmware)
            ADD(xml, "<disk type='file' device='disk'><source file='%s'/><target dev='%s' bus='scsi'/></disk>",
                plan_file(&plan->settings, plan->disks[i].image, &arena), letter);
        else
            ADD(xml,
                "<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>"
                "<source file='%s'/><target dev='%s' bus='virtio'/></disk>",
                plan->disks[i].path, letter);
    }
    /* Not as a CD-ROM: kernels made for machines lack what those of a PC need. cloud-init looks at all disks. */
    const char target[] = {'v', 'd', (char)('a' + plan->disk_count), '\0'};
    if (plan->seed != NULL)
        ADD(xml,
            "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s'/>"
            "<target dev='%s' bus='virtio'/><readonly/></disk>",
            plan->seed, target);
}

static void add_networks(const struct plan *plan, struct aq_buffer *xml)
{
    static const char bridge[] = "bridge:";
    for (uint32_t i = 0; i < plan->options.networks.count; i++) {
        const char *name = AQ_TEXT_ITEM(plan->options.networks, i);
        if (strcmp(name, "user") == 0)
            aq_buffer_text(xml, "<interface type='user'>");
        else if (strncmp(name, bridge, strlen(bridge)) == 0)
            ADD(xml, "<interface type='bridge'><source bridge='%s'/>", name + strlen(bridge));
        else
            ADD(xml, "<interface type='network'><source network='%s'/>", name);
        ADD(xml, "<mac address='%s'/>", plan->macs[i]);
        if (plan->kind == VIRT_QEMU)
            aq_buffer_text(xml, "<model type='virtio'/>");
        aq_buffer_text(xml, "</interface>");
    }
}

static void add_devices(const struct plan *plan, struct aq_buffer *xml)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    aq_buffer_text(xml, "<devices>");
    if (plan->kind == VIRT_LXC)
        ADD(xml, "<filesystem type='mount'><source dir='%s'/><target dir='/'/></filesystem><console type='pty'/>",
            plan_file(&plan->settings, plan->options.root, &arena));
    else
        add_disks(plan, xml);
    add_networks(plan, xml);
    if (plan->kind == VIRT_QEMU) {
        ADD(xml,
            "<serial type='pty'><log file='%s/" PLAN_CONSOLE "' append='on'/><target port='0'/></serial>"
            "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
            "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
            "<controller type='usb' model='none'/><memballoon model='none'/><video><model type='none'/></video>",
            plan->directory);
    }
    aq_buffer_text(xml, "</devices>");
}

void plan_describe(const struct plan *plan, struct aq_buffer *xml)
{
    add_head(plan, xml);
    add_boot(plan, xml);
    aq_buffer_text(xml, "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>");
    add_devices(plan, xml);
    aq_buffer_text(xml, "</domain>");
}
