/* The command line of aq, taken apart: flags, words, filters and files.
 *
 * Flags are a declared record, so that reading them, their bounds, --help and completion follow from one table; "_" in
 * a name is "-" in the flag. They may stand anywhere. What looks like a flag and is a field of an entity is a filter:
 * --status=NEW. A token is never a flag: what stands in a command line, every user of the machine can read. */
#ifndef AQ_TOOLS_AQ_OPTIONS_H
#define AQ_TOOLS_AQ_OPTIONS_H

#include "schema/base/version.h"
#include "schema/model/entity.h"

#define CLI_VERSION            AQ_VERSION
#define CLI_SERVER_DEFAULT     "http://127.0.0.1:8001"
#define CLI_USER_DEFAULT       "admin"
#define CLI_TOKEN_FILE_DEFAULT "/var/lib/aquarium/controller/admin.token"

enum { CLI_WORDS_MAX = 1024, CLI_FILES_MAX = 64, CLI_FILTERS_MAX = 32, CLI_TIMEOUT_S = 30, CLI_WAIT_S = 300 };

#define CLI_FLAGS(F, T)                                                                                                \
    F(T, help, BOOL, 0, NULL, 0, 1, NULL, "tell how it is used")                                                       \
    F(T, json, BOOL, 0, NULL, 0, 1, NULL, "print whole data as JSON")                                                  \
    F(T, yaml, BOOL, 0, NULL, 0, 1, NULL, "print whole data as YAML")                                                  \
    F(T, quiet, BOOL, 0, NULL, 0, 1, NULL, "print keys only")                                                          \
    F(T, no_headers, BOOL, 0, NULL, 0, 1, NULL, "tables without their first row")                                      \
    F(T, watch, BOOL, 0, NULL, 0, 1, NULL, "print again whenever something changes")                                   \
    F(T, limit, U64, 0, NULL, 1, 1000000, "rows", "list at most so many")                                              \
    F(T, all, BOOL, 0, NULL, 0, 1, NULL, "list all there are, page by page")                                           \
    F(T, reverse, BOOL, 0, NULL, 0, 1, NULL, "list the last ones first")                                               \
    F(T, file, TEXT, 0, NULL, 1, 4096, NULL, "read a YAML or JSON file, - for standard input; may be repeated")        \
    F(T, count, U64, 0, NULL, 1, 4096, NULL, "create so many at once: all or none")                                    \
    F(T, wait, BOOL, 0, NULL, 0, 1, NULL, "wait for the outcome, and show progress")                                   \
    F(T, dry_run, BOOL, 0, NULL, 0, 1, NULL, "change nothing, print the events there would be")                        \
    F(T, timeout, DURATION, 0, NULL, 1, 86400, "s", "give up after this time")                                         \
    F(T, follow, BOOL, 0, NULL, 0, 1, NULL, "go on as more comes")                                                     \
    F(T, lines, U64, 0, "20", 0, 100000, NULL, "how many events from the end of the log")                              \
    F(T, since, U64, 0, NULL, 0, UINT64_MAX, NULL, "events behind this seq")                                           \
    F(T, size, U64, 0, "65536", 1, 1048576, "bytes", "how much from the end of a workload's output")                   \
    F(T, fix_hints, BOOL, 0, NULL, 0, 1, NULL, "with doctor: show the commands that would mend it")                    \
    F(T, server, TEXT, 0, NULL, 1, 512, NULL, "address of a controller")                                               \
    F(T, user, NAME, 0, NULL, 1, 64, NULL, "who asks")                                                                 \
    F(T, token_file, TEXT, 0, NULL, 1, 4096, NULL, "file that holds the user's token")
AQ_DECLARE_SETTINGS(cli_flags, CLI_FLAGS)

struct cli_filter {
    const char *field;
    const char *pattern;
};

struct cli_options {
    struct cli_flags flags;
    bool given[32]; /* which flags were given, by their number in the record */
    const char *words[CLI_WORDS_MAX];
    unsigned word_count;
    const char *files[CLI_FILES_MAX];
    unsigned file_count;
    struct cli_filter filters[CLI_FILTERS_MAX];
    unsigned filter_count;
    struct aq_arena arena; /* holds what is not argv's own */
};

/* Fills `options` from argv[1..]. -1: a flag is wrong; the message never repeats a value that might be a secret. */
int cli_options_parse(struct cli_options *options, int argc, char **argv, struct aq_error *error) AQ_MUST_CHECK;
void cli_options_close(struct cli_options *options);

bool cli_options_gave(const struct cli_options *options, const char *flag);

/* The letter of a flag, '\0': none. --follow and --file share -f: which one it is, the verb decides. */
char cli_flag_letter(const char *flag);
/* The flag's field as it is typed: "--dry-run". `out` has 64 bytes. */
const char *cli_flag_spelling(const struct aq_field *field, char *out);

#endif
