/* A bell wakes a thread that polls descriptors: an eventfd that is readable from aq_bell_ring() to aq_bell_clear().
 * Several rings count as one. The descriptor is nonblocking and closed on exec; free it with close(). */
#ifndef AQ_SCHEMA_BASE_BELL_H
#define AQ_SCHEMA_BASE_BELL_H

#include "schema/base/error.h"

int aq_bell_open(struct aq_error *error) AQ_MUST_CHECK; /* a descriptor; -1 with `error` */

/* From any thread and from signal handlers. */
void aq_bell_ring(int bell);

/* Clear first, then look for work: the next poll then sees a ring in between. */
void aq_bell_clear(int bell);

#endif
