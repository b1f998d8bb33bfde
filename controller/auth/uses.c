#include "controller/auth/uses.h"

#include "schema/base/address.h"
#include "schema/base/journal.h"
#include "schema/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Of two tokens with the same place, each use of one makes the other forgotten: it is written more often than once a
 * minute then, which is no harm. */
struct place {
    uint64_t token, written_ms;
};

struct uses {
    struct place places[USES_PLACES];
    struct use pending[USES_PENDING_MAX];
    size_t count;
    uint64_t write_ms; /* not before */
};

struct uses *uses_new(void)
{
    return aq_calloc(1, sizeof(struct uses));
}

void uses_free(struct uses *uses)
{
    free(uses);
}

bool uses_note(struct uses *uses, const struct use *use, uint64_t boot_ms)
{
    struct place *place = &uses->places[use->token % USES_PLACES];
    bool due = place->token != use->token || boot_ms - place->written_ms >= USES_EVERY_MS;
    if (due && uses->count < USES_PENDING_MAX) { /* or the next use tries again */
        *place = (struct place){use->token, boot_ms};
        uses->pending[uses->count++] = *use;
    }
    return uses->count > 0 && boot_ms >= uses->write_ms;
}

size_t uses_take(struct uses *uses, struct use out[USES_PENDING_MAX], uint64_t boot_ms)
{
    size_t count = uses->count;
    uses->write_ms = boot_ms + USES_WRITE_MS;
    memcpy(out, uses->pending, count * sizeof *out);
    uses->count = 0;
    return count;
}

void uses_write(const struct use *uses, size_t count, struct live *live)
{
    uint64_t ids[USES_PENDING_MAX];
    struct aq_token_live rows[USES_PENDING_MAX];
    char addresses[USES_PENDING_MAX][AQ_ADDRESS_TEXT_SIZE];
    struct aq_error error = {0};
    for (size_t i = 0; i < count; i++) {
        aq_address_text(uses[i].source.bytes, addresses[i]);
        ids[i] = uses[i].token;
        rows[i] = (struct aq_token_live){.used_at = uses[i].wall_ms, .address = addresses[i]};
    }
    if (live_put_tokens(live, ids, rows, count, &error) != 0)
        aq_journal(AQ_WARN, "cannot note when tokens were used", "error", error.message, NULL);
}
