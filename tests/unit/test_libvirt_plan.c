/* What a label's options make of a machine: what is refused, and the description that libvirt gets. */
#include "drivers/libvirt/console.h"
#include "drivers/libvirt/plan.h"
#include "drivers/output.h"
#include "schema/base/files.h"
#include "schema/codec/preset.h"
#include "schema/drivers/options.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    char base[64];
    struct aq_arena arena;
    struct aq_libvirt_settings settings;
    struct driver_spec spec;
    struct aq_error error;
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    test_make_directory(scene->base, sizeof scene->base, "/tmp", "aq-plan");
    aq_record_init(&aq_libvirt_settings_record, &scene->settings, &scene->arena);
    scene->settings.images = aq_arena_format(&scene->arena, "%s/images", scene->base);
    scene->settings.seeds = aq_arena_format(&scene->arena, "%s/seeds", scene->base);
    scene->spec =
        (struct driver_spec){.resource = 12, .metadata_json = "{\"branch\":\"main\"}", .directory = scene->base};
    assert_int_equal(mkdir(scene->settings.images, 0755), 0);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    umount(scene->settings.seeds);
    test_remove_tree(scene->base);
    aq_arena_free(&scene->arena);
    free(scene);
    return 0;
}

/* Reads the options, given as JSON with ' for ". */
static int read_options(struct scene *scene, const char *options)
{
    char *text = strdup(options);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    int failed = aq_options_read(&aq_driver_libvirt, json, &scene->spec.options, &scene->arena, &scene->error);
    json_decref(json);
    return failed;
}

static struct plan *make(struct scene *scene, const char *options, enum virt_kind kind)
{
    if (read_options(scene, options) != 0)
        fail_msg("%s", scene->error.message);
    return plan_make(&scene->spec, "n1", kind, &scene->settings, false, &scene->error);
}

static const char *describe(struct scene *scene, const char *options)
{
    struct aq_buffer xml = {0};
    struct plan *plan = make(scene, options, VIRT_QEMU);
    if (plan == NULL)
        fail_msg("%s", scene->error.message);
    plan_describe(plan, &xml);
    const char *text = aq_arena_text(&scene->arena, xml.data, xml.length);
    aq_buffer_free(&xml);
    plan_free(plan);
    return text;
}

static void write_file(const struct scene *scene, const char *name, const void *bytes, size_t length)
{
    AQ_CLEANUP_FD int directory = open(scene->settings.images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct aq_error error;
    if (aq_file_replace_unsynced(directory, name, 0644, bytes, length, &error) != 0)
        fail_msg("%s", error.message);
}

/* ---- options ---------------------------------------------------------------------------------------------- */

static void wrong_options_are_refused(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *options, *words;
    } wrong[] = {
        {"{'image':'../etc/passwd'}", "without .."},
        {"{'image':'/etc/passwd'}", "without .."},
        {"{'kernel':'a//b'}", "without .."},
        {"{'kernel':'a b'}", "without .."},
        {"{'initramfs':'a'}", "only for machines with a \"kernel\""},
        {"{'disks':['10 GiB']}", "sizes such as 10GiB"},
        {"{'disks':['../x']}", "sizes such as 10GiB"},
        {"{'networks':['a/b']}", "names of networks"},
        {"{'networks':['bridge:']}", "names of networks"},
        {"{'hostname':'-a'}", "letters, digits, - and ."},
        {"{'user_data':'runcmd: []'}", "#cloud-config"},
        {"{'firmware':'coreboot'}", "one of: bios, uefi"},
        {"{'xml':'<devices/>'}", "unknown to driver libvirt"},
        {"{'memory':'1KiB'}", "from 1048576"},
    };
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        assert_int_equal(read_options(scene, wrong[i].options), -1);
        if (strstr(scene->error.message, wrong[i].words) == NULL)
            fail_msg("%s: %s", wrong[i].options, scene->error.message);
    }
}

static void what_the_owner_does_not_allow_is_refused(void **state)
{
    struct scene *scene = *state;
    assert_null(make(scene, "{'image':'a','networks':['bridge:br0']}", VIRT_QEMU));
    assert_int_equal(scene->error.code, AQ_E_FORBIDDEN);
    assert_non_null(strstr(scene->error.message, "network \"bridge:br0\""));
    assert_non_null(strstr(scene->error.message, "libvirt.networks"));
    assert_null(make(scene, "{}", VIRT_QEMU));
    assert_non_null(strstr(scene->error.message, "nothing can be booted"));
    assert_null(make(scene, "{'image':'a','root':'b'}", VIRT_QEMU));
    assert_non_null(strstr(scene->error.message, "lxc:///"));
    assert_null(make(scene, "{'image':'a'}", VIRT_LXC));
    assert_non_null(strstr(scene->error.message, "\"root\" is missing"));
}

static void wrong_settings_are_refused(void **state)
{
    struct scene *scene = *state;
    struct aq_libvirt_settings settings = scene->settings;
    assert_int_equal(aq_libvirt_settings_check(&settings, &scene->error), 0);
    settings.uri = "xen:///system";
    assert_int_equal(aq_libvirt_settings_check(&settings, &scene->error), -1);
    assert_non_null(strstr(scene->error.message, "libvirt.uri is \"xen:///system\""));
    static const char *const good[] = {"qemu+ssh://root@host/system",  "lxc:///",
                                       "vmwarefusion:///session",      "vmwarews:///session",
                                       "esx://root@host/?no_verify=1", "test:///default"};
    for (size_t i = 0; i < AQ_LENGTH(good); i++) {
        settings.uri = good[i];
        assert_int_equal(aq_libvirt_settings_check(&settings, &scene->error), 0);
    }
    settings.images = "machines";
    assert_int_equal(aq_libvirt_settings_check(&settings, &scene->error), -1);
    assert_non_null(strstr(scene->error.message, "libvirt.images"));
}

/* ---- the description --------------------------------------------------------------------------------------- */

static void nothing_of_a_label_is_xml(void **state)
{
    struct scene *scene = *state;
    const char *xml = describe(scene, "{'kernel':'k','cmdline':'a=\\'><devices><hostdev/> &amp; b','networks':[]}");
    assert_non_null(strstr(xml, "<cmdline>a=&quot;&gt;&lt;devices&gt;&lt;hostdev/&gt; &amp;amp; b</cmdline>"));
    assert_null(strstr(xml, "<hostdev"));
}

static void the_description_follows_the_label(void **state)
{
    struct scene *scene = *state;
    scene->spec.cpu_milli = 1500;
    scene->spec.ram_mib = 256;
    scene->spec.disk_mib = 100;
    const char *xml = describe(scene, "{'image':'a.qcow2','disks':['1GiB'],'networks':['default','user']}");
    assert_non_null(strstr(xml, "<domain type='qemu'><name>aquarium-n1-12</name>"));
    assert_non_null(strstr(xml, "<memory unit='MiB'>256</memory><vcpu>2</vcpu>"));
    assert_non_null(strstr(xml, "<period>100000</period><quota>75000</quota>"));
    assert_non_null(strstr(xml, "/disk.qcow2'/><target dev='vda' bus='virtio'/>"));
    assert_non_null(strstr(xml, "/disk1.qcow2'/><target dev='vdb' bus='virtio'/>"));
    assert_non_null(strstr(xml, "/seeds/aquarium-n1-12.iso'/><target dev='vdc' bus='virtio'/><readonly/>"));
    assert_non_null(strstr(xml, "<interface type='network'><source network='default'/><mac address='52:54:"));
    assert_non_null(strstr(xml, "<interface type='user'><mac address='52:54:"));
    assert_non_null(strstr(xml, "/console/log' append='on'/>"));
    xml = describe(scene, "{'kernel':'k','networks':[]}");
    assert_null(strstr(xml, "<interface"));
    assert_null(strstr(xml, ".iso"));
}

static void the_same_resource_has_the_same_address(void **state)
{
    struct scene *scene = *state;
    struct plan *one = make(scene, "{'image':'a','networks':['default','user']}", VIRT_QEMU);
    struct plan *again = make(scene, "{'image':'a','networks':['default','user']}", VIRT_QEMU);
    scene->spec.resource = 13;
    struct plan *other = make(scene, "{'image':'a','networks':['default']}", VIRT_QEMU);
    assert_string_equal(one->macs[0], again->macs[0]);
    assert_string_not_equal(one->macs[0], one->macs[1]);
    assert_string_not_equal(one->macs[0], other->macs[0]);
    assert_string_not_equal(one->uuid, again->uuid);
    plan_free(one);
    plan_free(again);
    plan_free(other);
}

/* ---- disks ------------------------------------------------------------------------------------------------- */

static void expect_no_disk(struct scene *scene, const char *options, const char *words)
{
    struct plan *plan = make(scene, options, VIRT_TEST);
    assert_non_null(plan);
    assert_int_equal(plan_make_disks(plan, &scene->error), -1);
    if (strstr(scene->error.message, words) == NULL)
        fail_msg("%s", scene->error.message);
    plan_free(plan);
}

static void images_that_are_no_good_are_refused(void **state)
{
    struct scene *scene = *state;
    unsigned char header[104] = "QFI\xfb\0\0\0\3";
    char path[128];
    header[27] = 1; /* 4 GiB */
    write_file(scene, "good.qcow2", header, sizeof header);
    header[15] = 1;
    write_file(scene, "overlay.qcow2", header, sizeof header);
    header[15] = 0;
    header[79] = 4;
    write_file(scene, "elsewhere.qcow2", header, sizeof header);
    write_file(scene, "empty.raw", "", 0);
    snprintf(path, sizeof path, "%s/outside", scene->settings.images);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    struct plan *plan = make(scene, "{'image':'good.qcow2','networks':[]}", VIRT_TEST);
    if (plan_make_disks(plan, &scene->error) != 0)
        fail_msg("%s", scene->error.message);
    plan_free(plan);
    expect_no_disk(scene, "{'image':'missing','networks':[]}", "image \"missing\" in ");
    expect_no_disk(scene, "{'image':'overlay.qcow2','networks':[]}", "is an overlay on another one");
    expect_no_disk(scene, "{'image':'elsewhere.qcow2','networks':[]}", "has its data in another file");
    expect_no_disk(scene, "{'image':'empty.raw','networks':[]}", "is empty");
    expect_no_disk(scene, "{'image':'outside','networks':[]}", "image \"outside\"");
    expect_no_disk(scene, "{'disks':['missing'],'networks':[]}", "image \"missing\" in ");
    expect_no_disk(scene, "{'kernel':'missing','networks':[]}", "kernel \"missing\" in ");
    scene->spec.disk_mib = 100;
    expect_no_disk(scene, "{'image':'good.qcow2','networks':[]}",
                   "is a disk of 4096 MiB, but the label reserves only 100");
}

/* ---- the seed ---------------------------------------------------------------------------------------------- */

static void read_seed(const char *path, const char *name, char *text, size_t size)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    text[0] = '\0';
    archive_read_support_format_iso9660(archive);
    assert_int_equal(archive_read_open_filename(archive, path, 65536), ARCHIVE_OK);
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
        if (strcmp(archive_entry_pathname(entry), name) == 0) {
            la_ssize_t length = archive_read_data(archive, text, size - 1);
            assert_true(length >= 0);
            text[length] = '\0';
        }
    archive_read_free(archive);
}

static void the_seed_has_what_the_label_says(void **state)
{
    struct scene *scene = *state;
    char text[4096];
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip(); /* a tmpfs is to be mounted */
    struct aq_secret secrets[] = {{"metadata.password", "\"s3cret\""}, {"registry.password", "\"x\""}};
    scene->spec.secret_values = (struct aq_list){secrets, AQ_LENGTH(secrets)};
    struct plan *plan =
        make(scene, "{'image':'a','hostname':'web','ssh_keys':['ssh-ed25519 AAAA ann'],'user_data':'#!/bin/sh\\necho'}",
             VIRT_QEMU);
    if (plan_write_seed(plan, &scene->error) != 0)
        fail_msg("%s", scene->error.message);
    read_seed(plan->seed, "meta-data", text, sizeof text);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "local-hostname")), "web");
    assert_string_equal(json_string_value(json_object_get(json, "instance-id")), "aquarium-n1-12");
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "public-keys"), 0)),
                        "ssh-ed25519 AAAA ann");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "aquarium"), "branch")), "main");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "aquarium"), "password")), "s3cret");
    assert_int_equal(json_object_size(json_object_get(json, "aquarium")), 2);
    json_decref(json);
    read_seed(plan->seed, "user-data", text, sizeof text);
    assert_string_equal(text, "#!/bin/sh\necho");
    AQ_CLEANUP_FD int fd = open(plan->seed, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, text, 32, 16 * 2048 + 40), 32); /* the label of ISO 9660 */
    assert_memory_equal(text, "CIDATA", 6);                    /* cloud-init looks for either case */
    plan_free(plan);
}

/* ---- the console -------------------------------------------------------------------------------------------- */

static void append(const struct scene *scene, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/console/%s", scene->base, name);
    AQ_CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect_log(const struct scene *scene, const char *expected)
{
    struct output_span span;
    struct aq_error error;
    struct aq_buffer text = {0};
    uint64_t position = 0;
    AQ_CLEANUP_FD int directory = open(scene->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(output_read(directory, &position, 65536, &text, &span, &error), 0);
    assert_string_equal(aq_buffer_string(&text), expected);
    aq_buffer_free(&text);
}

static void rotate(const struct scene *scene)
{
    char from[128], to[128];
    snprintf(from, sizeof from, "%s/console/log", scene->base);
    snprintf(to, sizeof to, "%s/console/log.0", scene->base);
    assert_int_equal(rename(from, to), 0);
}

static void copy_again(const struct scene *scene, struct console *console)
{
    struct aq_error error;
    console_close(console); /* as when the driver is killed */
    assert_int_equal(console_open(console, scene->base, 65536, 2, &error), 0);
    while (console_copy(console))
        ;
}

static void each_byte_of_the_console_is_in_the_log_once(void **state)
{
    struct scene *scene = *state;
    struct console console;
    struct aq_error error;
    assert_int_equal(console_open(&console, scene->base, 65536, 2, &error), 0);
    assert_false(console_copy(&console)); /* there is none yet */
    append(scene, "log", "one\n");
    copy_again(scene, &console);
    copy_again(scene, &console);
    expect_log(scene, "one\n");
    append(scene, "log", "two\n");
    rotate(scene); /* by virtlogd */
    append(scene, "log", "three\n");
    copy_again(scene, &console);
    expect_log(scene, "one\ntwo\nthree\n");
    console_say(&console, "a word");
    append(scene, "log", "four\n");
    copy_again(scene, &console);
    expect_log(scene, "one\ntwo\nthree\n[aquarium: a word]\nfour\n");
    /* The driver was killed between the log and the mark. */
    append(scene, "log", "five\n");
    keeper_log_write(&console.log, "five\n", 5);
    copy_again(scene, &console);
    expect_log(scene, "one\ntwo\nthree\n[aquarium: a word]\nfour\nfive\n");
    console_close(&console);
}

static void what_qemu_says_is_found_in_what_libvirt_says(void **state)
{
    (void)state;
    assert_string_equal(virt_plain("internal error: qemu unexpectedly closed the monitor: 2026-11-28T08:27:52.2Z "
                                   "qemu-system-x86_64: -blockdev {\"node-name\":\"f\",\"a\":{}}: Failed to get lock"),
                        "Failed to get lock");
    assert_string_equal(virt_plain("qemu-system-x86_64: invalid kernel header"), "invalid kernel header");
    assert_string_equal(virt_plain("Network not found: no network"), "Network not found: no network");
    assert_string_equal(virt_plain("qemu-system-x86_64: "), "qemu-system-x86_64: ");
    assert_string_equal(virt_plain("qemu-system-x86_64: {}: "), "qemu-system-x86_64: {}: ");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(wrong_options_are_refused),           T(what_the_owner_does_not_allow_is_refused),
        T(wrong_settings_are_refused),          T(nothing_of_a_label_is_xml),
        T(the_description_follows_the_label),   T(the_same_resource_has_the_same_address),
        T(images_that_are_no_good_are_refused), T(what_qemu_says_is_found_in_what_libvirt_says),
        T(the_seed_has_what_the_label_says),    T(each_byte_of_the_console_is_in_the_log_once),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
