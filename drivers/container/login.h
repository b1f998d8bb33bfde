/* A login to a registry that the label gives: in a file in memory, which skopeo reads as its authfile. */
#ifndef AQ_DRIVERS_CONTAINER_LOGIN_H
#define AQ_DRIVERS_CONTAINER_LOGIN_H

#include "schema/base/error.h"

#include <jansson.h>

enum { LOGIN_PATH_SIZE = 64 };

/* Makes the file for the registry of this image. Its path holds as long as this process has the descriptor that is
 * returned; -1 with `error`. */
int login_make(const json_t *login, const char *image, char path[LOGIN_PATH_SIZE],
               struct aq_error *error) AQ_MUST_CHECK;

#endif
