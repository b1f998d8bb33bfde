/* What a record holds before anything is read into it. */
#ifndef AQ_SCHEMA_CODEC_PRESET_H
#define AQ_SCHEMA_CODEC_PRESET_H

#include "schema/model/record.h"

/* Fills `object` (record->size bytes): presets where fields have one, otherwise zeros, empty texts, documents "{}".
 * Memory comes from `arena`. */
void aq_record_init(const struct aq_record *record, void *object, struct aq_arena *arena);

#endif
