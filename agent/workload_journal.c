#include "agent/workload_journal.h"

#include <inttypes.h>
#include <stdio.h>

void workload_journal(enum aq_journal_level level, const char *words, uint64_t resource, const char *detail)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, resource);
    aq_journal(level, words, "resource", number, "detail", detail, NULL);
}
