#include "tests/lib/command_line.h"

#include "tests/lib/cmocka.h"
#include "tools/aq/action.h"

#include <stdio.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64 };

int command_line_parse(struct cli_options *options, const char *line, struct aq_error *error)
{
    static char copy[4096];
    char *argv[ARGUMENTS_MAX] = {"aq"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    return cli_options_parse(options, argc, argv, error);
}

void command_line_parsed(struct cli_options *options, const char *line)
{
    struct aq_error error = {0};
    if (command_line_parse(options, line, &error) != 0)
        fail_msg("%s: %s", line, error.message);
}

int command_line_check(struct cli_options *options, const char *line, struct aq_error *error)
{
    struct cli_action action;
    AQ_CLEANUP_BUFFER struct aq_buffer name = {0};
    if (command_line_parse(options, line, error) != 0)
        return -1;
    if (options->word_count == 0)
        return cli_options_check(options, UINT64_MAX, NULL, "aq", error);
    if (cli_action_read(&action, options, error) != 0)
        return -1;
    cli_action_name(&action, &name);
    return cli_options_check(options, cli_action_flags(&action), cli_action_filters(&action), aq_buffer_string(&name),
                             error);
}

void command_line_refused(const char *line, const char *expected)
{
    struct cli_options options;
    struct aq_error error = {0};
    if (command_line_check(&options, line, &error) == 0)
        fail_msg("%s was taken", line);
    assert_string_equal(error.message, expected);
    cli_options_close(&options);
}
