#include "agent/joining.h"

#include "agent/address.h"
#include "agent/identity.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_SIZE_MAX = 16384, TEXT_SIZE = AQ_JOIN_TEXT_MAX + 64 };

static const char preset_address[] = "127.0.0.1:8002";

/* ---- the token ------------------------------------------------------------------------------------------ */

char *joining_take_variable(struct aq_arena *arena)
{
    char *value = getenv(JOINING_VARIABLE);
    if (value == NULL)
        return NULL;
    char *copy = aq_arena_text(arena, value, strlen(value));
    sodium_memzero(value, strlen(value)); /* /proc/PID/environ shows this memory */
    unsetenv(JOINING_VARIABLE);
    return copy;
}

static int read_input(char *text, size_t size, struct aq_error *error)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size - 1) {
        got = read(STDIN_FILENO, text + used, size - 1 - used);
        used += got > 0 ? (size_t)got : 0;
        if (memchr(text, '\n', used) != NULL)
            break; /* a terminal ends nothing */
    }
    text[used] = '\0';
    return got < 0 ? aq_fail_errno(error, errno, "cannot read the join token from standard input") : 0;
}

static void warn_if_open(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0)
        aq_journal(AQ_WARN, "others can read the join token: chmod 600, or remove the file when the agent has enrolled",
                   "file", path, NULL);
}

/* Leaves `text` empty if the file is missing. */
static int read_file(const char *path, char *text, size_t size, struct aq_error *error)
{
    ssize_t length = aq_file_read_text(AT_FDCWD, path, text, size);
    if (length < 0 && errno == ENOENT) {
        aq_journal(AQ_INFO, "there is no join token", "join_file", path, NULL);
        return 0;
    }
    if (length < 0)
        return aq_fail_errno(error, errno, "cannot read the join token from %s", path);
    if (length == 0)
        return aq_fail(error, AQ_E_INVALID, "join_file %s is empty, but must hold a join token", path);
    warn_if_open(path);
    return 0;
}

static int read_token(struct joining *joining, const struct aq_config_agent *config, char *variable,
                      struct aq_arena *arena, struct aq_error *error)
{
    char text[TEXT_SIZE] = "";
    const char *from = config->join_file;
    int status = 0;
    if (strcmp(from, "-") == 0)
        status = read_input(text, sizeof text, error);
    else if (from[0] != '\0')
        status = read_file(from, text, sizeof text, error);
    const char *token = text[0] != '\0' ? text : variable != NULL ? variable : "";
    if (status == 0 && token[0] != '\0') {
        joining->has_token = true;
        status = aq_join_text_read(token, &joining->token, arena, error);
        if (status != 0)
            (void)aq_error_context(error, "%s", token == variable ? JOINING_VARIABLE : from);
    } else if (status == 0 && strcmp(from, "-") == 0) {
        status = aq_fail(error, AQ_E_INVALID, "there was no join token on standard input");
    }
    sodium_memzero(text, sizeof text);
    if (variable != NULL)
        sodium_memzero(variable, strlen(variable));
    return status;
}

void joining_wipe(struct joining *joining)
{
    sodium_memzero(joining->token.secret, sizeof joining->token.secret);
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

static void path_of_kept(const struct aq_config_agent *config, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s/controllers", config->data, config->name);
}

/* Unless it is there already. False: it is no address. */
static bool add(struct aq_list *list, const char *text, struct aq_arena *arena)
{
    struct address ignored;
    if (!address_parse(&ignored, text))
        return false;
    if (aq_texts_have(list, text))
        return true;
    if (list->count < JOINING_ADDRESSES_MAX)
        ((const char **)list->items)[list->count++] = aq_arena_text(arena, text, strlen(text));
    return true;
}

static int add_kept(struct aq_list *list, const struct aq_config_agent *config, struct aq_arena *arena,
                    struct aq_error *error)
{
    char path[PATH_MAX];
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    path_of_kept(config, path);
    if (aq_file_read(AT_FDCWD, path, KEPT_SIZE_MAX, &text, error) != 0)
        return error->code == AQ_E_NOT_FOUND ? 0 : -1;
    for (char *line = strtok(text.length > 0 ? text.data : NULL, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (!add(list, line, arena))
            return aq_fail(error, AQ_E_CORRUPT, "%s holds \"%.100s\", but must hold lines of the form ADDRESS:PORT",
                           path, line);
    return 0;
}

static int find_addresses(struct joining *joining, const struct aq_config_agent *config, struct aq_arena *arena,
                          struct aq_error *error)
{
    struct aq_list *list = &joining->addresses;
    list->items = aq_arena_alloc(arena, JOINING_ADDRESSES_MAX * sizeof(const char *));
    if (config->controller[0] != '\0' && add(list, config->controller, arena))
        return 0;
    for (uint32_t i = 0; joining->has_token && i < joining->token.addresses.count; i++)
        if (!add(list, AQ_TEXT_ITEM(joining->token.addresses, i), arena))
            return aq_fail(error, AQ_E_INVALID, "the join token names \"%.100s\", which is no ADDRESS:PORT",
                           AQ_TEXT_ITEM(joining->token.addresses, i));
    if (add_kept(list, config, arena, error) != 0)
        return -1;
    if (list->count == 0)
        (void)add(list, preset_address, arena);
    return 0;
}

/* Has it enrolled? Then a token is not needed. */
static bool is_enrolled(const struct aq_config_agent *config)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s/" IDENTITY_CLUSTER, config->data, config->name);
    return access(path, F_OK) == 0;
}

int joining_read(struct joining *joining, const struct aq_config_agent *config, char *variable, struct aq_arena *arena,
                 struct aq_error *error)
{
    *joining = (struct joining){0};
    int status = read_token(joining, config, variable, arena, error);
    if (status != 0 && is_enrolled(config)) {
        aq_journal(AQ_WARN, "the join token is of no use, and is not needed: this agent has enrolled", "error",
                   error->message, NULL);
        *joining = (struct joining){0};
        status = 0;
    }
    if (status == 0 && find_addresses(joining, config, arena, error) == 0)
        return 0;
    joining_wipe(joining);
    return -1;
}

int joining_keep(const struct joining *joining, const struct aq_config_agent *config, struct aq_error *error)
{
    char path[PATH_MAX];
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (!joining->has_token)
        return 0;
    path_of_kept(config, path);
    for (uint32_t i = 0; i < joining->token.addresses.count; i++)
        aq_buffer_format(&text, "%s\n", AQ_TEXT_ITEM(joining->token.addresses, i));
    return aq_file_replace(AT_FDCWD, path, 0600, text.data, text.length, error);
}
