#include "controller/serve/identify.h"

#include "controller/serve/local.h"
#include "schema/base/address.h"
#include "schema/base/utf8.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

enum {
    VERIFICATIONS_MAX = 3, /* the proof of a verified token may be dropped before identify() is called again */
    LOGIN_MAX = 64 + 1 + 256
};

static int refuse_header(struct aq_error *error)
{
    return aq_fail(error, AQ_E_UNAUTHENTICATED, "the Authorization header is not the base64 encoding of name:token");
}

/* Decodes "<base64 of name:token>" into `text`. */
static int parse_basic(const char *header, char text[LOGIN_MAX + 1], struct credentials_login *login,
                       struct aq_error *error)
{
    size_t length = 0;
    if (sodium_base642bin((unsigned char *)text, LOGIN_MAX, header, strlen(header), NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return refuse_header(error);
    text[length] = '\0';
    char *colon = memchr(text, ':', length);
    if (colon == NULL || strlen(text) != length || !aq_utf8_is_good(text, length))
        return refuse_header(error);
    *colon = '\0';
    login->name = text;
    login->token = colon + 1;
    return 0;
}

/* `text` holds what `login` points to. */
static int parse_login(const char *header, char text[LOGIN_MAX + 1], struct credentials_login *login,
                       struct aq_error *error)
{
    static const char basic[] = "Basic ", bearer[] = "Bearer ";
    if (header != NULL && strncasecmp(header, basic, sizeof basic - 1) == 0) {
        header += sizeof basic - 1;
        return parse_basic(header + strspn(header, " "), text, login, error);
    }
    if (header == NULL || strncasecmp(header, bearer, sizeof bearer - 1) != 0)
        return aq_fail(error, AQ_E_UNAUTHENTICATED,
                       "a token is missing: send it with HTTP Basic authentication, as name:token, or as Bearer");
    header += sizeof bearer - 1;
    header += strspn(header, " ");
    if (strlen(header) > LOGIN_MAX || !aq_utf8_is_good(header, strlen(header)))
        return aq_fail(error, AQ_E_UNAUTHENTICATED, "the Authorization header holds no token");
    memcpy(text, header, strlen(header) + 1);
    login->token = text;
    return 0;
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
    char text[LOGIN_MAX + 1];
    struct credentials_login login = {.name = NULL};
    if (request->error.code != AQ_OK)
        return true;
    const char *header = request_header(request, "Authorization");
    if (request->error.code != AQ_OK)
        return true;
    if (header == NULL && request->is_local) {
        local_identify(request);
        return true;
    }
    if (parse_login(header, text, &login, &request->error) != 0)
        return true;
    if (request->verifications++ == VERIFICATIONS_MAX) {
        aq_fail(&request->error, AQ_E_BUSY, "too many tokens are being verified; try again");
        return true;
    }
    uint64_t seq = writer_seq(request->backend->writer);
    login.time_ms = request_time_ms(request);
    login.wall_ms = request->now.wall_ms;
    (void)aq_address_bytes(request_peer(request), login.source.bytes);
    int status = credentials_check(request->backend->credentials, &login, &request->caller, &request->arena, &seq,
                                   verified, request, &request->error);
    request_set_seq(request, seq);
    sodium_memzero(text, sizeof text);
    request->known = status == 1;
    return status != 0;
}
