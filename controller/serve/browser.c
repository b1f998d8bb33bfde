#include "controller/serve/browser.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Does the origin, such as http://127.0.0.1:8001, name the host that the request was sent to? */
static bool is_same_origin(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    return at != NULL && host != NULL && strcasecmp(at + 3, host) == 0;
}

/* Sec-Fetch-Site is the browser's own word; a page cannot set it, and a proxy does not change it. */
static int check_site(struct request *request, const char *site, const char *origin)
{
    if (site != NULL && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
        return 0;
    if (site == NULL && (origin == NULL || is_same_origin(origin, request_header(request, "Host"))))
        return request->error.code == AQ_OK ? 0 : -1;
    return aq_fail(&request->error, AQ_E_FORBIDDEN, "a page of another origin (%.100s) may not write here",
                   origin != NULL ? origin : site);
}

static bool type_is(const char *type, const char *wanted)
{
    size_t length = strlen(wanted);
    return strncasecmp(type, wanted, length) == 0 && strchr("; \t", type[length]) != NULL;
}

static int check_type(struct request *request, bool from_browser)
{
    const char *type = request_header(request, "Content-Type");
    if (request->error.code != AQ_OK)
        return -1;
    if (request->body.length == 0 || (type != NULL && type_is(type, "application/json")) ||
        (!from_browser && (type == NULL || type_is(type, "application/x-www-form-urlencoded"))))
        return 0;
    return aq_fail(&request->error, AQ_E_TYPE, "Content-Type is \"%.100s\", but must be application/json",
                   type != NULL ? type : "");
}

bool browser_may_be_misled(const char *host)
{
    char name[INET6_ADDRSTRLEN];
    struct in_addr address;
    if (host == NULL || host[0] == '[' || memchr(host, '.', strcspn(host, ":")) == NULL)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
    return strcspn(host, ":") >= sizeof name || inet_pton(AF_INET, name, &address) != 1;
}

int browser_check(struct request *request)
{
    const char *site = request_header(request, "Sec-Fetch-Site"), *origin = request_header(request, "Origin");
    const char *mode = request_header(request, "Sec-Fetch-Mode"), *referer = request_header(request, "Referer");
    bool from_browser = site != NULL || origin != NULL || mode != NULL || referer != NULL;
    if (request->error.code != AQ_OK || check_site(request, site, origin) != 0)
        return -1;
    return check_type(request, from_browser);
}
