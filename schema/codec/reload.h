/* Settings that are read again while the program runs, on SIGHUP. Those that are declared AQ_LIVE take effect, the
 * others need a restart.
 *
 *     if (aq_config_read(&record, &fresh, arguments, &arena, &error) == 0)
 *         aq_config_reload(&record, &running, &fresh);
 *
 * A number, a word or a bool that is live may be read by other threads meanwhile: with AQ_SETTING(). */
#ifndef AQ_SCHEMA_CODEC_RELOAD_H
#define AQ_SCHEMA_CODEC_RELOAD_H

#include "schema/model/record.h"

#define AQ_SETTING(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)

/* Takes the live settings of `fresh` into `running`; their texts and lists then are those of `fresh`, equal ones, too.
 * Writes to the journal which have taken effect, with their values, and which need a restart. */
void aq_config_reload(const struct aq_record *record, void *running, const void *fresh);

/* The same without the journal. Appends "log.queue=100 journal=debug" to `taken`, "api.port" to `left`. */
void aq_config_take_live(const struct aq_record *record, void *running, const void *fresh, struct aq_buffer *taken,
                         struct aq_buffer *left);

#endif
