/* Judges the certificates of an https server, within the handshake of libcurl and before anything is sent: does an
 * authority that is trusted (trust.h) vouch for this server, now, under the name that it was asked for? libcurl uses
 * OpenSSL for that, whose functions are looked up in the library that it has loaded. */
#ifndef AQ_TOOLS_AQ_CERTIFICATES_H
#define AQ_TOOLS_AQ_CERTIFICATES_H

#include "tools/aq/connect.h"

struct cli_certificates {
    const struct cli_connect *connect; /* the caller's; whom to trust, and the name */
    char why[640];                     /* why they were refused; "": they were not */
    /* Of the authority that the server shows, if nobody who is trusted vouches for it; "": it shows a trusted one. */
    char presented[AQ_FINGERPRINT_SIZE];
};

/* Finds OpenSSL's functions; `libcurl` is what dlopen() gave. Fails if libcurl was built without OpenSSL. */
int cli_certificates_load(void *libcurl, struct aq_error *error) AQ_MUST_CHECK;

/* From now on every handshake of this context (an SSL_CTX) is judged, and fails if `certificates->why` says so.
 * `certificates` must outlive it. */
void cli_certificates_judge(struct cli_certificates *certificates, void *ssl_context);

#endif
