#include "schema/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 32 };

void aq_program_print(const struct aq_program *program, struct aq_buffer *out)
{
    int width = 0;
    const struct aq_option *option;
    aq_buffer_format(out, "%s: %s\n\n", program->name, program->purpose);
    for (const char *const *form = program->forms; *form != NULL; form++)
        aq_buffer_format(out, "  %s %s\n", program->name, *form);
    aq_buffer_char(out, '\n');
    for (option = program->options; option->spelling != NULL; option++)
        width = (int)strlen(option->spelling) > width ? (int)strlen(option->spelling) : width;
    for (option = program->options; option->spelling != NULL; option++)
        aq_buffer_format(out, "  %-*s  %s\n", width, option->spelling, option->help);
    aq_buffer_char(out, '\n');
    for (const char *const *note = program->notes; *note != NULL; note++)
        aq_buffer_format(out, "%s\n", *note);
}

void aq_program_begin(void)
{
    static const int modes[] = {[STDIN_FILENO] = O_RDONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        int opened = open("/dev/null", modes[fd]);
        aq_assert(opened == fd); /* the lowest one that is free */
    }
}

void aq_program_block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- getopt's tables ---------------------------------------------------------------------------------- */

struct getopt_tables {
    struct option rows[AQ_OPTIONS_MAX + 1];
    char names[AQ_OPTIONS_MAX][NAME_SIZE];
};

/* "--set KEY=VALUE" becomes "set" and 1 value. */
static void make_tables(const struct aq_program *program, struct getopt_tables *tables)
{
    memset(tables, 0, sizeof *tables);
    for (int i = 0; program->options[i].spelling != NULL; i++) {
        const char *name = program->options[i].spelling + strlen("--");
        size_t length = strcspn(name, " ");
        aq_assert(i < AQ_OPTIONS_MAX && length < NAME_SIZE);
        memcpy(tables->names[i], name, length);
        tables->rows[i] = (struct option){
            .name = tables->names[i], .has_arg = name[length] == ' ' ? required_argument : no_argument, .val = i + 1};
    }
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static void add_assignment(struct aq_arguments *arguments, const char *assignment)
{
    AQ_GROW(arguments->assignments, arguments->assignment_count, arguments->assignment_capacity);
    arguments->assignments[arguments->assignment_count++] = assignment;
}

/* --join-file X is --set join_file=X. */
static void add_setting(struct aq_arguments *arguments, const char *option, const char *value)
{
    char *assignment = aq_arena_format(&arguments->arena, "%s=%s", option, value);
    for (char *c = assignment; *c != '='; c++)
        if (*c == '-')
            *c = '_';
    add_assignment(arguments, assignment);
}

static void print_version(const struct aq_program *program, void (*add_version)(struct aq_buffer *text),
                          struct aq_buffer *text)
{
    aq_buffer_format(text, "%s\n", program->version);
    if (add_version != NULL)
        add_version(text);
}

static int fail_usage(const struct aq_program *program)
{
    fprintf(stderr, "Try %s --help.\n", program->name);
    return AQ_EXIT_USAGE;
}

int aq_program_read(const struct aq_program *program, int argc, char **argv,
                    void (*add_version)(struct aq_buffer *text), struct aq_arguments *arguments)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct getopt_tables tables;
    make_tables(program, &tables);
    *arguments = (struct aq_arguments){.program = program};
    optind = 0; /* from the beginning, even if a command line was read before */
    for (int code; text.length == 0 && (code = getopt_long(argc, argv, "h", tables.rows, NULL)) != -1;) {
        if (code == '?')
            return fail_usage(program); /* getopt has said what is wrong */
        if (code == 'h') {
            aq_program_print(program, &text);
            break;
        }
        switch (program->options[code - 1].kind) {
        case AQ_OPTION_OWN:
            arguments->own[code - 1] = optarg != NULL ? optarg : "";
            break;
        case AQ_OPTION_SETTING:
            add_setting(arguments, tables.names[code - 1], optarg);
            break;
        case AQ_OPTION_CONFIG:
            arguments->settings_file = optarg;
            break;
        case AQ_OPTION_SET:
            add_assignment(arguments, optarg);
            break;
        case AQ_OPTION_HELP_CONFIG:
            program->print_settings(&text);
            break;
        case AQ_OPTION_HELP:
            aq_program_print(program, &text);
            break;
        case AQ_OPTION_VERSION:
            print_version(program, add_version, &text);
            break;
        }
    }
    fputs(aq_buffer_string(&text), stdout);
    if (text.length > 0)
        return 0;
    if (optind == argc)
        return -1;
    fprintf(stderr, "%s: unexpected argument \"%s\"\n", program->name, argv[optind]);
    return fail_usage(program);
}

const char *aq_arguments_own(const struct aq_arguments *arguments, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0;; i++) {
        const struct aq_option *option = &arguments->program->options[i];
        aq_assert(option->spelling != NULL); /* `name` is declared */
        const char *spelling = option->spelling + strlen("--");
        if (option->kind == AQ_OPTION_OWN && strncmp(spelling, name, length) == 0 &&
            (spelling[length] == '\0' || spelling[length] == ' '))
            return arguments->own[i];
    }
}

const char *aq_arguments_settings_file(const struct aq_arguments *arguments)
{
    const struct aq_program *program = arguments->program;
    if (arguments->settings_file != NULL || program == NULL)
        return arguments->settings_file;
    return access(program->settings_file, R_OK) == 0 ? program->settings_file : NULL;
}

void aq_arguments_free(struct aq_arguments *arguments)
{
    free(arguments->assignments);
    aq_arena_free(&arguments->arena);
    *arguments = (struct aq_arguments){0};
}
