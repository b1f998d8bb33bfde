/* Small files that are there as a whole or not at all, and directories made where they are missing. */
#ifndef AQ_AGENT_FILES_H
#define AQ_AGENT_FILES_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>

/* Writes to a temporary name, syncs, renames, syncs the directory. */
int files_write(int directory, const char *name, const void *data, size_t length, struct aq_error *error) AQ_MUST_CHECK;

/* Appends the whole file, or with `newest` the last `max` bytes. Larger than `max` otherwise is an error. */
int files_read(int directory, const char *name, size_t max, bool newest, struct aq_buffer *out,
               struct aq_error *error) AQ_MUST_CHECK;

/* Makes the directory and those above it, for nobody else to read. */
int files_make_path(const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* Makes the directory in `parent` where it is missing, and opens it; -1 with `error`. */
int files_open_directory(int parent, const char *name, struct aq_error *error) AQ_MUST_CHECK;

/* Calls `entry` for each name in the directory but . and .., until it returns false; it may remove what it is called
 * for. -1: the directory cannot be read. */
typedef bool files_entry_fn(void *context, int directory, const char *name, unsigned char type);
int files_list(int directory, files_entry_fn *entry, void *context, struct aq_error *error) AQ_MUST_CHECK;

bool files_number(const char *name, uint64_t *number); /* a decimal number above 0, and nothing else */

#endif
