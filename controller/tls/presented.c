#include "controller/tls/presented.h"

#include "controller/tls/gnutls.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { WARN_DAYS = 14 };
static const uint64_t DAY_MS = TLS_DAY_S * UINT64_C(1000);

struct presented {
    const struct authority *authority;
    const char *data;
    pthread_mutex_t mutex;
    struct certificate *certificate; /* guarded by mutex */
    uint64_t warned_ms;              /* wall clock; 0: never */
};

static int gather_names(const struct aq_config_tls *config, struct tls_names *names, struct aq_error *error)
{
    for (uint32_t i = 0; i < config->names.count; i++)
        if (tls_names_add(names, AQ_TEXT_ITEM(config->names, i), error) != 0)
            return aq_error_context(error, "api.tls.names");
    return tls_names_add_host(names, config->address, error);
}

int presented_check(const struct aq_config_tls *config, struct aq_error *error)
{
    struct tls_names names = {.count = 0};
    bool has_certificate = config->certificate[0] != '\0', has_key = config->key[0] != '\0';
    if (has_certificate != has_key)
        return aq_fail(error, AQ_E_INVALID, "api.tls.%s is set, but api.tls.%s is not: both or neither",
                       has_certificate ? "certificate" : "key", has_certificate ? "key" : "certificate");
    return config->address[0] != '\0' ? gather_names(config, &names, error) : 0;
}

static int find_certificate(const struct presented *presented, const struct aq_config_tls *config, uint64_t now_ms,
                            struct certificate **certificate, struct aq_error *error)
{
    struct tls_names names = {.count = 0};
    if (config->certificate[0] != '\0')
        return certificate_read(certificate, config->certificate, config->key, error);
    if (gather_names(config, &names, error) != 0)
        return -1;
    return certificate_own(certificate, presented->authority, presented->data, &names, now_ms, error);
}

static void tell_age(struct presented *presented, uint64_t expires_ms, uint64_t now_ms)
{
    char date[32];
    time_t expires = (time_t)(expires_ms / 1000);
    struct tm tm;
    if (expires_ms > now_ms + WARN_DAYS * DAY_MS ||
        (presented->warned_ms != 0 && now_ms < presented->warned_ms + DAY_MS && now_ms >= presented->warned_ms))
        return;
    presented->warned_ms = now_ms;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&expires, &tm));
    aq_journal(AQ_WARN,
               expires_ms <= now_ms ? "the certificate for TLS has expired" : "the certificate for TLS expires soon",
               "expires", date, NULL);
}

int presented_refresh(struct presented *presented, const struct aq_config_tls *config, uint64_t now_ms,
                      struct aq_error *error)
{
    struct certificate *fresh;
    if (find_certificate(presented, config, now_ms, &fresh, error) != 0)
        return -1;
    pthread_mutex_lock(&presented->mutex);
    struct certificate *old = presented->certificate;
    bool same = old != NULL && certificate_equals(old, fresh);
    presented->certificate = fresh;
    uint64_t expires_ms = certificate_expires_ms(fresh);
    pthread_mutex_unlock(&presented->mutex);
    if (old != NULL && !same)
        aq_journal(AQ_INFO, "took over a new certificate for TLS", NULL);
    certificate_release(old);
    tell_age(presented, expires_ms, now_ms);
    return 0;
}

int presented_open(struct presented **out, const struct authority *authority, const char *data,
                   const struct aq_config_tls *config, uint64_t now_ms, struct aq_error *error)
{
    struct presented *presented = aq_calloc(1, sizeof *presented);
    presented->authority = authority;
    presented->data = data;
    pthread_mutex_init(&presented->mutex, NULL);
    if (presented_refresh(presented, config, now_ms, error) != 0) {
        presented_close(presented);
        return -1;
    }
    *out = presented;
    return 0;
}

void presented_close(struct presented *presented)
{
    if (presented == NULL)
        return;
    certificate_release(presented->certificate);
    pthread_mutex_destroy(&presented->mutex);
    free(presented);
}

struct certificate *presented_take(struct presented *presented)
{
    pthread_mutex_lock(&presented->mutex);
    struct certificate *certificate = certificate_hold(presented->certificate);
    pthread_mutex_unlock(&presented->mutex);
    return certificate;
}

uint64_t presented_expires_ms(struct presented *presented)
{
    pthread_mutex_lock(&presented->mutex);
    uint64_t expires_ms = certificate_expires_ms(presented->certificate);
    pthread_mutex_unlock(&presented->mutex);
    return expires_ms;
}
