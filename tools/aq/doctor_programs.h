/* Programs that run on this machine, and their settings, as their command lines and settings files give them. */
#ifndef AQ_TOOLS_AQ_DOCTOR_PROGRAMS_H
#define AQ_TOOLS_AQ_DOCTOR_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { DOCTOR_PROCESSES_MAX = 64 };

struct doctor_process {
    pid_t pid;
    uid_t uid;
    const char *program; /* "aq-agent" */
};

/* In the usual directories. */
bool doctor_has_program(const char *name);

/* Runs `path --version` and keeps its output. The program is one that was installed with aq. */
bool doctor_ask_version(const char *path, char *said, size_t size);

/* Running processes with this name; at most `most`. Returns their number. */
unsigned doctor_processes_find(const char *program, struct doctor_process *found, unsigned most);

enum doctor_setting { DOCTOR_SETTING_PRESET, DOCTOR_SETTING_GIVEN, DOCTOR_SETTING_UNKNOWN };

/* The value of a setting, such as "allow.root", as it is now in the file that the process was started with, or on its
 * command line. UNKNOWN: one of them cannot be read. */
enum doctor_setting doctor_setting(const struct doctor_process *process, const char *key, char *value, size_t size);

/* The same from a command line, whose words end with NUL, and the text of the settings file ("": there is none). */
enum doctor_setting doctor_setting_find(const char *words, size_t length, const char *file, const char *key,
                                        char *value, size_t size);

#endif
