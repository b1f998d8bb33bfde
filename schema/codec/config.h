/* Configuration: a settings record (AQ_DEFINE_SETTINGS) read from a YAML file, described to whoever writes that file,
 * and overridden by single settings from the command line. All three follow from the declaration.
 *
 *     struct aq_controller_settings settings;
 *     if (aq_config_load(&aq_controller_settings_record, &settings, "/etc/aquarium/controller.yaml", &arena, &error) ||
 *         aq_config_set(&aq_controller_settings_record, &settings, "api.port=8002", &arena, &error))
 *         ... error.message: "/etc/aquarium/controller.yaml:4:9: api.port is 70000, more than 65535" */
#ifndef AQ_SCHEMA_CODEC_CONFIG_H
#define AQ_SCHEMA_CODEC_CONFIG_H

#include "schema/base/program.h"
#include "schema/model/record.h"

/* Fills `object` (record->size bytes, need not be initialised) from the file at `path`: presets where it says nothing.
 * An empty file is fine, a missing one is an error. Memory comes from `arena`; so it outlives the object. The message
 * of an error about what the file says begins with "PATH:LINE:COLUMN: ", or with "PATH: " when no one place is wrong.
 */
int aq_config_load(const struct aq_record *record, void *object, const char *path, struct aq_arena *arena,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Sets one value of a filled `object`: "api.port=8002"; a list of texts is separated by commas. After a failure the
 * object is what it was before. */
int aq_config_set(const struct aq_record *record, void *object, const char *assignment, struct aq_arena *arena,
                  struct aq_error *error) AQ_MUST_CHECK;

/* Fills `object` from presets, the settings file and the assignments of a command line, each over those before. */
int aq_config_read(const struct aq_record *record, void *object, const struct aq_arguments *arguments,
                   struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Appends a commented YAML file with every setting: its help, bounds, unit and preset. What has neither a preset nor
 * must be given is commented out; what must be given has an example. The file loads as it is. */
void aq_config_print(const struct aq_record *record, struct aq_buffer *out);

/* For the setting `journal` of each program; the values are those of enum aq_journal_level. */
#define AQ_LOG_LEVELS(W)                                                                                               \
    W(AQ_LEVEL_DEBUG, "debug", "everything")                                                                           \
    W(AQ_LEVEL_INFO, "info", "what an operator wants to know")                                                         \
    W(AQ_LEVEL_WARN, "warn", "what may need attention")                                                                \
    W(AQ_LEVEL_ERROR, "error", "what failed")
AQ_DECLARE_WORDS(aq_level, AQ_LOG_LEVELS)

#endif
