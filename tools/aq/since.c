#include "tools/aq/since.h"

#include "schema/codec/number.h"

#include <string.h>

static bool read_as(enum aq_type type, const char *text, uint64_t *value)
{
    const struct aq_field field = {.name = "since", .type = type, .most = UINT64_MAX};
    struct aq_error unused;
    return aq_number_from_text(&field, text, "--since", value, &unused) == 0;
}

int cli_since_read(const char *text, uint64_t now_ms, struct cli_since *since, struct aq_error *error)
{
    uint64_t value;
    *since = (struct cli_since){0};
    if (text[strspn(text, "0123456789")] == '\0' && read_as(AQ_TYPE_U64, text, &value)) {
        since->is_seq = true;
        since->seq = value;
    } else if (read_as(AQ_TYPE_DURATION, text, &value) && value <= now_ms / 1000) {
        since->at_ms = now_ms - value * 1000;
    } else if (read_as(AQ_TYPE_TIME, text, &value)) {
        since->at_ms = value;
    } else {
        return aq_fail(error, AQ_E_INVALID,
                       "--since is \"%.64s\", but must be how long ago, such as 5m, a time such as "
                       "2026-11-20T22:57:13Z, or, of events, a seq",
                       text);
    }
    return 0;
}
