#include "controller/serve/identify.h"

#include "schema/base/utf8.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

enum {
    VERIFICATIONS_MAX = 3, /* the proof of a verified token may be dropped before identify() is called again */
    LOGIN_MAX = 64 + 1 + 256
};

/* Decodes "Basic <base64 of name:token>" into `login`, where the name then ends in a NUL. Returns the token, or NULL
 * with `error`. */
static const char *parse_login(const char *header, char login[LOGIN_MAX + 1], struct aq_error *error)
{
    static const char scheme[] = "Basic ";
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0) {
        aq_fail(error, AQ_E_UNAUTHENTICATED,
                "user name and token are missing: send them with HTTP Basic authentication");
        return NULL;
    }
    header += sizeof scheme - 1;
    header += strspn(header, " ");
    size_t length = 0;
    if (sodium_base642bin((unsigned char *)login, LOGIN_MAX, header, strlen(header), NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        aq_fail(error, AQ_E_UNAUTHENTICATED, "the Authorization header is not the base64 encoding of name:token");
        return NULL;
    }
    login[length] = '\0';
    char *colon = memchr(login, ':', length);
    if (colon == NULL || strlen(login) != length || !aq_utf8_is_good(login, length)) {
        aq_fail(error, AQ_E_UNAUTHENTICATED, "the Authorization header is not the base64 encoding of name:token");
        return NULL;
    }
    *colon = '\0';
    return colon + 1;
}

/* Runs on a thread of the credentials. */
static void verified(void *context, const struct aq_error *error)
{
    struct request *request = context;
    if (error->code != AQ_OK)
        request->error = *error;
    request_wake(request);
}

bool identify(struct request *request)
{
    char login[LOGIN_MAX + 1];
    if (request->error.code != AQ_OK)
        return true;
    const char *header = request_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    if (request->error.code != AQ_OK)
        return true;
    const char *token = parse_login(header, login, &request->error);
    if (token == NULL)
        return true;
    if (request->verifications++ == VERIFICATIONS_MAX) {
        aq_fail(&request->error, AQ_E_BUSY, "too many tokens are being verified; try again");
        return true;
    }
    uint64_t seq = writer_seq(request->backend->writer);
    int status = credentials_check(request->backend->credentials, login, token, &request->user, &request->arena, &seq,
                                   verified, request, &request->error);
    request_set_seq(request, seq);
    sodium_memzero(login, sizeof login);
    request->known = status == 1;
    return status != 0;
}
