/* Failed attempts to log in, by the address that they come from: a table of fixed size. An address may fail a few times
 * at once, and then once a second. Nobody else is slowed down. The caller serializes calls. */
#ifndef AQ_CONTROLLER_AUTH_ATTEMPTS_H
#define AQ_CONTROLLER_AUTH_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTEMPTS_AT_ONCE = 10, ATTEMPTS_REFILL_MS = 1000, ATTEMPTS_TOLD_MS = 60000, ATTEMPTS_TOLD_MAX = 60 };

/* An address, as schema/base/address.h has it. Those of one host count together (aq_address_host_length()). */
struct attempts_source {
    unsigned char bytes[16];
};

struct attempts;

struct attempts *attempts_new(void);
void attempts_free(struct attempts *attempts); /* NULL is fine */

/* One of the attempts that the address may fail is taken. False: there is none left. */
bool attempts_take(struct attempts *attempts, const struct attempts_source *source, uint64_t now_ms);
/* It did not fail after all. */
void attempts_give_back(struct attempts *attempts, const struct attempts_source *source);

/* Counts a failure. Returns how many there were since the address was last told of, if it is time to tell of it (the
 * first one, and then once a minute; of many addresses, ATTEMPTS_TOLD_MAX in a minute); else 0. */
uint64_t attempts_count(struct attempts *attempts, const struct attempts_source *source, uint64_t now_ms);

#endif
