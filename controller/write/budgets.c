#include "controller/write/budgets.h"

#include "schema/base/buckets.h"
#include "schema/base/journal.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOLD_EVERY_MS = 60000 };

struct budgets {
    const struct aq_config_log *config;
    const struct aq_permission *exceed;
    struct aq_buckets *users;
    struct aq_journal_count told;
};

struct budgets *budgets_new(const struct aq_config_log *config)
{
    struct budgets *budgets = aq_calloc(1, sizeof *budgets);
    *budgets =
        (struct budgets){.config = config, .exceed = aq_permission_named("cluster.exceed"), .users = aq_buckets_new()};
    aq_assert(budgets->exceed != NULL);
    return budgets;
}

void budgets_free(struct budgets *budgets)
{
    if (budgets == NULL)
        return;
    aq_buckets_free(budgets->users);
    free(budgets);
}

static bool has_limit(const struct budgets *budgets, const struct aq_caller *caller)
{
    return caller->number != 0 && !caller->internal &&
           aq_rights_scope(&caller->rights, budgets->exceed) == AQ_SCOPE_NONE;
}

static struct aq_budget budget_of(const struct budgets *budgets)
{
    return (struct aq_budget){AQ_SETTING(budgets->config->user_rate), AQ_SETTING(budgets->config->user_burst)};
}

/* Once a minute, with the latest of those who have written too much. */
static void tell(struct budgets *budgets, const struct aq_caller *caller, uint64_t now_ms)
{
    char text[24];
    const uint64_t times = aq_journal_due(&budgets->told, now_ms, TOLD_EVERY_MS);
    if (times == 0)
        return;
    snprintf(text, sizeof text, "%" PRIu64, times);
    aq_journal(AQ_WARN, "a user writes too much", "user", caller->name, "times", text, NULL);
}

bool budgets_allow(struct budgets *budgets, struct writer_request *request, uint64_t now_ms)
{
    const struct aq_budget budget = budget_of(budgets);
    uint64_t wait_ms;
    if (!has_limit(budgets, &request->caller) || request->dry_run ||
        aq_buckets_open(budgets->users, request->caller.number, &budget, now_ms, &wait_ms))
        return true;
    tell(budgets, &request->caller, now_ms);
    (void)aq_fail(&request->error, AQ_E_RATE,
                  "user %s has written more than %" PRIu64 " bytes, and %" PRIu64
                  " a second after that (log.user_burst, log.user_rate): try again later",
                  request->caller.name, budget.burst, budget.rate);
    request->error.retry_s = (unsigned)(wait_ms / 1000 + 1);
    return false;
}

void budgets_charge(struct budgets *budgets, const struct writer_request *request, uint64_t now_ms)
{
    const struct aq_budget budget = budget_of(budgets);
    if (request->log_bytes > 0 && !request->dry_run && has_limit(budgets, &request->caller))
        aq_buckets_spend(budgets->users, request->caller.number, &budget, request->log_bytes, now_ms);
}
