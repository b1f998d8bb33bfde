/* Prepares the mount point. */
#ifndef AQ_FS_KERNEL_MOUNT_H
#define AQ_FS_KERNEL_MOUNT_H

#include "schema/base/error.h"

/* Creates the directory if it is missing, and removes a mount whose server has died. Fails with AQ_E_EXISTS if another
 * file system is mounted there. */
int mount_prepare(const char *path, struct aq_error *error) AQ_MUST_CHECK;

#endif
