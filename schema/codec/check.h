/* Checks a field's value against its declaration. */
#ifndef AQ_SCHEMA_CODEC_CHECK_H
#define AQ_SCHEMA_CODEC_CHECK_H

#include "schema/model/record.h"

/* Checks the field of `object`: bounds, UTF-8, the characters of names, documents. `path` is what the user calls the
 * field: "application.label". */
int aq_field_check(const struct aq_field *field, const void *object, const char *path,
                   struct aq_error *error) AQ_MUST_CHECK;
/* The same for what somebody typed: there, texts may not have characters that change what a reader sees
 * (aq_utf8_harmful()). */
int aq_field_check_typed(const struct aq_field *field, const void *object, const char *path,
                         struct aq_error *error) AQ_MUST_CHECK;

#endif
