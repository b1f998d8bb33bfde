#include "drivers/libvirt/plan.h"

#include "drivers/container/program.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HEADER_SIZE = 104, MAKE_MS_MAX = 60000 };

static bool is_remote(const struct plan *plan)
{
    return plan->kind == VIRT_ESX || plan->kind == VIRT_VMWARE;
}

/* ---- what the node has --------------------------------------------------------------------------------- */

/* A file below the directory of images; no link leads out of it. */
static int open_file(const struct plan *plan, const char *what, const char *name, mode_t type, struct aq_error *error)
{
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    struct stat status;
    AQ_CLEANUP_FD int directory = open(plan->settings.images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return aq_fail_errno(error, errno, "the directory of images %s of the node (libvirt.images)",
                             plan->settings.images);
    int fd = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    if (fd < 0)
        return aq_fail_errno(error, errno, "%s \"%s\" in %s of the node", what, name, plan->settings.images);
    if (fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type)
        return fd;
    close(fd);
    return aq_fail(error, AQ_E_INVALID, "%s \"%s\" in %s of the node is no %s", what, name, plan->settings.images,
                   type == S_IFDIR ? "directory" : "file");
}

static int check_file(const struct plan *plan, const char *what, const char *name, mode_t type, struct aq_error *error)
{
    if (name[0] == '\0')
        return 0;
    int fd = open_file(plan, what, name, type, error);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

struct image {
    const char *format;
    uint64_t bytes; /* that the machine sees */
};

static uint64_t read_number(const unsigned char *bytes, unsigned count)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* What a qcow2 header says, in its own words: qemu's documentation, interop/qcow2. An image that leads to other files
 * would let its author read them. */
static int read_header(struct image *image, int fd, const char *name, struct aq_error *error)
{
    enum { BACKING = 8, BYTES = 24, FEATURES = 72, EXTERNAL_DATA = 1 << 2 };
    unsigned char header[HEADER_SIZE] = {0};
    struct stat status;
    if (pread(fd, header, sizeof header, 0) < 0 || fstat(fd, &status) != 0)
        return aq_fail_errno(error, errno, "image \"%s\"", name);
    *image = (struct image){"raw", (uint64_t)status.st_size};
    if (memcmp(header, "QFI\xfb", 4) != 0)
        return status.st_size > 0 ? 0 : aq_fail(error, AQ_E_INVALID, "image \"%s\" is empty", name);
    *image = (struct image){"qcow2", read_number(header + BYTES, 8)};
    if (read_number(header + BACKING, 8) != 0)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "image \"%s\" is an overlay on another one: make one image of both, with qemu-img convert",
                       name);
    if (read_number(header + 4, 4) >= 3 && (read_number(header + FEATURES, 8) & EXTERNAL_DATA) != 0)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "image \"%s\" has its data in another file: make one image of both, with qemu-img convert",
                       name);
    return 0;
}

/* ---- disks --------------------------------------------------------------------------------------------- */

static int run_qemu_img(const char *const *arguments, struct aq_error *error)
{
    const struct program_run run = {
        .arguments = arguments, .until_ms = aq_clock_boot_ms() + MAKE_MS_MAX, .bound = "at most a minute"};
    if (program_find("qemu-img") == NULL)
        return aq_fail(error, AQ_E_IO,
                       "qemu-img is not installed: it makes the disks of machines (package qemu-utils)");
    return program_run(&run, error);
}

static int make_overlay(const struct plan *plan, const struct plan_disk *disk, uint64_t bytes,
                        const struct image *image, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const char *size = aq_arena_format(&arena, "%" PRIu64, bytes);
    if (image == NULL) {
        const char *const arguments[] = {"qemu-img", "create", "-q", "-f", "qcow2", disk->path, size, NULL};
        return run_qemu_img(arguments, error);
    }
    const char *const arguments[] = {"qemu-img",    "create", "-q",
                                     "-f",          "qcow2",  "-F",
                                     image->format, "-b",     plan_file(&plan->settings, disk->image, &arena),
                                     disk->path,    size,     NULL};
    const int failed = run_qemu_img(arguments, error);
    return failed != 0 ? aq_error_context(error, "a disk on image \"%s\"", disk->image) : 0;
}

static int make_disk(const struct plan *plan, const struct plan_disk *disk, struct aq_error *error)
{
    struct image image;
    const bool test = plan->kind == VIRT_TEST; /* which reads no disk */
    uint64_t bytes = disk->least_mib << 20;
    if (disk->image == NULL)
        return test ? 0 : make_overlay(plan, disk, bytes, NULL, error);
    AQ_CLEANUP_FD int fd = open_file(plan, "image", disk->image, S_IFREG, error);
    if (fd < 0 || read_header(&image, fd, disk->image, error) != 0)
        return -1;
    if (disk->exact && bytes < image.bytes)
        return aq_fail(error, AQ_E_INVALID,
                       "image \"%s\" is a disk of %" PRIu64 " MiB, but the label reserves only %" PRIu64
                       " MiB (requirements.disk)",
                       disk->image, (image.bytes + 0xFFFFF) >> 20, disk->least_mib);
    if (test)
        return 0;
    return make_overlay(plan, disk, bytes > image.bytes ? bytes : image.bytes, &image, error);
}

int plan_make_disks(struct plan *plan, struct aq_error *error)
{
    const struct aq_libvirt_options *options = &plan->options;
    if (is_remote(plan)) /* they are on another host */
        return 0;
    if (check_file(plan, "kernel", options->kernel, S_IFREG, error) != 0 ||
        check_file(plan, "initramfs", options->initramfs, S_IFREG, error) != 0 ||
        check_file(plan, "root", options->root, S_IFDIR, error) != 0)
        return -1;
    for (uint32_t i = 0; i < plan->disk_count; i++)
        if (make_disk(plan, &plan->disks[i], error) != 0)
            return -1;
    return 0;
}
