#include "agent/secrets.h"

#include "agent/names.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

/* clang-format off */
#define aq_kept_secrets_fields(F, T)                                                                                   \
    F(T, secrets, LIST(aq_secret, 0, 2 * AQ_SECRETS_MAX), 0, "of one resource")
AQ_DECLARE(aq_kept_secrets)
AQ_DEFINE(aq_kept_secrets, "kept_secrets", 1, "secrets of a resource")
/* clang-format on */

enum { ALL_SIZE_MAX = 16 << 20, FILE_MODE = 0444, FILES_MODE = 0555 };

void secrets_init(struct secrets *secrets, const char *path, uint64_t instance)
{
    *secrets = (struct secrets){.path = aq_strdup(path), .directory = -1};
    snprintf(secrets->instance, sizeof secrets->instance, "%" PRIu64, instance);
}

void secrets_free(struct secrets *secrets)
{
    if (secrets->path != NULL && secrets->directory >= 0)
        close(secrets->directory);
    free(secrets->path);
    *secrets = (struct secrets){.directory = -1};
}

/* ---- where they are ------------------------------------------------------------------------------------- */

static bool is_in_memory(int directory)
{
    struct statfs about;
    return fstatfs(directory, &about) == 0 && (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC);
}

/* Returns a descriptor; -1 with `error`. */
static int open_memory(const char *path, struct aq_error *error)
{
    if (aq_directory_make_path(path, 0700, 0755, error) != 0)
        return -1;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0 && !is_in_memory(directory)) {
        close(directory);
        if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=64m") != 0)
            return aq_fail_errno(error, errno, "%s is on no memory file system, and none can be mounted there", path);
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (directory >= 0 && is_in_memory(directory))
        return directory;
    if (directory >= 0)
        close(directory);
    return aq_fail_errno(error, directory >= 0 ? EINVAL : errno, "directory %s", path);
}

static int open_instance(struct secrets *secrets, struct aq_error *error)
{
    if (secrets->directory >= 0)
        return 0;
    AQ_CLEANUP_FD int above = open_memory(secrets->path, error);
    if (above >= 0)
        secrets->directory = aq_directory_open(above, secrets->instance, error);
    return secrets->directory >= 0 ? 0 : aq_error_context(error, "its secrets cannot be kept (setting secrets)");
}

/* Without making anything. */
static bool is_open(struct secrets *secrets)
{
    if (secrets->directory >= 0)
        return true;
    AQ_CLEANUP_FD int above = open(secrets->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above >= 0 && is_in_memory(above))
        secrets->directory = openat(above, secrets->instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return secrets->directory >= 0;
}

static int open_resource(struct secrets *secrets, uint64_t resource)
{
    char name[NAME_SIZE];
    name_of_number(resource, name);
    return is_open(secrets) ? openat(secrets->directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

const char *secrets_files(const struct secrets *secrets, uint64_t resource, struct aq_arena *arena)
{
    return aq_arena_format(arena, "%s/%s/%" PRIu64 "/files", secrets->path, secrets->instance, resource);
}

/* ---- storing -------------------------------------------------------------------------------------------- */

/* A text as it is, anything else as JSON. */
static int write_value(int directory, const char *key, const char *value, struct aq_error *error)
{
    json_t *json = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const char *text = json_is_string(json) ? json_string_value(json) : value;
    const size_t length = json_is_string(json) ? json_string_length(json) : strlen(value);
    AQ_CLEANUP_FD int file = openat(directory, key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failed = file < 0 || aq_file_write_all(file, text, length) != 0 || fchmod(file, FILE_MODE) != 0
                     ? aq_fail_errno(error, errno, "file of the secret %.64s", key)
                     : 0;
    json_decref(json);
    return failed;
}

static int write_files(int directory, const struct aq_list *list, struct aq_error *error)
{
    const size_t skip = strlen(AQ_SECRET_METADATA);
    AQ_CLEANUP_FD int files = aq_directory_open(directory, "files", error);
    if (files < 0)
        return -1;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct aq_secret *secret = AQ_ITEM(*list, struct aq_secret, i);
        if (strncmp(secret->name, AQ_SECRET_METADATA, skip) != 0)
            continue;
        if (!aq_secret_key_is_good(secret->name + skip))
            return aq_fail(error, AQ_E_INVALID, "%.64s cannot be the name of a file", secret->name);
        if (write_value(files, secret->name + skip, secret->value, error) != 0)
            return -1;
    }
    return fchmod(files, FILES_MODE) == 0 ? 0 : aq_fail_errno(error, errno, "files of secrets");
}

static int write_all(int directory, const struct aq_list *list, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    const struct aq_kept_secrets kept = {*list};
    aq_record_pack(&aq_kept_secrets_record, &kept, &packed);
    int failed = aq_file_replace_unsynced(directory, "all", 0600, packed.data, packed.length, error);
    sodium_memzero(packed.data, packed.length);
    return failed;
}

int secrets_store(struct secrets *secrets, uint64_t resource, const struct aq_list *list, struct aq_error *error)
{
    char name[NAME_SIZE];
    name_of_number(resource, name);
    if (open_instance(secrets, error) != 0)
        return -1;
    secrets_drop(secrets, resource);
    AQ_CLEANUP_FD int directory = aq_directory_open(secrets->directory, name, error);
    if (directory >= 0 && write_files(directory, list, error) == 0 && write_all(directory, list, error) == 0)
        return 0;
    secrets_drop(secrets, resource);
    return aq_error_context(error, "its secrets cannot be kept");
}

/* ---- reading -------------------------------------------------------------------------------------------- */

int secrets_load(struct secrets *secrets, uint64_t resource, struct aq_list *list, struct aq_arena *arena,
                 struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    struct aq_kept_secrets kept;
    AQ_CLEANUP_FD int directory = open_resource(secrets, resource);
    if (directory < 0)
        return aq_fail(error, AQ_E_NOT_FOUND, "its secrets are not here");
    int failed = aq_file_read(directory, "all", ALL_SIZE_MAX, &packed, error);
    if (failed == 0)
        failed = aq_record_unpack(&aq_kept_secrets_record, &kept, packed.data, packed.length, true, arena, error);
    if (packed.data != NULL)
        sodium_memzero(packed.data, packed.capacity);
    if (failed == 0)
        *list = kept.secrets;
    return failed == 0 ? 0 : aq_error_context(error, "its secrets");
}

bool secrets_have(struct secrets *secrets, uint64_t resource)
{
    AQ_CLEANUP_FD int directory = open_resource(secrets, resource);
    return directory >= 0 && faccessat(directory, "all", F_OK, 0) == 0;
}

struct aq_list secrets_names(const struct aq_list *list, struct aq_arena *arena)
{
    struct aq_secret *items = list->count > 0 ? aq_arena_alloc(arena, list->count * sizeof *items) : NULL;
    for (uint32_t i = 0; i < list->count; i++)
        items[i] = (struct aq_secret){.name = AQ_ITEM(*list, struct aq_secret, i)->name, .value = ""};
    return (struct aq_list){items, list->count};
}

/* ---- dropping ------------------------------------------------------------------------------------------- */

static bool remove_file(void *context, int directory, const char *name, unsigned char type)
{
    (void)context, (void)type;
    unlinkat(directory, name, 0);
    return true;
}

/* There is nothing but what was stored. */
static void remove_resource(int above, const char *name)
{
    struct aq_error ignored;
    AQ_CLEANUP_FD int directory = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    AQ_CLEANUP_FD int files =
        directory >= 0 ? openat(directory, "files", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (directory < 0)
        return;
    int listed = 0;
    if (files >= 0 && fchmod(files, 0700) == 0)
        listed = aq_directory_list(files, remove_file, NULL, &ignored);
    unlinkat(directory, "files", AT_REMOVEDIR);
    listed |= aq_directory_list(directory, remove_file, NULL, &ignored);
    if ((unlinkat(above, name, AT_REMOVEDIR) != 0 && errno != ENOENT) || listed != 0)
        aq_journal(AQ_WARN, "secrets of a workload cannot be removed", "resource", name, "error", strerror(errno),
                   NULL);
}

void secrets_drop(struct secrets *secrets, uint64_t resource)
{
    char name[NAME_SIZE];
    name_of_number(resource, name);
    if (is_open(secrets))
        remove_resource(secrets->directory, name);
}

struct sweep {
    secrets_keep_fn *keep;
    void *context;
};

static bool sweep_one(void *context, int directory, const char *name, unsigned char type)
{
    const struct sweep *sweep = context;
    uint64_t resource;
    (void)type;
    if (number_of_name(name, &resource) && !sweep->keep(sweep->context, resource))
        remove_resource(directory, name);
    return true;
}

void secrets_sweep(struct secrets *secrets, secrets_keep_fn *keep, void *context)
{
    struct sweep sweep = {keep, context};
    struct aq_error error;
    if (is_open(secrets) && aq_directory_list(secrets->directory, sweep_one, &sweep, &error) != 0)
        aq_journal(AQ_WARN, "secrets of earlier workloads cannot be removed", "error", error.message, NULL);
}
