/* The seed that cloud-init reads at the first boot: a file system with the label "cidata" and a few documents
 * (cloud-init's documentation, NoCloud). It may hold secrets, and lies in memory. */
#include "drivers/libvirt/plan.h"

#include "schema/base/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { SEEN_BY_ALL = 0644, HOSTNAME_SIZE = 32 };

static int fail_archive(struct archive *archive, struct aq_error *error)
{
    const char *words = archive_error_string(archive);
    return aq_fail(error, AQ_E_IO, "the seed for cloud-init: %s", words != NULL ? words : "it cannot be written");
}

static int add_document(struct archive *archive, const char *name, const char *text, struct aq_error *error)
{
    size_t length = strlen(text);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, SEEN_BY_ALL);
    archive_entry_set_size(entry, (la_int64_t)length);
    bool good = archive_write_header(archive, entry) == ARCHIVE_OK &&
                archive_write_data(archive, text, length) == (la_ssize_t)length;
    archive_entry_free(entry);
    return good ? 0 : fail_archive(archive, error);
}

/* The metadata, with the values of what is secret in it. */
static json_t *make_metadata(const struct plan *plan)
{
    json_t *metadata = json_loads(plan->metadata_json, 0, NULL);
    for (uint32_t i = 0; i < plan->secrets.count && metadata != NULL; i++) {
        const struct aq_secret *secret = AQ_ITEM(plan->secrets, struct aq_secret, i);
        if (strncmp(secret->name, AQ_SECRET_METADATA, strlen(AQ_SECRET_METADATA)) == 0)
            json_object_set_new(metadata, secret->name + strlen(AQ_SECRET_METADATA),
                                json_loads(secret->value, JSON_DECODE_ANY, NULL));
    }
    return metadata;
}

/* YAML takes JSON as it is. */
static char *make_meta_data(const struct plan *plan)
{
    char hostname[HOSTNAME_SIZE];
    const struct aq_libvirt_options *options = &plan->options;
    snprintf(hostname, sizeof hostname, "r%" PRIu64, plan->resource);
    json_t *keys = json_array();
    for (uint32_t i = 0; i < options->ssh_keys.count; i++)
        json_array_append_new(keys, json_string(AQ_TEXT_ITEM(options->ssh_keys, i)));
    json_t *document = json_pack("{s:s, s:s, s:o, s:o}", "instance-id", plan->name, "local-hostname",
                                 options->hostname[0] != '\0' ? options->hostname : hostname, "public-keys", keys,
                                 "aquarium", make_metadata(plan));
    char *text = json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS);
    json_decref(document);
    return text;
}

static int add_documents(const struct plan *plan, struct archive *archive, struct aq_error *error)
{
    const struct aq_libvirt_options *options = &plan->options;
    char *meta_data = make_meta_data(plan);
    if (meta_data == NULL)
        return aq_fail(error, AQ_E_INVALID, "the metadata is no JSON object");
    int failed = add_document(archive, "meta-data", meta_data, error);
    sodium_memzero(meta_data, strlen(meta_data));
    free(meta_data);
    if (failed != 0 ||
        add_document(archive, "user-data", options->user_data[0] != '\0' ? options->user_data : "#cloud-config\n{}\n",
                     error) != 0)
        return -1;
    return options->network_config[0] != '\0' ? add_document(archive, "network-config", options->network_config, error)
                                              : 0;
}

static int write_archive(const struct plan *plan, int fd, struct aq_error *error)
{
    struct archive *archive = archive_write_new();
    int failed = -1;
    if (archive_write_set_format_iso9660(archive) != ARCHIVE_OK ||
        archive_write_set_format_option(archive, "iso9660", "volume-id", "cidata") != ARCHIVE_OK ||
        archive_write_open_fd(archive, fd) != ARCHIVE_OK)
        fail_archive(archive, error);
    else
        failed = add_documents(plan, archive, error);
    if (failed == 0 && archive_write_close(archive) != ARCHIVE_OK)
        failed = fail_archive(archive, error);
    archive_write_free(archive);
    return failed;
}

static bool is_in_memory(const char *directory)
{
    struct statfs status;
    return statfs(directory, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

/* On a disk, what was there once can be found later. */
static int keep_in_memory(const char *directory, struct aq_error *error)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int failed = 0;
    pthread_mutex_lock(&lock);
    if (!is_in_memory(directory) &&
        mount("aquarium-seeds", directory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711,size=256m") != 0)
        failed = aq_fail_errno(error, errno,
                               "seeds for cloud-init may have secrets, so %s (libvirt.seeds) must be in memory, but a "
                               "tmpfs cannot be mounted there",
                               directory);
    pthread_mutex_unlock(&lock);
    return failed;
}

int plan_write_seed(const struct plan *plan, struct aq_error *error)
{
    if (plan->seed == NULL)
        return 0;
    const char *directory = plan->settings.seeds;
    if (aq_directory_make_path(directory, 0711, 0755, error) != 0 || keep_in_memory(directory, error) != 0)
        return -1;
    unlink(plan->seed);
    AQ_CLEANUP_FD int fd = open(plan->seed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return aq_fail_errno(error, errno, "%s", plan->seed);
    return write_archive(plan, fd, error);
}
