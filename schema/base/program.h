/* How a daemon is called: its options and what they mean, declared once beside its settings. Its command line is read,
 * --help is printed and its manual page is made from the declaration.
 *
 *     const struct aq_program aq_agent_program = {
 *         AQ_PROGRAM_NAMED("aq-agent"), ...
 *         .options = {AQ_OPTION_ROW_CONFIG(AQ_AGENT_FILE),
 *                     AQ_OPTION_ROW_SET(""),
 *                     {"--name NAME", "the node's name: the same as --set name=NAME", AQ_OPTION_SETTING},
 *                     AQ_OPTION_ROWS_LAST}};
 *
 *     struct aq_arguments arguments;
 *     int status = aq_program_read(&aq_agent_program, argc, argv, NULL, &arguments);
 *     if (status < 0)
 *         ... aq_config_read(&aq_config_agent_record, &config, &arguments, &arena, &error) ... */
#ifndef AQ_SCHEMA_BASE_PROGRAM_H
#define AQ_SCHEMA_BASE_PROGRAM_H

#include "schema/base/memory.h"
#include "schema/base/version.h"

#include <signal.h>

enum { AQ_OPTIONS_MAX = 15, AQ_EXIT_USAGE = 2 };

enum aq_option_kind {
    AQ_OPTION_OWN,     /* the program asks for it: aq_arguments_own() */
    AQ_OPTION_SETTING, /* "--name NAME" is short for "--set name=NAME" */
    AQ_OPTION_CONFIG,
    AQ_OPTION_SET,
    AQ_OPTION_HELP_CONFIG,
    AQ_OPTION_HELP,
    AQ_OPTION_VERSION
};

struct aq_option {
    const char
        *spelling; /* "--set KEY=VALUE": the option takes a value if a word follows its name; NULL after the last */
    const char *help;
    enum aq_option_kind kind;
};

/* The options that every daemon has: the first two rows, and the last three. */
#define AQ_OPTION_ROW_CONFIG(file)                                                                                     \
    {                                                                                                                  \
        "--config FILE", "settings in YAML; preset: " file ", if it exists", AQ_OPTION_CONFIG                          \
    }
#define AQ_OPTION_ROW_SET(example)                                                                                     \
    {                                                                                                                  \
        "--set KEY=VALUE", "override one setting of the file" example "; may be repeated", AQ_OPTION_SET               \
    }
#define AQ_OPTION_ROWS_LAST                                                                                            \
    {"--help-config", "print all settings with their presets, as a file to start from", AQ_OPTION_HELP_CONFIG},        \
        {"--help", "print this text", AQ_OPTION_HELP},                                                                 \
    {                                                                                                                  \
        "--version", "print the version", AQ_OPTION_VERSION                                                            \
    }

/* Name and version. They are one literal, because `aq doctor` searches the files of running programs for it. */
#define AQ_PROGRAM_NAMED(program) .name = program, .version = program " " AQ_VERSION

struct aq_program {
    const char *name;          /* "aq-controller" */
    const char *version;       /* "aq-controller 0.1.0"; see AQ_PROGRAM_NAMED() */
    const char *purpose;       /* what it is for, in one line */
    const char *const *forms;  /* what may follow its name, one text for each way; ends with NULL */
    const char *const *notes;  /* sentences about signals, exit status and the like; ends with NULL */
    const char *settings_file; /* read when --config names no other, if it is there */
    void (*print_settings)(struct aq_buffer *text); /* for --help-config */
    struct aq_option options[AQ_OPTIONS_MAX + 1];
};

/* A parsed command line. Its texts are those of argv, or belong to `arena`. */
struct aq_arguments {
    const struct aq_program *program;
    const char *settings_file; /* named by --config; NULL: none, see aq_arguments_settings_file() */
    const char **assignments;  /* "api.port=8011", in the order given; belongs to the object */
    size_t assignment_count, assignment_capacity;
    const char *own[AQ_OPTIONS_MAX]; /* by the option's place in the declaration; NULL: not given */
    struct aq_arena arena;
};

/* The first call of every program: opens /dev/null in the place of those of the descriptors 0, 1 and 2 that are closed,
 * so that no other file becomes one of them, and what is meant for the terminal is never written into it. As without
 * it, a write to standard output fails if that was closed. */
void aq_program_begin(void);

/* Blocks the signals that a daemon waits for, which become `signals`: SIGTERM and SIGINT end it, SIGHUP lets it read
 * its settings again, even if nohup(1) ignores it: one that is blocked waits. A peer that has gone does not end it.
 * Before there are threads. */
void aq_program_block_signals(sigset_t *signals);

/* Reads the command line into `arguments`. Returns -1 if the program should run. Otherwise everything has been printed,
 * and the result is the exit status: 0 after --help, --help-config and --version, AQ_EXIT_USAGE after an error.
 * `add_version` appends lines to what --version prints; may be NULL. Free `arguments` in either case. */
int aq_program_read(const struct aq_program *program, int argc, char **argv,
                    void (*add_version)(struct aq_buffer *text), struct aq_arguments *arguments) AQ_MUST_CHECK;

/* The value of an option of kind AQ_OPTION_OWN, named without its dashes; "" if it takes none; NULL if it was not
 * given. If it was given several times, the last one counts. */
const char *aq_arguments_own(const struct aq_arguments *arguments, const char *name);
/* The file to read settings from: the one of --config, else that of the program if it is there now. NULL: none. */
const char *aq_arguments_settings_file(const struct aq_arguments *arguments);
void aq_arguments_free(struct aq_arguments *arguments);

/* What --help prints. */
void aq_program_print(const struct aq_program *program, struct aq_buffer *out);

#endif
