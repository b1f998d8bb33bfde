/* Configuration: reads a settings record (AQ_DEFINE_SETTINGS) from a YAML file and from the command line, and prints a
 * commented file to start from. All of it follows from the declaration.
 *
 *     struct settings settings;
 *     if (aq_config_load(&settings_record, &settings, "/etc/aquarium/controller.yml", &arena, &error) != 0)
 *         ... error.message: "/etc/aquarium/controller.yml:4:9: api.port is 70000, more than 65535" */
#ifndef AQ_SCHEMA_CODEC_CONFIG_H
#define AQ_SCHEMA_CODEC_CONFIG_H

#include "schema/base/program.h"
#include "schema/model/record.h"

/* Fills `object` (record->size bytes, need not be initialised) from the file at `path`; what the file does not set
 * has its preset. An empty file is fine, a missing one is an error. Memory comes from `arena`. The message of an error
 * in the file begins with "PATH:LINE:COLUMN: ", or with "PATH: " if it has no single place. */
int aq_config_load(const struct aq_record *record, void *object, const char *path, struct aq_arena *arena,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Sets one value of a filled `object`: "api.port=8002". A list of texts is "a,b" or ["a", "b"]. A
 * failure leaves the object as it was. */
int aq_config_set(const struct aq_record *record, void *object, const char *assignment, struct aq_arena *arena,
                  struct aq_error *error) AQ_MUST_CHECK;

/* Fills `object` from presets, the settings file and the assignments of a command line; later ones override. */
int aq_config_read(const struct aq_record *record, void *object, const struct aq_arguments *arguments,
                   struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Appends a commented YAML file with every setting: its help, bounds, unit and preset. Optional settings
 * without a preset are commented out; required ones have an example. The file loads as it is. */
void aq_config_print(const struct aq_record *record, struct aq_buffer *out);

/* For the setting `journal` of each program; the values are those of enum aq_journal_level. */
#define AQ_LOG_LEVELS(W)                                                                                               \
    W(AQ_LEVEL_DEBUG, "debug", "everything")                                                                           \
    W(AQ_LEVEL_INFO, "info", "what an operator wants to know")                                                         \
    W(AQ_LEVEL_WARN, "warn", "what may need attention")                                                                \
    W(AQ_LEVEL_ERROR, "error", "what failed")
AQ_DECLARE_WORDS(aq_level, AQ_LOG_LEVELS)

#endif
