/* The clocks. Nothing else in the tree calls clock_gettime().
 *
 * Intervals and deadlines are measured with the monotonic clock, which never jumps. Wall time is for what is shown or
 * stored: milliseconds since 1970-01-01 UTC, and jumps when the system's time is set. */
#ifndef AQ_SCHEMA_BASE_CLOCK_H
#define AQ_SCHEMA_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

uint64_t aq_clock_ms(void); /* monotonic */
uint64_t aq_clock_us(void);
uint64_t aq_clock_ns(void);
uint64_t aq_clock_coarse_ms(void); /* monotonic, up to 10 ms late, several times cheaper */
uint64_t aq_clock_boot_ms(void);   /* monotonic, and runs on while the machine is suspended */
uint64_t aq_clock_wall_ms(void);   /* since 1970-01-01 UTC */

/* The time on the monotonic clock in `ms` from now, for pthread_cond_timedwait() on a condition variable that uses
 * CLOCK_MONOTONIC. */
struct timespec aq_clock_deadline(uint64_t ms);

#endif
