#include "drivers/container/store.h"

#include "drivers/container/slots.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS = 4, CONFIG_MAX = 1 << 20, INDEX_MAX = 4 << 20, TAG_FILE_MAX = 2048 };

static int store_prepare(const struct aq_container_settings *settings, struct aq_error *error)
{
    static const char *const made[] = {"tags", "local", "pulling"};
    for (size_t i = 0; i < AQ_LENGTH(made); i++) {
        char path[PATH_MAX];
        /* What is in an image may be secret, or open to anyone who finds it. */
        if (store_path(path, settings, made[i], error) != 0 || aq_directory_make_path(path, 0700, 0700, error) != 0)
            return -1;
    }
    return 0;
}

/* ---- references --------------------------------------------------------------------------------------- */

/* The file that keeps what the reference stands for. */
static int tag_path(char path[PATH_MAX], const struct store_wish *wish, const struct aq_image *wanted,
                    struct aq_error *error)
{
    unsigned char hash[32];
    char name[5 + sizeof hash * 2 + 1] = "tags/", text[2 * AQ_IMAGE_MAX];
    int length = snprintf(text, sizeof text, "%s:%s", wanted->name, wanted->tag);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, (size_t)length, NULL, 0);
    sodium_bin2hex(name + 5, sizeof name - 5, hash, sizeof hash);
    return store_path(path, wish->settings, name, error);
}

static bool tag_read(const char *path, char digest[AQ_DIGEST_SIZE])
{
    char text[TAG_FILE_MAX];
    if (aq_file_read_text(AT_FDCWD, path, text, sizeof text) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    if (!aq_digest_is(text))
        return false;
    memcpy(digest, text, AQ_DIGEST_SIZE);
    return true;
}

static int resolve_tag(const struct store_wish *wish, const struct aq_image *wanted, char digest[AQ_DIGEST_SIZE],
                       struct aq_error *error)
{
    char path[PATH_MAX], text[TAG_FILE_MAX];
    if (tag_path(path, wish, wanted, error) != 0)
        return -1;
    if (wish->pull != AQ_PULL_ALWAYS && tag_read(path, digest))
        return 0;
    if (wish->pull == AQ_PULL_NEVER)
        return aq_fail(error, AQ_E_NOT_FOUND, "image %s is not on the node, and the option \"pull\" is never",
                       wish->reference);
    if (pull_resolve(wish, wanted, digest, error) != 0)
        return -1;
    int length = snprintf(text, sizeof text, "%s\n%s\n", digest, wish->reference);
    return aq_file_replace(AT_FDCWD, path, 0600, text, (size_t)length, error);
}

/* What an OCI layout says that the tag stands for. */
static int resolve_local(const struct store_wish *wish, const struct aq_image *wanted, char digest[AQ_DIGEST_SIZE],
                         struct aq_error *error)
{
    char path[PATH_MAX];
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (pull_layout(path, wish, wanted, error) != 0)
        return -1;
    AQ_CLEANUP_FD int layout = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layout < 0)
        return aq_fail_errno(error, errno, "image %s: %s", wish->reference, path);
    if (aq_file_read(layout, "index.json", INDEX_MAX, &text, error) != 0)
        return aq_error_context(error, "image %s: %s is no OCI layout", wish->reference, path);
    AQ_CLEANUP_JSON json_t *index = aq_json_parse(text.data, text.length, error);
    if (index == NULL)
        return aq_error_context(error, "image %s: %s/index.json", wish->reference, path);
    const json_t *manifests = json_object_get(index, "manifests"), *manifest, *found = NULL;
    size_t i;
    json_array_foreach (manifests, i, manifest) {
        const char *tag = json_string_value(
            json_object_get(json_object_get(manifest, "annotations"), "org.opencontainers.image.ref.name"));
        bool is_wanted =
            wanted->tag[0] != '\0' ? tag != NULL && strcmp(tag, wanted->tag) == 0 : json_array_size(manifests) == 1;
        found = is_wanted ? manifest : found;
    }
    const char *told = json_string_value(json_object_get(found, "digest"));
    if (found == NULL && wanted->tag[0] == '\0')
        return aq_fail(error, AQ_E_NOT_FOUND, "image %s: %s holds %zu images: give a tag", wish->reference, path,
                       json_array_size(manifests));
    if (found == NULL || told == NULL || !aq_digest_is(told))
        return aq_fail(error, AQ_E_NOT_FOUND, "image %s: %s has no such tag", wish->reference, path);
    memcpy(digest, told, AQ_DIGEST_SIZE);
    return 0;
}

static int resolve(const struct store_wish *wish, const struct aq_image *wanted, char digest[AQ_DIGEST_SIZE],
                   struct aq_error *error)
{
    if (wanted->local)
        return resolve_local(wish, wanted, digest, error);
    if (wanted->digest[0] == '\0')
        return resolve_tag(wish, wanted, digest, error);
    memcpy(digest, wanted->digest, AQ_DIGEST_SIZE);
    return 0;
}

/* ---- taking ------------------------------------------------------------------------------------------- */

/* 0: it is there, and is noted as in use. 1: it is not there. */
static int image_use(const struct store_wish *wish, struct store_image *image, struct aq_error *error)
{
    char name[AQ_DIGEST_SIZE];
    uint64_t until_ms = aq_clock_boot_ms() + wish->settings->pull_time * 1000;
    store_name(image->digest, name);
    if (store_path(image->path, wish->settings, name, error) != 0)
        return -1;
    AQ_CLEANUP_FD int lock = store_lock(wish->settings, "lock", LOCK_SH, until_ms, error);
    if (lock < 0)
        return -1;
    AQ_CLEANUP_FD int directory = open(image->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && errno == ENOENT)
        return 1;
    if (directory < 0)
        return aq_fail_errno(error, errno, "directory %s", image->path);
    futimens(directory, NULL); /* unused since now */
    return slots_note(wish->slot, image->path, wish->ports, error);
}

static int image_read(struct store_image *image, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    AQ_CLEANUP_FD int directory = open(image->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return aq_fail_errno(error, errno, "directory %s", image->path);
    if (aq_file_read(directory, "config.json", CONFIG_MAX, &text, error) != 0)
        return -1;
    image->config = aq_json_parse(text.data, text.length, error);
    return image->config != NULL ? 0 : -1;
}

int store_take(const struct store_wish *wish, struct store_image *image, struct aq_error *error)
{
    struct aq_image wanted;
    *image = (struct store_image){0};
    if (aq_image_parse(&wanted, wish->reference, error) != 0 || store_prepare(wish->settings, error) != 0 ||
        resolve(wish, &wanted, image->digest, error) != 0)
        return -1;
    /* An image may be removed between the moment it is there and the moment it is used. */
    for (int i = 0; i < ATTEMPTS; i++) {
        int missing = image_use(wish, image, error);
        if (missing <= 0)
            return missing < 0 ? -1 : image_read(image, error);
        if (wish->pull == AQ_PULL_NEVER && !wanted.local)
            return aq_fail(error, AQ_E_NOT_FOUND, "image %s is not on the node, and the option \"pull\" is never",
                           wish->reference);
        if (pull_image(wish, &wanted, image->digest, error) != 0)
            return -1;
    }
    return aq_fail(error, AQ_E_STATE,
                   "image %s is removed again and again before it is used: container.size or "
                   "container.age of the agent is too small",
                   wish->reference);
}

void store_image_free(struct store_image *image)
{
    json_decref(image->config);
    image->config = NULL;
}
