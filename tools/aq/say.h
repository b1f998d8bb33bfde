/* Output of aq: results to standard output, everything else to standard error. What comes from the server is not
 * trusted: control characters, broken UTF-8 and marks that change the direction of text never reach a terminal as they
 * are. Colour is for terminals only, and not with NO_COLOR. */
#ifndef AQ_TOOLS_AQ_SAY_H
#define AQ_TOOLS_AQ_SAY_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stddef.h>

/* Exit status of aq. Scripts rely on it; --help documents it. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,  /* what was asked for failed: an application in ERROR, a damaged log */
    CLI_USAGE = 2,   /* aq was called wrongly; nothing was sent */
    CLI_REFUSED = 3, /* the server refused: the user's fault */
    CLI_SERVER = 4,  /* the server's fault, or it cannot be reached */
};

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_FAINT };

/* Checks standard output, standard error and the environment once; must be called first. */
void cli_say_open(void);

bool cli_on_terminal(void); /* is standard output one? */
bool cli_in_colour(void);
unsigned cli_terminal_columns(void);                 /* 0: no terminal, no limit */
unsigned cli_terminal_lines(void);                   /* 0: as above */
const char *cli_colour_code(enum cli_colour colour); /* "" without colour */
const char *cli_colour_end(void);

/* "aq: <message>" on standard error. Returns `code`, so that a caller can write `return cli_fail(...)`. */
enum cli_exit cli_fail(enum cli_exit code, const char *format, ...) AQ_PRINTF(2, 3);
/* The same for an error object: its code decides the exit status. */
enum cli_exit cli_fail_error(const struct aq_error *error);
enum cli_exit cli_exit_of(enum aq_error_code code);
/* A message for the user, not a result: to standard error. */
void cli_note(const char *format, ...) AQ_PRINTF(1, 2);

/* To standard output; made harmless first if that is a terminal. */
void cli_print(const char *text, size_t length);
/* As it is: for text that is harmless already and contains our own colours. */
void cli_print_raw(const struct aq_buffer *text);
/* Flushes standard output. CLI_FAILED when what was printed could not be written. */
enum cli_exit cli_say_close(void);

/* Appends `text` made harmless: control characters as \x1b or \u202e, invalid UTF-8 as \xff. With `lines`, line breaks
 * and tabs stay. */
void cli_clean(const char *text, size_t length, bool lines, struct aq_buffer *out);

/* The UTF-8 character at `text` (`left` bytes, at least one), its bytes in `size`; 0xFFFFFFFF: not UTF-8, one byte. */
unsigned cli_character(const char *text, size_t left, size_t *size);

#endif
