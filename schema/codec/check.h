/* Values that break no rule of their declaration: what a record holds before anything is read, and the checks of one
 * field. */
#ifndef AQ_SCHEMA_CODEC_CHECK_H
#define AQ_SCHEMA_CODEC_CHECK_H

#include "schema/model/record.h"

/* Texts empty, documents "{}", the presets set. `object` has record->size bytes. */
void aq_record_init(const struct aq_record *record, void *object, struct aq_arena *arena);

/* Checks one value that is in place already: bounds, UTF-8, characters of names, documents. `path` is what the
 * user calls the field: "application.label". */
int aq_field_check(const struct aq_field *field, const void *object, const char *path,
                   struct aq_error *error) AQ_MUST_CHECK;

#endif
