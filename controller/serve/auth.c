/* HTTP Basic: finds out who asks. A token that was verified lately is known at once; otherwise the connection rests
 * until the pool has verified it. */
#include "controller/serve/service.h"
#include "schema/base/utf8.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

enum {
    PROOFS_MAX = 3, /* a verified token may have been forgotten again before we asked; but not for ever */
    LOGIN_MAX = 64 + 1 + 256
};

/* "Basic <base64 of name:token>" into `login`, where the name ends in a NUL. NULL with `error`: missing or malformed;
 * else the token. */
static const char *parse_login(const char *header, char login[LOGIN_MAX + 1], struct aq_error *error)
{
    static const char scheme[] = "Basic ";
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0) {
        aq_fail(error, AQ_E_UNAUTHENTICATED, "user name and token are missing: send them by HTTP Basic");
        return NULL;
    }
    header += sizeof scheme - 1;
    header += strspn(header, " ");
    size_t length = 0;
    if (sodium_base642bin((unsigned char *)login, LOGIN_MAX, header, strlen(header), NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        aq_fail(error, AQ_E_UNAUTHENTICATED, "the Authorization header is not the base64 form of name:token");
        return NULL;
    }
    login[length] = '\0';
    char *colon = memchr(login, ':', length);
    if (colon == NULL || strlen(login) != length || !aq_utf8_is_good(login, length)) {
        aq_fail(error, AQ_E_UNAUTHENTICATED, "the Authorization header is not the base64 form of name:token");
        return NULL;
    }
    *colon = '\0';
    return colon + 1;
}

/* On a thread of the pool. */
static void verified(void *context, const struct aq_error *error)
{
    struct request *request = context;
    if (error->code != AQ_OK)
        request->error = *error;
    request_wake(request);
}

enum outcome auth_step(struct request *request)
{
    struct serve *serve = request->serve;
    char login[LOGIN_MAX + 1];
    if (request->error.code != AQ_OK)
        return READY;
    const char *header = request_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    if (request->error.code != AQ_OK)
        return READY;
    const char *token = parse_login(header, login, &request->error);
    if (token == NULL)
        return READY;
    if (request->proofs++ == PROOFS_MAX) {
        aq_fail(&request->error, AQ_E_BUSY, "too many tokens are being verified; try again");
        return READY;
    }
    request->step = auth_step;
    int status = credentials_check(serve->options.credentials, login, token, &request->user, &request->arena, verified,
                                   request, &request->error);
    sodium_memzero(login, sizeof login);
    request->known = status == 1;
    return status == 0 ? RESTING : READY;
}
