/* What machines use: one call of libvirt for all of them, from time to time, on a thread of the pool. */
#ifndef AQ_DRIVERS_LIBVIRT_GAUGE_H
#define AQ_DRIVERS_LIBVIRT_GAUGE_H

#include "drivers/libvirt/virt.h"
#include "schema/model/usage.h"

struct gauge_reading {
    uint64_t resource;
    char uuid[VIR_UUID_STRING_BUFLEN];
    struct aq_sample used; /* at_ms: when it was read, steady */
};

struct gauge;

/* `take` gets what is known of each machine of the node that runs. */
typedef void gauge_take_fn(void *context, const struct gauge_reading *readings, size_t count);

struct gauge *gauge_open(struct pool *pool, struct virt *connection, const char *node, gauge_take_fn *take,
                         void *context);
void gauge_free(struct gauge *gauge); /* after pool_close() has been true */

/* A machine has started. NULL: there is no gauge. */
void gauge_soon(struct gauge *gauge, uint64_t now_ms);

/* Reads, if it is time. Only while there are machines. */
void gauge_work(struct gauge *gauge, uint64_t now_ms);
uint64_t gauge_deadline_ms(const struct gauge *gauge);

#endif
