/* GET /api/v1/authority: by what clients on other hosts know this server. */
#ifndef AQ_CONTROLLER_SERVE_AUTHORITY_H
#define AQ_CONTROLLER_SERVE_AUTHORITY_H

#include "schema/model/record.h"

/* clang-format off */
#define serve_authority_fields(F, T)                                                                                   \
    F(T, fingerprint, TEXT(0, 71),    0,        "of its key, for aq login --fingerprint")                                \
    F(T, certificate, TEXT(0, 65536), AQ_LINES, "its certificate, in PEM")
AQ_DECLARE(serve_authority)
/* clang-format on */

#endif
