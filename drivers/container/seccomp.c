/* The part of bundle.h that makes the filter of system calls. The profile is the one that podman, buildah and skopeo
 * use: it says which calls are allowed with which capabilities and on which processors, and is turned here into the
 * plain list that a runtime reads. It lets containers make containers, and for that it allows mounts and namespaces.
 * Here they are forbidden, because in a user namespace of its own a process has all capabilities, and reaches much more
 * of the kernel. */
#include "drivers/container/bundle.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

const char bundle_profile[] = "/usr/share/containers/seccomp.json";

enum { PROFILE_MAX = 1 << 20 };

struct processor {
    const char *machine; /* as uname() has it */
    const char *name;    /* as the profile has it */
    const char *filter;  /* as the filter has it */
};

static const struct processor processors[] = {
    {"x86_64", "amd64", "SCMP_ARCH_X86_64"},     {"aarch64", "arm64", "SCMP_ARCH_AARCH64"},
    {"ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE"}, {"s390x", "s390x", "SCMP_ARCH_S390X"},
    {"riscv64", "riscv64", "SCMP_ARCH_RISCV64"},
};

static const struct processor *processor_find(void)
{
    struct utsname host;
    for (size_t i = 0; uname(&host) == 0 && i < AQ_LENGTH(processors); i++)
        if (strcmp(processors[i].machine, host.machine) == 0)
            return &processors[i];
    return NULL;
}

static bool has_capability(const char *name)
{
    for (size_t i = 0; bundle_capabilities[i] != NULL; i++)
        if (name != NULL && strcmp(bundle_capabilities[i], name) == 0)
            return true;
    return false;
}

static bool list_has(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    return false;
}

/* Whether the rule is for this processor and these capabilities. A lowest version of the kernel is not checked: the
 * rules that have one are for Linux 4.8. */
static bool rule_applies(const json_t *rule, const struct processor *processor)
{
    const json_t *includes = json_object_get(rule, "includes"), *excludes = json_object_get(rule, "excludes");
    const json_t *processors_in = json_object_get(includes, "arches"), *item;
    size_t i;
    if (json_array_size(processors_in) > 0 && !list_has(processors_in, processor->name))
        return false;
    if (list_has(json_object_get(excludes, "arches"), processor->name))
        return false;
    json_array_foreach (json_object_get(includes, "caps"), i, item)
        if (!has_capability(json_string_value(item)))
            return false;
    json_array_foreach (json_object_get(excludes, "caps"), i, item)
        if (has_capability(json_string_value(item)))
            return false;
    return true;
}

/* As in drivers/confine/filter.c. The arguments of clone3() cannot be seen, so the C library is told to use clone();
 * nor can those of socketcall(), by which programs of 32 bits make sockets. */
static const char *const denied[] = {
    "mount",          "mount_setattr",     "move_mount", "open_tree",   "open_tree_attr",
    "fsopen",         "fsconfig",          "fsmount",    "fspick",      "umount",
    "umount2",        "pivot_root",        "unshare",    "setns",       "keyctl",
    "add_key",        "request_key",       "bpf",        "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "socketcall"};
static const char *const special[] = {"clone", "clone3", "socket"};

/* What a container has a use for, and what ends at its own network namespace, which AF_VSOCK does not: that leads to
 * the machine below. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_PACKET};

static bool is_own(const char *name)
{
    for (size_t i = 0; i < AQ_LENGTH(denied); i++)
        if (strcmp(denied[i], name) == 0)
            return true;
    for (size_t i = 0; i < AQ_LENGTH(special); i++)
        if (strcmp(special[i], name) == 0)
            return true;
    return false;
}

/* Of a rule of the profile, those that no rule here is about. */
static json_t *other_names(const json_t *rule)
{
    const json_t *names = json_object_get(rule, "names"), *name = json_object_get(rule, "name"), *item;
    json_t *others = json_array();
    size_t i;
    if (json_is_string(name) && !is_own(json_string_value(name)))
        json_array_append(others, (json_t *)(uintptr_t)name);
    json_array_foreach (names, i, item)
        if (json_is_string(item) && !is_own(json_string_value(item)))
            json_array_append(others, (json_t *)(uintptr_t)item);
    return others;
}

static void add_own_rules(json_t *rules, const struct processor *processor)
{
    const int namespaces =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    json_t *names = json_array();
    for (size_t i = 0; i < AQ_LENGTH(denied); i++)
        json_array_append_new(names, json_string(denied[i]));
    json_array_append_new(rules,
                          json_pack("{s:o, s:s, s:i}", "names", names, "action", "SCMP_ACT_ERRNO", "errnoRet", EPERM));
    json_array_append_new(
        rules, json_pack("{s:[s], s:s, s:i}", "names", special[1], "action", "SCMP_ACT_ERRNO", "errnoRet", ENOSYS));
    json_array_append_new(rules,
                          json_pack("{s:[s], s:s, s:[{s:i, s:I, s:i, s:s}]}", "names", special[0], "action",
                                    "SCMP_ACT_ALLOW", "args", "index", strcmp(processor->name, "s390x") == 0 ? 1 : 0,
                                    "value", (json_int_t)namespaces, "valueTwo", 0, "op", "SCMP_CMP_MASKED_EQ"));
}

static void add_socket_rules(json_t *rules)
{
    for (size_t i = 0; i < AQ_LENGTH(families); i++)
        json_array_append_new(rules, json_pack("{s:[s], s:s, s:[{s:i, s:i, s:i, s:s}]}", "names", special[2], "action",
                                               "SCMP_ACT_ALLOW", "args", "index", 0, "value", families[i], "valueTwo",
                                               0, "op", "SCMP_CMP_EQ"));
    /* The audit log is the host's. */
    json_array_append_new(rules, json_pack("{s:[s], s:s, s:[{s:i, s:i, s:i, s:s}, {s:i, s:i, s:i, s:s}]}", "names",
                                           special[2], "action", "SCMP_ACT_ALLOW", "args", "index", 0, "value",
                                           AF_NETLINK, "valueTwo", 0, "op", "SCMP_CMP_EQ", "index", 2, "value",
                                           NETLINK_AUDIT, "valueTwo", 0, "op", "SCMP_CMP_NE"));
}

/* `names` becomes its own. */
static json_t *plain_rule(const json_t *rule, json_t *names)
{
    static const char *const kept[] = {"action", "errnoRet", "args"};
    json_t *plain = json_object();
    json_object_set_new(plain, "names", names);
    for (size_t i = 0; i < AQ_LENGTH(kept); i++) {
        json_t *value = json_object_get(rule, kept[i]);
        if (value != NULL && !json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0))
            json_object_set(plain, kept[i], value);
    }
    return plain;
}

/* The processor, and those whose programs it runs as well. */
static json_t *architectures(const json_t *profile, const struct processor *processor)
{
    json_t *list = json_array();
    const json_t *row, *item;
    size_t i, k;
    json_array_append_new(list, json_string(processor->filter));
    json_array_foreach (json_object_get(profile, "archMap"), i, row) {
        const char *name = json_string_value(json_object_get(row, "architecture"));
        if (name == NULL || strcmp(name, processor->filter) != 0)
            continue;
        json_array_foreach (json_object_get(row, "subArchitectures"), k, item)
            json_array_append(list, (json_t *)(uintptr_t)item);
    }
    return list;
}

json_t *bundle_seccomp(struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    const struct processor *processor = processor_find();
    const json_t *rule;
    size_t i;
    if (processor == NULL) {
        aq_fail(error, AQ_E_STATE, "no filter of system calls is known for the processor of this node");
        return NULL;
    }
    if (aq_file_read(AT_FDCWD, bundle_profile, PROFILE_MAX, &text, error) != 0) {
        aq_error_context(error, "the filter of system calls, which skopeo's package brings, is missing");
        return NULL;
    }
    AQ_CLEANUP_JSON json_t *profile = aq_json_parse(text.data, text.length, error);
    if (profile == NULL) {
        aq_error_context(error, "%s", bundle_profile);
        return NULL;
    }
    json_t *rules = json_array(), *number = json_object_get(profile, "defaultErrnoRet");
    json_array_foreach (json_object_get(profile, "syscalls"), i, rule) {
        json_t *names = rule_applies(rule, processor) ? other_names(rule) : NULL;
        if (json_array_size(names) > 0)
            json_array_append_new(rules, plain_rule(rule, names));
        else
            json_decref(names);
    }
    add_own_rules(rules, processor);
    add_socket_rules(rules);
    json_t *filter = json_pack("{s:O, s:o, s:o}", "defaultAction", json_object_get(profile, "defaultAction"),
                               "architectures", architectures(profile, processor), "syscalls", rules);
    if (filter == NULL) {
        aq_fail(error, AQ_E_CORRUPT, "%s has no defaultAction", bundle_profile);
        return NULL;
    }
    if (number != NULL)
        json_object_set(filter, "defaultErrnoRet", number);
    return filter;
}
