/* Recovers a damaged log without a backup: copies the intact entries up to the first lost one into a new log, from
 * which a controller can start. */
#ifndef AQ_CONTROLLER_LOG_SALVAGE_H
#define AQ_CONTROLLER_LOG_SALVAGE_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdint.h>

/* Copies the entries of <directory>/log into the new directory `target`, and checks their hash chain. The damaged log
 * is only read, without LMDB; nothing may write to it meanwhile. Appends a report in words: what was copied, and what
 * is lost. Lost entries are not a failure. After a failure there is no `target`. */
int salvage(const char *directory, const char *target, uint64_t map_bytes, struct aq_buffer *report,
            struct aq_error *error) AQ_MUST_CHECK;

#endif
