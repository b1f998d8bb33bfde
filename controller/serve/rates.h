/* How many requests a token, a user and an address may send: AQ_E_RATE when it is too many, with the time to wait.
 *
 *   a token        api.requests_per_token
 *   a user         api.requests_per_user, for all of its tokens together
 *   an address     api.requests_per_address, for requests without a login: health, metrics, metadata. Of IPv6, the
 *                  first 64 bits count
 *
 * Each is a number a second over a long time; a minute's worth may come at once. Users with the permission
 * cluster.exceed have no limit. Wrong logins have limits of their own (controller/auth/attempts.h). Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_RATES_H
#define AQ_CONTROLLER_SERVE_RATES_H

#include "controller/serve/request.h"
#include "controller/settings/settings.h"

struct rates;

struct rates *rates_new(const struct aq_config_api *config);
void rates_free(struct rates *rates); /* NULL is fine */

/* Counts a request of a caller that is known, or of one that is not. request->now is set. */
int rates_count(struct rates *rates, struct request *request) AQ_MUST_CHECK;

uint64_t rates_refused(const struct rates *rates);

#endif
