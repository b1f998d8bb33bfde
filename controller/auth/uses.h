/* When each token was used last, and from where: gathered in memory, and written to the live tables now and then, for a
 * token once a minute at most. The caller serializes calls, but for uses_write(). */
#ifndef AQ_CONTROLLER_AUTH_USES_H
#define AQ_CONTROLLER_AUTH_USES_H

#include "controller/auth/attempts.h"
#include "controller/state/live.h"

#include <stdbool.h>
#include <stdint.h>

enum { USES_PLACES = 4096, USES_EVERY_MS = 60000, USES_PENDING_MAX = 256, USES_WRITE_MS = 1000 };

struct uses;
struct use {
    uint64_t token, wall_ms;
    struct attempts_source source;
};

struct uses *uses_new(void);
void uses_free(struct uses *uses); /* NULL is fine */

/* The token is used. Returns true if there is something to write now: that is once in USES_WRITE_MS at most, so that
 * nobody keeps the writing thread busy by using many tokens. What has to wait is written with a later use. */
bool uses_note(struct uses *uses, const struct use *use, uint64_t boot_ms);
/* Takes what is to be written, at most USES_PENDING_MAX. */
size_t uses_take(struct uses *uses, struct use out[USES_PENDING_MAX], uint64_t boot_ms);
void uses_write(const struct use *uses, size_t count, struct live *live);

#endif
