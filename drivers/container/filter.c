#include "drivers/container/filter.h"

#include "drivers/container/bundle.h"
#include "drivers/container/locks.h"
#include "drivers/container/slots.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/version.h"
#include "schema/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MAX = 4 << 20, PROGRAM_MAX = 1 << 19, KEY_SIZE = 256, ARGUMENTS_MAX = 6, PATIENCE_MS = 10000 };

/* ---- compiling ---------------------------------------------------------------------------------------- */

struct word {
    const char *name;
    uint32_t value;
};

static const struct word actions[] = {
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    {"SCMP_ACT_KILL", SCMP_ACT_KILL},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
};

static const struct word comparisons[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static bool word_find(const struct word *words, size_t count, const json_t *name, uint32_t *value)
{
    for (size_t i = 0; i < count && json_is_string(name); i++)
        if (strcmp(words[i].name, json_string_value(name)) == 0) {
            *value = words[i].value;
            return true;
        }
    return false;
}

static int fail_word(const char *what, const json_t *name, struct aq_error *error)
{
    return aq_fail(error, AQ_E_CORRUPT, "the filter of system calls: %s \"%.64s\" is not known", what,
                   json_is_string(name) ? json_string_value(name) : "");
}

/* `number`: what an action ERRNO gives, if it is told. */
static int action_of(const json_t *name, const json_t *number, uint32_t *action, struct aq_error *error)
{
    if (json_is_string(name) && strcmp(json_string_value(name), "SCMP_ACT_ERRNO") == 0) {
        *action = SCMP_ACT_ERRNO(json_is_integer(number) ? (uint32_t)json_integer_value(number) : EPERM);
        return 0;
    }
    return word_find(actions, AQ_LENGTH(actions), name, action) ? 0 : fail_word("the action", name, error);
}

static int add_architectures(scmp_filter_ctx context, const json_t *list, struct aq_error *error)
{
    static const char head[] = "SCMP_ARCH_";
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item) {
        char name[32] = "";
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        if (strncmp(text, head, strlen(head)) == 0)
            snprintf(name, sizeof name, "%s", text + strlen(head));
        for (char *c = name; *c != '\0'; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        uint32_t architecture = seccomp_arch_resolve_name(name);
        if (architecture == 0)
            return fail_word("the processor", item, error);
        int failed = seccomp_arch_add(context, architecture);
        if (failed < 0 && failed != -EEXIST)
            return aq_fail_errno(error, -failed, "the filter of system calls: processor %s", name);
    }
    return 0;
}

/* Returns how many there are, -1 with `error`. */
static int arguments_of(const json_t *list, struct scmp_arg_cmp arguments[ARGUMENTS_MAX], struct aq_error *error)
{
    const json_t *item;
    size_t i;
    if (json_array_size(list) > ARGUMENTS_MAX)
        return aq_fail(error, AQ_E_CORRUPT, "the filter of system calls: a rule has more than %d arguments",
                       ARGUMENTS_MAX);
    json_array_foreach (list, i, item) {
        uint32_t comparison;
        json_int_t index = json_integer_value(json_object_get(item, "index"));
        if (!word_find(comparisons, AQ_LENGTH(comparisons), json_object_get(item, "op"), &comparison))
            return fail_word("the comparison", json_object_get(item, "op"), error);
        if (index < 0 || index >= ARGUMENTS_MAX)
            return aq_fail(error, AQ_E_CORRUPT, "the filter of system calls: a rule is about an argument %lld",
                           (long long)index);
        arguments[i] =
            (struct scmp_arg_cmp){.arg = (unsigned)index,
                                  .op = (enum scmp_compare)comparison,
                                  .datum_a = (scmp_datum_t)json_integer_value(json_object_get(item, "value")),
                                  .datum_b = (scmp_datum_t)json_integer_value(json_object_get(item, "valueTwo"))};
    }
    return (int)json_array_size(list);
}

static bool names_one_twice(const struct scmp_arg_cmp *arguments, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            if (arguments[i].arg == arguments[k].arg)
                return true;
    return false;
}

/* Conditions on one argument are alternatives, on several ones they must all hold: as runtimes have it. */
static int add_rule(scmp_filter_ctx context, uint32_t action, int number, const struct scmp_arg_cmp *arguments,
                    int count)
{
    if (!names_one_twice(arguments, count))
        return seccomp_rule_add_array(context, action, number, (unsigned)count, arguments);
    int failed = 0;
    for (int i = 0; i < count && failed == 0; i++)
        failed = seccomp_rule_add_array(context, action, number, 1, &arguments[i]);
    return failed;
}

static int add_rules(scmp_filter_ctx context, uint32_t preset, const json_t *rule, struct aq_error *error)
{
    struct scmp_arg_cmp arguments[ARGUMENTS_MAX];
    const json_t *name;
    uint32_t action;
    size_t i;
    int count = arguments_of(json_object_get(rule, "args"), arguments, error);
    if (count < 0 || action_of(json_object_get(rule, "action"), json_object_get(rule, "errnoRet"), &action, error) != 0)
        return -1;
    if (action == preset)
        return 0;
    json_array_foreach (json_object_get(rule, "names"), i, name) {
        /* One that this host does not know is left out. */
        int number = seccomp_syscall_resolve_name(json_string_value(name));
        int failed = number != __NR_SCMP_ERROR ? add_rule(context, action, number, arguments, count) : 0;
        if (failed != 0)
            return aq_fail_errno(error, -failed, "the filter of system calls: %s", json_string_value(name));
    }
    return 0;
}

static int export(scmp_filter_ctx context, struct aq_buffer *program, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer binary = {0};
    AQ_CLEANUP_FD int memory = memfd_create("aquarium-filter", MFD_CLOEXEC);
    int failed = memory < 0 ? -errno : seccomp_export_bpf(context, memory);
    if (failed != 0)
        return aq_fail_errno(error, -failed, "the filter of system calls");
    char path[48];
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    if (aq_file_read(AT_FDCWD, path, PROGRAM_MAX, &binary, error) != 0)
        return -1;
    size_t size = sodium_base64_ENCODED_LEN(binary.length, sodium_base64_VARIANT_ORIGINAL);
    AQ_CLEANUP_MEMORY char *text = aq_malloc(size);
    sodium_bin2base64(text, size, (const unsigned char *)binary.data, binary.length, sodium_base64_VARIANT_ORIGINAL);
    aq_buffer_text(program, text);
    return 0;
}

int container_filter_compile(const json_t *rules, struct aq_buffer *program, struct aq_error *error)
{
    const json_t *rule;
    uint32_t preset;
    size_t i;
    if (action_of(json_object_get(rules, "defaultAction"), json_object_get(rules, "defaultErrnoRet"), &preset, error) !=
        0)
        return -1;
    scmp_filter_ctx context = seccomp_init(preset);
    if (context == NULL)
        return aq_fail(error, AQ_E_IO, "the filter of system calls cannot be made");
    int failed = add_architectures(context, json_object_get(rules, "architectures"), error);
    json_array_foreach (json_object_get(rules, "syscalls"), i, rule)
        failed = failed != 0 ? failed : add_rules(context, preset, rule, error);
    if (failed == 0)
        failed = export(context, program, error);
    seccomp_release(context);
    return failed;
}

/* ---- keeping ------------------------------------------------------------------------------------------ */

static const char kept_file[] = SLOTS_DIRECTORY "/filter", kept_end[] = "\nend\n";

static void key_add(char key[KEY_SIZE], const char *path)
{
    const size_t length = strlen(key);
    struct stat about = {0};
    int failed = stat(path, &about);
    (void)failed; /* then making it fails */
    snprintf(key + length, KEY_SIZE - length, " %s %ju %jd.%09ld %jd", path, (uintmax_t)about.st_ino,
             (intmax_t)about.st_mtim.tv_sec, about.st_mtim.tv_nsec, (intmax_t)about.st_size);
}

/* What it was made from and by: another build of this program may have other rules. */
static void key_make(char key[KEY_SIZE])
{
    const struct scmp_version *library = seccomp_version();
    snprintf(key, KEY_SIZE, "%s %u.%u.%u", AQ_VERSION, library->major, library->minor, library->micro);
    key_add(key, bundle_profile);
    key_add(key, "/proc/self/exe");
}

/* Its lines are the key, the rules, the program, "end". Returns whether it is that of the key, and whole. */
static bool kept_read(struct container_filter *filter, const char *key)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    if (aq_file_read(AT_FDCWD, kept_file, KEPT_MAX, &text, &ignored) != 0)
        return false;
    char *rest = (char *)(uintptr_t)aq_buffer_string(&text), *end = strstr(rest, kept_end);
    const char *line = strsep(&rest, "\n"), *rules = strsep(&rest, "\n"), *program = strsep(&rest, "\n");
    if (end == NULL || program == NULL || strcmp(line, key) != 0)
        return false;
    filter->rules = aq_json_parse(rules, strlen(rules), &ignored);
    filter->program = aq_strdup(program);
    return filter->rules != NULL;
}

static void kept_write(const struct container_filter *filter, const char *key)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    AQ_CLEANUP_MEMORY char *rules = json_dumps(filter->rules, JSON_COMPACT);
    struct aq_error ignored;
    aq_buffer_format(&text, "%s\n%s\n%s%s", key, rules, filter->program, kept_end);
    int failed = aq_file_replace_unsynced(AT_FDCWD, kept_file, 0600, text.data, text.length, &ignored);
    (void)failed; /* then it is made again */
}

static int make(struct container_filter *filter, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer program = {0};
    filter->rules = bundle_seccomp(error);
    if (filter->rules == NULL || container_filter_compile(filter->rules, &program, error) != 0)
        return -1;
    filter->program = aq_strdup(aq_buffer_string(&program));
    return 0;
}

int container_filter_take(struct container_filter *filter, struct aq_error *error)
{
    char key[KEY_SIZE];
    key_make(key);
    *filter = (struct container_filter){0};
    if (kept_read(filter, key))
        return 0;
    AQ_CLEANUP_FD int lock =
        lock_open(SLOTS_DIRECTORY "/filter.lock", LOCK_EX, aq_clock_boot_ms() + PATIENCE_MS, error);
    if (lock < 0 && error->code != AQ_E_BUSY)
        return -1;
    container_filter_free(filter);
    if (kept_read(filter, key))
        return 0;
    if (make(filter, error) != 0)
        return -1;
    if (lock >= 0) /* otherwise the process that has it may be writing the file */
        kept_write(filter, key);
    return 0;
}

void container_filter_free(struct container_filter *filter)
{
    json_decref(filter->rules);
    free(filter->program);
    *filter = (struct container_filter){0};
}
