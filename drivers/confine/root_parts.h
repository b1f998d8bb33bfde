/* Parts of a workload's root. Private to root.c. Functions fail with -1 and `error`. */
#ifndef AQ_DRIVERS_CONFINE_ROOT_PARTS_H
#define AQ_DRIVERS_CONFINE_ROOT_PARTS_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Puts a detached mount at `path` below `root`, creating directories. No link in `root` is followed: it may be a
 * directory that others write. */
int confine_attach(int tree, int root, const char *path, struct aq_error *error) AQ_MUST_CHECK;
int confine_attach_file(int tree, int root, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* A file system in memory, mounted at the path. Returns its root's descriptor. */
int confine_memory_add(const char *path, uint64_t bytes, struct aq_error *error) AQ_MUST_CHECK;

/* The directory `lower`, with what is created in it kept in `scratch`, mounted at the path over `scratch`. Returns its
 * root's descriptor. */
int confine_overlay_add(int lower, int scratch, const char *path, struct aq_error *error) AQ_MUST_CHECK;

int confine_devices_add(int scratch, int root, struct aq_error *error) AQ_MUST_CHECK;
int confine_processes_add(bool may_be_root, int root, struct aq_error *error) AQ_MUST_CHECK;

#endif
