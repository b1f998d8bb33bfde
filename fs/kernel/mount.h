/* The place where the tree is mounted, before it is. */
#ifndef AQ_FS_KERNEL_MOUNT_H
#define AQ_FS_KERNEL_MOUNT_H

#include "schema/base/error.h"

/* Makes the directory where there is none, and takes away a mount whose server has died. AQ_E_EXISTS: something is
 * mounted there and alive. */
int mount_prepare(const char *path, struct aq_error *error) AQ_MUST_CHECK;

#endif
