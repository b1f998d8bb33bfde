/* What both --help of aq and its manual page contain: examples, environment, exit status. Each table ends with NULL. */
#ifndef AQ_TOOLS_AQ_USAGE_H
#define AQ_TOOLS_AQ_USAGE_H

struct cli_usage_line {
    const char *name, *help;
};

#define CLI_PURPOSE "the command line of Aquarium, the cluster resource manager"
#define CLI_FORM    "NOUN [VERB] [KEY...] [field=value...] [FLAGS]"

extern const struct cli_usage_line cli_examples[];
extern const struct cli_usage_line cli_environment[];
extern const struct cli_usage_line cli_exits[];
extern const char *const cli_flag_notes[];

#endif
