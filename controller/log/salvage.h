/* A way out for who has no backup of a log that is damaged: what is whole, up to the first entry that is lost, becomes
 * a log of its own, which a controller starts from. */
#ifndef AQ_CONTROLLER_LOG_SALVAGE_H
#define AQ_CONTROLLER_LOG_SALVAGE_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdint.h>

/* Copies the entries of <directory>/log into the new directory `target`, proving the hash chain on the way. The log is
 * only read, not even by LMDB; nobody may write it meanwhile. Appends a report in words: what was copied, and what is
 * lost. -1: there is no `target` then, and `error` says why; that something is lost is no such failure. */
int salvage(const char *directory, const char *target, uint64_t map_bytes, struct aq_buffer *report,
            struct aq_error *error) AQ_MUST_CHECK;

#endif
