/* Is text from outside what it should be: UTF-8, or a name? */
#ifndef AQ_SCHEMA_BASE_UTF8_H
#define AQ_SCHEMA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Only letters, digits, '.', '_' and '-', beginning with a letter or digit. The empty text is good. */
bool aq_name_is_good(const char *text, size_t length);

/* Well-formed UTF-8 as of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool aq_utf8_is_good(const char *text, size_t length);

#endif
