#include "tools/aq/doctor_programs.h"

#include "schema/base/files.h"
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WORDS_MAX = 128 << 10, PATH_SIZE = 1200 };

/* ---- processes ------------------------------------------------------------------------------------------ */

static bool is_called(const char *pid, const char *program)
{
    char path[300], name[64] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    if (aq_file_read_text(AT_FDCWD, path, name, sizeof name) < 0)
        return false;
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, program) == 0;
}

unsigned doctor_processes_find(const char *program, struct doctor_process *found, unsigned most)
{
    unsigned count = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes != NULL && count < most && (entry = readdir(processes)) != NULL;) {
        char path[300];
        struct stat about;
        snprintf(path, sizeof path, "/proc/%s", entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) || !is_called(entry->d_name, program) || stat(path, &about) != 0)
            continue;
        found[count++] = (struct doctor_process){(pid_t)atoi(entry->d_name), about.st_uid, program};
    }
    if (processes != NULL)
        closedir(processes);
    return count;
}

/* ---- settings ------------------------------------------------------------------------------------------- */

/* The next word of a command line; NULL: there is none. */
static const char *next_word(const char *words, size_t length, const char *word)
{
    const char *next = word == NULL ? words : word + strlen(word) + 1;
    return next < words + length ? next : NULL;
}

/* What an option is set to: "--set X" or "--set=X"; NULL: the word is another. Moves *word on to what was read. */
static const char *option_value(const char *words, size_t length, const char **word, const char *option)
{
    size_t name = strlen(option);
    if (strncmp(*word, option, name) != 0)
        return NULL;
    if ((*word)[name] == '=')
        return *word + name + 1;
    const char *next = (*word)[name] == '\0' ? next_word(words, length, *word) : NULL;
    if (next != NULL)
        *word = next;
    return next;
}

static bool member_to_text(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value))
        snprintf(text, size, "%s", json_string_value(value));
    else if (json_is_boolean(value))
        snprintf(text, size, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_integer(value))
        snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        return false;
    return true;
}

static enum doctor_setting find_in_file(const char *file, const char *key, char *value, size_t size)
{
    struct aq_error ignored;
    char part[64];
    AQ_CLEANUP_JSON json_t *document = aq_yaml_parse(file, strlen(file), NULL, &ignored);
    const json_t *at = document;
    if (document == NULL)
        return DOCTOR_SETTING_UNKNOWN;
    for (const char *rest = key; at != NULL && *rest != '\0'; rest += strspn(rest, ".")) {
        size_t length = strcspn(rest, ".");
        snprintf(part, sizeof part, "%.*s", (int)length, rest);
        at = json_object_get(at, part);
        rest += length;
    }
    return at != NULL && member_to_text(at, value, size) ? DOCTOR_SETTING_GIVEN : DOCTOR_SETTING_PRESET;
}

enum doctor_setting doctor_setting_find(const char *words, size_t length, const char *file, const char *key,
                                        char *value, size_t size)
{
    enum doctor_setting found = find_in_file(file, key, value, size);
    size_t name = strlen(key);
    for (const char *word = NULL; (word = next_word(words, length, word)) != NULL;) {
        const char *set = option_value(words, length, &word, "--set");
        if (set == NULL || strncmp(set, key, name) != 0 || set[name] != '=')
            continue;
        snprintf(value, size, "%s", set + name + 1);
        found = DOCTOR_SETTING_GIVEN;
    }
    return found;
}

/* The path of the settings file, as the process sees it. */
static void settings_path(const struct doctor_process *process, const char *words, size_t length, char path[PATH_SIZE])
{
    const char *given = NULL;
    for (const char *word = NULL; (word = next_word(words, length, word)) != NULL;) {
        const char *value = option_value(words, length, &word, "--config");
        given = value != NULL ? value : given;
    }
    if (given == NULL)
        snprintf(path, PATH_SIZE, "/proc/%d/root/etc/aquarium/%s.yml", (int)process->pid,
                 strchr(process->program, '-') + 1);
    else
        snprintf(path, PATH_SIZE, "/proc/%d/%s/%s", (int)process->pid, given[0] == '/' ? "root" : "cwd", given);
}

enum doctor_setting doctor_setting(const struct doctor_process *process, const char *key, char *value, size_t size)
{
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0}, file = {0};
    struct aq_error error = {0};
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)process->pid);
    if (aq_file_read(AT_FDCWD, path, WORDS_MAX, &words, &error) != 0 || words.length == 0)
        return DOCTOR_SETTING_UNKNOWN;
    settings_path(process, words.data, words.length, path);
    if (aq_file_read(AT_FDCWD, path, AQ_YAML_SIZE_MAX, &file, &error) != 0 && error.code != AQ_E_NOT_FOUND)
        return DOCTOR_SETTING_UNKNOWN;
    return doctor_setting_find(words.data, words.length, aq_buffer_string(&file), key, value, size);
}
