/* Checks text that comes from outside: is it UTF-8, is it a name? */
#ifndef AQ_SCHEMA_BASE_UTF8_H
#define AQ_SCHEMA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Only letters, digits, '.', '_' and '-', beginning with a letter or digit. The empty text passes. */
bool aq_name_is_good(const char *text, size_t length);

/* Valid UTF-8 according to RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool aq_utf8_is_good(const char *text, size_t length);

#endif
