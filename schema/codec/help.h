/* Fields in the words of help: what `aq --help`, the manual pages and a control file of the file view say about them.
 */
#ifndef AQ_SCHEMA_CODEC_HELP_H
#define AQ_SCHEMA_CODEC_HELP_H

#include "schema/model/record.h"

/* Appends what the field takes: "a whole number, 0 to 64", "one of user, admin", "a name, 1 to 64 bytes". */
void aq_help_field_type(const struct aq_field *field, struct aq_buffer *out);

#endif
