/* Writes that a browser sends for a page: a page of another origin must not write with the login that the browser
 * knows.
 *
 * Browsers say where a request comes from (Sec-Fetch-Site, and Origin in older ones). Such a write is taken from our
 * own origin only, and with a body that says that it is JSON, which no form can send. A client that is no browser, and
 * says nothing of that kind, may also send a body without a type or with that of a form, as curl -d and older clients
 * do. */
#ifndef AQ_CONTROLLER_SERVE_BROWSER_H
#define AQ_CONTROLLER_SERVE_BROWSER_H

#include "controller/serve/request.h"

/* Could the request come from a page whose name was led to this host's address (DNS rebinding)? To the browser, we are
 * then that page's own origin. The name that was asked for tells: it has a dot and is no address. */
bool browser_may_be_misled(const char *host); /* the header Host; NULL: there is none */

/* Checks a request that runs a command. Fails with AQ_E_FORBIDDEN or AQ_E_TYPE. */
int browser_check(struct request *request) AQ_MUST_CHECK;

#endif
