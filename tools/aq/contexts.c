#include "tools/aq/contexts.h"

#include "schema/base/files.h"
#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 131072 };
#define CONTEXTS "contexts"
#define CURRENT  "current"

AQ_DEFINE(cli_context, "context", 1, "a server, a user and a token")

/* ---- places --------------------------------------------------------------------------------------------- */

int cli_contexts_path(const char *name, struct aq_buffer *out, struct aq_error *error)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    aq_buffer_reset(out);
    if (config != NULL && config[0] == '/')
        aq_buffer_text(out, config);
    else if (home != NULL && home[0] == '/')
        aq_buffer_format(out, "%s/.config", home);
    else
        return aq_fail(error, AQ_E_INVALID, "contexts have no place: neither XDG_CONFIG_HOME nor HOME is set");
    aq_buffer_text(out, "/aquarium");
    if (name != NULL)
        aq_buffer_format(out, "/" CONTEXTS "/%s", name);
    return 0;
}

static int check_name(const char *name, struct aq_error *error)
{
    if (aq_name_is_good(name, strlen(name)) && strlen(name) <= AQ_NAME_MAX)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "context is \"%.100s\", but a name has only letters, digits, '.', '_' and '-', and begins with a "
                   "letter or digit",
                   name);
}

static int fail_missing(const char *name, const char *path, struct aq_error *error)
{
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no context %s: %.300s is missing (aq context list shows all)", name,
                   path);
}

/* Opens ".../aquarium", or "contexts" in it; makes it if it is missing. A descriptor; -1 with `error`. */
static int open_directory(bool contexts, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    if (cli_contexts_path(NULL, &path, error) != 0 ||
        aq_directory_make_path(aq_buffer_string(&path), 0700, 0700, error) != 0)
        return -1;
    AQ_CLEANUP_FD int directory = open(aq_buffer_string(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return aq_fail_errno(error, errno, "%.300s", aq_buffer_string(&path));
    return contexts ? aq_directory_open(directory, CONTEXTS, error) : fcntl(directory, F_DUPFD_CLOEXEC, 0);
}

/* ---- the one in use ------------------------------------------------------------------------------------- */

const char *cli_contexts_chosen(const char *flag, struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    struct aq_error unused;
    char name[AQ_NAME_MAX + 2];
    const char *variable = getenv("AQ_CONTEXT");
    if (flag[0] != '\0')
        return flag;
    if (variable != NULL && variable[0] != '\0')
        return variable;
    if (cli_contexts_path(NULL, &path, &unused) != 0)
        return NULL;
    aq_buffer_text(&path, "/" CURRENT);
    if (aq_file_read_text(AT_FDCWD, aq_buffer_string(&path), name, sizeof name) < 0)
        return NULL;
    name[strcspn(name, "\n")] = '\0';
    return name[0] != '\0' ? aq_arena_text(arena, name, strlen(name)) : NULL;
}

int cli_contexts_use(const char *name, struct aq_error *error)
{
    struct aq_arena arena = {0};
    struct cli_context context;
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    int status = cli_contexts_read(name, &context, &arena, error);
    AQ_CLEANUP_FD int directory = status == 0 ? open_directory(false, error) : -1;
    aq_arena_free(&arena);
    aq_buffer_format(&line, "%s\n", name);
    return directory < 0 ? -1 : aq_file_replace(directory, CURRENT, 0600, line.data, line.length, error);
}

/* ---- files ---------------------------------------------------------------------------------------------- */

/* A token in it is as good as a password; and nobody else may say where ours goes. */
static int check_mode(const char *path, struct aq_error *error)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return aq_fail_errno(error, errno, "%.300s", path);
    if (!S_ISREG(about.st_mode))
        return aq_fail(error, AQ_E_INVALID, "%.300s is not a file", path);
    if (about.st_uid != geteuid() && about.st_uid != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "%.300s belongs to user %u of this machine, and says where a token goes",
                       path, (unsigned)about.st_uid);
    if ((about.st_mode & 077) != 0)
        return aq_fail(error, AQ_E_INVALID, "%.200s holds a token, but others may read it: chmod 600 %.200s", path,
                       path);
    return 0;
}

static int read_file(const char *path, struct cli_context *context, struct aq_arena *arena, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    AQ_CLEANUP_YAML_PLACES struct aq_yaml_places *places = NULL;
    if (check_mode(path, error) != 0 || aq_file_read(AT_FDCWD, path, FILE_SIZE_MAX, &text, error) != 0)
        return -1;
    json_t *json = aq_yaml_parse(aq_buffer_string(&text), text.length, &places, error);
    int status = -1;
    if (json != NULL)
        status = aq_record_from_json(&cli_context_record, context, json, places, arena, error);
    json_decref(json);
    sodium_memzero(text.data, text.length);
    return status == 0 ? 0 : aq_error_context(error, "%.300s", path);
}

int cli_contexts_read(const char *name, struct cli_context *context, struct aq_arena *arena, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    if (check_name(name, error) != 0 || cli_contexts_path(name, &path, error) != 0)
        return -1;
    if (access(aq_buffer_string(&path), F_OK) != 0)
        return fail_missing(name, aq_buffer_string(&path), error);
    return read_file(aq_buffer_string(&path), context, arena, error);
}

int cli_contexts_write(const char *name, const struct cli_context *context, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (check_name(name, error) != 0)
        return -1;
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "server", context->server, "user", context->user, "fingerprint",
                             context->fingerprint, "token", context->token);
    if (context->authorities[0] != '\0')
        json_object_set_new(json, "authorities", json_string(context->authorities));
    aq_yaml_print(json, &text);
    json_decref(json);
    AQ_CLEANUP_FD int directory = open_directory(true, error);
    int status = directory < 0 ? -1 : aq_file_replace(directory, name, 0600, text.data, text.length, error);
    sodium_memzero(text.data, text.length);
    return status;
}

int cli_contexts_delete(const char *name, struct aq_error *error)
{
    struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    if (check_name(name, error) != 0 || cli_contexts_path(name, &path, error) != 0)
        return -1;
    if (unlink(aq_buffer_string(&path)) != 0)
        return errno == ENOENT ? fail_missing(name, aq_buffer_string(&path), error)
                               : aq_fail_errno(error, errno, "context %s: %.300s", name, aq_buffer_string(&path));
    const char *current = cli_contexts_chosen("", &arena);
    AQ_CLEANUP_FD int directory = open_directory(false, error);
    if (directory >= 0 && current != NULL && strcmp(current, name) == 0)
        unlinkat(directory, CURRENT, 0);
    aq_arena_free(&arena);
    return directory < 0 ? -1 : 0;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

struct names {
    char **items;
    size_t count, capacity;
};

static bool add_name(void *context, int directory, const char *name, unsigned char type)
{
    struct names *names = context;
    (void)directory;
    (void)type;
    const char *dot = strrchr(name, '.');
    if (!aq_name_is_good(name, strlen(name)) || (dot != NULL && strcmp(dot, ".new") == 0)) /* half written */
        return true;
    AQ_GROW(names->items, names->count, names->capacity);
    names->items[names->count++] = aq_strdup(name);
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int cli_contexts_list(struct aq_buffer *out, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    struct names names = {0};
    if (cli_contexts_path("", &path, error) != 0)
        return -1;
    AQ_CLEANUP_FD int directory = open(aq_buffer_string(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && errno == ENOENT)
        return 0;
    if (directory < 0)
        return aq_fail_errno(error, errno, "%.300s", aq_buffer_string(&path));
    int status = aq_directory_list(directory, add_name, &names, error);
    if (names.count > 0)
        qsort(names.items, names.count, sizeof *names.items, compare);
    for (size_t i = 0; i < names.count; i++) {
        aq_buffer_format(out, "%s\n", names.items[i]);
        free(names.items[i]);
    }
    free(names.items);
    return status;
}
