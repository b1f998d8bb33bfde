/* HTTP with names, proxies and TLS, by libcurl, which is loaded when the first connection is opened. */
#define CURL_DISABLE_TYPECHECK /* its checks are macros that take no pointers to functions */
#include "tools/aq/certificates.h"
#include "tools/aq/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define LIBRARY "libcurl.so.4"
enum { CONNECT_MOST_MS = 5000 };

#define FUNCTIONS(X)                                                                                                   \
    X(global_init)                                                                                                     \
    X(easy_init)                                                                                                       \
    X(easy_reset)                                                                                                      \
    X(easy_setopt)                                                                                                     \
    X(easy_getinfo)                                                                                                    \
    X(easy_strerror)                                                                                                   \
    X(easy_cleanup)                                                                                                    \
    X(slist_append)                                                                                                    \
    X(slist_free_all)                                                                                                  \
    X(multi_init)                                                                                                      \
    X(multi_add_handle)                                                                                                \
    X(multi_remove_handle)                                                                                             \
    X(multi_perform)                                                                                                   \
    X(multi_poll)                                                                                                      \
    X(multi_info_read)                                                                                                 \
    X(multi_cleanup)

/* libcurl's functions, once it is loaded. */
static struct {
#define FIELD(name) __typeof__(curl_##name) *name;
    FUNCTIONS(FIELD)
} curl;

struct far {
    struct cli_http http;
    struct cli_certificates certificates;
    char details[CURL_ERROR_SIZE]; /* libcurl's, of the last failure */
    CURLM *multi;
    CURL *handle;
    bool under_way;
    struct curl_slist *headers;
    struct cli_http_request asked;
};

static struct far *far_of(struct cli_http *http)
{
    return (struct far *)http;
}

static int load(void **loaded, struct aq_error *error)
{
    static void *library;
    static const struct {
        const char *name;
        void *place;
    } functions[] = {
#define ROW(name) {"curl_" #name, &curl.name},
        FUNCTIONS(ROW)};
    *loaded = library;
    if (curl.global_init != NULL)
        return 0;
    *loaded = library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = AQ_LENGTH(functions); library != NULL && i > 0; i--) { /* the last one looked up: all are there */
        void *function = dlsym(library, functions[i - 1].name);
        if (function == NULL)
            return aq_fail(error, AQ_E_INVALID, "%s has no %s: is it too old?", LIBRARY, functions[i - 1].name);
        memcpy(functions[i - 1].place, &function, sizeof function);
    }
    if (library == NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "%s, which addresses other than http://127.0.0.1 need, cannot be loaded: %.200s", LIBRARY,
                       dlerror());
    if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        aq_broken(__FILE__, __LINE__, "libcurl failed to start");
    return 0;
}

static struct cli_http *far_open(const struct cli_connect *connect, struct aq_error *error)
{
    void *library;
    if (load(&library, error) != 0 || (connect->is_tls && cli_certificates_load(library, error) != 0))
        return NULL;
    struct far *far = aq_calloc(1, sizeof *far);
    far->certificates.connect = connect;
    far->multi = curl.multi_init();
    far->handle = curl.easy_init();
    aq_assert(far->multi != NULL && far->handle != NULL);
    return &far->http;
}

static void far_stop(struct cli_http *http)
{
    struct far *far = far_of(http);
    if (far->under_way)
        curl.multi_remove_handle(far->multi, far->handle);
    far->under_way = false;
    curl.slist_free_all(far->headers);
    far->headers = NULL;
}

static void far_close(struct cli_http *http)
{
    struct far *far = far_of(http);
    far_stop(http);
    curl.easy_cleanup(far->handle);
    curl.multi_cleanup(far->multi);
    free(far);
}

static size_t take_piece(char *bytes, size_t size, size_t count, void *context)
{
    struct far *far = context;
    long status = 0;
    curl.easy_getinfo(far->handle, CURLINFO_RESPONSE_CODE, &status);
    return far->asked.take(far->asked.context, status, bytes, size * count) ? size * count : 0;
}

static void set(struct far *far, CURLoption option, const char *text)
{
    if (curl.easy_setopt(far->handle, option, text) != CURLE_OK)
        aq_broken(__FILE__, __LINE__, "libcurl does not know an option");
}

static void add_header(struct far *far, const char *line)
{
    far->headers = curl.slist_append(far->headers, line);
    aq_assert(far->headers != NULL);
}

static CURLcode look_at_handshake(CURL *handle, void *ssl_context, void *context)
{
    struct far *far = context;
    (void)handle;
    cli_certificates_judge(&far->certificates, ssl_context);
    return CURLE_OK;
}

/* Certificates are judged by cli_certificates_judge(). libcurl checks the name again. */
static void set_trust(struct far *far)
{
    const struct cli_connect *connect = far->http.connect;
    far->certificates.why[0] = far->certificates.presented[0] = '\0';
    curl.easy_setopt(far->handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (curl.easy_setopt(far->handle, CURLOPT_SSL_CTX_FUNCTION, look_at_handshake) != CURLE_OK)
        aq_broken(__FILE__, __LINE__, "libcurl does not let us check certificates");
    curl.easy_setopt(far->handle, CURLOPT_SSL_CTX_DATA, far);
    if (connect->fingerprint[0] != '\0' || connect->authorities != NULL) {
        set(far, CURLOPT_CAINFO, NULL); /* those of the machine are not asked, and take long to read */
        set(far, CURLOPT_CAPATH, NULL);
    }
}

static void set_login(struct far *far)
{
    const struct cli_connect *connect = far->http.connect;
    bool by_name = connect->user[0] != '\0';
    curl.easy_setopt(far->handle, CURLOPT_HTTPAUTH, by_name ? CURLAUTH_BASIC : CURLAUTH_BEARER);
    if (by_name) {
        set(far, CURLOPT_USERNAME, connect->user);
        set(far, CURLOPT_PASSWORD, connect->token);
    } else {
        set(far, CURLOPT_XOAUTH2_BEARER, connect->token);
    }
}

static void set_address(struct far *far)
{
    const struct cli_connect *connect = far->http.connect;
    struct aq_buffer url = {0};
    aq_buffer_format(&url, "%s%s", connect->server, far->asked.path);
    set(far, CURLOPT_URL, aq_buffer_string(&url));
    aq_buffer_free(&url);
    set(far, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!far->asked.anonymous)
        set_login(far);
    set(far, CURLOPT_USERAGENT, "aq/" CLI_VERSION);
    curl.easy_setopt(far->handle, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(far->handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MOST_MS);
    curl.easy_setopt(far->handle, CURLOPT_ERRORBUFFER, far->details);
    far->details[0] = '\0';
    if (connect->is_local)
        set(far, CURLOPT_PROXY, "");
    if (connect->is_tls)
        set_trust(far);
}

static void far_start(struct cli_http *http, const struct cli_http_request *request)
{
    struct far *far = far_of(http);
    aq_assert(!far->under_way);
    far->asked = *request;
    curl.easy_reset(far->handle); /* its connection stays */
    set_address(far);
    set(far, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->idempotency_key != NULL) {
        char line[128];
        snprintf(line, sizeof line, "Idempotency-Key: %s", request->idempotency_key);
        add_header(far, line);
    }
    if (request->minimal)
        add_header(far, "Prefer: return=minimal");
    if (request->body != NULL) {
        add_header(far, "Content-Type: application/json");
        add_header(far, "Expect:"); /* else a large body waits for a 100 Continue that never comes */
    }
    if (request->body != NULL || strcmp(request->method, "POST") == 0) {
        const char *body = request->body != NULL ? request->body : "";
        curl.easy_setopt(far->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        set(far, CURLOPT_POSTFIELDS, body);
    }
    curl.easy_setopt(far->handle, CURLOPT_HTTPHEADER, far->headers);
    curl.easy_setopt(far->handle, CURLOPT_WRITEFUNCTION, take_piece);
    curl.easy_setopt(far->handle, CURLOPT_WRITEDATA, far);
    if (curl.multi_add_handle(far->multi, far->handle) != CURLM_OK)
        aq_broken(__FILE__, __LINE__, "libcurl did not accept a request");
    far->under_way = true;
}

/* Something answers, but not in TLS: as a rule, plain HTTP. */
static bool is_no_tls(const struct far *far)
{
    return strstr(far->details, "wrong version number") != NULL ||
           strstr(far->details, "packet length too long") != NULL;
}

/* Did the connection break within the handshake, as when a controller restarts? libcurl has one code for all failures
 * of a handshake. */
static bool broke_in_handshake(const struct far *far)
{
    static const char *const signs[] = {"unexpected eof", "Connection reset", "SSL_ERROR_SYSCALL"};
    for (size_t i = 0; i < AQ_LENGTH(signs); i++)
        if (strstr(far->details, signs[i]) != NULL)
            return true;
    return false;
}

static enum cli_fault fault_of(const struct far *far, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return CLI_FAULT_NONE;
    case CURLE_COULDNT_CONNECT:
        return CLI_FAULT_ABSENT;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return CLI_FAULT_BROKE;
    case CURLE_WRITE_ERROR:
        return CLI_FAULT_STOPPED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return CLI_FAULT_UNTRUSTED;
    case CURLE_SSL_CONNECT_ERROR:
        return far->certificates.why[0] == '\0' && broke_in_handshake(far) ? CLI_FAULT_BROKE : CLI_FAULT_UNTRUSTED;
    default:
        return CLI_FAULT_OTHER;
    }
}

/* CURLE_TOO_LARGE, which the headers of libcurl 7.88 do not have; the library that is loaded may be newer. */
enum { TOO_LARGE = 100 };

static const char *why(struct far *far, CURLcode code)
{
    if (fault_of(far, code) == CLI_FAULT_UNTRUSTED)
        return far->certificates.why[0] != '\0' ? far->certificates.why
               : is_no_tls(far)                 ? CLI_WHY_NO_TLS
               : far->details[0] != '\0'        ? far->details
                                                : curl.easy_strerror(code);
    switch ((int)code) {
    case CURLE_COULDNT_CONNECT:
        return CLI_WHY_ABSENT;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case TOO_LARGE:           /* a header of more than 300 KiB, */
    case CURLE_OUT_OF_MEMORY: /* or of more than 100 KiB before libcurl 8.6 */
        return CLI_WHY_NO_HTTP;
    default:
        return fault_of(far, code) == CLI_FAULT_BROKE ? CLI_WHY_BROKE : curl.easy_strerror(code);
    }
}

static bool far_work(struct cli_http *http, uint64_t timeout_ms, struct cli_http_end *end)
{
    struct far *far = far_of(http);
    const CURLMsg *message;
    int running, left;
    curl_off_t after_s = 0;
    if (curl.multi_perform(far->multi, &running) != CURLM_OK)
        aq_broken(__FILE__, __LINE__, "libcurl failed");
    if (running > 0 && timeout_ms > 0) {
        curl.multi_poll(far->multi, NULL, 0, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX, NULL);
        curl.multi_perform(far->multi, &running);
    }
    message = curl.multi_info_read(far->multi, &left);
    if (message == NULL)
        return false;
    CURLcode code = message->data.result; /* the message is freed with the handle */
    *end = (struct cli_http_end){.fault = fault_of(far, code), .why = why(far, code)};
    if (far->certificates.presented[0] != '\0' && end->fault == CLI_FAULT_UNTRUSTED)
        end->presented = far->certificates.presented;
    curl.easy_getinfo(far->handle, CURLINFO_RESPONSE_CODE, &end->status);
    curl.easy_getinfo(far->handle, CURLINFO_RETRY_AFTER, &after_s);
    end->retry_after_s = after_s > 0 ? (uint64_t)after_s : 0;
    far_stop(http);
    return true;
}

const struct cli_http_kind cli_http_far = {far_open, far_close, far_start, far_work, far_stop};
