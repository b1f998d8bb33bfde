#include "drivers/libvirt/plan.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *plan_file(const struct aq_libvirt_settings *settings, const char *name, struct aq_arena *arena)
{
    return aq_arena_format(arena, "%s/%s", settings->images, name);
}

static int check_networks(const struct plan *plan, struct aq_error *error)
{
    const struct aq_list *networks = &plan->options.networks;
    for (uint32_t i = 0; i < networks->count; i++) {
        const char *name = AQ_TEXT_ITEM(*networks, i);
        if (!aq_texts_have(&plan->settings.networks, name))
            return aq_fail(error, AQ_E_FORBIDDEN,
                           "the label names network \"%s\", which the owner of the node does not allow "
                           "(libvirt.networks)",
                           name);
        if (strcmp(name, "user") == 0 && plan->kind != VIRT_QEMU && plan->kind != VIRT_TEST)
            return aq_fail(error, AQ_E_INVALID, "network \"user\" is only for machines of qemu");
    }
    return 0;
}

static int check_boot(const struct plan *plan, struct aq_error *error)
{
    const struct aq_libvirt_options *options = &plan->options;
    if (plan->kind == VIRT_LXC && options->root[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "option \"root\" is missing: this node runs containers of libvirt");
    if (plan->kind != VIRT_LXC && options->root[0] != '\0')
        return aq_fail(error, AQ_E_INVALID,
                       "option \"root\" is for containers of libvirt (lxc:///), which this node "
                       "does not run");
    if (plan->kind != VIRT_LXC && plan->kind != VIRT_TEST && options->kernel[0] == '\0' && options->image[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "the label gives neither \"image\" nor \"kernel\": nothing can be booted");
    return 0;
}

static void add_disk(struct plan *plan, const char *image, uint64_t mib, bool exact)
{
    const char *file =
        plan->disk_count == 0 ? "disk.qcow2" : aq_arena_format(&plan->arena, "disk%u.qcow2", plan->disk_count);
    char *path = aq_arena_format(&plan->arena, "%s/%s", plan->directory, file);
    plan->disks[plan->disk_count++] = (struct plan_disk){image, mib, exact, path};
}

/* What the label reserves is the size of the first disk. */
static void add_disks(struct plan *plan, uint64_t disk_mib)
{
    const struct aq_libvirt_options *options = &plan->options;
    uint64_t mib = 0;
    if (options->image[0] != '\0')
        add_disk(plan, options->image, disk_mib, disk_mib > 0);
    else if (disk_mib > 0)
        add_disk(plan, NULL, disk_mib, true);
    for (uint32_t i = 0; i < options->disks.count; i++) {
        const char *item = AQ_TEXT_ITEM(options->disks, i);
        if (aq_libvirt_disk_is_size(item, &mib))
            add_disk(plan, NULL, mib, true);
        else
            add_disk(plan, item, 0, false);
    }
}

/* Addresses that are administered locally. The same resource has the same ones on the same node. */
static void choose_macs(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->options.networks.count; i++) {
        unsigned char hash[crypto_generichash_BYTES_MIN];
        const char *text = aq_arena_format(&plan->arena, "%s %u", plan->name, i);
        crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0);
        snprintf(plan->macs[i], sizeof plan->macs[i], "52:54:%02x:%02x:%02x:%02x", hash[0], hash[1], hash[2], hash[3]);
    }
}

static void choose_uuid(struct plan *plan)
{
    unsigned char bytes[VIR_UUID_BUFLEN];
    randombytes_buf(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    snprintf(plan->uuid, sizeof plan->uuid, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
             bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

/* What boots from an image may have cloud-init. What has a kernel only gets a seed if there is something in it. */
static bool wants_seed(const struct plan *plan)
{
    const struct aq_libvirt_options *options = &plan->options;
    return (plan->kind == VIRT_QEMU || plan->kind == VIRT_TEST) &&
           (options->image[0] != '\0' || options->user_data[0] != '\0' || options->network_config[0] != '\0' ||
            options->ssh_keys.count > 0 || options->hostname[0] != '\0');
}

static struct aq_list copy_secrets(const struct aq_list *secrets, struct aq_arena *arena)
{
    struct aq_secret *copies = aq_arena_alloc(arena, (secrets->count + 1) * sizeof *copies);
    for (uint32_t i = 0; i < secrets->count; i++)
        aq_record_copy(&aq_secret_record, &copies[i], AQ_ITEM(*secrets, struct aq_secret, i), arena);
    return (struct aq_list){copies, secrets->count};
}

struct plan *plan_make(const struct driver_spec *spec, const char *node, enum virt_kind kind,
                       const struct aq_libvirt_settings *settings, bool kvm, struct aq_error *error)
{
    struct plan *plan = aq_calloc(1, sizeof *plan);
    struct aq_arena *arena = &plan->arena;
    aq_record_copy(&aq_libvirt_options_record, &plan->options, spec->options, arena);
    aq_record_copy(&aq_libvirt_settings_record, &plan->settings, settings, arena);
    plan->resource = spec->resource;
    plan->node = aq_arena_text(arena, node, strlen(node));
    plan->directory = aq_arena_text(arena, spec->directory, strlen(spec->directory));
    plan->metadata_json = aq_arena_text(arena, spec->metadata_json, strlen(spec->metadata_json));
    plan->secrets = copy_secrets(&spec->secret_values, arena);
    plan->kind = kind;
    plan->kvm = kvm;
    plan->cpu_milli = spec->cpu_milli;
    plan->memory_mib = spec->ram_mib > 0 ? spec->ram_mib : (plan->options.memory + 0xFFFFF) >> 20;
    virt_name(plan->name, node, spec->resource);
    if (check_networks(plan, error) != 0 || check_boot(plan, error) != 0) {
        plan_free(plan);
        return NULL;
    }
    choose_uuid(plan);
    choose_macs(plan);
    add_disks(plan, spec->disk_mib);
    if (wants_seed(plan))
        plan->seed = aq_arena_format(arena, "%s/%s.iso", settings->seeds, plan->name);
    return plan;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    aq_arena_wipe(&plan->arena);
    free(plan);
}
