#include "controller/serve/rates.h"

#include "schema/base/address.h"
#include "schema/base/buckets.h"
#include "schema/base/journal.h"
#include "schema/codec/reload.h"
#include "schema/model/permission.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BURST_SECONDS = 60, TOLD_EVERY_MS = 60000 };

struct rates {
    const struct aq_config_api *config;
    const struct aq_permission *exceed;
    struct aq_buckets *tokens, *users, *addresses;
    uint64_t refused;
    struct aq_journal_count told;
};

struct rates *rates_new(const struct aq_config_api *config)
{
    struct rates *rates = aq_calloc(1, sizeof *rates);
    *rates = (struct rates){.config = config,
                            .exceed = aq_permission_named("cluster.exceed"),
                            .tokens = aq_buckets_new(),
                            .users = aq_buckets_new(),
                            .addresses = aq_buckets_new()};
    aq_assert(rates->exceed != NULL);
    return rates;
}

void rates_free(struct rates *rates)
{
    if (rates == NULL)
        return;
    aq_buckets_free(rates->tokens);
    aq_buckets_free(rates->users);
    aq_buckets_free(rates->addresses);
    free(rates);
}

uint64_t rates_refused(const struct rates *rates)
{
    return rates->refused;
}

/* Once a minute, with the latest of those who sent too many. */
static void tell(struct rates *rates, const struct request *request, const char *who)
{
    char text[24];
    rates->refused++;
    const uint64_t times = aq_journal_due(&rates->told, request->now.steady_ms, TOLD_EVERY_MS);
    if (times == 0)
        return;
    snprintf(text, sizeof text, "%" PRIu64, times);
    aq_journal(AQ_WARN, "too many requests", "who", who, "times", text, NULL);
}

static int count(struct rates *rates, struct aq_buckets *buckets, uint64_t key, uint64_t rate, const char *setting,
                 struct request *request, const char *who)
{
    const struct aq_budget budget = {rate, rate * BURST_SECONDS};
    uint64_t wait_ms;
    if (aq_buckets_open(buckets, key, &budget, request->now.steady_ms, &wait_ms)) {
        aq_buckets_spend(buckets, key, &budget, 1, request->now.steady_ms);
        return 0;
    }
    tell(rates, request, who);
    (void)aq_fail(&request->error, AQ_E_RATE, "%s sends more than %" PRIu64 " requests a second (%s)", who, rate,
                  setting);
    request->error.retry_s = (unsigned)(wait_ms / 1000 + 1);
    return -1;
}

static int count_caller(struct rates *rates, struct request *request)
{
    const struct aq_caller *caller = &request->caller;
    char who[AQ_NAME_MAX + 40];
    if (aq_rights_scope(&caller->rights, rates->exceed) != AQ_SCOPE_NONE)
        return 0;
    snprintf(who, sizeof who, "token %" PRIu64 " of user %s", caller->token, caller->name);
    if (caller->token != 0 && count(rates, rates->tokens, caller->token, AQ_SETTING(rates->config->requests_per_token),
                                    "api.requests_per_token", request, who) != 0)
        return -1;
    snprintf(who, sizeof who, "user %s", caller->name);
    return count(rates, rates->users, caller->number, AQ_SETTING(rates->config->requests_per_user),
                 "api.requests_per_user", request, who);
}

static int count_address(struct rates *rates, struct request *request)
{
    unsigned char bytes[AQ_ADDRESS_BYTES];
    char address[AQ_ADDRESS_TEXT_SIZE];
    uint64_t key;
    (void)aq_address_bytes(request_peer(request), bytes);
    memcpy(&key, bytes + aq_address_host_length(bytes) - sizeof key, sizeof key);
    request_address(request, address, sizeof address);
    return count(rates, rates->addresses, key != 0 ? key : 1, AQ_SETTING(rates->config->requests_per_address),
                 "api.requests_per_address", request, address);
}

int rates_count(struct rates *rates, struct request *request)
{
    return request->known ? count_caller(rates, request) : count_address(rates, request);
}
