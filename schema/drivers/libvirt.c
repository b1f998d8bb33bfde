#include "schema/drivers/libvirt.h"

#include "schema/codec/number.h"
#include "schema/drivers/readers.h"

#include <ctype.h>
#include <string.h>

AQ_DEFINE_WORDS(aq_libvirt_firmware, AQ_LIBVIRT_FIRMWARES)
AQ_DEFINE_WORDS(aq_libvirt_kvm, AQ_LIBVIRT_KVMS)
AQ_DEFINE_SETTINGS(aq_libvirt_options, "options", "options of driver libvirt");
AQ_DEFINE_SETTINGS(aq_libvirt_settings, "libvirt", "virtual machines, by the driver libvirt");

#define A_FILE    "the name of a file in the node's directory of images, of letters, digits and ._+-/, without .."
#define A_NETWORK "a list of names of networks, bridge:NAME, or user"
#define A_DISK    "a list of sizes such as 10GiB, and names of images"

/* ---- readers of options ------------------------------------------------------------------------------- */

/* No part of the path is empty, . or .. */
static bool file_is_good(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("._+-/", *c) == NULL)
            return false;
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += part[0] == '/' && part != name;
        size_t length = strcspn(part, "/");
        if (length == 0 || (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))))
            return false;
    }
    return true;
}

static int read_file(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                     struct aq_error *error)
{
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    return file_is_good(json_string_value(value)) ? 0 : aq_option_refuse(field, value, A_FILE, error);
}

static int read_initramfs(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                          struct aq_error *error)
{
    const struct aq_libvirt_options *options = object; /* options are read in the order of their declaration */
    if (read_file(field, value, object, arena, error) != 0)
        return -1;
    if (options->kernel[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "option \"initramfs\" is only for machines with a \"kernel\"");
    return 0;
}

static const struct aq_field size_field = {
    .name = "disks", .type = AQ_TYPE_SIZE, .least = 1, .most = UINT64_C(1) << 24};

bool aq_libvirt_disk_is_size(const char *item, uint64_t *mib)
{
    struct aq_error ignored;
    if (item[0] < '0' || item[0] > '9' || strspn(item, "0123456789.kKMGTiB") != strlen(item))
        return false;
    return aq_number_from_text(&size_field, item, "disks", mib, &ignored) == 0 && *mib >= size_field.least &&
           *mib <= size_field.most;
}

static int read_disks(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                      struct aq_error *error)
{
    const struct aq_libvirt_options *options = object;
    uint64_t mib;
    if (aq_read_texts(field, value, object, arena, error) != 0)
        return -1;
    for (uint32_t i = 0; i < options->disks.count; i++) {
        const char *item = AQ_TEXT_ITEM(options->disks, i);
        if (!aq_libvirt_disk_is_size(item, &mib) && (strlen(item) > AQ_LIBVIRT_FILE_MAX || !file_is_good(item)))
            return aq_option_refuse(field, json_array_get(value, i), A_DISK, error);
    }
    return 0;
}

static bool network_is_good(const char *name)
{
    static const char bridge[] = "bridge:";
    if (strncmp(name, bridge, strlen(bridge)) == 0)
        name += strlen(bridge);
    size_t length = strlen(name);
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
            return false;
    return length >= 1 && length <= 64 && name[0] != '-' && name[0] != '.';
}

static int read_networks(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                         struct aq_error *error)
{
    const struct aq_libvirt_options *options = object;
    if (aq_read_texts(field, value, object, arena, error) != 0)
        return -1;
    for (uint32_t i = 0; i < options->networks.count; i++)
        if (!network_is_good(AQ_TEXT_ITEM(options->networks, i)))
            return aq_option_refuse(field, json_array_get(value, i), A_NETWORK, error);
    return 0;
}

static int read_hostname(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                         struct aq_error *error)
{
    static const char accepts[] = "letters, digits, - and ., and begin and end with a letter or digit";
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    const char *name = json_string_value(value);
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && ((*c != '-' && *c != '.') || c == name || c[1] == '\0'))
            return aq_option_refuse(field, value, accepts, error);
    return 0;
}

/* cloud-init takes no notice of a document that begins otherwise. */
static int read_user_data(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                          struct aq_error *error)
{
    static const char *const beginnings[] = {"#", "Content-Type:", "MIME-Version:"};
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    for (size_t i = 0; i < AQ_LENGTH(beginnings); i++)
        if (strncmp(json_string_value(value), beginnings[i], strlen(beginnings[i])) == 0)
            return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "option \"user_data\" must begin with #cloud-config, #! or another line that cloud-init knows");
}

static const struct aq_option_reader readers[] = {
    {"image", "the name of a file in the node's directory of images", read_file},
    {"kernel", "the name of a file in the node's directory of images", read_file},
    {"initramfs", "the name of a file in the node's directory of images", read_initramfs},
    {"disks", "a list of texts such as 10GiB and debian-12.qcow2", read_disks},
    {"networks", "a list of texts", read_networks},
    {"hostname", "one line of letters, digits, - and .", read_hostname},
    {"ssh_keys", "a list of texts", aq_read_texts},
    {"user_data", "a text that begins with #", read_user_data},
    {"root", "the name of a directory in the node's directory of images", read_file},
    {"init", "a list of texts", aq_read_entrypoint},
    {0},
};

static enum aq_reach find_reach(const void *record)
{
    const struct aq_libvirt_options *options = record;
    for (uint32_t i = 0; i < options->networks.count; i++)
        if (strcmp(AQ_TEXT_ITEM(options->networks, i), "user") != 0)
            return AQ_REACH_ADDRESS;
    return AQ_REACH_NONE;
}

AQ_DRIVER(
    libvirt,
    "Runs virtual machines by libvirt, from the program aq-driver-libvirt: emulated, or with KVM if the node's owner "
    "says so. What a machine writes to its serial console is its log.",
    readers, NULL, .reach = find_reach, .keeps_leases = true)

/* ---- settings ----------------------------------------------------------------------------------------- */

int aq_libvirt_settings_check(const struct aq_libvirt_settings *settings, struct aq_error *error)
{
    static const char *const kinds[] = {"qemu", "test",         "lxc",      "esx",
                                        "vpx",  "vmwareplayer", "vmwarews", "vmwarefusion"};
    size_t length = strcspn(settings->uri, ":+");
    bool known = false;
    for (size_t i = 0; i < AQ_LENGTH(kinds); i++)
        known = known || (strlen(kinds[i]) == length && strncmp(settings->uri, kinds[i], length) == 0);
    if (!known || strstr(settings->uri, "://") == NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "libvirt.uri is \"%.200s\", but must be a connection URI such as qemu:///system; "
                       "test, lxc, esx, vpx, vmwareplayer, vmwarews and vmwarefusion are known, too",
                       settings->uri);
    /* Of an ESX server: "[datastore] directory". */
    if (settings->images[0] != '/' && settings->images[0] != '[')
        return aq_fail(error, AQ_E_INVALID, "libvirt.images is \"%.200s\", but must be an absolute path",
                       settings->images);
    if (settings->seeds[0] != '/')
        return aq_fail(error, AQ_E_INVALID, "libvirt.seeds is \"%.200s\", but must be an absolute path",
                       settings->seeds);
    if (settings->probe_kernel[0] != '\0' && settings->probe_kernel[0] != '/')
        return aq_fail(error, AQ_E_INVALID, "libvirt.probe_kernel is \"%.200s\", but must be an absolute path",
                       settings->probe_kernel);
    for (uint32_t i = 0; i < settings->networks.count; i++)
        if (!network_is_good(AQ_TEXT_ITEM(settings->networks, i)))
            return aq_fail(error, AQ_E_INVALID,
                           "libvirt.networks[%u] is \"%.64s\", but must be the name of a network of libvirt, "
                           "bridge:NAME, or user",
                           i, AQ_TEXT_ITEM(settings->networks, i));
    return 0;
}
