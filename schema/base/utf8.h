/* Checks text that comes from outside: is it UTF-8, is it a name? */
#ifndef AQ_SCHEMA_BASE_UTF8_H
#define AQ_SCHEMA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Only letters, digits, '.', '_' and '-', beginning with a letter or digit. The empty text passes. */
bool aq_name_is_good(const char *text, size_t length);

/* Valid UTF-8 according to RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool aq_utf8_is_good(const char *text, size_t length);

/* Is the character at `text` one that may not be shown as it is, because it changes what a reader sees: a control
 * character of the second range, which terminals obey too, a mark that changes the direction of text, a line separator
 * or a byte order mark? Returns its size, and its number in `code`; else 0. ASCII is not looked at. */
size_t aq_utf8_harmful(const char *text, size_t left, unsigned *code);
bool aq_code_is_harmful(unsigned code); /* the same for a character's number */
bool aq_utf8_has_harmful(const char *text, size_t length);

#endif
