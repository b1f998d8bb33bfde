/* The part of store.h that gets images: skopeo copies one into an OCI layout and checks its digests, umoci unpacks it.
 */
#include "drivers/container/program.h"
#include "drivers/container/store.h"
#include "drivers/container/tree.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 16, TELL_MS = 5000, BLOB_MAX = 4 << 20, PATH_SIZE = PATH_MAX + 128, MIB_SHIFT = 20 };

static const char pull_bound[] = "container.pull_time of the agent";

struct pull {
    const struct store_wish *wish;
    char directory[PATH_MAX]; /* in pulling/ */
    char part[PATH_SIZE];     /* what grows now */
    const char *doing;        /* "getting", "unpacking" */
    uint64_t until_ms;
    uint64_t measure_ms; /* when to look how large it is */
    uint64_t tell_ms;
};

struct arguments {
    const char *list[ARGUMENTS_MAX];
    unsigned count;
};

static void argument(struct arguments *arguments, const char *text)
{
    aq_assert(arguments->count + 1 < ARGUMENTS_MAX);
    arguments->list[arguments->count++] = text;
}

/* Whether the registry may be used without TLS. */
static bool is_plain(const struct store_wish *wish, const struct aq_image *wanted)
{
    size_t length = strcspn(wanted->name, "/");
    for (uint32_t i = 0; i < wish->settings->plain.count; i++) {
        const char *plain = AQ_TEXT_ITEM(wish->settings->plain, i);
        if (strlen(plain) == length && strncmp(plain, wanted->name, length) == 0)
            return true;
    }
    return false;
}

/* `source`: the words are for a command that also has a destination. */
static void add_registry(struct arguments *arguments, const struct store_wish *wish, const struct aq_image *wanted,
                         bool source)
{
    if (wanted->local)
        return;
    if (is_plain(wish, wanted))
        argument(arguments, source ? "--src-tls-verify=false" : "--tls-verify=false");
    if (wish->settings->credentials[0] != '\0') {
        argument(arguments, "--authfile");
        argument(arguments, wish->settings->credentials);
    }
    if (wish->settings->certificates[0] != '\0') {
        argument(arguments, source ? "--src-cert-dir" : "--cert-dir");
        argument(arguments, wish->settings->certificates);
    }
}

static void tell(const struct store_wish *wish, const char *words, uint64_t mib)
{
    char amount[32] = "";
    if (mib > 0)
        snprintf(amount, sizeof amount, ": %" PRIu64 " MiB", mib);
    if (wish->told >= 0)
        dprintf(wish->told, "[aquarium: %s image %s%s]\n", words, wish->reference, amount);
}

static int check_program(const char *name, struct aq_error *error)
{
    if (program_find(name) != NULL)
        return 0;
    return aq_fail(error, AQ_E_STATE, "the program %s is not installed on the node", name);
}

/* ---- digests ------------------------------------------------------------------------------------------ */

int pull_layout(char path[PATH_MAX], const struct store_wish *wish, const struct aq_image *wanted,
                struct aq_error *error)
{
    char name[AQ_IMAGE_MAX + 16];
    if (wanted->name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", wanted->name);
        return 0;
    }
    snprintf(name, sizeof name, "local/%s", wanted->name);
    return store_path(path, wish->settings, name, error);
}

int pull_resolve(const struct store_wish *wish, const struct aq_image *wanted, char digest[AQ_DIGEST_SIZE],
                 struct aq_error *error)
{
    char reference[2 * AQ_IMAGE_MAX];
    struct arguments arguments = {{0}, 0};
    AQ_CLEANUP_BUFFER struct aq_buffer output = {0};
    if (check_program("skopeo", error) != 0)
        return -1;
    snprintf(reference, sizeof reference, "docker://%s%s%s", wanted->name, wanted->tag[0] != '\0' ? ":" : "",
             wanted->tag);
    argument(&arguments, "skopeo");
    argument(&arguments, "inspect");
    argument(&arguments, "--no-tags");
    argument(&arguments, "--format");
    argument(&arguments, "{{.Digest}}");
    add_registry(&arguments, wish, wanted, false);
    argument(&arguments, reference);
    const struct program_run run = {.arguments = arguments.list,
                                    .output = &output,
                                    .proxy = wish->settings->proxy,
                                    .until_ms = aq_clock_boot_ms() + wish->settings->pull_time * 1000,
                                    .bound = pull_bound};
    if (program_run(&run, error) != 0)
        return aq_error_context(error, "image %s", wish->reference);
    const char *told = aq_buffer_string(&output);
    snprintf(digest, AQ_DIGEST_SIZE, "%.*s", (int)strcspn(told, "\n"), told);
    if (!aq_digest_is(digest))
        return aq_fail(error, AQ_E_IO, "image %s: its registry tells no sha256 digest", wish->reference);
    return 0;
}

/* ---- bounds ------------------------------------------------------------------------------------------- */

static int fail_size(const struct pull *pull, struct aq_error *error)
{
    return aq_fail(error, AQ_E_TOO_LARGE, "it is larger than %" PRIu64 " MiB (container.image_size of the agent)",
                   pull->wish->settings->image_size);
}

static int check_size(void *context, struct aq_error *error)
{
    struct pull *pull = context;
    const struct aq_container_settings *settings = pull->wish->settings;
    const struct tree_size most = {settings->image_size << MIB_SHIFT, settings->image_files};
    uint64_t begin_ms = aq_clock_boot_ms();
    if (begin_ms < pull->measure_ms)
        return 0;
    struct tree_size size = tree_measure(pull->part, most);
    uint64_t end_ms = aq_clock_boot_ms();
    pull->measure_ms = end_ms + 4 * (end_ms - begin_ms); /* a large tree takes long to measure */
    if (size.bytes > most.bytes)
        return fail_size(pull, error);
    if (size.files > most.files)
        return aq_fail(error, AQ_E_TOO_LARGE, "it has more than %" PRIu64 " files (container.image_files of the agent)",
                       settings->image_files);
    if (end_ms < pull->tell_ms)
        return 0;
    tell(pull->wish, pull->doing, size.bytes >> MIB_SHIFT);
    pull->tell_ms = end_ms + TELL_MS;
    return 0;
}

static int run_bounded(struct pull *pull, const struct arguments *arguments, const char *part, struct aq_error *error)
{
    const struct program_run run = {.arguments = arguments->list,
                                    .temporary = pull->directory,
                                    .proxy = pull->wish->settings->proxy,
                                    .until_ms = pull->until_ms,
                                    .bound = pull_bound,
                                    .file_bytes = pull->wish->settings->image_size << MIB_SHIFT,
                                    .watch = check_size,
                                    .context = pull};
    snprintf(pull->part, sizeof pull->part, "%s/%s", pull->directory, part);
    pull->measure_ms = 0;
    if (program_run(&run, error) != 0) {
        if (strstr(error->message, strerror(EFBIG)) != NULL || strstr(error->message, "file too large") != NULL)
            return fail_size(pull, error);
        return -1;
    }
    pull->measure_ms = 0;
    return check_size(pull, error); /* of all of it */
}

/* ---- getting ------------------------------------------------------------------------------------------ */

static int copy_image(struct pull *pull, const struct aq_image *wanted, const char *digest, struct aq_error *error)
{
    char source[PATH_SIZE], target[PATH_SIZE], layout[PATH_MAX];
    struct arguments arguments = {{0}, 0};
    if (!wanted->local)
        snprintf(source, sizeof source, "docker://%s@%s", wanted->name, digest);
    else if (pull_layout(layout, pull->wish, wanted, error) != 0)
        return -1;
    else
        snprintf(source, sizeof source, "oci:%s%s%s", layout, wanted->tag[0] != '\0' ? ":" : "", wanted->tag);
    snprintf(target, sizeof target, "oci:%s/image:image", pull->directory);
    argument(&arguments, "skopeo");
    argument(&arguments, "copy");
    argument(&arguments, "--quiet");
    add_registry(&arguments, pull->wish, wanted, true);
    argument(&arguments, source);
    argument(&arguments, target);
    pull->doing = "getting";
    return run_bounded(pull, &arguments, "image", error);
}

static int unpack_image(struct pull *pull, struct aq_error *error)
{
    char image[PATH_SIZE], bundle[PATH_SIZE];
    struct arguments arguments = {{0}, 0};
    snprintf(image, sizeof image, "%s/image:image", pull->directory);
    snprintf(bundle, sizeof bundle, "%s/bundle", pull->directory);
    argument(&arguments, "umoci");
    argument(&arguments, "unpack");
    argument(&arguments, "--image");
    argument(&arguments, image);
    argument(&arguments, bundle);
    pull->doing = "unpacking";
    return run_bounded(pull, &arguments, "bundle", error);
}

/* ---- what the image says about its program ------------------------------------------------------------ */

static json_t *read_json(const char *path, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (aq_file_read(AT_FDCWD, path, BLOB_MAX, &text, error) != 0)
        return NULL;
    return aq_json_parse(text.data, text.length, error);
}

static json_t *read_blob(const struct pull *pull, const json_t *descriptor, struct aq_error *error)
{
    char path[PATH_SIZE];
    const char *digest = json_string_value(json_object_get(descriptor, "digest"));
    if (digest == NULL || !aq_digest_is(digest)) {
        aq_fail(error, AQ_E_CORRUPT, "its manifest names no sha256 digest");
        return NULL;
    }
    snprintf(path, sizeof path, "%s/image/blobs/sha256/%s", pull->directory, strchr(digest, ':') + 1);
    return read_json(path, error);
}

static int write_config(const struct pull *pull, struct aq_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/image/index.json", pull->directory);
    AQ_CLEANUP_JSON json_t *index = read_json(path, error);
    if (index == NULL)
        return -1;
    AQ_CLEANUP_JSON json_t *manifest = read_blob(pull, json_array_get(json_object_get(index, "manifests"), 0), error);
    if (manifest == NULL)
        return -1;
    AQ_CLEANUP_JSON json_t *image = read_blob(pull, json_object_get(manifest, "config"), error);
    if (image == NULL)
        return -1;
    json_t *config = json_object_get(image, "config");
    AQ_CLEANUP_MEMORY char *text = json_is_object(config) ? json_dumps(config, JSON_COMPACT) : aq_strdup("{}");
    snprintf(path, sizeof path, "%s/final/config.json", pull->directory);
    return aq_file_replace(AT_FDCWD, path, 0600, text, strlen(text), error);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static int write_size(const struct pull *pull, const char *root, struct aq_error *error)
{
    char path[PATH_SIZE], text[64];
    struct tree_size size = tree_measure(root, (struct tree_size){UINT64_MAX, UINT64_MAX});
    snprintf(path, sizeof path, "%s/final/size", pull->directory);
    int length = snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 "\n", size.bytes, size.files);
    return aq_file_replace(AT_FDCWD, path, 0600, text, (size_t)length, error);
}

/* Gives the image its name when all of it is on disk. */
static int publish(const struct pull *pull, const char *digest, struct aq_error *error)
{
    char from[PATH_SIZE], to[PATH_SIZE], final[PATH_MAX], name[AQ_DIGEST_SIZE];
    store_name(digest, name);
    if (store_path(final, pull->wish->settings, name, error) != 0)
        return -1;
    snprintf(from, sizeof from, "%s/bundle/rootfs", pull->directory);
    snprintf(to, sizeof to, "%s/final", pull->directory);
    if (mkdir(to, 0700) != 0)
        return aq_fail_errno(error, errno, "directory %s", to);
    snprintf(to, sizeof to, "%s/final/rootfs", pull->directory);
    if (rename(from, to) != 0)
        return aq_fail_errno(error, errno, "directory %s", from);
    if (write_config(pull, error) != 0 || write_size(pull, to, error) != 0)
        return -1;
    AQ_CLEANUP_FD int directory = open(pull->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || syncfs(directory) != 0 || renameat(directory, "final", AT_FDCWD, final) != 0)
        return errno == EEXIST || errno == ENOTEMPTY ? 0 : aq_fail_errno(error, errno, "directory %s", final);
    return aq_directory_sync(AT_FDCWD, pull->wish->settings->images, error);
}

static int pull_into(struct pull *pull, const struct aq_image *wanted, const char *digest, struct aq_error *error)
{
    uint64_t begin_ms = aq_clock_boot_ms();
    char done[64];
    tell(pull->wish, "getting", 0);
    pull->tell_ms = begin_ms + TELL_MS;
    if (copy_image(pull, wanted, digest, error) != 0 || unpack_image(pull, error) != 0 ||
        publish(pull, digest, error) != 0)
        return aq_error_context(error, "image %s", pull->wish->reference);
    snprintf(done, sizeof done, "got, in %.1f s,", (double)(aq_clock_boot_ms() - begin_ms) / 1000);
    tell(pull->wish, done, 0);
    return 0;
}

int pull_image(const struct store_wish *wish, const struct aq_image *wanted, const char *digest, struct aq_error *error)
{
    char name[AQ_DIGEST_SIZE], file[AQ_DIGEST_SIZE + 32], path[PATH_MAX];
    struct pull pull = {.wish = wish, .until_ms = aq_clock_boot_ms() + wish->settings->pull_time * 1000};
    if (check_program("skopeo", error) != 0 || check_program("umoci", error) != 0)
        return -1;
    store_name(digest, name);
    snprintf(file, sizeof file, "pulling/%s.lock", name);
    /* One at a time gets an image; the others find it there. */
    AQ_CLEANUP_FD int lock = store_lock(wish->settings, file, LOCK_EX, pull.until_ms, error);
    if (lock < 0 || store_path(path, wish->settings, name, error) != 0)
        return -1;
    if (access(path, F_OK) == 0)
        return 0;
    store_prune(wish->settings);
    snprintf(file, sizeof file, "pulling/%s", name);
    if (store_path(pull.directory, wish->settings, file, error) != 0)
        return -1;
    tree_remove(pull.directory); /* of a process that was killed */
    if (mkdir(pull.directory, 0700) != 0)
        return aq_fail_errno(error, errno, "directory %s", pull.directory);
    int failed = pull_into(&pull, wanted, digest, error);
    tree_remove(pull.directory);
    return failed;
}
