/* What the agent writes about a workload into its journal. */
#ifndef AQ_AGENT_WORKLOAD_JOURNAL_H
#define AQ_AGENT_WORKLOAD_JOURNAL_H

#include "schema/base/journal.h"

#include <stdint.h>

void workload_journal(enum aq_journal_level level, const char *words, uint64_t resource, const char *detail);

#endif
