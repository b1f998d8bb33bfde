#include "schema/drivers/allow.h"

#include "schema/codec/variables.h"
#include "schema/drivers/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

AQ_DEFINE_SETTINGS(aq_allow, "allow", "what the owner of this node lets workloads do")

#define HEAD           "allows:"
#define USER           HEAD "user:"
#define OWN_USER       HEAD "own_user"
#define ROOT           HEAD "root"
#define DIRECTORY      HEAD "directory:"
#define COMMAND        HEAD "command:"
#define NEW_PRIVILEGES HEAD "new_privileges"
#define UNISOLATED     HEAD "unisolated"
#define PORTS          HEAD "ports:"
#define HOST_NETWORK   HEAD "host_network"
#define NO_PORTS       "none"
#define BETWEEN_PORTS  "+"

#define PRESET_USER "nobody"
#define ANY_USER    "*"

enum {
    IDENTIFIER_MAX = 255,
    FIXED_TEXTS = 6 /* the preset user and nobody, root, new_privileges, unisolated, and no command */
};

/* ---- users -------------------------------------------------------------------------------------------- */

/* A decimal number that may be a uid, and what follows it. UINT32_MAX means "no change" to the kernel. */
static bool read_uid(const char *text, uint64_t *uid, const char **rest)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *uid = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0 && *uid < UINT32_MAX;
}

static bool is_number(const char *user, uint64_t *uid)
{
    const char *rest;
    return read_uid(user, uid, &rest) && *rest == '\0';
}

static bool is_range(const char *text, uint64_t *first, uint64_t *last)
{
    const char *rest;
    return read_uid(text, first, &rest) && *rest == '-' && is_number(rest + 1, last);
}

static bool is_root(const char *user)
{
    uint64_t uid;
    return strcmp(user, "root") == 0 || (is_number(user, &uid) && uid == 0);
}

/* `user` is not root. */
static bool entry_has_user(const char *entry, const char *user)
{
    uint64_t uid, first, last;
    if (strcmp(entry, ANY_USER) == 0 || strcmp(entry, user) == 0)
        return true;
    if (!is_number(user, &uid))
        return false;
    return (is_number(entry, &first) && uid == first) ||
           (is_range(entry, &first, &last) && uid >= first && uid <= last);
}

/* ---- directories -------------------------------------------------------------------------------------- */

static bool is_inside(const char *directory, const char *of)
{
    size_t length = strlen(of);
    while (length > 0 && of[length - 1] == '/')
        length--;
    return strncmp(directory, of, length) == 0 && (directory[length] == '/' || directory[length] == '\0');
}

/* ---- identifiers -------------------------------------------------------------------------------------- */

/* What follows `head`; NULL: the text does not begin with it. */
static const char *after(const char *text, const char *head)
{
    size_t length = strlen(head);
    return strncmp(text, head, length) == 0 ? text + length : NULL;
}

static bool has_any(const struct aq_list *identifiers, const char *head)
{
    for (uint32_t i = 0; i < identifiers->count; i++)
        if (after(AQ_TEXT_ITEM(*identifiers, i), head) != NULL)
            return true;
    return false;
}

/* Appends what follows `head` in the identifiers, or "none". */
static void add_all(const struct aq_list *identifiers, const char *head, struct aq_buffer *out)
{
    const char *between = "";
    for (uint32_t i = 0; i < identifiers->count; i++) {
        const char *text = after(AQ_TEXT_ITEM(*identifiers, i), head);
        if (text == NULL)
            continue;
        aq_buffer_format(out, "%s%s", between, text);
        between = ", ";
    }
    if (between[0] == '\0')
        aq_buffer_text(out, "none");
}

/* ---- settings ----------------------------------------------------------------------------------------- */

static int check_user(const char *user, const char *path, bool one, struct aq_error *error)
{
    uint64_t first, last;
    if (is_root(user))
        return aq_fail(error, AQ_E_INVALID,
                       "%s is root: workloads run as root only if their label says so, too; set allow.root", path);
    if (is_range(user, &first, &last) && one && (first < AQ_ALLOW_OWN_LEAST || last < first + AQ_ALLOW_OWN_LEAST - 1))
        return aq_fail(error, AQ_E_INVALID,
                       "%s is \"%.64s\", but must be FIRST-LAST, with at least %d numbers from %d on", path, user,
                       AQ_ALLOW_OWN_LEAST, AQ_ALLOW_OWN_LEAST);
    if (is_range(user, &first, &last) && (first == 0 || last < first))
        return aq_fail(error, AQ_E_INVALID,
                       "%s is \"%.64s\", but must be FIRST-LAST, with FIRST above 0 and not above LAST", path, user);
    if (user[0] == '\0' || (one && strcmp(user, ANY_USER) == 0))
        return aq_fail(error, AQ_E_INVALID, "%s is \"%s\", but must be a user's name or number", path, user);
    return 0;
}

/* Users, directories or commands. */
static int check_texts(const struct aq_list *texts, const char *name, const char *head, struct aq_error *error)
{
    for (uint32_t i = 0; i < texts->count; i++) {
        char path[48];
        const char *text = AQ_TEXT_ITEM(*texts, i);
        snprintf(path, sizeof path, "allow.%s[%u]", name, i);
        if (strlen(head) + strlen(text) > IDENTIFIER_MAX)
            return aq_fail(error, AQ_E_INVALID, "%s has %zu bytes, more than %zu", path, strlen(text),
                           IDENTIFIER_MAX - strlen(head));
        if (strcmp(head, USER) == 0 && check_user(text, path, false, error) != 0)
            return -1;
        if (strcmp(head, USER) != 0 && text[0] != '/')
            return aq_fail(error, AQ_E_INVALID, "%s is \"%.200s\", but must be an absolute path", path, text);
    }
    return 0;
}

int aq_allow_check(const struct aq_allow *allow, struct aq_error *error)
{
    if (allow->user[0] != '\0' && check_user(allow->user, "allow.user", true, error) != 0)
        return -1;
    if (check_texts(&allow->users, "users", USER, error) != 0 ||
        check_texts(&allow->directories, "directories", DIRECTORY, error) != 0 ||
        check_texts(&allow->commands, "commands", COMMAND, error) != 0)
        return -1;
    uint32_t count = allow->users.count + allow->directories.count + allow->commands.count;
    if (count > AQ_ALLOW_TEXTS_MAX)
        return aq_fail(error, AQ_E_INVALID,
                       "allow.users, allow.directories and allow.commands have %u entries together, more than %d",
                       count, AQ_ALLOW_TEXTS_MAX);
    return 0;
}

/* ---- what is told ------------------------------------------------------------------------------------- */

static void tell(struct aq_list *told, const char *head, const char *text, struct aq_arena *arena)
{
    ((const char **)told->items)[told->count++] = aq_arena_format(arena, "%s%s", head, text);
}

static void tell_all(struct aq_list *told, const char *head, const struct aq_list *texts, struct aq_arena *arena)
{
    for (uint32_t i = 0; i < texts->count; i++)
        tell(told, head, AQ_TEXT_ITEM(*texts, i), arena);
}

/* The users of an agent that runs as root. */
static void make_users(const struct aq_allow *allow, struct aq_allowance *allowance, struct aq_arena *arena)
{
    struct aq_list *told = &allowance->told;
    uint64_t first = AQ_ALLOW_OWN_FIRST, last = AQ_ALLOW_OWN_FIRST + AQ_ALLOW_OWN_COUNT - 1;
    const bool preset = allow->user[0] == '\0';
    if (preset || is_range(allow->user, &first, &last)) {
        allowance->first = (uint32_t)first;
        allowance->count = (uint32_t)(last - first + 1);
        allowance->shared = !preset;
        tell(told, OWN_USER, "", arena); /* labels may not name these numbers: they are other workloads' */
    } else {
        allowance->user = aq_arena_text(arena, allow->user, strlen(allow->user));
        tell(told, USER, allow->user, arena);
    }
    /* Labels of earlier builds name the user that was the preset. */
    if (preset)
        tell(told, USER, PRESET_USER, arena);
    tell_all(told, USER, &allow->users, arena);
}

struct aq_allowance aq_allowance_make(const struct aq_allow *allow, const char *own_user, struct aq_arena *arena)
{
    bool root = own_user[0] == '\0';
    struct aq_allowance allowance = {
        .user = "", .root = root && allow->root, .disk_mib = allow->disk, .files = allow->files};
    struct aq_list *told = &allowance.told;
    told->items = aq_arena_alloc(arena, (AQ_ALLOW_TEXTS_MAX + FIXED_TEXTS) * sizeof(char *));
    if (root)
        make_users(allow, &allowance, arena);
    else
        tell(told, USER, own_user, arena);
    if (allowance.root)
        tell(told, ROOT, "", arena);
    tell_all(told, DIRECTORY, &allow->directories, arena);
    tell_all(told, COMMAND, &allow->commands, arena);
    if (allow->new_privileges)
        tell(told, NEW_PRIVILEGES, "", arena);
    if (allow->unisolated)
        tell(told, UNISOLATED, "", arena);
    return allowance;
}

void aq_allow_tell_containers(const struct aq_list *ports, bool host_network, struct aq_list *told,
                              struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_buffer_text(&text, ports->count == 0 ? NO_PORTS : "");
    for (uint32_t i = 0; i < ports->count; i++)
        aq_buffer_format(&text, "%s%s", i > 0 ? BETWEEN_PORTS : "", AQ_TEXT_ITEM(*ports, i));
    tell(told, PORTS, aq_buffer_string(&text), arena);
    if (host_network)
        tell(told, HOST_NETWORK, "", arena);
}

bool aq_allowance_is_own(const struct aq_allowance *allowance, const char *user)
{
    uint64_t uid;
    return is_number(user, &uid) && uid >= allowance->first && uid - allowance->first < allowance->count;
}

struct aq_allowance aq_allowance_copy(const struct aq_allowance *allowance, struct aq_arena *arena)
{
    struct aq_allowance copy = *allowance;
    copy.user = aq_arena_text(arena, allowance->user, strlen(allowance->user));
    copy.told.count = 0;
    copy.told.items = aq_arena_alloc(arena, allowance->told.count * sizeof(char *));
    tell_all(&copy.told, "", &allowance->told, arena);
    return copy;
}

/* ---- judging ------------------------------------------------------------------------------------------ */

static bool refuses_user(const struct aq_list *identifiers, const char *user, struct aq_buffer *why)
{
    if (is_root(user)) {
        if (aq_texts_have(identifiers, ROOT))
            return false;
        if (why != NULL)
            aq_buffer_text(why, "workloads may not run as root there (allow.root of its agent)");
        return true;
    }
    for (uint32_t i = 0; i < identifiers->count; i++) {
        const char *entry = after(AQ_TEXT_ITEM(*identifiers, i), USER);
        if (entry != NULL && entry_has_user(entry, user))
            return false;
    }
    if (why == NULL)
        return true;
    aq_buffer_format(why, "workloads may not run as user \"%.64s\" there, only as: ", user);
    add_all(identifiers, USER, why);
    aq_buffer_text(why, " (allow.users of its agent)");
    return true;
}

const char *aq_allow_directory(const struct aq_list *identifiers, const char *directory)
{
    for (uint32_t i = 0; i < identifiers->count; i++) {
        const char *of = after(AQ_TEXT_ITEM(*identifiers, i), DIRECTORY);
        if (of != NULL && is_inside(directory, of))
            return of;
    }
    return NULL;
}

/* `to_run`: it is where a workload runs; otherwise it only sees it. */
static bool refuses_directory(const struct aq_list *identifiers, bool to_run, const char *directory,
                              struct aq_buffer *why)
{
    if (directory == NULL || directory[0] == '\0' || aq_allow_directory(identifiers, directory) != NULL)
        return false;
    if (why == NULL)
        return true;
    aq_buffer_format(why, "workloads may not %s directory \"%.128s\" there, only %s: ", to_run ? "run in" : "see",
                     directory, to_run ? "in their own and in" : "what is in");
    add_all(identifiers, DIRECTORY, why);
    aq_buffer_text(why, " (allow.directories of its agent)");
    return true;
}

static bool refuses_mounts(const struct aq_list *identifiers, const struct aq_list *mounts, struct aq_buffer *why)
{
    for (uint32_t i = 0; mounts != NULL && i < mounts->count; i++) {
        struct aq_mount mount;
        struct aq_error ignored;
        if (aq_mount_parse(&mount, AQ_TEXT_ITEM(*mounts, i), &ignored) == 0 &&
            refuses_directory(identifiers, false, mount.source, why))
            return true;
    }
    return false;
}

/* A variable that a shell or the loader obeys could make another program of the one that is allowed. */
static const char *obeyed_variable(const struct aq_list *environment, char name[64])
{
    for (uint32_t i = 0; environment != NULL && i < environment->count; i++) {
        const char *variable = AQ_TEXT_ITEM(*environment, i);
        snprintf(name, 64, "%.*s", (int)strcspn(variable, "="), variable);
        if (aq_variable_is_obeyed(name))
            return name;
    }
    return NULL;
}

static bool refuses_program(const struct aq_list *identifiers, const struct aq_demand *demand, struct aq_buffer *why)
{
    char path[IDENTIFIER_MAX + 1], name[64];
    if (!has_any(identifiers, COMMAND))
        return false;
    int length = snprintf(path, sizeof path, COMMAND "%s", demand->program);
    bool listed = length < (int)sizeof path && aq_texts_have(identifiers, path);
    bool obeyed = obeyed_variable(demand->environment, name) != NULL;
    if (why == NULL || (listed && !obeyed))
        return !listed || obeyed;
    if (!listed) {
        aq_buffer_format(why, "workloads may not run \"%.128s\" there, only: ", demand->program);
        add_all(identifiers, COMMAND, why);
    } else {
        aq_buffer_format(why, "the variable %s could make another program of %s there", name, demand->program);
    }
    aq_buffer_text(why, " (allow.commands of its agent)");
    return true;
}

static bool has_port(const char *allowed, unsigned long port)
{
    char *end;
    while (allowed[0] >= '0' && allowed[0] <= '9') {
        const unsigned long first = strtoul(allowed, &end, 10);
        const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        if (port >= first && port <= last)
            return true;
        allowed = end + strspn(end, BETWEEN_PORTS);
    }
    return false;
}

static bool refuses_network(const struct aq_list *identifiers, const struct aq_demand *demand, struct aq_buffer *why)
{
    const char *allowed = NULL;
    for (uint32_t i = 0; allowed == NULL && i < identifiers->count; i++)
        allowed = after(AQ_TEXT_ITEM(*identifiers, i), PORTS);
    if (allowed == NULL)
        return false;
    if (demand->host_network && !aq_texts_have(identifiers, HOST_NETWORK)) {
        if (why != NULL)
            aq_buffer_text(why, "containers may not share the network there (container.host_network of its agent)");
        return true;
    }
    for (uint32_t i = 0; demand->ports != NULL && i < demand->ports->count; i++) {
        const unsigned long port = strtoul(AQ_TEXT_ITEM(*demand->ports, i), NULL, 10);
        if (has_port(allowed, port))
            continue;
        if (why != NULL)
            aq_buffer_format(why, "port %lu may not lead to containers there, only: %s (container.ports of its agent)",
                             port, allowed);
        return true;
    }
    return false;
}

bool aq_demand_asks(const struct aq_demand *demand)
{
    return demand->arguments || demand->user[0] != '\0' || demand->directory[0] != '\0' ||
           (demand->root != NULL && demand->root[0] != '\0') || demand->program != NULL ||
           (demand->mounts != NULL && demand->mounts->count > 0) ||
           (demand->ports != NULL && demand->ports->count > 0) || demand->host_network || demand->new_privileges ||
           demand->unisolated;
}

bool aq_allow_refuses(const struct aq_list *identifiers, const struct aq_demand *demand, struct aq_buffer *why)
{
    if (demand->arguments && !aq_texts_have(identifiers, AQ_TAKES_ARGUMENTS)) {
        if (why != NULL)
            aq_buffer_text(why, "its agent is of an earlier build, which takes no arguments");
        return true;
    }
    if (!has_any(identifiers, HEAD))
        return false;
    if (demand->user[0] != '\0' && refuses_user(identifiers, demand->user, why))
        return true;
    if (refuses_directory(identifiers, true, demand->directory, why) ||
        refuses_directory(identifiers, false, demand->root, why) || refuses_mounts(identifiers, demand->mounts, why))
        return true;
    if (demand->program != NULL && refuses_program(identifiers, demand, why))
        return true;
    if (refuses_network(identifiers, demand, why))
        return true;
    if (demand->unisolated && !aq_texts_have(identifiers, UNISOLATED)) {
        if (why != NULL)
            aq_buffer_text(why, "workloads may not see the whole host there (allow.unisolated of its agent)");
        return true;
    }
    if (!demand->new_privileges || aq_texts_have(identifiers, NEW_PRIVILEGES))
        return false;
    if (why != NULL)
        aq_buffer_text(why, "workloads may not gain privileges there (allow.new_privileges of its agent)");
    return true;
}
