#include "schema/codec/variables.h"

#include "schema/base/memory.h"
#include "schema/codec/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef void walk_fn(void *context, const char *name, const char *path, const json_t *value);

struct walk {
    struct aq_buffer name; /* of the variable */
    struct aq_buffer path; /* the keys, joined by dots */
    walk_fn *each;
    void *context;
};

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Appends "_KEY" to the name. `first`: the name is the prefix. A key that begins with AQ_META_ does not get that twice;
 * with a prefix that a reader chooses it does, since no key was ever compared with that one. */
static void join_key(struct aq_buffer *name, const char *key, bool first)
{
    if (name->length > 0 && name->data[name->length - 1] != '_')
        aq_buffer_char(name, '_');
    if (first && strcmp(aq_buffer_string(name), AQ_META_PREFIX) == 0 &&
        strncasecmp(key, AQ_META_PREFIX, name->length) == 0)
        key += name->length;
    if (name->length == 0 && (isdigit((unsigned char)key[0]) || key[0] == '\0'))
        aq_buffer_char(name, '_');
    for (; *key != '\0'; key++)
        aq_buffer_char(name, is_plain(*key) ? (char)toupper((unsigned char)*key) : '_');
}

static void cut(struct aq_buffer *buffer, size_t length)
{
    buffer->length = length;
    if (buffer->data != NULL)
        buffer->data[length] = '\0';
}

/* What users give must not become a variable that is obeyed. */
static void take_value(struct walk *walk, const json_t *value)
{
    const char *name = aq_buffer_string(&walk->name), *path = aq_buffer_string(&walk->path);
    AQ_CLEANUP_BUFFER struct aq_buffer harmless = {0};
    if (aq_variable_is_obeyed(name)) {
        aq_buffer_format(&harmless, AQ_META_PREFIX "%s", name);
        name = aq_buffer_string(&harmless);
    }
    walk->each(walk->context, name, path, value);
}

/* Recursion is bounded: stored documents have a maximum depth. */
static void walk_value(struct walk *walk, const json_t *json)
{
    const char *key;
    json_t *value;
    if (!json_is_object(json)) {
        take_value(walk, json);
        return;
    }
    json_object_foreach ((json_t *)json, key, value) {
        const size_t name = walk->name.length, path = walk->path.length;
        join_key(&walk->name, key, path == 0);
        aq_buffer_format(&walk->path, "%s%s", path > 0 ? "." : "", key);
        walk_value(walk, value);
        cut(&walk->name, name);
        cut(&walk->path, path);
    }
}

static void walk_all(const json_t *json, const char *prefix, const char *key, walk_fn *each, void *context)
{
    struct walk walk = {.each = each, .context = context};
    aq_buffer_text(&walk.name, prefix);
    if (!json_is_object(json))
        join_key(&walk.name, key, true);
    walk_value(&walk, json);
    aq_buffer_free(&walk.name);
    aq_buffer_free(&walk.path);
}

/* ---- a key, however it is spelled ----------------------------------------------------------------------- */

struct sought {
    struct aq_buffer name; /* of the variable */
    bool found;
};

static void look_for(void *context, const char *name, const char *path, const json_t *value)
{
    struct sought *sought = context;
    size_t length = sought->name.length;
    (void)path;
    (void)value;
    sought->found |= strncmp(name, aq_buffer_string(&sought->name), length) == 0 &&
                     (name[length] == '\0' || name[length] == '_' || name[length - 1] == '_');
}

/* `first` and the key are the beginning of the variable's name. */
static bool sets(const json_t *json, const char *prefix, const char *first, const char *key)
{
    struct sought sought = {0};
    aq_buffer_text(&sought.name, first);
    join_key(&sought.name, key, true);
    walk_all(json, prefix, "", look_for, &sought);
    aq_buffer_free(&sought.name);
    return sought.found;
}

/* Without a prefix, a name that is obeyed gets that of the environment. */
bool aq_variables_set(const json_t *json, const char *key)
{
    return json_object_get(json, key) != NULL || sets(json, AQ_META_PREFIX, AQ_META_PREFIX, key) ||
           sets(json, "", "", key) || sets(json, "", AQ_META_PREFIX, key);
}

/* ---- names with a meaning of their own ------------------------------------------------------------------ */

/* Not all of those that exist, and few that somebody would give as metadata in good faith, such as GIT_BRANCH. */
static const char *const obeyed_names[] = {
    /* sh(1), bash(1), zsh(1) */
    "PATH",
    "IFS",
    "ENV",
    "HOME",
    "SHELL",
    "CDPATH",
    "FPATH",
    "FUNCNEST",
    "GLOBIGNORE",
    "OPTIND",
    "OPTERR",
    "PS1",
    "PS2",
    "PS3",
    "PS4",
    "PROMPT_COMMAND",
    "SHELLOPTS",
    "POSIXLY_CORRECT",
    "TMOUT",
    "HISTFILE",
    "INPUTRC",
    "MAILPATH",
    "PWD",
    "OLDPWD",
    "UID",
    "EUID",
    "PPID",
    "ZDOTDIR",
    "TERM",
    "TERMCAP",
    "TERMINFO",
    "TERMINFO_DIRS",
    "TMPDIR",
    /* the C library */
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "NIS_PATH",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TZDIR",
    /* interpreters, and what many programs start or ask */
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONWARNINGS",
    "PYTHONBREAKPOINT",
    "PYTHONUSERBASE",
    "PYTHONEXECUTABLE",
    "PERLLIB",
    "RUBYLIB",
    "RUBYOPT",
    "RUBYPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "CLASSPATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LUA_INIT",
    "LUA_PATH",
    "LUA_CPATH",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "AWKPATH",
    "AWKLIBPATH",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXEC_PATH",
    "GIT_EDITOR",
    "GIT_PAGER",
    "GIT_ASKPASS",
    "GIT_DIR",
    "GIT_PROXY_COMMAND",
    "GIT_TEMPLATE_DIR",
    "GIT_EXTERNAL_DIFF",
    "SSH_ASKPASS",
    "SSH_AUTH_SOCK",
    "SUDO_ASKPASS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "SSLKEYLOGFILE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "MAKEFLAGS",
    "MFLAGS",
    "GNUMAKEFLAGS",
    "CURL_HOME",
    "WGETRC",
    "DOCKER_HOST",
};
static const char *const obeyed_prefixes[] = {"LD_",   "DYLD_",      "MALLOC_",  "BASH",
                                              "PERL5", "GIT_CONFIG", "OPENSSL_", "XDG_"};

bool aq_variable_is_obeyed(const char *name)
{
    for (size_t i = 0; i < AQ_LENGTH(obeyed_names); i++)
        if (strcmp(name, obeyed_names[i]) == 0)
            return true;
    for (size_t i = 0; i < AQ_LENGTH(obeyed_prefixes); i++)
        if (strncmp(name, obeyed_prefixes[i], strlen(obeyed_prefixes[i])) == 0)
            return true;
    return false;
}

/* ---- as texts ----------------------------------------------------------------------------------------- */

struct naming {
    aq_variable_fn *each;
    void *context;
};

static void name_value(void *context, const char *name, const char *path, const json_t *value)
{
    const struct naming *naming = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    (void)path;
    naming->each(naming->context, name,
                 json_is_string(value) ? json_string_value(value)
                 : json_is_null(value) ? ""
                                       : aq_json_compact(value, &arena));
}

void aq_variables(const json_t *json, const char *prefix, const char *key, aq_variable_fn *each, void *context)
{
    struct naming naming = {each, context};
    walk_all(json, prefix, key, name_value, &naming);
}

/* ---- each name once ----------------------------------------------------------------------------------- */

struct seen {
    const char *name, *path;
};

struct collection {
    struct seen *items;
    size_t count, capacity;
    struct aq_arena arena;
};

static void collect(void *context, const char *name, const char *path, const json_t *value)
{
    struct collection *all = context;
    (void)value;
    AQ_GROW(all->items, all->count, all->capacity);
    all->items[all->count++] =
        (struct seen){aq_arena_text(&all->arena, name, strlen(name)), aq_arena_text(&all->arena, path, strlen(path))};
}

static int by_name(const void *a, const void *b)
{
    const struct seen *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order != 0 ? order : strcmp(one->path, other->path);
}

static int check_names(const json_t *json, const char *prefix, const char *path, struct aq_error *error)
{
    struct collection all = {0};
    int status = 0;
    walk_all(json, prefix, "", collect, &all);
    if (all.count > 1)
        qsort(all.items, all.count, sizeof *all.items, by_name);
    for (size_t i = 1; i < all.count && status == 0; i++)
        if (strcmp(all.items[i - 1].name, all.items[i].name) == 0)
            status = aq_fail(error, AQ_E_INVALID, "%s: \"%.80s\" and \"%.80s\" would both be the variable %.100s", path,
                             all.items[i - 1].path, all.items[i].path, all.items[i].name);
    free(all.items);
    aq_arena_free(&all.arena);
    return status;
}

int aq_variables_check(const char *document, const char *path, struct aq_error *error)
{
    if (aq_json_is_empty(document))
        return 0;
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(document, strlen(document), error);
    if (json == NULL)
        return aq_error_context(error, "%s", path);
    return check_names(json, AQ_META_PREFIX, path, error) == 0 ? check_names(json, "", path, error) : -1;
}
