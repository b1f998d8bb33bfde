/* Parses the command line of aq: flags, words, filters and files.
 *
 * Flags are a declared record, so that parsing, bounds, --help and completion follow from one table; "_" in a name is
 * "-" in the flag, and one at the end is left out (`for` is a word of C). Flags may be anywhere on the line. Which of
 * them a verb takes is said in action.h. A flag that is named like a field is a filter of lists, --status=NEW or
 * --status!=NEW, and for commands the same as the word status=NEW. There is no flag for a token: every user of the
 * machine can read command lines. */
#ifndef AQ_TOOLS_AQ_OPTIONS_H
#define AQ_TOOLS_AQ_OPTIONS_H

#include "schema/base/version.h"
#include "schema/model/entity.h"

#define CLI_VERSION        AQ_VERSION
#define CLI_SERVER_DEFAULT "unix:/var/lib/aquarium/controller/run/api.sock"
#define CLI_USER_DEFAULT   "admin"

enum {
    CLI_WORDS_MAX = 1024,
    CLI_FILES_MAX = 64,
    CLI_FILTERS_MAX = 32,
    CLI_TIMEOUT_S = 30,
    CLI_WAIT_S = 300,
    CLI_TOP_S = 2
};

#define CLI_FORMATS(W)                                                                                                 \
    W(CLI_FORMAT_TABLE, "table", "for people, as wide as the terminal")                                                \
    W(CLI_FORMAT_WIDE, "wide", "more columns, however wide")                                                           \
    W(CLI_FORMAT_NAME, "name", "keys only")                                                                            \
    W(CLI_FORMAT_JSON, "json", "all data as JSON")                                                                     \
    W(CLI_FORMAT_YAML, "yaml", "all data as YAML")
AQ_DECLARE_WORDS(cli_format, CLI_FORMATS)

/* clang-format off */
#define cli_flags_fields(S, T)                                                                                         \
    S(T, help,       BOOL,                     NULL,    0, "print how it is used")                                     \
    S(T, output,     ENUM(cli_format),         "table", 0, "how to print")                                             \
    S(T, json,       BOOL,                     NULL,    0, "print all data as JSON")                                   \
    S(T, yaml,       BOOL,                     NULL,    0, "print all data as YAML")                                   \
    S(T, quiet,      BOOL,                     NULL,    0, "print keys only")                                          \
    S(T, wide,       BOOL,                     NULL,    0, "print more columns, however wide")                         \
    S(T, no_headers, BOOL,                     NULL,    0, "print tables without headers")                             \
    S(T, watch,      BOOL,                     NULL,    0, "print again after each change")                            \
    S(T, follow,     BOOL,                     NULL,    0, "continue as more arrives")                                 \
    S(T, limit,      U64(1, 1000000, "rows"),  NULL,    0, "at most this many, from the beginning")                    \
    S(T, lines,      U64(0, 1000000),          NULL,    0, "the last ones only: so many rows, events or lines")        \
    S(T, all,        BOOL,                     NULL,    0, "all: also those that are over, and however many")          \
    S(T, reverse,    BOOL,                     NULL,    0, "the last ones first")                                      \
    S(T, sort,       NAME(1, 64),              NULL,    0, "order by this field")                                      \
    S(T, since,      TEXT(1, 64),              NULL,    0,                                                             \
      "from then on: so long ago, as 5m, or a time; of events also their seq")                                         \
    S(T, size,       U64(1, 1048576, "bytes"), NULL,    0, "how much from the end of a workload's output")             \
    S(T, file,       TEXT(1, 4096),            NULL,    0,                                                             \
      "read a YAML or JSON file, - for standard input; may be repeated")                                               \
    S(T, secret,     TEXT(1, 4096),            NULL,    0,                                                             \
      "a secret of its metadata: KEY asks for it, KEY=FILE reads it, - is standard input; may be repeated")            \
    S(T, count,      U64(1, 4096),             NULL,    0, "create this many at once: all or none")                    \
    S(T, wait,       BOOL,                     NULL,    0, "wait for the outcome, and show progress")                  \
    S(T, attach,     BOOL,                     NULL,    0,                                                             \
      "print the workload's output as it comes, wait for its end, and exit as it did")                                 \
    S(T, keep,       BOOL,                     NULL,    0, "leave it in the cluster when the wait is given up")        \
    S(T, terminal,   BOOL,                     NULL,    0, "the command gets a terminal; else if there is one here")   \
    S(T, for_,       TEXT(1, 64),              NULL,    0, "the status to wait for; else the end")                     \
    S(T, interval,   DURATION(1, 3600),        NULL,    0, "print again after this time; on a terminal: 2s")           \
    S(T, once,       BOOL,                     NULL,    0, "print once, on a terminal, too")                           \
    S(T, quota,      BOOL,                     NULL,    0,                                                             \
      "may stand before the fields of a quota: --quota cpu=64 ram=1GiB")                                               \
    S(T, dry_run,    BOOL,                     NULL,    0, "change nothing, print the events there would be")          \
    S(T, timeout,    DURATION(1, 31536000),    NULL,    0, "give up after this time")                                  \
    S(T, fix_hints,  BOOL,                     NULL,    0, "show commands that fix what was found")                    \
    S(T, context,    NAME(1, 64),              NULL,    0, "use this context's server, user and token")                \
    S(T, server,     TEXT(1, 512),             NULL,    0, "address of a controller, as https://host:8001")            \
    S(T, user,       NAME(1, 64),              NULL,    0, "user to act as")                                           \
    S(T, token_file, TEXT(1, 4096),            NULL,    0, "file that holds the user's token; -: standard input")      \
    S(T, fingerprint, TEXT(1, 255),            NULL,    0, "fingerprint of the authority that vouches for the server") \
    S(T, authority_file, TEXT(1, 4096),        NULL,    0, "file with certificates of such authorities, as PEM")
AQ_DECLARE_SETTINGS(cli_flags)
/* clang-format on */

/* Sets of flags. */
#define CLI_FLAG_NUMBER(tag, name, type, preset, rules, help) CLI_FLAG_##name,
enum { cli_flags_fields(CLI_FLAG_NUMBER, cli_flags) cli_flag_count };
#define CLI_BIT(flag) (UINT64_C(1) << CLI_FLAG_##flag)

struct cli_filter {
    const char *field;
    const char *pattern;
    bool negated; /* field!=pattern */
};

struct cli_options {
    struct cli_flags flags;
    uint64_t given;      /* the flags that were given */
    uint64_t by_letter;  /* which of them as a letter */
    char unknown[72];    /* the first flag that does not exist, as it was typed; "": none */
    unsigned unknown_at; /* the number of words before it */
    const char *words[CLI_WORDS_MAX];
    unsigned word_count;
    unsigned word_tail;      /* the number of words before --; word_count: there are none behind it */
    unsigned argument_count; /* of the words behind --, which are a command's; 0: they are words as all others */
    const char *files[CLI_FILES_MAX];
    unsigned file_count;
    const char *secrets[CLI_FILES_MAX];
    unsigned secret_count;
    struct cli_filter filters[CLI_FILTERS_MAX];
    unsigned filter_count;
    struct aq_arena arena; /* memory of what is not in argv */
};

/* Fills `options` from argv[1..]. -1: a flag is wrong; the message never repeats a value that might be a secret. A flag
 * that does not exist is only kept in `unknown`: what was meant depends on the verb. -o json is --json, and so on. */
int cli_options_parse(struct cli_options *options, int argc, char **argv, struct aq_error *error) AQ_MUST_CHECK;
void cli_options_close(struct cli_options *options);

/* The argument_count words of a command that were given behind --. */
const char *const *cli_options_arguments(const struct cli_options *options);

/* Fails if there is a flag that does not exist, or one that is not in `taken`; the flags in `taken`, and filters by
 * fields of `filtered` (NULL: none), are what it may suggest. `verb` is for the message: "aq nodes list". */
int cli_options_check(const struct cli_options *options, uint64_t taken, const struct aq_entity *filtered,
                      const char *verb, struct aq_error *error) AQ_MUST_CHECK;

bool cli_options_gave(const struct cli_options *options, const char *flag);

/* field=pattern or field!=pattern, taken apart. False: the text is neither. `out->field` is in `arena`. */
bool cli_filter_read(const char *text, struct cli_filter *out, struct aq_arena *arena);

/* The letter of a flag, '\0': none. --follow and --file share -f; the verb decides which one it is. */
char cli_flag_letter(const char *flag);
/* The flag of the field as users type it: "--dry-run". `out` has 64 bytes. */
const char *cli_flag_spelling(const struct aq_field *field, char *out);
/* Does a verb that takes these flags take this one? --output is there wherever one of its forms is. */
bool cli_flag_is_taken(uint64_t taken, const struct aq_field *field);

#endif
