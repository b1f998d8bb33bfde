#include "drivers/container/bundle.h"

#include "drivers/container/slots.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GROUPS_MAX = 64, USERS_FILE_MAX = 1 << 20 };

/* ---- users of the image ------------------------------------------------------------------------------- */

/* A file of the image; NULL: there is none. */
static FILE *open_inside(int root, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    struct stat status;
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd < 0)
        return NULL;
    FILE *file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? fdopen(fd, "r") : NULL;
    if (file == NULL)
        close(fd);
    return file;
}

/* The C library reads a long line again and again, and keeps it in memory. */
static int check_file(int root, const char *path, struct aq_error *error)
{
    struct stat status;
    AQ_CLEANUP_FILE FILE *file = open_inside(root, path);
    if (file != NULL && fstat(fileno(file), &status) == 0 && status.st_size > USERS_FILE_MAX)
        return aq_fail(error, AQ_E_TOO_LARGE, "file %s of the image: it is larger than %d bytes", path, USERS_FILE_MAX);
    return 0;
}

static bool is_id(const char *text, uint32_t *id)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *id = (uint32_t)number;
    return errno == 0 && *end == '\0' && number < SLOT_USERS;
}

/* Sets the user, and its own group, and copies its name, which a number may have, too. */
static bool find_name(struct bundle_user *user, const char *wanted, int root, char name[128])
{
    AQ_CLEANUP_FILE FILE *file = open_inside(root, "/etc/passwd");
    bool is_number = is_id(wanted, &user->uid);
    struct passwd *entry;
    name[0] = '\0';
    while (file != NULL && (entry = fgetpwent(file)) != NULL) {
        if (is_number ? entry->pw_uid != user->uid : strcmp(entry->pw_name, wanted) != 0)
            continue;
        user->uid = entry->pw_uid;
        user->gid = entry->pw_gid;
        snprintf(name, 128, "%s", entry->pw_name);
        return true;
    }
    return is_number;
}

static bool find_group(struct bundle_user *user, const char *wanted, int root)
{
    AQ_CLEANUP_FILE FILE *file = open_inside(root, "/etc/group");
    struct group *entry;
    if (is_id(wanted, &user->gid))
        return true;
    while (file != NULL && (entry = fgetgrent(file)) != NULL)
        if (strcmp(entry->gr_name, wanted) == 0) {
            user->gid = entry->gr_gid;
            return true;
        }
    return false;
}

static void add_groups(struct bundle_user *user, const char *name, int root)
{
    AQ_CLEANUP_FILE FILE *file = open_inside(root, "/etc/group");
    struct group *entry;
    while (file != NULL && name[0] != '\0' && (entry = fgetgrent(file)) != NULL)
        for (char **member = entry->gr_mem; *member != NULL; member++)
            if (strcmp(*member, name) == 0 && entry->gr_gid < SLOT_USERS && json_array_size(user->groups) < GROUPS_MAX)
                json_array_append_new(user->groups, json_integer(entry->gr_gid));
}

int bundle_find_user(struct bundle_user *user, const char *wanted, int root, struct aq_error *error)
{
    char given[256], name[128];
    if (check_file(root, "/etc/passwd", error) != 0 || check_file(root, "/etc/group", error) != 0)
        return -1;
    snprintf(given, sizeof given, "%s", wanted[0] != '\0' ? wanted : "0");
    char *group = strchr(given, ':');
    if (group != NULL)
        *group++ = '\0';
    *user = (struct bundle_user){.groups = json_array()};
    if (!find_name(user, given[0] != '\0' ? given : "0", root, name))
        return aq_fail(error, AQ_E_NOT_FOUND, "user \"%.128s\": the image has no such user", given);
    if (group != NULL && !find_group(user, group, root))
        return aq_fail(error, AQ_E_NOT_FOUND, "user \"%.128s\": the image has no group \"%.128s\"", wanted, group);
    if (user->uid >= SLOT_USERS || user->gid >= SLOT_USERS)
        return aq_fail(error, AQ_E_INVALID, "user \"%.128s\": its number must be below %d", wanted, SLOT_USERS);
    if (group == NULL)
        add_groups(user, name, root);
    return 0;
}

/* ---- the program -------------------------------------------------------------------------------------- */

static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const char *const bundle_capabilities[] = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
                                           "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",    "CAP_SETGID",
                                           "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT", NULL};

/* A later variable of a name replaces an earlier one. */
static void add_variables(json_t *by_name, const json_t *list)
{
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item) {
        const char *text = json_string_value(item), *equals = text != NULL ? strchr(text, '=') : NULL;
        char name[256];
        if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        json_object_set(by_name, name, (json_t *)(uintptr_t)item);
    }
}

static json_t *environment_of(const struct bundle_wish *wish)
{
    json_t *by_name = json_object(), *list = json_array(), *item;
    const char *name;
    json_object_set_new(by_name, "PATH", json_string(default_path));
    add_variables(by_name, json_object_get(wish->image, "Env"));
    add_variables(by_name, wish->plan->environment);
    json_object_foreach (by_name, name, item)
        json_array_append(list, item);
    json_decref(by_name);
    return list;
}

/* As Docker does: an entrypoint of the label also takes away the image's command. */
static json_t *arguments_of(const struct bundle_wish *wish, struct aq_error *error)
{
    const struct container_plan *plan = wish->plan;
    json_t *list = json_array();
    json_t *entrypoint = plan->entrypoint != NULL ? plan->entrypoint : json_object_get(wish->image, "Entrypoint");
    json_t *command = plan->command;
    if (command == NULL && plan->entrypoint == NULL)
        command = json_object_get(wish->image, "Cmd");
    if (json_is_array(entrypoint))
        json_array_extend(list, entrypoint);
    if (json_is_array(command))
        json_array_extend(list, command);
    if (json_array_size(list) > 0)
        return list;
    json_decref(list);
    aq_fail(error, AQ_E_INVALID, "image %.200s names no program: give the option \"command\"", plan->image);
    return NULL;
}

static json_t *capabilities_of(void)
{
    json_t *list = json_array();
    for (size_t i = 0; bundle_capabilities[i] != NULL; i++)
        json_array_append_new(list, json_string(bundle_capabilities[i]));
    return json_pack("{s:O, s:O, s:o}", "bounding", list, "effective", list, "permitted", list);
}

static json_t *process_of(const struct bundle_wish *wish, struct aq_error *error)
{
    const char *directory = wish->plan->directory,
               *preset = json_string_value(json_object_get(wish->image, "WorkingDir"));
    if (directory[0] == '\0')
        directory = preset != NULL && preset[0] == '/' ? preset : "/";
    json_t *arguments = arguments_of(wish, error);
    if (arguments == NULL)
        return NULL;
    return json_pack("{s:b, s:{s:I, s:I, s:i, s:O}, s:o, s:o, s:s, s:o, s:b}", "terminal", 0, "user", "uid",
                     (json_int_t)wish->user->uid, "gid", (json_int_t)wish->user->gid, "umask", 022, "additionalGids",
                     wish->user->groups, "args", arguments, "env", environment_of(wish), "cwd", directory,
                     "capabilities", capabilities_of(), "noNewPrivileges", 1);
}

/* ---- what it sees ------------------------------------------------------------------------------------- */

struct special {
    const char *target, *type, *source;
    const char *options[8];
};

static const struct special specials[] = {
    {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
    {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
    {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
    {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
    {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
};

static const char *const masked[] = {"/proc/acpi",
                                     "/proc/asound",
                                     "/proc/kcore",
                                     "/proc/keys",
                                     "/proc/latency_stats",
                                     "/proc/timer_list",
                                     "/proc/timer_stats",
                                     "/proc/sched_debug",
                                     "/proc/scsi",
                                     "/sys/firmware",
                                     "/sys/devices/virtual/powercap",
                                     "/sys/fs/cgroup"};
static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static json_t *texts_of(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && texts[i] != NULL; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *mount_of(const struct special *special)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "destination", special->target, "type", special->type, "source",
                     special->source, "options", texts_of(special->options, AQ_LENGTH(special->options)));
}

/* The host's /sys belongs to the host's network, and cannot be mounted by a user namespace. */
static json_t *mounts_of(const struct bundle_wish *wish)
{
    static const struct special own = {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}};
    static const struct special hosts = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};
    json_t *list = json_array();
    for (size_t i = 0; i < AQ_LENGTH(specials); i++)
        json_array_append_new(list, mount_of(&specials[i]));
    json_array_append_new(list, mount_of(wish->plan->network == AQ_NETWORK_HOST ? &hosts : &own));
    return list;
}

/* The runtime finds a namespace that is there by the descriptor of this process. */
static void add_space(json_t *namespaces, const char *type, int fd)
{
    json_t *space = json_pack("{s:s}", "type", type);
    if (fd >= 0)
        json_object_set_new(space, "path", json_sprintf("/proc/%d/fd/%d", getpid(), fd));
    json_array_append_new(namespaces, space);
}

static json_t *linux_of(const struct bundle_wish *wish)
{
    static const char *const kinds[] = {"pid", "ipc", "uts", "mount", "cgroup"};
    json_t *namespaces = json_array();
    for (size_t i = 0; i < AQ_LENGTH(kinds); i++)
        json_array_append_new(namespaces, json_pack("{s:s}", "type", kinds[i]));
    add_space(namespaces, "user", wish->spaces->users);
    if (wish->plan->network != AQ_NETWORK_HOST)
        add_space(namespaces, "network", wish->spaces->network);
    json_t *map =
        json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID", (json_int_t)wish->first_user, "size", SLOT_USERS);
    char group[320];
    snprintf(group, sizeof group, "/%s", wish->group);
    return json_pack("{s:o, s:O, s:o, s:o, s:o, s:O, s:s}", "namespaces", namespaces, "uidMappings", map, "gidMappings",
                     map, "maskedPaths", texts_of(masked, AQ_LENGTH(masked)), "readonlyPaths",
                     texts_of(read_only, AQ_LENGTH(read_only)), "seccomp", wish->filter->rules, "cgroupsPath", group);
}

json_t *bundle_make(const struct bundle_wish *wish, struct aq_error *error)
{
    json_t *process = process_of(wish, error);
    if (process == NULL)
        return NULL;
    json_t *annotations = json_object();
    if (wish->compiled) /* a crun that does not know it takes the rules */
        json_object_set_new(annotations, FILTER_ANNOTATION, json_string(wish->filter->program));
    return json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:o, s:o, s:o}", "ociVersion", "1.0.2", "process", process, "root",
                     "path", SLOTS_ROOT, "readonly", wish->plan->read_only, "hostname", wish->hostname, "mounts",
                     mounts_of(wish), "linux", linux_of(wish), "annotations", annotations);
}
