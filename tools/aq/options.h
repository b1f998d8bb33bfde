/* Parses the command line of aq: flags, words, filters and files.
 *
 * Flags are a declared record, so that parsing, bounds, --help and completion follow from one table; "_" in a name is
 * "-" in the flag. Flags may be anywhere on the line. A flag that is named like a field of an entity is a filter:
 * --status=NEW. There is no flag for a token: every user of the machine can read command lines. */
#ifndef AQ_TOOLS_AQ_OPTIONS_H
#define AQ_TOOLS_AQ_OPTIONS_H

#include "schema/base/version.h"
#include "schema/model/entity.h"

#define CLI_VERSION            AQ_VERSION
#define CLI_SERVER_DEFAULT     "http://127.0.0.1:8001"
#define CLI_USER_DEFAULT       "admin"
#define CLI_TOKEN_FILE_DEFAULT "/var/lib/aquarium/controller/admin.token"

enum { CLI_WORDS_MAX = 1024, CLI_FILES_MAX = 64, CLI_FILTERS_MAX = 32, CLI_TIMEOUT_S = 30, CLI_WAIT_S = 300 };

/* clang-format off */
#define cli_flags_fields(S, T)                                                                                         \
    S(T, help,       BOOL,                     NULL,    0, "print how it is used")                                     \
    S(T, json,       BOOL,                     NULL,    0, "print all data as JSON")                                   \
    S(T, yaml,       BOOL,                     NULL,    0, "print all data as YAML")                                   \
    S(T, quiet,      BOOL,                     NULL,    0, "print keys only")                                          \
    S(T, no_headers, BOOL,                     NULL,    0, "print tables without headers")                             \
    S(T, watch,      BOOL,                     NULL,    0, "print again after each change")                            \
    S(T, limit,      U64(1, 1000000, "rows"),  NULL,    0, "list at most this many")                                   \
    S(T, all,        BOOL,                     NULL,    0, "list all, page by page")                                   \
    S(T, reverse,    BOOL,                     NULL,    0, "list the last ones first")                                 \
    S(T, file,       TEXT(1, 4096),            NULL,    0,                                                             \
      "read a YAML or JSON file, - for standard input; may be repeated")                                               \
    S(T, count,      U64(1, 4096),             NULL,    0, "create this many at once: all or none")                    \
    S(T, wait,       BOOL,                     NULL,    0, "wait for the outcome, and show progress")                  \
    S(T, dry_run,    BOOL,                     NULL,    0, "change nothing, print the events there would be")          \
    S(T, timeout,    DURATION(1, 86400),       NULL,    0, "give up after this time")                                  \
    S(T, follow,     BOOL,                     NULL,    0, "continue as more arrives")                                 \
    S(T, lines,      U64(0, 100000),           "20",    0, "how many lines or events from the end")                  \
    S(T, since,      U64(0, UINT64_MAX),       NULL,    0, "events after this seq")                                    \
    S(T, size,       U64(1, 1048576, "bytes"), NULL,    0, "how much from the end of a workload's output")             \
    S(T, fix_hints,  BOOL,                     NULL,    0, "with doctor: show commands that fix what was found")       \
    S(T, server,     TEXT(1, 512),             NULL,    0, "address of a controller")                                  \
    S(T, user,       NAME(1, 64),              NULL,    0, "user to act as")                                           \
    S(T, token_file, TEXT(1, 4096),            NULL,    0, "file that holds the user's token")
AQ_DECLARE_SETTINGS(cli_flags)
/* clang-format on */

struct cli_filter {
    const char *field;
    const char *pattern;
};

struct cli_options {
    struct cli_flags flags;
    bool given[32]; /* which flags were given, by their index in the record */
    const char *words[CLI_WORDS_MAX];
    unsigned word_count;
    const char *files[CLI_FILES_MAX];
    unsigned file_count;
    struct cli_filter filters[CLI_FILTERS_MAX];
    unsigned filter_count;
    struct aq_arena arena; /* memory of what is not in argv */
};

/* Fills `options` from argv[1..]. -1: a flag is wrong; the message never repeats a value that might be a secret. */
int cli_options_parse(struct cli_options *options, int argc, char **argv, struct aq_error *error) AQ_MUST_CHECK;
void cli_options_close(struct cli_options *options);

bool cli_options_gave(const struct cli_options *options, const char *flag);

/* The letter of a flag, '\0': none. --follow and --file share -f; the verb decides which one it is. */
char cli_flag_letter(const char *flag);
/* The flag of the field as users type it: "--dry-run". `out` has 64 bytes. */
const char *cli_flag_spelling(const struct aq_field *field, char *out);

#endif
