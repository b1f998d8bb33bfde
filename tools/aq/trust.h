/* How aq knows that an https server is the right one: by the fingerprint of its authority (schema/wire/fingerprint.h),
 * by certificates of authorities, else by the authorities that this machine trusts. */
#ifndef AQ_TOOLS_AQ_TRUST_H
#define AQ_TOOLS_AQ_TRUST_H

#include "schema/base/memory.h"
#include "schema/wire/fingerprint.h"

enum { CLI_AUTHORITIES_SIZE_MAX = 65536 };

/* Adds the certificates in a file of PEM blocks to `out`, without anything else that is in the file: a private key does
 * not get in. Fails if there are none. */
int cli_authorities_read(const char *path, struct aq_buffer *out, struct aq_error *error) AQ_MUST_CHECK;

#endif
